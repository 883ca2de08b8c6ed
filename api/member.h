/*
 * member.h - members of the JSON objects that are sent.
 *
 * Text may come from an array or a host and need not be UTF-8; numbers are unsigned and may be larger than a JSON
 * integer of jansson holds. Both are made to fit here, so that an answer can always be serialised. Any thread.
 */
#ifndef BRAID_API_MEMBER_H
#define BRAID_API_MEMBER_H

#include "gateway/control.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

void member_text(json_t *object, const char *name, const char *value); /* NULL becomes null */
void member_uint(json_t *object, const char *name, uint64_t value); /* clamped to INT64_MAX */
void member_bool(json_t *object, const char *name, bool value);
void member_json(json_t *object, const char *name, json_t *value); /* takes value over; NULL becomes null */

/* A number, or null where `known` is false. */
void member_uint_or_null(json_t *object, const char *name, uint64_t value, bool known);

/* A NULL-terminated list of texts. */
void member_texts(json_t *object, const char *name, const char *const *values);

/* "stats": the health figures; times that never were are null. */
void member_figures(json_t *object, const struct figures *figures);

/* The member at a dotted path ("stats.reads"); NULL: there is none. */
const json_t *member_at(const json_t *object, const char *path);

#endif
