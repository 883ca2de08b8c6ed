#include "gateway/engine/lu_reset.h"

#include "gateway/base/memory.h"
#include "gateway/engine/disk.h"
#include "gateway/engine/lane.h"
#include "gateway/engine/worker.h"

#include <assert.h>
#include <stdatomic.h>

#define GATHER_US (50 * US_PER_MS) /* for what is lost at the same moment */
#define ASC_OF_RESETS 0x29 /* power on, reset, or bus device reset occurred */
#define ASCQ_RESET_LAST 0x04 /* the device's own; those above are not of the whole logical unit */
#define ASCQ_NEXUS_LOSS 0x07

static_assert(LU_RESET_GAP_US > ABORT_TIMEOUT_S * US_PER_S, "an attempt ends before the next worker's turn");

static uint64_t now_us(const struct disk *disk)
{
	return clock_now_us(loop_clock(disk->worker->loop));
}

/* ---- asking for one ---------------------------------------------------------------------------------------------- */

static bool is_wanted(const struct disk *disk)
{
	const struct lane *lane;

	list_for_each(lane, &disk->worker->lanes, worker_link)
		if (lane->link->fence == FENCE_LU_RESET && fence_holds(lane, disk))
			return true;
	return false;
}

/* 0: it is this worker's turn; else how long until it may be. */
static uint64_t take_turn(const struct disk *disk)
{
	struct lu_resets *resets = &disk->core->resets;
	uint64_t now = now_us(disk), next = atomic_load(&resets->next_us);

	if (now < next)
		return next - now;
	return atomic_compare_exchange_strong(&resets->next_us, &next, now + LU_RESET_GAP_US) ? 0 : GATHER_US;
}

static bool can_ask(const struct path *path)
{
	return path && path->state == PATH_UP && path->lane->initiator && !path->lane->leaving;
}

/* Asks over the next living path. */
static void ask_next(struct lu_reset *reset)
{
	struct disk *disk = reset->disk;
	struct lu_resets *resets = &disk->core->resets;

	while (reset->tried < DSM_PATHS_MAX) {
		struct path *path = disk->paths[reset->tried++];

		if (!can_ask(path))
			continue;
		reset->number = atomic_fetch_add(&resets->begun, 1) + 1;
		atomic_store(&resets->next_us, now_us(disk) + LU_RESET_GAP_US);
		reset->via = path->lane;
		reset->lun = path->core->lun;
		timer_arm(&reset->timer, ABORT_TIMEOUT_S * US_PER_S);
		abort_with_reset(path->lane, reset);
		return;
	}
	reset->under_way = false;
	worker_notice(disk->worker, "warning", "lu-reset", disk->core->id,
		      "no path confirmed a reset of the logical unit, which was to end what a lost link left there");
}

static void on_timer(void *arg)
{
	struct lu_reset *reset = arg;
	uint64_t wait;

	if (reset->via)
		abort_forget_reset(reset->via, reset);
	reset->via = NULL;
	if (reset->under_way) {
		ask_next(reset);
		return;
	}
	if (!is_wanted(reset->disk))
		return;
	wait = take_turn(reset->disk);
	if (wait) {
		timer_arm(&reset->timer, wait);
		return;
	}
	reset->under_way = true;
	reset->tried = 0;
	ask_next(reset);
}

void lu_reset_want(struct disk *disk)
{
	if (!timer_armed(&disk->reset.timer))
		timer_arm(&disk->reset.timer, GATHER_US);
}

void lu_reset_path_up(struct disk *disk)
{
	if (is_wanted(disk))
		lu_reset_want(disk);
}

/* ---- its answer -------------------------------------------------------------------------------------------------- */

/* The other workers hear of it through the control loop. */
static void tell_control(const struct disk *disk, uint64_t number)
{
	struct worker *worker = disk->worker;
	struct reset_report *report = xcalloc(1, sizeof(*report));

	report->message.fn = worker->upcalls->lu_reset;
	report->gateway = worker->gateway;
	report->core = disk->core;
	report->worker = worker->index;
	report->number = number;
	loop_post(worker->control, &report->message);
}

