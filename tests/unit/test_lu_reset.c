/* The fence in its form LU reset, and what a reset of a logical unit does to commands. */
#include "tests/simulation/sim_load.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <string.h>

#define S US_PER_S
#define MS US_PER_MS
#define FENCE(form)                                                                                                    \
	"'policies': {'default': 'weighted-paths'}, "                                                                  \
	"'backends': [{'name': 'array', 'portals': ['" PORTAL_1A "'], 'fence': '" form "'}]"
#define OPTIONS "{" FENCE("lu-reset") "}"

/* No portal but 2A is up besides 1A: no sibling can end the session of 1A. What the array has lingers for ever. */
static struct world *lonely(unsigned workers, const char *options)
{
	struct world *world = world_create_ready(workers, options);

	world->array->linger_us = 3600 * S;
	sim_portal_down(world->portals[1], true);
	sim_portal_down(world->portals[3], true);
	sim_run(world->sim, S);
	return world;
}

/* All I/O of the disk goes over that portal while it can. */
static struct disk *steer(struct disk *disk, const char *address)
{
	for (unsigned i = 0; i < DSM_PATHS_MAX; i++)
		if (disk->paths[i])
			disk->paths[i]->policy.weight = strcmp(disk->paths[i]->core->link->portal, address) != 0;
	return disk;
}

/* The disk of the array's LUN 0 on that worker. */
static struct disk *disk_of(struct world *world, unsigned worker, const char *address)
{
	return steer(sim_gateway_disk(world->g, worker, world_prefer(world, address)->number), address);
}

/* A write that hangs inside the array; the logical unit's first stamp is 1. */
static void hang(struct world *world, struct sim_io *io, struct disk *disk, uint64_t lba)
{
	struct sim_fault *fault = sim_array_fault(world->array, SIM_FAULT_HANG, 1);

	fault->opcode = 0x8a;
	sim_io_init(io, world->sim);
	sim_io_write(io, disk, lba, 1);
	sim_run(world->sim, MS);
	assert_int_equal(fault->hits, 1);
}

static unsigned resets(const struct world *world)
{
	unsigned count = 0;

	for (unsigned i = 0; i < 4; i++)
		count += world->portals[i]->resets;
	return count;
}

/* The old copy of 1 is let go after the host has written 2: what the block holds in the end. */
static uint64_t race(bool cheats)
{
	struct world *world = lonely(1, OPTIONS);
	struct sim_io first, second;
	uint64_t stamp;

	world->array->cheats = cheats;
	hang(world, &first, disk_of(world, 0, PORTAL_1A), 5);
	sim_portal_down(world->portals[0], true);
	assert_true(sim_io_wait(&first, 100 * MS));
	assert_int_equal(first.io.status, SCSI_GOOD);
	assert_int_equal(resets(world), 1);
	assert_int_equal(world_events(world, "fenced", "form lu-reset"), 1);
	assert_int_equal(world_events(world, "lu-reset", "was reset over"), 1);
	sim_io_init(&second, world->sim);
	sim_io_write(&second, disk_of(world, 0, PORTAL_2A), 5, 2);
	assert_true(sim_io_wait(&second, S));
	assert_int_equal(second.io.status, SCSI_GOOD);
	sim_array_release(world->array);
	sim_run(world->sim, S);
	stamp = sim_lu_stamp(world->lus[0], 5);
	world_destroy(world);
	return stamp;
}

/* row: F1: the array has ended the old copy; one that says so and lies shows that the test would see it */
static void test_no_stale_write(void **state)
{
	(void)state;
	assert_int_equal(race(false), 2);
	assert_int_equal(race(true), 1);
}

/* row: F1: no form that is allowed without being asked for includes it, nor is it used where a stronger one will do */
static void test_only_where_allowed(void **state)
{
	static const char *const options[] = { "{" FENCE("auto") "}", "{" FENCE("session") "}", "{" FENCE("wait") "}" };
	struct world *world;
	struct sim_io io;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		world = lonely(1, options[i]);
		hang(world, &io, disk_of(world, 0, PORTAL_1A), 5);
		sim_portal_down(world->portals[0], true);
		assert_true(sim_io_wait(&io, 20 * S));
		assert_in_range(io.ended_us - io.started_us, 10 * S, 10 * S + 100 * MS);
		assert_int_equal(resets(world), 0);
		world_destroy(world);
	}
	world = world_create_ready(1, OPTIONS); /* with a sibling */
	world->array->linger_us = 3600 * S;
	hang(world, &io, disk_of(world, 0, PORTAL_1A), 5);
	sim_portal_down(world->portals[0], true);
	assert_true(sim_io_wait(&io, 100 * MS));
	sim_run(world->sim, S);
	assert_int_equal(resets(world), 0);
	assert_int_equal(world_events(world, "fenced", "form session"), 1);
	world_destroy(world);
}

