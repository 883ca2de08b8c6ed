#include "gateway/engine/slot.h"

#include "gateway/base/memory.h"
#include "gateway/engine/disk.h"
#include "gateway/engine/lane.h"
#include "gateway/engine/retry.h"
#include "gateway/engine/watch.h"
#include "gateway/engine/worker.h"

#include <stdlib.h>
#include <string.h>

#define LATENCY_WEIGHT 8 /* moving average over about so many commands */

static uint64_t slot_now(const struct lane *lane)
{
	return clock_now_us(loop_clock(lane->worker->loop));
}

static struct slot *slot_take(struct lane *lane)
{
	struct list *link = list_pop(&lane->idle);

	if (!link)
		return NULL;
	lane->idle_count--;
	return container_of(list_entry(link, struct xfer, link), struct slot, xfer);
}

static void slot_release(struct lane *lane, struct slot *slot)
{
	lane->queue.carried -= slot->io != NULL;
	slot->io = NULL;
	slot->answer = NULL;
	slot->abort = SLOT_ABORT_NONE;
	slot->blameless = false;
	slot->overdue_us = 0;
	if (lane->abort.slot == slot)
		lane->abort.slot = NULL;
	free(slot->buffer);
	slot->buffer = NULL;
	list_del(&slot->xfer.link);
	list_add_head(&lane->idle, &slot->xfer.link); /* the one still in the cache goes out first */
	lane->idle_count++;
}

static void slot_start(struct lane *lane, struct slot *slot)
{
	bool was_idle = list_empty(&lane->inflight);

	slot->started_us = slot_now(lane);
	list_add_tail(&lane->inflight, &slot->xfer.link);
	if (was_idle)
		watch_busy(lane);
	lane->worker->transport->submit(lane->initiator, &slot->xfer);
}

/* Counts a command in or out, on its path and on its link: what waits for a slot is in the queue, too. */
static void count_inflight(struct lane *lane, const struct io *io, int64_t by)
{
	uint64_t bytes = (uint64_t)(by * (int64_t)(io->info->moves_blocks ? io->len : 0));

	figure_add(&lane->cell->inflight, (uint64_t)by);
	figure_add(&lane->cell->inflight_bytes, bytes);
	figure_add(&io->path->cell->inflight, (uint64_t)by);
	figure_add(&io->path->cell->inflight_bytes, bytes);
}

static void count_latency(figure *average, uint64_t took_us)
{
	uint64_t old = figure_get(average);

	figure_set(average, old ? old - old / LATENCY_WEIGHT + took_us / LATENCY_WEIGHT : took_us);
}

static void count_done(struct lane *lane, const struct io *io, const struct xfer *xfer, uint64_t took_us)
{
	struct figure_cell *cells[] = { lane->cell, io->path->cell };
	uint32_t bytes = xfer->transfer < xfer->len ? xfer->transfer : xfer->len;

	for (unsigned i = 0; i < 2; i++) {
		count_latency(&cells[i]->latency_us, took_us);
		if (xfer->status != SCSI_GOOD || !io->info->moves_blocks)
			continue;
		figure_add(&cells[i]->service_us, took_us);
		figure_add(io->info->is_write ? &cells[i]->writes : &cells[i]->reads, 1);
		figure_add(io->info->is_write ? &cells[i]->written_bytes : &cells[i]->read_bytes, bytes);
	}
}

static void slot_start_io(struct lane *lane, struct slot *slot, struct io *io)
{
	struct xfer *xfer = &slot->xfer;

	io->place = IO_ON_LANE;
	slot->io = io;
	lane->queue.carried++;
	memcpy(xfer->cdb, io->cdb, sizeof(xfer->cdb));
	xfer->cdb_len = io->cdb_len;
	xfer->dir = io->dir;
	xfer->lun = io->path->core->lun;
	xfer->data = io->data;
	xfer->len = io->len;
	slot_start(lane, slot);
}

/* Sends the commands that wait, as long as slots are free and the array can take more. */
static void slot_send_waiting(struct lane *lane)
{
	struct list *link;

	while (queue_has_room(lane) && lane->idle_count > LANE_SPARE && (link = list_pop(&lane->waiting)))
		slot_start_io(lane, slot_take(lane), list_entry(link, struct io, link));
}

void slot_submit(struct lane *lane, struct io *io)
{
	count_inflight(lane, io, 1);
	io->place = IO_WAITING;
	list_add_tail(&lane->waiting, &io->link);
	slot_send_waiting(lane);
}

void slot_forget(struct io *io)
{
	list_del(&io->link);
	if (io->place == IO_WAITING)
		count_inflight(io->path->lane, io, -1);
	else
		disk_count_fenced(io->disk, -1);
	io->place = IO_IDLE;
}

