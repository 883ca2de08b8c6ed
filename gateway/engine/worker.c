#include "gateway/engine/worker.h"

#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "gateway/engine/disk.h"
#include "gateway/engine/lane.h"
#include "gateway/engine/removal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SHUT_US (3 * US_PER_S) /* for the last commands and for giving keys back */

static void on_shut_limit(void *arg);

struct worker *worker_create(unsigned index, struct loop *loop, struct loop *control, struct gateway *gateway,
			     const struct worker_upcalls *upcalls, const struct initiator_ops *transport,
			     const struct timers *timers)
{
	struct worker *worker = xcalloc(1, sizeof(*worker));

	worker->index = index;
	worker->loop = loop;
	worker->control = control;
	worker->gateway = gateway;
	worker->upcalls = upcalls;
	worker->transport = transport;
	worker->timers = *timers;
	list_init(&worker->lanes);
	list_init(&worker->disks);
	timer_init(&worker->shut_limit, loop_clock(loop), on_shut_limit, worker);
	return worker;
}

void worker_destroy(struct worker *worker)
{
	struct lane *lane;

	if (!worker)
		return;
	list_for_each(lane, &worker->lanes, worker_link)
		lane_destroy(lane);
	free(worker);
}

void lane_report_destroy(struct lane_report *report)
{
	inventory_destroy(report->inventory);
	free(report);
}

struct lane *worker_lane(struct worker *worker, const struct link *link)
{
	struct lane *lane;

	list_for_each(lane, &worker->lanes, worker_link)
		if (lane->link == link)
			return lane;
	return NULL;
}

static struct disk *worker_disk(struct worker *worker, const struct device_core *core)
{
	struct disk *disk;

	list_for_each(disk, &worker->disks, worker_link)
		if (disk->core == core)
			return disk;
	return NULL;
}

void worker_notice(struct worker *worker, const char *severity, const char *type, const char *subject, const char *fmt,
		   ...)
{
	struct notice *notice = xcalloc(1, sizeof(*notice));
	va_list ap;

	notice->message.fn = worker->upcalls->notice;
	notice->gateway = worker->gateway;
	notice->severity = severity;
	notice->type = type;
	str_copy(notice->subject, sizeof(notice->subject), subject);
	va_start(ap, fmt);
	vsnprintf(notice->text, sizeof(notice->text), fmt, ap);
	va_end(ap);
	loop_post(worker->control, &notice->message);
}

/* ---- orders ------------------------------------------------------------------------------------------------------ */

/* What an order carries; which members count is the order's own business. */
struct order {
	struct link *link;
	struct device_core *core;
	struct path_core *path;
	struct policy_setup *setup;
	uint64_t generation, key;
	uint64_t number; /* of a question; of a reset */
	uint64_t us;
	bool silent;
	uint16_t lun;
	struct timers timers;
	struct throttle_limits throttle;
};

static void give(struct worker *worker, void (*fn)(void *worker, void *order), struct order order)
{
	struct order *copy = xmalloc(sizeof(*copy));

	*copy = order;
	loop_call(worker->loop, fn, worker, copy);
}

static void do_add_link(void *ctx, void *arg)
{
	struct order *order = arg;

	lane_create(ctx, order->link);
	free(order);
}

void worker_add_link(struct worker *worker, struct link *link)
{
	give(worker, do_add_link, (struct order){ .link = link });
}

static void do_remove_link(void *ctx, void *arg)
{
	struct order *order = arg;
	struct lane *lane = worker_lane(ctx, order->link);

	if (lane)
		removal_begin(lane);
	free(order);
}

void worker_remove_link(struct worker *worker, struct link *link)
{
	give(worker, do_remove_link, (struct order){ .link = link });
}

static void do_kick_link(void *ctx, void *arg)
{
	struct order *order = arg;
	struct lane *lane = worker_lane(ctx, order->link);

	if (lane)
		lane_kick(lane);
	free(order);
}

void worker_kick_link(struct worker *worker, struct link *link)
{
	give(worker, do_kick_link, (struct order){ .link = link });
}

static void do_identify_link(void *ctx, void *arg)
{
	struct order *order = arg;
	struct lane *lane = worker_lane(ctx, order->link);

	if (lane)
		lane_identify(lane);
	free(order);
}

void worker_identify_link(struct worker *worker, struct link *link)
{
	give(worker, do_identify_link, (struct order){ .link = link });
}

static void do_identify_link_later(void *ctx, void *arg)
{
	struct order *order = arg;
	struct lane *lane = worker_lane(ctx, order->link);

	if (lane)
		lane_reidentify_later(lane);
	free(order);
}

