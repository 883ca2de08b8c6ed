/*
 * body.h - reads the JSON body of a request, member by member.
 *
 * Each function returns false with a problem of status 422 that points at the member (RFC 6901) when it is not what it
 * should be. `pointer` is where the object stands in the body: "" or "/paths/0". Pure; any thread.
 */
#ifndef BRAID_API_BODY_H
#define BRAID_API_BODY_H

#include "gateway/control.h"

#include <jansson.h>
#include <stdbool.h>

/* The text as JSON; NULL with status 400 and line and column. Members that stand twice are errors. */
json_t *body_parse(const char *text, size_t len, struct problem *problem);

/* Is it an object, and has it only members of the NULL-terminated list `names`? */
bool body_is_object(const json_t *value, const char *pointer, const char *const *names, struct problem *problem);

/* A text of 1 .. 1023 bytes. NULL is stored when it is absent, which is an error when it is required. */
bool body_text(const json_t *object, const char *pointer, const char *name, bool required, const char **text,
	       struct problem *problem);

/* An integer from min to max, or a boolean (0, 1). *value is left alone when the member is absent. */
bool body_integer(const json_t *object, const char *pointer, const char *name, int64_t min, int64_t max, int64_t *value,
		  struct problem *problem);
bool body_boolean(const json_t *object, const char *pointer, const char *name, int *value, struct problem *problem);

/* Sets the problem for the member `name` ("": the object itself); returns false, for the caller to return. */
bool body_refuse(struct problem *problem, const char *pointer, const char *name, const char *title, const char *detail);

#endif
