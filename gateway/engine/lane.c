#include "gateway/engine/lane.h"

#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "gateway/engine/disk.h"
#include "gateway/engine/inventory.h"
#include "gateway/engine/probe.h"
#include "gateway/engine/watch.h"
#include "gateway/engine/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKOFF_FIRST_US (100 * US_PER_MS)
#define BACKOFF_MAX_US (5 * US_PER_S)
#define STEADY_US (5 * US_PER_S) /* a session that lived so long starts its successor's backoff anew */
#define REPROBE_US (5 * US_PER_S) /* when something was not ready to answer, or missing; doubled each time in a row */
#define REPROBE_DOUBLINGS 4
#define IDENTIFY_PACE_US US_PER_S /* for what other nexuses find: an array that tells each probe something else */
#define LATENCY_WEIGHT 8 /* moving average over about so many commands */

static void lane_connect(struct lane *lane);
static void fence_next(struct lane *lane);

static struct clock *lane_clock(const struct lane *lane)
{
	return loop_clock(lane->worker->loop);
}

static uint64_t lane_now(const struct lane *lane)
{
	return clock_now_us(lane_clock(lane));
}

/* ---- states ------------------------------------------------------------------------------------------------------ */

static struct lane_report *lane_report(struct lane *lane, uint64_t retry_us)
{
	struct lane_report *report = xcalloc(1, sizeof(*report));

	report->message.fn = lane->worker->upcalls->lane;
	report->gateway = lane->worker->gateway;
	report->link = lane->link;
	report->worker = lane->worker->index;
	report->state = lane->state;
	report->generation = lane->generation;
	report->logins = lane->logins;
	report->retry_us = retry_us;
	str_copy(report->reason, sizeof(report->reason), lane->reason);
	return report;
}

static void lane_set_state(struct lane *lane, enum lane_state state, uint64_t retry_us, struct inventory *inventory)
{
	struct lane_report *report;

	log_debug("lane", "link=%s worker=%u from=%s to=%s%s%s", lane->link->id, lane->worker->index,
		  lane_state_name(lane->state), lane_state_name(state), *lane->reason ? " reason=" : "", lane->reason);
	lane->state = state;
	report = lane_report(lane, retry_us);
	report->inventory = inventory;
	loop_post(lane->worker->control, &report->message);
}

static void on_reconnect(void *arg)
{
	struct lane *lane = arg;

	lane->next_step(lane);
}

static void lane_later(struct lane *lane, uint64_t delay_us, void (*step)(struct lane *lane))
{
	lane->next_step = step;
	timer_arm(&lane->reconnect, delay_us);
}

static uint64_t backoff_us(struct lane *lane)
{
	uint64_t limit = (uint64_t)timers_path_recovery(&lane->worker->timers) * US_PER_S;
	uint64_t delay = lane->attempts == 0	 ? 0 :
			 lane->attempts < 8	 ? BACKOFF_FIRST_US << (lane->attempts - 1) :
						   BACKOFF_MAX_US;

	if (delay > BACKOFF_MAX_US)
		delay = BACKOFF_MAX_US;
	return delay < limit ? delay : limit;
}

/* ---- transfers --------------------------------------------------------------------------------------------------- */

static struct lane_slot *slot_take(struct lane *lane)
{
	struct list *link = list_pop(&lane->idle);

	if (!link)
		return NULL;
	lane->idle_count--;
	return container_of(list_entry(link, struct xfer, link), struct lane_slot, xfer);
}

static void slot_release(struct lane *lane, struct lane_slot *slot)
{
	slot->io = NULL;
	slot->answer = NULL;
	free(slot->buffer);
	slot->buffer = NULL;
	list_del(&slot->xfer.link);
	list_add_head(&lane->idle, &slot->xfer.link); /* the one still in the cache goes out first */
	lane->idle_count++;
}

static void slot_send(struct lane *lane, struct lane_slot *slot)
{
	bool was_idle = list_empty(&lane->inflight);

	slot->started_us = lane_now(lane);
	list_add_tail(&lane->inflight, &slot->xfer.link);
	if (was_idle)
		watch_busy(lane);
	lane->worker->transport->submit(lane->initiator, &slot->xfer);
}

