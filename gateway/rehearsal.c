#include "gateway/rehearsal.h"

#include "gateway/backend.h"
#include "gateway/base/memory.h"
#include "gateway/engine/outage.h"
#include "gateway/gateway.h"
#include "gateway/maintenance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_US (50 * US_PER_MS) /* between two looks whether all is well again */
#define SETTLE_US (200 * US_PER_MS) /* what was left unread until the end is answered */
#define RETURN_US (60 * US_PER_S) /* and then the report is made, whatever still waits */
#define REPORT_US US_PER_S /* for the workers' answers */

enum phase { REHEARSAL_AWAY, REHEARSAL_RETURNING, REHEARSAL_REPORTING, REHEARSAL_OVER };

struct rehearsal {
	struct gateway *gateway;
	char link[16];
	const char *how;
	unsigned seconds;
	enum phase phase;
	uint64_t begun_us, end_us, lost_us, back_us; /* the control loop's clock; 0: not yet */
	uint64_t time_us; /* Unix time */
	struct timer timer;

	uint64_t number; /* of the question to the workers */
	unsigned awaited;
	struct rehearsal_device_view *devices; /* each with an id of its own */
	size_t device_count;
};

static uint64_t now_us(const struct rehearsal *rehearsal)
{
	return clock_now_us(loop_clock(rehearsal->gateway->control));
}

static struct link *find_link(const struct gateway *gateway, const char *id)
{
	const struct backend *backend;
	struct link *link;

	list_for_each(backend, &gateway->backends, link)
		list_for_each(link, &backend->links, backend_link)
			if (strcmp(link->id, id) == 0)
				return link;
	return NULL;
}

static bool is_up(const struct link *link)
{
	return link_workers_up(link) == link->worker_count;
}

static bool has_path_on(const struct device *device, const struct link *link)
{
	for (unsigned i = 0; i < device->path_count; i++)
		if (device->paths[i]->link == link)
			return true;
	return false;
}

/* A claimed device on that link whose commands wait; NULL: none. */
static const struct device *device_moving(const struct gateway *gateway, const struct link *link)
{
	const struct device *device;

	list_for_each(device, &gateway->devices, link)
		if (device->claimed && has_path_on(device, link) && device_is_moving(device))
			return device;
	return NULL;
}

/* ---- the report -------------------------------------------------------------------------------------------------- */

static void forget_devices(struct rehearsal *rehearsal)
{
	for (size_t i = 0; i < rehearsal->device_count; i++)
		free((char *)(uintptr_t)rehearsal->devices[i].id);
	free(rehearsal->devices);
	rehearsal->devices = NULL;
	rehearsal->device_count = 0;
}

static struct rehearsal_device_view *device_row(struct rehearsal *rehearsal, const char *id)
{
	struct rehearsal_device_view *row;

	for (size_t i = 0; i < rehearsal->device_count; i++)
		if (strcmp(rehearsal->devices[i].id, id) == 0)
			return &rehearsal->devices[i];
	rehearsal->devices =
		xrealloc(rehearsal->devices, (rehearsal->device_count + 1) * sizeof(rehearsal->devices[0]));
	row = &rehearsal->devices[rehearsal->device_count++];
	*row = (struct rehearsal_device_view){ .id = xstrdup(id) };
	return row;
}

static void add_tally(struct rehearsal_device_view *row, const struct decision_tally *tally)
{
	row->commands += tally->commands;
	row->inflight += tally->inflight;
	row->moved += tally->lost - tally->fenced + tally->unsent;
	row->fenced += tally->fenced;
	row->held += tally->held;
	row->failed += tally->failed;
	if (tally->longest_us > row->longest_us)
		row->longest_us = tally->longest_us;
	if (tally->fence)
		row->fence = tally->fence;
}

/* All devices together. */
static struct rehearsal_device_view sum_of(const struct rehearsal *rehearsal)
{
	struct rehearsal_device_view sum = { 0 };

	for (size_t i = 0; i < rehearsal->device_count; i++) {
		const struct rehearsal_device_view *row = &rehearsal->devices[i];

		sum.moved += row->moved;
		sum.fenced += row->fenced;
		sum.held += row->held;
		sum.failed += row->failed;
		if (row->longest_us > sum.longest_us)
			sum.longest_us = row->longest_us;
		if (row->fence)
			sum.fence = row->fence;
	}
	return sum;
}

