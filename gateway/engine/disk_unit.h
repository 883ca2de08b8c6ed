/*
 * disk_unit.h - the inside of a disk, shared by disk.c and retry.c only.
 */
#ifndef BRAID_DISK_UNIT_H
#define BRAID_DISK_UNIT_H

#include "gateway/engine/disk.h"
#include "gateway/engine/worker.h"

#define DISK_DELAY_US (100 * US_PER_MS) /* before a retry that is not counted: BUSY, TASK SET FULL, transitions */

#define ASC_LU_COMMUNICATION_FAILURE 0x0800

static inline struct clock *disk_clock(const struct disk *disk)
{
	return loop_clock(disk->worker->loop);
}

static inline uint64_t disk_now(const struct disk *disk)
{
	return clock_now_us(disk_clock(disk));
}

/* Gives io back to its host: its result is in. */
void disk_finish(struct io *io);

/* Ends io with an error of the gateway's own, from the loop. */
void disk_fail(struct io *io, enum sam_status status, enum sense_key key, scsi_asc asc);

/* Calls after(io) when delay_us have passed, from the loop. */
void disk_delay(struct io *io, uint64_t delay_us, void (*after)(struct io *io));

/* How long a command waits for the disk to be served again: while the array lives, at least as long as it may take to
 * fail over inside. */
uint64_t disk_patience_us(const struct disk *disk);

/* What the policy chooses of a set; of the usable paths but `avoid`, with `far` of other groups than its own; of those
 * other than the one that io was on, or of all when nothing else is left. NULL: none. */
struct path *disk_select(struct disk *disk, const struct path_set *set, const struct io *io);
struct path *disk_select_but(struct disk *disk, const struct path *avoid, bool far, const struct io *io);
struct path *disk_select_other(struct disk *disk, const struct io *io);

bool disk_is_usable(const struct disk *disk, const struct path *path);

/* Sends io over that path; NULL: holds it until there is one. */
void disk_send(struct disk *disk, struct io *io, struct path *path);

#endif
