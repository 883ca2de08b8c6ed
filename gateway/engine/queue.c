#include "gateway/engine/queue.h"

#include "gateway/base/log.h"
#include "gateway/engine/lane.h"
#include "gateway/engine/worker.h"

static void set_depth(struct lane *lane, unsigned depth)
{
	lane->queue.depth = depth;
	lane->queue.good = 0;
	figure_set(&lane->cell->queue_depth, depth);
}

void queue_init(struct lane *lane)
{
	set_depth(lane, LANE_DEPTH);
}

bool queue_has_room(const struct lane *lane)
{
	return lane->queue.carried < lane->queue.depth;
}

void queue_good(struct lane *lane)
{
	struct queue *queue = &lane->queue;

	if (queue->depth < LANE_DEPTH && ++queue->good >= queue->depth)
		set_depth(lane, queue->depth + 1);
}

void queue_cut(struct lane *lane, const struct xfer *refused)
{
	struct queue *queue = &lane->queue;
	unsigned most = queue->carried < queue->depth ? queue->carried : queue->depth;

	if (container_of(refused, const struct slot, xfer)->started_us < queue->cut_us)
		return;
	queue->cut_us = clock_now_us(loop_clock(lane->worker->loop));
	set_depth(lane, most > 1 ? most / 2 : 1);
	log_debug("queue", "link=%s worker=%u depth=%u", lane->link->id, lane->worker->index, queue->depth);
}
