/*
 * clock.h - time as a parameter: a monotonic "now" and the timers that wait for it.
 *
 * A loop owns a clock and advances it with CLOCK_MONOTONIC once a turn; the simulation owns one and advances it by
 * hand. Code that takes its time from a clock runs the same in both. One thread. Times are microseconds.
 */
#ifndef BRAID_CLOCK_H
#define BRAID_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define US_PER_MS UINT64_C(1000)
#define US_PER_S UINT64_C(1000000)
#define CLOCK_NEVER UINT64_MAX

struct timer;

struct clock {
	uint64_t cached_us; /* clock_now_us() is how to read it */
	uint64_t (*source)(void); /* NULL: moved by hand */
	bool stale; /* cached_us is from an earlier turn */
	struct timer **heap; /* binary heap by due_us, then by order of arming; heap[0] is the next */
	size_t count, capacity;
	uint64_t armed; /* how many times a timer was armed */
};

/* Embedded in its owner. Stop it before the owner goes. */
struct timer {
	struct clock *clock;
	void (*fn)(void *arg);
	void *arg;
	uint64_t due_us;
	uint64_t serial; /* clock.armed when it was armed */
	size_t slot; /* index in the heap + 1; 0: not armed */
};

/* With a source the clock follows it, at the latest once a turn; without, it stands until clock_advance(). */
void clock_init(struct clock *clock, uint64_t now_us, uint64_t (*source)(void));
void clock_done(struct clock *clock);

/* Moves now forward (never back) and runs what is due, in order of time, equal times in the order of
 * arming. A timer function may arm and stop timers. */
void clock_advance(struct clock *clock, uint64_t now_us);

/* Now. Constant within a turn. */
static inline uint64_t clock_now_us(struct clock *clock)
{
	if (clock->stale) {
		clock->cached_us = clock->source();
		clock->stale = false;
	}
	return clock->cached_us;
}

/* The turn is over: the next one to ask gets a fresh time. */
static inline void clock_expire(struct clock *clock)
{
	clock->stale = clock->source != NULL;
}

/* When the next timer is due; CLOCK_NEVER: none is armed. */
uint64_t clock_next_us(const struct clock *clock);

void timer_init(struct timer *timer, struct clock *clock, void (*fn)(void *arg), void *arg);

/* Once, `delay_us` from now; arming an armed timer moves it. Delay 0 runs at the next advance, never inside this call.
 */
void timer_arm(struct timer *timer, uint64_t delay_us);
void timer_stop(struct timer *timer);

static inline bool timer_armed(const struct timer *timer)
{
	return timer->slot != 0;
}

#endif
