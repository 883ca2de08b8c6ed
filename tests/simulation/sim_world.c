#include "tests/simulation/sim_world.h"

#include "gateway/base/log.h"
#include "gateway/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READY_US (60 * US_PER_S)

struct world *world_create(unsigned workers)
{
	static const char *const addresses[] = { PORTAL_1A, PORTAL_1B, PORTAL_2A, PORTAL_2B };
	struct world *world = xcalloc(1, sizeof(*world));

	log_set_level(getenv("BRAID_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	world->sim = sim_create(workers, 1);
	world->array = sim_array_create(world->sim);
	for (unsigned i = 0; i < 4; i++)
		world->portals[i] = sim_array_add_portal(world->array, addresses[i], WORLD_IQN, (uint16_t)(1 + i / 2));
	for (unsigned i = 0; i < 2; i++)
		world->lus[i] = sim_array_add_lu(world->array, (uint16_t)i, 100 + i, WORLD_BLOCKS);
	return world;
}

void world_start(struct world *world, const char *options)
{
	world->g = sim_gateway_create(world->sim, options);
}

static void must(bool done, const char *what)
{
	if (done)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

struct world *world_create_ready(unsigned workers, const char *options)
{
	struct world *world = world_create(workers);

	world_start(world, options);
	must(sim_gateway_settles(world->g, READY_US), "the paths did not come up");
	return world;
}

void world_destroy(struct world *world)
{
	must(sim_gateway_destroy(world->g), "the gateway did not stop");
	sim_destroy(world->sim);
	free(world);
}

struct sim_fault *world_sense(struct world *world, unsigned count, uint8_t opcode, uint8_t key, uint16_t asc)
{
	struct sim_fault *fault = sim_array_fault(world->array, SIM_FAULT_SENSE, count);

	fault->opcode = opcode;
	fault->key = key;
	fault->asc = asc;
	return fault;
}

void world_down(struct world *world, bool down)
{
	for (unsigned i = 0; i < world->array->portal_count; i++)
		sim_portal_down(world->array->portals[i], down);
}

struct disk *world_prefer(struct world *world, const char *address)
{
	struct disk *disk = NULL;

	for (uint16_t lun = 0; lun < 2 && !disk; lun++) {
		struct path *path = sim_gateway_path(world->g, 0, lun, address);

		if (path && path->core->lun == 0)
			disk = path->disk;
	}
	must(disk != NULL, "LUN 0 has no path over that portal");
	for (unsigned i = 0; i < DSM_PATHS_MAX; i++)
		if (disk->paths[i])
			disk->paths[i]->policy.weight = strcmp(disk->paths[i]->core->link->portal, address) != 0;
	return disk;
}

struct event_search {
	const char *type, *text;
	unsigned count;
};

static bool match_event(const struct event_view *view, void *arg)
{
	struct event_search *search = arg;

	search->count += strcmp(view->type, search->type) == 0 && strstr(view->message, search->text);
	return true;
}

unsigned world_events(const struct world *world, const char *type, const char *text)
{
	struct event_search search = { type, text, 0 };

	journal_each(world->g->gateway->journal, 0, match_event, &search);
	return search.count;
}

struct disk *world_disk(const struct world *world, uint16_t lun)
{
	return sim_gateway_disk(world->g, 0, lun);
}

struct lane *world_lane(const struct world *world, const char *address)
{
	return sim_gateway_lane(world->g, 0, address);
}

struct sim_session *world_session(const struct world *world, const char *address)
{
	struct sim_session *session, *found = NULL;
	uint8_t isid[6];

	link_isid(sim_gateway_link(world->g, address), 0, isid);
	list_for_each(session, &world->array->sessions, link)
		if (memcmp(session->isid, isid, 6) == 0)
			found = session;
	return found;
}
