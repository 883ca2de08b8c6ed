/*
 * figures.h - health figures (mpio-semantics, section 7): counted by one worker, read by anybody.
 *
 * Each cell has one writer, so that counting is a plain load and store; readers on other threads see every value
 * whole (relaxed atomics). The sum over the workers' cells is the figure. Times are Unix time in microseconds.
 */
#ifndef BRAID_FIGURES_H
#define BRAID_FIGURES_H

#include "gateway/control.h"

#include <stdatomic.h>

#define FIGURE_TABLE(FIGURE)                                                                                           \
	FIGURE(reads)                                                                                                  \
	FIGURE(writes)                                                                                                 \
	FIGURE(read_bytes)                                                                                             \
	FIGURE(written_bytes)                                                                                          \
	FIGURE(retries)                                                                                                \
	FIGURE(io_errors)                                                                                              \
	FIGURE(path_failures)

typedef _Atomic uint64_t figure;

struct figure_cell {
#define FIGURE_MEMBER(name) figure name;
	_Alignas(64) FIGURE_TABLE(FIGURE_MEMBER)
#undef FIGURE_MEMBER
		figure inflight,
		inflight_bytes; /* now */
	figure queue_depth; /* of a link: commands of hosts at the array at a time at most */
	figure latency_us; /* moving average of the service time */
	figure service_us; /* the sum over reads and writes that count above */
	figure suspicions; /* of a path: errors of commands that cast doubt on it */
	figure last_failure_us;
};

/* By the cell's one writer. */
static inline void figure_add(figure *f, uint64_t n)
{
	atomic_store_explicit(f, atomic_load_explicit(f, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline void figure_set(figure *f, uint64_t value)
{
	atomic_store_explicit(f, value, memory_order_relaxed);
}

static inline uint64_t figure_get(const figure *f)
{
	return atomic_load_explicit(f, memory_order_relaxed);
}

/* Adds a cell to a sum. offline_since_us is left alone. */
void figures_add(struct figures *sum, const struct figure_cell *cell);

/* Now, as Unix time in microseconds. */
uint64_t unix_time_us(void);

#endif
