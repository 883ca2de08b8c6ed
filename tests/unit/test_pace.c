/* Paths that are alive but slow (row L6). */
#include "gateway/control.h"
#include "tests/simulation/sim_load.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define S US_PER_S
#define MS US_PER_MS

/* ---- the judgement ----------------------------------------------------------------------------------------------- */

enum { PATHS = 4 };

struct paths {
	struct pace paces[PATHS], *all[PATHS];
	struct pace_counts counts[PATHS];
	uint64_t now_us;
};

static void begin(struct paths *paths)
{
	*paths = (struct paths){ .now_us = 1000 * S };
	for (unsigned i = 0; i < PATHS; i++) {
		paths->all[i] = &paths->paces[i];
		pace_sample(&paths->paces[i], &paths->counts[i], 0, paths->now_us);
	}
}

/* One command of a second. */
static void serve(struct paths *paths, unsigned path, unsigned reads, unsigned writes, uint64_t bytes, uint64_t took_us)
{
	struct pace_counts *counts = &paths->counts[path];

	counts->reads += reads;
	counts->writes += writes;
	counts->bytes += (reads + writes) * bytes;
	counts->service_us += (reads + writes) * took_us;
}

/* A second has passed. Bit n: path n has turned. */
static unsigned judge(struct paths *paths)
{
	unsigned turned = 0;

	paths->now_us += S;
	for (unsigned i = 0; i < PATHS; i++)
		pace_sample(&paths->paces[i], &paths->counts[i], 0, paths->now_us);
	for (unsigned i = 0; i < PATHS; i++)
		turned |= (unsigned)pace_judge(&paths->paces[i], paths->all, PATHS, paths->now_us) << i;
	return turned;
}

/* How many seconds until somebody turns, path 1 taking took_us and the others 1 ms; 60: nobody does. */
static unsigned seconds_until_slow(struct paths *paths, uint64_t took_us)
{
	for (unsigned second = 1; second < 60; second++) {
		unsigned turned;

		for (unsigned i = 0; i < PATHS; i++)
			serve(paths, i, 20, 20, 4096, i == 1 ? took_us : MS);
		turned = judge(paths);
		if (turned) {
			assert_int_equal(turned, 2);
			return second;
		}
	}
	return 60;
}

/* row: L6: four times as long, for some seconds; fair again below twice */
static void test_turns(void **state)
{
	struct paths paths;

	(void)state;
	begin(&paths);
	assert_int_equal(seconds_until_slow(&paths, 3900), 60);
	assert_in_range(seconds_until_slow(&paths, 4100), 5, 8);
	assert_true(paths.paces[1].slow);
	assert_int_equal(pace_ratio_tenths(&paths.paces[1]), 41);
	assert_int_equal(seconds_until_slow(&paths, 2100), 60);
	assert_in_range(seconds_until_slow(&paths, 1900), 5, 8);
	assert_false(paths.paces[1].slow);
}

/* row: L6: a single bad second is none of its business */
static void test_hiccups(void **state)
{
	struct paths paths;

	(void)state;
	begin(&paths);
	for (unsigned second = 0; second < 100; second++) {
		for (unsigned i = 0; i < PATHS; i++)
			serve(&paths, i, 20, 20, 4096, i == 1 && second % 4 == 0 ? 500 * MS : MS);
		assert_int_equal(judge(&paths), 0);
	}
}

/* row: L6: many times as long, but next to nothing; and everything equally slow */
static void test_no_false_alarm(void **state)
{
	struct paths paths;

	(void)state;
	begin(&paths);
	for (unsigned second = 0; second < 30; second++) {
		for (unsigned i = 0; i < PATHS; i++)
			serve(&paths, i, 20, 20, 4096, i == 1 ? 1500 : 100);
		assert_int_equal(judge(&paths), 0);
	}
	for (unsigned second = 0; second < 30; second++) {
		for (unsigned i = 0; i < PATHS; i++)
			serve(&paths, i, 20, 20, 4096, 300 * MS);
		assert_int_equal(judge(&paths), 0);
	}
}

/* row: L6: unlike is not compared: large beside small commands, writes beside reads */
static void test_like_with_like(void **state)
{
	struct paths paths;

	(void)state;
	begin(&paths);
	for (unsigned second = 0; second < 30; second++) {
		serve(&paths, 0, 40, 0, 4096, MS);
		serve(&paths, 1, 40, 0, 65536, 20 * MS);
		serve(&paths, 2, 0, 40, 4096, 20 * MS);
		assert_int_equal(judge(&paths), 0);
	}
}

/* row: L6: what others took some time ago says nothing of what a command takes now */
static void test_old_samples(void **state)
{
	struct paths paths;

	(void)state;
	begin(&paths);
	serve(&paths, 0, 20, 20, 4096, MS);
	serve(&paths, 1, 20, 20, 4096, MS);
	assert_int_equal(judge(&paths), 0);
	for (unsigned second = 0; second < 8; second++)
		judge(&paths);
	for (unsigned second = 0; second < 30; second++) {
		serve(&paths, 1, 20, 20, 4096, 50 * MS);
		assert_int_equal(judge(&paths), 0);
	}
}

