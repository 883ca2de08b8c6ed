/*
 * pace.h - whether a path is alive but slow (row L6): what a command takes on it, beside the other paths of its disk.
 *
 * Like is compared with like: with paths in the same access state whose commands of late were of about the same size
 * and mix. What all paths share is nobody's slowness, and a path that carries nothing has no pace. It takes some
 * seconds to become slow, and to be so no more. Control loop; no part of it on the way of a command but the counting
 * of service_us.
 */
#ifndef BRAID_PACE_H
#define BRAID_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_COMMANDS 16 /* of one sample, at least */
#define PACE_SLOW 4 /* times what the others take, and */
#define PACE_FLOOR_US 2000 /* so much more: then it is slow, */
#define PACE_FAIR 2 /* until it takes less than so many times as long, or half as much more, */
#define PACE_TURN_US UINT64_C(5000000) /* after it has been seen to be so for this long, */
#define PACE_TURN_SAMPLES 3 /* and so often */
#define PACE_FRESH_US UINT64_C(10000000) /* a sample counts for the others for so long, */
#define PACE_STALE_US UINT64_C(60000000) /* and for itself */

/* Of commands that moved blocks without an error, ever. */
struct pace_counts {
	uint64_t reads, writes, bytes, service_us;
};

struct pace {
	struct pace_counts counted; /* where the next sample begins */
	uint64_t sampled_us; /* the last sample; 0: none yet */
	uint64_t mean_us, mean_bytes;
	unsigned read_percent;
	int kind; /* other than that of equals: not to be compared */

	bool slow;
	uint64_t others_us; /* what its equals took, when it was judged last */
	uint64_t turning_since_us; /* it has looked otherwise since then; 0: it has not */
	unsigned turning_samples;
};

/* Takes a sample if enough commands have come since the last one. */
void pace_sample(struct pace *pace, const struct pace_counts *counts, int kind, uint64_t now_us);

/* Judges a path by its last sample and those of all paths of its disk, itself among them. True: pace.slow is other than
 * before. */
bool pace_judge(struct pace *pace, struct pace *const *all, unsigned count, uint64_t now_us);

/* How many times as long as on the others, in tenths. */
unsigned pace_ratio_tenths(const struct pace *pace);

#endif
