/* What an error does to a command and to its path: retries, counted and bounded by time, and verification. */
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <string.h>

#define S US_PER_S
#define MS US_PER_MS

/* row: L1: retry_count counted retries, retry_interval apart but for the first, which is due at once */
static void test_counted_retries(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'retry_count': 3, 'retry_interval': 2}}");
	struct sim_fault *fault = world_sense(world, 3, 0x88, SENSE_UNIT_ATTENTION, 0x5d00);
	struct sim_io io;

	(void)state;
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(fault->hits, 3);
	assert_in_range(io.ended_us - io.started_us, 4 * S, 4 * S + 10 * MS);

	fault->count = 4; /* one more than is allowed: the host gets the answer as it is */
	sim_io_read(&io, world_disk(world, 0), 0);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_CHECK_CONDITION);
	assert_int_equal(sim_io_key(&io), SENSE_UNIT_ATTENTION);
	assert_int_equal(sim_io_asc(&io), 0x5d00);
	assert_int_equal(fault->hits, 7);
	assert_int_equal(figure_get(&world_disk(world, 0)->cell->retries), 6);
	assert_int_equal(figure_get(&world_disk(world, 0)->cell->io_errors), 1);
	world_destroy(world);
}

/* row: E7: becoming ready: the same path, after retry_interval each time */
static void test_becoming_ready(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_fault *fault = world_sense(world, 2, 0x88, SENSE_NOT_READY, 0x0401);
	const struct path *path;
	struct sim_io io;

	(void)state;
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	path = io.io.path;
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_ptr_equal(io.io.path, path);
	assert_int_equal(path->state, PATH_UP);
	assert_int_equal(fault->hits, 2);
	assert_in_range(io.ended_us - io.started_us, 2 * S, 2 * S + 10 * MS);
	world_destroy(world);
}

/* row: E10: what is sent again at once, uncounted, is not for ever: not ten thousand times in the time that it has */
static void test_attention_without_an_end(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_fault *fault = world_sense(world, 1000000, 0x88, SENSE_UNIT_ATTENTION, 0x2a06);
	struct sim_io io;

	(void)state;
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_CHECK_CONDITION);
	assert_in_range(fault->hits, 200, 1500);
	world_destroy(world);
}

/* row: E21: BUSY is asked again for a while, not counted, and then the host is told */
static void test_busy_is_bounded_in_time(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'pdo_remove_period': 5}}");
	struct sim_fault *fault = sim_array_fault(world->array, SIM_FAULT_STATUS, 20);
	struct sim_io io;

	(void)state;
	fault->status = SCSI_BUSY;
	fault->opcode = 0x8a;
	sim_io_init(&io, world->sim);
	sim_io_write(&io, world_disk(world, 0), 0, 1);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(fault->hits, 20);

	fault->count = 1000000;
	sim_io_write(&io, world_disk(world, 0), 0, 2);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_BUSY);
	assert_in_range(io.ended_us - io.started_us, 5 * S, 6 * S);
	assert_int_equal(sim_disk_paths(world_disk(world, 0), PATH_UP), 4);
	world_destroy(world);
}

/* row: L4: the time bound of uncounted retries begins with the first of them, not with a long hang before */
static void test_time_bound_begins_with_the_retry(void **state)
{
	struct world *world = world_create_ready(1, "{'policies': {'default': 'fail-over-only'}}");
	struct sim_fault *hang = sim_array_fault(world->array, SIM_FAULT_HANG, 1);
	struct sim_fault *busy;
	struct sim_io io;

	(void)state;
	hang->opcode = 0x88;
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	sim_run(world->sim, 15 * S);
	busy = world_sense(world, 3, 0x88, SENSE_NOT_READY, 0x040a);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(busy->hits, 3);
	assert_int_equal(io.io.status, SCSI_GOOD);
	world_destroy(world);
}

/* row: E19: a hardware error is tried once on another path, then it is the host's */
static void test_hardware_error_once_elsewhere(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_fault *fault = world_sense(world, 1, 0x88, SENSE_HARDWARE_ERROR, 0x4400);
	struct sim_io io;

	(void)state;
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	fault->count = 100;
	sim_io_read(&io, world_disk(world, 0), 0);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(sim_io_key(&io), SENSE_HARDWARE_ERROR);
	assert_int_equal(fault->hits, 3);
	world_destroy(world);
}

/* row: E3: an iSCSI Reject: another path once, counted, the path is suspect; the second one is the host's */
static void test_reject(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_fault *fault = sim_array_fault(world->array, SIM_FAULT_REJECT, 1);
	const struct path *path;
	struct sim_io io;

	(void)state;
	fault->opcode = 0x8a;
	sim_io_init(&io, world->sim);
	sim_io_write(&io, world_disk(world, 0), 0, 1);
	path = io.io.path;
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(io.io.retries, 1);
	assert_ptr_not_equal(io.io.path, path);
	assert_int_equal(figure_get(&path->cell->path_failures), 1);
	fault->count = 2;
	sim_io_write(&io, world_disk(world, 0), 0, 2);
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(io.io.status, SCSI_CHECK_CONDITION);
	assert_int_equal(sim_io_asc(&io), 0x4400);
	assert_int_equal(fault->hits, 3);
	world_destroy(world);
}