/* Counts a command in or out, on its path and on its link: what waits for a transfer is in the queue, too. */
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
		figure_add(io->info->is_write ? &cells[i]->writes : &cells[i]->reads, 1);
		figure_add(io->info->is_write ? &cells[i]->written_bytes : &cells[i]->read_bytes, bytes);
	}
}

static void slot_send_io(struct lane *lane, struct lane_slot *slot, struct io *io)
{
	struct xfer *xfer = &slot->xfer;

	io->place = IO_ON_LANE;
	slot->io = io;
	memcpy(xfer->cdb, io->cdb, sizeof(xfer->cdb));
	xfer->cdb_len = io->cdb_len;
	xfer->dir = io->dir;
	xfer->lun = io->path->core->lun;
	xfer->data = io->data;
	xfer->len = io->len;
	slot_send(lane, slot);
}

/* Sends the commands that wait, as long as transfers are free. */
static void lane_send(struct lane *lane)
{
	struct list *link;

	while (lane->idle_count > LANE_SPARE && (link = list_pop(&lane->waiting)))
		slot_send_io(lane, slot_take(lane), list_entry(link, struct io, link));
}

void lane_submit(struct lane *lane, struct io *io)
{
	count_inflight(lane, io, 1);
	io->place = IO_WAITING;
	list_add_tail(&lane->waiting, &io->link);
	lane_send(lane);
}

void lane_forget(struct io *io)
{
	list_del(&io->link);
	if (io->place == IO_WAITING)
		count_inflight(io->path->lane, io, -1);
	io->place = IO_IDLE;
}

bool lane_command(struct lane *lane, uint16_t lun, const uint8_t *cdb, unsigned cdb_len, enum scsi_dir dir,
		  uint8_t *data, uint32_t len, lane_answer *answer, void *arg)
{
	struct lane_slot *slot = lane->initiator ? slot_take(lane) : NULL;

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
	slot_send(lane, slot);
	return true;
}

static void slot_answer(struct lane_slot *slot)
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

void lane_ignore_answer(struct lane *lane, const void *arg)
{
	struct xfer *xfer;

	list_for_each(xfer, &lane->inflight, link) {
		struct lane_slot *slot = container_of(xfer, struct lane_slot, xfer);

		if (!slot->io && slot->arg == arg) {
			slot->answer = ignored;
			slot->data = NULL;
		}
	}
}

static void on_done(void *arg, struct xfer *xfer)
{
	struct lane *lane = arg;
	struct lane_slot *slot = container_of(xfer, struct lane_slot, xfer);
	struct io *io = slot->io;

	list_del(&xfer->link);
	lane->last_answer_us = lane_now(lane);
	lane->ping_sent_us = lane->doubted_us = 0; /* any answer at all shows that the array lives */
	watch_answered(lane, lane->last_answer_us - slot->started_us);
	if (io) {
		count_inflight(lane, io, -1);
		count_done(lane, io, xfer, lane->last_answer_us - slot->started_us);
		disk_answered(io, xfer);
	} else {
		slot_answer(slot);
	}
	slot_release(lane, slot);
	lane_send(lane);
}

/* ---- connecting and probing ------------------------------------------------------------------------------------ */

/* The commands that wait for a transfer. */
static void lane_take_back(struct lane *lane, struct list *again)
{
	struct list *link;

	while ((link = list_pop(&lane->waiting))) {
		struct io *io = list_entry(link, struct io, link);

		count_inflight(lane, io, -1);
		io->place = IO_IDLE;
		list_add_tail(again, link);
	}
}

static void submit_again(struct list *again)
{
	struct list *link;

	while ((link = list_pop(again)))
		disk_submit_again(list_entry(link, struct io, link));
}

static void lane_probe(struct lane *lane)
{
	struct list again;
	struct path *path;

	lane->generation++;
	lane->probe_again = false;
	timer_stop(&lane->reconnect);
	*lane->reason = '\0';
	lane_set_state(lane, LANE_PROBING, 0, NULL);
	list_for_each(path, &lane->paths, lane_link)
		path_identify(path);
	lane->probe = probe_start(lane);
	list_init(&again);
	lane_take_back(lane, &again); /* they must not follow to where the number leads now (row D4) */
	submit_again(&again);
}