static void rehearsal_end(struct rehearsal *rehearsal)
{
	const struct rehearsal_device_view sum = sum_of(rehearsal);
	struct journal *journal = rehearsal->gateway->journal;
	char back[64] = "it is not back yet", text[256];

	rehearsal->phase = REHEARSAL_OVER;
	timer_stop(&rehearsal->timer);
	if (rehearsal->back_us)
		snprintf(back, sizeof(back), "back %llu ms after its time",
			 (unsigned long long)((rehearsal->back_us - rehearsal->end_us) / US_PER_MS));
	snprintf(text, sizeof(text), "longest command %llu ms; %u moved, %u fenced%s%s, %u held, %u failed",
		 (unsigned long long)(sum.longest_us / US_PER_MS), sum.moved, sum.fenced, sum.fence ? " by form " : "",
		 sum.fence ? sum.fence : "", sum.held, sum.failed);
	if (rehearsal->back_us && !sum.failed)
		journal_add(journal, "info", "rehearsal-ended", rehearsal->link, "%s; %s", back, text);
	else
		journal_add(journal, "warning", "rehearsal-ended", rehearsal->link, "%s; %s", back, text);
}

void rehearsal_report(struct message *message)
{
	struct outage_report *report = container_of(message, struct outage_report, message);
	struct rehearsal *rehearsal = report->gateway->rehearsal;

	if (rehearsal && rehearsal->phase == REHEARSAL_REPORTING && rehearsal->number == report->number) {
		for (unsigned i = 0; i < report->count; i++)
			add_tally(device_row(rehearsal, report->rows[i].device), &report->rows[i].tally);
		if (--rehearsal->awaited == 0)
			rehearsal_end(rehearsal);
	}
	free(report);
}

/* ---- its course -------------------------------------------------------------------------------------------------- */

static void ask_workers(struct rehearsal *rehearsal, struct link *link)
{
	struct gateway *gateway = rehearsal->gateway;

	rehearsal->phase = REHEARSAL_REPORTING;
	rehearsal->number = ++gateway->questions;
	rehearsal->awaited = gateway->worker_count;
	timer_arm(&rehearsal->timer, REPORT_US);
	for (unsigned w = 0; w < gateway->worker_count; w++)
		worker_tell_outage(gateway->workers[w], link, rehearsal->number);
}

static void note_link(struct rehearsal *rehearsal, const struct link *link)
{
	if (!is_up(link) && !rehearsal->lost_us)
		rehearsal->lost_us = now_us(rehearsal);
	if (is_up(link) && rehearsal->phase == REHEARSAL_RETURNING && !rehearsal->back_us)
		rehearsal->back_us = now_us(rehearsal);
}

static void look(struct rehearsal *rehearsal, struct link *link)
{
	uint64_t since = now_us(rehearsal) - rehearsal->end_us;

	note_link(rehearsal, link);
	if (since >= RETURN_US ||
	    (since >= SETTLE_US && rehearsal->back_us && !device_moving(rehearsal->gateway, link)))
		ask_workers(rehearsal, link);
	else
		timer_arm(&rehearsal->timer, LOOK_US);
}

static void on_timer(void *arg)
{
	struct rehearsal *rehearsal = arg;
	struct link *link = find_link(rehearsal->gateway, rehearsal->link);

	if (!link || rehearsal->phase == REHEARSAL_REPORTING) { /* it was removed; or a worker does not answer */
		rehearsal_end(rehearsal);
		return;
	}
	if (rehearsal->phase == REHEARSAL_AWAY) {
		rehearsal->phase = REHEARSAL_RETURNING;
		rehearsal->end_us = now_us(rehearsal);
	}
	look(rehearsal, link);
}

bool rehearsal_lasts(const struct gateway *gateway, const struct link *link)
{
	const struct rehearsal *rehearsal = gateway->rehearsal;

	return rehearsal && rehearsal->phase < REHEARSAL_REPORTING && strcmp(rehearsal->link, link->id) == 0;
}

void rehearsal_link_changed(struct gateway *gateway, const struct link *link)
{
	if (rehearsal_lasts(gateway, link))
		note_link(gateway->rehearsal, link);
}

void rehearsal_destroy(struct gateway *gateway)
{
	struct rehearsal *rehearsal = gateway->rehearsal;

	if (!rehearsal)
		return;
	timer_stop(&rehearsal->timer);
	forget_devices(rehearsal);
	free(rehearsal);
	gateway->rehearsal = NULL;
}

