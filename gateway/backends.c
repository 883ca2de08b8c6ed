#include "gateway/backends.h"

#include "gateway/backend.h"

#include <string.h>

/* An array as it is wanted: in the file, or through the API. */
struct wanted {
	const struct config *config; /* NULL: it was added through the API, */
	size_t index;
	const json_t *document; /* as this */
};

struct backend *backends_find(const struct gateway *gateway, const char *name)
{
	struct backend *backend;

	list_for_each(backend, &gateway->backends, link)
		if (strcmp(backend->config->name, name) == 0)
			return backend;
	return NULL;
}

static bool is_wanted(const struct gateway *gateway, const char *name, struct wanted *wanted)
{
	const struct config *live = gateway->live;

	for (size_t i = 0; i < live->backend_count; i++) {
		if (strcmp(live->backends[i].name, name) == 0) {
			*wanted = (struct wanted){ live, i, config_backend_document(live, i) };
			return true;
		}
	}
	*wanted = (struct wanted){ .document = json_object_get(gateway->kept_backends, name) };
	return wanted->document != NULL;
}

/* A secret file may have got a new content under its old name. */
static bool is_as(const struct backend *backend, const struct wanted *wanted)
{
	return json_equal(wanted->document, backend_document(backend)) &&
	       (!wanted->config ||
		config_backend_same_secrets(&wanted->config->backends[wanted->index], backend->config));
}

/* It stays as it is, or goes. */
static void settle_one(struct backend *backend)
{
	struct wanted wanted;

	if (is_wanted(backend->gateway, backend->config->name, &wanted) && is_as(backend, &wanted))
		backend->from_config = wanted.config != NULL;
	else
		backend_remove(backend);
}

static void on_refused(void *arg, const char *path, const char *message)
{
	const struct gateway *gateway = arg;

	journal_add(gateway->journal, "error", "backend-refused", NULL,
		    "an array that was added through the API cannot be used now: %s%s%s", path, *path ? ": " : "",
		    message);
}

static void make_kept(struct gateway *gateway, const json_t *document)
{
	const struct config *config = config_parse_backend(document, NULL, on_refused, gateway);

	if (config)
		backend_create(gateway, config, 0, false);
	config_destroy(config);
}

void backends_settle(struct gateway *gateway)
{
	struct backend *backend;
	const char *name;
	json_t *document;

	if (gateway->stopping)
		return;
	list_for_each(backend, &gateway->backends, link)
		if (!backend->removing)
			settle_one(backend);
	for (size_t i = 0; i < gateway->live->backend_count; i++)
		if (!backends_find(gateway, gateway->live->backends[i].name))
			backend_create(gateway, gateway->live, i, true);
	json_object_foreach(gateway->kept_backends, name, document)
		if (!backends_find(gateway, name))
			make_kept(gateway, document);
}

json_t *backends_wanted(const struct gateway *gateway, const char *but)
{
	json_t *list = json_array(), *document;
	struct wanted wanted;
	const char *name;

	for (size_t i = 0; i < gateway->live->backend_count; i++)
		if (strcmp(gateway->live->backends[i].name, but) != 0)
			json_array_append(list, (json_t *)(uintptr_t)config_backend_document(gateway->live, i));
	json_object_foreach(gateway->kept_backends, name, document)
		if (strcmp(name, but) != 0 && is_wanted(gateway, name, &wanted) && !wanted.config)
			json_array_append(list, document);
	return list;
}
