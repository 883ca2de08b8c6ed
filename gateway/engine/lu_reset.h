/*
 * lu_reset.h - the fence in its form *LU reset* (row F1), and what any reset of a logical unit means for its commands.
 *
 * A LOGICAL UNIT RESET (RFC 7143 11.5.1, SAM-5 7.6) over a living path ends every command of the logical unit that the
 * array has, through whichever port and from whomever it came. So what a dead session left there cannot land any more
 * once the array has confirmed it. The session's connection was reset here before that, and nothing of it is sent
 * again. What the form does not cover: a write that the array has not read yet, still on the wire or in the buffers of
 * a connection whose end the array has not noticed, is no command of the logical unit yet. Of those the first meets the
 * unit attention that the reset leaves for each nexus; one behind it can land late. Nor does it cover "arrays" that
 * are not one: two targets over one disk which know nothing of each other's commands. The gateway cannot tell them
 * apart; so only an administrator who knows his array allows this form (FENCE_LU_RESET), and no other wish includes it.
 *
 * A disk waits a moment before its reset, for what other workers and links lose at the same time. It has one at a time
 * and not more than one in LU_RESET_GAP_US, whichever its workers ask for; what is lost in between waits for the next
 * one, or for the form *wait*. Where no path confirms it, that is left.
 *
 * Every reset, also one that somebody else asked for, ends all other commands silently: the array never answers them.
 * So all those of the disk that are under way, on every worker, are aborted at once and sent again, as the array knows
 * nothing of them any more. That is not their fault, nor the path's: it is not counted as a retry.
 *
 * Part of struct disk. One worker's thread, but for struct lu_resets.
 */
#ifndef BRAID_LU_RESET_H
#define BRAID_LU_RESET_H

#include "gateway/base/clock.h"
#include "gateway/base/list.h"

#include <stdbool.h>
#include <stdint.h>

#define LU_RESET_GAP_US (3 * US_PER_S) /* longer than one path has for its answer: ABORT_TIMEOUT_S */

struct disk;
struct dsm_result;
struct lane;
struct path;

/* Of a device, shared by all workers. */
struct lu_resets {
	_Atomic uint64_t begun; /* how many: a write that was fenced before the next is ended by that */
	_Atomic uint64_t next_us; /* none before; until then a unit attention is the echo of the last */
	_Atomic uint64_t deaf_us; /* until then no news of another is passed on: an array that always has some */
};

struct lu_reset {
	struct list link; /* lane.abort.resets, until it is sent */
	struct disk *disk;
	struct lane *via; /* whose array is asked now; NULL: none */
	uint16_t lun; /* there */
	uint64_t number; /* lu_resets.begun */
	bool under_way;
	unsigned tried; /* paths asked so far, by index */
	struct timer timer; /* until the turn of this disk has come, or the answer is overdue */
};

void lu_reset_init(struct disk *disk);
void lu_reset_done(struct disk *disk);

/* Writes of the disk are behind a lane's fence that a reset may lift, and nothing stronger can. Again is harmless. */
void lu_reset_want(struct disk *disk);

/* A path has come up, over which one can be asked for. */
void lu_reset_path_up(struct disk *disk);

/* The array has answered; the lane has failed first. */
void lu_reset_answered(struct lu_reset *reset, uint8_t response);
void lu_reset_lost(struct lu_reset *reset);

/* The logical unit was reset, by the gateway's reset with that number; 0: by somebody else. */
void lu_reset_happened(struct disk *disk, uint64_t number);

/* Looks for a unit attention that tells of a reset. True: it is the echo of the gateway's own. */
bool lu_reset_heard(struct path *path, const struct dsm_result *result);

#endif