void lane_reidentify(struct lane *lane)
{
	if (lane->state == LANE_PROBING)
		lane->probe_again = true;
	else if (lane->state == LANE_UP)
		lane_probe(lane);
}

void lane_identify(struct lane *lane)
{
	bool soon = lane_now(lane) - lane->probed_us < IDENTIFY_PACE_US;

	if (lane->state == LANE_UP && soon && !timer_armed(&lane->reconnect))
		lane_later(lane, IDENTIFY_PACE_US, lane_reidentify);
	else if (!soon)
		lane_reidentify(lane);
}

void lane_reidentify_later(struct lane *lane)
{
	if (!timer_armed(&lane->reconnect))
		lane_later(lane, REPROBE_US << (lane->reprobes < REPROBE_DOUBLINGS ? lane->reprobes++ : REPROBE_DOUBLINGS),
			   lane_reidentify);
}

void lane_probed(struct lane *lane, struct inventory *inventory)
{
	bool incomplete = inventory->incomplete; /* it is handed over below */

	probe_destroy(lane->probe);
	lane->probe = NULL;
	lane->probed_us = lane_now(lane);
	if (lane->probe_again) {
		inventory_destroy(inventory);
		lane_probe(lane);
		return;
	}
	lane_set_state(lane, LANE_UP, 0, inventory);
	if (incomplete)
		lane_reidentify_later(lane);
}

static void on_opened(void *arg)
{
	struct lane *lane = arg;

	lane->up_since_us = lane->last_answer_us = lane_now(lane);
	lane->ping_sent_us = lane->doubted_us = 0;
	/* The array has accepted our ISID again: the session that held it before is gone, and its tasks with it. */
	if (lane->state == LANE_FENCING) {
		lane_later(lane, 0, lane_connect);
		lane_release(lane, NULL, "session");
		return;
	}
	if (lane->link->fence <= FENCE_SESSION)
		lane_release(lane, NULL, "session");
	lane->logins++;
	lane->reprobes = 0;
	watch_begin(lane);
	lane_probe(lane);
}

static void on_failed(void *arg, const char *reason)
{
	struct lane *lane = arg;

	if (lane->state == LANE_FENCING) {
		log_info("lane", "link=%s worker=%u the fence login through another portal failed reason=%s",
			 lane->link->id, lane->worker->index, reason);
		lane->worker->transport->close(lane->initiator);
		lane->initiator = NULL;
		fence_next(lane);
		return;
	}
	lane_fail(lane, reason);
}

static void on_found(void *arg, const struct initiator_target *target)
{
	(void)arg;
	(void)target; /* only discovery sessions find targets */
}

static const struct initiator_events lane_events = {
	.opened = on_opened,
	.failed = on_failed,
	.done = on_done,
	.found = on_found,
};

/* A login with this lane's ISID through the portal of `via`, which is the lane's own link or a sibling. */
static void lane_open(struct lane *lane, const struct link *via)
{
	const struct timers *timers = &lane->worker->timers;
	const struct link *link = lane->link;
	struct initiator_params params = {
		.initiator_name = link->initiator_name,
		.target_name = link->iqn,
		.portal = via->portal,
		.chap_name = link->chap_name,
		.chap_secret = link->chap_secret,
		.chap_mutual_name = link->chap_mutual_name,
		.chap_mutual_secret = link->chap_mutual_secret,
		.login_us = timers->login_timeout * US_PER_S,
		.silence_us = (timers->keepalive_interval + timers->keepalive_timeout) * US_PER_S,
	};

	lane->worker->transport->close(lane->initiator);
	link_isid(link, lane->worker->index, params.isid);
	lane->initiator = lane->worker->transport->open(lane->worker->loop, &params, &lane_events, lane);
}

static void lane_connect(struct lane *lane)
{
	lane_set_state(lane, LANE_CONNECTING, 0, NULL);
	lane_open(lane, lane->link);
}

