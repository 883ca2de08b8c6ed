/*
 * sim.h - a world in which time is a number: one control loop, some worker loops, and the arrays' clock.
 *
 * Everything runs on the calling thread, in a fixed order, from one due timer to the next; all clocks show the same
 * time whenever sim_run() is not running. What happens depends on the seed alone.
 */
#ifndef BRAID_SIM_H
#define BRAID_SIM_H

#include "gateway/base/loop.h"
#include "tests/simulation/sim_rng.h"

#define SIM_WORKERS_MAX 8
#define SIM_LATENCY_US 200 /* of the network, one way */

struct sim {
	struct clock clock; /* of arrays and network */
	struct loop *control, *workers[SIM_WORKERS_MAX];
	unsigned worker_count;
	struct sim_rng rng;
	struct list arrays; /* struct sim_array */
	struct list initiators; /* struct initiator: those that are not closed */
	char state_dir[64]; /* of its gateway, also when that is started again; "": none yet */
	uint64_t connections; /* ever opened */
	uint64_t submits, executions; /* commands that the transport was given; that an array has carried out */
};

/* One world at a time: the transport finds it by itself. */
struct sim *sim_create(unsigned workers, uint64_t seed);
void sim_destroy(struct sim *sim); /* takes NULL; the gateway is gone */

uint64_t sim_now_us(struct sim *sim);
void sim_run(struct sim *sim, uint64_t us);

/* Runs until test(arg), at most limit_us. Whether it came true. */
bool sim_until(struct sim *sim, bool (*test)(void *arg), void *arg, uint64_t limit_us);

#endif
