/*
 * probation.h - what becomes of a link or a path that fails again and again (row L6): it is kept up, but carries no I/O
 * as long as there is another way, until it has been steady for a while; longer after each further failure.
 *
 * The control loop judges, so that the workers cannot disagree; they read `on`. Times are of the control loop's clock.
 */
#ifndef BRAID_PROBATION_H
#define BRAID_PROBATION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROBATION_FAILURES 4 /* within PROBATION_WINDOW_US begin it */
#define PROBATION_WINDOW_US UINT64_C(300000000)
#define PROBATION_FIRST_US UINT64_C(5000000) /* doubled with each further failure, */
#define PROBATION_LONGEST_US UINT64_C(600000000) /* up to this, or what the administrator set */
#define PROBATION_MERGE_US UINT64_C(1000000) /* what fails for several workers, or disks, fails once */

struct probation {
	_Atomic bool on;

	/* control loop only */
	unsigned failures; /* that are remembered */
	uint64_t failed_us[PROBATION_FAILURES]; /* the latest, at (failures - 1) % PROBATION_FAILURES */
	uint64_t first_us; /* failure */
	uint64_t delay_us; /* how long it has to be steady; 0: it was not on probation of late */
	uint64_t steady_since_us;
};

static inline bool probation_is_on(const struct probation *probation)
{
	return atomic_load_explicit(&probation->on, memory_order_relaxed);
}

/* It has failed once more. True: that begins a probation. */
bool probation_failed(struct probation *probation, uint64_t now_us, uint64_t longest_us);

/* To be called every second or so. True: it has been up long enough, and the probation is over. */
bool probation_look(struct probation *probation, uint64_t now_us, bool is_up);

/* All is forgotten. True: it was on probation. */
bool probation_lift(struct probation *probation);

/* Why, and for how long: "4 failures within 48 s; carries I/O again in 5 s". Returns text. */
const char *probation_text(const struct probation *probation, uint64_t now_us, bool is_up, char *text, size_t len);

#endif
