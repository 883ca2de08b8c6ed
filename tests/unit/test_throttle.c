/* Throttled devices (row L7): the rate that was asked for, shared by the workers; and what becomes of commands that
 * wait when they are aborted, the disk goes, its paths go, or the limit does. */
#include "gateway/base/memory.h"
#include "gateway/levels.h"
#include "tests/simulation/sim_load.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define S US_PER_S
#define MS US_PER_MS

static struct device *first_device(const struct world *world)
{
	return container_of(world_disk(world, 0)->core, struct device, core);
}

static int ask(struct world *world, enum level_kind kind, struct throttle_limits limits, struct problem *problem)
{
	struct level_change change = { .has_throttle = true, .throttle = limits };
	const char *name = kind == LEVEL_DSM ? "generic" : first_device(world)->core.id;
	int rc;

	*problem = (struct problem){ 0 };
	rc = control_change_level(world->g->gateway, kind, name, &change, problem);
	sim_run(world->sim, 0);
	return rc;
}

static void throttle(struct world *world, enum level_kind kind, uint64_t iops, uint64_t bytes_per_second)
{
	struct problem problem;

	if (ask(world, kind, (struct throttle_limits){ iops, bytes_per_second }, &problem) < 0)
		fail_msg("%s: %s", problem.title, problem.detail);
}

static uint64_t done(const struct sim_load *load)
{
	return load->reads + load->writes;
}

/* What the load gets done in so long. */
static uint64_t done_in(struct world *world, const struct sim_load *load, uint64_t us)
{
	uint64_t before = done(load);

	sim_run(world->sim, us);
	return done(load) - before;
}

static void stop(struct sim_load *load)
{
	assert_true(sim_load_stop(load, 60 * S));
	assert_int_equal(load->failed + load->wrong, 0);
	free(load);
}

static unsigned waiting(const struct world *world)
{
	const struct device_core *core = world_disk(world, 0)->core;
	unsigned count = 0;

	for (unsigned w = 0; w < world->sim->worker_count; w++)
		count += atomic_load(&core->throttled[w]);
	return count;
}

/* ---- rates ------------------------------------------------------------------------------------------------------- */

/* row: L7: commands, or bytes; from the first second on, and as the next change says */
static void test_rate(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_load *load = sim_load_start(world->sim, world_disk(world, 0), 16, 0);

	(void)state;
	assert_true(done_in(world, load, S) > 5000);
	throttle(world, LEVEL_DEVICE, 200, 0);
	assert_in_range(done_in(world, load, S), 180, 220 + 16); /* 16 were under way */
	assert_in_range(done_in(world, load, S), 180, 220);
	assert_true(waiting(world) >= 14);
	throttle(world, LEVEL_DEVICE, 0, 50 * SIM_BLOCK);
	done_in(world, load, S);
	assert_in_range(done_in(world, load, 4 * S), 180, 220);
	throttle(world, LEVEL_DEVICE, 40, 50 * SIM_BLOCK); /* the one that is less */
	done_in(world, load, S);
	assert_in_range(done_in(world, load, 5 * S), 180, 220);
	throttle(world, LEVEL_DEVICE, 0, 0);
	assert_int_equal(waiting(world), 0);
	assert_true(done_in(world, load, S) > 5000);
	assert_int_equal(sim_gateway_events(world->g, "throttle-changed"), 4);
	stop(load);
	world_destroy(world);
}

/* row: L7: a rate of many commands in each of the clock's steps, and one of a command in several seconds */
static void test_fast_and_slow(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_load *load = sim_load_start(world->sim, world_disk(world, 0), 64, 0);

	(void)state;
	throttle(world, LEVEL_DEVICE, 3000, 0);
	done_in(world, load, S);
	assert_in_range(done_in(world, load, S), 2900, 3100);
	throttle(world, LEVEL_DEVICE, 0, THROTTLE_RATE_MIN);
	done_in(world, load, 2 * S);
	assert_in_range(done_in(world, load, 10 * S), 75, 85);
	throttle(world, LEVEL_DEVICE, 0, 0);
	stop(load);
	world_destroy(world);
}

/* On the other worker, in blocks of its own. */
static struct sim_load *load_elsewhere(struct world *world, unsigned cells, uint64_t pause_us)
{
	struct sim_load *load = sim_load_start(world->sim, sim_gateway_disk(world->g, 1, 0), cells, pause_us);

	for (unsigned i = 0; i < cells; i++)
		load->cells[i].lba += SIM_LOAD_CELLS_MAX;
	return load;
}

