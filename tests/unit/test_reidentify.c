/* Identity is verified again (row D4): a LUN number that leads to another disk is never written to. */
#include "gateway/registry.h"

#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define S US_PER_S
#define MS US_PER_MS

#define ASC_LUNS_CHANGED 0x3f0e

/* The id of the device that sim_lu_identity() makes with that number. */
static const char *device_id(uint64_t number)
{
	static char id[64];

	snprintf(id, sizeof(id), "naa.6000000000000000%016llx", (unsigned long long)number);
	return id;
}

static struct device *device_of(const struct world *world, uint64_t number)
{
	return gateway_device(world->g->gateway, device_id(number));
}

static struct disk *disk_of(const struct world *world, uint64_t number)
{
	return sim_gateway_disk(world->g, 0, (uint16_t)device_of(world, number)->lun);
}

static void claim(struct world *world, const char *kind, const char *value)
{
	struct claim *claim = claim_create(kind, value, false);

	assert_non_null(claim);
	list_add_tail(&world->g->gateway->claims, &claim->link);
	registry_apply_claims(world->g->gateway);
	sim_run(world->sim, 0);
}

/* row: D4: after a reconnect the LUN number leads to another disk: nothing is ever written there */
static void test_reused_number_after_reconnect(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'pdo_remove_period': 15}}");
	struct sim_io io;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		sim_portal_down(world->portals[i], true);
	sim_lu_identity(world->lus[0], 999);
	sim_io_init(&io, world->sim);
	sim_io_write(&io, disk_of(world, 100), 0, 7);
	for (unsigned i = 0; i < 4; i++)
		sim_portal_down(world->portals[i], false);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_CHECK_CONDITION);
	assert_int_equal(world->lus[0]->writes, 0);
	assert_string_equal(device_state_name(device_of(world, 100)), "no-paths");
	assert_true(device_of(world, 999)->claimed);
	assert_int_not_equal(device_of(world, 999)->lun, device_of(world, 100)->lun);
	assert_int_equal(sim_disk_paths(disk_of(world, 999), PATH_UP), 4);
	world_destroy(world);
}

/* row: D4: the same while the sessions live: the unit attention comes first, and whoever meets it stops all */
static void test_reused_number_in_use(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'pdo_remove_period': 15}}");
	struct sim_io io;

	(void)state;
	sim_lu_identity(world->lus[0], 999);
	sim_array_attention(world->array, SIM_ANY, ASC_LUNS_CHANGED);
	sim_io_init(&io, world->sim);
	sim_io_write(&io, disk_of(world, 100), 0, 7);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_CHECK_CONDITION);
	assert_int_equal(world->lus[0]->writes, 0);
	sim_lu_identity(world->lus[0], 100); /* it comes back as what it was, under its old number */
	sim_array_attention(world->array, SIM_ANY, ASC_LUNS_CHANGED);
	sim_io_write(&io, disk_of(world, 999), 0, 8);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(world->lus[0]->writes, 0);
	assert_int_equal(device_paths_up(device_of(world, 100)), 4);
	world_destroy(world);
}

/* row: D4: nobody uses the disk when its number is given to another one, and the list of LUNs looks as before */
static void test_reused_number_while_idle(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'pdo_remove_period': 15}}");
	struct sim_io io;

	(void)state;
	sim_lu_identity(world->lus[0], 999);
	sim_array_attention(world->array, SIM_ANY, ASC_LUNS_CHANGED);
	sim_run(world->sim, 60 * S);
	sim_io_init(&io, world->sim);
	sim_io_write(&io, disk_of(world, 100), 0, 7);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_CHECK_CONDITION);
	assert_int_equal(world->lus[0]->writes, 0);
	assert_int_equal(sim_disk_paths(disk_of(world, 999), PATH_UP), 4);
	world_destroy(world);
}

/* row: D4: what an older probe has found is void, however late the control loop judges it */
static void test_late_judgement_is_void(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct worker *worker = world->g->gateway->workers[0];
	struct lane *lane = world_lane(world, PORTAL_1A);
	struct path *path = sim_gateway_path(world->g, 0, (uint16_t)device_of(world, 100)->lun, PORTAL_1A);
	uint64_t old = lane->generation;

	(void)state;
	sim_lu_identity(world->lus[0], 999);
	lane_reidentify(lane);
	worker_path_up(worker, path->disk->core, path->core, old);
	sim_run(world->sim, 0);
	assert_int_equal(path->state, PATH_IDENTIFY);
	sim_run(world->sim, S);
	assert_int_equal(lane->state, LANE_UP);
	worker_path_up(worker, path->disk->core, path->core, old);
	sim_run(world->sim, 0);
	assert_int_equal(path->state, PATH_DOWN);
	world_destroy(world);
}