/* row: E3 F3: what must not run twice is not simply sent again after a Reject: the medium is asked */
static void test_reject_once(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_io io;

	(void)state;
	sim_array_fault(world->array, SIM_FAULT_REJECT, 1)->opcode = 0x89;
	sim_io_init(&io, world->sim);
	sim_io_compare(&io, world_disk(world, 0), 0, 0, 1);
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(world_events(world, "reconciled", "sent again"), 1);
	world_destroy(world);
}

/* row: E17: an error of the command itself goes back as it is, and no path suffers */
static void test_host_errors_return(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_fault *fault = world_sense(world, 1, 0x88, SENSE_MEDIUM_ERROR, 0x1100);
	struct sim_io io;

	(void)state;
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(sim_io_key(&io), SENSE_MEDIUM_ERROR);
	assert_int_equal(sim_io_asc(&io), 0x1100);
	assert_int_equal(fault->hits, 1);
	assert_int_equal(sim_disk_paths(world_disk(world, 0), PATH_UP), 4);
	world_destroy(world);
}

/* row: L2, E18: once more on the same path, then on another one; and the suspect path rests until TEST UNIT READY
 * succeeds on it */
static void test_suspect_path_is_verified(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_fault *aborts = world_sense(world, 2, 0x88, SENSE_ABORTED_COMMAND, 0x4e00);
	struct sim_fault *not_yet = world_sense(world, 2, 0x00, SENSE_NOT_READY, 0x0403);
	const struct path *suspect;
	struct sim_io io;

	(void)state;
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	suspect = io.io.path;
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(aborts->hits, 2);
	assert_ptr_not_equal(io.io.path, suspect);
	assert_int_equal(suspect->state, PATH_VERIFYING);
	for (unsigned n = 0; n < 8; n++) { /* it carries nothing meanwhile */
		sim_io_read(&io, world_disk(world, 0), n);
		assert_ptr_not_equal(io.io.path, suspect);
		assert_true(sim_io_wait(&io, S));
	}
	sim_run(world->sim, 4 * S);
	assert_int_equal(not_yet->hits, 2);
	assert_int_equal(suspect->state, PATH_UP);
	world_destroy(world);
}

/* row: L2: news of another path of the device does not stand in for the verification */
static void test_suspect_path_is_not_raised_by_others(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_fault *not_yet = world_sense(world, 1000, 0x00, SENSE_NOT_READY, 0x0403);
	struct path *suspect = sim_gateway_path(world->g, 0, 0, PORTAL_1A);
	struct sim_fault *abort_once = world_sense(world, 1, 0x88, SENSE_ABORTED_COMMAND, 0x4e00);
	struct sim_io io;

	(void)state;
	abort_once->portal = not_yet->portal = 0;
	sim_io_init(&io, world->sim);
	for (unsigned n = 0; n < 4; n++) {
		sim_io_read(&io, world_disk(world, 0), n);
		assert_true(sim_io_wait(&io, S));
	}
	assert_int_equal(suspect->state, PATH_VERIFYING);
	lane_reidentify(world_lane(world, PORTAL_2B)); /* its inventory is judged, and the device's paths are raised */
	for (unsigned n = 0; n < 20; n++) {
		sim_run(world->sim, MS);
		assert_int_equal(suspect->state, PATH_VERIFYING);
	}
	assert_int_equal(sim_gateway_path(world->g, 0, 0, PORTAL_2B)->state, PATH_UP);
	not_yet->count = 0;
	sim_run(world->sim, 2 * S);
	assert_int_equal(suspect->state, PATH_UP);
	world_destroy(world);
}

/* row: P10: a doubtful path is better than none */
static void test_only_suspect_paths_left(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_fault *fault;
	struct sim_io io;

	(void)state;
	for (unsigned i = 1; i < 4; i++)
		sim_portal_down(world->portals[i], true);
	sim_run(world->sim, S);
	world_sense(world, 1000, 0x00, SENSE_NOT_READY, 0x0403);
	fault = world_sense(world, 2, 0x88, SENSE_ABORTED_COMMAND, 0x4e00);
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(fault->hits, 2);
	world_destroy(world);
}

/* row: P5: a retry elsewhere never ends up nowhere because the policy wants none of the others */
static void test_other_path_that_the_policy_refuses(void **state)
{
	struct world *world = world_create_ready(1, "{'policies': {'default': 'weighted-paths'}}");
	struct disk *disk = world_disk(world, 0);
	struct sim_fault *fault = world_sense(world, 1, 0x88, SENSE_NOT_READY, 0x0403);
	struct sim_io io;

	(void)state;
	for (unsigned i = 1; i < 4; i++)
		disk->paths[i]->policy.weight = UINT32_MAX;
	sim_io_init(&io, world->sim);
	sim_io_read(&io, disk, 0);
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(fault->hits, 1);
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counted_retries),
		cmocka_unit_test(test_becoming_ready),
		cmocka_unit_test(test_attention_without_an_end),
		cmocka_unit_test(test_reject),
		cmocka_unit_test(test_reject_once),
		cmocka_unit_test(test_busy_is_bounded_in_time),
		cmocka_unit_test(test_time_bound_begins_with_the_retry),
		cmocka_unit_test(test_hardware_error_once_elsewhere),
		cmocka_unit_test(test_host_errors_return),
		cmocka_unit_test(test_suspect_path_is_verified),
		cmocka_unit_test(test_suspect_path_is_not_raised_by_others),
		cmocka_unit_test(test_only_suspect_paths_left),
		cmocka_unit_test(test_other_path_that_the_policy_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
