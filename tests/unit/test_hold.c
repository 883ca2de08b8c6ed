/* Commands without a path, and commands that their host does not want any more. */
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define S US_PER_S
#define MS US_PER_MS

/* ---- no path at all -------------------------------------------------------------------------------------------- */

/* row: D11 */
static void test_held_until_a_path_returns(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_io write, read;

	(void)state;
	world_down(world, true);
	sim_run(world->sim, S);
	sim_io_init(&write, world->sim);
	sim_io_init(&read, world->sim);
	sim_io_write(&write, world_disk(world, 0), 3, 77);
	sim_io_read(&read, world_disk(world, 1), 3);
	sim_run(world->sim, 10 * S);
	assert_int_equal(write.ended + read.ended, 0);
	assert_int_equal(atomic_load(&world_disk(world, 0)->core->held[0]), 1);
	world_down(world, false);
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
	world_down(world, true);
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

	world_down(world, false); /* it comes back under the same number */
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
	world_down(world, true);
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
	world_down(world, false);
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
	world_down(world, true);
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
	struct sim_fault *fault = world_sense(world, 1, 0x8a, SENSE_NOT_READY, 0x040a);
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
	world_down(world, true); /* no sibling is left to lift the fence */
	sim_run(world->sim, 10 * MS);
	assert_int_equal(io.io.place, IO_FENCED);
	disk_abort(&io.io);
	sim_run(world->sim, S);
	assert_int_equal(io.ended, 0);
	world_down(world, false);
	assert_true(sim_io_wait(&io, 20 * S));
	assert_int_equal(io.io.status, SCSI_TASK_ABORTED);
	sim_run(world->sim, S);
	assert_int_equal(world->lus[0]->writes, 0);
	world_destroy(world);
}

/* row: D11, P5: paths of which the policy wants none are no paths, however often they are looked at meanwhile */
static void test_unwanted_paths_do_not_hold_for_ever(void **state)
{
	struct world *world = world_create_ready(1, "{'policies': {'default': 'weighted-paths'}}");
	struct disk *disk = world_disk(world, 0);
	struct sim_io io, later;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		disk->paths[i]->policy.weight = UINT32_MAX;
	sim_io_init(&io, world->sim);
	sim_io_init(&later, world->sim);
	sim_io_write(&io, disk, 0, 1);
	for (unsigned i = 0; i < 21; i++) {
		sim_run(world->sim, S);
		disk_refresh(disk);
		if (i == 9)
			sim_io_write(&later, disk, 1, 1);
	}
	assert_int_equal(io.ended, 1);
	assert_int_equal(sim_io_asc(&io), 0x0800);
	assert_int_equal(later.ended, 1); /* it is the disk that has no path, not the command */
	disk->paths[2]->policy.weight = 1;
	disk_refresh(disk);
	sim_io_write(&io, disk, 0, 2);
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	for (unsigned i = 0; i < 4; i++)
		disk->paths[i]->policy.weight = UINT32_MAX;
	disk_refresh(disk);
	sim_io_write(&io, disk, 0, 3); /* from now on it is held again */
	sim_run(world->sim, 10 * S);
	assert_int_equal(io.io.place, IO_HELD);
	disk->paths[1]->policy.weight = 1;
	disk_refresh(disk);
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_held_until_a_path_returns),
		cmocka_unit_test(test_fails_after_pdo_remove_period),
		cmocka_unit_test(test_unwanted_paths_do_not_hold_for_ever),
		cmocka_unit_test(test_held_bytes_are_bounded),
		cmocka_unit_test(test_abort_held),
		cmocka_unit_test(test_abort_on_lane_waits_for_the_answer),
		cmocka_unit_test(test_abort_delayed),
		cmocka_unit_test(test_abort_waiting),
		cmocka_unit_test(test_abort_fenced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
