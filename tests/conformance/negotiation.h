/*
 * negotiation.h - what the negotiation suite says and wants to hear: a table of cases, each with its section of
 * RFC 7143.
 *
 * Keys are written "Key=Value;Key=Value". What is expected of the answer, in the same form:
 *   Key=A or Key=A|B    that value, or one of those
 *   Key<=N              a number not above N
 *   !Key                the key is not there
 */
#ifndef BRAID_NEGOTIATION_H
#define BRAID_NEGOTIATION_H

#include <stddef.h>
#include <stdint.h>

#define STEPS_MAX 4
#define T 0x80 /* transit */
#define C 0x40 /* continue */
#define STAGE(current, next) ((current) << 2 | (next))
#define SECURITY STAGE(0, 0)
#define OPERATIONAL STAGE(1, 0)
#define SECURITY_TO_OPERATIONAL (T | STAGE(0, 1))
#define SECURITY_TO_FULL (T | STAGE(0, 3))
#define OPERATIONAL_TO_FULL (T | STAGE(1, 3))

/* How a step ends: a response of success, or a status of a Login Response (class and detail), or one of these. */
#define ANSWERED 0x0000
#define CLOSED 0xff00 /* the connection is closed without a word */
#define REJECTED 0xff01 /* a Reject PDU */

enum step_kind { LOGIN, TEXT };

struct step {
	uint8_t flags; /* of the request: byte 1 of its header */
	const char *keys;
	uint16_t outcome;
	uint8_t answer; /* flags of the response, when it is ANSWERED */
	const char *expect;
	enum step_kind kind;
	uint16_t tsih;
	uint8_t version;
	uint8_t other_isid; /* added to the ISID: another login in the middle of this one */
};

enum names { NORMAL, DISCOVERY, BARE }; /* what the first step says besides its keys */

struct negotiation {
	const char *section, *about;
	enum names names;
	struct step steps[STEPS_MAX]; /* until one without keys */
};

extern const struct negotiation negotiations[];
extern const size_t negotiation_count;

#endif
