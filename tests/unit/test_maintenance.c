/* Maintenance: paths, links and arrays are drained, taken away, and resumed (row L5). */
#include "gateway/control.h"
#include "tests/simulation/sim_load.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define S US_PER_S
#define MS US_PER_MS

static int drain(struct world *world, const char *kind, const char *id, bool force)
{
	struct problem problem = { 0 };

	return control_drain(world->g->gateway, kind, id, true, force, &problem) < 0 ? problem.status : 0;
}

static int resume(struct world *world, const char *kind, const char *id)
{
	struct problem problem = { 0 };

	return control_drain(world->g->gateway, kind, id, false, false, &problem) < 0 ? problem.status : 0;
}

static const char *link_id(const struct world *world, const char *address)
{
	return sim_gateway_link(world->g, address)->id;
}

static void end_load(struct sim_load *load)
{
	assert_true(sim_load_stop(load, 60 * S));
	assert_int_equal(load->failed, 0);
	assert_int_equal(load->wrong, 0);
	free(load);
}

struct path_search {
	const char *id;
	char state[16];
	uint64_t inflight;
};

static bool look_at_paths(const struct device_view *device, void *arg)
{
	struct path_search *search = arg;

	for (unsigned i = 0; i < device->path_count; i++) {
		if (strcmp(device->paths[i].id, search->id) != 0)
			continue;
		strcpy(search->state, device->paths[i].state);
		search->inflight = device->paths[i].inflight;
	}
	return true;
}

/* As the administrator sees it. */
static struct path_search path_state(const struct world *world, const char *id)
{
	struct path_search search = { .id = id };

	control_each_device(world->g->gateway, look_at_paths, &search);
	return search;
}

/* row: L5: a link is drained under load: what is in flight ends, nothing new comes, it can be taken away, and it
 * resumes */
static void test_link_under_load(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_load *load = sim_load_start(world->sim, world_disk(world, 0), 32, MS);
	const struct figure_cell *cell = sim_gateway_link(world->g, PORTAL_1A)->cells;
	uint64_t carried;

	(void)state;
	world->portals[0]->latency_us = 20 * MS;
	sim_run(world->sim, S);
	assert_true(figure_get(&cell->inflight) > 0);
	assert_int_equal(drain(world, "link", link_id(world, PORTAL_1A), false), 0);
	sim_run(world->sim, 5 * MS);
	assert_string_equal(path_state(world, sim_gateway_path(world->g, 0, 0, PORTAL_1A)->core->id).state, "draining");
	sim_run(world->sim, 100 * MS);
	assert_string_equal(path_state(world, sim_gateway_path(world->g, 0, 0, PORTAL_1A)->core->id).state, "drained");
	assert_int_equal(figure_get(&cell->inflight), 0);
	carried = figure_get(&cell->reads) + figure_get(&cell->writes);
	sim_run(world->sim, S);
	sim_portal_down(world->portals[0], true);
	sim_run(world->sim, S);
	sim_portal_down(world->portals[0], false);
	sim_run(world->sim, 10 * S);
	assert_int_equal(world_lane(world, PORTAL_1A)->state, LANE_UP);
	assert_int_equal(figure_get(&cell->reads) + figure_get(&cell->writes), carried); /* also after it is back */
	assert_true(load->longest_read_us < 100 * MS && load->longest_write_us < 100 * MS);
	assert_int_equal(resume(world, "link", link_id(world, PORTAL_1A)), 0);
	sim_run(world->sim, S);
	assert_true(figure_get(&cell->reads) + figure_get(&cell->writes) > carried);
	assert_int_equal(figure_get(&world_disk(world, 0)->cell->retries), 0);
	end_load(load);
	world_destroy(world);
}

