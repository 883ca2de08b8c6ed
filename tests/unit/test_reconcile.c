/* COMPARE AND WRITE whose answer was lost (semantics, row F3). */
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#define S US_PER_S
#define MS US_PER_MS
#define WP "'policies': {'default': 'weighted-paths'}"
#define LBA 5

/* How a COMPARE AND WRITE of old to fresh, over a medium that holds 1, ends when the fault meets it. */
static struct world *compare(struct sim_io *io, enum sim_fault_kind kind, uint64_t old, uint64_t fresh)
{
	struct world *world = world_create_ready(1, "{" WP ", 'timers': {'command_timeout': 5}}");
	struct disk *disk = world_prefer(world, PORTAL_1A);

	sim_io_init(io, world->sim);
	sim_io_write(io, disk, LBA, 1);
	assert_true(sim_io_wait(io, S));
	sim_array_fault(world->array, kind, 1)->opcode = 0x89;
	sim_io_compare(io, disk, LBA, old, fresh);
	sim_run(world->sim, 500);
	return world;
}

static void assert_unknown(const struct sim_io *io)
{
	assert_int_equal(io->io.status, SCSI_CHECK_CONDITION);
	assert_int_equal(sim_io_key(io), SENSE_ABORTED_COMMAND);
	assert_int_equal(sim_io_asc(io), 0x0800);
}

/* row: F3: it had been carried out: it is not again, and ends well */
static void test_done(void **state)
{
	struct sim_io io;
	struct world *world = compare(&io, SIM_FAULT_RESET, 1, 7);

	(void)state;
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(io.io.transfer, 2 * SIM_BLOCK);
	assert_int_equal(sim_lu_stamp(world->lus[0], LBA), 7);
	assert_int_equal(world->lus[0]->writes, 2); /* the first of them prepared the medium */
	assert_int_equal(world_events(world, "reconciled", "had been carried out"), 1);
	assert_int_equal(figure_get(&world_disk(world, 0)->cell->reads), 0);
	world_destroy(world);
}

/* row: F3: it had not been carried out: it is, once */
static void test_not_done(void **state)
{
	struct sim_io io;
	struct world *world = compare(&io, SIM_FAULT_HANG, 1, 7);

	(void)state;
	sim_portal_reset(world->portals[0]);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(sim_lu_stamp(world->lus[0], LBA), 7);
	assert_int_equal(world->lus[0]->writes, 2);
	assert_int_equal(world_events(world, "reconciled", "sent again"), 1);
	world_destroy(world);
}

/* row: F3 E4: the same when it was aborted for taking too long */
static void test_timeout(void **state)
{
	struct sim_io io;
	struct world *world = compare(&io, SIM_FAULT_HANG, 1, 7);

	(void)state;
	assert_true(sim_io_wait(&io, 7 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(world->lus[0]->writes, 2);
	assert_int_equal(world_events(world, "reconciled", "sent again"), 1);
	assert_int_equal(sim_gateway_events(world->g, "fenced"), 0);
	world_destroy(world);
}

/* row: F3: what it was sent to compare with is not there: sent again it would miscompare, but it may also have been
 * carried out and overwritten: neither is said */
static void test_something_else(void **state)
{
	struct sim_io io;
	struct world *world = compare(&io, SIM_FAULT_HANG, 3, 7);

	(void)state;
	sim_portal_reset(world->portals[0]);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_unknown(&io);
	assert_int_equal(sim_lu_stamp(world->lus[0], LBA), 1);
	assert_int_equal(world_events(world, "reconciled", "may have been"), 1);
	world_destroy(world);
}

/* row: F3: both halves are the same: a second time changes nothing, and its answer is true */
static void test_equal_halves(void **state)
{
	struct sim_io io;
	struct world *world = compare(&io, SIM_FAULT_RESET, 1, 1);

	(void)state;
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(world_events(world, "reconciled", "sent again"), 1);
	world_destroy(world);
}

/* row: F3 F1: not before the fence: the copy that hangs lands late, and is seen */
static void test_after_the_fence(void **state)
{
	struct world *world = world_create(1);
	struct sim_io io;

	(void)state;
	world_start(world,
		    "{" WP ", 'timers': {'fence_wait': 6}, 'backends': [{'name': 'array', 'portals': ['" PORTAL_1A
		    "'], 'fence': 'wait'}]}");
	assert_true(sim_gateway_settles(world->g, 60 * S));
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x89;
	sim_io_init(&io, world->sim);
	sim_io_compare(&io, world_prefer(world, PORTAL_1A), LBA, 0, 7);
	sim_run(world->sim, 10 * MS);
	world->array->cheats = true; /* the session's successor does not end it */
	sim_portal_reset(world->portals[0]);
	sim_run(world->sim, 5 * S);
	assert_int_equal(io.ended, 0);
	sim_array_release(world->array);
	assert_true(sim_io_wait(&io, 3 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(world->lus[0]->writes, 1);
	world_destroy(world);
}

/* row: F3: the medium cannot be read: nothing is known */
static void test_unreadable(void **state)
{
	struct sim_io io;
	struct world *world = compare(&io, SIM_FAULT_RESET, 1, 7);

	(void)state;
	world_sense(world, 1, 0x88, SENSE_MEDIUM_ERROR, 0x1100);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_unknown(&io);
	world_destroy(world);
}

/* The host aborts it while the medium is being read: it ends, and is not sent again. */
static void test_aborted(void **state)
{
	struct sim_io io;
	struct world *world = compare(&io, SIM_FAULT_HANG, 1, 7);

	(void)state;
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x88;
	sim_portal_reset(world->portals[0]);
	sim_run(world->sim, 100 * MS);
	assert_int_equal(io.io.place, IO_RECONCILING);
	disk_abort(&io.io);
	assert_int_equal(io.ended, 0);
	sim_array_release(world->array);
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(io.io.status, SCSI_TASK_ABORTED);
	assert_int_equal(world->lus[0]->writes, 1);
	world_destroy(world);
}

/* row: F3: no other command can be reconciled; its host is told */
static void test_other_commands(void **state)
{
	static const uint8_t send_diagnostic[6] = { 0x1d };
	struct world *world = world_create_ready(1, "{" WP "}");
	struct sim_io io;

	(void)state;
	sim_array_fault(world->array, SIM_FAULT_RESET, 1)->opcode = 0x1d;
	sim_io_init(&io, world->sim);
	sim_io_command(&io, world_prefer(world, PORTAL_1A), send_diagnostic, 6, SCSI_DIR_NONE, 0);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_unknown(&io);
	assert_int_equal(sim_gateway_events(world->g, "reconciled"), 0);
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_done),           cmocka_unit_test(test_not_done),
		cmocka_unit_test(test_timeout),        cmocka_unit_test(test_something_else),
		cmocka_unit_test(test_equal_halves),   cmocka_unit_test(test_after_the_fence),
		cmocka_unit_test(test_unreadable),     cmocka_unit_test(test_aborted),
		cmocka_unit_test(test_other_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