void lane_kick(struct lane *lane)
{
	lane->attempts = 0;
	if (lane->state == LANE_DOWN && !lane->shut)
		lane_later(lane, 0, lane_connect);
}

/* ---- failing and fencing --------------------------------------------------------------------------------------- */

/* Sorts what the dead lane carried: reads and what was never sent go on at once, writes wait for the fence. */
static void lane_strip(struct lane *lane, struct list *again)
{
	struct list *link;

	while ((link = list_pop(&lane->inflight))) {
		struct lane_slot *slot = container_of(list_entry(link, struct xfer, link), struct lane_slot, xfer);
		struct io *io = slot->io;

		slot_release(lane, slot);
		if (!io)
			continue;
		count_inflight(lane, io, -1);
		if (io->losses++ == 0)
			io->first_loss_us = lane_now(lane);
		io->place = io->info->effect == COMMAND_READ ? IO_IDLE : IO_FENCED;
		io->fenced_us = lane_now(lane);
		list_add_tail(io->place == IO_FENCED ? &lane->fenced : again, &io->link);
	}
	lane_take_back(lane, again);
}

/* Other paths are taking the dead session's keys away: the stronger form is under way. */
static bool lane_is_preempted(const struct lane *lane)
{
	const struct path *path;

	list_for_each(path, &lane->paths, lane_link)
		if (path->fencing)
			return true;
	return false;
}

/* Asks the next live portal of the same group to take a login with the dead session's ISID; when there is none, the
 * lane's own reconnection, or time, must lift the fence. */
static void fence_next(struct lane *lane)
{
	struct lane *sibling;
	unsigned n = 0;

	if (!list_empty(&lane->fenced) && !lane->shut && lane->link->fence <= FENCE_SESSION &&
	    !lane_is_preempted(lane)) {
		list_for_each(sibling, &lane->worker->lanes, worker_link) {
			if (sibling == lane || sibling->state != LANE_UP || !link_same_group(sibling->link, lane->link) ||
			    n++ < lane->fence_tried)
				continue;
			lane->fence_tried++;
			if (lane->state != LANE_FENCING)
				lane_set_state(lane, LANE_FENCING, 0, NULL);
			lane_open(lane, sibling->link);
			return;
		}
	}
	uint64_t delay = backoff_us(lane);

	lane_set_state(lane, LANE_DOWN, delay, NULL);
	if (!lane->shut)
		lane_later(lane, delay, lane_connect);
}

void lane_fence_otherwise(struct lane *lane)
{
	if (list_empty(&lane->fenced) || (lane->state != LANE_DOWN && lane->state != LANE_CONNECTING))
		return;
	timer_stop(&lane->reconnect);
	fence_next(lane);
}

bool lane_has_fenced(const struct lane *lane, const struct disk *disk)
{
	const struct io *io;

	list_for_each(io, &lane->fenced, link)
		if (io->disk == disk)
			return true;
	return false;
}

/* Those that have been fenced for `age_us` at least. */
static void release_aged(struct lane *lane, const struct disk *disk, uint64_t age_us, const char *form)
{
	struct list freed, *link;
	struct io *io;
	unsigned count = 0;

	list_init(&freed);
	list_for_each(io, &lane->fenced, link) {
		if ((disk && io->disk != disk) || lane_now(lane) - io->fenced_us < age_us)
			continue;
		list_del(&io->link);
		list_add_tail(&freed, &io->link);
	}
	if (list_empty(&lane->fenced))
		timer_stop(&lane->fence_wait);
	while ((link = list_pop(&freed))) {
		io = list_entry(link, struct io, link);
		io->place = IO_IDLE;
		count++;
		disk_outcome_unknown(io);
	}
	if (count)
		worker_notice(lane->worker, "info", "fenced", lane->link->id,
			      "%u outstanding writes were released, fence form %s", count, form);
}

void lane_release(struct lane *lane, const struct disk *disk, const char *form)
{
	release_aged(lane, disk, 0, form);
}

