/* Disks and their paths: what a host sees, and does not see, of errors and failures below. */
#include "dsm/policy.h"
#include "gateway/registry.h"
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
	assert_true(sim_io_wait(&ios[1], S)); /* now two are in flight on the first, one of each LU, none on the second */
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

/* ---- counted and uncounted retries ----------------------------------------------------------------------------- */

static struct sim_fault *sense(struct world *world, unsigned count, uint8_t opcode, uint8_t key, uint16_t asc)
{
	struct sim_fault *fault = sim_array_fault(world->array, SIM_FAULT_SENSE, count);

	fault->opcode = opcode;
	fault->key = key;
	fault->asc = asc;
	return fault;
}

/* row: L1: retry_count counted retries, retry_interval apart but for the first, which is due at once */
static void test_counted_retries(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'retry_count': 3, 'retry_interval': 2}}");
	struct sim_fault *fault = sense(world, 3, 0x88, SENSE_UNIT_ATTENTION, 0x5d00);
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
	struct sim_fault *fault = sense(world, 2, 0x88, SENSE_NOT_READY, 0x0401);
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
	busy = sense(world, 3, 0x88, SENSE_NOT_READY, 0x040a);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(busy->hits, 3);
	assert_int_equal(io.io.status, SCSI_GOOD);
	world_destroy(world);
}

