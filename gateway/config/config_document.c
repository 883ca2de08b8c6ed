#include "gateway/config/config_document.h"

#include "dsm/policy.h"
#include "gateway/base/memory.h"
#include "gateway/base/net.h"
#include "gateway/config/config_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *normalise(const struct config_option *option, const char *path, const json_t *value,
			 struct config_errors *errors);

/* "path.key", or path["key"] when the key would not read as a member. The caller frees it. */
static char *member_path(const char *path, const char *key)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	if (!key[0] || key[strspn(key, plain)])
		return xasprintf("%s[\"%s\"]", path, key);
	return xasprintf("%s%s%s", path, path[0] ? "." : "", key);
}

static json_t *preset_of(const struct config_option *option)
{
	return json_loads(option->preset, JSON_DECODE_ANY, NULL);
}

/* A member as given, or its default. */
static json_t *normalise_member(const struct config_option *member, const char *path, const json_t *given,
				struct config_errors *errors)
{
	json_t *preset, *result;

	if (given)
		return normalise(member, path, given, errors);
	if (!member->preset) {
		config_errors_add(errors, path, "must be given");
		return json_null();
	}
	preset = preset_of(member);
	result = normalise(member, path, preset, errors);
	json_decref(preset);
	return result;
}

static void report_unknown(const struct config_option *group, const char *path, const json_t *value,
			   struct config_errors *errors)
{
	const char *key;
	json_t *member;

	json_object_foreach((json_t *)value, key, member) {
		if (!config_table_member(group, key)) {
			char *at = member_path(path, key);

			config_errors_add(errors, at, "unknown option");
			free(at);
		}
	}
}

static json_t *normalise_group(const struct config_option *group, const char *path, const json_t *value,
			       struct config_errors *errors)
{
	const struct config_option *member = NULL;
	json_t *result = json_object();

	report_unknown(group, path, value, errors);
	while ((member = config_table_next_member(group, member))) {
		const char *key = config_table_key(member);
		char *at = member_path(path, key);

		json_object_set_new(result, key, normalise_member(member, at, json_object_get(value, key), errors));
		free(at);
	}
	return result;
}

static json_t *normalise_map(const struct config_option *map, const char *path, const json_t *value,
			     struct config_errors *errors)
{
	const struct config_option *element = config_table_element(map);
	json_t *result = json_object(), *member;
	const char *key;

	json_object_foreach((json_t *)value, key, member) {
		const char *wrong = map->check ? map->check(key) : NULL;
		char *at = member_path(path, key);

		if (wrong)
			config_errors_add(errors, at, "the key %s", wrong);
		json_object_set_new(result, key, normalise(element, at, member, errors));
		free(at);
	}
	return result;
}

/* What tells elements of a unique list apart: the text, or the object's name. NULL: it was refused already. */
static const char *element_name(const json_t *element)
{
	return json_string_value(json_is_object(element) ? json_object_get(element, "name") : element);
}

static void report_twice(const json_t *list, const char *path, struct config_errors *errors)
{
	for (size_t i = 1; i < json_array_size(list); i++) {
		const char *name = element_name(json_array_get(list, i));

		for (size_t j = 0; name && j < i; j++) {
			const char *other = element_name(json_array_get(list, j));

			if (other && strcmp(name, other) == 0) {
				char *at = xasprintf("%s[%zu]", path, i);

				config_errors_add(errors, at, "\"%s\" is given twice", name);
				free(at);
				break;
			}
		}
	}
}

static json_t *normalise_list(const struct config_option *list, const char *path, const json_t *value,
			      struct config_errors *errors)
{
	const struct config_option *element = config_table_element(list);
	json_t *result = json_array(), *member;
	size_t i;

	json_array_foreach(value, i, member) {
		char *at = xasprintf("%s[%zu]", path, i);

		json_array_append_new(result, normalise(element, at, member, errors));
		free(at);
	}
	if (list->unique)
		report_twice(result, path, errors);
	return result;
}

/* Whether `text` is one of "a|b|c". */
static bool is_choice(const char *choices, const char *text)
{
	size_t len = strlen(text);

	for (const char *at = choices; at; at = strchr(at, '|')) {
		at += *at == '|';
		if (strcspn(at, "|") == len && strncmp(at, text, len) == 0)
			return true;
	}
	return false;
}

static json_t *normalise_text(const struct config_option *option, const char *path, const json_t *value,
			      struct config_errors *errors)
{
	const char *text = json_string_value(value), *wrong;

	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f) {
			config_errors_add(errors, path, "must not contain control characters");
			return json_null();
		}
	}
	if (option->choices && !is_choice(option->choices, text)) {
		config_errors_add(errors, path, "must be one of %s", option->choices);
		return json_null();
	}
	wrong = option->check ? option->check(text) : NULL;
	if (wrong) {
		config_errors_add(errors, path, "%s", wrong);
		return json_null();
	}
	return json_string(text);
}

