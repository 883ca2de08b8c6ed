#include "tests/simulation/sim.h"

#include "gateway/base/memory.h"
#include "tests/simulation/sim_array.h"
#include "tests/simulation/sim_transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TURNS_AT_ONE_TIME 100000 /* more: something is spinning */

struct sim *sim_create(unsigned workers, uint64_t seed)
{
	struct sim *sim = xcalloc(1, sizeof(*sim));
	char name[24];

	list_init(&sim->arrays);
	list_init(&sim->initiators);
	sim->rng.state = seed;
	sim->worker_count = workers;
	sim->control = loop_create_virtual("control");
	for (unsigned w = 0; w < workers; w++) {
		snprintf(name, sizeof(name), "worker-%u", w);
		sim->workers[w] = loop_create_virtual(name);
	}
	clock_init(&sim->clock, clock_now_us(loop_clock(sim->control)), NULL);
	sim_transport_world(sim);
	return sim;
}

static void remove_state(const struct sim *sim)
{
	static const char *const names[] = { "/state.json", "/state.json.bad" };

	if (!*sim->state_dir)
		return;
	for (unsigned i = 0; i < 2; i++) {
		char *path = xasprintf("%s%s", sim->state_dir, names[i]);

		unlink(path);
		free(path);
	}
	rmdir(sim->state_dir);
}

void sim_destroy(struct sim *sim)
{
	struct sim_array *array;

	if (!sim)
		return;
	list_for_each(array, &sim->arrays, link)
		sim_array_destroy(array);
	sim_transport_world(NULL);
	for (unsigned w = 0; w < sim->worker_count; w++)
		loop_destroy(sim->workers[w]);
	loop_destroy(sim->control);
	clock_done(&sim->clock);
	remove_state(sim);
	free(sim);
}

uint64_t sim_now_us(struct sim *sim)
{
	return clock_now_us(&sim->clock);
}

static uint64_t next_due_us(struct sim *sim)
{
	uint64_t due = clock_next_us(&sim->clock), next = clock_next_us(loop_clock(sim->control));

	if (next < due)
		due = next;
	for (unsigned w = 0; w < sim->worker_count; w++) {
		next = clock_next_us(loop_clock(sim->workers[w]));
		if (next < due)
			due = next;
	}
	return due;
}

/* Delivers what the loops have for one another, until nobody has anything. */
static void settle(struct sim *sim)
{
	bool any = true;

	while (any) {
		any = loop_settle(sim->control);
		for (unsigned w = 0; w < sim->worker_count; w++)
			any |= loop_settle(sim->workers[w]);
	}
}

static void turn(struct sim *sim, uint64_t delta_us)
{
	loop_advance(sim->control, delta_us);
	for (unsigned w = 0; w < sim->worker_count; w++)
		loop_advance(sim->workers[w], delta_us);
	clock_advance(&sim->clock, clock_now_us(&sim->clock) + delta_us);
	settle(sim);
}

bool sim_until(struct sim *sim, bool (*test)(void *arg), void *arg, uint64_t limit_us)
{
	uint64_t end = sim_now_us(sim) + limit_us;
	unsigned turns = 0;

	settle(sim);
	while (!test || !test(arg)) {
		uint64_t now = sim_now_us(sim), due = next_due_us(sim);

		if (due > end) {
			turn(sim, end - now);
			return test && test(arg);
		}
		turns = due > now ? 0 : turns + 1;
		if (turns > TURNS_AT_ONE_TIME) {
			fprintf(stderr, "time stands still: something arms timers of delay 0 for ever\n");
			abort();
		}
		turn(sim, due > now ? due - now : 0);
	}
	return true;
}

void sim_run(struct sim *sim, uint64_t us)
{
	sim_until(sim, NULL, NULL, us);
}
