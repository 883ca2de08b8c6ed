/*
 * The policies that look at sizes and times, over simulated links: a queue of commands that is kept full, links that
 * carry so many at a time and take so long for each, and the share that each link gets.
 */
#include "dsm/policy.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define PATHS 4
#define DEPTH_MAX 64
#define AVERAGE_WEIGHT 8 /* of the gateway's moving average */

struct slow_link {
	struct policy_link link;
	struct policy_load now;
	uint64_t service_us; /* of one command; all that are in flight are served at once */
	uint64_t carried;
};

struct command {
	uint64_t begin_us, end_us; /* end 0: the slot is free */
	unsigned path;
};

struct scene {
	const struct policy_ops *ops;
	struct slow_link links[PATHS];
	struct policy_path paths[PATHS];
	struct path_set usable;
	void *ctx, *shared;
	struct command commands[DEPTH_MAX];
	uint64_t now_us, longest_us;
	unsigned rng;
};

static struct policy_load load_of(const struct policy_link *link)
{
	return ((const struct slow_link *)(const void *)link)->now;
}

static struct scene *scene_create(const char *policy)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	scene->ops = policy_find(policy);
	assert_non_null(scene->ops);
	scene->ctx = calloc(1, scene->ops->ctx_bytes + 1);
	scene->shared = calloc(1, scene->ops->shared_bytes + 1);
	scene->rng = 1;
	for (unsigned i = 0; i < PATHS; i++) {
		scene->links[i].link.load = load_of;
		scene->links[i].service_us = 1000;
		scene->paths[i] = (struct policy_path){ .index = i, .link = &scene->links[i].link };
		scene->usable.path[scene->usable.count++] = &scene->paths[i];
	}
	return scene;
}

static void scene_destroy(struct scene *scene)
{
	free(scene->ctx);
	free(scene->shared);
	free(scene);
}

static struct slow_link *pick(struct scene *scene, const struct policy_io *io)
{
	const struct policy_path *path = scene->ops->select(scene->ctx, scene->shared, &scene->usable, io);

	assert_non_null(path);
	return &scene->links[path->index];
}

/* ---- latency ----------------------------------------------------------------------------------------------------- */

/* The service time with a tenth of noise. */
static uint64_t service_time(struct scene *scene, const struct slow_link *link)
{
	scene->rng = scene->rng * 1103515245u + 12345u;
	return link->service_us * (950 + (scene->rng >> 16) % 100) / 1000;
}

static void send(struct scene *scene, struct command *command)
{
	struct policy_io io = { .is_read = true, .bytes = 4096, .blocks = 8 };
	struct slow_link *link = pick(scene, &io);

	command->path = (unsigned)(link - scene->links);
	command->begin_us = scene->now_us;
	command->end_us = scene->now_us + service_time(scene, link);
	link->now.commands++;
	link->carried++;
}

static void end(struct scene *scene, struct command *command)
{
	struct slow_link *link = &scene->links[command->path];
	uint64_t took = command->end_us - command->begin_us, old = link->now.latency_us;

	scene->now_us = command->end_us;
	link->now.latency_us = old ? old - old / AVERAGE_WEIGHT + took / AVERAGE_WEIGHT : took;
	link->now.commands--;
	command->end_us = 0;
	if (took > scene->longest_us)
		scene->longest_us = took;
}

/* Keeps `depth` commands under way until `count` have ended; returns how many ended each second. */
static uint64_t run(struct scene *scene, unsigned depth, unsigned count)
{
	uint64_t begin = scene->now_us;

	for (unsigned i = 0; i < PATHS; i++)
		scene->links[i].carried = 0;
	while (count--) {
		struct command *first = NULL;

		for (unsigned i = 0; i < depth; i++)
			if (!scene->commands[i].end_us)
				send(scene, &scene->commands[i]);
		for (unsigned i = 0; i < DEPTH_MAX; i++)
			if (scene->commands[i].end_us && (!first || scene->commands[i].end_us < first->end_us))
				first = &scene->commands[i];
		end(scene, first);
	}
	return scene->now_us - begin;
}

static unsigned percent(const struct scene *scene, unsigned path)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < PATHS; i++)
		sum += scene->links[i].carried;
	return (unsigned)(scene->links[path].carried * 100 / sum);
}

/* row: P7: equal links get equal shares */
static void test_equal_links(void **state)
{
	struct scene *scene = scene_create("latency");

	(void)state;
	run(scene, 16, 20000);
	for (unsigned i = 0; i < PATHS; i++)
		assert_in_range(percent(scene, i), 21, 29);
	scene_destroy(scene);
}

/* row: P7: one link becomes slow: it keeps a share that fits its speed, the others lose nothing but that */
static void test_slow_link_drags_nobody(void **state)
{
	struct scene *scene = scene_create("latency"), *turns = scene_create("round-robin");
	uint64_t healthy = run(scene, 16, 20000), slow;

	(void)state;
	scene->links[1].service_us = turns->links[1].service_us = 20000;
	run(scene, 16, 5000); /* learns */
	slow = run(scene, 16, 20000);
	assert_in_range(percent(scene, 1), 0, 3);
	assert_true(scene->links[1].carried > 0); /* still measured */
	/* sixteen under way over three links is as fast as over four, for these links serve all at once */
	assert_in_range(slow * 100 / healthy, 90, 130);
	assert_true(run(turns, 16, 20000) > 3 * slow);
	scene_destroy(scene);
	scene_destroy(turns);
}