/* row: F1: what the reset ends silently of others, on all paths of all workers, goes on at once and is not counted;
 * another disk is none of its business */
static void test_the_others_go_on(void **state)
{
	struct world *world = lonely(2, "{" FENCE("lu-reset") ", 'timers': {'retry_count': 0}}");
	struct sim_io lost, same, other, else_where;
	struct disk *disks[2];

	(void)state;
	for (unsigned w = 0; w < 2; w++)
		disks[w] = disk_of(world, w, PORTAL_2A);
	hang(world, &same, disks[0], 1);
	hang(world, &other, disks[1], 2);
	hang(world, &else_where, steer(world_disk(world, !disks[0]->number), PORTAL_2A), 3);
	hang(world, &lost, disk_of(world, 0, PORTAL_1A), 4);
	sim_portal_down(world->portals[0], true);
	assert_true(sim_io_wait(&lost, 100 * MS));
	assert_true(sim_io_wait(&same, 10 * MS));
	assert_true(sim_io_wait(&other, 10 * MS));
	assert_int_equal(lost.io.status, SCSI_GOOD);
	assert_int_equal(same.io.status, SCSI_GOOD);
	assert_int_equal(other.io.status, SCSI_GOOD);
	assert_int_equal(same.io.retries + other.io.retries, 0);
	assert_int_equal(same.io.path->state, PATH_UP); /* it is not the path's fault either */
	assert_int_equal(same.io.path->timeouts, 0);
	assert_false(sim_io_ended(&else_where));
	assert_int_equal(sim_array_release(world->array), 1);
	assert_true(sim_io_wait(&else_where, S));
	assert_int_equal(world_events(world, "lu-reset", "not by the gateway"), 0);
	world_destroy(world);
}

/* row: F1: one reset lifts the fences of all workers whose lanes died with it */
static void test_one_for_all_workers(void **state)
{
	struct world *world = lonely(4, OPTIONS);
	struct sim_io ios[4];

	(void)state;
	for (unsigned w = 0; w < 4; w++)
		hang(world, &ios[w], disk_of(world, w, PORTAL_1A), w);
	sim_portal_down(world->portals[0], true);
	for (unsigned w = 0; w < 4; w++) {
		assert_true(sim_io_wait(&ios[w], 100 * MS));
		assert_int_equal(ios[w].io.status, SCSI_GOOD);
	}
	assert_int_equal(resets(world), 1);
	assert_int_equal(sim_array_release(world->array), 0);
	world_destroy(world);
}

/* row: F1: what is lost after the reset was sent is not covered by it, but by the next one */
static void test_lost_after_it_was_sent(void **state)
{
	struct world *world = lonely(2, OPTIONS);
	struct sim_io early, late;

	(void)state;
	world->portals[2]->travel_us = 300 * MS;
	hang(world, &early, disk_of(world, 0, PORTAL_1A), 1);
	hang(world, &late, disk_of(world, 1, PORTAL_1A), 2);
	world->portals[0]->down = true; /* worker 0 sees that now, worker 1 later */
	lane_fail(sim_gateway_lane(world->g, 0, PORTAL_1A), "it has failed");
	sim_run(world->sim, 200 * MS);
	lane_fail(sim_gateway_lane(world->g, 1, PORTAL_1A), "it has failed, too");
	assert_true(sim_io_wait(&early, S));
	assert_false(sim_io_ended(&late));
	sim_run(world->sim, 2 * S);
	assert_false(sim_io_ended(&late));
	assert_true(sim_io_wait(&late, 2 * S));
	assert_int_equal(resets(world), 2);
	assert_int_equal(late.io.status, SCSI_GOOD);
	world_destroy(world);
}

