/* Arrays in control.h: what there is, added and removed at run time (row D1). */
#include "gateway/backend.h"
#include "gateway/backends.h"
#include "gateway/maintenance.h"
#include "gateway/persist.h"

#include <stdio.h>
#include <string.h>

static void view_backend(const struct gateway *gateway, const struct backend *backend, struct backend_view *view)
{
	const struct device *device;
	const struct link *link;

	*view = (struct backend_view){
		.name = backend->config->name,
		.document = backend_document(backend),
		.from_config = backend->from_config,
		.state = backend_state_name(backend),
		.reason = backend_problem(backend),
	};
	list_for_each(link, &backend->links, backend_link) {
		view->links++;
		view->links_up += link_workers_up(link) == link->worker_count;
	}
	list_for_each(device, &gateway->devices, link)
		for (unsigned i = 0; i < device->path_count; i++)
			view->paths += device->paths[i]->link->backend == backend;
}

void control_each_backend(struct gateway *gateway, bool (*fn)(const struct backend_view *view, void *arg), void *arg)
{
	const struct backend *backend;
	struct backend_view view;

	list_for_each(backend, &gateway->backends, link) {
		view_backend(gateway, backend, &view);
		if (!fn(&view, arg))
			return;
	}
}

/* ---- adding ------------------------------------------------------------------------------------------------------ */

/* A place in a configuration ("chap.secret_file", "portals[1]", "a[\"b c\"]") as a JSON pointer (RFC 6901). */
static void pointer_to(const char *path, char *pointer, size_t size)
{
	size_t len = 0;
	bool quoted = false;

	if (*path && *path != '[')
		len += (size_t)snprintf(pointer, size, "/");
	for (; *path && len + 3 < size; path++) {
		if (*path == '"')
			quoted = !quoted;
		else if (!quoted && *path == ']')
			continue;
		else if (!quoted && (*path == '.' || *path == '['))
			pointer[len++] = '/';
		else if (*path == '~' || *path == '/')
			len += (size_t)snprintf(pointer + len, size - len, "~%c", *path == '~' ? '0' : '1');
		else
			pointer[len++] = *path;
	}
	pointer[len] = '\0';
}

/* The first error counts. */
static void on_error(void *arg, const char *path, const char *message)
{
	struct problem *problem = arg;
	char pointer[sizeof(problem->pointer)];

	if (problem->status)
		return;
	pointer_to(path, pointer, sizeof(pointer));
	problem_set(problem, 422, *pointer ? pointer : "#", "Not a backend", "%s", message);
}

/* There is one of that name, or is meant to be, as this. */
static int check_equal(const struct gateway *gateway, const char *name, const json_t *document, struct problem *problem)
{
	const struct backend *backend = backends_find(gateway, name);
	const json_t *kept = json_object_get(gateway->kept_backends, name);

	if (backend && backend->removing)
		problem_set(problem, 409, "/name", "Being removed", "backend \"%.64s\" is still being removed", name);
	else if (!json_equal(document, backend ? backend_document(backend) : kept))
		problem_set(problem, 409, "/name", "Another of that name",
			    "there is a backend \"%.64s\" with other settings; remove it first", name);
	return problem->status ? -1 : 0;
}

static int keep_backend(struct gateway *gateway, const char *name, const json_t *document, struct problem *problem)
{
	json_object_set_new(gateway->kept_backends, name, json_deep_copy(document));
	if (persist_save(gateway) == 0)
		return 0;
	json_object_del(gateway->kept_backends, name);
	return problem_unsaved(problem);
}

int control_add_backend(struct gateway *gateway, const json_t *element, const char **name, bool *created,
			struct problem *problem)
{
	const char *given = json_string_value(json_object_get(element, "name"));
	json_t *others = backends_wanted(gateway, given ? given : "");
	const struct config *config;
	const json_t *document;
	int rc = -1;

	*problem = (struct problem){ 0 };
	config = config_parse_backend(element, others, on_error, problem);
	document = config ? config_backend_document(config, 0) : NULL;
	*created = config && !backends_find(gateway, given) && !json_object_get(gateway->kept_backends, given);
	if (config)
		rc = *created ? keep_backend(gateway, given, document, problem)
			      : check_equal(gateway, given, document, problem);
	if (rc == 0) {
		backends_settle(gateway);
		*name = given;
	}
	config_destroy(config);
	json_decref(others);
	return rc;
}

/* ---- removing ---------------------------------------------------------------------------------------------------- */

static int check_removal(struct gateway *gateway, const char *name, bool force, struct problem *problem)
{
	const struct backend *backend = backends_find(gateway, name);
	const struct device *alone = force ? NULL : maintenance_left_alone(gateway, "backend", name);

	if (!backend && !json_object_get(gateway->kept_backends, name))
		problem_set(problem, 404, "", "No such object", "there is no backend \"%.200s\"", name);
	else if (backend && backend->from_config && !backend->removing)
		problem_set(problem, 409, "", "Backend of the configuration",
			    "this backend stands in the configuration file; remove it there and reload");
	else if (alone)
		problem_set(problem, 409, "", "Last path", "device %.120s would be left without a path",
			    alone->core.id);
	return problem->status ? -1 : 0;
}

int control_remove_backend(struct gateway *gateway, const char *name, bool force, struct problem *problem)
{
	json_t *kept;

	*problem = (struct problem){ 0 };
	if (check_removal(gateway, name, force, problem) < 0)
		return -1;
	kept = json_incref(json_object_get(gateway->kept_backends, name));
	if (!kept) /* it is being removed */
		return 0;
	json_object_del(gateway->kept_backends, name);
	if (persist_save(gateway) < 0) {
		json_object_set_new(gateway->kept_backends, name, kept);
		return problem_unsaved(problem);
	}
	json_decref(kept);
	backends_settle(gateway);
	return 0;
}
