#include "gateway/engine/watch.h"

#include "gateway/engine/disk.h"
#include "gateway/engine/lane.h"
#include "gateway/engine/worker.h"
#include "gateway/hash.h"

#define WATCH_MAX_US US_PER_S
#define SUSPICION_FACTOR 16 /* times the average service time */
#define SUSPICION_SLOWEST 2 /* times the slowest answer of late */
#define SUSPICION_MIN_US (100 * US_PER_MS)
#define SLOWEST_WEIGHT 64 /* it is forgotten over about so many answers */
#define SLOW_TIMEOUT_US (UINT64_C(24) * 3600 * US_PER_S) /* formatting a disk takes hours; nothing takes a day */

static uint64_t now_us(const struct lane *lane)
{
	return clock_now_us(loop_clock(lane->worker->loop));
}

/* Answers to the gateway's own commands count, too: a link that has just come back has no others. */
void watch_answered(struct lane *lane, uint64_t took_us)
{
	if (took_us >= lane->slowest_us)
		lane->slowest_us = took_us;
	else
		lane->slowest_us -= (lane->slowest_us - took_us) / SLOWEST_WEIGHT;
}

bool watch_luns_told(struct lane *lane, const uint8_t *data, size_t len)
{
	uint64_t hash = hash_bytes(HASH_START, data, len < PING_BYTES ? len : PING_BYTES);
	bool changed = hash != lane->luns_hash;

	lane->luns_hash = hash;
	return changed;
}

static void on_pong(void *arg, const struct xfer *xfer)
{
	struct lane *lane = arg;
	size_t len = xfer->transfer < xfer->len ? xfer->transfer : xfer->len;

	if (xfer->status == SCSI_GOOD && watch_luns_told(lane, lane->ping_data, len))
		lane_reidentify(lane);
}

/* A path in use that is not being verified, another one each time; NULL: none. */
static struct path *next_path(struct lane *lane)
{
	struct path *path;

	list_for_each(path, &lane->paths, lane_link) {
		if (path->state != PATH_UP || path->verify_sent)
			continue;
		list_del(&path->lane_link);
		list_add_tail(&lane->paths, &path->lane_link);
		return path;
	}
	return NULL;
}

/* Whether a command of the gateway's own is out. */
static bool lane_asks(const struct lane *lane)
{
	const struct xfer *xfer;

	list_for_each(xfer, &lane->inflight, link)
		if (!container_of(xfer, const struct slot, xfer)->io)
			return true;
	return false;
}

/* What stands for a NOP-Out, some of whose answers libiscsi cannot take. Over a path in use it is a verification: it
 * hears of unit attentions where no command of a host does. Else it is a REPORT LUNS, whose list shows what came or
 * went; but that clears 3F/0E unread (SPC-4 6.33), so it never goes where a LUN number is in use (row D4). While the
 * lane is identified again, what that asks is question enough. */
static void lane_ping(struct lane *lane)
{
	static const uint8_t report_luns[12] = { 0xa0, [8] = PING_BYTES >> 8, [9] = PING_BYTES & 0xff };
	struct path *path = next_path(lane);

	if (lane->state == LANE_PROBING) {
		if (lane_asks(lane))
			lane->ping_sent_us = now_us(lane);
		return;
	}
	if (path ? path_verify(path)
		 : slot_command(lane, 0, report_luns, sizeof(report_luns), SCSI_DIR_IN, lane->ping_data, PING_BYTES,
				on_pong, lane))
		lane->ping_sent_us = now_us(lane);
}

/* How long the array may take: as the command's disk has it; for one of our own, as the gateway has it. */
static uint64_t command_timeout_us(const struct lane *lane, const struct slot *slot)
{
	const struct timers *timers = slot->io ? &slot->io->disk->timers : &lane->worker->timers;

	return timers->command_timeout * US_PER_S;
}

/* When the command should have been answered: an abort that its host asked for has no longer than a command. */
static uint64_t slot_due_us(const struct lane *lane, const struct slot *slot)
{
	uint64_t timeout = command_timeout_us(lane, slot);
	uint64_t due = slot->started_us + (slot->io && slot->io->info->is_slow ? SLOW_TIMEOUT_US : timeout);

	return slot->abort != SLOT_ABORT_NONE && slot->abort_us + timeout < due ? slot->abort_us + timeout : due;
}

/* Has ended at the array what should have been answered by now; where the array does not confirm that, or the lane's
 * own start hangs, the lane has failed. True: it has. */
static bool lane_end_overdue(struct lane *lane)
{
	uint64_t now = now_us(lane);
	struct xfer *xfer;
	unsigned begun = 0;

	list_for_each(xfer, &lane->inflight, link) {
		struct slot *slot = container_of(xfer, struct slot, xfer);

		if (now < slot_due_us(lane, slot))
			continue;
		if ((!slot->io && lane->probe) ||
		    (slot->overdue_us && now - slot->overdue_us >= ABORT_TIMEOUT_S * US_PER_S)) {
			lane_fail(lane, "a command was not answered within command_timeout, nor could it be aborted");
			return true;
		}
		begun += !slot->overdue_us;
		if (!slot->overdue_us)
			slot->overdue_us = now;
		abort_slot(lane, slot);
	}
	if (begun)
		worker_notice(lane->worker, "warning", "command-timeout", lane->link->id,
			      "%u commands were not answered within command_timeout and are aborted", begun);
	return false;
}

