#include "gateway/config/config.h"

#include "gateway/base/memory.h"
#include "gateway/config/config_document.h"
#include "gateway/config/config_rules.h"
#include "gateway/config/config_table.h"
#include "gateway/config/config_user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Texts of a list; what was refused is left out. */
static char **copy_texts(const json_t *list, size_t *count)
{
	char **texts = xcalloc(json_array_size(list) + 1, sizeof(*texts));
	json_t *element;
	size_t i;

	*count = 0;
	json_array_foreach(list, i, element)
		if (json_is_string(element))
			texts[(*count)++] = xstrdup(json_string_value(element));
	return texts;
}

static char *copy_text(const json_t *document, const char *path)
{
	const char *text = config_document_text(document, path);

	return text ? xstrdup(text) : NULL;
}

static enum policy_id take_policy(const json_t *value)
{
	const char *text = json_string_value(value);
	enum policy_id id;

	return text && policy_parse(text, &id) == 0 ? id : POLICY_INHERIT;
}

/* A map of policies; members that are null say nothing and are left out. */
static struct config_level_policy *take_level(const json_t *map, size_t *count)
{
	struct config_level_policy *level = xcalloc(json_object_size(map) + 1, sizeof(*level));
	const char *key;
	json_t *value;

	*count = 0;
	json_object_foreach((json_t *)map, key, value) {
		enum policy_id policy = take_policy(value);

		if (policy != POLICY_INHERIT)
			level[(*count)++] = (struct config_level_policy){ xstrdup(key), policy };
	}
	return level;
}

static void take_users(struct config *config, const char *base_dir, struct config_errors *errors)
{
	const json_t *users = config_document_get(config->document, "target.auth.users");
	size_t count = json_array_size(users);

	config->target.users = xcalloc(count + 1, sizeof(*config->target.users));
	config->target.user_count = count;
	for (size_t i = 0; i < count; i++) {
		char *path = xasprintf("target.auth.users[%zu]", i);

		config_user_init(&config->target.users[i], json_array_get(users, i), path, base_dir, errors);
		free(path);
	}
	for (size_t i = 0; i < count; i++) {
		char *path = xasprintf("target.auth.users[%zu]", i);

		config_user_check_distinct(&config->target.users[i], config->target.users, count, path, errors);
		free(path);
	}
}

static void take_hosts(struct config *config)
{
	const json_t *hosts = config_document_get(config->document, "target.hosts");
	size_t count = json_array_size(hosts);

	config->target.hosts = xcalloc(count + 1, sizeof(*config->target.hosts));
	config->target.host_count = count;
	for (size_t i = 0; i < count; i++) {
		const json_t *object = json_array_get(hosts, i);
		struct config_host *host = &config->target.hosts[i];

		host->iqn = copy_text(object, "iqn");
		host->addresses = copy_texts(json_object_get(object, "addresses"), &host->address_count);
		host->user = copy_text(object, "user");
		host->luns = copy_text(object, "luns");
	}
}

static void take_backend(struct config_backend *backend, const json_t *object, size_t index, const char *base_dir,
			 struct config_errors *errors)
{
	char *path = xasprintf("backends[%zu].chap", index);

	backend->name = copy_text(object, "name");
	backend->fence = copy_text(object, "fence");
	backend->portals = copy_texts(json_object_get(object, "portals"), &backend->portal_count);
	backend->iqns = copy_texts(json_object_get(object, "iqns"), &backend->iqn_count);
	config_user_init(&backend->chap, json_object_get(object, "chap"), path, base_dir, errors);
	config_user_check_distinct(&backend->chap, &backend->chap, 1, path, errors);
	free(path);
}

static void take_backends(struct config *config, const char *base_dir, struct config_errors *errors)
{
	const json_t *backends = config_document_get(config->document, "backends");
	size_t count = json_array_size(backends);

	config->backends = xcalloc(count + 1, sizeof(*config->backends));
	config->backend_count = count;
	for (size_t i = 0; i < count; i++)
		take_backend(&config->backends[i], json_array_get(backends, i), i, base_dir, errors);
}

/* Range and type were checked by the table. */
static uint32_t take_number(const json_t *value)
{
	return json_is_true(value) ? 1 : (uint32_t)json_integer_value(value);
}

/* The values as the document has them; set is what the file itself gives. */
static void take_timers(struct timers_level *level, const json_t *values, const json_t *given)
{
	for (enum timer_id id = 0; id < TIMER_COUNT; id++) {
		const char *name = timer_table[id].name;
		const json_t *value = json_object_get(given, name);

		*timers_at(&level->values, id) = take_number(json_object_get(values, name));
		if (value && !json_is_null(value))
			level->set |= 1u << id;
	}
}

