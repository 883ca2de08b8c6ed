/*
 * usable.h - the one place that says which of a disk's paths a policy may choose from (row P10), and what keeps each
 * other one out.
 *
 * The usable paths are the best there are, drained ones apart. A path on probation, and even a suspect one, is better
 * than none. One worker's thread.
 */
#ifndef BRAID_USABLE_H
#define BRAID_USABLE_H

struct disk;
struct path;

/* How good a path is for I/O now: the best first. */
enum rank { RANK_OPTIMIZED, RANK_NON_OPTIMIZED, RANK_PROBATION, RANK_SUSPECT, RANK_UNUSABLE };

enum rank usable_rank(const struct path *path);

/* Something about the disk's paths or its policy has changed: disk.usable, and what commands are told of it
 * (decision.h), are made anew. */
void usable_find(struct disk *disk);

#endif
