#include "gateway/device.h"

#include "gateway/base/memory.h"
#include "gateway/dsm_table.h"
#include "gateway/engine/host_reservation.h"
#include "gateway/kinship.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(DSM_PATHS_MAX == 32, "device.worn has a bit for each path");

static struct figure_cell *cells_create(unsigned count)
{
	struct figure_cell *cells = aligned_alloc(64, count * sizeof(*cells));

	if (!cells)
		abort();
	memset(cells, 0, count * sizeof(*cells));
	return cells;
}

struct device *device_create(const struct lu_info *lu, const char *id, unsigned worker_count)
{
	struct device *device = xcalloc(1, sizeof(*device));

	list_init(&device->link);
	str_copy(device->core.id, sizeof(device->core.id), id);
	device->core.dsm = &dsm_generic;
	device->core.cells = cells_create(worker_count);
	device->core.held = xcalloc(worker_count, sizeof(device->core.held[0]));
	device->core.fenced = xcalloc(worker_count, sizeof(device->core.fenced[0]));
	device->core.throttled = xcalloc(worker_count, sizeof(device->core.throttled[0]));
	device->worker_count = worker_count;
	device->identity = lu->identity;
	hardware_id_format(lu->standard + 8, device->hardware_id);
	str_copy(device->vendor, sizeof(device->vendor), lu->vendor);
	str_copy(device->product, sizeof(device->product), lu->product);
	str_copy(device->revision, sizeof(device->revision), lu->revision);
	str_copy(device->serial, sizeof(device->serial), lu->serial);
	snprintf(device->name, sizeof(device->name), "%s Multi-Path Disk Device", lu->product);
	device->blocks = lu->blocks;
	device->block_size = lu->block_size;
	str_copy(device->reason, sizeof(device->reason), lu->problem ? lu->problem : "");
	device->lun = -1;
	device->fence_seen = device->fence_told = -1;
	device->pathless_since_us = unix_time_us();
	return device;
}

static void path_core_destroy(struct path_core *path)
{
	free(path->cells);
	free(path->states);
	free(path->registered);
	free(path->access);
	free(path->seen);
	free(path->blocks);
	free(path);
}

void device_destroy(struct device *device)
{
	if (!device)
		return;
	list_del(&device->link);
	for (unsigned i = 0; i < device->path_count; i++)
		path_core_destroy(device->paths[i]);
	policy_setup_put(device->setup);
	dsm_disown(&device->core);
	host_reservation_destroy(device->core.reservations);
	free(device->settings);
	free(device->core.cells);
	free(device->core.held);
	free(device->core.fenced);
	free(device->core.throttled);
	free(device);
}

bool device_same_hardware(const struct device *device, const struct lu_info *lu)
{
	/* an LU that was not ready to tell its capacity is no other hardware for that */
	bool same_size = device->block_size == lu->block_size || !device->block_size || !lu->block_size;

	return same_size && strcmp(device->vendor, lu->vendor) == 0 && strcmp(device->product, lu->product) == 0;
}

struct path_core *device_path(const struct device *device, const struct link *link, uint16_t lun)
{
	for (unsigned i = 0; i < device->path_count; i++)
		if (device->paths[i]->link == link && device->paths[i]->lun == lun)
			return device->paths[i];
	return NULL;
}

static unsigned free_index(const struct device *device)
{
	uint32_t taken = 0;

	for (unsigned i = 0; i < device->path_count; i++)
		taken |= UINT32_C(1) << device->paths[i]->index;
	if ((taken | device->worn) != UINT32_MAX)
		taken |= device->worn;
	return (unsigned)__builtin_ctz(~taken);
}

struct path_core *device_add_path(struct device *device, struct link *link, uint16_t lun, unsigned number)
{
	unsigned workers = device->worker_count;
	struct path_core *path;

	if (device->path_count == DSM_PATHS_MAX)
		return NULL;
	path = xcalloc(1, sizeof(*path));
	snprintf(path->id, sizeof(path->id), "p%u", number);
	path->index = free_index(device);
	path->link = link;
	path->lun = lun;
	path->cells = cells_create(workers);
	path->states = xcalloc(workers, sizeof(path->states[0]));
	path->registered = xcalloc(workers, sizeof(path->registered[0]));
	path->access = xcalloc(workers, sizeof(path->access[0]));
	path->seen = xcalloc(workers, sizeof(path->seen[0]));
	path->blocks = xcalloc(workers, sizeof(path->blocks[0]));
	device->paths[device->path_count++] = path;
	return path;
}