/* row: D4, F4: the LU changes while its path is registering its key: that it has registered does not say who it is */
static void test_reused_number_while_registering(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'pdo_remove_period': 15}}");
	struct sim_fault *fault = sim_array_fault(world->array, SIM_FAULT_HANG, 100);
	struct sim_io io;

	(void)state;
	fault->opcode = 0x5f;
	fault->lun = 0;
	for (unsigned i = 0; i < 4; i++)
		sim_portal_reset(world->portals[i]);
	sim_run(world->sim, S);
	assert_int_equal(sim_disk_paths(disk_of(world, 100), PATH_REGISTERING), 4);
	sim_lu_identity(world->lus[0], 999);
	for (unsigned i = 0; i < 4; i++)
		lane_reidentify(world_lane(world, world->portals[i]->address));
	sim_run(world->sim, S);
	sim_array_release(world->array);
	sim_io_init(&io, world->sim);
	sim_io_write(&io, disk_of(world, 100), 0, 7);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_CHECK_CONDITION);
	assert_int_equal(world->lus[0]->writes, 0);
	assert_int_equal(sim_disk_paths(disk_of(world, 100), PATH_UP), 0);
	assert_int_equal(sim_disk_paths(disk_of(world, 999), PATH_UP), 4);
	world_destroy(world);
}

/* row: D4: the number is given back, while the gateway has no use for the other disk: no command is left there that
 * would meet the unit attention, and the list of LUNs is the same all the time */
static void test_number_is_given_back(void **state)
{
	struct world *world = world_create(1);
	struct sim_io io;

	(void)state;
	sim_array_remove_lu(world->array, 1);
	world->lus[1] = NULL;
	world_start(world, "{'claims': [], 'timers': {'pdo_remove_period': 5}}");
	sim_run(world->sim, 5 * S);
	claim(world, "device", device_id(100));
	assert_true(sim_gateway_settles(world->g, 10 * S));
	for (unsigned round = 0; round < 2; round++) {
		sim_lu_identity(world->lus[0], 999);
		sim_array_attention(world->array, SIM_ANY, ASC_LUNS_CHANGED);
		sim_io_init(&io, world->sim);
		sim_io_write(&io, disk_of(world, 100), 0, 1);
		assert_true(sim_io_wait(&io, 60 * S));
		assert_int_equal(io.io.status, SCSI_CHECK_CONDITION);
		assert_int_equal(world->lus[0]->writes, round);
		sim_lu_identity(world->lus[0], 100);
		sim_array_attention(world->array, SIM_ANY, ASC_LUNS_CHANGED);
		assert_true(sim_gateway_settles(world->g, 200 * S));
		sim_io_write(&io, disk_of(world, 100), 0, 2);
		assert_true(sim_io_wait(&io, S));
		assert_int_equal(io.io.status, SCSI_GOOD);
	}
	world_destroy(world);
}

/* row: D4: the unit attention reaches the verification of a suspect path instead of a host's command */
static void test_reused_number_seen_by_verification(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'pdo_remove_period': 15}}");
	struct sim_io io;

	(void)state;
	for (unsigned i = 1; i < 4; i++)
		sim_portal_down(world->portals[i], true);
	sim_run(world->sim, S);
	/* suspect: TEST UNIT READY goes out at once, and is the first to meet the change */
	world_sense(world, 1, 0x88, SENSE_ABORTED_COMMAND, 0x4e00);
	sim_io_init(&io, world->sim);
	sim_io_read(&io, disk_of(world, 100), 0);
	sim_run(world->sim, 2 * SIM_LATENCY_US - 50);
	sim_lu_identity(world->lus[0], 999);
	sim_array_attention(world->array, SIM_ANY, ASC_LUNS_CHANGED);
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x88; /* the read's second attempt comes later */
	sim_run(world->sim, 10 * MS);
	sim_array_release(world->array);
	assert_true(sim_io_wait(&io, 60 * S));
	sim_io_write(&io, disk_of(world, 100), 0, 7);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(world->lus[0]->writes, 0);
	world_destroy(world);
}

/* row: D11: the only disk behind the links is unmapped and mapped again: no command is left that would meet the unit
 * attention, and it comes back all the same */
static void test_unmapped_for_a_while(void **state)
{
	struct world *world = world_create(1);
	struct sim_io io;

	(void)state;
	sim_array_remove_lu(world->array, 1);
	world->lus[1] = NULL;
	world_start(world, "{'timers': {'pdo_remove_period': 5}}");
	assert_true(sim_gateway_settles(world->g, 10 * S));
	sim_array_remove_lu(world->array, 0);
	sim_io_init(&io, world->sim);
	sim_io_write(&io, disk_of(world, 100), 0, 1);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_CHECK_CONDITION);
	sim_array_add_lu(world->array, 0, 100, WORLD_BLOCKS);
	sim_array_attention(world->array, SIM_ANY, ASC_LUNS_CHANGED);
	assert_true(sim_gateway_settles(world->g, 120 * S));
	sim_io_write(&io, disk_of(world, 100), 0, 2);
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(world_lane(world, PORTAL_1A)->logins, 1);
	world_destroy(world);
}

