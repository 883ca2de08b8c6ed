/*
 * watch.h - whether a lane's array still answers: keepalive, command timeout, and the suspicion of a silent link.
 *
 * A lane that hears nothing is asked; how long it may be silent is learned from its own latency, as long as other paths
 * of its disks answer (suspicion_limit), else it is the keepalive's time. Its state stands in struct lane. One worker's
 * thread.
 */
#ifndef BRAID_WATCH_H
#define BRAID_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lane;

void watch_init(struct lane *lane);

/* A session is up. It is watched until lane.watch is stopped. */
void watch_begin(struct lane *lane);

/* The first command is in flight: look sooner. */
void watch_busy(struct lane *lane);

/* An answer has come, after took_us. */
void watch_answered(struct lane *lane, uint64_t took_us);

/* The array's LUN list was read. True: it is not the one of before. */
bool watch_luns_told(struct lane *lane, const uint8_t *data, size_t len);

#endif
