/* Timers: order, re-arming, stopping inside a timer function, delay 0, and the heap against a naive model. */
#include "gateway/base/clock.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define START_US (10 * US_PER_S)

/* A timer that writes its number down when it runs. */
struct probe {
	struct timer timer;
	struct trail *trail;
	int number;
};

struct trail {
	struct clock clock;
	struct probe probes[8];
	int ran[64];
	size_t count;
};

static void note(void *arg)
{
	struct probe *probe = arg;

	assert_true(probe->trail->count < ARRAY_COUNT(probe->trail->ran));
	assert_false(timer_armed(&probe->timer));
	probe->trail->ran[probe->trail->count++] = probe->number;
}

static int setup(void **state)
{
	struct trail *trail = calloc(1, sizeof(*trail));

	clock_init(&trail->clock, START_US, NULL);
	for (size_t i = 0; i < ARRAY_COUNT(trail->probes); i++) {
		struct probe *probe = &trail->probes[i];

		*probe = (struct probe){ .trail = trail, .number = (int)i };
		timer_init(&probe->timer, &trail->clock, note, probe);
	}
	*state = trail;
	return 0;
}

static int teardown(void **state)
{
	struct trail *trail = *state;

	clock_done(&trail->clock);
	free(trail);
	return 0;
}

static void assert_ran(const struct trail *trail, const int *numbers, size_t count)
{
	assert_int_equal(trail->count, count);
	if (count)
		assert_memory_equal(trail->ran, numbers, count * sizeof(*numbers));
}

static void test_order(void **state)
{
	struct trail *trail = *state;

	assert_int_equal(clock_next_us(&trail->clock), CLOCK_NEVER);
	timer_arm(&trail->probes[0].timer, 300);
	timer_arm(&trail->probes[1].timer, 100);
	timer_arm(&trail->probes[2].timer, 200);
	assert_int_equal(clock_next_us(&trail->clock), START_US + 100);
	clock_advance(&trail->clock, START_US + 99);
	assert_ran(trail, NULL, 0);
	clock_advance(&trail->clock, START_US + 200);
	assert_ran(trail, (const int[]){ 1, 2 }, 2);
	clock_advance(&trail->clock, START_US + 10000);
	assert_ran(trail, (const int[]){ 1, 2, 0 }, 3);
	assert_int_equal(clock_next_us(&trail->clock), CLOCK_NEVER);
}

static void test_never_back(void **state)
{
	struct trail *trail = *state;

	clock_advance(&trail->clock, START_US - 1);
	assert_int_equal(trail->clock.cached_us, START_US);
	timer_arm(&trail->probes[0].timer, 0);
	clock_advance(&trail->clock, 0); /* time stands, what is due runs */
	assert_ran(trail, (const int[]){ 0 }, 1);
}

static void test_rearm_moves(void **state)
{
	struct trail *trail = *state;

	timer_arm(&trail->probes[0].timer, 100);
	timer_arm(&trail->probes[1].timer, 200);
	timer_arm(&trail->probes[0].timer, 300);
	clock_advance(&trail->clock, START_US + 250);
	assert_ran(trail, (const int[]){ 1 }, 1);
	timer_arm(&trail->probes[0].timer, 10); /* sooner again */
	clock_advance(&trail->clock, START_US + 260);
	assert_ran(trail, (const int[]){ 1, 0 }, 2);
	clock_advance(&trail->clock, START_US + 1000);
	assert_ran(trail, (const int[]){ 1, 0 }, 2);
}

static void test_stop(void **state)
{
	struct trail *trail = *state;

	timer_stop(&trail->probes[0].timer); /* not armed: nothing happens */
	timer_arm(&trail->probes[0].timer, 10);
	assert_true(timer_armed(&trail->probes[0].timer));
	timer_stop(&trail->probes[0].timer);
	timer_stop(&trail->probes[0].timer);
	assert_false(timer_armed(&trail->probes[0].timer));
	clock_advance(&trail->clock, START_US + 10);
	assert_ran(trail, NULL, 0);
}

static void stop_next(void *arg)
{
	struct probe *probe = arg;

	note(probe);
	timer_stop(&probe->trail->probes[probe->number + 1].timer);
}

static void test_stop_inside(void **state)
{
	struct trail *trail = *state;

	trail->probes[0].timer.fn = stop_next;
	for (int i = 0; i < 3; i++)
		timer_arm(&trail->probes[i].timer, 10 + (uint64_t)i);
	clock_advance(&trail->clock, START_US + 100); /* all three are due, the first stops the second */
	assert_ran(trail, (const int[]){ 0, 2 }, 2);
}

static void rearm_self(void *arg)
{
	struct probe *probe = arg;

	note(probe);
	timer_arm(&probe->timer, 0);
}

