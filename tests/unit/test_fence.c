/* No stale write, no double execution (semantics, section 5). */
#include "gateway/base/bytes.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <string.h>

#define S US_PER_S
#define MS US_PER_MS
#define WP "'policies': {'default': 'weighted-paths'}"

/* The disk whose first LU is the array's LUN 0, with all I/O going through portal 1A while that is up. */
static struct disk *disk_over_1a(struct world *world)
{
	struct disk *disk = NULL;

	for (uint16_t lun = 0; lun < 2 && !disk; lun++) {
		struct path *path = sim_gateway_path(world->g, 0, lun, PORTAL_1A);

		if (path && path->core->lun == 0)
			disk = path->disk;
	}
	assert_non_null(disk);
	for (unsigned i = 0; i < DSM_PATHS_MAX; i++)
		if (disk->paths[i])
			disk->paths[i]->policy.weight = strcmp(disk->paths[i]->core->link->portal, PORTAL_1A) != 0;
	return disk;
}

/* A write of 1 hangs inside the array on the first path, whose connection is then lost. */
static void lose_a_write(struct world *world, struct sim_io *io)
{
	struct sim_fault *hang = sim_array_fault(world->array, SIM_FAULT_HANG, 1);

	hang->opcode = 0x8a;
	sim_io_init(io, world->sim);
	sim_io_write(io, disk_over_1a(world), 5, 1);
	assert_string_equal(io->io.path->core->link->portal, PORTAL_1A);
	sim_run(world->sim, 10 * MS);
	assert_int_equal(hang->hits, 1);
	sim_portal_reset(world->portals[0]);
}

/* The lost write is written again on another path, the host then writes 2, and only after that the first copy of 1 is
 * let go. What the block holds in the end. */
static uint64_t race(bool cheats)
{
	struct world *world = world_create_ready(1, "{" WP "}");
	struct sim_io first, second;
	uint64_t stamp;

	world->array->cheats = cheats;
	world->array->linger_us = 3600 * S;
	lose_a_write(world, &first);
	assert_true(sim_io_wait(&first, 60 * S));
	assert_int_equal(first.io.status, SCSI_GOOD);
	assert_int_equal(sim_lu_stamp(world->lus[0], 5), 1);
	sim_io_init(&second, world->sim);
	sim_io_write(&second, disk_over_1a(world), 5, 2);
	assert_true(sim_io_wait(&second, S));
	assert_int_equal(second.io.status, SCSI_GOOD);
	sim_array_release(world->array);
	sim_run(world->sim, 10 * S);
	stamp = sim_lu_stamp(world->lus[0], 5);
	world_destroy(world);
	return stamp;
}

/* row: F1 */
static void test_no_stale_write(void **state)
{
	(void)state;
	assert_int_equal(race(false), 2);
}

/* row: F1: an array that breaks the rule shows that the test above would see it */
static void test_a_cheating_array_is_seen(void **state)
{
	(void)state;
	assert_int_equal(race(true), 1);
}

/* row: F1: a live portal of the same group takes the fence login at once */
static void test_sibling_lifts_the_fence(void **state)
{
	struct world *world = world_create_ready(1, "{" WP "}");
	uint64_t logins = world->portals[1]->logins;
	struct sim_io io;

	(void)state;
	world->array->linger_us = 3600 * S;
	lose_a_write(world, &io);
	sim_portal_down(world->portals[0], true); /* the lane's own portal is of no use */
	assert_true(sim_io_wait(&io, 50 * MS));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(world->portals[1]->logins, logins + 1);
	assert_int_equal(world_lane(world, PORTAL_1B)->state, LANE_UP); /* its own session lives on */
	assert_int_equal(world->portals[2]->logins + world->portals[3]->logins, 2);
	assert_int_equal(sim_gateway_events(world->g, "fenced"), 1);
	world_destroy(world);
}

/* row: F1: a portal of another group ends nothing: it is not asked, and the fence waits */
static void test_other_group_does_not_lift_the_fence(void **state)
{
	struct world *world = world_create_ready(1, "{" WP ", 'timers': {'fence_wait': 6}}");
	uint64_t logins, lost;
	struct sim_io io;

	(void)state;
	sim_portal_down(world->portals[1], true); /* group 1 has one portal left */
	sim_run(world->sim, S);
	lose_a_write(world, &io);
	sim_portal_down(world->portals[0], true);
	lost = sim_now_us(world->sim);
	logins = world->portals[2]->logins + world->portals[3]->logins;
	assert_true(sim_io_wait(&io, 60 * S));
	assert_in_range(io.ended_us - lost, 6 * S, 6 * S + 10 * MS);
	assert_int_equal(world->portals[2]->logins + world->portals[3]->logins, logins);
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(sim_lu_stamp(world->lus[0], 5), 1);
	world_destroy(world);
}

