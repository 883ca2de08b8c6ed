#include "gateway/engine/abort.h"

#include "gateway/base/log.h"
#include "gateway/engine/disk.h"
#include "gateway/engine/lane.h"
#include "gateway/engine/worker.h"

/* A reset, which makes aborts needless, or the oldest command whose turn it is. */
static void abort_next(struct lane *lane)
{
	struct list *reset;
	struct xfer *xfer;

	if (lane->abort.sent || !lane->initiator)
		return;
	if ((reset = list_pop(&lane->abort.resets))) {
		lane->abort.sent = true;
		lane->abort.reset = list_entry(reset, struct lu_reset, link);
		lane->worker->transport->reset_lu(lane->initiator, lane->abort.reset->lun);
		return;
	}
	list_for_each(xfer, &lane->inflight, link) {
		struct slot *slot = container_of(xfer, struct slot, xfer);

		if (slot->abort != SLOT_ABORT_WANTED)
			continue;
		slot->abort = SLOT_ABORT_SENT;
		lane->abort.sent = true;
		lane->abort.slot = slot;
		lane->worker->transport->abort_task(lane->initiator, xfer);
		return;
	}
}

void abort_slot(struct lane *lane, struct slot *slot)
{
	if (slot->abort != SLOT_ABORT_NONE)
		return;
	slot->abort = SLOT_ABORT_WANTED;
	slot->abort_us = clock_now_us(loop_clock(lane->worker->loop));
	abort_next(lane);
}

void abort_io(struct io *io)
{
	struct lane *lane = io->path->lane;
	struct xfer *xfer;

	list_for_each(xfer, &lane->inflight, link) {
		struct slot *slot = container_of(xfer, struct slot, xfer);

		if (slot->io == io)
			abort_slot(lane, slot);
	}
}

void abort_lun(struct lane *lane, uint16_t lun)
{
	struct xfer *xfer;

	list_for_each(xfer, &lane->inflight, link) {
		struct slot *slot = container_of(xfer, struct slot, xfer);

		if (xfer->lun != lun || slot->abort != SLOT_ABORT_NONE)
			continue;
		slot->blameless = true;
		abort_slot(lane, slot);
	}
}

void abort_with_reset(struct lane *lane, struct lu_reset *reset)
{
	list_add_tail(&lane->abort.resets, &reset->link);
	abort_next(lane);
}

void abort_forget_reset(struct lane *lane, struct lu_reset *reset)
{
	list_del(&reset->link);
	if (lane->abort.reset == reset)
		lane->abort.reset = NULL;
}

void abort_answered(struct lane *lane, uint8_t response)
{
	struct slot *slot = lane->abort.slot;
	struct lu_reset *reset = lane->abort.reset;

	log_debug("abort", "link=%s worker=%u response=%u%s", lane->link->id, lane->worker->index, response,
		  slot || reset ? "" : " nobody waits for it any more");
	lane->abort.sent = false;
	lane->abort.slot = NULL;
	lane->abort.reset = NULL;
	if (slot && tmf_has_ended_task(response))
		slot_aborted(lane, slot);
	if (reset)
		lu_reset_answered(reset, response);
	abort_next(lane);
}

void abort_lost(struct lane *lane)
{
	struct list *link;

	if (lane->abort.reset)
		lu_reset_lost(lane->abort.reset);
	while ((link = list_pop(&lane->abort.resets)))
		lu_reset_lost(list_entry(link, struct lu_reset, link));
	abort_init(lane);
}

void abort_init(struct lane *lane)
{
	lane->abort = (struct abort){ .sent = false };
	list_init(&lane->abort.resets);
}
