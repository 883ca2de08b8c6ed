#include "gateway/engine/fence.h"

#include "gateway/engine/disk.h"
#include "gateway/engine/lane.h"
#include "gateway/engine/retry.h"
#include "gateway/engine/worker.h"

static uint64_t fence_now(const struct lane *lane)
{
	return clock_now_us(loop_clock(lane->worker->loop));
}

void fence_add(struct lane *lane, struct io *io)
{
	io->place = IO_FENCED;
	disk_count_fenced(io->disk, 1);
	io->fenced_us = fence_now(lane);
	io->resets = atomic_load(&io->disk->core->resets.begun); /* the connection is closed by now */
	decision_lost(io, DECISION_FENCED, lane->reason);
	list_add_tail(&lane->fence.writes, &io->link);
}

void fence_begin(struct lane *lane)
{
	lane->fence.tried = 0; /* who lives now is not who lived then */
	if (!list_empty(&lane->fence.writes) && !timer_armed(&lane->fence.wait))
		timer_arm(&lane->fence.wait, lane->worker->timers.fence_wait * US_PER_S);
}

bool fence_holds(const struct lane *lane, const struct disk *disk)
{
	const struct io *io;

	list_for_each(io, &lane->fence.writes, link)
		if (io->disk == disk)
			return true;
	return false;
}

/* Other paths are taking the dead session's keys away: the stronger form is under way. */
static bool is_preempted(const struct lane *lane)
{
	const struct path *path;

	list_for_each(path, &lane->paths, lane_link)
		if (path->fencing)
			return true;
	return false;
}

struct lane *fence_sibling(struct lane *lane)
{
	struct lane *sibling;
	unsigned n = 0;

	if (list_empty(&lane->fence.writes) || lane->shut || lane->link->fence >= FENCE_WAIT || is_preempted(lane))
		return NULL;
	list_for_each(sibling, &lane->worker->lanes, worker_link) {
		if (sibling == lane || sibling->state != LANE_UP ||
		    !link_same_group(lane->link, lane->logins, sibling->link, sibling->logins, lane->worker->index) ||
		    n++ < lane->fence.tried)
			continue;
		lane->fence.tried++;
		return sibling;
	}
	return NULL;
}

void fence_reset(struct lane *lane)
{
	struct io *io;

	if (lane->link->fence != FENCE_LU_RESET || lane->shut)
		return;
	list_for_each(io, &lane->fence.writes, link)
		lu_reset_want(io->disk);
}

/* Those that were fenced at `latest_us` or before, and before the reset with that number began. */
static void release_older(struct lane *lane, const struct disk *disk, uint64_t latest_us, uint64_t reset,
			  const char *form)
{
	struct list freed, *link;
	struct io *io;
	unsigned count = 0;

	list_init(&freed);
	list_for_each(io, &lane->fence.writes, link) {
		if ((disk && io->disk != disk) || io->fenced_us > latest_us || io->resets >= reset)
			continue;
		list_del(&io->link);
		list_add_tail(&freed, &io->link);
	}
	if (list_empty(&lane->fence.writes))
		timer_stop(&lane->fence.wait);
	while ((link = list_pop(&freed))) {
		io = list_entry(link, struct io, link);
		io->place = IO_IDLE;
		disk_count_fenced(io->disk, -1);
		count++;
		decision_freed(io, form);
		retry_outcome_unknown(io);
	}
	if (count)
		worker_notice(lane->worker, "info", "fenced", lane->link->id,
			      "%u outstanding writes were released, fence form %s", count, form);
}

void fence_release(struct lane *lane, const struct disk *disk, const char *form)
{
	release_older(lane, disk, UINT64_MAX, UINT64_MAX, form);
}

void fence_release_reset(struct lane *lane, const struct disk *disk, uint64_t number)
{
	release_older(lane, disk, UINT64_MAX, number, "lu-reset");
}

/* A lane may have come back, carried writes and died again meanwhile: each has a time of its own. */
static void on_fence_wait(void *arg)
{
	struct lane *lane = arg;
	uint64_t wait = lane->worker->timers.fence_wait * US_PER_S, now = fence_now(lane);
	const struct io *oldest;

	if (now >= wait) /* else it was made longer than the clock is old */
		release_older(lane, NULL, now - wait, UINT64_MAX, "wait");
	oldest = list_first(&lane->fence.writes, struct io, link);
	if (oldest)
		timer_arm(&lane->fence.wait, oldest->fenced_us + wait - now);
}

void fence_init(struct lane *lane)
{
	list_init(&lane->fence.writes);
	timer_init(&lane->fence.wait, loop_clock(lane->worker->loop), on_fence_wait, lane);
}

void fence_done(struct lane *lane)
{
	timer_stop(&lane->fence.wait);
}
