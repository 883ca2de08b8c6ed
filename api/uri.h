/*
 * uri.h - the target of a request line, taken apart and percent-decoded (RFC 3986, RFC 9112 section 3.2).
 *
 * The path is split at its slashes before it is decoded, so that an id may contain "%2F". Pure; any thread.
 */
#ifndef BRAID_API_URI_H
#define BRAID_API_URI_H

#include <stddef.h>

#define URI_SEGMENTS_MAX 8
#define URI_ARGUMENTS_MAX 8

struct uri {
	const char *segments[URI_SEGMENTS_MAX]; /* "/" has none; "/a/" has "a" and "" */
	size_t segment_count;
	struct {
		const char *name, *value; /* "?flag" has the value "" */
	} arguments[URI_ARGUMENTS_MAX];
	size_t argument_count;
};

/* Decodes in place: the strings of *uri point into `target`. 0; -EINVAL: not an origin-form or absolute-form target, a
 * bad or zero percent escape, an argument given twice; -E2BIG: more segments or arguments than there is room for. */
int uri_parse(char *target, struct uri *uri);

/* NULL: not given. */
const char *uri_argument(const struct uri *uri, const char *name);

/* Escapes what is not unreserved (RFC 3986 section 2.3), for a path segment or a query value. The caller frees it. */
char *uri_escape(const char *text);

#endif
