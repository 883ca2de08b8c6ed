/*
 * slot.h - the commands on a lane: a host's, or one of the gateway's own, each in a slot from its submission to its
 * answer, or to the end of the session.
 *
 * The slots of a lane are made with it. A host's command that finds none free, or too many at the array (queue.h),
 * waits in the lane; the gateway's own have a few kept for them and are refused instead. One worker's thread.
 */
#ifndef BRAID_SLOT_H
#define BRAID_SLOT_H

#include "gateway/engine/initiator.h"

#include <stdbool.h>

struct io;
struct lane;

/* The answer to a command of the gateway's own; what was read stands in xfer->data meanwhile. Not called when the lane
 * fails first. */
typedef void slot_answer(void *arg, const struct xfer *xfer);

enum slot_abort { SLOT_ABORT_NONE, SLOT_ABORT_WANTED, SLOT_ABORT_SENT };

struct slot {
	struct xfer xfer; /* xfer.link: lane.idle or lane.inflight */
	struct io *io; /* a host's command; or */
	slot_answer *answer; /* one of our own */
	void *arg;
	uint8_t *data; /* where the bytes of its answer go; NULL: nowhere */
	uint8_t *buffer; /* its data on the wire: whoever asked may be gone by the time that the array answers */
	uint64_t started_us;
	enum slot_abort abort; /* see abort.h */
	uint64_t abort_us; /* since when it is wanted */
	bool blameless; /* a reset of the logical unit has ended it: see abort_lun() */
	uint64_t overdue_us; /* since when it should have been answered; 0: there is time left */
};

void slot_init(struct lane *lane);
void slot_done(struct lane *lane);

/* Sends io on this lane, now or when a slot is free and the queue has room. The lane is LANE_UP, or LANE_PROBING again.
 */
void slot_submit(struct lane *lane, struct io *io);

/* Takes io, which is in IO_WAITING or IO_FENCED, off the lane's lists. */
void slot_forget(struct io *io);

/* A command of our own. Data to write is copied; data that was read is put there just before answer is called, unless
 * nobody wants to know any more. False: none can be sent now. */
bool slot_command(struct lane *lane, uint16_t lun, const uint8_t *cdb, unsigned cdb_len, enum scsi_dir dir,
		  uint8_t *data, uint32_t len, slot_answer *answer, void *arg);

/* Whatever commands with that argument are still to be answered: nobody wants to know. */
void slot_ignore_answer(struct lane *lane, const void *arg);

/* The array has answered. */
void slot_answered(struct lane *lane, struct xfer *xfer);

/* The array has confirmed that it has nothing of the command any more. */
void slot_aborted(struct lane *lane, struct slot *slot);

/* The host's commands that wait for a slot, onto `again`. */
void slot_take_back(struct lane *lane, struct list *again);

/* The session has ended: what only reads or was never sent goes onto `again`, the rest behind the lane's fence. */
void slot_strip(struct lane *lane, struct list *again);

#endif