/* row: F1: the same names at another array are another group: only what one discovery portal lists together counts */
static void test_other_array_does_not_lift_the_fence(void **state)
{
	struct world *world = world_create(1);
	struct sim_array *twin = sim_array_create(world->sim);
	struct sim_portal *portal = sim_array_add_portal(twin, "10.9.9.9:3260", WORLD_IQN, 1);
	struct sim_io io;
	uint64_t lost;

	(void)state;
	sim_array_add_lu(twin, 0, 900, WORLD_BLOCKS);
	world->portals[0]->lists = 1;
	world_start(world, "{" WP ", 'timers': {'fence_wait': 6}, 'backends': [{'name': 'both', 'portals': ['" PORTAL_1A
			   "', '10.9.9.9:3260', '" PORTAL_2A "']}]}");
	world->portals[2]->lists = 4;
	assert_true(sim_gateway_settles(world->g, 10 * S));
	lose_a_write(world, &io);
	sim_portal_down(world->portals[0], true);
	lost = sim_now_us(world->sim);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_in_range(io.ended_us - lost, 6 * S, 6 * S + 10 * MS);
	assert_int_equal(portal->logins, 1);
	world_destroy(world);
}

/* row: F1: the lane's own portal lifts the fence too, when it is back before the time is over */
static void test_own_portal_lifts_the_fence(void **state)
{
	struct world *world = world_create_ready(1, "{" WP "}");
	struct sim_io io;

	(void)state;
	world->array->linger_us = 3600 * S;
	sim_portal_down(world->portals[1], true);
	sim_run(world->sim, S);
	lose_a_write(world, &io);
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(sim_lu_stamp(world->lus[0], 5), 1);
	sim_array_release(world->array);
	sim_run(world->sim, S);
	assert_int_equal(world->lus[0]->writes, 1);
	world_destroy(world);
}

/* row: F1: a sibling that refuses is passed over; the next one is asked */
static void test_next_sibling_is_asked(void **state)
{
	struct world *world = world_create(1);
	struct sim_portal *third = sim_array_add_portal(world->array, "10.0.1.3:3260", WORLD_IQN, 1);
	struct sim_io io;
	uint64_t logins;

	(void)state;
	world_start(world, "{" WP "}");
	assert_true(sim_gateway_settles(world->g, 10 * S));
	world->array->linger_us = 3600 * S;
	world->portals[1]->refuse = true;
	logins = third->logins;
	lose_a_write(world, &io);
	sim_portal_down(world->portals[0], true);
	assert_true(sim_io_wait(&io, 100 * MS));
	assert_int_equal(third->logins, logins + 1);
	world_destroy(world);
}

