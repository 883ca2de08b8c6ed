#include "gateway/engine/abort.h"

#include "gateway/base/log.h"
#include "gateway/engine/lane.h"
#include "gateway/engine/worker.h"

/* The oldest command whose turn it is. */
static void abort_next(struct lane *lane)
{
	struct xfer *xfer;

	if (lane->abort.sent || !lane->initiator)
		return;
	list_for_each(xfer, &lane->inflight, link) {
		struct slot *slot = container_of(xfer, struct slot, xfer);

		if (slot->abort != SLOT_ABORT_WANTED)
			continue;
		slot->abort = SLOT_ABORT_SENT;
		lane->abort = (struct abort){ .sent = true, .slot = slot };
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

void abort_answered(struct lane *lane, uint8_t response)
{
	struct slot *slot = lane->abort.slot;

	log_debug("abort", "link=%s worker=%u response=%u%s", lane->link->id, lane->worker->index, response,
		  slot ? "" : " its command was answered first");
	lane->abort = (struct abort){ .sent = false };
	if (slot && tmf_has_ended_task(response))
		slot_aborted(lane, slot);
	abort_next(lane);
}