void device_remove_path(struct device *device, struct path_core *path)
{
	unsigned at = 0;

	while (device->paths[at] != path)
		at++;
	device->path_count--;
	memmove(&device->paths[at], &device->paths[at + 1], (device->path_count - at) * sizeof(device->paths[0]));
	device->worn |= UINT32_C(1) << path->index;
	path_core_destroy(path);
}

bool device_is_kept(const struct device *device)
{
	return device->lun >= 0 || device->policy != POLICY_INHERIT || device->own.timers.set ||
	       throttle_is_set(&device->own.throttle);
}

enum path_state path_core_state(const struct path_core *path, unsigned worker_count)
{
	enum path_state worst = PATH_UP;

	for (unsigned w = 0; w < worker_count; w++) {
		enum path_state state = (enum path_state)atomic_load_explicit(&path->states[w], memory_order_relaxed);

		if (state == PATH_DOWN || (state != PATH_UP && worst == PATH_UP))
			worst = state;
	}
	return worst;
}

bool path_core_up(const struct path_core *path, unsigned worker_count)
{
	return path_core_state(path, worker_count) == PATH_UP;
}

unsigned device_paths_up(const struct device *device)
{
	unsigned up = 0;

	for (unsigned i = 0; i < device->path_count; i++)
		up += path_core_up(device->paths[i], device->worker_count);
	return up;
}

bool device_is_moving(const struct device *device)
{
	for (unsigned w = 0; w < device->worker_count; w++)
		if (atomic_load_explicit(&device->core.fenced[w], memory_order_relaxed) ||
		    atomic_load_explicit(&device->core.held[w], memory_order_relaxed))
			return true;
	return false;
}

const char *device_state_name(const struct device *device)
{
	unsigned up = device_paths_up(device);

	if (device->conflict)
		return "conflict";
	if (!device->claimed)
		return "unclaimed";
	if (!up)
		return "no-paths";
	if (device_is_moving(device))
		return "failover";
	for (unsigned i = 0; i < device->path_count; i++)
		up -= path_core_up(device->paths[i], device->worker_count) && path_core_on_probation(device->paths[i]);
	return up < device->path_count ? "degraded" : "normal";
}

static bool path_core_registered(const struct path_core *path, unsigned worker_count)
{
	for (unsigned w = 0; w < worker_count; w++)
		if (!atomic_load_explicit(&path->registered[w], memory_order_relaxed))
			return false;
	return true;
}

/* What would be done for a write that is lost with the path's link now. */
static enum fence_wish path_core_fence(const struct path_core *path, unsigned worker_count, unsigned paths_up)
{
	enum fence_wish form = path->link->fence;

	if (form == FENCE_AUTO)
		form = path_core_registered(path, worker_count) ? FENCE_AUTO : FENCE_SESSION;
	else if (form == FENCE_LU_RESET && kinship_has_sibling(path->link))
		form = FENCE_SESSION;
	if (form == FENCE_LU_RESET && paths_up < 2) /* there is no other path to ask for it */
		form = FENCE_WAIT;
	if (form == FENCE_SESSION && !kinship_has_sibling(path->link))
		form = FENCE_WAIT;
	return form;
}

enum fence_wish device_fence_form(const struct device *device)
{
	enum fence_wish weakest = FENCE_AUTO;
	unsigned paths_up = device_paths_up(device);

	for (unsigned i = 0; i < device->path_count; i++) {
		const struct path_core *path = device->paths[i];
		enum fence_wish form = path_core_fence(path, device->worker_count, paths_up);

		if (path_core_up(path, device->worker_count) && form > weakest)
			weakest = form;
	}
	return paths_up ? weakest : FENCE_NONE;
}

const char *fence_form_name(enum fence_wish form)
{
	static const char *const names[] = { "reservation", "session", "lu-reset", "wait", "none" };

	return names[form];
}

const char *device_fence(const struct device *device)
{
	return fence_form_name(device_fence_form(device));
}

enum dsm_access path_core_access(const struct path_core *path)
{
	return (enum dsm_access)atomic_load_explicit(&path->access[0], memory_order_relaxed);
}
