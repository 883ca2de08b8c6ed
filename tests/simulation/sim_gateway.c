#include "tests/simulation/sim_gateway.h"

#include "gateway/backend.h"
#include "gateway/backends.h"
#include "gateway/base/memory.h"
#include "gateway/registry.h"
#include "tests/simulation/sim_transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STOP_LIMIT_US (300 * US_PER_S)

static void die(const char *what, const char *why)
{
	fprintf(stderr, "simulated gateway: %s %s\n", what, why);
	abort();
}

static void on_config_error(void *arg, const char *path, const char *message)
{
	(void)arg;
	die(path, message);
}

static json_t *backends_of(const struct sim *sim)
{
	json_t *backends = json_array();
	struct sim_array *array;
	char name[32];

	list_for_each(array, &sim->arrays, link) {
		snprintf(name, sizeof(name), "array-%zu", json_array_size(backends));
		json_array_append_new(backends,
				      json_pack("{s:s, s:[s]}", "name", name, "portals", array->portals[0]->address));
	}
	return backends;
}

static json_t *options_of(const char *text)
{
	char *copy = xstrdup(text ? text : "{}");
	json_error_t where;
	json_t *options;

	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	options = json_loads(copy, 0, &where);
	if (!options)
		die(copy, where.text);
	free(copy);
	return options;
}

static struct config *config_of(struct sim *sim, const char *text)
{
	json_t *document = json_pack("{s:{s:s, s:[s]}, s:o, s:[s], s:s}", "target", "iqn",
				     "iqn.2026-11.org.example:sim", "portals", "127.0.0.1:3260", "backends",
				     backends_of(sim), "claims", "all", "state_dir", sim->state_dir);
	json_t *options = options_of(text);
	struct config *config;

	json_object_update(document, options);
	config = config_parse(document, sim->state_dir, on_config_error, NULL);
	json_decref(options);
	json_decref(document);
	return config;
}

struct sim_gateway *sim_gateway_create(struct sim *sim, const char *options)
{
	struct sim_gateway *g = xcalloc(1, sizeof(*g));

	g->sim = sim;
	if (!*sim->state_dir) {
		str_copy(sim->state_dir, sizeof(sim->state_dir), "/tmp/braid-sim-XXXXXX");
		if (!mkdtemp(sim->state_dir))
			die(sim->state_dir, "cannot be made");
	}
	g->config = config_of(sim, options);
	g->gateway = gateway_create(g->config, sim->control, sim->workers, sim->worker_count, &sim_transport);
	if (!g->gateway)
		die("gateway_create", "failed");
	/* gateway_start() without the sockets */
	registry_apply_claims(g->gateway);
	backends_settle(g->gateway);
	g->gateway->ready = true;
	return g;
}

static void on_stopped(void *arg)
{
	((struct sim_gateway *)arg)->stopped = true;
}

static bool has_stopped(void *arg)
{
	return ((struct sim_gateway *)arg)->stopped;
}

bool sim_gateway_destroy(struct sim_gateway *g)
{
	if (!g)
		return true;
	gateway_stop(g->gateway, on_stopped, g);
	if (!sim_until(g->sim, has_stopped, g, STOP_LIMIT_US))
		return false;
	gateway_destroy(g->gateway);
	config_destroy(g->config);
	free(g);
	return true;
}

/* ---- looking inside -------------------------------------------------------------------------------------------- */

struct disk *sim_gateway_disk(const struct sim_gateway *g, unsigned worker, uint16_t lun)
{
	return g->gateway->workers[worker]->luns[lun];
}

struct link *sim_gateway_link(const struct sim_gateway *g, const char *address)
{
	struct backend *backend;

	list_for_each(backend, &g->gateway->backends, link) {
		for (struct list *it = backend->links.next; it != &backend->links; it = it->next) {
			struct link *link = list_entry(it, struct link, backend_link);

			if (strcmp(link->portal, address) == 0)
				return link;
		}
	}
	return NULL;
}

struct lane *sim_gateway_lane(const struct sim_gateway *g, unsigned worker, const char *address)
{
	struct lane *lane;

	list_for_each(lane, &g->gateway->workers[worker]->lanes, worker_link)
		if (strcmp(lane->link->portal, address) == 0)
			return lane;
	return NULL;
}

struct path *sim_gateway_path(const struct sim_gateway *g, unsigned worker, uint16_t lun, const char *address)
{
	const struct disk *disk = sim_gateway_disk(g, worker, lun);

	for (unsigned i = 0; disk && i < DSM_PATHS_MAX; i++)
		if (disk->paths[i] && strcmp(disk->paths[i]->core->link->portal, address) == 0)
			return disk->paths[i];
	return NULL;
}

unsigned sim_disk_paths(const struct disk *disk, enum path_state state)
{
	unsigned count = 0;

	for (unsigned i = 0; i < DSM_PATHS_MAX; i++)
		count += disk->paths[i] && disk->paths[i]->state == state;
	return count;
}

static bool all_up(void *arg)
{
	const struct sim_gateway *g = arg;
	const struct device *device;
	unsigned devices = 0;

	list_for_each(device, &g->gateway->devices, link) {
		if (device->claimed && device_paths_up(device) < device->path_count)
			return false;
		devices += device->claimed && device->path_count;
	}
	for (unsigned w = 0; w < g->gateway->worker_count; w++) {
		struct lane *lane;

		list_for_each(lane, &g->gateway->workers[w]->lanes, worker_link)
			if (lane->state != LANE_UP)
				return false;
	}
	return devices > 0;
}

bool sim_gateway_settles(struct sim_gateway *g, uint64_t limit_us)
{
	return sim_until(g->sim, all_up, g, limit_us);
}

struct event_count {
	const char *type;
	unsigned count;
};

static bool count_event(const struct event_view *view, void *arg)
{
	struct event_count *events = arg;

	events->count += strcmp(view->type, events->type) == 0;
	return true;
}

unsigned sim_gateway_events(const struct sim_gateway *g, const char *type)
{
	struct event_count events = { type, 0 };

	journal_each(g->gateway->journal, 0, count_event, &events);
	return events.count;
}
