/*
 * leftover.h - keys of this gateway's at a disk that nobody uses any more (row F4): of links that vanished, of an
 * earlier configuration, and, when the disk leaves, of paths that are down.
 *
 * Ten seconds after a path of worker 0 has registered it reads the keys over one of them. What no lane has is shown to
 * the control loop, which alone knows all links, and removed when that says so (worker_remove_key). A disk that leaves
 * takes along the keys of its worker's paths that are down; those of a disk without any path are given up when a path
 * comes back (registration_disown). Keys of other gateways are never touched. Part of struct disk. One worker's thread.
 */
#ifndef BRAID_LEFTOVER_H
#define BRAID_LEFTOVER_H

#include "gateway/base/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct disk;

struct leftover {
	struct timer look;
	uint64_t key; /* that is being removed */
	bool leaving; /* the disk leaves, */
	bool working; /* this is under way, */
	bool gone; /* and no key is left but those of paths that can give them back */
};

void leftover_init(struct disk *disk);
void leftover_done(struct disk *disk);

/* A path has registered. */
void leftover_registered(struct disk *disk);

/* No link has that key. */
void leftover_remove(struct disk *disk, uint64_t key);

/* Of a disk that leaves: false while keys are being removed; disk.leave is armed at the end. */
bool leftover_is_gone(struct disk *disk);

#endif
