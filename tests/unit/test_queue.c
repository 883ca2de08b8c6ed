/* How many commands the array gets at a time. */
#include "gateway/control.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define S US_PER_S
#define MS US_PER_MS
#define OPTIONS "{'policies': {'default': 'weighted-paths'}}"
#define HOSTS 100 /* commands under way at a time */
#define TASK_SET 20

struct hosts {
	struct world *world;
	struct disk *disk;
	struct sim_io ios[HOSTS];
	uint64_t done, failed;
	bool stop;
};

static void on_ended(struct sim_io *io)
{
	struct hosts *hosts = io->then_arg;

	hosts->done++;
	hosts->failed += io->io.status != SCSI_GOOD;
	if (!hosts->stop)
		sim_io_read(io, hosts->disk, hosts->done % WORLD_BLOCKS);
}

static struct hosts *hosts_start(struct world *world)
{
	struct hosts *hosts = calloc(1, sizeof(*hosts));

	assert_non_null(hosts);
	hosts->world = world;
	hosts->disk = world_prefer(world, PORTAL_1A);
	for (unsigned i = 0; i < HOSTS; i++) {
		sim_io_init(&hosts->ios[i], world->sim);
		hosts->ios[i].then = on_ended;
		hosts->ios[i].then_arg = hosts;
		sim_io_read(&hosts->ios[i], hosts->disk, i);
	}
	return hosts;
}

static void hosts_stop(struct hosts *hosts)
{
	hosts->stop = true;
	for (unsigned i = 0; i < HOSTS; i++)
		assert_true(sim_io_wait(&hosts->ios[i], 10 * S));
	assert_int_equal(hosts->failed, 0);
	free(hosts);
}

static bool take_depth(const struct link_view *view, void *arg)
{
	if (strcmp(view->portal, PORTAL_1A) == 0)
		*(uint64_t *)arg = view->queue_depth;
	return true;
}

static uint64_t depth_shown(struct world *world)
{
	uint64_t depth = 0;

	control_each_link(world->g->gateway, take_depth, &depth);
	return depth;
}

/* row: E21: an array with room for twenty gets about so many, and hardly ever one too many; all of them again later */
static void test_follows_the_array(void **state)
{
	struct world *world = world_create_ready(1, OPTIONS);
	const struct lane *lane = world_lane(world, PORTAL_1A);
	struct hosts *hosts;
	uint64_t refused, done;

	(void)state;
	assert_int_equal(depth_shown(world), LANE_DEPTH);
	world->portals[0]->latency_us = 10 * MS;
	world->portals[0]->task_set = TASK_SET;
	hosts = hosts_start(world);
	sim_run(world->sim, 5 * S);
	assert_in_range(lane->queue.depth, TASK_SET / 3, TASK_SET + 1);
	assert_int_equal(depth_shown(world), lane->queue.depth);
	refused = world->portals[0]->refused;
	done = hosts->done;
	sim_run(world->sim, 10 * S);
	assert_in_range(hosts->done - done, 8000, 30000); /* twenty at a time, 10 ms each: 20,000 at most */
	assert_in_range(world->portals[0]->refused - refused, 1, (hosts->done - done) / 50);
	world->portals[0]->task_set = 0;
	sim_run(world->sim, 3 * S);
	assert_int_equal(lane->queue.depth, LANE_DEPTH);
	hosts_stop(hosts);
	assert_int_equal(lane->queue.carried, 0);
	world_destroy(world);
}

/* row: E21: a hundred refusals in one turn are one piece of news */
static void test_one_cut_a_round(void **state)
{
	struct world *world = world_create_ready(1, OPTIONS);
	const struct lane *lane = world_lane(world, PORTAL_1A);
	struct sim_fault *fault = sim_array_fault(world->array, SIM_FAULT_STATUS, HOSTS);
	struct hosts *hosts;

	(void)state;
	fault->status = SCSI_TASK_SET_FULL;
	fault->opcode = 0x88;
	hosts = hosts_start(world);
	sim_run(world->sim, 50 * MS);
	assert_int_equal(fault->hits, HOSTS);
	assert_int_equal(lane->queue.depth, HOSTS / 2);
	hosts_stop(hosts);
	world_destroy(world);
}

/* row: E21: never below one, and what waits goes on */
static void test_floor(void **state)
{
	struct world *world = world_create_ready(1, OPTIONS);
	const struct lane *lane = world_lane(world, PORTAL_1A);
	struct sim_fault *fault = sim_array_fault(world->array, SIM_FAULT_STATUS, 1000000);
	struct hosts *hosts;

	(void)state;
	fault->status = SCSI_BUSY;
	fault->opcode = 0x88;
	hosts = hosts_start(world);
	sim_run(world->sim, 5 * S);
	assert_int_equal(lane->queue.depth, 1);
	fault->count = 0;
	world->portals[0]->latency_us = 10 * MS;
	sim_run(world->sim, 2 * S);
	assert_in_range(lane->queue.depth, 10, LANE_DEPTH);
	hosts_stop(hosts);
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_follows_the_array),
		cmocka_unit_test(test_one_cut_a_round),
		cmocka_unit_test(test_floor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
