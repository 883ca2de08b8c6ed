/* The load-balance policies: what each picks among the paths that it is shown. */
#include "dsm/policy.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define PATHS 4

struct fake_link {
	struct policy_link link;
	struct policy_load now;
};

struct fixture {
	const struct policy_ops *ops;
	struct fake_link links[PATHS];
	struct policy_path paths[PATHS];
	struct path_set usable;
	void *ctx, *shared;
};

static struct policy_load fake_load(const struct policy_link *link)
{
	return ((const struct fake_link *)(const void *)link)->now;
}

static struct fixture *fixture_create(const char *name)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->ops = policy_find(name);
	assert_non_null(f->ops);
	f->ctx = calloc(1, f->ops->ctx_bytes + 1);
	f->shared = calloc(1, f->ops->shared_bytes + 1);
	for (unsigned i = 0; i < PATHS; i++) {
		f->links[i].link.load = fake_load;
		f->paths[i] = (struct policy_path){ .index = i, .link = &f->links[i].link };
		f->usable.path[f->usable.count++] = &f->paths[i];
	}
	return f;
}

static void fixture_destroy(struct fixture *f)
{
	free(f->ctx);
	free(f->shared);
	free(f);
}

/* The paths of this mask, bit 0 = path 0, are usable. */
static void use(struct fixture *f, unsigned mask)
{
	f->usable.count = 0;
	for (unsigned i = 0; i < PATHS; i++)
		if (mask & 1u << i)
			f->usable.path[f->usable.count++] = &f->paths[i];
}

static int pick(struct fixture *f)
{
	struct policy_io io = { .is_read = true, .bytes = 4096 };
	struct policy_path *path = f->ops->select(f->ctx, f->shared, &f->usable, &io);

	return path ? (int)path->index : -1;
}

static void assert_picks(struct fixture *f, const int *expected, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(pick(f), expected[i]);
}

#define PICKS(f, ...)                                                                                                  \
	do {                                                                                                           \
		const int expected_[] = { __VA_ARGS__ };                                                               \
		assert_picks(f, expected_, ARRAY_COUNT(expected_));                                                    \
	} while (0)

/* row: P1 */
static void test_fail_over_uses_one_path(void **state)
{
	struct fixture *f = fixture_create("fail-over-only");

	(void)state;
	f->paths[0].role = f->paths[2].role = f->paths[3].role = POLICY_STANDBY;
	PICKS(f, 1, 1, 1, 1);
	use(f, 0xd); /* the active one fails: the first standby */
	PICKS(f, 0, 0, 0);
	use(f, 0xf); /* no preferred path: it does not fail back */
	PICKS(f, 0, 0, 0);
	use(f, 0x8);
	PICKS(f, 3);
	use(f, 0xf);
	PICKS(f, 3, 3);
	fixture_destroy(f);
}

/* row: P1: the next one is the first of the best, as the array thinks, but an active path comes before */
static void test_fail_over_goes_by_order(void **state)
{
	struct fixture *f = fixture_create("fail-over-only");

	(void)state;
	f->paths[0].role = f->paths[2].role = f->paths[3].role = POLICY_STANDBY;
	f->paths[0].order = 2;
	f->paths[1].order = 9;
	f->paths[2].order = f->paths[3].order = 1;
	PICKS(f, 1, 1);
	use(f, 0xd);
	PICKS(f, 2, 2);
	use(f, 0x9);
	PICKS(f, 3);
	use(f, 0x1);
	PICKS(f, 0);
	f->paths[0].preferred = true; /* the administrator's word */
	use(f, 0xf);
	PICKS(f, 0);
	fixture_destroy(f);
}

/* row: P1 */
static void test_fail_over_returns_to_the_preferred_path(void **state)
{
	struct fixture *f = fixture_create("fail-over-only");

	(void)state;
	f->paths[2].preferred = true;
	PICKS(f, 2, 2);
	use(f, 0xb);
	PICKS(f, 0, 0);
	use(f, 0xf);
	PICKS(f, 2, 2);
	fixture_destroy(f);
}

/* row: P1: the choice is the device's: another worker, with a context of its own, takes the same path */
static void test_fail_over_choice_is_shared(void **state)
{
	struct fixture *f = fixture_create("fail-over-only");
	struct fixture *g = fixture_create("fail-over-only");
	void *own = g->shared;

	(void)state;
	g->shared = f->shared;
	use(f, 0xc);
	PICKS(f, 2);
	PICKS(g, 2, 2);
	PICKS(f, 2);
	g->shared = own;
	fixture_destroy(g);
	fixture_destroy(f);
}

/* row: P2 */
static void test_round_robin_takes_turns(void **state)
{
	struct fixture *f = fixture_create("round-robin");

	(void)state;
	PICKS(f, 0, 1, 2, 3, 0, 1);
	use(f, 0x9);
	PICKS(f, 3, 0, 3, 0);
	use(f, 0xf);
	PICKS(f, 1, 2, 3, 0);
	use(f, 0x4);
	PICKS(f, 2, 2, 2);
	fixture_destroy(f);
}

/* row: P2: the cursor is per LU: two of them do not disturb one another */
static void test_round_robin_cursor_is_per_lu(void **state)
{
	struct fixture *f = fixture_create("round-robin"), *g = fixture_create("round-robin");

	(void)state;
	PICKS(f, 0, 1);
	PICKS(g, 0, 1, 2);
	PICKS(f, 2, 3);
	fixture_destroy(f);
	fixture_destroy(g);
}

