#include "gateway/base/clock.h"

#include "gateway/base/memory.h"

#include <stdlib.h>

void clock_init(struct clock *clock, uint64_t now_us, uint64_t (*source)(void))
{
	*clock = (struct clock){ .cached_us = now_us, .source = source };
}

void clock_done(struct clock *clock)
{
	for (size_t i = 0; i < clock->count; i++)
		clock->heap[i]->slot = 0;
	free(clock->heap);
	*clock = (struct clock){ 0 };
}

static void heap_put(struct clock *clock, size_t i, struct timer *timer)
{
	clock->heap[i] = timer;
	timer->slot = i + 1;
}

static bool is_before(const struct timer *a, const struct timer *b)
{
	return a->due_us != b->due_us ? a->due_us < b->due_us : a->serial < b->serial;
}

static void heap_up(struct clock *clock, size_t i, struct timer *timer)
{
	while (i > 0) {
		size_t parent = (i - 1) / 2;

		if (is_before(clock->heap[parent], timer))
			break;
		heap_put(clock, i, clock->heap[parent]);
		i = parent;
	}
	heap_put(clock, i, timer);
}

static void heap_down(struct clock *clock, size_t i, struct timer *timer)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= clock->count)
			break;
		if (child + 1 < clock->count && is_before(clock->heap[child + 1], clock->heap[child]))
			child++;
		if (is_before(timer, clock->heap[child]))
			break;
		heap_put(clock, i, clock->heap[child]);
		i = child;
	}
	heap_put(clock, i, timer);
}

void timer_init(struct timer *timer, struct clock *clock, void (*fn)(void *arg), void *arg)
{
	*timer = (struct timer){ .clock = clock, .fn = fn, .arg = arg };
}

void timer_arm(struct timer *timer, uint64_t delay_us)
{
	struct clock *clock = timer->clock;
	uint64_t now_us = clock_now_us(clock);

	timer_stop(timer);
	timer->due_us = delay_us < CLOCK_NEVER - now_us ? now_us + delay_us : CLOCK_NEVER;
	timer->serial = ++clock->armed;
	if (clock->count == clock->capacity) {
		clock->capacity = clock->capacity ? 2 * clock->capacity : 64;
		clock->heap = xrealloc(clock->heap, clock->capacity * sizeof(clock->heap[0]));
	}
	clock->count++;
	heap_up(clock, clock->count - 1, timer);
}

void timer_stop(struct timer *timer)
{
	struct clock *clock = timer->clock;
	struct timer *last;
	size_t i;

	if (!timer->slot)
		return;
	i = timer->slot - 1;
	timer->slot = 0;
	last = clock->heap[--clock->count];
	if (last == timer)
		return;
	if (i > 0 && is_before(last, clock->heap[(i - 1) / 2]))
		heap_up(clock, i, last);
	else
		heap_down(clock, i, last);
}

uint64_t clock_next_us(const struct clock *clock)
{
	return clock->count ? clock->heap[0]->due_us : CLOCK_NEVER;
}

void clock_advance(struct clock *clock, uint64_t now_us)
{
	if (now_us > clock->cached_us)
		clock->cached_us = now_us;
	clock->stale = false;
	/* what a timer function arms with delay 0 comes behind all that is due now, and waits for the next advance */
	for (uint64_t last = clock->armed; clock->count;) {
		struct timer *timer = clock->heap[0];

		if (timer->due_us > clock->cached_us || timer->serial > last)
			break;
		timer_stop(timer);
		timer->fn(timer->arg);
	}
}