/* row: L5: one path of a link: the other disk goes on using it */
static void test_path(void **state)
{
	struct world *world = world_create_ready(2, NULL);
	struct sim_load *first = sim_load_start(world->sim, world_disk(world, 0), 8, MS);
	struct sim_load *second = sim_load_start(world->sim, world_disk(world, 1), 8, MS);
	const struct path *drained = sim_gateway_path(world->g, 0, 0, PORTAL_2A);
	const struct path *other = sim_gateway_path(world->g, 0, 1, PORTAL_2A);
	uint64_t carried, of_other;

	(void)state;
	sim_run(world->sim, S);
	assert_int_equal(drain(world, "path", drained->core->id, false), 0);
	sim_run(world->sim, 100 * MS);
	carried = figure_get(&drained->cell->reads);
	of_other = figure_get(&other->cell->reads);
	sim_run(world->sim, S);
	assert_int_equal(figure_get(&drained->cell->reads), carried);
	assert_true(figure_get(&other->cell->reads) > of_other);
	assert_int_equal(sim_gateway_disk(world->g, 1, 0)->usable.count, 3); /* on every worker */
	assert_int_equal(resume(world, "path", drained->core->id), 0);
	sim_run(world->sim, S);
	assert_true(figure_get(&drained->cell->reads) > carried);
	end_load(first);
	end_load(second);
	world_destroy(world);
}

/* row: L5: a whole array, of which every disk has paths through another one */
static void test_backend_under_load(void **state)
{
	struct world *world = world_create(1);
	struct sim_load *load;
	uint64_t commands;

	(void)state;
	world->portals[0]->lists = 0x3; /* two controllers, each a backend of its own */
	world->portals[2]->lists = 0xc;
	world_start(world, "{'backends': [{'name': 'one', 'portals': ['" PORTAL_1A
			   "']}, {'name': 'two', 'portals': ['" PORTAL_2A "']}]}");
	assert_true(sim_gateway_settles(world->g, 10 * S));
	load = sim_load_start(world->sim, world_disk(world, 0), 32, MS);
	sim_run(world->sim, S);
	assert_int_equal(drain(world, "backend", "one", false), 0);
	sim_run(world->sim, 100 * MS);
	assert_int_equal(figure_get(&world_lane(world, PORTAL_1A)->cell->inflight), 0);
	assert_int_equal(figure_get(&world_lane(world, PORTAL_1B)->cell->inflight), 0);
	sim_portal_down(world->portals[0], true);
	sim_portal_down(world->portals[1], true);
	sim_run(world->sim, 20 * S);
	assert_int_equal(drain(world, "backend", "two", false), 409);
	sim_portal_down(world->portals[0], false);
	sim_portal_down(world->portals[1], false);
	assert_int_equal(resume(world, "backend", "one"), 0);
	assert_true(sim_gateway_settles(world->g, 60 * S));
	commands = world->portals[1]->commands;
	sim_run(world->sim, S);
	assert_true(world->portals[1]->commands > commands + 100);
	assert_true(load->longest_write_us < 100 * MS);
	assert_int_equal(world_events(world, "maintenance", "backend one"), 2);
	end_load(load);
	world_destroy(world);
}

/* row: L5: the last path is not drained unless that is insisted on; then commands wait */
static void test_last_path(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	static const char *const others[] = { PORTAL_1B, PORTAL_2A, PORTAL_2B };
	struct sim_io io;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(drain(world, "link", link_id(world, others[i]), false), 0);
	assert_int_equal(drain(world, "link", link_id(world, PORTAL_1A), false), 409);
	assert_int_equal(drain(world, "path", sim_gateway_path(world->g, 0, 0, PORTAL_1A)->core->id, false), 409);
	assert_int_equal(drain(world, "backend", "array-0", false), 409);
	sim_run(world->sim, S);
	sim_io_init(&io, world->sim);
	sim_io_write(&io, world_disk(world, 0), 0, 1);
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(drain(world, "backend", "array-0", true), 0);
	sim_run(world->sim, S);
	sim_io_write(&io, world_disk(world, 0), 0, 2);
	assert_false(sim_io_wait(&io, 5 * S));
	assert_int_equal(io.io.place, IO_HELD);
	assert_int_equal(resume(world, "backend", "array-0"), 0);
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	world_destroy(world);
}

