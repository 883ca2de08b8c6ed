/*
 * throttle.h - a device's reads and writes slowed down to what the administrator allows (row L7).
 *
 * All workers draw on one bucket: each takes the next place in time for its oldest waiting command, and sends it when
 * that has come. So workers that want more than their share take turns, and none keeps what it does not use. What was
 * not used for a moment may be made up for, THROTTLE_BURST_US at most. Embedded in a disk; one worker's thread, the
 * bucket apart.
 */
#ifndef BRAID_THROTTLE_H
#define BRAID_THROTTLE_H

#include "gateway/base/clock.h"
#include "gateway/base/list.h"
#include "gateway/settings.h"

#include <stdatomic.h>

#define THROTTLE_BURST_US (50 * US_PER_MS)
#define THROTTLE_BYTES_MAX ((size_t)64 << 20) /* data of commands that wait; more is answered BUSY */

struct io;

/* Of a device. The next place that is free, in nanoseconds of the clock. */
struct throttle_bucket {
	_Atomic uint64_t command_ns, byte_ns;
};

struct throttle {
	bool on; /* there is a limit */
	struct throttle_limits limits;
	struct throttle_bucket *bucket;
	_Atomic unsigned *count; /* of what waits here */
	void (*go)(struct io *io);
	struct list waiting; /* struct io, oldest first */
	size_t bytes; /* of their data */
	bool has_place; /* the oldest one has */
	uint64_t place_ns;
	struct timer release;
};

enum throttle_answer { THROTTLE_GO, THROTTLE_WAIT, THROTTLE_FULL };

void throttle_init(struct throttle *throttle, struct clock *clock, struct throttle_bucket *bucket,
		   _Atomic unsigned *count, void (*go)(struct io *io));
void throttle_done(struct throttle *throttle); /* nothing waits */

/* Counts at once; commands that wait have their places anew, and without a limit all go. */
void throttle_set(struct throttle *throttle, struct throttle_limits limits);

/* THROTTLE_WAIT: it is taken, and go() follows unless throttle_forget() comes first. */
enum throttle_answer throttle_admit(struct throttle *throttle, struct io *io);
void throttle_forget(struct throttle *throttle, struct io *io);
struct io *throttle_first(const struct throttle *throttle); /* NULL: nothing waits */

#endif