/* row: D4: what still waits for a transfer when the change is heard of is not sent there any more */
static void test_reused_number_with_a_queue(void **state)
{
	enum { COUNT = LANE_DEPTH + 50 };
	struct world *world = world_create_ready(1, "{'timers': {'pdo_remove_period': 15}}");
	struct sim_io *ios = calloc(COUNT, sizeof(*ios));
	struct sim_fault *hang;

	(void)state;
	assert_non_null(ios);
	for (unsigned i = 1; i < 4; i++)
		sim_portal_down(world->portals[i], true);
	sim_run(world->sim, S);
	hang = sim_array_fault(world->array, SIM_FAULT_HANG, COUNT);
	hang->opcode = 0x8a;
	for (unsigned i = 0; i < COUNT; i++) {
		sim_io_init(&ios[i], world->sim);
		sim_io_write(&ios[i], disk_of(world, 100), i, i + 1);
	}
	sim_run(world->sim, 10 * MS);
	assert_int_equal(hang->hits, LANE_DEPTH);
	sim_lu_identity(world->lus[0], 999);
	lane_reidentify(world_lane(world, PORTAL_1A));
	sim_array_release(world->array);
	for (unsigned i = 0; i < COUNT; i++) {
		assert_true(sim_io_wait(&ios[i], 60 * S));
		assert_int_equal(ios[i].ended, 1);
	}
	assert_int_equal(ios[COUNT - 1].io.status, SCSI_CHECK_CONDITION);
	assert_int_equal(world->lus[0]->writes, LANE_DEPTH); /* those that were there before it changed */
	free(ios);
	world_destroy(world);
}

/* row: D4: a command that was sent before the number led elsewhere meets the reservation of whoever has it now: that
 * does not bring the path back */
static void test_conflict_on_a_reused_number(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'pdo_remove_period': 15}}");
	struct path *path;
	struct sim_io io;

	(void)state;
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x8a;
	sim_io_init(&io, world->sim);
	sim_io_write(&io, disk_of(world, 100), 0, 7);
	path = io.io.path;
	sim_run(world->sim, 10 * MS);
	sim_lu_identity(world->lus[0], 999);
	for (unsigned i = 0; i < 4; i++)
		lane_reidentify(world_lane(world, world->portals[i]->address));
	sim_run(world->sim, 100 * MS);
	assert_int_equal(path->state, PATH_DOWN);
	assert_true(path_conflict(path)); /* it may be sent elsewhere */
	sim_run(world->sim, S);
	assert_int_equal(path->state, PATH_DOWN);
	sim_array_release(world->array);
	assert_true(sim_io_wait(&io, 60 * S));
	world_destroy(world);
}

/* row: D4: what other nexuses find makes this one look, too: at once, but once a second at most, and never in vain */
static void test_identification_is_paced(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct lane *lane = world_lane(world, PORTAL_1A);
	uint64_t generation, before;

	(void)state;
	sim_run(world->sim, 5 * S);
	before = generation = lane->generation;
	lane_identify(lane);
	assert_int_equal(lane->state, LANE_PROBING);
	sim_run(world->sim, 100 * MS);
	assert_int_equal(lane->generation, ++generation);
	for (unsigned i = 0; i < 500; i++) { /* five seconds of it */
		lane_identify(lane);
		sim_run(world->sim, 10 * MS);
	}
	assert_in_range(lane->generation - before, 5, 7);
	generation = lane->generation;
	sim_run(world->sim, 3 * S);
	assert_in_range(lane->generation - generation, 0, 1); /* the last one, later */
	lane_identify(lane);
	sim_run(world->sim, 100 * MS);
	generation = lane->generation;
	lane_identify(lane); /* too early, and not forgotten */
	sim_run(world->sim, 100 * MS);
	assert_int_equal(lane->generation, generation);
	sim_run(world->sim, S);
	assert_int_equal(lane->generation, generation + 1);
	world_destroy(world);
}

/* row: D4: what another nexus has found is looked for soon, also on a lane that would look again in a minute anyway */
static void test_news_do_not_wait_for_the_next_look(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct lane *lane = world_lane(world, PORTAL_1A);
	uint64_t generation;

	(void)state;
	sim_lu_resize(world->lus[0], WORLD_BLOCKS / 2);
	for (unsigned i = 0; i < 6; i++) { /* each look that finds it smaller plans the next one later */
		lane_reidentify(lane);
		sim_run(world->sim, 500 * MS);
	}
	assert_true(timer_armed(&lane->reconnect));
	generation = lane->generation;
	lane_identify(lane);
	sim_run(world->sim, 2 * S);
	assert_int_equal(lane->generation, generation + 1);
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reused_number_after_reconnect),
		cmocka_unit_test(test_reused_number_in_use),
		cmocka_unit_test(test_reused_number_while_idle),
		cmocka_unit_test(test_late_judgement_is_void),
		cmocka_unit_test(test_reused_number_while_registering),
		cmocka_unit_test(test_number_is_given_back),
		cmocka_unit_test(test_reused_number_seen_by_verification),
		cmocka_unit_test(test_unmapped_for_a_while),
		cmocka_unit_test(test_reused_number_with_a_queue),
		cmocka_unit_test(test_conflict_on_a_reused_number),
		cmocka_unit_test(test_identification_is_paced),
		cmocka_unit_test(test_news_do_not_wait_for_the_next_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
