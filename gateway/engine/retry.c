#include "gateway/engine/retry.h"

#include "gateway/base/log.h"
#include "gateway/engine/disk_unit.h"
#include "gateway/engine/lane.h"
#include "gateway/engine/usable.h"

#include <string.h>

#define LOSSES_MAX 16 /* of links with one command, in more than pdo_remove_period */

#define ASC_LU_COMMUNICATION_TIMEOUT 0x0801

static void answer_host(struct io *io, const struct xfer *xfer)
{
	io->status = xfer->status;
	io->transfer = xfer->transfer;
	io->sense_len = xfer->sense_len;
	memcpy(io->sense, xfer->sense, xfer->sense_len);
	if (xfer->status != SCSI_GOOD)
		figure_add(&io->disk->cell->io_errors, 1);
	disk_finish(io);
}

/* Retries in a row have the disk's patience. That begins anew when the command has waited for a path or lost one, which
 * have bounds of their own; but not for ever, since what it is answered may be the reason for that. */
static bool uncounted_allowed(struct io *io, uint64_t now_us)
{
	uint64_t period = disk_patience_us(io->disk);

	if (!io->uncounted_first_us)
		io->uncounted_first_us = now_us;
	if (!io->uncounted_since_us)
		io->uncounted_since_us = now_us;
	return now_us - io->uncounted_since_us < period && now_us - io->uncounted_first_us < 2 * period;
}

/* Whether another attempt is still within its bounds: the count of the counted, the time of the others. */
static bool retry_allowed(struct io *io, const struct dsm_verdict *verdict)
{
	if (verdict->next == DSM_RETURN || io->aborted)
		return false;
	if ((verdict->flags & DSM_ONCE) && io->failed_once)
		return false;
	io->failed_once |= (verdict->flags & DSM_ONCE) != 0;
	if (verdict->flags & DSM_COUNTED) {
		io->uncounted_since_us = 0;
		return ++io->retries <= io->disk->timers.retry_count;
	}
	return uncounted_allowed(io, disk_now(io->disk));
}

/* Counted retries are retry_interval apart; the first one is due at once unless the verdict says otherwise. The others
 * are at once for a while, unless it does. */
static uint64_t retry_delay_us(const struct io *io, unsigned flags)
{
	bool long_since = disk_now(io->disk) - io->uncounted_since_us >= DISK_DELAY_US;

	if (!(flags & DSM_COUNTED))
		return (flags & DSM_DELAYED) || long_since ? DISK_DELAY_US : 0;
	return io->retries > 1 || (flags & DSM_DELAYED) ? io->disk->timers.retry_interval * US_PER_S : 0;
}

static void retry_same(struct io *io)
{
	struct disk *disk = io->disk;
	bool usable = io->path && disk_is_usable(disk, io->path);

	disk_send(disk, io, usable ? io->path : disk_select(disk, &disk->usable, io));
}

/* The path is suspect by now, so a policy would not choose it; the verdict does, if it still answers. */
static void retry_same_once(struct io *io)
{
	struct disk *disk = io->disk;
	bool fit = io->path && usable_rank(io->path) < RANK_UNUSABLE;

	disk_send(disk, io, fit ? io->path : disk_select(disk, &disk->usable, io));
}

static void retry_other(struct io *io)
{
	struct disk *disk = io->disk;

	disk_send(disk, io, disk_select_other(disk, io));
}

static void retry_group(struct io *io)
{
	struct disk *disk = io->disk;
	struct path *path = io->path ? disk_select_but(disk, io->path, true, io) : NULL;

	disk_send(disk, io, path ? path : disk_select_other(disk, io));
}

/* What the verdict says of the path. */
static void judge_path(struct path *path, const struct dsm_verdict *verdict)
{
	switch (verdict->path) {
	case DSM_PATH_KEEP:
		break;
	case DSM_PATH_SUSPECT:
	case DSM_PATH_FAILED:
		path_suspect(path);
		break;
	case DSM_PATH_PASSIVE:
		path_passive(path, DSM_ACCESS_STANDBY);
		break;
	case DSM_PATH_TRANSITIONING:
		path_passive(path, DSM_ACCESS_TRANSITIONING);
		break;
	}
	if (verdict->flags & DSM_REFRESH)
		access_refresh(&path->disk->access);
}

static void (*retry_of(struct io *io, enum dsm_next next))(struct io *io)
{
	if (next == DSM_RETRY_SAME)
		return retry_same;
	if (next == DSM_RETRY_GROUP)
		return retry_group;
	if (next != DSM_RETRY_SAME_ONCE || io->tried_same)
		return retry_other;
	io->tried_same = true;
	return retry_same_once;
}

static void answered_well(struct io *io, const struct xfer *xfer)
{
	struct disk *disk = io->disk;

	disk->access.served = true;
	io->path->timeouts = 0;
	if (command_sets_mode(io->cdb)) {
		news_caught_up(&disk->core->news, &io->path->heard);
		target_unit_attention(disk->worker->target, disk->number, ASC_MODE_PARAMETERS_CHANGED, io->session_id);
	}
	answer_host(io, xfer);
}

