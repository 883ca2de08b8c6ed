#include "gateway/config/config_rules.h"

#include "dsm/module.h"
#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "gateway/config/config_document.h"

#include <stdlib.h>
#include <string.h>

static void check_auth(const json_t *document, struct config_errors *errors)
{
	const char *method = config_document_text(document, "target.auth.method");
	const json_t *users = config_document_get(document, "target.auth.users");

	if (!method || !json_is_array(users)) /* refused already */
		return;
	if (strcmp(method, "chap") == 0 && json_array_size(users) == 0)
		config_errors_add(errors, "target.auth.users", "method chap needs at least one user");
	if (strcmp(method, "none") == 0 && json_array_size(users) > 0)
		config_errors_add(errors, "target.auth.users", "users are given, but method none lets everyone in");
}

/* Both of two members, or none. */
static void check_pair(const json_t *object, const char *path, const char *a, const char *b,
		       struct config_errors *errors)
{
	bool has_a = !json_is_null(json_object_get(object, a)), has_b = !json_is_null(json_object_get(object, b));
	char *at;

	if (has_a == has_b)
		return;
	at = xasprintf("%s.%s", path, has_a ? b : a);
	config_errors_add(errors, at, "must be given together with %s", has_a ? a : b);
	free(at);
}

static void check_chap(const json_t *chap, const char *path, struct config_errors *errors)
{
	check_pair(chap, path, "name", "secret_file", errors);
	check_pair(chap, path, "mutual_name", "mutual_secret_file", errors);
	if (config_document_text(chap, "mutual_name") && !config_document_text(chap, "name"))
		config_errors_add(errors, path, "mutual CHAP needs name and secret_file as well");
}

static void check_users(const json_t *document, struct config_errors *errors)
{
	const json_t *users = config_document_get(document, "target.auth.users");
	json_t *user;
	size_t i;

	json_array_foreach(users, i, user) {
		char *path = xasprintf("target.auth.users[%zu]", i);

		check_pair(user, path, "mutual_name", "mutual_secret_file", errors);
		free(path);
	}
}

static bool list_has(const json_t *list, const char *text)
{
	json_t *element;
	size_t i;

	json_array_foreach(list, i, element)
		if (json_is_string(element) && strcmp(json_string_value(element), text) == 0)
			return true;
	return false;
}

/* Whether two backends could mean the same target behind a common portal: unless each names others, they do. */
static bool targets_overlap(const json_t *a, const json_t *b)
{
	const json_t *iqns = json_object_get(a, "iqns"), *others = json_object_get(b, "iqns");
	json_t *iqn;
	size_t i;

	if (json_array_size(iqns) == 0 || json_array_size(others) == 0)
		return true;
	json_array_foreach(iqns, i, iqn)
		if (json_is_string(iqn) && list_has(others, json_string_value(iqn)))
			return true;
	return false;
}

/* Logging in twice over one portal would pass one path off as two. */
static void check_common_portals(const json_t *backend, size_t index, const json_t *other, struct config_errors *errors)
{
	const json_t *portals = json_object_get(backend, "portals");
	const char *name = config_document_text(other, "name");
	json_t *portal;
	size_t i;

	json_array_foreach(portals, i, portal) {
		const char *text = json_string_value(portal);
		char *path;

		if (!text || !list_has(json_object_get(other, "portals"), text) || !targets_overlap(backend, other))
			continue;
		path = xasprintf("backends[%zu].portals[%zu]", index, i);
		config_errors_add(errors, path, "%s belongs to backend \"%s\" already", text, name ? name : "?");
		free(path);
	}
}

static void check_backends(const json_t *document, struct config_errors *errors)
{
	const json_t *backends = config_document_get(document, "backends");
	json_t *backend;
	size_t i;

	json_array_foreach(backends, i, backend) {
		char *path = xasprintf("backends[%zu].chap", i);

		check_chap(json_object_get(backend, "chap"), path, errors);
		free(path);
		for (size_t j = 0; j < i; j++)
			check_common_portals(backend, i, json_array_get(backends, j), errors);
	}
}

static bool is_builtin(const char *name)
{
	for (unsigned i = 0; i < MODULE_BUILTINS; i++)
		if (strcmp(module_builtins[i]->name, name) == 0)
			return true;
	return false;
}

/* What a plugin is called is known when it is loaded; without plugins there is only what is built in. */
static void check_dsm_order(json_t *document, struct config_errors *errors)
{
	json_t *order = config_document_get(document, "dsms.order"), *dsm;
	bool has_plugins = json_array_size(config_document_get(document, "dsms.plugins")) != 0;
	size_t i;

	json_array_foreach(order, i, dsm) {
		const char *name = json_string_value(dsm);

		if (name && strcmp(name, "generic") == 0 && i + 1 < json_array_size(order))
			config_errors_add(errors, "dsms.order", "generic takes every device, so it must be the last");
		if (name && !has_plugins && !is_builtin(name)) {
			char *path = xasprintf("dsms.order[%zu]", i);

			config_errors_add(errors, path, "there is no module \"%s\", and no plugin that could be it",
					  name);
			free(path);
		}
	}
	if (json_is_array(order) && !list_has(order, "generic"))
		json_array_append_new(order, json_string("generic"));
}

/* The default, twice pdo_remove_period, is Microsoft's own; only a choice of the admin's is worth a warning. */
static void check_timers(const json_t *document)
{
	json_int_t recovery = json_integer_value(config_document_get(document, "timers.path_recovery_interval"));
	json_int_t remove = json_integer_value(config_document_get(document, "timers.pdo_remove_period"));

	if (recovery != 0 && remove != 0 && recovery >= remove)
		log_warn("config",
			 "path_recovery_interval=%" JSON_INTEGER_FORMAT
			 " is not below pdo_remove_period=%" JSON_INTEGER_FORMAT
			 ": a device may be given up before its paths were tried again",
			 recovery, remove);
}

void config_rules_apply(json_t *document, struct config_errors *errors)
{
	check_auth(document, errors);
	check_users(document, errors);
	check_backends(document, errors);
	check_dsm_order(document, errors);
	check_timers(document);
}
