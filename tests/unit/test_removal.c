/* A disk is taken away, or the gateway ends, with commands everywhere. */
#include "gateway/registry.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define S US_PER_S
#define MS US_PER_MS

/* Nothing is claimed any more: both disks are taken away. */
static void unclaim(struct world *world)
{
	struct gateway *gateway = world->g->gateway;
	struct claim *claim;

	list_for_each(claim, &gateway->claims, link) {
		list_del(&claim->link);
		free(claim);
	}
	registry_apply_claims(gateway);
	sim_run(world->sim, 0);
}

/* Workers whose disk has not left. */
static unsigned leaving(const struct world *world)
{
	const struct device *device;
	unsigned count = 0;

	list_for_each(device, &world->g->gateway->devices, link)
		count += device->leaving;
	return count;
}

/* row: D8: removal drains: what is in flight ends as if nothing were, and only then the disk goes */
static void test_removal_drains(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_fault *fault = world_sense(world, 2, 0x8a, SENSE_UNIT_ATTENTION, 0x5d00);
	struct sim_io io;

	(void)state;
	sim_io_init(&io, world->sim);
	sim_io_write(&io, world_disk(world, 0), 0, 9);
	unclaim(world);
	assert_null(world_disk(world, 0));
	assert_int_equal(leaving(world), 1);
	assert_true(sim_io_wait(&io, 10 * S));
	sim_run(world->sim, 0);
	assert_int_equal(leaving(world), 0);
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(fault->hits, 2);
	assert_int_equal(sim_lu_stamp(world->lus[0], 0), 9);
	assert_true(list_empty(&world->g->gateway->workers[0]->disks));
	assert_true(list_empty(&world_lane(world, PORTAL_1A)->paths)); /* the paths went with it */
	sim_portal_reset(world->portals[0]);
	sim_run(world->sim, 2 * S);
	assert_int_equal(world_lane(world, PORTAL_1A)->state, LANE_UP);
	world_destroy(world);
}

/* row: D8: also across the loss of a link */
static void test_removal_drains_over_a_failure(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_io io;

	(void)state;
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x8a;
	sim_io_init(&io, world->sim);
	sim_io_write(&io, world_disk(world, 0), 0, 9);
	sim_run(world->sim, 10 * MS);
	unclaim(world);
	for (unsigned i = 0; i < 3; i++)
		sim_portal_reset(world->portals[i]);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(sim_lu_stamp(world->lus[0], 0), 9);
	sim_run(world->sim, 0);
	assert_int_equal(leaving(world), 0);
	world_destroy(world);
}

static void test_removal_of_an_idle_disk(void **state)
{
	struct world *world = world_create_ready(1, NULL);

	(void)state;
	unclaim(world);
	assert_int_equal(leaving(world), 0);
	world_destroy(world);
}

static void test_removal_fails_what_is_held(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_io io;

	(void)state;
	world_down(world, true);
	sim_run(world->sim, S);
	sim_io_init(&io, world->sim);
	sim_io_write(&io, world_disk(world, 0), 0, 9);
	unclaim(world);
	assert_true(sim_io_wait(&io, MS));
	assert_int_equal(io.io.status, SCSI_CHECK_CONDITION);
	sim_run(world->sim, 0);
	assert_int_equal(leaving(world), 0);
	world_destroy(world);
}

/* A suspect path's TEST UNIT READY is under way when its disk goes: the answer finds nobody. */
static void test_removal_during_verification(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_io io;

	(void)state;
	world_sense(world, 1, 0x88, SENSE_ABORTED_COMMAND, 0x4e00);
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x00;
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	assert_true(sim_io_wait(&io, S));
	sim_run(world->sim, 10 * MS);
	unclaim(world);
	assert_int_equal(leaving(world), 0);
	assert_int_equal(sim_array_release(world->array), 1);
	sim_run(world->sim, S);
	world_destroy(world);
}

/* The same where the answer has data: they must not be put where the disk was. */
static void test_removal_during_port_group_report(void **state)
{
	struct world *world = world_create(1);
	struct sim_fault *hang = sim_array_fault(world->array, SIM_FAULT_HANG, 100);

	(void)state;
	world->lus[0]->tpgs = world->lus[1]->tpgs = 1;
	hang->opcode = 0xa3;
	world_start(world, NULL);
	sim_run(world->sim, 7 * S); /* asked when the paths came up, and again by the keepalive */
	assert_true(hang->hits > 0);
	unclaim(world);
	assert_int_equal(leaving(world), 0);
	assert_int_equal(sim_array_release(world->array), hang->hits);
	sim_run(world->sim, S);
	world_destroy(world);
}

/* The active path goes first: nothing is made active for a disk that is leaving. */
static void test_removal_with_passive_paths(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct disk *disk = world_disk(world, 0);

	(void)state;
	for (unsigned i = 1; i < 4; i++)
		path_set_access(disk->paths[i], DSM_ACCESS_STANDBY);
	disk_refresh(disk);
	unclaim(world);
	assert_int_equal(leaving(world), 0);
	sim_run(world->sim, S);
	world_destroy(world);
}

/* The gateway ends while commands are everywhere: each gets an answer. */
static void test_stop_with_commands_inside(void **state)
{
	enum { COUNT = 200 };
	struct world *world = world_create_ready(1, NULL);
	struct sim_io *ios = calloc(COUNT, sizeof(*ios));

	(void)state;
	assert_non_null(ios);
	sim_array_fault(world->array, SIM_FAULT_HANG, COUNT)->opcode = 0x8a;
	for (unsigned i = 0; i < COUNT; i++) {
		sim_io_init(&ios[i], world->sim);
		sim_io_write(&ios[i], world_disk(world, 0), i, i + 1);
	}
	sim_run(world->sim, 10 * MS);
	sim_portal_down(world->portals[0], true);
	sim_portal_down(world->portals[1], true);
	sim_run(world->sim, MS);
	assert_true(sim_gateway_destroy(world->g));
	world->g = NULL;
	for (unsigned i = 0; i < COUNT; i++)
		assert_int_equal(ios[i].ended, 1);
	free(ios);
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_removal_drains),
		cmocka_unit_test(test_removal_drains_over_a_failure),
		cmocka_unit_test(test_removal_of_an_idle_disk),
		cmocka_unit_test(test_removal_fails_what_is_held),
		cmocka_unit_test(test_removal_during_verification),
		cmocka_unit_test(test_removal_during_port_group_report),
		cmocka_unit_test(test_removal_with_passive_paths),
		cmocka_unit_test(test_stop_with_commands_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