/* How long a link may be silent with commands outstanding before it is suspect: learned from its own latency. 0: for
 * as long as it wants. */
static uint64_t suspicion_us(const struct lane *lane)
{
	uint64_t most = lane->worker->timers.suspicion_limit * US_PER_MS;
	uint64_t learned = SUSPICION_FACTOR * figure_get(&lane->cell->latency_us);

	if (learned < SUSPICION_SLOWEST * lane->slowest_us)
		learned = SUSPICION_SLOWEST * lane->slowest_us;
	if (learned < SUSPICION_MIN_US)
		learned = SUSPICION_MIN_US;
	return learned < most ? learned : most;
}

static uint64_t lane_silence_us(const struct lane *lane)
{
	return now_us(lane) - lane->last_answer_us;
}

/* Whether every disk with a path here has another one, over a link that has answered since this one was asked. */
static bool lane_is_dispensable(const struct lane *lane)
{
	const struct path *path;

	list_for_each(path, &lane->paths, lane_link)
		if ((path->state == PATH_UP || path->state == PATH_IDENTIFY) &&
		    !disk_has_lively_path(path->disk, lane, lane->ping_sent_us))
			return false;
	return true;
}

/* The oldest host's command in flight: for an idle link the keepalive is soon enough. */
static const struct slot *lane_oldest_io(const struct lane *lane)
{
	const struct xfer *xfer;

	list_for_each(xfer, &lane->inflight, link) {
		const struct slot *slot = container_of(xfer, const struct slot, xfer);

		if (slot->io)
			return slot;
	}
	return NULL;
}

static bool lane_is_open(const struct lane *lane)
{
	return lane->state == LANE_UP || lane->state == LANE_PROBING;
}

/* A silent link is asked, and those that could take over are, too: while they live it need not be waited for. When
 * everything is silent at once, the array is busy, or gone: only the keepalive decides then.
 * True: the lane has failed. */
static bool lane_suspect(struct lane *lane)
{
	uint64_t suspicion = suspicion_us(lane), silent = lane_silence_us(lane);
	const struct slot *oldest = lane_oldest_io(lane);
	struct lane *other;

	if (!suspicion || !lane_is_open(lane) || !oldest || now_us(lane) - oldest->started_us < suspicion / 2 ||
	    silent < suspicion / 2)
		return false;
	if (lane->ping_sent_us && lane_is_dispensable(lane)) {
		if (!lane->doubted_us) /* an array that comes back does not answer everywhere at the same moment */
			lane->doubted_us = now_us(lane);
		if (silent >= suspicion && now_us(lane) - lane->doubted_us >= suspicion / 4) {
			lane_fail(lane, "it fell silent while other paths answer");
			return true;
		}
	}
	list_for_each(other, &lane->worker->lanes, worker_link)
		if (lane_is_open(other) && !other->ping_sent_us && lane_silence_us(other) >= suspicion / 2)
			lane_ping(other);
	return false;
}

/* When the watch looks next: soon while commands are outstanding, if a silent link is to be noticed soon. */
static uint64_t watch_period_us(const struct lane *lane)
{
	const struct timers *timers = &lane->worker->timers;
	uint64_t period = timers->keepalive_interval < timers->keepalive_timeout ? timers->keepalive_interval
										 : timers->keepalive_timeout;
	uint64_t suspicion = suspicion_us(lane);

	period = period * US_PER_S / 4;
	if (period > WATCH_MAX_US)
		period = WATCH_MAX_US;
	if (lane->abort.sent && period > ABORT_TIMEOUT_S * US_PER_S / 4)
		period = ABORT_TIMEOUT_S * US_PER_S / 4;
	if (suspicion && !list_empty(&lane->inflight) && suspicion / 4 < period)
		period = suspicion / 4;
	return period;
}

static void on_watch(void *arg)
{
	struct lane *lane = arg;
	const struct timers *timers = &lane->worker->timers;
	uint64_t now = now_us(lane);
	uint64_t interval = timers->keepalive_interval * US_PER_S, timeout = timers->keepalive_timeout * US_PER_S;
	uint64_t silent = now - lane->last_answer_us;

	if (lane_end_overdue(lane))
		return;
	if (lane->ping_sent_us && silent >= interval + timeout) {
		lane_fail(lane, "the keepalive was not answered");
		return;
	}
	if (lane_suspect(lane))
		return;
	if (!lane->ping_sent_us && silent >= interval)
		lane_ping(lane);
	timer_arm(&lane->watch, watch_period_us(lane));
}

void watch_init(struct lane *lane)
{
	timer_init(&lane->watch, loop_clock(lane->worker->loop), on_watch, lane);
}

void watch_begin(struct lane *lane)
{
	timer_arm(&lane->watch, WATCH_MAX_US);
}

void watch_busy(struct lane *lane)
{
	uint64_t period = watch_period_us(lane);

	if (timer_armed(&lane->watch) && lane->watch.due_us > now_us(lane) + period)
		timer_arm(&lane->watch, period);
}