bool slot_command(struct lane *lane, uint16_t lun, const uint8_t *cdb, unsigned cdb_len, enum scsi_dir dir,
		  uint8_t *data, uint32_t len, slot_answer *answer, void *arg)
{
	struct slot *slot = lane->initiator ? slot_take(lane) : NULL;

	if (!slot)
		return false;
	slot->answer = answer;
	slot->arg = arg;
	memset(slot->xfer.cdb, 0, sizeof(slot->xfer.cdb));
	memcpy(slot->xfer.cdb, cdb, cdb_len);
	slot->xfer.cdb_len = (uint8_t)cdb_len;
	slot->xfer.dir = dir;
	slot->xfer.lun = lun;
	slot->data = data;
	slot->buffer = len ? xmalloc(len) : NULL;
	if (dir == SCSI_DIR_OUT)
		memcpy(slot->buffer, data, len);
	slot->xfer.data = slot->buffer;
	slot->xfer.len = len;
	slot_start(lane, slot);
	return true;
}

static void give_answer(struct slot *slot)
{
	const struct xfer *xfer = &slot->xfer;

	if (xfer->dir == SCSI_DIR_IN && slot->data)
		memcpy(slot->data, slot->buffer, xfer->transfer < xfer->len ? xfer->transfer : xfer->len);
	slot->answer(slot->arg, xfer);
}

static void ignored(void *arg, const struct xfer *xfer)
{
	(void)arg;
	(void)xfer;
}

void slot_ignore_answer(struct lane *lane, const void *arg)
{
	struct xfer *xfer;

	list_for_each(xfer, &lane->inflight, link) {
		struct slot *slot = container_of(xfer, struct slot, xfer);

		if (!slot->io && slot->arg == arg) {
			slot->answer = ignored;
			slot->data = NULL;
		}
	}
}

void slot_answered(struct lane *lane, struct xfer *xfer)
{
	struct slot *slot = container_of(xfer, struct slot, xfer);
	struct io *io = slot->io;

	list_del(&xfer->link);
	lane->last_answer_us = slot_now(lane);
	lane->ping_sent_us = lane->doubted_us = 0; /* any answer at all shows that the array lives */
	watch_answered(lane, lane->last_answer_us - slot->started_us);
	if (io) {
		count_inflight(lane, io, -1);
		count_done(lane, io, xfer, lane->last_answer_us - slot->started_us);
		if (xfer->status == SCSI_GOOD)
			queue_good(lane);
		retry_answered(io, xfer);
	} else {
		give_answer(slot);
	}
	slot_release(lane, slot);
	slot_send_waiting(lane);
}

void slot_aborted(struct lane *lane, struct slot *slot)
{
	struct xfer *xfer = &slot->xfer;
	struct io *io = slot->io;

	list_del(&xfer->link);
	if (io) {
		count_inflight(lane, io, -1);
		if (slot->blameless)
			retry_reset(io);
		else
			retry_aborted(io, slot->started_us);
	} else {
		xfer->status = slot->blameless ? SCSI_BUSY : SCSI_TASK_ABORTED; /* the former asks again */
		xfer->sense_len = 0;
		xfer->transfer = 0;
		give_answer(slot);
	}
	slot_release(lane, slot);
	slot_send_waiting(lane);
}

void slot_take_back(struct lane *lane, struct list *again)
{
	struct list *link;

	while ((link = list_pop(&lane->waiting))) {
		struct io *io = list_entry(link, struct io, link);

		count_inflight(lane, io, -1);
		io->place = IO_IDLE;
		decision_lost(io, DECISION_UNSENT, *lane->reason ? lane->reason : "the link is identified again");
		list_add_tail(again, link);
	}
}

void slot_strip(struct lane *lane, struct list *again)
{
	struct list *link;

	while ((link = list_pop(&lane->inflight))) {
		struct slot *slot = container_of(list_entry(link, struct xfer, link), struct slot, xfer);
		struct io *io = slot->io;
		bool overdue = slot->overdue_us != 0;

		slot_release(lane, slot);
		if (!io)
			continue;
		io->retries += overdue; /* a command that hangs everywhere must not take one link after the other */
		count_inflight(lane, io, -1);
		if (io->losses++ == 0)
			io->first_loss_us = slot_now(lane);
		if (io->info->effect == COMMAND_READ) {
			io->place = IO_IDLE;
			decision_lost(io, DECISION_LOST, lane->reason);
			list_add_tail(again, &io->link);
		} else {
			fence_add(lane, io);
		}
	}
	slot_take_back(lane, again);
}

void slot_init(struct lane *lane)
{
	size_t ctx_bytes = (lane->worker->transport->xfer_ctx_bytes + 15) & ~(size_t)15;
	unsigned slots = LANE_DEPTH + LANE_SPARE;

	list_init(&lane->idle);
	list_init(&lane->inflight);
	list_init(&lane->waiting);
	lane->slots = xcalloc(slots, sizeof(lane->slots[0]));
	lane->slot_ctx = xcalloc(slots, ctx_bytes ? ctx_bytes : 1);
	for (unsigned i = 0; i < slots; i++) {
		lane->slots[i].xfer.ctx = (uint8_t *)lane->slot_ctx + i * ctx_bytes;
		list_init(&lane->slots[i].xfer.link);
		slot_release(lane, &lane->slots[i]);
	}
}

void slot_done(struct lane *lane)
{
	for (unsigned i = 0; i < LANE_DEPTH + LANE_SPARE; i++)
		free(lane->slots[i].buffer);
	free(lane->slots);
	free(lane->slot_ctx);
}
