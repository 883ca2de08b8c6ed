/* Links that fall silent: noticed soon when other paths answer, and waited for when none does. */
#include "tests/simulation/sim_load.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define S US_PER_S
#define MS US_PER_MS
#define NOTICED_US (600 * MS)

/* The world with a fence in its form reservation, or without. */
static struct world *world_with(bool reservations, const char *options)
{
	struct world *world = world_create(1);

	for (unsigned i = 0; i < 2; i++)
		world->lus[i]->reservations.enabled = reservations;
	world_start(world, options);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	return world;
}

static void end_load(struct sim_load *load)
{
	assert_true(sim_load_stop(load, 60 * S));
	assert_int_equal(load->failed, 0);
	assert_int_equal(load->wrong, 0);
	assert_true(load->reads > 100 && load->writes > 100);
	free(load);
}

static uint64_t logins(const struct world *world)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < 4; i++)
		sum += world->portals[i]->logins;
	return sum;
}

/* A portal falls silent at a moment that the seed names, under load that it names, too. */
static void silence_under_load(uint64_t seed, bool reservations)
{
	struct world *world = world_with(reservations, NULL);
	struct sim_rng rng = { seed };
	unsigned victim = (unsigned)sim_below(&rng, 4);
	struct sim_load *load;

	for (unsigned i = 0; i < 4; i++)
		world->portals[i]->latency_us = sim_below(&rng, 3 * MS);
	load = sim_load_start(world->sim, world_disk(world, 0), 1 + (unsigned)sim_below(&rng, 16),
			      sim_below(&rng, 40 * MS));
	sim_run(world->sim, 2 * S + sim_below(&rng, S));
	sim_portal_black_hole(world->portals[victim], true);
	sim_run(world->sim, 5 * S);
	assert_true(load->longest_read_us <= NOTICED_US);
	assert_true(load->longest_write_us <= NOTICED_US + 50 * MS); /* the fence */
	assert_int_equal(world_events(world, "link-down", "silent"), 1);
	sim_portal_black_hole(world->portals[victim], false);
	sim_run(world->sim, 10 * S);
	assert_int_equal(sim_disk_paths(world_disk(world, 0), PATH_UP), 4);
	end_load(load);
	world_destroy(world);
}

/* row: E1 F1: a silent link under load is left within half a second, its writes go on as soon as they are fenced */
static void test_silent_link(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		silence_under_load(seed, seed % 2);
}

/* The whole array is silent for a while, from a moment on that the seed names. */
static void silent_array(uint64_t seed)
{
	struct world *world = world_with(seed % 2, NULL);
	struct sim_rng rng = { seed };
	struct sim_load *load;
	uint64_t before;

	for (unsigned i = 0; i < 4; i++)
		world->portals[i]->latency_us = sim_below(&rng, 2 * MS);
	load = sim_load_start(world->sim, world_disk(world, 0), 1 + (unsigned)sim_below(&rng, 12),
			      sim_below(&rng, 60 * MS));
	sim_run(world->sim, 3 * S + sim_below(&rng, S));
	before = logins(world);
	for (unsigned i = 0; i < 4; i++)
		sim_portal_black_hole(world->portals[i], true);
	sim_run(world->sim, 3 * S);
	for (unsigned i = 0; i < 4; i++)
		sim_portal_black_hole(world->portals[i], false);
	sim_run(world->sim, 3 * S);
	assert_int_equal(logins(world), before);
	assert_int_equal(world_events(world, "link-down", ""), 0);
	assert_in_range(load->longest_read_us > load->longest_write_us ? load->longest_read_us : load->longest_write_us,
			2900 * MS, 3200 * MS);
	end_load(load);
	world_destroy(world);
}

/* row: E1: when everything is silent at once no link is given up for it */
static void test_silent_array(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++)
		silent_array(seed);
}

/* A link with that latency among fast ones. How often it was lost. */
static unsigned slow_link(uint64_t latency_us)
{
	struct world *world = world_with(true, NULL);
	struct sim_load *load = sim_load_start(world->sim, world_disk(world, 0), 4, 5 * MS);
	uint64_t before = world->portals[0]->logins;
	unsigned lost;

	sim_run(world->sim, 2 * S);
	world->portals[0]->latency_us = latency_us;
	sim_run(world->sim, 60 * S);
	assert_int_equal(world_lane(world, PORTAL_1A)->state, LANE_UP);
	lost = (unsigned)(world->portals[0]->logins - before);
	end_load(load);
	world_destroy(world);
	return lost;
}

/* slow but alive is no failure: at most it takes one to learn how slow a link is now */
static void test_slow_link(void **state)
{
	(void)state;
	assert_int_equal(slow_link(20 * MS), 0);
	assert_int_equal(slow_link(80 * MS), 0);
	assert_in_range(slow_link(200 * MS), 0, 1);
	assert_in_range(slow_link(400 * MS), 0, 1);
}

/* A command that takes long is no silence: the link answers other questions. */
static void test_slow_command(void **state)
{
	struct world *world = world_with(true, NULL);
	struct sim_fault *hang = sim_array_fault(world->array, SIM_FAULT_HANG, 1);
	struct sim_io io;

	(void)state;
	hang->opcode = 0x88;
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	assert_false(sim_io_wait(&io, 10 * S));
	assert_int_equal(logins(world), 4);
	sim_array_release(world->array);
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	world_destroy(world);
}

