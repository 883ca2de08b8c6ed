#include "target/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_clear(struct text *text)
{
	text->len = 0;
	text->overflow = false;
}

static void text_append(struct text *text, const void *bytes, size_t len)
{
	if (len > TEXT_MAX - text->len) {
		text->overflow = true;
		return;
	}
	if (len)
		memcpy(text->bytes + text->len, bytes, len);
	text->len += len;
}

void text_add(struct text *text, const char *key, const char *value)
{
	size_t key_len = strlen(key), value_len = strlen(value);

	if (key_len + value_len + 2 > TEXT_MAX - text->len) {
		text->overflow = true;
		return;
	}
	text_append(text, key, key_len);
	text_append(text, "=", 1);
	text_append(text, value, value_len + 1);
}

void text_add_number(struct text *text, const char *key, uint32_t value)
{
	char digits[16];

	snprintf(digits, sizeof(digits), "%u", value);
	text_add(text, key, digits);
}

void text_gather(struct text *text, const uint8_t *bytes, size_t len)
{
	text_append(text, bytes, len);
	text->bytes[text->len] = '\0';
}

int text_next(struct text *text, size_t *pos, const char **key, char **value)
{
	char *pair, *equals;

	while (*pos < text->len && text->bytes[*pos] == '\0') /* some initiators send empty pairs or padding */
		(*pos)++;
	if (*pos >= text->len)
		return 0;
	pair = text->bytes + *pos;
	*pos += strlen(pair) + 1;
	equals = strchr(pair, '=');
	if (!equals || equals == pair || equals - pair > TEXT_KEY_MAX)
		return -EINVAL;
	*equals = '\0';
	*key = pair;
	*value = equals + 1;
	return 1;
}

int text_number(const char *value, uint32_t *number)
{
	bool hex = value[0] == '0' && (value[1] == 'x' || value[1] == 'X');
	const char *digits = hex ? value + 2 : value;
	unsigned long long n;
	char *end;

	if (!*digits || strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789") != strlen(digits))
		return -EINVAL;
	errno = 0;
	n = strtoull(digits, &end, hex ? 16 : 10);
	if (errno || *end || n > UINT32_MAX)
		return -EINVAL;
	*number = (uint32_t)n;
	return 0;
}

char *text_element(char **rest)
{
	return strsep(rest, ",");
}