static void test_delay_zero(void **state)
{
	struct trail *trail = *state;
	struct timer *timer = &trail->probes[0].timer;

	timer->fn = rearm_self;
	timer_arm(&trail->probes[1].timer, US_PER_S); /* others that wait do not matter */
	timer_arm(timer, 0);
	assert_ran(trail, NULL, 0); /* never inside timer_arm */
	clock_advance(&trail->clock, START_US);
	assert_ran(trail, (const int[]){ 0 }, 1);
	assert_true(timer_armed(timer));
	clock_advance(&trail->clock, START_US);
	assert_ran(trail, (const int[]){ 0, 0 }, 2);
}

/* CLOCK_NEVER as a delay means what it says. */
static void test_delay_never(void **state)
{
	struct trail *trail = *state;

	timer_arm(&trail->probes[0].timer, CLOCK_NEVER);
	clock_advance(&trail->clock, START_US + US_PER_S);
	assert_ran(trail, NULL, 0);
}

/* A timer that arms itself again with a period runs once a period however far time jumps, not in a burst. */
static void rearm_period(void *arg)
{
	struct probe *probe = arg;

	note(probe);
	timer_arm(&probe->timer, 100);
}

static void test_period(void **state)
{
	struct trail *trail = *state;

	trail->probes[0].timer.fn = rearm_period;
	timer_arm(&trail->probes[0].timer, 100);
	clock_advance(&trail->clock, START_US + 1000);
	assert_ran(trail, (const int[]){ 0 }, 1);
	assert_int_equal(clock_next_us(&trail->clock), START_US + 1100);
}

static void test_done_disarms(void **state)
{
	struct trail *trail = *state;

	timer_arm(&trail->probes[0].timer, 10);
	timer_arm(&trail->probes[1].timer, 10);
	clock_done(&trail->clock);
	assert_false(timer_armed(&trail->probes[0].timer));
	assert_false(timer_armed(&trail->probes[1].timer));
}

/* The heap against a table: random arming, stopping and time, the same calls to both. */
enum { STRESS_TIMERS = 300, STRESS_STEPS = 20000 };

struct entry {
	struct stress *stress;
	struct timer timer;
	uint64_t due_us; /* what the model expects; CLOCK_NEVER: not armed */
};

struct stress {
	struct clock clock;
	struct entry entries[STRESS_TIMERS];
	uint64_t last_us; /* due time of the timer that ran last in this advance */
};

static void stress_ran(void *arg)
{
	struct entry *entry = arg;
	struct stress *stress = entry->stress;

	assert_true(entry->due_us <= stress->clock.cached_us);
	assert_true(entry->due_us >= stress->last_us);
	stress->last_us = entry->due_us;
	entry->due_us = CLOCK_NEVER;
}

static void stress_check(const struct stress *stress)
{
	uint64_t next_us = CLOCK_NEVER;

	for (size_t i = 0; i < STRESS_TIMERS; i++) {
		const struct entry *entry = &stress->entries[i];

		assert_int_equal(timer_armed(&entry->timer), entry->due_us != CLOCK_NEVER);
		if (entry->due_us < next_us)
			next_us = entry->due_us;
	}
	assert_int_equal(clock_next_us(&stress->clock), next_us);
}

static void stress_step(struct stress *stress)
{
	struct entry *entry = &stress->entries[rand() % STRESS_TIMERS];
	uint64_t delay_us = (uint64_t)(rand() % 1000);

	switch (rand() % 8) {
	case 0:
		stress->last_us = 0;
		clock_advance(&stress->clock, stress->clock.cached_us + delay_us / 10);
		assert_true(clock_next_us(&stress->clock) > stress->clock.cached_us);
		break;
	case 1:
	case 2:
		timer_stop(&entry->timer);
		entry->due_us = CLOCK_NEVER;
		break;
	default:
		timer_arm(&entry->timer, delay_us + 1);
		entry->due_us = stress->clock.cached_us + delay_us + 1;
	}
}

static void test_stress(void **state)
{
	struct stress *stress = calloc(1, sizeof(*stress));
	unsigned seed = getenv("BRAID_TEST_SEED") ? (unsigned)atoi(getenv("BRAID_TEST_SEED")) : 1;

	(void)state;
	print_message("seed %u (BRAID_TEST_SEED)\n", seed);
	srand(seed);
	clock_init(&stress->clock, START_US, NULL);
	for (size_t i = 0; i < STRESS_TIMERS; i++) {
		struct entry *entry = &stress->entries[i];

		entry->stress = stress;
		entry->due_us = CLOCK_NEVER;
		timer_init(&entry->timer, &stress->clock, stress_ran, entry);
	}
	for (int step = 0; step < STRESS_STEPS; step++) {
		stress_step(stress);
		if (step % 16 == 0)
			stress_check(stress);
	}
	stress_check(stress);
	clock_done(&stress->clock);
	free(stress);
}

#define CLOCK_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLOCK_TEST(test_order),        CLOCK_TEST(test_never_back),  CLOCK_TEST(test_rearm_moves),
		CLOCK_TEST(test_stop),         CLOCK_TEST(test_stop_inside), CLOCK_TEST(test_delay_zero),
		CLOCK_TEST(test_delay_never),  CLOCK_TEST(test_period),      CLOCK_TEST(test_done_disarms),
		cmocka_unit_test(test_stress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