/* A lane may have come back, carried writes and died again meanwhile: each has a time of its own. */
static void on_fence_wait(void *arg)
{
	struct lane *lane = arg;
	uint64_t wait = lane->worker->timers.fence_wait * US_PER_S;
	const struct io *next;

	release_aged(lane, NULL, wait, "wait");
	next = list_first(&lane->fenced, struct io, link); /* the oldest */
	if (next)
		timer_arm(&lane->fence_wait, next->fenced_us + wait - lane_now(lane));
}

void lane_fail(struct lane *lane, const char *reason)
{
	struct list again;
	struct path *path;
	uint64_t now = lane_now(lane);
	bool was_up = lane->state == LANE_UP || lane->state == LANE_PROBING;

	if (lane->reason != reason)
		str_copy(lane->reason, sizeof(lane->reason), reason);
	if (was_up && now - lane->up_since_us >= STEADY_US)
		lane->attempts = 0;
	else
		lane->attempts++;
	timer_stop(&lane->reconnect);
	timer_stop(&lane->watch);
	probe_destroy(lane->probe);
	lane->probe = NULL;
	lane->generation++;
	lane->worker->transport->close(lane->initiator);
	lane->initiator = NULL;
	if (was_up) {
		figure_add(&lane->cell->path_failures, 1);
		figure_set(&lane->cell->last_failure_us, unix_time_us());
	}

	list_init(&again);
	lane_strip(lane, &again);
	if (!list_empty(&lane->fenced) && !timer_armed(&lane->fence_wait)) {
		lane->fence_tried = 0;
		timer_arm(&lane->fence_wait, lane->worker->timers.fence_wait * US_PER_S);
	}
	list_for_each(path, &lane->paths, lane_link)
		path_lost(path);
	if (lane->link->fence == FENCE_NONE)
		lane_release(lane, NULL, "none");
	list_for_each(path, &lane->paths, lane_link)
		path_fence(path);
	fence_next(lane);
	submit_again(&again);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

struct lane *lane_create(struct worker *worker, struct link *link)
{
	struct lane *lane = xcalloc(1, sizeof(*lane));
	size_t ctx_bytes = (worker->transport->xfer_ctx_bytes + 15) & ~(size_t)15;
	unsigned slots = LANE_DEPTH + LANE_SPARE;

	lane->worker = worker;
	lane->link = link;
	lane->cell = &link->cells[worker->index];
	list_init(&lane->idle);
	list_init(&lane->inflight);
	list_init(&lane->waiting);
	list_init(&lane->paths);
	list_init(&lane->fenced);
	lane->slots = xcalloc(slots, sizeof(lane->slots[0]));
	lane->slot_ctx = xcalloc(slots, ctx_bytes ? ctx_bytes : 1);
	for (unsigned i = 0; i < slots; i++) {
		lane->slots[i].xfer.ctx = (uint8_t *)lane->slot_ctx + i * ctx_bytes;
		list_init(&lane->slots[i].xfer.link);
		slot_release(lane, &lane->slots[i]);
	}
	timer_init(&lane->reconnect, lane_clock(lane), on_reconnect, lane);
	watch_init(lane);
	timer_init(&lane->fence_wait, lane_clock(lane), on_fence_wait, lane);
	list_add_tail(&worker->lanes, &lane->worker_link);
	lane_connect(lane);
	return lane;
}

void lane_shut(struct lane *lane)
{
	lane->shut = true;
	if (lane->state != LANE_DOWN)
		lane_fail(lane, "the gateway shuts down");
	timer_stop(&lane->reconnect);
	lane_release(lane, NULL, "none");
}

void lane_destroy(struct lane *lane)
{
	if (!lane)
		return;
	list_del(&lane->worker_link);
	timer_stop(&lane->reconnect);
	timer_stop(&lane->watch);
	timer_stop(&lane->fence_wait);
	probe_destroy(lane->probe);
	lane->worker->transport->close(lane->initiator);
	for (unsigned i = 0; i < LANE_DEPTH + LANE_SPARE; i++)
		free(lane->slots[i].buffer);
	free(lane->slots);
	free(lane->slot_ctx);
	free(lane);
}
