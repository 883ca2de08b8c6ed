#include "gateway/engine/throttle.h"

#include "gateway/engine/io.h"

#define NS_PER_US UINT64_C(1000)
#define NS_PER_S UINT64_C(1000000000)
#define BURST_NS (THROTTLE_BURST_US * NS_PER_US)
#define BATCH 8 /* commands that go in one turn: the other workers have theirs in between */

static uint64_t now_ns(const struct throttle *throttle)
{
	return clock_now_us(throttle->release.clock) * NS_PER_US;
}

/* ---- places in time ---------------------------------------------------------------------------------------------- */

/* The next free place; what comes after is `cost_ns` later. */
static uint64_t take(_Atomic uint64_t *next_ns, uint64_t now, uint64_t cost_ns)
{
	uint64_t earliest = now > BURST_NS ? now - BURST_NS : 0, place;
	uint64_t next = atomic_load_explicit(next_ns, memory_order_relaxed);

	do {
		place = next > earliest ? next : earliest;
	} while (!atomic_compare_exchange_weak_explicit(next_ns, &next, place + cost_ns, memory_order_relaxed,
							memory_order_relaxed));
	return place;
}

static uint64_t take_place(struct throttle *throttle, const struct io *io)
{
	const struct throttle_limits *limits = &throttle->limits;
	uint64_t now = now_ns(throttle), place = 0, by_bytes;

	if (limits->iops)
		place = take(&throttle->bucket->command_ns, now, NS_PER_S / limits->iops);
	if (limits->bytes_per_second) {
		by_bytes = take(&throttle->bucket->byte_ns, now, io->len * NS_PER_S / limits->bytes_per_second);
		place = by_bytes > place ? by_bytes : place;
	}
	return place;
}

/* ---- commands that wait ------------------------------------------------------------------------------------------ */

static void count(struct throttle *throttle, int by)
{
	atomic_store_explicit(throttle->count,
			      atomic_load_explicit(throttle->count, memory_order_relaxed) + (unsigned)by,
			      memory_order_relaxed);
}

struct io *throttle_first(const struct throttle *throttle)
{
	return list_first(&throttle->waiting, struct io, link);
}

void throttle_forget(struct throttle *throttle, struct io *io)
{
	throttle->has_place &= io != throttle_first(throttle);
	list_del(&io->link);
	io->place = IO_IDLE;
	throttle->bytes -= io->len;
	count(throttle, -1);
}

/* Sends what is due, and comes back for the rest. */
static void release(struct throttle *throttle)
{
	struct io *io;

	for (unsigned gone = 0; gone < BATCH || !throttle->on; gone++) {
		io = throttle_first(throttle);
		if (!io)
			return;
		if (!throttle->has_place)
			throttle->place_ns = throttle->on ? take_place(throttle, io) : 0;
		throttle->has_place = true;
		if (throttle->place_ns > now_ns(throttle)) {
			timer_arm(&throttle->release,
				  (throttle->place_ns - now_ns(throttle) + NS_PER_US - 1) / NS_PER_US);
			return;
		}
		throttle_forget(throttle, io);
		throttle->go(io);
	}
	timer_arm(&throttle->release, 0);
}

static void on_release(void *arg)
{
	release(arg);
}

enum throttle_answer throttle_admit(struct throttle *throttle, struct io *io)
{
	bool is_first = list_empty(&throttle->waiting);

	if (is_first) {
		throttle->place_ns = take_place(throttle, io);
		throttle->has_place = true;
		if (throttle->place_ns <= now_ns(throttle))
			return THROTTLE_GO;
	} else if (throttle->bytes + io->len > THROTTLE_BYTES_MAX) {
		return THROTTLE_FULL;
	}
	io->place = IO_THROTTLED;
	list_add_tail(&throttle->waiting, &io->link);
	throttle->bytes += io->len;
	count(throttle, 1);
	if (is_first)
		release(throttle);
	return THROTTLE_WAIT;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

void throttle_set(struct throttle *throttle, struct throttle_limits limits)
{
	throttle->limits = limits;
	throttle->on = throttle_is_set(&limits);
	throttle->has_place = false;
	/* Places of the old limits may lie far ahead. Each worker does this, so that the last of them has the last
	 * word. */
	atomic_store_explicit(&throttle->bucket->command_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&throttle->bucket->byte_ns, 0, memory_order_relaxed);
	release(throttle);
}

void throttle_init(struct throttle *throttle, struct clock *clock, struct throttle_bucket *bucket,
		   _Atomic unsigned *waiting_count, void (*go)(struct io *io))
{
	throttle->bucket = bucket;
	throttle->count = waiting_count;
	throttle->go = go;
	list_init(&throttle->waiting);
	timer_init(&throttle->release, clock, on_release, throttle);
}

void throttle_done(struct throttle *throttle)
{
	timer_stop(&throttle->release);
}