/* row: L7: two workers that want more than there is get the same; what one does not want is the other's */
static void test_workers_share(void **state)
{
	struct world *world = world_create_ready(2, NULL);
	struct sim_load *a = sim_load_start(world->sim, sim_gateway_disk(world->g, 0, 0), 16, 0);
	struct sim_load *b = load_elsewhere(world, 8, 0), *little;
	uint64_t of_b;

	(void)state;
	throttle(world, LEVEL_DEVICE, 400, 0);
	done_in(world, a, S);
	of_b = done(b);
	assert_in_range(done_in(world, a, 2 * S), 350, 450);
	assert_in_range(done(b) - of_b, 350, 450);
	stop(b);
	little = load_elsewhere(world, 1, 20 * MS); /* 50 a second at most */
	assert_in_range(done_in(world, a, 2 * S) + done(little), 720, 880);
	assert_true(done(little) > 60);
	throttle(world, LEVEL_DEVICE, 0, 0);
	stop(little);
	stop(a);
	world_destroy(world);
}

/* What is no read or write passes by. */
static void test_other_commands(void **state)
{
	static const uint8_t test_unit_ready[6] = { 0 };
	struct world *world = world_create_ready(1, NULL);
	struct sim_load *load = sim_load_start(world->sim, world_disk(world, 0), 16, 0);
	struct sim_io io;

	(void)state;
	throttle(world, LEVEL_DEVICE, 1, 0);
	sim_run(world->sim, S);
	sim_io_init(&io, world->sim);
	sim_io_command(&io, world_disk(world, 0), test_unit_ready, 6, SCSI_DIR_NONE, 0);
	assert_true(sim_io_wait(&io, 10 * MS));
	throttle(world, LEVEL_DEVICE, 0, 0);
	stop(load);
	world_destroy(world);
}

/* ---- commands that wait ------------------------------------------------------------------------------------------ */

static void test_abort(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_io ios[4];

	(void)state;
	throttle(world, LEVEL_DEVICE, 1, 0);
	for (unsigned i = 0; i < 4; i++) {
		sim_io_init(&ios[i], world->sim);
		sim_io_write(&ios[i], world_disk(world, 0), i, 1 + i);
	}
	sim_run(world->sim, 500 * MS);
	assert_int_equal(waiting(world), 3);
	disk_abort(&ios[1].io); /* the oldest that waits, and one that is not */
	disk_abort(&ios[3].io);
	disk_abort(&ios[3].io);
	assert_true(sim_io_wait(&ios[1], MS) && sim_io_wait(&ios[3], MS));
	assert_int_equal(ios[1].io.status, SCSI_TASK_ABORTED);
	assert_int_equal(ios[3].ended, 1);
	assert_true(sim_io_wait(&ios[2], 3 * S));
	assert_int_equal(ios[2].io.status, SCSI_GOOD);
	assert_int_equal(world->lus[0]->writes, 2);
	assert_int_equal(world_disk(world, 0)->throttle.bytes, 0);
	world_destroy(world);
}

/* row: D8: what waits when a disk is withdrawn is carried out, not lost */
static void test_removal(void **state)
{
	struct world *world = world_create(1);
	struct problem problem = { 0 };
	const char *id;
	bool created;
	struct sim_io ios[8];

	(void)state;
	world_start(world, "{'claims': []}");
	sim_run(world->sim, S);
	assert_int_equal(control_claim(world->g->gateway, "all", NULL, &id, &created, &problem), 0);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	throttle(world, LEVEL_DEVICE, 1, 0);
	for (unsigned i = 0; i < 8; i++) {
		sim_io_init(&ios[i], world->sim);
		sim_io_write(&ios[i], world_disk(world, 0), i, 1);
	}
	sim_run(world->sim, 100 * MS);
	assert_int_equal(waiting(world), 7);
	assert_int_equal(control_unclaim(world->g->gateway, id, true, &problem), 0);
	sim_run(world->sim, 500 * MS);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(ios[i].ended, 1);
		assert_int_equal(ios[i].io.status, SCSI_GOOD);
	}
	assert_null(world_disk(world, 0));
	world_destroy(world);
}

/* row: D11: what becomes due while there is no path is held, and goes when one is back */
static void test_paths_go(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_io ios[4];

	(void)state;
	throttle(world, LEVEL_DEVICE, 2, 0);
	for (unsigned i = 0; i < 4; i++) {
		sim_io_init(&ios[i], world->sim);
		sim_io_read(&ios[i], world_disk(world, 0), i);
	}
	sim_run(world->sim, 100 * MS);
	world_down(world, true);
	sim_run(world->sim, 1200 * MS);
	assert_int_equal(waiting(world), 1);
	assert_int_equal(ios[1].io.place, IO_HELD);
	world_down(world, false);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(sim_io_wait(&ios[i], 10 * S));
		assert_int_equal(ios[i].io.status, SCSI_GOOD);
	}
	world_destroy(world);
}

