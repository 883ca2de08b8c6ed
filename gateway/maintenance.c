/* Maintenance of control.h (row L5): draining paths, links and whole arrays, and bringing them back. */
#include "gateway/backend.h"
#include "gateway/gateway.h"

#include <string.h>

/* What a command of maintenance is about: one path, or one or more links. */
struct scope {
	const char *kind, *id;
	unsigned found;
};

static bool scope_has_link(const struct scope *scope, const struct link *link)
{
	if (strcmp(scope->kind, "link") == 0)
		return strcmp(scope->id, link->id) == 0;
	return strcmp(scope->kind, "backend") == 0 && strcmp(scope->id, link->backend->config->name) == 0;
}

static bool scope_has_path(const struct scope *scope, const struct path_core *path)
{
	if (strcmp(scope->kind, "path") == 0)
		return strcmp(scope->id, path->id) == 0;
	return scope_has_link(scope, path->link);
}

/* A claimed device that would have no path any more; NULL: none. */
static const struct device *device_left_alone(struct gateway *gateway, const struct scope *scope)
{
	const struct device *device;

	list_for_each(device, &gateway->devices, link) {
		unsigned left = 0, taken = 0;

		for (unsigned i = 0; device->claimed && i < device->path_count; i++) {
			const struct path_core *path = device->paths[i];

			if (scope_has_path(scope, path))
				taken++;
			else if (path_core_up(path, device->worker_count) && !path_core_drained(path))
				left++;
		}
		if (taken && !left)
			return device;
	}
	return NULL;
}

static void set_drained(struct gateway *gateway, struct scope *scope, bool drain)
{
	const struct backend *backend;
	struct device *device;
	struct link *link;

	list_for_each(backend, &gateway->backends, link) {
		list_for_each(link, &backend->links, backend_link) {
			if (scope_has_link(scope, link)) {
				atomic_store(&link->drained, drain);
				scope->found++;
			}
		}
	}
	list_for_each(device, &gateway->devices, link) {
		for (unsigned i = 0; i < device->path_count; i++) {
			if (strcmp(scope->kind, "path") == 0 && scope_has_path(scope, device->paths[i])) {
				atomic_store(&device->paths[i]->drained, drain);
				scope->found++;
			}
		}
	}
}

static int no_such(const struct scope *scope, struct problem *problem)
{
	problem_set(problem, 404, "", "No such object", "there is no %s \"%.200s\"", scope->kind, scope->id);
	return -1;
}

int control_drain(struct gateway *gateway, const char *kind, const char *id, bool drain, bool force,
		  struct problem *problem)
{
	struct scope scope = { kind, id, 0 };
	const struct device *alone = drain && !force ? device_left_alone(gateway, &scope) : NULL;

	if (alone) {
		problem_set(problem, 409, "", "Last path", "device %.120s would be left without a path", alone->core.id);
		return -1;
	}
	set_drained(gateway, &scope, drain);
	if (!scope.found)
		return no_such(&scope, problem);
	for (unsigned w = 0; w < gateway->worker_count; w++)
		worker_refresh(gateway->workers[w]);
	journal_add(gateway->journal, "info", "maintenance", id, "%s %s: %s", kind, id,
		    drain ? "no new I/O is sent" : "it takes I/O again");
	return 0;
}

int control_reconnect(struct gateway *gateway, const char *kind, const char *id, struct problem *problem)
{
	struct scope scope = { kind, id, 0 };
	const struct backend *backend;
	struct link *link;

	list_for_each(backend, &gateway->backends, link) {
		list_for_each(link, &backend->links, backend_link) {
			if (!scope_has_link(&scope, link))
				continue;
			scope.found++;
			for (unsigned w = 0; w < gateway->worker_count; w++)
				worker_kick_link(gateway->workers[w], link);
		}
	}
	return scope.found ? 0 : no_such(&scope, problem);
}
