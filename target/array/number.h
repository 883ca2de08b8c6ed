/*
 * number.h - numbers as people type them, for the command line and the control socket.
 */
#ifndef BRAID_ARRAY_NUMBER_H
#define BRAID_ARRAY_NUMBER_H

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Decimal or 0x hexadecimal, all of the text, at most max. 0 or -EINVAL. */
static inline int number_parse(const char *text, uint64_t max, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, &end, text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10);
	return errno || *end || *value > max ? -EINVAL : 0;
}

/* Bytes, or with one of K, M, G, T behind it powers of 1024; at most max. 0 or -EINVAL. */
static inline int number_parse_bytes(const char *text, uint64_t max, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	size_t len = strlen(text);
	const char *unit = len ? strchr(units, toupper((unsigned char)text[len - 1])) : NULL;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	char digits[24];
	int err;

	if (unit)
		len--;
	if (len >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, len);
	digits[len] = '\0';
	err = number_parse(digits, max >> shift, bytes);
	if (!err)
		*bytes <<= shift;
	return err;
}

#endif
