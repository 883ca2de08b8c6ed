#include "api/ctl/text.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#define US_PER_SECOND UINT64_C(1000000)

char *text_bytes(uint64_t bytes, char *text)
{
	static const char units[] = "KMGTPE";
	double value = (double)bytes;
	int unit = -1;
	char *tenth;

	if (bytes < 1024) {
		snprintf(text, TEXT_MAX, "%" PRIu64 " B", bytes);
		return text;
	}
	while (value >= 1023.95 && units[unit + 1]) { /* 1023.95 would be shown as 1024.0 */
		value /= 1024;
		unit++;
	}
	snprintf(text, TEXT_MAX, "%.*f", value < 99.95, value);
	tenth = strstr(text, ".0");
	snprintf(tenth ? tenth : text + strlen(text), 5, " %ciB", units[unit]);
	return text;
}

char *text_duration(uint64_t us, char *text)
{
	uint64_t s = us / US_PER_SECOND;

	if (us < 1000)
		snprintf(text, TEXT_MAX, "%" PRIu64 " us", us);
	else if (us < US_PER_SECOND)
		snprintf(text, TEXT_MAX, "%.*f ms", us < 100000, (double)us / 1e3);
	else if (s < 60)
		snprintf(text, TEXT_MAX, "%" PRIu64 " s", s);
	else if (s < 3600)
		snprintf(text, TEXT_MAX, "%" PRIu64 "m %" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(text, TEXT_MAX, "%" PRIu64 "h %" PRIu64 "m", s / 3600, s / 60 % 60);
	else
		snprintf(text, TEXT_MAX, "%" PRIu64 "d %" PRIu64 "h", s / 86400, s / 3600 % 24);
	return text;
}

char *text_latency(uint64_t us, char *text)
{
	if (us)
		return text_duration(us, text);
	snprintf(text, TEXT_MAX, "-");
	return text;
}

char *text_time(uint64_t unix_us, char *text)
{
	time_t seconds = (time_t)(unix_us / US_PER_SECOND);
	struct tm local;

	if (!unix_us || !localtime_r(&seconds, &local) || !strftime(text, TEXT_MAX, "%Y-%m-%d %H:%M:%S", &local))
		snprintf(text, TEXT_MAX, "-");
	return text;
}

void text_make_printable(char *text)
{
	unsigned char *c = (unsigned char *)text;

	for (; *c; c++) {
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
		else if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) /* U+0080 .. U+009F in UTF-8 */
			c[0] = c[1] = '?';
	}
}

/* The next character: its bytes and its columns. What the locale cannot read is a byte of one column. */
static size_t next_character(const char *text, size_t *columns)
{
	mbstate_t state = { 0 };
	wchar_t character;
	size_t len = mbrtowc(&character, text, MB_LEN_MAX, &state);
	int width;

	*columns = 1;
	if (len == 0 || len == (size_t)-1 || len == (size_t)-2)
		return 1;
	width = wcwidth(character);
	*columns = width < 0 ? 1 : (size_t)width;
	return len;
}

size_t text_width(const char *text)
{
	size_t width = 0, columns;

	for (; *text; width += columns)
		text += next_character(text, &columns);
	return width;
}

size_t text_prefix(const char *text, size_t columns)
{
	size_t len = 0, width = 0;

	while (text[len]) {
		size_t wide, bytes = next_character(text + len, &wide);

		if (width + wide > columns)
			break;
		width += wide;
		len += bytes;
	}
	return len;
}

const char *text_member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "-";
}

uint64_t number_member(const json_t *object, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(object, name));

	return value > 0 ? (uint64_t)value : 0;
}