/* ---- beginning --------------------------------------------------------------------------------------------------- */

static bool refuse(struct problem *problem, const char *title, const char *detail)
{
	problem_set(problem, 409, "", title, "%s", detail);
	return false;
}

static bool refuse_for(struct problem *problem, const char *title, const struct device *device, const char *detail)
{
	problem_set(problem, 409, "", title, "device %.120s %s", device->core.id, detail);
	return false;
}

static bool may_begin(struct gateway *gateway, const struct link *link, bool force, struct problem *problem)
{
	const struct device *device = device_moving(gateway, link);

	if (gateway->stopping)
		return refuse(problem, "Stopping", "the gateway is stopping");
	if (gateway->rehearsal && gateway->rehearsal->phase != REHEARSAL_OVER)
		return refuse(problem, "Another rehearsal", "a rehearsal is under way");
	if (!is_up(link))
		return refuse(problem, "Link not up", "the link is not up on every worker");
	if (device)
		return refuse_for(problem, "Failover under way", device, "has commands that wait");
	device = force ? NULL : maintenance_left_alone(gateway, "link", link->id);
	if (device)
		return refuse_for(problem, "Last path", device, "would be left without a path");
	return true;
}

static struct rehearsal *rehearsal_create(struct gateway *gateway, const struct link *link, const char *how,
					  unsigned seconds)
{
	struct rehearsal *rehearsal = xcalloc(1, sizeof(*rehearsal));

	rehearsal->gateway = gateway;
	str_copy(rehearsal->link, sizeof(rehearsal->link), link->id);
	rehearsal->how = how;
	rehearsal->seconds = seconds;
	rehearsal->begun_us = now_us(rehearsal);
	rehearsal->time_us = unix_time_us();
	timer_init(&rehearsal->timer, loop_clock(gateway->control), on_timer, rehearsal);
	timer_arm(&rehearsal->timer, seconds * US_PER_S);
	return rehearsal;
}

int control_rehearse(struct gateway *gateway, const char *link_id, const char *how, unsigned seconds, bool force,
		     struct problem *problem)
{
	bool silent = strcmp(how, "silent") == 0;
	struct link *link = find_link(gateway, link_id);

	if (!link)
		problem_set(problem, 404, "", "No such link", "there is no link \"%.200s\"", link_id);
	else if (!silent && strcmp(how, "cut") != 0)
		problem_set(problem, 422, "/how", "Not a way to fail", "a link is \"cut\", or \"silent\"");
	else if (seconds < 1 || seconds > REHEARSAL_SECONDS_MAX)
		problem_set(problem, 422, "/seconds", "Out of range", "from 1 to %d seconds", REHEARSAL_SECONDS_MAX);
	if (problem->status || !may_begin(gateway, link, force, problem))
		return -1;
	rehearsal_destroy(gateway);
	gateway->rehearsal = rehearsal_create(gateway, link, silent ? "silent" : "cut", seconds);
	journal_add(gateway->journal, "info", "rehearsal-begun", link->id, "%s at %s is %s for %u s", link->iqn,
		    link->portal, gateway->rehearsal->how, seconds);
	for (unsigned w = 0; w < gateway->worker_count; w++)
		worker_begin_outage(gateway->workers[w], link, silent, seconds * US_PER_S);
	return 0;
}

bool control_rehearsal(struct gateway *gateway, const char *link_id, struct rehearsal_view *view)
{
	static const char *const states[] = { "away", "returning", "returning", "over" };
	const struct rehearsal *rehearsal = gateway->rehearsal;

	if (!rehearsal || strcmp(rehearsal->link, link_id) != 0)
		return false;
	*view = (struct rehearsal_view){
		.link = rehearsal->link,
		.how = rehearsal->how,
		.state = states[rehearsal->phase],
		.seconds = rehearsal->seconds,
		.time_us = rehearsal->time_us,
		.lost = rehearsal->lost_us != 0,
		.lost_after_us = rehearsal->lost_us ? rehearsal->lost_us - rehearsal->begun_us : 0,
		.back = rehearsal->back_us != 0,
		.back_after_us = rehearsal->back_us ? rehearsal->back_us - rehearsal->end_us : 0,
		.longest_us = sum_of(rehearsal).longest_us,
		.devices = rehearsal->devices,
		.device_count = rehearsal->device_count,
	};
	return true;
}