/* row: P3: A, B, C active, D standby: D carries nothing while any of A to C lives, and rests again when one returns */
static void test_subset_rests_the_standby(void **state)
{
	struct fixture *f = fixture_create("round-robin-subset");

	(void)state;
	f->paths[3].role = POLICY_STANDBY;
	PICKS(f, 0, 1, 2, 0, 1, 2);
	use(f, 0xa); /* B and D */
	PICKS(f, 1, 1, 1);
	use(f, 0x8);
	PICKS(f, 3, 3);
	use(f, 0xc);
	PICKS(f, 2, 2, 2);
	use(f, 0xf);
	PICKS(f, 0, 1, 2, 0);
	fixture_destroy(f);
}

/* row: P3: with no active path left the standbys take turns */
static void test_subset_of_standbys_takes_turns(void **state)
{
	struct fixture *f = fixture_create("round-robin-subset");

	(void)state;
	for (unsigned i = 1; i < PATHS; i++)
		f->paths[i].role = POLICY_STANDBY;
	use(f, 0xe);
	PICKS(f, 1, 2, 3, 1);
	fixture_destroy(f);
}

/* row: P4 */
static void test_least_queue_depth(void **state)
{
	struct fixture *f = fixture_create("least-queue-depth");

	(void)state;
	PICKS(f, 0, 0); /* all idle: the lowest index */
	f->links[0].now.commands = 2;
	PICKS(f, 1);
	f->links[1].now.commands = f->links[2].now.commands = 1;
	PICKS(f, 3);
	f->links[3].now.commands = 1;
	PICKS(f, 1);
	use(f, 0x1); /* the longest queue is better than none */
	PICKS(f, 0);
	fixture_destroy(f);
}

/* row: P4: bytes do not matter */
static void test_least_queue_depth_counts_commands(void **state)
{
	struct fixture *f = fixture_create("least-queue-depth");

	(void)state;
	use(f, 0x3);
	f->links[0].now = (struct policy_load){ .commands = 1, .bytes = 1 << 20 };
	f->links[1].now = (struct policy_load){ .commands = 2, .bytes = 512 };
	PICKS(f, 0);
	fixture_destroy(f);
}

/* row: P5 */
static void test_weighted_paths(void **state)
{
	struct fixture *f = fixture_create("weighted-paths");

	(void)state;
	f->paths[0].weight = 20;
	f->paths[1].weight = 10;
	f->paths[2].weight = 10;
	f->paths[3].weight = UINT32_MAX;
	PICKS(f, 1, 1, 1); /* ties to the first */
	use(f, 0xd);
	PICKS(f, 2);
	use(f, 0x9);
	PICKS(f, 0);
	use(f, 0x8); /* never chosen */
	PICKS(f, -1);
	fixture_destroy(f);
}

static int pick_io(struct fixture *f, bool is_write, uint64_t lba, uint64_t blocks)
{
	struct policy_io io = {
		.is_read = !is_write,
		.is_write = is_write,
		.lba = lba,
		.blocks = blocks,
		.bytes = blocks * 512,
	};

	return (int)f->ops->select(f->ctx, f->shared, &f->usable, &io)->index;
}

/* row: P6: 10 + 20 bytes on path 1, none on path 2: the next goes to path 2 */
static void test_least_blocks(void **state)
{
	struct fixture *f = fixture_create("least-blocks");

	(void)state;
	use(f, 0x3);
	f->links[0].now = (struct policy_load){ .commands = 2, .bytes = 30 };
	assert_int_equal(pick_io(f, false, 1000, 8), 1);
	f->links[1].now = (struct policy_load){ .commands = 1, .bytes = 31 };
	assert_int_equal(pick_io(f, false, 0, 8), 0);
	fixture_destroy(f);
}

/* row: P6: what continues a path's last command stays there; a write only up to the window */
static void test_least_blocks_sequential(void **state)
{
	struct fixture *f = fixture_create("least-blocks");

	(void)state;
	use(f, 0x3);
	assert_int_equal(pick_io(f, true, 0, 8), 0);
	f->links[0].now.bytes = 4096;
	assert_int_equal(pick_io(f, true, 8, 8), 0);
	f->links[0].now.bytes = 1048576;
	assert_int_equal(pick_io(f, true, 16, 8), 1);
	f->links[0].now.bytes = 4 << 20; /* reads have no window */
	assert_int_equal(pick_io(f, false, 100, 8), 1);
	f->links[1].now.bytes = 5 << 20;
	assert_int_equal(pick_io(f, false, 108, 8), 1);
	fixture_destroy(f);
}

static void test_find(void **state)
{
	(void)state;
	assert_null(policy_find("no-such-policy"));
	assert_null(policy_find(""));
	assert_ptr_equal(policy_find("round-robin"), &policy_round_robin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fail_over_uses_one_path),
		cmocka_unit_test(test_fail_over_goes_by_order),
		cmocka_unit_test(test_fail_over_returns_to_the_preferred_path),
		cmocka_unit_test(test_fail_over_choice_is_shared),
		cmocka_unit_test(test_round_robin_takes_turns),
		cmocka_unit_test(test_round_robin_cursor_is_per_lu),
		cmocka_unit_test(test_subset_rests_the_standby),
		cmocka_unit_test(test_subset_of_standbys_takes_turns),
		cmocka_unit_test(test_least_queue_depth),
		cmocka_unit_test(test_least_queue_depth_counts_commands),
		cmocka_unit_test(test_weighted_paths),
		cmocka_unit_test(test_least_blocks),
		cmocka_unit_test(test_least_blocks_sequential),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