/* What waits is bounded in bytes. */
static void test_full(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct disk *disk = world_disk(world, 0);
	struct sim_io first, waits, late;

	(void)state;
	throttle(world, LEVEL_DEVICE, 1, 0);
	sim_io_init(&first, world->sim);
	sim_io_init(&waits, world->sim);
	sim_io_init(&late, world->sim);
	sim_io_read(&first, disk, 0);
	sim_io_read(&waits, disk, 1);
	disk->throttle.bytes += THROTTLE_BYTES_MAX - SIM_BLOCK; /* the sizes alone count here */
	sim_io_read(&late, disk, 2);
	assert_true(sim_io_wait(&late, MS));
	assert_int_equal(late.io.status, SCSI_BUSY);
	disk->throttle.bytes -= THROTTLE_BYTES_MAX - SIM_BLOCK;
	assert_true(sim_io_wait(&first, S) && sim_io_wait(&waits, 2 * S));
	world_destroy(world);
}

/* ---- levels ------------------------------------------------------------------------------------------------------ */

/* row: L7: possible in the states normal and degraded; refused, and said so, while the device fails over */
static void test_states(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct throttle_limits limits = { 100, 0 };
	struct problem problem;
	struct sim_io io;

	(void)state;
	sim_portal_down(world->portals[0], true);
	sim_run(world->sim, S);
	assert_string_equal(device_state_name(first_device(world)), "degraded");
	throttle(world, LEVEL_DEVICE, 100, 0);
	world_down(world, true);
	sim_run(world->sim, S);
	assert_int_equal(ask(world, LEVEL_DEVICE, limits, &problem), -1);
	assert_int_equal(problem.status, 409);
	assert_non_null(strstr(problem.detail, "no-paths"));
	assert_int_equal(ask(world, LEVEL_DSM, limits, &problem), -1);
	assert_true(list_empty(&world->g->gateway->levels));
	throttle(world, LEVEL_DEVICE, 0, 0); /* lifting it is no throttle */
	world_down(world, false);
	assert_true(sim_gateway_settles(world->g, 60 * S));

	for (unsigned i = 0; i < 4; i++) /* paths that live, but serve nothing */
		path_passive(world_disk(world, 0)->paths[i], DSM_ACCESS_TRANSITIONING);
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	assert_string_equal(device_state_name(first_device(world)), "failover");
	assert_int_equal(ask(world, LEVEL_DEVICE, limits, &problem), -1);
	assert_int_equal(problem.status, 409);
	assert_true(sim_io_wait(&io, 10 * S));
	throttle(world, LEVEL_DSM, 100, 0);
	world_destroy(world);
}

static struct device_view viewed;

static bool view_first(const struct device_view *view, void *arg)
{
	(void)arg;
	viewed = *view;
	return false;
}

/* row: L7: a DSM's limit is that of each of its devices; a device's own comes first; both survive a restart */
static void test_levels(void **state)
{
	struct world *world = world_create_ready(1, NULL);

	(void)state;
	throttle(world, LEVEL_DSM, 500, 0);
	throttle(world, LEVEL_DEVICE, 0, 1000000);
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(world_disk(world, 0)->throttle.limits.bytes_per_second, 1000000);
		assert_int_equal(world_disk(world, 0)->throttle.limits.iops, 0);
		assert_int_equal(world_disk(world, 1)->throttle.limits.iops, 500);
		control_each_device(world->g->gateway, view_first, NULL);
		assert_string_equal(viewed.throttle_source, "device");
		assert_true(sim_gateway_destroy(world->g));
		world_start(world, NULL);
		assert_true(sim_gateway_settles(world->g, 60 * S));
	}
	throttle(world, LEVEL_DEVICE, 0, 0);
	assert_int_equal(world_disk(world, 0)->throttle.limits.iops, 500);
	throttle(world, LEVEL_DSM, 0, 0);
	assert_false(world_disk(world, 0)->throttle.on);
	assert_true(list_empty(&world->g->gateway->levels));
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate),          cmocka_unit_test(test_fast_and_slow),
		cmocka_unit_test(test_workers_share), cmocka_unit_test(test_other_commands),
		cmocka_unit_test(test_abort),         cmocka_unit_test(test_removal),
		cmocka_unit_test(test_paths_go),      cmocka_unit_test(test_full),
		cmocka_unit_test(test_states),        cmocka_unit_test(test_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