/* row: L6: few commands are enough in the end; a path that carries nothing any more is not called slow for ever */
static void test_few_commands(void **state)
{
	struct paths paths;
	unsigned second = 0;

	(void)state;
	begin(&paths);
	for (; !paths.paces[1].slow; second++) {
		assert_true(second < 60);
		for (unsigned i = 0; i < PATHS; i++)
			serve(&paths, i, i == 1 ? 2 : 20, i == 1 ? 2 : 20, 4096, i == 1 ? 50 * MS : MS);
		judge(&paths);
	}
	assert_true(second > 10);
	for (second = 0; paths.paces[1].slow; second++) {
		assert_true(second < 100);
		judge(&paths);
	}
	assert_in_range(second, 55, 65);
}

/* ---- the gateway ------------------------------------------------------------------------------------------------- */

static void end_load(struct sim_load *load)
{
	assert_true(sim_load_stop(load, 60 * S));
	assert_int_equal(load->failed, 0); /* what they read is not looked at: two of them write to the same blocks */
	free(load);
}

struct seen {
	const char *link;
	bool slow;
	unsigned slow_paths, tenths;
	char reason[160];
};

static bool look(const struct device_view *view, void *arg)
{
	struct seen *seen = arg;

	for (size_t i = 0; i < view->path_count; i++) {
		seen->slow_paths += view->paths[i].slow;
		if (!view->paths[i].slow || strcmp(view->paths[i].link, seen->link) != 0)
			continue;
		seen->slow = true;
		seen->tenths = view->paths[i].slow_tenths;
		strcpy(seen->reason, view->paths[i].reason);
	}
	return true;
}

static struct seen look_at(const struct world *world, const char *address)
{
	struct seen seen = { .link = sim_gateway_link(world->g, address)->id };

	control_each_device(world->g->gateway, look, &seen);
	return seen;
}

/* row: L6: one slow portal under load on two workers: its path is named, with a figure, and cleared when it is over */
static void test_slow_path_is_reported(void **state)
{
	struct world *world = world_create_ready(2, NULL);
	struct control_status status;
	struct sim_load *loads[2];
	struct seen seen;

	(void)state;
	for (unsigned w = 0; w < 2; w++)
		loads[w] = sim_load_start(world->sim, sim_gateway_disk(world->g, w, 0), 8, 10 * MS);
	sim_run(world->sim, 20 * S);
	assert_int_equal(sim_gateway_events(world->g, "path-slow"), 0);
	world->portals[2]->latency_us = 25 * MS;
	sim_run(world->sim, 15 * S);
	assert_int_equal(sim_gateway_events(world->g, "path-slow"), 1);
	seen = look_at(world, PORTAL_2A);
	assert_true(seen.slow);
	assert_int_equal(seen.slow_paths, 1);
	assert_in_range(seen.tenths, 300, 1000);
	assert_non_null(strstr(seen.reason, "times as long"));
	control_status(world->g->gateway, &status);
	assert_false(status.healthy);
	world->portals[2]->latency_us = 0;
	sim_run(world->sim, 15 * S);
	assert_int_equal(sim_gateway_events(world->g, "path-no-longer-slow"), 1);
	assert_int_equal(look_at(world, PORTAL_2A).slow_paths, 0);
	control_status(world->g->gateway, &status);
	assert_true(status.healthy);
	for (unsigned w = 0; w < 2; w++)
		end_load(loads[w]);
	world_destroy(world);
}

/* row: L6: paths that stand by have no pace, and an array that is slow everywhere has no slow path */
static void test_standby_and_slow_array(void **state)
{
	static const char *const policies[] = {
		"{'policies': {'default': 'fail-over-only'}}",
		"{'policies': {'default': 'least-queue-depth'}}",
		"{'policies': {'default': 'latency'}}",
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(policies); i++) {
		struct world *world = world_create_ready(1, policies[i]);
		struct sim_load *load = sim_load_start(world->sim, world_disk(world, 0), 8, 10 * MS);

		sim_run(world->sim, 20 * S);
		for (unsigned p = 0; p < 4; p++)
			world->portals[p]->latency_us = 30 * MS;
		sim_run(world->sim, 60 * S);
		assert_int_equal(sim_gateway_events(world->g, "path-slow"), 0);
		end_load(load);
		world_destroy(world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_hiccups),
		cmocka_unit_test(test_no_false_alarm),
		cmocka_unit_test(test_like_with_like),
		cmocka_unit_test(test_old_samples),
		cmocka_unit_test(test_few_commands),
		cmocka_unit_test(test_slow_path_is_reported),
		cmocka_unit_test(test_standby_and_slow_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
