/*
 * disk.h - a multipath disk as one worker has it: commands come in, take a path, and go.
 *
 * Here is the one place that holds commands while there is no path (row D11); the one that computes the usable paths is
 * usable.h, and what becomes of a command that has come back is decided in retry.h. One worker's thread.
 */
#ifndef BRAID_DISK_H
#define BRAID_DISK_H

#include "gateway/engine/access.h"
#include "gateway/engine/decision.h"
#include "gateway/engine/device_core.h"
#include "gateway/engine/failback.h"
#include "gateway/engine/io.h"
#include "gateway/engine/leftover.h"
#include "gateway/engine/lu_reset.h"
#include "gateway/engine/path.h"
#include "target/target.h"

#define DISK_HELD_BYTES_MAX ((size_t)64 << 20) /* data of commands that wait for a path; more is answered BUSY */

struct worker;

struct disk {
	struct lu lu; /* what the target sees */
	uint16_t number; /* its LUN there */
	struct list worker_link; /* worker.disks */
	struct worker *worker;
	struct device_core *core;
	struct figure_cell *cell; /* this worker's, of the device */

	struct path *paths[DSM_PATHS_MAX]; /* by index; NULL: none */
	struct path_set usable;
	struct policy_setup *setup;
	void *policy_ctx;
	struct timers timers; /* in force for this device; those of links count at the worker */

	struct list held, delayed; /* struct io */
	size_t held_bytes;
	uint64_t pathless_since_us; /* no path has been found for a command since then; 0: one was found for the last */
	struct timer hold;
	struct throttle throttle;
	struct failback failback;

	struct access access;
	struct decision_log decisions;
	uint64_t space_told_us; /* the last event about space, and what it was about; 0: none */
	scsi_asc space_told;

	unsigned busy; /* commands inside */
	struct timer leave; /* the next look at what is still inside */
	struct leftover leftover;
	struct lu_reset reset;
	void (*left)(void *arg, struct disk *disk); /* removal: called when the last command is done */
	void *left_arg;
};

/* Takes over a reference to setup. No path yet: commands are held. */
struct disk *disk_create(struct worker *worker, struct device_core *core, struct policy_setup *setup,
			 const struct timers *timers);

/* No new command is submitted any more. left is called, once, when nothing is inside; then the owner destroys the
 * disk. Commands without a path fail at once. */
void disk_remove(struct disk *disk, void (*left)(void *arg, struct disk *disk), void *arg);
void disk_destroy(struct disk *disk);

/* They count at once, also for commands that are held or wait for a retry. */
void disk_set_timers(struct disk *disk, const struct timers *timers);
void disk_set_policy(struct disk *disk, struct policy_setup *setup); /* takes over a reference */

/* Whether it has a path over another lane, fit for I/O, that has answered after `since_us`. */
bool disk_has_lively_path(const struct disk *disk, const struct lane *but, uint64_t since_us);

/* A command goes behind a lane's fence (1), or comes out of it (-1). */
void disk_count_fenced(struct disk *disk, int by);

/* The state of one of its paths has changed. */
void disk_refresh(struct disk *disk);

/* A command that does not go through disk_submit() is inside from enter to exit: the disk stays. exit may destroy it.
 */
void disk_enter(struct disk *disk);
void disk_exit(struct disk *disk);

/* The array has said that space becomes short: an event, of the same news once a minute at most. */
void disk_space_short(struct disk *disk, const struct dsm_result *result);

/* The path, which no command is on, is destroyed. */
void disk_drop_path(struct disk *disk, struct path *path);

void disk_submit(struct disk *disk, struct io *io);
/* The host's task management: ends io as soon as no copy of it can be executed any more. */
void disk_abort(struct io *io);

#endif