void worker_identify_link_later(struct worker *worker, struct link *link)
{
	give(worker, do_identify_link_later, (struct order){ .link = link });
}

static void do_refresh(void *ctx, void *arg)
{
	struct worker *worker = ctx;
	struct disk *disk;

	(void)arg;
	list_for_each(disk, &worker->disks, worker_link)
		disk_refresh(disk);
}

void worker_refresh(struct worker *worker)
{
	loop_call(worker->loop, do_refresh, worker, NULL);
}

static void do_set_timers(void *ctx, void *arg)
{
	struct worker *worker = ctx;
	struct order *order = arg;

	worker->timers = order->timers;
	free(order);
}

void worker_set_timers(struct worker *worker, const struct timers *timers)
{
	give(worker, do_set_timers, (struct order){ .timers = *timers });
}

static void do_add_disk(void *ctx, void *arg)
{
	struct worker *worker = ctx;
	struct order *order = arg;

	worker->luns[order->lun] = disk_create(worker, order->core, order->setup, &order->timers);
	worker->luns[order->lun]->number = order->lun;
	free(order);
}

void worker_add_disk(struct worker *worker, struct device_core *core, struct policy_setup *setup,
		     const struct timers *timers, uint16_t lun)
{
	give(worker, do_add_disk,
	     (struct order){ .core = core, .setup = policy_setup_get(setup), .timers = *timers, .lun = lun });
}

static void on_disk_left(void *arg, struct disk *disk)
{
	struct worker *worker = arg;
	struct disk_left *left = xcalloc(1, sizeof(*left));

	left->message.fn = worker->upcalls->disk_left;
	left->gateway = worker->gateway;
	left->core = disk->core;
	disk_destroy(disk);
	loop_post(worker->control, &left->message);
	if (worker->shutting && list_empty(&worker->disks))
		timer_arm(&worker->shut_limit, 0); /* not inside an event of a lane's initiator */
}

static void worker_drop_disk(struct worker *worker, struct disk *disk)
{
	for (unsigned lun = 0; lun < TARGET_LUNS_MAX; lun++)
		if (worker->luns[lun] == disk)
			worker->luns[lun] = NULL;
	if (!disk->left)
		disk_remove(disk, on_disk_left, worker);
}

static void do_remove_disk(void *ctx, void *arg)
{
	struct order *order = arg;
	struct disk *disk = worker_disk(ctx, order->core);

	if (disk)
		worker_drop_disk(ctx, disk);
	free(order);
}

void worker_remove_disk(struct worker *worker, struct device_core *core)
{
	give(worker, do_remove_disk, (struct order){ .core = core });
}

static void do_set_policy(void *ctx, void *arg)
{
	struct order *order = arg;
	struct disk *disk = worker_disk(ctx, order->core);

	if (disk)
		disk_set_policy(disk, order->setup);
	else
		policy_setup_put(order->setup);
	free(order);
}

void worker_set_policy(struct worker *worker, struct device_core *core, struct policy_setup *setup)
{
	give(worker, do_set_policy, (struct order){ .core = core, .setup = policy_setup_get(setup) });
}

static void do_tell_decisions(void *ctx, void *arg)
{
	struct worker *worker = ctx;
	struct order *order = arg;
	struct decision_report *report = xcalloc(1, sizeof(*report));
	const struct disk *disk = worker_disk(worker, order->core);

	report->message.fn = worker->upcalls->decisions;
	report->gateway = worker->gateway;
	report->number = order->number;
	report->worker = worker->index;
	report->known = disk != NULL;
	if (disk)
		report->log = disk->decisions;
	loop_post(worker->control, &report->message);
	free(order);
}

void worker_tell_decisions(struct worker *worker, struct device_core *core, uint64_t number)
{
	give(worker, do_tell_decisions, (struct order){ .core = core, .number = number });
}

static void do_begin_outage(void *ctx, void *arg)
{
	struct order *order = arg;
	struct lane *lane = worker_lane(ctx, order->link);

	if (lane)
		outage_begin(lane, order->silent, order->us);
	free(order);
}

void worker_begin_outage(struct worker *worker, struct link *link, bool silent, uint64_t us)
{
	give(worker, do_begin_outage, (struct order){ .link = link, .silent = silent, .us = us });
}

static void do_tell_outage(void *ctx, void *arg)
{
	struct worker *worker = ctx;
	struct order *order = arg;
	struct outage_report *report = outage_report(worker_lane(worker, order->link));

	report->message.fn = worker->upcalls->outage;
	report->gateway = worker->gateway;
	report->number = order->number;
	loop_post(worker->control, &report->message);
	free(order);
}

