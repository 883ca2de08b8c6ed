/*
 * abort.h - ABORT TASK over the lane that carries the command (row E4): it ends at the array, not only here.
 *
 * Asked for by a command's host, or by the watch when command_timeout is over. The array confirms that it has nothing
 * of the command any more, and the command is its disk's again, with no fence to wait for. One request is at the array
 * at a time: no target need take more (RFC 7143 4.2.2.1); resets of logical units (lu_reset.h) take their turn here,
 * too. A part of struct lane. One worker's thread.
 */
#ifndef BRAID_ABORT_H
#define BRAID_ABORT_H

#include "gateway/base/list.h"

#include <stdbool.h>
#include <stdint.h>

#define ABORT_TIMEOUT_S 2 /* for the array's confirmation after command_timeout; then the link has failed */

struct io;
struct lane;
struct lu_reset;
struct slot;

struct abort {
	bool sent; /* a request is at the array */
	struct slot *slot; /* the command it is for; NULL: it has been answered meanwhile */
	struct lu_reset *reset; /* or the reset that it is; NULL: nobody waits for it any more */
	struct list resets; /* struct lu_reset: to be sent */
};

void abort_init(struct lane *lane);

/* The session has ended: no request will be answered. */
void abort_lost(struct lane *lane);

/* The command shall end: it is answered, or aborted, or lost with its link. Twice is harmless. */
void abort_slot(struct lane *lane, struct slot *slot);
void abort_io(struct io *io); /* in IO_ON_LANE */

/* All of that logical unit, which a reset has ended: that is nobody's fault. */
void abort_lun(struct lane *lane, uint16_t lun);

/* A reset is asked for: lu_reset_answered() or lu_reset_lost() follows, unless it is forgotten first. */
void abort_with_reset(struct lane *lane, struct lu_reset *reset);
void abort_forget_reset(struct lane *lane, struct lu_reset *reset);

/* The array has answered the request. */
void abort_answered(struct lane *lane, uint8_t response);

#endif