/* row: F1: the load of two workers on all paths meets it: no error, no long wait, nothing stale */
static void test_under_load(void **state)
{
	struct world *world =
		lonely(2, "{'policies': {'default': 'round-robin'}, 'timers': {'retry_count': 0}, "
			  "'backends': [{'name': 'array', 'portals': ['" PORTAL_1A "'], 'fence': 'lu-reset'}]}");
	struct sim_load *loads[2];
	struct sim_fault *fault;

	(void)state;
	for (unsigned w = 0; w < 2; w++) {
		loads[w] = sim_load_start(world->sim, sim_gateway_disk(world->g, w, world_disk(world, 0)->number), 32,
					  5 * MS);
		for (unsigned i = 0; i < loads[w]->count; i++)
			loads[w]->cells[i].lba += w * 100;
	}
	for (unsigned round = 0; round < 5; round++) {
		sim_run(world->sim, 8 * S);
		fault = sim_array_fault(world->array, SIM_FAULT_HANG, 20);
		fault->portal = 0;
		sim_run(world->sim, 10 * MS);
		sim_portal_down(world->portals[0], true);
		sim_run(world->sim, 2 * S);
		sim_array_release(world->array);
		sim_portal_down(world->portals[0], false);
	}
	for (unsigned w = 0; w < 2; w++) {
		assert_true(sim_load_stop(loads[w], 20 * S));
		assert_int_equal(loads[w]->failed + loads[w]->wrong, 0);
		assert_true(loads[w]->writes > 1000);
		assert_true(loads[w]->longest_write_us < S && loads[w]->longest_read_us < S);
		free(loads[w]);
	}
	assert_int_equal(resets(world), 5);
	world_destroy(world);
}

/* The same with 2B besides; *first gets the one of the two that will be asked first, *second the other. */
static struct world *two_left(struct sim_portal **first, struct sim_portal **second)
{
	struct world *world = lonely(1, OPTIONS);
	struct path *paths[2];
	bool swap;

	sim_portal_down(world->portals[3], false);
	sim_run(world->sim, 10 * S);
	paths[0] = sim_gateway_path(world->g, 0, world_prefer(world, PORTAL_1A)->number, PORTAL_2A);
	paths[1] = sim_gateway_path(world->g, 0, world_prefer(world, PORTAL_1A)->number, PORTAL_2B);
	assert_true(paths[0]->state == PATH_UP && paths[1]->state == PATH_UP);
	swap = paths[1]->core->index < paths[0]->core->index;
	*first = world->portals[2 + swap];
	*second = world->portals[3 - swap];
	return world;
}

