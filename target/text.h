/*
 * text.h - key=value text as login and text PDUs carry it (RFC 7143 section 6.1).
 *
 * A buffer of fixed size: what does not fit sets `overflow` and is left out. The owner refuses the request then.
 */
#ifndef BRAID_TEXT_H
#define BRAID_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_MAX 16384 /* one request or one response, over all its PDUs */
#define TEXT_KEY_MAX 63 /* 6.1 */

struct text {
	size_t len;
	bool overflow;
	char bytes[TEXT_MAX + 1]; /* what was gathered from PDUs ends with a NUL of ours */
};

void text_clear(struct text *text);

/* Adds "key=value" and its NUL. */
void text_add(struct text *text, const char *key, const char *value);
void text_add_number(struct text *text, const char *key, uint32_t value);

/* Adds the bytes of a PDU; a pair may continue in the next one. */
void text_gather(struct text *text, const uint8_t *bytes, size_t len);

/* Walks through the pairs; start with *pos = 0. 1: a pair, 0: the end, -EINVAL: not "key=value".
 * The strings live in the text, which the walk changes. */
int text_next(struct text *text, size_t *pos, const char **key, char **value);

/* Decimal or 0x-hexadecimal (6.1, numerical-value). 0, or -EINVAL. */
int text_number(const char *value, uint32_t *number);

/* Walks through a comma-separated list; the elements are cut out of `*rest`. NULL at the end. */
char *text_element(char **rest);

#endif
