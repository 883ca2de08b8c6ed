#include "target/chap.h"

#include <nettle/base64.h>
#include <nettle/md5.h>
#include <nettle/memops.h>
#include <nettle/nettle-meta.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <nettle/sha3.h>

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct chap_algorithm {
	unsigned number; /* RFC 7143 12.1.3 and the IANA registry */
	const struct nettle_hash *hash;
};

static const struct chap_algorithm algorithms[] = {
	{ 5, &nettle_md5 },
	{ 6, &nettle_sha1 },
	{ 7, &nettle_sha256 },
	{ 8, &nettle_sha3_256 },
};

/* The state of any hash of the table above. */
union hash_context {
	struct md5_ctx md5;
	struct sha1_ctx sha1;
	struct sha256_ctx sha256;
	struct sha3_256_ctx sha3_256;
};

#define BASE64_SLACK 4 /* the decoder wants room for a whole group more */

int chap_take(struct chap_offer *offer, const char *key, char *value)
{
	const struct {
		const char *name;
		char **value;
	} places[] = {
		{ "CHAP_A", &offer->a }, { "CHAP_I", &offer->i }, { "CHAP_C", &offer->c },
		{ "CHAP_N", &offer->n }, { "CHAP_R", &offer->r },
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (strcmp(key, places[i].name) != 0)
			continue;
		if (*places[i].value)
			return -EPROTO;
		*places[i].value = value;
		return 0;
	}
	return -EPROTO;
}

static void chap_fail(struct chap *chap, const char *reason)
{
	chap->state = CHAP_FAILED;
	chap->reason = reason;
}

/* RFC 1994 4.1: H(identifier, secret, challenge). Returns the length. */
static size_t chap_digest(const struct chap_algorithm *algorithm, uint8_t id, const char *secret,
			  const uint8_t *challenge, size_t challenge_len, uint8_t *digest)
{
	const struct nettle_hash *hash = algorithm->hash;
	union hash_context context;

	hash->init(&context);
	hash->update(&context, 1, &id);
	hash->update(&context, strlen(secret), (const uint8_t *)secret);
	hash->update(&context, challenge_len, challenge);
	hash->digest(&context, hash->digest_size, digest);
	explicit_bzero(&context, sizeof(context));
	return hash->digest_size;
}

static void add_hex(struct text *answer, const char *key, const uint8_t *bytes, size_t len)
{
	char hex[2 + 2 * CHAP_DIGEST_MAX + 1] = "0x";

	for (size_t i = 0; i < len; i++)
		snprintf(hex + 2 + 2 * i, 3, "%02x", bytes[i]);
	text_add(answer, key, hex);
}

static int hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

static ssize_t decode_hex(const char *digits, uint8_t *bytes, size_t max)
{
	size_t count = strlen(digits), n = 0;

	if (count == 0 || (count + 1) / 2 > max || strspn(digits, "0123456789abcdefABCDEF") != count)
		return -EINVAL;
	if (count % 2) /* an odd number of digits stands for a leading zero */
		bytes[n++] = (uint8_t)hex_digit(*digits++);
	for (; *digits; digits += 2)
		bytes[n++] = (uint8_t)(hex_digit(digits[0]) << 4 | hex_digit(digits[1]));
	return (ssize_t)n;
}

static ssize_t decode_base64(const char *digits, uint8_t *bytes, size_t max)
{
	struct base64_decode_ctx context;
	size_t count = strlen(digits), n = max;

	if (count == 0 || BASE64_DECODE_LENGTH(count) > max)
		return -EINVAL;
	base64_decode_init(&context);
	if (!base64_decode_update(&context, &n, bytes, count, digits) || !base64_decode_final(&context))
		return -EINVAL;
	return (ssize_t)n;
}

/* Binary values (RFC 7143 6.1): 0x and hexadecimal, or 0b and base64. The length, or -EINVAL. */
static ssize_t decode_binary(const char *value, uint8_t *bytes, size_t max)
{
	if (value[0] != '0' || !value[1])
		return -EINVAL;
	switch (value[1] | 0x20) {
	case 'x':
		return decode_hex(value + 2, bytes, max);
	case 'b':
		return decode_base64(value + 2, bytes, max);
	}
	return -EINVAL;
}

static const struct chap_algorithm *choose_algorithm(char *list)
{
	char *element;
	uint32_t number;

	while ((element = text_element(&list))) {
		if (text_number(element, &number) < 0)
			continue;
		for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
			if (algorithms[i].number == number)
				return &algorithms[i];
	}
	return NULL;
}

