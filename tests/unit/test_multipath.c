/* Disks and their paths: how commands spread, and what a host does not see of failing links. */
#include "dsm/policy.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define S US_PER_S
#define MS US_PER_MS

/* ---- the common case ------------------------------------------------------------------------------------------- */

static void test_reads_what_was_written(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_io io;

	(void)state;
	sim_io_init(&io, world->sim);
	for (uint64_t lba = 0; lba < 8; lba++) {
		sim_io_write(&io, world_disk(world, 1), lba, 1000 + lba);
		assert_int_equal(io.ended, 0); /* never inside submit */
		assert_true(sim_io_wait(&io, S));
		assert_int_equal(io.io.status, SCSI_GOOD);
		assert_int_equal(io.io.transfer, SIM_BLOCK);
		assert_int_equal(sim_lu_stamp(world->lus[1], lba), 1000 + lba);
		sim_io_read(&io, world_disk(world, 1), lba);
		assert_true(sim_io_wait(&io, S));
		assert_int_equal(sim_io_stamp(&io), 1000 + lba);
		assert_int_equal(io.ended, 1);
	}
	assert_int_equal(figure_get(&world_disk(world, 1)->cell->writes), 8);
	assert_int_equal(figure_get(&world_disk(world, 1)->cell->read_bytes), 8 * SIM_BLOCK);
	world_destroy(world);
}

/* row: P2 */
static void test_round_robin_spreads(void **state)
{
	struct world *world = world_create_ready(1, "{'policies': {'default': 'round-robin'}}");
	uint64_t before[4];
	struct sim_io io;

	(void)state;
	sim_io_init(&io, world->sim);
	for (unsigned i = 0; i < 4; i++)
		before[i] = world->portals[i]->commands;
	for (unsigned n = 0; n < 12; n++) {
		sim_io_read(&io, world_disk(world, 0), n);
		assert_true(sim_io_wait(&io, S));
	}
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(world->portals[i]->commands - before[i], 3);
	world_destroy(world);
}

/* Only these portals of the world's array are listed; bit 0: the first. */
static struct world *world_with_portals(uint64_t portals, const char *options)
{
	struct world *world = world_create(1);

	world->portals[0]->lists = portals;
	world_start(world, options);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	return world;
}

/* row: P4: two in flight on link 1 for LU 1 and LU 2 together: the next I/O of either LU goes to link 2 */
static void test_queue_depth_counts_all_lus_of_a_link(void **state)
{
	struct world *world = world_with_portals(0x3, "{'policies': {'default': 'least-queue-depth'}}");
	const struct lane *first = world_lane(world, PORTAL_1A), *second = world_lane(world, PORTAL_1B);
	struct sim_io ios[6];

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(ios); i++)
		sim_io_init(&ios[i], world->sim);
	for (unsigned i = 0; i < 4; i++) /* LU 0 on link 1, LU 1 on link 2, and once more */
		sim_io_read(&ios[i], world_disk(world, i % 2), i);
	assert_ptr_equal(ios[2].io.path->lane, first);
	assert_ptr_equal(ios[3].io.path->lane, second);
	sim_run(world->sim, 100 * MS);
	sim_array_fault(world->array, SIM_FAULT_HANG, 2)->portal = 0;
	sim_io_read(&ios[0], world_disk(world, 0), 0);
	sim_io_read(&ios[1], world_disk(world, 1), 0);
	sim_io_read(&ios[2], world_disk(world, 1), 0);
	assert_ptr_equal(ios[2].io.path->lane, first);
	assert_true(sim_io_wait(&ios[1], S)); /* two are in flight on the first, one of each LU; none on the second */
	for (unsigned i = 3; i < ARRAY_COUNT(ios); i++) {
		sim_io_read(&ios[i], world_disk(world, i % 2), 0);
		assert_ptr_equal(ios[i].io.path->lane, second);
		assert_true(sim_io_wait(&ios[i], S));
	}
	sim_array_release(world->array);
	assert_true(sim_io_wait(&ios[0], S) && sim_io_wait(&ios[2], S));
	world_destroy(world);
}

/* row: P4: what waits in a lane for a free transfer counts too: the surplus does not gather on one link */
static void test_queue_depth_counts_what_waits(void **state)
{
	enum { COUNT = 4 * LANE_DEPTH };
	struct world *world = world_with_portals(0x3, "{'policies': {'default': 'least-queue-depth'}}");
	struct sim_io *ios = calloc(COUNT, sizeof(*ios));
	unsigned on_first = 0;

	(void)state;
	assert_non_null(ios);
	for (unsigned i = 0; i < COUNT; i++) {
		sim_io_init(&ios[i], world->sim);
		sim_io_read(&ios[i], world_disk(world, 0), i);
		on_first += ios[i].io.path->lane == world_lane(world, PORTAL_1A);
	}
	assert_int_equal(on_first, COUNT / 2);
	sim_run(world->sim, S);
	for (unsigned i = 0; i < COUNT; i++)
		assert_int_equal(ios[i].ended, 1);
	assert_int_equal(figure_get(&world_lane(world, PORTAL_1A)->cell->inflight), 0);
	assert_int_equal(figure_get(&world_lane(world, PORTAL_1B)->cell->inflight_bytes), 0);
	free(ios);
	world_destroy(world);
}

