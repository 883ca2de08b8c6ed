/*
 * chap.h - CHAP for the login's security stage (RFC 7143 sections 9.2.1 and 12.1.3, RFC 1994).
 *
 * One exchange: A -> A I C -> N R [I C] -> [N R]. Algorithms 5 (MD5), 6 (SHA-1), 7 (SHA-256) and 8 (SHA3-256); the
 * first of the initiator's list that we have is taken. Secrets are compared in constant time and never logged.
 */
#ifndef BRAID_CHAP_H
#define BRAID_CHAP_H

#include "target/target.h"
#include "target/text.h"

#define CHAP_CHALLENGE_BYTES 32
#define CHAP_CHALLENGE_MAX 1024 /* 12.1.3 */
#define CHAP_DIGEST_MAX 32

enum chap_state { CHAP_EXPECT_ALGORITHM, CHAP_EXPECT_RESPONSE, CHAP_DONE, CHAP_FAILED };

struct chap_algorithm;

struct chap {
	enum chap_state state;
	const struct chap_algorithm *algorithm;
	const struct target_user *user; /* CHAP_DONE: who it is */
	const char *reason; /* CHAP_FAILED: why */
	uint8_t id;
	uint8_t challenge[CHAP_CHALLENGE_BYTES];
};

/* The CHAP keys of one request; NULL: it was not sent. */
struct chap_offer {
	char *a, *i, *c, *n, *r;
};

/* Takes a key whose name starts with "CHAP_" into the offer. 0, or -EPROTO: unknown or sent twice. */
int chap_take(struct chap_offer *offer, const char *key, char *value);

/* One request's step; the answer's keys are added. */
void chap_step(struct chap *chap, const struct chap_offer *offer, const struct target_user *users, size_t user_count,
	       struct text *answer);

#endif