/* A drained path that a backend resumes, and what was drained by itself: the path stays drained. */
static void test_drained_twice(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	const char *path = sim_gateway_path(world->g, 0, 0, PORTAL_1A)->core->id;

	(void)state;
	assert_int_equal(drain(world, "path", path, false), 0);
	assert_int_equal(drain(world, "path", path, false), 0); /* again is no error */
	assert_int_equal(drain(world, "link", link_id(world, PORTAL_1A), false), 0);
	assert_int_equal(resume(world, "link", link_id(world, PORTAL_1A)), 0);
	sim_run(world->sim, S);
	assert_int_equal(world_disk(world, 0)->usable.count, 3);
	assert_int_equal(world_disk(world, 1)->usable.count, 4);
	assert_int_equal(resume(world, "path", path), 0);
	sim_run(world->sim, S);
	assert_int_equal(world_disk(world, 0)->usable.count, 4);
	world_destroy(world);
}

/* What cannot take over does not count: standby of implicit ALUA; with explicit ALUA it can be made active. */
static void test_standby_is_left(void **state)
{
	(void)state;
	for (unsigned tpgs = 1; tpgs <= 2; tpgs++) {
		struct world *world = world_create(1);
		struct sim_io io;

		world->lus[0]->tpgs = world->lus[1]->tpgs = tpgs;
		sim_port_set(world->array, 2, SIM_STANDBY);
		world_start(world, NULL);
		assert_true(sim_gateway_settles(world->g, 10 * S));
		sim_run(world->sim, S);
		assert_int_equal(drain(world, "link", link_id(world, PORTAL_1A), false), 0);
		assert_int_equal(drain(world, "link", link_id(world, PORTAL_1B), false), tpgs == 1 ? 409 : 0);
		sim_io_init(&io, world->sim);
		sim_io_read(&io, world_disk(world, 0), 0);
		assert_true(sim_io_wait(&io, S));
		assert_int_equal(io.io.status, SCSI_GOOD);
		world_destroy(world);
	}
}

static void test_unknown_names(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct problem problem;

	(void)state;
	assert_int_equal(drain(world, "link", "l99", false), 404);
	assert_int_equal(drain(world, "path", "", false), 404);
	assert_int_equal(resume(world, "backend", "array-1"), 404);
	assert_int_equal(control_reconnect(world->g->gateway, "path", "p99", &problem), -1);
	assert_int_equal(problem.status, 404);
	world_destroy(world);
}

/* row: L5: a link that waits for its next attempt is tried at once, by its own name, a path's, the array's */
static void test_reconnect(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	const char *const names[][2] = {
		{ "link", link_id(world, PORTAL_1B) },
		{ "path", sim_gateway_path(world->g, 0, 0, PORTAL_1B)->core->id },
		{ "backend", "array-0" },
	};
	struct problem problem;

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(names); i++) {
		sim_portal_down(world->portals[1], true);
		sim_run(world->sim, 60 * S + 100 * MS);
		sim_portal_down(world->portals[1], false);
		assert_int_equal(control_reconnect(world->g->gateway, names[i][0], names[i][1], &problem), 0);
		sim_run(world->sim, 100 * MS);
		assert_int_equal(world_lane(world, PORTAL_1B)->state, LANE_UP);
	}
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link_under_load),    cmocka_unit_test(test_path),
		cmocka_unit_test(test_backend_under_load), cmocka_unit_test(test_last_path),
		cmocka_unit_test(test_drained_twice),      cmocka_unit_test(test_standby_is_left),
		cmocka_unit_test(test_unknown_names),      cmocka_unit_test(test_reconnect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