/* ---- failing links --------------------------------------------------------------------------------------------- */

/* row: L3: one dead link: every LU on it moves at once, and nobody is asked whether the others live */
static void test_dead_link_moves_all_lus(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_io io;

	(void)state;
	sim_portal_down(world->portals[0], true);
	sim_run(world->sim, 10 * MS);
	for (uint16_t lun = 0; lun < 2; lun++) {
		assert_int_equal(sim_gateway_path(world->g, 0, lun, PORTAL_1A)->state, PATH_DOWN);
		assert_int_equal(sim_disk_paths(world_disk(world, lun), PATH_UP), 3);
		sim_io_init(&io, world->sim);
		for (unsigned n = 0; n < 6; n++) {
			sim_io_read(&io, world_disk(world, lun), n);
			assert_true(sim_io_wait(&io, 10 * MS));
			assert_int_equal(io.io.status, SCSI_GOOD);
		}
	}
	sim_portal_down(world->portals[0], false);
	sim_run(world->sim, 10 * S);
	assert_int_equal(sim_disk_paths(world_disk(world, 0), PATH_UP), 4);
	assert_int_equal(sim_disk_paths(world_disk(world, 1), PATH_UP), 4);
	world_destroy(world);
}

/* row: L4: no error reaches the host while a path is left */
static void test_in_flight_commands_survive(void **state)
{
	enum { COUNT = 64 };
	struct world *world = world_create_ready(1, NULL);
	struct sim_io *ios = calloc(COUNT, sizeof(*ios));

	(void)state;
	assert_non_null(ios);
	for (unsigned i = 0; i < COUNT; i++) {
		sim_io_init(&ios[i], world->sim);
		if (i % 2)
			sim_io_write(&ios[i], world_disk(world, i / 2 % 2), i, 5000 + i);
		else
			sim_io_read(&ios[i], world_disk(world, i / 2 % 2), i);
	}
	sim_run(world->sim, 250); /* they are at the array */
	for (unsigned i = 0; i < 3; i++) {
		sim_portal_down(world->portals[i], true);
		sim_run(world->sim, 400);
	}
	sim_run(world->sim, 60 * S);
	for (unsigned i = 0; i < COUNT; i++) {
		assert_int_equal(ios[i].ended, 1);
		assert_int_equal(ios[i].io.status, SCSI_GOOD);
		if (i % 2)
			assert_int_equal(sim_lu_stamp(world->lus[i / 2 % 2], i), 5000 + i);
	}
	free(ios);
	world_destroy(world);
}

/* row: F2: a command is carried out at most as often as it was submitted, and never submitted twice at a time (the
 * transport itself checks that) */
static void test_each_submit_is_one_execution(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	uint64_t submits = world->sim->submits, writes = world->lus[0]->writes;
	struct sim_io io;

	(void)state;
	sim_io_init(&io, world->sim);
	for (unsigned n = 0; n < 10; n++) {
		sim_io_write(&io, world_disk(world, 0), n, n + 1);
		assert_true(sim_io_wait(&io, S));
	}
	assert_int_equal(world->sim->submits - submits, 10);
	assert_int_equal(world->lus[0]->writes - writes, 10);
	assert_true(world->sim->executions <= world->sim->submits);
	world_destroy(world);
}

/* ---- policies under load --------------------------------------------------------------------------------------- */

/* row: P9: a change of policy under load costs no command */
static void test_policy_change_under_load(void **state)
{
	static const char *const names[] = { "least-queue-depth", "fail-over-only", "weighted-paths", "round-robin",
					     "round-robin-subset" };
	enum { COUNT = 32 };
	struct world *world = world_create_ready(1, NULL);
	struct sim_io *ios = calloc(COUNT, sizeof(*ios));

	(void)state;
	assert_non_null(ios);
	for (unsigned n = 0; n < ARRAY_COUNT(names); n++) {
		for (unsigned i = 0; i < COUNT; i++) {
			sim_io_init(&ios[i], world->sim);
			sim_io_write(&ios[i], world_disk(world, 0), i, i + 1);
		}
		sim_run(world->sim, 300);
		disk_set_policy(world_disk(world, 0), policy_setup_create(policy_find(names[n]), NULL));
		sim_run(world->sim, S);
		for (unsigned i = 0; i < COUNT; i++) {
			assert_int_equal(ios[i].ended, 1);
			assert_int_equal(ios[i].io.status, SCSI_GOOD);
		}
	}
	free(ios);
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_what_was_written),
		cmocka_unit_test(test_round_robin_spreads),
		cmocka_unit_test(test_queue_depth_counts_all_lus_of_a_link),
		cmocka_unit_test(test_queue_depth_counts_what_waits),
		cmocka_unit_test(test_dead_link_moves_all_lus),
		cmocka_unit_test(test_in_flight_commands_survive),
		cmocka_unit_test(test_each_submit_is_one_execution),
		cmocka_unit_test(test_policy_change_under_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