/* row: F1: a sibling that comes up later is asked, too, also when another one has refused before */
static void test_new_sibling_is_asked(void **state)
{
	struct world *world = world_create(1);
	struct sim_portal *third = sim_array_add_portal(world->array, "10.0.1.3:3260", WORLD_IQN, 1);
	struct sim_io io;

	(void)state;
	world_start(world, "{" WP ", 'timers': {'fence_wait': 60}}");
	assert_true(sim_gateway_settles(world->g, 10 * S));
	world->array->linger_us = 3600 * S;
	sim_portal_down(third, true);
	world->portals[1]->refuse = true; /* its session lives, but it takes no other */
	lose_a_write(world, &io);
	sim_portal_down(world->portals[0], true);
	sim_run(world->sim, 5 * S);
	assert_int_equal(io.io.place, IO_FENCED);
	sim_portal_down(world->portals[1], true);
	sim_portal_down(third, false);
	assert_true(sim_io_wait(&io, 15 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(world_events(world, "fenced", "form session"), 1);
	world_destroy(world);
}

/* row: F1: no path can take the key away, and so the lane itself tries the next form instead of waiting for its time */
static void test_reservation_form_falls_back(void **state)
{
	struct world *world = world_create(1);
	struct sim_fault *refuse;
	struct sim_io io;
	uint64_t logins;

	(void)state;
	world->lus[0]->reservations.enabled = world->lus[1]->reservations.enabled = true;
	world_start(world, "{" WP ", 'timers': {'fence_wait': 60}}");
	assert_true(sim_gateway_settles(world->g, 10 * S));
	world->array->linger_us = 3600 * S;
	logins = world->portals[1]->logins;
	refuse = world_sense(world, 1000, 0x5e, SENSE_HARDWARE_ERROR, 0x4400); /* READ KEYS */
	lose_a_write(world, &io);
	sim_portal_down(world->portals[0], true);
	assert_true(sim_io_wait(&io, 500 * MS));
	assert_true(refuse->hits >= 3); /* every other path was asked */
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(world_events(world, "fenced", "form session"), 1);
	assert_int_equal(world->portals[1]->logins, logins + 1);
	world_destroy(world);
}

/* row: F1: a black hole on all of the group: the old copy lands late, but before the fence is lifted */
static void test_black_hole_waits(void **state)
{
	struct world *world = world_create_ready(1, "{" WP ", 'timers': {'fence_wait': 12, 'command_timeout': 5}}");
	struct sim_io first, second;

	(void)state;
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x8a;
	sim_io_init(&first, world->sim);
	sim_io_write(&first, disk_over_1a(world), 5, 1);
	sim_run(world->sim, 10 * MS);
	sim_portal_black_hole(world->portals[0], true);
	sim_portal_black_hole(world->portals[1], true);
	sim_run(world->sim, 11 * S);
	assert_int_equal(first.io.place, IO_FENCED);
	sim_array_release(world->array); /* late, within the time that the fence allows for */
	assert_true(sim_io_wait(&first, 60 * S));
	assert_int_equal(first.io.status, SCSI_GOOD);
	sim_io_init(&second, world->sim);
	sim_io_write(&second, disk_over_1a(world), 5, 2);
	assert_true(sim_io_wait(&second, S));
	sim_run(world->sim, 30 * S);
	assert_int_equal(sim_lu_stamp(world->lus[0], 5), 2);
	world_destroy(world);
}

/* Reads wait for no fence. */
static void test_reads_go_on_at_once(void **state)
{
	struct world *world = world_create_ready(1, "{" WP "}");
	struct sim_io io;

	(void)state;
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x88;
	sim_io_init(&io, world->sim);
	sim_io_read(&io, disk_over_1a(world), 5);
	sim_run(world->sim, 10 * MS);
	sim_portal_down(world->portals[0], true);
	sim_portal_down(world->portals[1], true);
	assert_true(sim_io_wait(&io, 10 * MS));
	assert_int_equal(io.io.status, SCSI_GOOD);
	world_destroy(world);
}

/* What was never sent is no lost write: it waits for nothing. */
static void test_waiting_writes_are_not_fenced(void **state)
{
	enum { COUNT = LANE_DEPTH + 1 };
	static struct sim_io ios[COUNT];
	struct world *world = world_create_ready(1, "{" WP "}");

	(void)state;
	sim_array_fault(world->array, SIM_FAULT_HANG, LANE_DEPTH)->opcode = 0x8a;
	for (unsigned i = 0; i < COUNT; i++) {
		sim_io_init(&ios[i], world->sim);
		sim_io_write(&ios[i], disk_over_1a(world), i, i + 1);
	}
	sim_portal_down(world->portals[1], true);
	sim_run(world->sim, 10 * MS);
	sim_portal_down(world->portals[0], true);
	assert_true(sim_io_wait(&ios[COUNT - 1], 10 * MS));
	assert_int_equal(ios[0].io.place, IO_FENCED);
	assert_true(sim_io_wait(&ios[0], 60 * S));
	world_destroy(world);
}

/* an answer that says that nothing was done may be tried again */
static void test_known_outcome_is_repeated(void **state)
{
	struct world *world = world_create_ready(1, "{" WP "}");
	struct sim_io io;

	(void)state;
	world_sense(world, 1, 0x89, SENSE_UNIT_ATTENTION, 0x2900);
	sim_io_init(&io, world->sim);
	sim_io_compare(&io, disk_over_1a(world), 5, 0, 7);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(sim_lu_stamp(world->lus[0], 5), 7);
	world_destroy(world);
}

/* row: F1, D11: the fence and the hold one after the other: every path is lost with a write inside */
static void test_fence_then_hold(void **state)
{
	struct world *world = world_create_ready(1, "{" WP ", 'timers': {'fence_wait': 4}}");
	struct sim_io io;

	(void)state;
	lose_a_write(world, &io);
	for (unsigned i = 0; i < 4; i++)
		sim_portal_down(world->portals[i], true);
	sim_run(world->sim, 3 * S);
	assert_int_equal(io.io.place, IO_FENCED);
	sim_run(world->sim, 3 * S);
	assert_int_equal(io.io.place, IO_HELD);
	for (unsigned i = 0; i < 4; i++)
		sim_portal_down(world->portals[i], false);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(sim_lu_stamp(world->lus[0], 5), 1);
	world_destroy(world);
}

/* row: F1: the link comes back, carries another write and dies again while the first one still waits: form "wait"
 * counts from the death that each has met */
static void test_each_write_waits_its_own_time(void **state)
{
	struct world *world = world_create(1);
	struct sim_io first, second;

	(void)state;
	world_start(world,
		    "{" WP ", 'timers': {'fence_wait': 6}, 'backends': [{'name': 'array', 'portals': ['" PORTAL_1A
		    "'], 'fence': 'wait'}]}");
	assert_true(sim_gateway_settles(world->g, 60 * S));
	lose_a_write(world, &first);
	sim_run(world->sim, 5 * S);
	lose_a_write(world, &second);
	sim_run(world->sim, 2 * S);
	assert_int_equal(first.ended, 1);
	sim_run(world->sim, 3 * S);
	assert_int_equal(second.ended, 0);
	sim_run(world->sim, 2 * S);
	assert_int_equal(second.ended, 1);
	assert_int_equal(second.io.status, SCSI_GOOD);
	world_destroy(world);
}

/* row: F4: the array was not ready when a path registered; the other worker's path holds the reservation. The first
 * write meets the conflict, and registers. */
static void test_registers_when_the_array_is_ready(void **state)
{
	struct world *world = world_create(2);
	struct sim_fault *fault;
	struct sim_io io;

	(void)state;
	world->lus[0]->reservations.enabled = world->lus[1]->reservations.enabled = true;
	world_start(world, NULL);
	assert_true(sim_gateway_settles(world->g, 60 * S));
	for (unsigned i = 1; i < 4; i++)
		sim_portal_down(world->portals[i], true);
	sim_reservation_forget(world->lus[0]);
	fault = world_sense(world, 1, 0x5f, SENSE_NOT_READY, 0x0401);
	fault->lun = 0;
	sim_portal_reset(world->portals[0]);
	sim_run(world->sim, 2 * S);
	assert_int_equal(fault->hits, 1);
	for (unsigned w = 0; w < 2; w++)
		for (uint16_t lun = 0; lun < 2; lun++) {
			sim_io_init(&io, world->sim);
			sim_io_write(&io, sim_gateway_disk(world->g, w, lun), 0, 1);
			assert_true(sim_io_wait(&io, S));
			assert_int_equal(io.io.status, SCSI_GOOD);
		}
	world_destroy(world);
}

/* row: F1: a disk whose writes wait for the fence is in failover; it says so, and only as long */
static void test_the_fence_is_a_failover(void **state)
{
	struct world *world = world_create_ready(1, "{" WP ", 'timers': {'fence_wait': 6}}");
	const struct device *device;
	struct sim_io io;

	(void)state;
	sim_portal_down(world->portals[1], true);
	sim_run(world->sim, S);
	lose_a_write(world, &io);
	device = container_of(io.io.disk->core, struct device, core);
	assert_string_equal(device_state_name(device), "degraded");
	sim_portal_down(world->portals[0], true);
	sim_run(world->sim, 5 * S);
	assert_false(sim_io_ended(&io));
	assert_string_equal(device_state_name(device), "failover");
	world_down(world, true);
	sim_run(world->sim, 10 * MS);
	assert_string_equal(device_state_name(device), "no-paths"); /* what is worse is said */
	world_down(world, false);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_true(sim_gateway_settles(world->g, 20 * S));
	assert_string_equal(device_state_name(device), "normal");
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_stale_write),
		cmocka_unit_test(test_a_cheating_array_is_seen),
		cmocka_unit_test(test_sibling_lifts_the_fence),
		cmocka_unit_test(test_other_group_does_not_lift_the_fence),
		cmocka_unit_test(test_other_array_does_not_lift_the_fence),
		cmocka_unit_test(test_own_portal_lifts_the_fence),
		cmocka_unit_test(test_next_sibling_is_asked),
		cmocka_unit_test(test_new_sibling_is_asked),
		cmocka_unit_test(test_reservation_form_falls_back),
		cmocka_unit_test(test_black_hole_waits),
		cmocka_unit_test(test_reads_go_on_at_once),
		cmocka_unit_test(test_waiting_writes_are_not_fenced),
		cmocka_unit_test(test_known_outcome_is_repeated),
		cmocka_unit_test(test_fence_then_hold),
		cmocka_unit_test(test_each_write_waits_its_own_time),
		cmocka_unit_test(test_registers_when_the_array_is_ready),
		cmocka_unit_test(test_the_fence_is_a_failover),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
