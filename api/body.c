#include "api/body.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BODY_TEXT_MAX 1023

json_t *body_parse(const char *text, size_t len, struct problem *problem)
{
	json_error_t error;
	json_t *json;

	if (len == 0) {
		problem_set(problem, 400, "", "Body missing", "This request needs a JSON body.");
		return NULL;
	}
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		problem_set(problem, 400, "", "Malformed JSON", "line %d, column %d: %s", error.line, error.column,
			    error.text);
	return json;
}

/* Appends "/name" with RFC 6901's escapes; what does not fit is cut. */
static void append_member(char *pointer, size_t size, const char *name)
{
	size_t len = strlen(pointer);

	if (len + 3 < size)
		pointer[len++] = '/';
	for (; *name && len + 3 < size; name++) {
		if (*name == '~' || *name == '/') {
			pointer[len++] = '~';
			pointer[len++] = *name == '~' ? '0' : '1';
		} else {
			pointer[len++] = *name;
		}
	}
	if (*name) { /* cut, but not in the midst of a character */
		while (len && ((unsigned char)pointer[len - 1] & 0xc0) == 0x80)
			len--;
		if (len && (unsigned char)pointer[len - 1] >= 0xc0)
			len--;
	}
	pointer[len] = '\0';
}

bool body_refuse(struct problem *problem, const char *pointer, const char *name, const char *title, const char *detail)
{
	char full[sizeof(problem->pointer)];

	snprintf(full, sizeof(full), "%s", *pointer || *name ? pointer : "#");
	if (*name)
		append_member(full, sizeof(full), name);
	problem_set(problem, 422, full, title, "%s", detail);
	return false;
}

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

bool body_is_object(const json_t *value, const char *pointer, const char *const *names, struct problem *problem)
{
	const char *name;
	json_t *member;

	if (!json_is_object(value))
		return body_refuse(problem, pointer, "", "Wrong type", "An object is wanted here.");
	json_object_foreach((json_t *)(uintptr_t)value, name, member) {
		char detail[200] = "Known members:";
		size_t len = strlen(detail);

		if (is_one_of(name, names))
			continue;
		for (size_t i = 0; names[i] && len < sizeof(detail); i++)
			len += (size_t)snprintf(detail + len, sizeof(detail) - len, "%s %s", i ? "," : "", names[i]);
		return body_refuse(problem, pointer, name, "Unknown member", detail);
	}
	return true;
}

bool body_text(const json_t *object, const char *pointer, const char *name, bool required, const char **text,
	       struct problem *problem)
{
	const json_t *member = json_object_get(object, name);

	*text = NULL;
	if (!member)
		return !required || body_refuse(problem, pointer, name, "Member missing", "This member must be given.");
	if (!json_is_string(member))
		return body_refuse(problem, pointer, name, "Wrong type", "A string is wanted here.");
	if (json_string_length(member) == 0 || json_string_length(member) > BODY_TEXT_MAX)
		return body_refuse(problem, pointer, name, "Value out of range",
				   "A string of 1 to 1023 bytes is wanted.");
	*text = json_string_value(member);
	return true;
}

bool body_integer(const json_t *object, const char *pointer, const char *name, int64_t min, int64_t max, int64_t *value,
		  struct problem *problem)
{
	const json_t *member = json_object_get(object, name);
	char detail[96];

	if (!member)
		return true;
	if (!json_is_integer(member))
		return body_refuse(problem, pointer, name, "Wrong type", "An integer is wanted here.");
	if (json_integer_value(member) < min || json_integer_value(member) > max) {
		snprintf(detail, sizeof(detail), "It must be from %" PRId64 " to %" PRId64 ".", min, max);
		return body_refuse(problem, pointer, name, "Value out of range", detail);
	}
	*value = json_integer_value(member);
	return true;
}

bool body_boolean(const json_t *object, const char *pointer, const char *name, int *value, struct problem *problem)
{
	const json_t *member = json_object_get(object, name);

	if (!member)
		return true;
	if (!json_is_boolean(member))
		return body_refuse(problem, pointer, name, "Wrong type", "true or false is wanted here.");
	*value = json_is_true(member);
	return true;
}
