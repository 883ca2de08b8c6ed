#include "api/problem.h"

#include "api/member.h"

#include <ctype.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TYPE_PREFIX "tag:braid.example.org,2026-11:"

/* "Unknown member" becomes "unknown-member". */
static void type_uri(const struct problem *problem, char *uri, size_t size)
{
	const char *phrase = MHD_get_reason_phrase_for((unsigned)problem->status);
	size_t len;

	if (phrase && strcasecmp(phrase, problem->title) == 0) {
		snprintf(uri, size, "about:blank");
		return;
	}
	len = (size_t)snprintf(uri, size, TYPE_PREFIX);
	for (const char *c = problem->title; *c && len + 1 < size; c++) {
		if (isalnum((unsigned char)*c))
			uri[len++] = (char)tolower((unsigned char)*c);
		else if (uri[len - 1] != '-')
			uri[len++] = '-';
	}
	uri[len] = '\0';
}

json_t *problem_json(const struct problem *problem)
{
	char type[sizeof(TYPE_PREFIX) + sizeof(problem->title)];
	char pointer[sizeof(problem->pointer) + 1];
	json_t *json = json_object();

	type_uri(problem, type, sizeof(type));
	member_text(json, "type", type);
	member_text(json, "title", problem->title);
	member_uint(json, "status", (uint64_t)problem->status);
	member_text(json, "detail", problem->detail);
	if (problem->pointer[0]) {
		snprintf(pointer, sizeof(pointer), "%s%s", problem->pointer[0] == '#' ? "" : "#", problem->pointer);
		member_text(json, "pointer", pointer);
	}
	return json;
}
