/*
 * queue.h - how many commands of hosts a lane has at the array at a time (row E21); the rest waits in the lane.
 *
 * An array that is BUSY, or whose task set is full, has too many. The depth is halved, once for all commands that were
 * sent before that, and grows by one with each round of commands that succeed, up to LANE_DEPTH. A part of struct lane.
 * One worker's thread.
 */
#ifndef BRAID_QUEUE_H
#define BRAID_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

struct lane;
struct xfer;

struct queue {
	unsigned depth;
	unsigned carried; /* commands at the array */
	unsigned good; /* answers since the depth has changed */
	uint64_t cut_us; /* when it was halved last */
};

void queue_init(struct lane *lane);
bool queue_has_room(const struct lane *lane);
void queue_good(struct lane *lane); /* a command has succeeded */
void queue_cut(struct lane *lane, const struct xfer *refused); /* which is in a slot of the lane */

#endif
