#include "gateway/engine/outage.h"

#include "gateway/base/memory.h"
#include "gateway/engine/disk.h"
#include "gateway/engine/lane.h"
#include "gateway/engine/worker.h"

#include <string.h>

/* What has come unread is read now: a lane that nobody missed lives on. */
static void on_over(void *arg)
{
	struct lane *lane = arg;

	if (lane->state == LANE_UP || lane->state == LANE_PROBING)
		lane->worker->transport->mute(lane->initiator, false);
	lane_kick(lane);
}

void outage_init(struct lane *lane)
{
	timer_init(&lane->outage.over, loop_clock(lane->worker->loop), on_over, lane);
}

void outage_done(struct lane *lane)
{
	timer_stop(&lane->outage.over);
}

uint64_t outage_left_us(const struct lane *lane)
{
	uint64_t now = clock_now_us(loop_clock(lane->worker->loop)), due = lane->outage.over.due_us;

	return timer_armed(&lane->outage.over) && due > now ? due - now : 0;
}

void outage_begin(struct lane *lane, bool silent, uint64_t us)
{
	struct path *path;

	list_for_each(path, &lane->paths, lane_link)
		path->disk->decisions.tally = (struct decision_tally){ 0 };
	list_for_each(path, &lane->paths, lane_link)
		path->disk->decisions.tally.inflight += figure_get(&path->cell->inflight);
	timer_arm(&lane->outage.over, us);
	if (silent && lane->state == LANE_UP)
		lane->worker->transport->mute(lane->initiator, true);
	else if (lane->state != LANE_DOWN)
		lane_fail(lane, OUTAGE_REASON);
}

/* Two paths of one lane may lead to one disk. */
static bool is_told(const struct outage_report *report, const struct disk *disk)
{
	for (unsigned i = 0; i < report->count; i++)
		if (strcmp(report->rows[i].device, disk->core->id) == 0)
			return true;
	return false;
}

struct outage_report *outage_report(const struct lane *lane)
{
	struct outage_report *report;
	const struct path *path;
	size_t most = 0;

	if (lane)
		list_for_each(path, &lane->paths, lane_link)
			most++;
	report = xcalloc(1, sizeof(*report) + most * sizeof(report->rows[0]));
	if (!lane)
		return report;
	list_for_each(path, &lane->paths, lane_link) {
		struct outage_row *row = &report->rows[report->count];

		if (is_told(report, path->disk))
			continue;
		str_copy(row->device, sizeof(row->device), path->disk->core->id);
		row->tally = path->disk->decisions.tally;
		report->count++;
	}
	return report;
}