/* How long a lost write waits when they answer like that. */
static uint64_t refused(enum sim_aborts by_first, enum sim_aborts by_second, const char *form)
{
	struct sim_portal *first, *second;
	struct world *world = two_left(&first, &second);
	struct sim_io io;
	uint64_t took;

	first->reset = by_first;
	second->reset = by_second;
	hang(world, &io, disk_of(world, 0, PORTAL_1A), 5);
	sim_portal_down(world->portals[0], true);
	assert_true(sim_io_wait(&io, 20 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(world_events(world, "fenced", form), 1);
	took = io.ended_us - io.started_us;
	world_destroy(world);
	return took;
}

/* row: F1: a path over which it is refused, or not answered, is passed over; when none is left time decides */
static void test_refused(void **state)
{
	(void)state;
	assert_in_range(refused(SIM_ABORTS_REFUSED, SIM_ABORTS_OBEYED, "lu-reset"), 0, 100 * MS);
	assert_in_range(refused(SIM_ABORTS_IGNORED, SIM_ABORTS_OBEYED, "lu-reset"), 2 * S, 2 * S + 100 * MS);
	assert_in_range(refused(SIM_ABORTS_REFUSED, SIM_ABORTS_REFUSED, "wait"), 10 * S, 10 * S + 100 * MS);
	assert_in_range(refused(SIM_ABORTS_IGNORED, SIM_ABORTS_IGNORED, "wait"), 10 * S, 10 * S + 100 * MS);
}

/* row: F1: the lane over which it was asked for dies before the answer: the next one is asked at once */
static void test_its_lane_dies(void **state)
{
	struct sim_portal *first, *second;
	struct world *world = two_left(&first, &second);
	struct sim_io io;

	(void)state;
	first->reset = SIM_ABORTS_IGNORED;
	hang(world, &io, disk_of(world, 0, PORTAL_1A), 5);
	sim_portal_down(world->portals[0], true);
	sim_run(world->sim, 200 * MS);
	assert_int_equal(first->resets, 1);
	assert_false(sim_io_ended(&io));
	sim_portal_down(first, true);
	assert_true(sim_io_wait(&io, 100 * MS));
	assert_int_equal(second->resets, 1);
	world_destroy(world);
}

/* row: F1: no path lives; the first one that comes up is asked */
static void test_path_comes_up(void **state)
{
	struct world *world = lonely(1, "{" FENCE("lu-reset") ", 'timers': {'fence_wait': 60}}");
	struct sim_io io;

	(void)state;
	hang(world, &io, disk_of(world, 0, PORTAL_1A), 5);
	world_down(world, true);
	sim_run(world->sim, 5 * S);
	assert_int_equal(io.io.place, IO_FENCED);
	sim_portal_down(world->portals[3], false);
	assert_true(sim_io_wait(&io, 6 * S));
	assert_int_equal(world->portals[3]->resets, 1);
	assert_int_equal(world_events(world, "fenced", "form lu-reset"), 1);
	world_destroy(world);
}

/* row: F1: a link that flaps under writes does not bring one reset after the other */
static void test_no_storm(void **state)
{
	struct world *world = lonely(1, "{" FENCE("lu-reset") ", 'timers': {'fence_wait': 60}}");
	struct sim_io ios[60];
	uint64_t begun = sim_now_us(world->sim);
	unsigned count = 0;

	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		struct sim_fault *fault = sim_array_fault(world->array, SIM_FAULT_HANG, 1);

		fault->opcode = 0x8a;
		fault->portal = 0;
		sim_io_init(&ios[i], world->sim);
		sim_io_write(&ios[i], disk_of(world, 0, PORTAL_1A), i, 1);
		sim_run(world->sim, 10 * MS);
		world->portals[0]->refuse = true; /* or its own login would lift the fence */
		sim_portal_reset(world->portals[0]);
		sim_run(world->sim, 190 * MS);
		world->portals[0]->refuse = false;
		sim_run(world->sim, 100 * MS);
	}
	count = resets(world);
	assert_in_range(count, 1, (sim_now_us(world->sim) - begun) / (3 * S) + 1);
	for (unsigned i = 0; i < 60; i++) {
		assert_true(sim_io_wait(&ios[i], 10 * S));
		assert_int_equal(ios[i].io.status, SCSI_GOOD);
	}
	world_destroy(world);
}

/* row: E13: the first path that hears of it tells all workers, and no command waits for its timeout; once a reset */
static void test_heard(void **state)
{
	struct world *world = world_create_ready(2, "{" FENCE("auto") ", 'timers': {'retry_count': 1}}");
	struct sim_io ios[2], read;
	unsigned aborted = 0;

	(void)state;
	for (unsigned w = 0; w < 2; w++)
		hang(world, &ios[w], disk_of(world, w, PORTAL_1A), w);
	sim_array_reset_lu(world->array, 0);
	sim_io_init(&read, world->sim);
	sim_io_read(&read, disk_of(world, 0, PORTAL_2A), 9);
	assert_true(sim_io_wait(&read, 10 * MS));
	assert_int_equal(read.io.status, SCSI_GOOD);
	for (unsigned w = 0; w < 2; w++) {
		assert_true(sim_io_wait(&ios[w], 10 * MS));
		assert_int_equal(ios[w].io.status, SCSI_GOOD);
		assert_in_range(ios[w].io.retries, 0, 1);
	}
	sim_run(world->sim, 10 * S);
	assert_int_equal(world_events(world, "lu-reset", "not by the gateway"), 1);
	for (unsigned i = 0; i < 4; i++)
		aborted += world->portals[i]->aborted;
	assert_int_equal(aborted, 0); /* there was nothing left to abort */
	assert_int_equal(resets(world), 0);
	world_destroy(world);
}

/* The gateway ends while one is under way, or wanted. */
static void test_ends_meanwhile(void **state)
{
	struct world *world;
	struct sim_io io;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		world = lonely(1, OPTIONS);
		world->portals[2]->reset = SIM_ABORTS_IGNORED;
		hang(world, &io, disk_of(world, 0, PORTAL_1A), 5);
		sim_portal_down(world->portals[0], true);
		sim_run(world->sim, i ? 100 * MS : MS);
		assert_int_equal(resets(world), i);
		world_destroy(world);
		assert_int_equal(io.ended, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_stale_write),
		cmocka_unit_test(test_only_where_allowed),
		cmocka_unit_test(test_the_others_go_on),
		cmocka_unit_test(test_one_for_all_workers),
		cmocka_unit_test(test_lost_after_it_was_sent),
		cmocka_unit_test(test_under_load),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_its_lane_dies),
		cmocka_unit_test(test_path_comes_up),
		cmocka_unit_test(test_no_storm),
		cmocka_unit_test(test_heard),
		cmocka_unit_test(test_ends_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
