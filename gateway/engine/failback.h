/*
 * failback.h - when the preferred path of a disk, lost and back again, is preferred again (row P1): at once, after it
 * has stayed for so long, or when the administrator sets the policy anew. Embedded in a disk; one worker's thread.
 */
#ifndef BRAID_FAILBACK_H
#define BRAID_FAILBACK_H

#include "gateway/base/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct disk;

struct failback {
	struct disk *disk;
	bool was_usable; /* the preferred path, at the last look */
	bool away; /* it was lost since, and does not count as preferred yet */
	uint64_t back_us; /* usable again since then; 0: it is not */
	struct timer due;
};

void failback_init(struct failback *failback, struct disk *disk);
void failback_done(struct failback *failback);

/* The policy was set: what is preferred is so from now on. */
void failback_reset(struct failback *failback);

/* The usable paths may have changed: says which of the paths a policy sees as preferred. */
void failback_review(struct failback *failback);

#endif