/* row: E19: a hardware error is tried once on another path, then it is the host's */
static void test_hardware_error_once_elsewhere(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_fault *fault = sense(world, 1, 0x88, SENSE_HARDWARE_ERROR, 0x4400);
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

/* row: E17: an error of the command itself goes back as it is, and no path suffers */
static void test_host_errors_return(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_fault *fault = sense(world, 1, 0x88, SENSE_MEDIUM_ERROR, 0x1100);
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

/* row: L2: a suspect path rests until TEST UNIT READY succeeds on it */
static void test_suspect_path_is_verified(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_fault *aborts = sense(world, 2, 0x88, SENSE_ABORTED_COMMAND, 0x4e00); /* E18: same path, then another */
	struct sim_fault *not_yet = sense(world, 2, 0x00, SENSE_NOT_READY, 0x0403);
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
	struct sim_fault *not_yet = sense(world, 1000, 0x00, SENSE_NOT_READY, 0x0403);
	struct path *suspect = sim_gateway_path(world->g, 0, 0, PORTAL_1A);
	struct sim_fault *abort_once = sense(world, 1, 0x88, SENSE_ABORTED_COMMAND, 0x4e00);
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
	sense(world, 1000, 0x00, SENSE_NOT_READY, 0x0403);
	fault = sense(world, 2, 0x88, SENSE_ABORTED_COMMAND, 0x4e00);
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
	struct sim_fault *fault = sense(world, 1, 0x88, SENSE_NOT_READY, 0x0403);
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

/* ---- no path at all -------------------------------------------------------------------------------------------- */

static void all_down(struct world *world, bool down)
{
	for (unsigned i = 0; i < 4; i++)
		sim_portal_down(world->portals[i], down);
}

/* row: D11 */
static void test_held_until_a_path_returns(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_io write, read;

	(void)state;
	all_down(world, true);
	sim_run(world->sim, S);
	sim_io_init(&write, world->sim);
	sim_io_init(&read, world->sim);
	sim_io_write(&write, world_disk(world, 0), 3, 77);
	sim_io_read(&read, world_disk(world, 1), 3);
	sim_run(world->sim, 10 * S);
	assert_int_equal(write.ended + read.ended, 0);
	assert_int_equal(atomic_load(&world_disk(world, 0)->core->held[0]), 1);
	all_down(world, false);
	assert_true(sim_io_wait(&write, 10 * S) && sim_io_wait(&read, 10 * S));
	assert_int_equal(write.io.status, SCSI_GOOD);
	assert_int_equal(read.io.status, SCSI_GOOD);
	assert_int_equal(atomic_load(&world_disk(world, 0)->core->held[0]), 0);
	assert_int_equal(world_disk(world, 0)->held_bytes, 0);
	world_destroy(world);
}

/* row: D11: after pdo_remove_period it fails; and what comes later fails at once, until a path returns */
static void test_fails_after_pdo_remove_period(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'pdo_remove_period': 7}}");
	struct sim_io early, late;
	uint64_t gone;

	(void)state;
	sim_io_init(&early, world->sim);
	sim_io_init(&late, world->sim);
	all_down(world, true);
	gone = sim_now_us(world->sim);
	sim_run(world->sim, 2 * S);
	sim_io_write(&early, world_disk(world, 0), 0, 1);
	sim_run(world->sim, 3 * S);
	sim_io_write(&late, world_disk(world, 0), 1, 1);
	assert_true(sim_io_wait(&early, 60 * S) && sim_io_wait(&late, S));
	assert_int_equal(early.io.status, SCSI_CHECK_CONDITION);
	assert_int_equal(sim_io_asc(&early), 0x0800);
	assert_in_range(early.ended_us - gone, 7 * S, 7 * S + 10 * MS); /* of the device, not of the command */
	assert_in_range(late.ended_us - gone, 7 * S, 7 * S + 10 * MS);
	sim_io_write(&late, world_disk(world, 0), 1, 1);
	assert_true(sim_io_wait(&late, MS));
	assert_int_equal(late.io.status, SCSI_CHECK_CONDITION);
	assert_int_equal(sim_gateway_events(world->g, "io-failed"), 1);

	all_down(world, false); /* it comes back under the same number */
	assert_true(sim_gateway_settles(world->g, 60 * S));
	sim_io_write(&late, world_disk(world, 0), 1, 2);
	assert_true(sim_io_wait(&late, S));
	assert_int_equal(late.io.status, SCSI_GOOD);
	world_destroy(world);
}

/* row: D11: what is held is bounded in bytes */
static void test_held_bytes_are_bounded(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_io first, more, small;

	(void)state;
	all_down(world, true);
	sim_run(world->sim, S);
	sim_io_init(&first, world->sim);
	sim_io_init(&more, world->sim);
	sim_io_init(&small, world->sim);
	sim_io_write(&first, world_disk(world, 0), 0, 1);
	/* the sizes alone count here: these commands are never sent */
	world_disk(world, 0)->held_bytes += DISK_HELD_BYTES_MAX - 2 * SIM_BLOCK;
	sim_io_write(&small, world_disk(world, 0), 1, 1);
	sim_io_write(&more, world_disk(world, 0), 2, 1);
	assert_true(sim_io_wait(&more, MS));
	assert_int_equal(more.io.status, SCSI_BUSY);
	assert_int_equal(small.ended, 0);
	world_disk(world, 0)->held_bytes -= DISK_HELD_BYTES_MAX - 2 * SIM_BLOCK;
	all_down(world, false);
	assert_true(sim_io_wait(&first, 20 * S) && sim_io_wait(&small, 20 * S));
	assert_int_equal(first.io.status, SCSI_GOOD);
	world_destroy(world);
}

/* ---- aborts ---------------------------------------------------------------------------------------------------- */

static void test_abort_held(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_io io;

	(void)state;
	all_down(world, true);
	sim_run(world->sim, S);
	sim_io_init(&io, world->sim);
	sim_io_write(&io, world_disk(world, 0), 0, 1);
	assert_int_equal(io.io.place, IO_HELD);
	disk_abort(&io.io);
	assert_int_equal(io.ended, 0);
	assert_true(sim_io_wait(&io, MS));
	assert_int_equal(io.io.status, SCSI_TASK_ABORTED);
	assert_int_equal(world_disk(world, 0)->held_bytes, 0);
	assert_int_equal(world_disk(world, 0)->busy, 0);
	world_destroy(world);
}

static void test_abort_on_lane_waits_for_the_answer(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_fault *fault = sense(world, 1, 0x8a, SENSE_NOT_READY, 0x040a);
	struct sim_io io;

	(void)state;
	sim_io_init(&io, world->sim);
	sim_io_write(&io, world_disk(world, 0), 0, 1);
	assert_int_equal(io.io.place, IO_ON_LANE);
	disk_abort(&io.io);
	disk_abort(&io.io); /* twice is harmless */
	assert_int_equal(io.ended, 0);
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(fault->hits, 1); /* an error that would have been tried again was not */
	assert_int_equal(io.ended, 1);
	world_destroy(world);
}

static void test_abort_delayed(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_fault *fault = sim_array_fault(world->array, SIM_FAULT_STATUS, 1000);
	struct sim_io io;

	(void)state;
	fault->status = SCSI_BUSY;
	fault->opcode = 0x8a;
	sim_io_init(&io, world->sim);
	sim_io_write(&io, world_disk(world, 0), 0, 1);
	sim_run(world->sim, 50 * MS);
	assert_int_equal(io.io.place, IO_DELAYED);
	disk_abort(&io.io);
	disk_abort(&io.io);
	assert_true(sim_io_wait(&io, MS));
	sim_run(world->sim, S);
	assert_int_equal(io.ended, 1);
	assert_int_equal(io.io.status, SCSI_TASK_ABORTED);
	assert_int_equal(fault->hits, 1);
	world_destroy(world);
}

static void test_abort_waiting(void **state)
{
	enum { COUNT = LANE_DEPTH + 2 };
	struct world *world = world_create_ready(1, "{'policies': {'default': 'fail-over-only'}}");
	struct sim_io *ios = calloc(COUNT, sizeof(*ios)), *last = &ios[COUNT - 1];

	(void)state;
	assert_non_null(ios);
	sim_array_fault(world->array, SIM_FAULT_HANG, LANE_DEPTH)->opcode = 0x8a;
	for (unsigned i = 0; i < COUNT; i++) {
		sim_io_init(&ios[i], world->sim);
		sim_io_write(&ios[i], world_disk(world, 0), i, i + 1);
	}
	assert_int_equal(last->io.place, IO_WAITING);
	sim_run(world->sim, 100 * MS);
	disk_abort(&last->io);
	assert_true(sim_io_wait(last, MS));
	assert_int_equal(last->io.status, SCSI_TASK_ABORTED);
	sim_array_release(world->array);
	sim_run(world->sim, S);
	for (unsigned i = 0; i < COUNT - 1; i++)
		assert_int_equal(ios[i].ended, 1);
	assert_int_equal(sim_lu_stamp(world->lus[0], COUNT - 1), 0);
	assert_int_equal(figure_get(&world_lane(world, PORTAL_1A)->cell->inflight), 0);
	free(ios);
	world_destroy(world);
}

/* An aborted write behind the fence is not sent again; it ends when no copy of it can land any more. */
static void test_abort_fenced(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_io io;

	(void)state;
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x8a;
	sim_io_init(&io, world->sim);
	sim_io_write(&io, world_disk(world, 0), 0, 1);
	sim_run(world->sim, 10 * MS);
	all_down(world, true); /* no sibling is left to lift the fence */
	sim_run(world->sim, 10 * MS);
	assert_int_equal(io.io.place, IO_FENCED);
	disk_abort(&io.io);
	sim_run(world->sim, S);
	assert_int_equal(io.ended, 0);
	all_down(world, false);
	assert_true(sim_io_wait(&io, 20 * S));
	assert_int_equal(io.io.status, SCSI_TASK_ABORTED);
	sim_run(world->sim, S);
	assert_int_equal(world->lus[0]->writes, 0);
	world_destroy(world);
}

/* ---- removal --------------------------------------------------------------------------------------------------- */

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
	struct sim_fault *fault = sense(world, 2, 0x8a, SENSE_UNIT_ATTENTION, 0x5d00);
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
	all_down(world, true);
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
	sense(world, 1, 0x88, SENSE_ABORTED_COMMAND, 0x4e00);
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
		disk_set_policy(world_disk(world, 0), policy_setup_create(policy_find(names[n])));
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
		cmocka_unit_test(test_counted_retries),
		cmocka_unit_test(test_becoming_ready),
		cmocka_unit_test(test_busy_is_bounded_in_time),
		cmocka_unit_test(test_time_bound_begins_with_the_retry),
		cmocka_unit_test(test_hardware_error_once_elsewhere),
		cmocka_unit_test(test_host_errors_return),
		cmocka_unit_test(test_suspect_path_is_verified),
		cmocka_unit_test(test_suspect_path_is_not_raised_by_others),
		cmocka_unit_test(test_only_suspect_paths_left),
		cmocka_unit_test(test_other_path_that_the_policy_refuses),
		cmocka_unit_test(test_dead_link_moves_all_lus),
		cmocka_unit_test(test_in_flight_commands_survive),
		cmocka_unit_test(test_each_submit_is_one_execution),
		cmocka_unit_test(test_held_until_a_path_returns),
		cmocka_unit_test(test_fails_after_pdo_remove_period),
		cmocka_unit_test(test_held_bytes_are_bounded),
		cmocka_unit_test(test_abort_held),
		cmocka_unit_test(test_abort_on_lane_waits_for_the_answer),
		cmocka_unit_test(test_abort_delayed),
		cmocka_unit_test(test_abort_waiting),
		cmocka_unit_test(test_abort_fenced),
		cmocka_unit_test(test_removal_drains),
		cmocka_unit_test(test_removal_drains_over_a_failure),
		cmocka_unit_test(test_removal_of_an_idle_disk),
		cmocka_unit_test(test_removal_fails_what_is_held),
		cmocka_unit_test(test_removal_during_verification),
		cmocka_unit_test(test_stop_with_commands_inside),
		cmocka_unit_test(test_policy_change_under_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