/* row: P7: twice as slow is no reason to rest it */
static void test_share_fits_speed(void **state)
{
	struct scene *scene = scene_create("latency");
	unsigned fast, half;

	(void)state;
	scene->links[3].service_us = 2000;
	run(scene, 32, 5000);
	run(scene, 32, 20000);
	half = percent(scene, 3);
	fast = percent(scene, 0);
	assert_in_range(half, 4, 15);
	assert_in_range(fast, 27, 33);
	scene_destroy(scene);
}

/* row: P7: a link that recovers is noticed, also when nothing but probes goes there */
static void test_recovers(void **state)
{
	struct scene *scene = scene_create("latency");

	(void)state;
	run(scene, 4, 2000);
	scene->links[2].service_us = 100000;
	run(scene, 4, 5000);
	assert_in_range(percent(scene, 2), 0, 2);
	scene->links[2].service_us = 1000;
	run(scene, 4, 4000); /* at 4,000 a second: a second */
	run(scene, 4, 4000);
	assert_in_range(percent(scene, 2), 15, 35);
	scene_destroy(scene);
}

/* row: P7: at most one command waits for a link that is far too slow */
static void test_one_probe_at_a_time(void **state)
{
	struct scene *scene = scene_create("latency");

	(void)state;
	run(scene, 8, 2000);
	scene->links[0].service_us = 5000000;
	run(scene, 8, 2000);
	for (unsigned i = 0; i < 600; i++) { /* some 12 seconds */
		run(scene, 8, 100);
		/* until the first has ended nobody knows; what is in flight is all that there is to see */
		assert_true(scene->links[0].now.commands <= (scene->links[0].now.latency_us < 10000 ? 4 : 1));
	}
	assert_true(scene->links[0].now.latency_us > 1000000);
	scene_destroy(scene);
}

/* ---- least blocks ------------------------------------------------------------------------------------------------ */

static struct policy_io block_io(bool is_write, uint64_t lba, uint64_t blocks)
{
	return (struct policy_io){
		.is_read = !is_write, .is_write = is_write, .lba = lba, .blocks = blocks, .bytes = blocks * 512
	};
}

/* The index of the path that the command takes; its bytes stay outstanding. */
static unsigned take(struct scene *scene, struct policy_io io)
{
	struct slow_link *link = pick(scene, &io);

	link->now.bytes += io.bytes;
	return (unsigned)(link - scene->links);
}

/* row: P6: 10 and 20 bytes on path 1, none on path 2: the next goes to path 2 */
static void test_fewest_bytes(void **state)
{
	struct scene *scene = scene_create("least-blocks");

	(void)state;
	scene->usable.count = 2;
	scene->links[0].now = (struct policy_load){ .commands = 2, .bytes = 30 };
	scene->links[1].now = (struct policy_load){ .commands = 9 };
	assert_int_equal(take(scene, block_io(false, 0, 8)), 1);
	assert_int_equal(take(scene, block_io(false, 1 << 24, 8)), 0);
	scene_destroy(scene);
}

/* row: P6: a command that starts at or after the last block of a path's last one stays there */
static void test_sequential_stays(void **state)
{
	struct scene *scene = scene_create("least-blocks");

	(void)state;
	assert_int_equal(take(scene, block_io(false, 1000, 8)), 0);
	assert_int_equal(take(scene, block_io(false, 50000000, 8)), 1); /* elsewhere: the fewest bytes */
	assert_int_equal(take(scene, block_io(false, 1008, 8)), 0);
	assert_int_equal(take(scene, block_io(false, 1015, 8)), 0); /* at the last block */
	assert_int_equal(take(scene, block_io(false, 1100, 8)), 0); /* after it */
	assert_int_equal(take(scene, block_io(false, 1099, 8)), 2); /* before it */
	assert_int_equal(take(scene, block_io(false, 50000008, 8)), 1);
	scene_destroy(scene);
}

/* row: P6: a write only as long as its path has no more than 1 MiB outstanding with it */
static void test_sequential_write_window(void **state)
{
	struct scene *scene = scene_create("least-blocks");
	uint64_t lba = 0;

	(void)state;
	for (unsigned i = 0; i < 16; i++, lba += 128) /* 64 KiB each */
		assert_int_equal(take(scene, block_io(true, lba, 128)), 0);
	assert_int_equal(take(scene, block_io(true, lba, 128)), 1);
	lba += 128;
	for (unsigned i = 0; i < 32; i++, lba += 128) /* reads have no window */
		assert_int_equal(take(scene, block_io(false, lba, 128)), 1);
	scene_destroy(scene);
}

/* row: P6: the sequential rule can be switched off */
static void test_sequential_off(void **state)
{
	struct scene *scene = scene_create("least-blocks");

	(void)state;
	for (unsigned i = 0; i < 2 * PATHS; i++) {
		struct policy_io io = block_io(false, 8 * i, 8);

		io.scattered = true;
		assert_int_equal(take(scene, io), i % PATHS);
	}
	scene_destroy(scene);
}

/* row: P6: only what moves blocks has a place in a stream */
static void test_other_commands(void **state)
{
	struct scene *scene = scene_create("least-blocks");
	struct policy_io inquiry = { .bytes = 255 };

	(void)state;
	assert_int_equal(take(scene, block_io(false, 0, 8)), 0);
	assert_int_equal(take(scene, inquiry), 1);
	assert_int_equal(take(scene, block_io(false, 8, 8)), 0);
	scene_destroy(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_links),         cmocka_unit_test(test_slow_link_drags_nobody),
		cmocka_unit_test(test_share_fits_speed),    cmocka_unit_test(test_recovers),
		cmocka_unit_test(test_one_probe_at_a_time), cmocka_unit_test(test_fewest_bytes),
		cmocka_unit_test(test_sequential_stays),    cmocka_unit_test(test_sequential_write_window),
		cmocka_unit_test(test_sequential_off),      cmocka_unit_test(test_other_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