static void take_dsm_timers(struct config *config)
{
	const json_t *map = config_document_get(config->document, "dsms.timers");
	const char *key;
	json_t *value;

	config->dsm_timers = xcalloc(json_object_size(map) + 1, sizeof(*config->dsm_timers));
	json_object_foreach((json_t *)map, key, value) {
		struct config_level_timers *level = &config->dsm_timers[config->dsm_timer_count++];

		level->key = xstrdup(key);
		take_timers(&level->timers, value, value);
	}
}

/* The struct from the document. Where a value was refused it is left empty; the caller then throws it away. */
static void take_document(struct config *config, const json_t *root, const char *base_dir, struct config_errors *errors)
{
	const json_t *document = config->document;

#define TAKE_TEXTS(member, count, path) ((member) = copy_texts(config_document_get(document, path), &(count)))
	config->target.iqn = copy_text(document, "target.iqn");
	TAKE_TEXTS(config->target.portals, config->target.portal_count, "target.portals");
	take_users(config, base_dir, errors);
	take_hosts(config);
	take_backends(config, base_dir, errors);
	TAKE_TEXTS(config->claims, config->claim_count, "claims");
	config->policies.sequential = json_is_true(config_document_get(document, "policies.sequential"));
	config->policies.preset = take_policy(config_document_get(document, "policies.default"));
	config->policies.dsms = take_level(config_document_get(document, "policies.dsm"), &config->policies.dsm_count);
	config->policies.hardware_ids =
		take_level(config_document_get(document, "policies.hardware_id"), &config->policies.hardware_id_count);
	take_timers(&config->timers, config_document_get(document, "timers"), json_object_get(root, "timers"));
	take_dsm_timers(config);
	TAKE_TEXTS(config->dsm_order, config->dsm_order_count, "dsms.order");
	TAKE_TEXTS(config->dsm_plugins, config->dsm_plugin_count, "dsms.plugins");
	TAKE_TEXTS(config->api_listen, config->api_listen_count, "api.listen");
	config->workers = take_number(config_document_get(document, "workers"));
	config->state_dir = copy_text(document, "state_dir");
#undef TAKE_TEXTS
}

struct config *config_parse(const json_t *root, const char *base_dir, config_report *report, void *arg)
{
	struct config_errors errors = { report, arg, 0 };
	struct config *config = xcalloc(1, sizeof(*config));

	config->references = 1;
	config->document = config_document_create(root, &errors);
	config_rules_apply(config->document, &errors);
	take_document(config, root, base_dir, &errors);
	if (errors.count) {
		config_destroy(config);
		return NULL;
	}
	return config;
}

/* Passes on what concerns the element, whose place is the last in the list. */
struct element_report {
	char place[32];
	config_report *report;
	void *arg;
	size_t count;
};

static void on_element_error(void *arg, const char *path, const char *message)
{
	struct element_report *element = arg;
	size_t len = strlen(element->place);

	if (strncmp(path, element->place, len) == 0)
		path += len + (path[len] == '.');
	else if (strcmp(path, "backends") == 0)
		path = ""; /* there is no room for one more */
	else
		return;
	element->count++;
	element->report(element->arg, path, message);
}

/* Relative to what? There is no file whose place would tell. */
static void check_absolute(const json_t *element, struct element_report *report)
{
	static const char *const members[] = { "chap.secret_file", "chap.mutual_secret_file" };

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const char *file = config_document_text(element, members[i]);

		if (file && *file != '/') {
			report->count++;
			report->report(report->arg, members[i], "must be an absolute path");
		}
	}
}

/* What counts of another backend when two are compared; its secrets are not read again. */
static json_t *without_secrets(const json_t *others)
{
	json_t *list = json_array(), *other;
	size_t i;

	json_array_foreach(others, i, other) {
		json_t *copy = json_copy(other);

		json_object_del(copy, "chap");
		json_array_append_new(list, copy);
	}
	return list;
}

struct config *config_parse_backend(const json_t *element, const json_t *others, config_report *report, void *arg)
{
	struct element_report errors = { .report = report, .arg = arg };
	json_t *list = without_secrets(others), *root = json_pack("{s:o}", "backends", list);
	struct config *config;

	snprintf(errors.place, sizeof(errors.place), "backends[%zu]", json_array_size(list));
	json_array_append(list, (json_t *)(uintptr_t)element);
	check_absolute(element, &errors);
	config = config_parse(root, "/", on_element_error, &errors);
	config_destroy(config);
	json_decref(root);
	if (errors.count)
		return NULL;
	root = json_pack("{s:[O]}", "backends", element);
	config = config_parse(root, "/", on_element_error, &errors);
	json_decref(root);
	return config;
}

