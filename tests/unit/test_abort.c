/* ABORT TASK at the array: for a command that takes too long, and for its host. */
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <string.h>

#define S US_PER_S
#define MS US_PER_MS
#define WP "'policies': {'default': 'weighted-paths'}"
#define OPTIONS "{" WP ", 'timers': {'command_timeout': 5, 'path_recovery_interval': 20}}"

/* A world in which a write hangs inside the array on portal 1A. */
static struct world *hang(struct sim_io *io, unsigned count)
{
	struct world *world = world_create_ready(1, OPTIONS);
	struct sim_fault *fault = sim_array_fault(world->array, SIM_FAULT_HANG, count);
	struct disk *disk = world_prefer(world, PORTAL_1A);

	fault->opcode = 0x8a;
	world->array->linger_us = 3600 * S;
	sim_io_init(io, world->sim);
	sim_io_write(io, disk, 5, 1);
	sim_run(world->sim, 10 * MS);
	assert_int_equal(fault->hits, 1);
	assert_string_equal(io->io.path->core->link->portal, PORTAL_1A);
	return world;
}

static struct path *path_1a(struct world *world)
{
	return sim_gateway_path(world->g, 0, world_prefer(world, PORTAL_1A)->number, PORTAL_1A);
}

/* row: E4: confirmed: another path, counted, the path is suspect; the link lives and nothing is fenced */
static void test_confirmed(void **state)
{
	struct sim_io io;
	struct world *world = hang(&io, 1);
	uint64_t logins = world->portals[0]->logins;

	(void)state;
	assert_true(sim_io_wait(&io, 7 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_in_range(io.ended_us - io.started_us, 5 * S, 6 * S + 100 * MS);
	assert_string_not_equal(io.io.path->core->link->portal, PORTAL_1A);
	assert_int_equal(io.io.retries, 1);
	assert_int_equal(world->portals[0]->aborted, 1);
	assert_int_equal(world->portals[0]->logins, logins);
	assert_int_equal(sim_gateway_events(world->g, "fenced"), 0);
	assert_int_equal(sim_gateway_events(world->g, "command-timeout"), 1);
	assert_int_equal(sim_array_release(world->array), 0); /* nothing of it is left there */
	assert_int_equal(path_1a(world)->timeouts, 1);
	sim_run(world->sim, S);
	assert_int_equal(path_1a(world)->state, PATH_UP);
	world_destroy(world);
}

static void lose(enum sim_aborts aborts)
{
	struct sim_io io;
	struct world *world = hang(&io, 1);
	uint64_t logins = world->portals[0]->logins;

	world->portals[0]->aborts = aborts;
	assert_true(sim_io_wait(&io, 10 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_in_range(io.ended_us - io.started_us, 7 * S, 9 * S);
	assert_int_equal(io.io.retries, 1);
	sim_run(world->sim, S);
	assert_in_range(world->portals[0]->logins + world->portals[1]->logins, logins + 2, logins + 3);
	assert_int_equal(sim_gateway_events(world->g, "fenced"), 1);
	assert_int_equal(world->lus[0]->writes, 1);
	world_destroy(world);
}

/* row: E4: not confirmed within two seconds: the link fails, and the write goes on behind the fence */
static void test_not_confirmed(void **state)
{
	(void)state;
	lose(SIM_ABORTS_IGNORED);
	lose(SIM_ABORTS_REFUSED);
}

/* row: E4: many at once are aborted one after the other, each once */
static void test_many(void **state)
{
	enum { COUNT = 60 };
	static struct sim_io ios[COUNT];
	struct world *world = hang(&ios[0], COUNT);

	(void)state;
	for (unsigned i = 1; i < COUNT; i++) {
		sim_io_init(&ios[i], world->sim);
		sim_io_write(&ios[i], world_prefer(world, PORTAL_1A), 5 + i, 1 + i);
	}
	for (unsigned i = 0; i < COUNT; i++) {
		assert_true(sim_io_wait(&ios[i], 10 * S));
		assert_int_equal(ios[i].io.status, SCSI_GOOD);
		assert_int_equal(sim_lu_stamp(world->lus[0], 5 + i), 1 + i);
	}
	assert_int_equal(world->portals[0]->aborted, COUNT);
	assert_int_equal(path_1a(world)->state, PATH_UP); /* at the same time is not again */
	assert_int_equal(figure_get(&world_lane(world, PORTAL_1A)->cell->inflight), 0);
	world_destroy(world);
}

/* row: E4: the path rests longer when it happens again, and is as good as any after a command that succeeded */
static void test_again(void **state)
{
	struct sim_io io;
	struct world *world = hang(&io, 1);
	struct path *path = path_1a(world);

	(void)state;
	assert_true(sim_io_wait(&io, 7 * S));
	sim_run(world->sim, 100 * MS);
	assert_int_equal(path->state, PATH_UP);
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x8a;
	sim_io_write(&io, world_prefer(world, PORTAL_1A), 6, 2);
	assert_true(sim_io_wait(&io, 7 * S));
	assert_int_equal(path->timeouts, 2);
	sim_run(world->sim, 1500 * MS);
	assert_int_equal(path->state, PATH_VERIFYING);
	sim_run(world->sim, S);
	assert_int_equal(path->state, PATH_UP);
	sim_io_write(&io, world_prefer(world, PORTAL_1A), 6, 3);
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(path->timeouts, 0);
	world_destroy(world);
}

/* row: E4: the host's own ABORT TASK reaches the array, and the command does not land later */
static void test_host_abort(void **state)
{
	struct sim_io io;
	struct world *world = hang(&io, 1);

	(void)state;
	disk_abort(&io.io);
	disk_abort(&io.io);
	assert_int_equal(io.ended, 0);
	assert_true(sim_io_wait(&io, 10 * MS));
	assert_int_equal(io.io.status, SCSI_TASK_ABORTED);
	assert_int_equal(world->portals[0]->aborted, 1);
	assert_int_equal(path_1a(world)->timeouts, 0);
	assert_int_equal(sim_array_release(world->array), 0);
	sim_run(world->sim, S);
	assert_int_equal(world->lus[0]->writes, 0);
	assert_int_equal(io.ended, 1);
	world_destroy(world);
}

/* row: E4: an array that does not abort has command_timeout to answer the command, then the link fails */
static void test_host_abort_not_confirmed(void **state)
{
	struct sim_io io;
	struct world *world = hang(&io, 1);

	(void)state;
	world->portals[0]->aborts = SIM_ABORTS_REFUSED;
	disk_abort(&io.io);
	sim_run(world->sim, 4 * S);
	assert_int_equal(io.ended, 0);
	assert_int_equal(world_lane(world, PORTAL_1A)->state, LANE_UP);
	assert_true(sim_io_wait(&io, 6 * S));
	assert_int_equal(io.io.status, SCSI_TASK_ABORTED);
	sim_run(world->sim, S);
	assert_int_equal(world->lus[0]->writes, 0);
	world_destroy(world);
}

/* The answer is on its way when the array gets the abort: the command has ended once, as answered. */
static void test_answer_first(void **state)
{
	struct sim_io io;
	struct world *world = hang(&io, 1);

	(void)state;
	disk_abort(&io.io);
	sim_array_release(world->array);
	assert_true(sim_io_wait(&io, S));
	sim_run(world->sim, S);
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(io.ended, 1);
	assert_int_equal(world->portals[0]->aborted, 0);
	assert_false(world_lane(world, PORTAL_1A)->abort.sent);
	world_destroy(world);
}

/* The link is lost while the abort is under way: it is the fence that ends the command. */
static void test_lost_meanwhile(void **state)
{
	struct sim_io io;
	struct world *world = hang(&io, 1);

	(void)state;
	disk_abort(&io.io);
	sim_portal_reset(world->portals[0]);
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(io.io.status, SCSI_TASK_ABORTED);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	sim_io_write(&io, world_prefer(world, PORTAL_1A), 6, 2);
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(sim_lu_stamp(world->lus[0], 5), 0);
	world_destroy(world);
}

/* row: E4: a command of the gateway's own that hangs is aborted, too, and takes no link along */
static void test_own_command(void **state)
{
	struct world *world = world_create_ready(1, "{" WP ", 'timers': {'command_timeout': 2}}");
	struct sim_fault *fault = sim_array_fault(world->array, SIM_FAULT_HANG, 1);
	struct sim_io io;
	uint64_t logins;

	(void)state;
	fault->opcode = 0x00;
	fault->portal = 0;
	logins = world->portals[0]->logins;
	sim_io_init(&io, world->sim);
	for (unsigned i = 0; i < 20; i++) { /* the other disk keeps the link from being silent */
		sim_io_read(&io, world_disk(world, 1), 0);
		assert_true(sim_io_wait(&io, S));
		sim_run(world->sim, 500 * MS);
		if (i == 8)
			path_verify(path_1a(world));
	}
	assert_int_equal(fault->hits, 1);
	assert_int_equal(world->portals[0]->aborted, 1);
	assert_int_equal(world->portals[0]->logins, logins);
	assert_int_equal(path_1a(world)->state, PATH_UP);
	world_destroy(world);
}

/* row: E4: what may take hours has a day */
static void test_slow_command(void **state)
{
	static const uint8_t format_unit[6] = { 0x04 };
	struct world *world =
		world_create_ready(1, "{" WP ", 'timers': {'keepalive_interval': 3600, 'keepalive_timeout': 3600, "
					     "'suspicion_limit': 0}}"); /* fewer events in all that time */
	struct sim_fault *fault = sim_array_fault(world->array, SIM_FAULT_HANG, 1);
	struct sim_io io;

	(void)state;
	fault->opcode = 0x04;
	sim_io_init(&io, world->sim);
	sim_io_command(&io, world_prefer(world, PORTAL_1A), format_unit, 6, SCSI_DIR_NONE, 0);
	sim_run(world->sim, 23 * 3600 * S);
	assert_int_equal(io.ended, 0);
	assert_true(sim_io_wait(&io, 2 * 3600 * S));
	assert_int_equal(world->portals[0]->aborted, 1);
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_confirmed),    cmocka_unit_test(test_not_confirmed),
		cmocka_unit_test(test_many),         cmocka_unit_test(test_again),
		cmocka_unit_test(test_host_abort),   cmocka_unit_test(test_host_abort_not_confirmed),
		cmocka_unit_test(test_answer_first), cmocka_unit_test(test_lost_meanwhile),
		cmocka_unit_test(test_own_command),  cmocka_unit_test(test_slow_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
