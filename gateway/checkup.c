#include "gateway/checkup.h"

#include "gateway/backend.h"
#include "gateway/gateway.h"

#include <stdio.h>
#include <string.h>

#define PERIOD_US US_PER_S

static uint64_t now_us(const struct gateway *gateway)
{
	return clock_now_us(loop_clock(gateway->control));
}

/* ---- probation (row L6) ------------------------------------------------------------------------------------------ */

static void refresh_workers(struct gateway *gateway)
{
	for (unsigned w = 0; w < gateway->worker_count; w++)
		worker_refresh(gateway->workers[w]);
}

static void fail(struct gateway *gateway, struct probation *probation, const char *id, bool is_up)
{
	uint64_t now = now_us(gateway);
	uint64_t longest = gateway->timers.path_recovery_interval * US_PER_S; /* what the administrator set */
	char text[128];

	if (!probation_failed(probation, now, longest ? longest : PROBATION_LONGEST_US))
		return;
	journal_add(gateway->journal, "warning", "probation-begun", id, "%s",
		    probation_text(probation, now, is_up, text, sizeof(text)));
	refresh_workers(gateway);
}

static void end(struct gateway *gateway, const char *id, const char *why)
{
	journal_add(gateway->journal, "info", "probation-ended", id, "%s", why);
	refresh_workers(gateway);
}

static void look(struct gateway *gateway, struct probation *probation, const char *id, bool is_up)
{
	uint64_t served_us = probation->delay_us;

	if (probation_look(probation, now_us(gateway), is_up)) {
		char why[64];

		snprintf(why, sizeof(why), "it was steady for %llu s", (unsigned long long)(served_us / US_PER_S));
		end(gateway, id, why);
	}
}

void checkup_link_failed(struct gateway *gateway, struct link *link)
{
	fail(gateway, &link->probation, link->id, link_workers_up(link) != 0);
}

void checkup_trust_link(struct gateway *gateway, struct link *link)
{
	if (probation_lift(&link->probation))
		end(gateway, link->id, "the administrator ended it");
}

void checkup_trust_path(struct gateway *gateway, struct path_core *path)
{
	if (probation_lift(&path->probation))
		end(gateway, path->id, "the administrator ended it");
}

static void check_links(struct gateway *gateway)
{
	struct backend *backend;
	struct link *link;

	list_for_each(backend, &gateway->backends, link)
		list_for_each(link, &backend->links, backend_link)
			look(gateway, &link->probation, link->id, link_workers_up(link) != 0);
}

/* A path has failed when a command's error made any worker doubt it; with its link it has not. */
static void check_path(struct gateway *gateway, struct path_core *path)
{
	bool is_up = path_core_up(path, gateway->worker_count);
	uint64_t suspicions = 0;

	for (unsigned w = 0; w < gateway->worker_count; w++)
		suspicions += figure_get(&path->cells[w].suspicions);
	if (suspicions != path->suspicions)
		fail(gateway, &path->probation, path->id, is_up);
	path->suspicions = suspicions;
	look(gateway, &path->probation, path->id, is_up);
}

/* ---- slow paths (row L6) ----------------------------------------------------------------------------------------- */

static void sample(struct gateway *gateway, struct path_core *path)
{
	struct pace_counts counts = { 0 };

	for (unsigned w = 0; w < gateway->worker_count; w++) {
		const struct figure_cell *cell = &path->cells[w];

		counts.reads += figure_get(&cell->reads);
		counts.writes += figure_get(&cell->writes);
		counts.bytes += figure_get(&cell->read_bytes) + figure_get(&cell->written_bytes);
		counts.service_us += figure_get(&cell->service_us);
	}
	pace_sample(&path->pace, &counts, (int)path_core_access(path), now_us(gateway));
}

static void tell_pace(struct gateway *gateway, const struct device *device, const struct path_core *path)
{
	const struct pace *pace = &path->pace;
	unsigned tenths = pace_ratio_tenths(pace);

	if (pace->slow)
		journal_add(
			gateway->journal, "warning", "path-slow", path->id,
			"device %.80s: a command takes %llu us, %u.%u times as long as on its other paths (%llu us)",
			device->core.id, (unsigned long long)pace->mean_us, tenths / 10, tenths % 10,
			(unsigned long long)pace->others_us);
	else
		journal_add(gateway->journal, "info", "path-no-longer-slow", path->id, "device %.80s: %s",
			    device->core.id,
			    now_us(gateway) - pace->sampled_us > PACE_STALE_US ? "it has carried nothing for a while"
									       : "it is as fast as its other paths");
}

static void check_paces(struct gateway *gateway, struct device *device)
{
	struct pace *all[DSM_PATHS_MAX];

	for (unsigned i = 0; i < device->path_count; i++) {
		sample(gateway, device->paths[i]);
		all[i] = &device->paths[i]->pace;
	}
	for (unsigned i = 0; i < device->path_count; i++)
		if (pace_judge(all[i], all, device->path_count, now_us(gateway)))
			tell_pace(gateway, device, device->paths[i]);
}

/* ---- the fence (row F1) ------------------------------------------------------------------------------------------ */

/* Told when it has stayed so from one look to the next: after a reset every path registers anew. */
static void check_fence(struct gateway *gateway, struct device *device)
{
	int form = (int)device_fence_form(device), told = device->fence_told;
	bool settled = form == device->fence_seen;

	device->fence_seen = form;
	if (!settled || form == told || !device_paths_up(device))
		return;
	if (told >= 0)
		journal_add(gateway->journal, form < told ? "info" : "warning", "fence-changed", device->core.id,
			    "writes that are lost with a link are fenced by form %s now, not %s",
			    fence_form_name((enum fence_wish)form), fence_form_name((enum fence_wish)told));
	device->fence_told = form;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static void on_checkup(void *arg)
{
	struct gateway *gateway = arg;
	struct device *device;

	check_links(gateway);
	list_for_each(device, &gateway->devices, link) {
		if (!device->claimed)
			continue;
		for (unsigned i = 0; i < device->path_count; i++)
			check_path(gateway, device->paths[i]);
		check_paces(gateway, device);
		check_fence(gateway, device);
	}
	timer_arm(&gateway->checkup, PERIOD_US);
}

void checkup_start(struct gateway *gateway)
{
	timer_init(&gateway->checkup, loop_clock(gateway->control), on_checkup, gateway);
	timer_arm(&gateway->checkup, PERIOD_US);
}

void checkup_stop(struct gateway *gateway)
{
	timer_stop(&gateway->checkup);
}
