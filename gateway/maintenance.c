/* Maintenance of control.h (row L5): draining paths, links and whole arrays, and bringing them back. */
#include "gateway/maintenance.h"

#include "gateway/backend.h"
#include "gateway/checkup.h"
#include "gateway/gateway.h"

#include <string.h>

#define TPGS_EXPLICIT 2 /* of standard inquiry data (SPC-4 6.4.2) */

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

/* Whether I/O can go over it, now or when it has been made active. */
static bool can_take_over(const struct path_core *path, const struct device *device)
{
	if (!path_core_up(path, device->worker_count) || path_core_drained(path))
		return false;
	switch (path_core_access(path)) {
	case DSM_ACCESS_STANDBY:
		return device->core.dsm->activate || (device->core.tpgs & TPGS_EXPLICIT);
	case DSM_ACCESS_UNAVAILABLE:
	case DSM_ACCESS_OFFLINE:
		return false;
	default:
		return true;
	}
}

const struct device *maintenance_left_alone(struct gateway *gateway, const char *kind, const char *id)
{
	const struct scope scope = { kind, id, 0 };
	const struct device *device;

	list_for_each(device, &gateway->devices, link) {
		unsigned left = 0, taken = 0;

		for (unsigned i = 0; device->claimed && i < device->path_count; i++) {
			const struct path_core *path = device->paths[i];

			if (scope_has_path(&scope, path))
				taken++;
			else if (can_take_over(path, device))
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
			if (scope_has_link(scope, link) && !link->removing) {
				atomic_store(&link->drained, drain);
				if (!drain)
					checkup_trust_link(gateway, link);
				scope->found++;
			}
		}
	}
	list_for_each(device, &gateway->devices, link) {
		for (unsigned i = 0; i < device->path_count; i++) {
			if (strcmp(scope->kind, "path") == 0 && scope_has_path(scope, device->paths[i])) {
				atomic_store(&device->paths[i]->drained, drain);
				if (!drain)
					checkup_trust_path(gateway, device->paths[i]);
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
	const struct device *alone = drain && !force ? maintenance_left_alone(gateway, kind, id) : NULL;

	if (alone) {
		problem_set(problem, 409, "", "Last path", "device %.120s would be left without a path",
			    alone->core.id);
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

/* For a path: its link. */
static bool scope_reaches_link(struct gateway *gateway, const struct scope *scope, const struct link *link)
{
	const struct device *device;

	if (strcmp(scope->kind, "path") != 0)
		return scope_has_link(scope, link);
	list_for_each(device, &gateway->devices, link)
		for (unsigned i = 0; i < device->path_count; i++)
			if (device->paths[i]->link == link && scope_has_path(scope, device->paths[i]))
				return true;
	return false;
}

int control_reconnect(struct gateway *gateway, const char *kind, const char *id, struct problem *problem)
{
	struct scope scope = { kind, id, 0 };
	const struct backend *backend;
	struct link *link;

	list_for_each(backend, &gateway->backends, link) {
		list_for_each(link, &backend->links, backend_link) {
			if (!scope_reaches_link(gateway, &scope, link) || link->removing)
				continue;
			scope.found++;
			checkup_trust_link(gateway, link);
			for (unsigned w = 0; w < gateway->worker_count; w++)
				worker_kick_link(gateway->workers[w], link);
		}
	}
	return scope.found ? 0 : no_such(&scope, problem);
}