void retry_answered(struct io *io, const struct xfer *xfer)
{
	struct disk *disk = io->disk;
	struct path *path = io->path;
	struct dsm_result result;
	struct dsm_verdict verdict;
	bool again;

	io->place = IO_IDLE;
	if (xfer->status == SCSI_GOOD || xfer->status == SCSI_CONDITION_MET) {
		answered_well(io, xfer);
		return;
	}
	if (xfer->status == SCSI_RESERVATION_CONFLICT && !io->aborted && io->conflicts < DSM_PATHS_MAX &&
	    path_conflict(path)) {
		decision_judged(io, &(struct dsm_result){ .status = xfer->status },
				&(struct dsm_verdict){ .next = DSM_RETRY_OTHER }, true);
		disk_delay(io, io->conflicts++ ? DISK_DELAY_US : 0, retry_other);
		return;
	}
	if (xfer->rejected && io->info->effect == COMMAND_ONCE) { /* it may have been under way already (row F3) */
		path_suspect(path);
		io->retries++;
		decision_lost(io, DECISION_REJECTED, "iSCSI Reject");
		retry_outcome_unknown(io);
		return;
	}
	result = path_result(xfer);
	verdict = path_verdict(path, &result);
	log_debug("disk", "device=%s path=%s opcode=%02x status=%02x sense=%x/%02x/%02x next=%d", disk->core->id,
		  path->core->id, io->cdb[0], result.status, result.sense_key, result.asc, result.ascq, verdict.next);
	judge_path(path, &verdict);
	if (lu_reset_heard(path, &result))
		verdict.flags &= ~(unsigned)DSM_COUNTED;
	if (path_check_key(path, &result))
		verdict.flags &= ~(unsigned)DSM_COUNTED; /* one a path, all at once, and it rests for that */
	if (verdict.flags & DSM_CUT_QUEUE)
		queue_cut(path->lane, xfer);
	if (verdict.flags & DSM_REIDENTIFY)
		lane_reidentify(path->lane);
	if (verdict.flags & DSM_SPACE_EVENT)
		disk_space_short(disk, &result);
	if ((verdict.flags & DSM_TELL_HOSTS) && !path_tell_hosts(path, &result, io->session_id))
		verdict.next = DSM_RETRY_SAME; /* the echo of what they know */
	again = retry_allowed(io, &verdict);
	decision_judged(io, &result, &verdict, again);
	if (!again) {
		answer_host(io, xfer);
		return;
	}
	figure_add(&disk->cell->retries, 1);
	figure_add(&path->cell->retries, 1);
	disk_delay(io, retry_delay_us(io, verdict.flags), retry_of(io, verdict.next));
}

/* A command that takes link after link along, because the array cannot bear it, must end some time. */
static bool is_deadly(const struct io *io)
{
	uint64_t since = disk_now(io->disk) - io->first_loss_us;

	return io->losses > LOSSES_MAX && since >= io->disk->timers.pdo_remove_period * US_PER_S;
}

void retry_submit_again(struct io *io)
{
	io->uncounted_since_us = 0; /* neither the hang nor the fence was the array's answer */
	figure_add(&io->disk->cell->retries, 1);
	if (io->aborted)
		disk_fail(io, SCSI_TASK_ABORTED, SENSE_NO_SENSE, 0);
	else if (is_deadly(io))
		disk_fail(io, SCSI_CHECK_CONDITION, SENSE_HARDWARE_ERROR, ASC_LU_COMMUNICATION_FAILURE);
	else if (io->retries > io->disk->timers.retry_count) /* it has timed out too often */
		disk_fail(io, SCSI_CHECK_CONDITION, SENSE_HARDWARE_ERROR, ASC_LU_COMMUNICATION_TIMEOUT);
	else
		disk_send(io->disk, io, disk_select(io->disk, &io->disk->usable, io));
}

void retry_outcome_unknown(struct io *io)
{
	if (io->info->effect != COMMAND_ONCE || io->aborted)
		retry_submit_again(io);
	else if (!reconcile_begin(io)) /* row F3: the host is told, and may look for itself */
		disk_fail(io, SCSI_CHECK_CONDITION, SENSE_ABORTED_COMMAND, ASC_LU_COMMUNICATION_FAILURE);
}

void retry_reconciled(struct io *io, enum reconciled what)
{
	static const char *const found[] = {
		[RECONCILED_DONE] = "had been carried out",
		[RECONCILED_NOT_DONE] = "had not been carried out and is sent again",
		[RECONCILED_UNKNOWN] = "may have been carried out: its host is told so",
	};

	io->place = IO_IDLE;
	worker_notice(io->disk->worker, what == RECONCILED_UNKNOWN ? "warning" : "info", "reconciled",
		      io->disk->core->id, "a COMPARE AND WRITE whose answer was lost %s", found[what]);
	if (what == RECONCILED_DONE) {
		decision_reconciled(io);
		io->status = SCSI_GOOD;
		io->sense_len = 0;
		io->transfer = io->len;
		disk_finish(io);
	} else if (what == RECONCILED_NOT_DONE || io->aborted) {
		retry_submit_again(io);
	} else {
		disk_fail(io, SCSI_CHECK_CONDITION, SENSE_ABORTED_COMMAND, ASC_LU_COMMUNICATION_FAILURE);
	}
}

void retry_aborted(struct io *io, uint64_t sent_us)
{
	io->place = IO_IDLE;
	decision_lost(io, DECISION_ABORTED, io->aborted ? "its host wanted so" : "no answer within command_timeout");
	if (!io->aborted) {
		io->retries++;
		path_timed_out(io->path, sent_us);
	}
	retry_outcome_unknown(io);
}

/* That is as if its link had failed: it is not counted, but whatever goes on like that ends some time. */
void retry_reset(struct io *io)
{
	io->place = IO_IDLE;
	decision_lost(io, DECISION_ABORTED, "the logical unit was reset");
	if (io->losses++ == 0)
		io->first_loss_us = disk_now(io->disk);
	retry_outcome_unknown(io);
}
