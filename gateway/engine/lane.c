#include "gateway/engine/lane.h"

#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "gateway/engine/disk.h"
#include "gateway/engine/inventory.h"
#include "gateway/engine/probe.h"
#include "gateway/engine/removal.h"
#include "gateway/engine/retry.h"
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
#define HASTY_MAX 8 /* probes one after the other: the array always has another change to tell; then so far apart */

static void lane_connect(struct lane *lane);
static void lane_recover(struct lane *lane);

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

static void on_done(void *arg, struct xfer *xfer)
{
	slot_answered(arg, xfer);
}

static void on_managed(void *arg, uint8_t response)
{
	struct lane *lane = arg;

	lane->last_answer_us = lane_now(lane);
	lane->ping_sent_us = lane->doubted_us = 0;
	abort_answered(lane, response);
}

/* ---- connecting and probing ------------------------------------------------------------------------------------ */

static void submit_again(struct list *again)
{
	struct list *link;

	while ((link = list_pop(again)))
		retry_submit_again(list_entry(link, struct io, link));
}

void lane_give_back(struct lane *lane)
{
	struct list again;

	list_init(&again);
	slot_take_back(lane, &again);
	submit_again(&again);
}

static void lane_start_probe(struct lane *lane)
{
	lane->probe_again = false;
	lane->probe = probe_start(lane);
}

static void lane_probe(struct lane *lane)
{
	struct path *path;

	lane->generation++;
	timer_stop(&lane->reconnect);
	*lane->reason = '\0';
	lane_set_state(lane, LANE_PROBING, 0, NULL);
	list_for_each(path, &lane->paths, lane_link)
		path_identify(path);
	lane->hasty = lane_now(lane) - lane->probed_us < IDENTIFY_PACE_US ? lane->hasty + 1 : 0;
	if (lane->hasty < HASTY_MAX)
		lane_start_probe(lane);
	else
		lane_later(lane, IDENTIFY_PACE_US, lane_start_probe);
	lane_give_back(lane); /* what waits must not follow to where the number leads now (row D4) */
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
	bool soon = lane->state == LANE_PROBING || lane_now(lane) - lane->probed_us < IDENTIFY_PACE_US;
	bool planned = timer_armed(&lane->reconnect) && lane->reconnect.due_us <= lane_now(lane) + IDENTIFY_PACE_US;

	if (lane->state < LANE_PROBING)
		return;
	if (!soon)
		lane_reidentify(lane);
	else if (!planned)
		lane_later(lane, IDENTIFY_PACE_US, lane_reidentify);
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
		lane_later(lane, lane->wait_us, lane_connect);
		fence_release(lane, NULL, "session");
		return;
	}
	if (lane->link->fence < FENCE_WAIT)
		fence_release(lane, NULL, "session");
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
		lane_recover(lane);
		return;
	}
	lane_fail(lane, reason);
}

static void on_dismissed(void *arg, uint64_t wait_us)
{
	struct lane *lane = arg;

	lane->wait_us = wait_us;
}

static void on_found(void *arg, const struct initiator_target *target)
{
	(void)arg;
	(void)target; /* only discovery sessions find targets */
}

static const struct initiator_events lane_events = {
	.opened = on_opened,
	.failed = on_failed,
	.dismissed = on_dismissed,
	.done = on_done,
	.managed = on_managed,
	.found = on_found,
};

/* A login with this lane's ISID through the portal of `via`, which is the lane's own link or a sibling. */
static void lane_open(struct lane *lane, const struct link *via)
{
	struct initiator_params params = link_login_params(lane->link, via, &lane->worker->timers);

	lane->worker->transport->close(lane->initiator);
	link_isid(lane->link, lane->worker->index, params.isid);
	lane->initiator = lane->worker->transport->open(lane->worker->loop, &params, &lane_events, lane);
}

static void lane_connect(struct lane *lane)
{
	if (outage_left_us(lane)) { /* its end tries again */
		lane->worker->transport->close(lane->initiator);
		lane->initiator = NULL;
		lane_set_state(lane, LANE_DOWN, outage_left_us(lane), NULL);
		return;
	}
	lane->wait_us = 0;
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

/* Asks the next live portal of the same group to take a login with the dead session's ISID; when there is none, the
 * lane's own reconnection, or time, must lift the fence. */
static void lane_recover(struct lane *lane)
{
	const struct lane *sibling = fence_sibling(lane);
	uint64_t backoff = backoff_us(lane), delay = lane->wait_us > backoff ? lane->wait_us : backoff;

	if (sibling) {
		if (lane->state != LANE_FENCING)
			lane_set_state(lane, LANE_FENCING, 0, NULL);
		lane_open(lane, sibling->link);
		return;
	}
	fence_reset(lane);
	lane_set_state(lane, LANE_DOWN, delay, NULL);
	if (!lane->shut)
		lane_later(lane, delay, lane_connect);
}

void lane_fence_otherwise(struct lane *lane)
{
	if (list_empty(&lane->fence.writes) || (lane->state != LANE_DOWN && lane->state != LANE_CONNECTING))
		return;
	timer_stop(&lane->reconnect);
	lane_recover(lane);
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
	abort_lost(lane);
	if (was_up && !lane->shut) {
		figure_add(&lane->cell->path_failures, 1);
		figure_set(&lane->cell->last_failure_us, unix_time_us());
	}

	list_init(&again);
	slot_strip(lane, &again);
	fence_begin(lane);
	list_for_each(path, &lane->paths, lane_link)
		path_lost(path);
	if (lane->link->fence == FENCE_NONE)
		fence_release(lane, NULL, "none");
	list_for_each(path, &lane->paths, lane_link)
		path_fence(path);
	lane_recover(lane);
	submit_again(&again);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

struct lane *lane_create(struct worker *worker, struct link *link)
{
	struct lane *lane = xcalloc(1, sizeof(*lane));

	lane->worker = worker;
	lane->link = link;
	lane->cell = &link->cells[worker->index];
	list_init(&lane->paths);
	slot_init(lane);
	queue_init(lane);
	abort_init(lane);
	fence_init(lane);
	outage_init(lane);
	timer_init(&lane->reconnect, lane_clock(lane), on_reconnect, lane);
	watch_init(lane);
	removal_init(lane);
	list_add_tail(&worker->lanes, &lane->worker_link);
	lane_connect(lane);
	return lane;
}

void lane_shut(struct lane *lane)
{
	lane->shut = true;
	if (lane->state != LANE_DOWN)
		lane_fail(lane, "it is closed");
	timer_stop(&lane->reconnect);
	fence_release(lane, NULL, "none");
}

void lane_destroy(struct lane *lane)
{
	if (!lane)
		return;
	list_del(&lane->worker_link);
	timer_stop(&lane->reconnect);
	timer_stop(&lane->watch);
	fence_done(lane);
	outage_done(lane);
	timer_stop(&lane->leave);
	probe_destroy(lane->probe);
	lane->worker->transport->close(lane->initiator);
	slot_done(lane);
	free(lane);
}