void worker_tell_outage(struct worker *worker, struct link *link, uint64_t number)
{
	give(worker, do_tell_outage, (struct order){ .link = link, .number = number });
}

static void do_set_disk_timers(void *ctx, void *arg)
{
	struct order *order = arg;
	struct disk *disk = worker_disk(ctx, order->core);

	if (disk)
		disk_set_timers(disk, &order->timers);
	free(order);
}

void worker_set_disk_timers(struct worker *worker, struct device_core *core, const struct timers *timers)
{
	give(worker, do_set_disk_timers, (struct order){ .core = core, .timers = *timers });
}

static void do_set_throttle(void *ctx, void *arg)
{
	struct order *order = arg;
	struct disk *disk = worker_disk(ctx, order->core);

	if (disk && !disk->left)
		throttle_set(&disk->throttle, order->throttle);
	free(order);
}

void worker_set_throttle(struct worker *worker, struct device_core *core, struct throttle_limits limits)
{
	give(worker, do_set_throttle, (struct order){ .core = core, .throttle = limits });
}

static void do_path_up(void *ctx, void *arg)
{
	struct order *order = arg;
	struct disk *disk = worker_disk(ctx, order->core);
	struct lane *lane = worker_lane(ctx, order->path->link);
	struct path *path;

	/* an order made from an older probe is void: the lane has failed, or is being identified again */
	if (disk && !disk->left && lane && lane->state == LANE_UP && lane->generation == order->generation) {
		path = disk->paths[order->path->index];
		path_identified(path ? path : path_create(disk, order->path, lane));
	}
	free(order);
}

void worker_path_up(struct worker *worker, struct device_core *core, struct path_core *path, uint64_t generation)
{
	give(worker, do_path_up, (struct order){ .core = core, .path = path, .generation = generation });
}

static void do_settle_link(void *ctx, void *arg)
{
	struct order *order = arg;
	struct lane *lane = worker_lane(ctx, order->link);
	struct path *path;

	if (lane && lane->state == LANE_UP && lane->generation == order->generation) {
		list_for_each(path, &lane->paths, lane_link) {
			path_not_found(path);
			/* nothing is sent there any more, so that no unit attention will tell when it is back */
			if (path->state == PATH_DOWN)
				lane_reidentify_later(lane);
		}
	}
	free(order);
}

void worker_settle_link(struct worker *worker, struct link *link, uint64_t generation)
{
	give(worker, do_settle_link, (struct order){ .link = link, .generation = generation });
}

static void do_remove_key(void *ctx, void *arg)
{
	struct order *order = arg;
	struct disk *disk = worker_disk(ctx, order->core);

	if (disk && !disk->left)
		leftover_remove(disk, order->key);
	free(order);
}

void worker_remove_key(struct worker *worker, struct device_core *core, uint64_t key)
{
	give(worker, do_remove_key, (struct order){ .core = core, .key = key });
}

static void do_lu_was_reset(void *ctx, void *arg)
{
	struct order *order = arg;
	struct disk *disk = worker_disk(ctx, order->core);

	if (disk)
		lu_reset_happened(disk, order->number);
	free(order);
}

void worker_lu_was_reset(struct worker *worker, struct device_core *core, uint64_t number)
{
	give(worker, do_lu_was_reset, (struct order){ .core = core, .number = number });
}

static void do_disown(void *ctx, void *arg)
{
	struct order *order = arg;
	struct lane *lane = worker_lane(ctx, order->link);

	if (lane && lane->state == LANE_UP)
		registration_disown(lane, order->lun);
	free(order);
}

void worker_disown(struct worker *worker, struct link *link, uint16_t array_lun)
{
	give(worker, do_disown, (struct order){ .link = link, .lun = array_lun });
}

/* The disks are gone, or have had their time: what is left ends with the lanes. */
static void on_shut_limit(void *arg)
{
	struct worker *worker = arg;
	struct lane *lane;

	worker->shutting = false;
	list_for_each(lane, &worker->lanes, worker_link)
		lane_shut(lane);
	loop_call(worker->control, worker->upcalls->shut, worker->gateway, worker);
}

static void do_shut(void *ctx, void *arg)
{
	struct worker *worker = ctx;
	struct disk *disk;

	(void)arg;
	worker->shutting = true;
	list_for_each(disk, &worker->disks, worker_link)
		worker_drop_disk(worker, disk);
	timer_arm(&worker->shut_limit, list_empty(&worker->disks) ? 0 : SHUT_US);
}

void worker_shut(struct worker *worker)
{
	loop_call(worker->loop, do_shut, worker, NULL);
}
