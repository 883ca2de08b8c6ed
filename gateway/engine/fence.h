/*
 * fence.h - the writes that a lane's dead session left behind, until their old copies can no longer land (row F1).
 *
 * When a session ends, the array may still have its writes, or they are on the wire. None of them is sent again before
 * something has ended them there: the key of the session is taken away (form reservation), a login with its ISID has
 * ended it (form session), a reset of the logical unit has (form lu-reset, see lu_reset.h), or time has passed (form
 * wait). A part of struct lane. One worker's thread.
 */
#ifndef BRAID_FENCE_H
#define BRAID_FENCE_H

#include "gateway/base/clock.h"
#include "gateway/base/list.h"

#include <stdbool.h>

struct disk;
struct io;
struct lane;

struct fence {
	struct list writes; /* struct io, the oldest first */
	struct timer wait; /* armed while there are any */
	unsigned tried; /* siblings asked so far */
};

void fence_init(struct lane *lane);
void fence_done(struct lane *lane);

/* A write that was in flight when the session died. */
void fence_add(struct lane *lane, struct io *io);

/* All of them have been added: the time of the form `wait` begins, unless it is running. */
void fence_begin(struct lane *lane);

/* The next live lane through whose portal a login with the dead session's ISID would end it; NULL: none is left, or
 * there is nothing to fence in this way. */
struct lane *fence_sibling(struct lane *lane);

/* Whether writes of that disk are still behind this lane's fence. */
bool fence_holds(const struct lane *lane, const struct disk *disk);

/* No sibling is left: resets that may lift the fence are asked for. */
void fence_reset(struct lane *lane);

/* The reset with that number has ended what was left of that disk's when it began. */
void fence_release_reset(struct lane *lane, const struct disk *disk, uint64_t number);

/* Old copies of its writes (NULL: of every disk's) can no longer land, for the reason `form`: they go on. */
void fence_release(struct lane *lane, const struct disk *disk, const char *form);

#endif