static json_t *normalise_portal(const struct config_option *option, const char *path, const json_t *value,
				struct config_errors *errors)
{
	char text[NET_ADDRESS_MAX];
	struct net_address address;
	const char *wrong;

	if (net_parse(json_string_value(value), option->port, &address) < 0) {
		config_errors_add(errors, path,
				  "must be a numeric address with or without a port, as 10.0.0.1:%u or [fd00::1]:%u",
				  option->port, option->port);
		return json_null();
	}
	net_format(&address, text);
	wrong = option->check ? option->check(text) : NULL;
	if (wrong) {
		config_errors_add(errors, path, "%s", wrong);
		return json_null();
	}
	return json_string(text);
}

static json_t *normalise_policy(const char *path, const json_t *value, struct config_errors *errors)
{
	char number[24];
	const char *text = number;
	enum policy_id id;

	if (json_is_string(value))
		text = json_string_value(value);
	else
		snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	if (policy_parse(text, &id) < 0) {
		config_errors_add(errors, path, "must be the name of a policy, or its number 1 to 7");
		return json_null();
	}
	if (id != POLICY_INHERIT && id != POLICY_VENDOR && !policy_find(policy_name(id))) {
		config_errors_add(errors, path, "this policy is not available in this version");
		return NULL;
	}
	return id == POLICY_INHERIT ? json_null() : json_string(policy_name(id));
}

/* The kind of JSON value that the type takes, in words; NULL: this is one. */
static const char *wrong_kind(enum config_type type, const json_t *value)
{
	switch (type) {
	case CONFIG_GROUP:
	case CONFIG_MAP:
		return json_is_object(value) ? NULL : "an object";
	case CONFIG_LIST:
		return json_is_array(value) ? NULL : "a list";
	case CONFIG_TEXT:
	case CONFIG_PORTAL:
		return json_is_string(value) ? NULL : "a text";
	case CONFIG_POLICY:
		return json_is_string(value) || json_is_integer(value) ? NULL : "the name or number of a policy";
	case CONFIG_INTEGER:
		return json_is_integer(value) ? NULL : "a whole number";
	case CONFIG_BOOLEAN:
		return json_is_boolean(value) ? NULL : "true or false";
	}
	return "something else";
}

/* Whether the number, or the size of the value, lies within min and max of its row. */
static bool in_range(const struct config_option *option, const char *path, const json_t *value,
		     struct config_errors *errors)
{
	const char *verb = "have", *what = "elements";
	int64_t min = option->min, size;

	if (option->type == CONFIG_MAP || option->type == CONFIG_LIST) {
		size = (int64_t)(json_object_size(value) + json_array_size(value));
	} else if (option->type == CONFIG_TEXT) {
		size = (int64_t)json_string_length(value);
		min = 1;
		what = "bytes";
	} else if (option->type == CONFIG_INTEGER) {
		size = json_integer_value(value);
		verb = "be";
		what = option->unit ? option->unit : "";
	} else {
		return true;
	}
	if (size >= min && size <= option->max)
		return true;
	config_errors_add(errors, path, "must %s %" PRId64 " to %" PRId64 "%s%s", verb, min, option->max,
			  what[0] ? " " : "", what);
	return false;
}

static bool is_empty(const json_t *value)
{
	return json_object_size(value) == 0 && json_array_size(value) == 0 && !json_is_string(value);
}

static json_t *normalise(const struct config_option *option, const char *path, const json_t *value,
			 struct config_errors *errors)
{
	const char *kind;

	if (json_is_null(value) && option->preset && strcmp(option->preset, "null") == 0)
		return json_null();
	kind = wrong_kind(option->type, value);
	if (kind) {
		config_errors_add(errors, path, "must be %s", kind);
		return json_null();
	}
	if (option->unavailable) {
		if (!is_empty(value))
			config_errors_add(errors, path, "not available in this version");
		return preset_of(option);
	}
	if (!in_range(option, path, value, errors))
		return json_null();
	switch (option->type) {
	case CONFIG_GROUP:
		return normalise_group(option, path, value, errors);
	case CONFIG_MAP:
		return normalise_map(option, path, value, errors);
	case CONFIG_LIST:
		return normalise_list(option, path, value, errors);
	case CONFIG_TEXT:
		return normalise_text(option, path, value, errors);
	case CONFIG_PORTAL:
		return normalise_portal(option, path, value, errors);
	case CONFIG_POLICY:
		return normalise_policy(path, value, errors);
	case CONFIG_INTEGER:
	case CONFIG_BOOLEAN:
		break;
	}
	return json_copy((json_t *)value);
}

json_t *config_document_create(const json_t *root, struct config_errors *errors)
{
	return normalise(config_table_root(), "", root, errors);
}

json_t *config_document_get(const json_t *document, const char *path)
{
	const json_t *value = document;

	while (*path && value) {
		size_t len = strcspn(path, ".");

		value = json_object_getn(value, path, len);
		path += len + (path[len] == '.');
	}
	return (json_t *)value;
}

const char *config_document_text(const json_t *document, const char *path)
{
	return json_string_value(config_document_get(document, path));
}