void lu_reset_answered(struct lu_reset *reset, uint8_t response)
{
	struct disk *disk = reset->disk;
	const struct link *link = reset->via->link;

	timer_stop(&reset->timer);
	reset->via = NULL;
	if (response != TMF_COMPLETE) {
		ask_next(reset);
		return;
	}
	reset->under_way = false;
	atomic_store(&disk->core->resets.next_us, now_us(disk) + LU_RESET_GAP_US);
	worker_notice(disk->worker, "info", "lu-reset", disk->core->id,
		      "the logical unit was reset over %s, which ended what a lost link left there", link->id);
	news_made(&disk->core->news, ASC_RESET_OCCURRED);
	tell_control(disk, reset->number);
	lu_reset_happened(disk, reset->number);
	if (is_wanted(disk)) /* lost since it was sent */
		lu_reset_want(disk);
}

/* Its lane is in the midst of failing. */
void lu_reset_lost(struct lu_reset *reset)
{
	reset->via = NULL;
	timer_arm(&reset->timer, 0);
}

/* ---- what it ends ------------------------------------------------------------------------------------------------ */

void lu_reset_happened(struct disk *disk, uint64_t number)
{
	struct lane *lane;

	for (unsigned i = 0; i < DSM_PATHS_MAX; i++) {
		struct path *path = disk->paths[i];

		if (!path || !path->lane->initiator)
			continue;
		abort_lun(path->lane, path->core->lun);
		/* Takes the unit attention that waits there for the next command. Not where a key may be lost: that
		 * command must not go through before the path has registered again. */
		if (number && path->state == PATH_UP && !path->registered)
			path_verify(path);
	}
	if (!number)
		return;
	list_for_each(lane, &disk->worker->lanes, worker_link)
		if (lane->link->fence == FENCE_LU_RESET)
			fence_release_reset(lane, disk, number);
}

/* Every nexus tells of a reset, whoever asked for it; a session that is new has told the probe. */
bool lu_reset_heard(struct path *path, const struct dsm_result *result)
{
	struct disk *disk = path->disk;
	struct lu_resets *resets = &disk->core->resets;
	uint64_t now = now_us(disk), deaf = atomic_load(&resets->deaf_us);

	if (!result->has_sense || result->sense_key != SENSE_UNIT_ATTENTION || result->asc != ASC_OF_RESETS)
		return false;
	if (result->ascq == ASCQ_NEXUS_LOSS) /* its own commands only */
		abort_lun(path->lane, path->core->lun);
	if (result->ascq > ASCQ_RESET_LAST)
		return false;
	if (now < atomic_load(&resets->next_us)) {
		news_caught_up_on(&disk->core->news, &path->heard, ASC_RESET_OCCURRED);
		return true;
	}
	if (!news_first(&disk->core->news, &path->heard, ASC_RESET_OCCURRED) || now < deaf ||
	    !atomic_compare_exchange_strong(&resets->deaf_us, &deaf, now + LU_RESET_GAP_US))
		return false;
	worker_notice(disk->worker, "info", "lu-reset", disk->core->id,
		      "the logical unit was reset, not by the gateway: sense 6/29/%02x", result->ascq);
	tell_control(disk, 0);
	lu_reset_happened(disk, 0);
	return false;
}

void lu_reset_init(struct disk *disk)
{
	struct lu_reset *reset = &disk->reset;

	reset->disk = disk;
	list_init(&reset->link);
	timer_init(&reset->timer, loop_clock(disk->worker->loop), on_timer, reset);
}

void lu_reset_done(struct disk *disk)
{
	struct lu_reset *reset = &disk->reset;

	timer_stop(&reset->timer);
	if (reset->via)
		abort_forget_reset(reset->via, reset);
}