struct config *config_load(const char *file, config_report *report, void *arg)
{
	struct config_errors errors = { report, arg, 0 };
	const char *slash = strrchr(file, '/');
	struct config *config;
	json_error_t where;
	json_t *root = json_load_file(file, JSON_REJECT_DUPLICATES, &where);
	char *base_dir;

	if (!root) {
		if (where.line > 0)
			config_errors_add(&errors, "", "line %d, column %d: %s", where.line, where.column, where.text);
		else
			config_errors_add(&errors, "", "%s", where.text);
		return NULL;
	}
	base_dir = slash ? xasprintf("%.*s/", (int)(slash - file), file) : xstrdup(".");
	config = config_parse(root, base_dir, report, arg);
	free(base_dir);
	json_decref(root);
	return config;
}

static void free_texts(char **texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
}

static void free_level(struct config_level_policy *level, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(level[i].key);
	free(level);
}

static void host_done(struct config_host *host)
{
	free(host->iqn);
	free_texts(host->addresses, host->address_count);
	free(host->user);
	free(host->luns);
}

static void backend_done(struct config_backend *backend)
{
	free(backend->name);
	free(backend->fence);
	free_texts(backend->portals, backend->portal_count);
	free_texts(backend->iqns, backend->iqn_count);
	config_user_done(&backend->chap);
}

static void config_free(struct config *config)
{
	free(config->target.iqn);
	free_texts(config->target.portals, config->target.portal_count);
	for (size_t i = 0; i < config->target.user_count; i++)
		config_user_done(&config->target.users[i]);
	free(config->target.users);
	for (size_t i = 0; i < config->target.host_count; i++)
		host_done(&config->target.hosts[i]);
	free(config->target.hosts);
	for (size_t i = 0; i < config->backend_count; i++)
		backend_done(&config->backends[i]);
	free(config->backends);
	free_texts(config->claims, config->claim_count);
	free_level(config->policies.dsms, config->policies.dsm_count);
	free_level(config->policies.hardware_ids, config->policies.hardware_id_count);
	free_texts(config->dsm_order, config->dsm_order_count);
	free_texts(config->dsm_plugins, config->dsm_plugin_count);
	for (size_t i = 0; i < config->dsm_timer_count; i++)
		free(config->dsm_timers[i].key);
	free(config->dsm_timers);
	free_texts(config->api_listen, config->api_listen_count);
	free(config->state_dir);
	json_decref(config->document);
	free(config);
}

/* What is shared is constant but for the number of those who share it. */
const struct config *config_share(const struct config *config)
{
	((struct config *)(uintptr_t)config)->references++;
	return config;
}

void config_destroy(const struct config *config)
{
	struct config *counted = (struct config *)(uintptr_t)config;

	if (counted && --counted->references == 0)
		config_free(counted);
}

const json_t *config_backend_document(const struct config *config, size_t index)
{
	return json_array_get(config_document_get(config->document, "backends"), index);
}

bool config_backend_same_secrets(const struct config_backend *a, const struct config_backend *b)
{
	return config_user_same_secrets(&a->chap, &b->chap);
}

json_t *config_snapshot(const struct config *config)
{
	return json_deep_copy(config->document);
}

/* A secret file can get a new content under its old name. Only called where the documents agree in the number of
 * users and backends. */
static bool same_secrets(const char *path, const struct config *old, const struct config *fresh)
{
	if (strcmp(path, "target.auth.users") == 0)
		for (size_t i = 0; i < old->target.user_count; i++)
			if (!config_user_same_secrets(&old->target.users[i], &fresh->target.users[i]))
				return false;
	if (strcmp(path, "backends") == 0)
		for (size_t i = 0; i < old->backend_count; i++)
			if (!config_backend_same_secrets(&old->backends[i], &fresh->backends[i]))
				return false;
	return true;
}

void config_compare(const struct config *old, const struct config *fresh, config_report *report, void *arg)
{
	for (size_t i = 0; i < config_table_rows; i++) {
		const struct config_option *option = &config_table[i];

		if (option->type == CONFIG_GROUP || !config_table_is_single(option))
			continue;
		if (!json_equal(config_document_get(old->document, option->path),
				config_document_get(fresh->document, option->path)) ||
		    !same_secrets(option->path, old, fresh))
			report(arg, option->path, option->reloadable ? "reloaded" : "needs a restart");
	}
}