static void on_algorithm(struct chap *chap, const struct chap_offer *offer, struct text *answer)
{
	if (!offer->a || offer->n || offer->r) {
		chap_fail(chap, "CHAP_A is missing");
		return;
	}
	chap->algorithm = choose_algorithm(offer->a);
	if (!chap->algorithm) {
		chap_fail(chap, "no CHAP algorithm in common");
		return;
	}
	if (getrandom(&chap->id, sizeof(chap->id), 0) != sizeof(chap->id) ||
	    getrandom(chap->challenge, sizeof(chap->challenge), 0) != sizeof(chap->challenge)) {
		chap_fail(chap, "no random numbers");
		return;
	}
	text_add_number(answer, "CHAP_A", chap->algorithm->number);
	text_add_number(answer, "CHAP_I", chap->id);
	add_hex(answer, "CHAP_C", chap->challenge, sizeof(chap->challenge));
	chap->state = CHAP_EXPECT_RESPONSE;
}

static const struct target_user *find_user(const char *name, const struct target_user *users, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(users[i].name, name) == 0)
			return &users[i];
	return NULL;
}

/* An unknown user takes the time of a known one. */
static const struct target_user *verify(struct chap *chap, const struct chap_offer *offer,
					const struct target_user *users, size_t count)
{
	const struct target_user *user = find_user(offer->n, users, count);
	uint8_t expected[CHAP_DIGEST_MAX], response[CHAP_DIGEST_MAX + BASE64_SLACK] = { 0 };
	ssize_t len = decode_binary(offer->r, response, sizeof(response));
	size_t expected_len = chap_digest(chap->algorithm, chap->id, user ? user->secret : users[0].secret,
					  chap->challenge, sizeof(chap->challenge), expected);
	bool equal = memeql_sec(expected, response, expected_len);

	return equal && len == (ssize_t)expected_len ? user : NULL;
}

/* The initiator wants us to prove that we know the mutual secret. */
static void answer_mutual(struct chap *chap, const struct chap_offer *offer, const struct target_user *user,
			  struct text *answer)
{
	uint8_t challenge[CHAP_CHALLENGE_MAX + BASE64_SLACK], digest[CHAP_DIGEST_MAX];
	ssize_t len = decode_binary(offer->c, challenge, sizeof(challenge));
	uint32_t id;
	size_t digest_len;

	if (!user->mutual_secret || !user->mutual_name) {
		chap_fail(chap, "mutual CHAP is not configured for this user");
		return;
	}
	if (text_number(offer->i, &id) < 0 || id > 255 || len <= 0 || len > CHAP_CHALLENGE_MAX) {
		chap_fail(chap, "bad CHAP_I or CHAP_C");
		return;
	}
	/* 9.2.1: a reflected challenge, or one secret for both directions, would let a peer answer for us */
	if ((size_t)len == sizeof(chap->challenge) &&
	    memcmp(challenge, chap->challenge, sizeof(chap->challenge)) == 0) {
		chap_fail(chap, "reflected CHAP challenge");
		return;
	}
	if (strcmp(user->secret, user->mutual_secret) == 0) {
		chap_fail(chap, "one secret for both directions");
		return;
	}
	digest_len = chap_digest(chap->algorithm, (uint8_t)id, user->mutual_secret, challenge, (size_t)len, digest);
	text_add(answer, "CHAP_N", user->mutual_name);
	add_hex(answer, "CHAP_R", digest, digest_len);
}

static void on_response(struct chap *chap, const struct chap_offer *offer, const struct target_user *users,
			size_t count, struct text *answer)
{
	const struct target_user *user;

	if (!offer->n || !offer->r || offer->a || !offer->i != !offer->c) {
		chap_fail(chap, "CHAP_N or CHAP_R is missing");
		return;
	}
	user = verify(chap, offer, users, count);
	if (!user) {
		chap_fail(chap, "wrong name or secret");
		return;
	}
	if (offer->c)
		answer_mutual(chap, offer, user, answer);
	if (chap->state == CHAP_FAILED)
		return;
	chap->user = user;
	chap->state = CHAP_DONE;
}

void chap_step(struct chap *chap, const struct chap_offer *offer, const struct target_user *users, size_t user_count,
	       struct text *answer)
{
	bool empty = !offer->a && !offer->n && !offer->r && !offer->i && !offer->c;

	if (empty && chap->state == CHAP_EXPECT_ALGORITHM)
		return; /* the initiator chose the method and waits for our answer to that */
	if (chap->state == CHAP_EXPECT_ALGORITHM)
		on_algorithm(chap, offer, answer);
	else if (chap->state == CHAP_EXPECT_RESPONSE)
		on_response(chap, offer, users, user_count, answer);
	else if (!empty)
		chap_fail(chap, "CHAP keys after the end of the exchange");
}
