#include "gateway/engine/removal.h"

#include "gateway/engine/disk.h"
#include "gateway/engine/lane.h"
#include "gateway/engine/worker.h"

#define LOOK_US (5 * US_PER_MS) /* between two looks at what is still going on */

static uint64_t now_us(const struct lane *lane)
{
	return clock_now_us(loop_clock(lane->worker->loop));
}

/* Commands of hosts: under way, or behind the fence. */
static bool carries_commands(const struct lane *lane)
{
	const struct xfer *xfer;

	list_for_each(xfer, &lane->inflight, link)
		if (container_of(xfer, const struct slot, xfer)->io)
			return true;
	return !list_empty(&lane->waiting) || !list_empty(&lane->fence.writes);
}

/* In one and the same look: a path that had nothing to do before may have begun something since. */
static bool paths_have_left(struct lane *lane)
{
	struct path *path;
	bool left = true;

	list_for_each(path, &lane->paths, lane_link)
		left &= path_leave(path);
	return left;
}

static void removal_end(struct lane *lane)
{
	struct worker *worker = lane->worker;
	struct link *link = lane->link;
	struct path *path;

	lane_shut(lane);
	list_for_each(path, &lane->paths, lane_link)
		disk_drop_path(path->disk, path);
	lane_destroy(lane);
	loop_call(worker->control, worker->upcalls->link_left, worker->gateway, link);
}

static void on_look(void *arg)
{
	struct lane *lane = arg;
	bool busy = carries_commands(lane);

	if (busy && now_us(lane) >= lane->leave_by_us) {
		lane->leave_by_us = UINT64_MAX;
		lane_fail(lane, "it is removed, and commands on it do not end");
	}
	if (busy || !paths_have_left(lane))
		timer_arm(&lane->leave, LOOK_US);
	else
		removal_end(lane);
}

void removal_init(struct lane *lane)
{
	timer_init(&lane->leave, loop_clock(lane->worker->loop), on_look, lane);
}

void removal_begin(struct lane *lane)
{
	struct path *path;

	if (lane->leaving)
		return;
	lane->leaving = true;
	lane->leave_by_us = now_us(lane) + lane->worker->timers.command_timeout * US_PER_S;
	list_for_each(path, &lane->paths, lane_link)
		disk_refresh(path->disk);
	lane_give_back(lane);
	timer_arm(&lane->leave, 0);
}