/* What the timer says: off, only the keepalive decides. */
static void test_switched_off(void **state)
{
	struct world *world = world_with(true, "{'timers': {'suspicion_limit': 0}}");
	struct sim_load *load = sim_load_start(world->sim, world_disk(world, 0), 8, 3 * MS);

	(void)state;
	sim_run(world->sim, S);
	sim_portal_black_hole(world->portals[0], true);
	sim_run(world->sim, 9 * S);
	assert_int_equal(world_lane(world, PORTAL_1A)->state, LANE_UP);
	sim_run(world->sim, 4 * S);
	assert_true(world_lane(world, PORTAL_1A)->state != LANE_UP);
	end_load(load);
	world_destroy(world);
}

/* The only path there is: nobody else could take over. */
static void test_last_path(void **state)
{
	struct world *world = world_with(true, NULL);
	struct sim_io io;

	(void)state;
	for (unsigned i = 1; i < 4; i++)
		sim_portal_down(world->portals[i], true);
	sim_run(world->sim, S);
	sim_io_init(&io, world->sim);
	sim_portal_black_hole(world->portals[0], true);
	sim_io_write(&io, world_disk(world, 0), 0, 1);
	sim_run(world->sim, 5 * S);
	assert_int_equal(world_lane(world, PORTAL_1A)->state, LANE_UP);
	sim_portal_black_hole(world->portals[0], false);
	assert_true(sim_io_wait(&io, 100 * MS));
	assert_int_equal(io.io.status, SCSI_GOOD);
	world_destroy(world);
}

/* The only optimized path falls silent: the others, which carry nothing meanwhile, are asked and take over. */
static void test_only_optimized_path(void **state)
{
	struct world *world = world_create(1);
	struct sim_load *load;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		world->lus[i]->reservations.enabled = true;
		world->lus[i]->tpgs = 1;
	}
	sim_port_set(world->array, 2, SIM_NON_OPTIMIZED);
	world_start(world, NULL);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	sim_portal_down(world->portals[1], true);
	sim_run(world->sim, 6 * S);
	load = sim_load_start(world->sim, world_disk(world, 0), 8, 3 * MS);
	sim_run(world->sim, S);
	sim_portal_black_hole(world->portals[0], true);
	sim_run(world->sim, 3 * S);
	assert_true(load->longest_read_us <= NOTICED_US && load->longest_write_us <= NOTICED_US + 50 * MS);
	end_load(load);
	world_destroy(world);
}

/* Idle links are left alone: nothing waits for them. */
static void test_idle_links(void **state)
{
	struct world *world = world_with(true, NULL);
	uint64_t commands = 0;

	(void)state;
	sim_run(world->sim, 60 * S);
	for (unsigned i = 0; i < 4; i++)
		commands += world->portals[i]->commands;
	sim_run(world->sim, 60 * S);
	for (unsigned i = 0; i < 4; i++)
		commands -= world->portals[i]->commands;
	assert_in_range(-commands, 4 * 10, 4 * 14); /* a keepalive every 5 s */
	assert_int_equal(logins(world), 4);
	world_destroy(world);
}

/* row: E1, D4: it falls silent while what is behind it is read again, with commands of hosts still inside */
static void test_silent_while_identified(void **state)
{
	struct world *world = world_with(true, "{'policies': {'default': 'weighted-paths'}}");
	struct disk *disk = world_prefer(world, PORTAL_1A);
	struct sim_io read;

	(void)state;
	sim_io_init(&read, world->sim);
	sim_io_read(&read, disk, 0);
	assert_true(sim_io_wait(&read, S));
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x88;
	sim_io_read(&read, disk, 0);
	sim_run(world->sim, 10 * MS);
	lane_reidentify(world_lane(world, PORTAL_1A));
	sim_portal_black_hole(world->portals[0], true);
	assert_true(sim_io_wait(&read, NOTICED_US));
	assert_int_equal(read.io.status, SCSI_GOOD);
	assert_non_null(strstr(sim_gateway_link(world->g, PORTAL_1A)->reason, "silent"));
	world_destroy(world);
}

/* row: E1: an identification that takes its time, and is answered, is no silence */
static void test_slow_identification(void **state)
{
	struct world *world = world_with(true, "{'policies': {'default': 'weighted-paths'}}");
	struct disk *disk = world_prefer(world, PORTAL_1A);
	struct sim_io read;

	(void)state;
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x88;
	sim_io_init(&read, world->sim);
	sim_io_read(&read, disk, 0);
	sim_run(world->sim, 10 * MS);
	world->portals[0]->latency_us = 40 * MS;
	for (unsigned i = 0; i < 20; i++) {
		lane_reidentify(world_lane(world, PORTAL_1A));
		sim_run(world->sim, 200 * MS);
	}
	assert_int_equal(sim_gateway_events(world->g, "link-down"), world_events(world, "link-down", "identified"));
	sim_array_release(world->array);
	assert_true(sim_io_wait(&read, S));
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silent_link),         cmocka_unit_test(test_silent_while_identified),
		cmocka_unit_test(test_slow_identification), cmocka_unit_test(test_silent_array),
		cmocka_unit_test(test_slow_link),           cmocka_unit_test(test_slow_command),
		cmocka_unit_test(test_switched_off),        cmocka_unit_test(test_last_path),
		cmocka_unit_test(test_only_optimized_path), cmocka_unit_test(test_idle_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
