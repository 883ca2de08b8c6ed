#include "api/uri.h"

#include "gateway/base/memory.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* In place. A plus sign means a space in the query only, where forms and URLSearchParams write it so. */
static int decode(char *text, bool query)
{
	char *out = text;

	for (const char *in = text; *in; in++) {
		if (*in != '%') {
			*out++ = query && *in == '+' ? ' ' : *in;
			continue;
		}
		int high = hex_digit(in[1]);
		int low = high < 0 ? -1 : hex_digit(in[2]);

		if (low < 0 || high * 16 + low == 0)
			return -EINVAL;
		*out++ = (char)(high * 16 + low);
		in += 2;
	}
	*out = '\0';
	return 0;
}

static int parse_arguments(char *query, struct uri *uri)
{
	char *pair;

	while ((pair = strsep(&query, "&"))) {
		char *value = strchr(pair, '=');

		if (!*pair)
			continue;
		if (uri->argument_count == URI_ARGUMENTS_MAX)
			return -E2BIG;
		if (value)
			*value++ = '\0';
		if (decode(pair, true) < 0 || (value && decode(value, true) < 0) || uri_argument(uri, pair))
			return -EINVAL;
		uri->arguments[uri->argument_count].name = pair;
		uri->arguments[uri->argument_count++].value = value ? value : "";
	}
	return 0;
}

static int parse_path(char *path, struct uri *uri)
{
	char *segment;

	if (!*path)
		return 0;
	while ((segment = strsep(&path, "/"))) {
		if (uri->segment_count == URI_SEGMENTS_MAX)
			return -E2BIG;
		if (decode(segment, false) < 0)
			return -EINVAL;
		uri->segments[uri->segment_count++] = segment;
	}
	return 0;
}

/* The path of an absolute-form target, which a client may send to any server (RFC 9112 section 3.2.2). */
static char *skip_authority(char *target)
{
	if (strncasecmp(target, "http://", 7) == 0)
		target += 7;
	else if (strncasecmp(target, "https://", 8) == 0)
		target += 8;
	else
		return target;
	return target + strcspn(target, "/?");
}

int uri_parse(char *target, struct uri *uri)
{
	char *path = skip_authority(target), *query;
	int rc;

	*uri = (struct uri){ 0 };
	if (*path != '/')
		return -EINVAL;
	query = path;
	path = strsep(&query, "?");
	rc = parse_path(path + 1, uri);
	if (rc == 0 && query)
		rc = parse_arguments(query, uri);
	return rc;
}

const char *uri_argument(const struct uri *uri, const char *name)
{
	for (size_t i = 0; i < uri->argument_count; i++)
		if (strcmp(uri->arguments[i].name, name) == 0)
			return uri->arguments[i].value;
	return NULL;
}

char *uri_escape(const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	char *escaped = xmalloc(3 * strlen(text) + 1), *out = escaped;

	for (; *text; text++) {
		if (strchr(unreserved, *text)) {
			*out++ = *text;
			continue;
		}
		*out++ = '%';
		*out++ = digits[(unsigned char)*text >> 4];
		*out++ = digits[(unsigned char)*text & 15];
	}
	*out = '\0';
	return escaped;
}
