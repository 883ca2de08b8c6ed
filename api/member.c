#include "api/member.h"

#include "gateway/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Never NULL: what is not UTF-8 is shown with question marks. */
static json_t *text_json(const char *value)
{
	json_t *json = json_string(value);

	if (json)
		return json;
	char *ascii = xstrdup(value);

	for (char *c = ascii; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	json = json_string(ascii);
	free(ascii);
	return json;
}

void member_json(json_t *object, const char *name, json_t *value)
{
	json_object_set_new(object, name, value ? value : json_null());
}

void member_text(json_t *object, const char *name, const char *value)
{
	member_json(object, name, value ? text_json(value) : NULL);
}

void member_uint(json_t *object, const char *name, uint64_t value)
{
	member_json(object, name, json_integer((json_int_t)(value > INT64_MAX ? INT64_MAX : value)));
}

void member_uint_or_null(json_t *object, const char *name, uint64_t value, bool known)
{
	if (known)
		member_uint(object, name, value);
	else
		member_json(object, name, NULL);
}

void member_bool(json_t *object, const char *name, bool value)
{
	member_json(object, name, json_boolean(value));
}

void member_texts(json_t *object, const char *name, const char *const *values)
{
	json_t *array = json_array();

	for (; values && *values; values++)
		json_array_append_new(array, text_json(*values));
	member_json(object, name, array);
}

void member_figures(json_t *object, const struct figures *figures)
{
	json_t *stats = json_object();

	member_uint(stats, "reads", figures->reads);
	member_uint(stats, "writes", figures->writes);
	member_uint(stats, "read_bytes", figures->read_bytes);
	member_uint(stats, "written_bytes", figures->written_bytes);
	member_uint(stats, "retries", figures->retries);
	member_uint(stats, "io_errors", figures->io_errors);
	member_uint(stats, "path_failures", figures->path_failures);
	member_uint_or_null(stats, "last_failure_us", figures->last_failure_us, figures->last_failure_us);
	member_uint_or_null(stats, "offline_since_us", figures->offline_since_us, figures->offline_since_us);
	member_json(object, "stats", stats);
}

const json_t *member_at(const json_t *object, const char *path)
{
	while (object && *path) {
		size_t len = strcspn(path, ".");
		char name[64];

		if (len >= sizeof(name))
			return NULL;
		memcpy(name, path, len);
		name[len] = '\0';
		object = json_object_get(object, name);
		path += len + (path[len] == '.');
	}
	return object;
}
