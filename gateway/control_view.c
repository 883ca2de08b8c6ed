/* The reading half of control.h: views of the gateway's objects. */
#include "gateway/backend.h"
#include "gateway/base/memory.h"
#include "gateway/dsm_table.h"
#include "gateway/engine/alua.h"
#include "gateway/gateway.h"
#include "gateway/levels.h"
#include "gateway/registry.h"
#include "gateway/stall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void sum_cells(struct figures *sum, const struct figure_cell *cells, unsigned count)
{
	for (unsigned w = 0; w < count; w++)
		figures_add(sum, &cells[w]);
}

static uint64_t sum_of(const struct figure_cell *cells, unsigned count, size_t offset)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < count; w++)
		sum += figure_get((const figure *)(const void *)((const char *)&cells[w] + offset));
	return sum;
}

static uint64_t largest_of(const struct figure_cell *cells, unsigned count, size_t offset)
{
	uint64_t largest = 0;

	for (unsigned w = 0; w < count; w++) {
		uint64_t value = figure_get((const figure *)(const void *)((const char *)&cells[w] + offset));

		if (value > largest)
			largest = value;
	}
	return largest;
}

#define CELLS_SUM(cells, count, member) sum_of(cells, count, offsetof(struct figure_cell, member))
#define CELLS_LARGEST(cells, count, member) largest_of(cells, count, offsetof(struct figure_cell, member))

/* ---- status ------------------------------------------------------------------------------------------------------ */

static void note_stall(struct control_status *status, const struct stall *stall, const char *device)
{
	uint64_t us = stall_total_s(stall) * US_PER_S;

	if (status->worst_stall_us && us <= status->worst_stall_us)
		return;
	status->worst_stall_us = us;
	status->worst_stall = *stall;
	status->worst_stall_device = device;
}

static struct stall stall_of_device(const struct device *device)
{
	return stall_of(&device->timers, device_core_settle_s(&device->core));
}

static void add_reason(struct control_status *status, const char *reason)
{
	for (unsigned i = 0; i + 1 < sizeof(status->reasons) / sizeof(status->reasons[0]); i++) {
		if (!status->reasons[i]) {
			status->reasons[i] = reason;
			break;
		}
		if (strcmp(status->reasons[i], reason) == 0)
			break;
	}
	status->healthy = false;
}

static void count_devices(const struct gateway *gateway, struct control_status *status)
{
	const struct device *device;
	struct stall stall;

	list_for_each(device, &gateway->devices, link) {
		unsigned up = device_paths_up(device);

		status->devices++;
		status->paths += device->path_count;
		status->paths_up += up;
		sum_cells(&status->figures, device->core.cells, gateway->worker_count);
		if (device->conflict)
			add_reason(status, "different devices share an identifier");
		if (!device->claimed)
			continue;
		status->claimed_devices++;
		stall = stall_of_device(device);
		note_stall(status, &stall, device->core.id);
		if (!up)
			add_reason(status, "a claimed device has no path");
		else if (up < device->path_count)
			add_reason(status, "a claimed device has lost paths");
		for (unsigned i = 0; i < device->path_count; i++)
			if (probation_is_on(&device->paths[i]->probation))
				add_reason(status, "a path fails again and again");
			else if (device->paths[i]->pace.slow)
				add_reason(status, "a path is slow");
	}
}

static bool count_session(const struct target_session_view *view, void *arg)
{
	(void)view;
	++*(unsigned *)arg;
	return true;
}

void control_status(struct gateway *gateway, struct control_status *status)
{
	const struct backend *backend;
	const struct link *link;
	struct stall stall = stall_of(&gateway->timers, 0);

	*status = (struct control_status){
		.version = BRAID_VERSION,
		.uptime_us = clock_now_us(loop_clock(gateway->control)) - gateway->started_us,
		.healthy = true,
		.ready = gateway->ready,
		.workers = gateway->worker_count,
		.target_iqn = gateway->luns.iqn,
		.portals = (const char *const *)gateway->portal_texts,
	};
	if (!gateway->ready)
		add_reason(status, gateway->stopping ? "the gateway is stopping" : "the target does not listen yet");
	count_devices(gateway, status);
	if (!status->claimed_devices)
		note_stall(status, &stall, NULL);
	list_for_each(backend, &gateway->backends, link) {
		status->backends++;
		if (backend_problem(backend))
			add_reason(status, "a portal of a backend does not answer discovery");
		list_for_each(link, &backend->links, backend_link) {
			bool up = link_workers_up(link) == link->worker_count;

			status->links++;
			status->links_up += up;
			if (!up)
				add_reason(status, "a link is down");
			if (probation_is_on(&link->probation))
				add_reason(status, "a link fails again and again");
		}
	}
	target_each_session(gateway->target, count_session, &status->sessions);
}

/* ---- devices ----------------------------------------------------------------------------------------------------- */

/* As the administrator set it, else as the array does. */
static const char *role_of(const struct device *device, const struct path_core *path)
{
	bool standby = device->setup->paths[path->index].role == POLICY_STANDBY;

	if (!device->setup->by_hand && device->asymmetric)
		standby |= path_core_access(path) > DSM_ACCESS_OPTIMIZED;
	return standby ? "standby" : "active";
}

#define REASON_MAX 160

/* What is wrong with a path, apart from its link; NULL: nothing. */
static const char *path_reason(const struct device *device, const struct path_core *path, uint64_t now_us, bool is_up,
			       char text[REASON_MAX])
{
	const struct probation *own = &path->probation, *links = &path->link->probation;
	uint64_t other_blocks = device->claimed ? registry_other_blocks(device, path) : 0;
	unsigned tenths = pace_ratio_tenths(&path->pace);
	int n;

	if (other_blocks) {
		snprintf(text, REASON_MAX, "the array tells %llu blocks there, the device has %llu",
			 (unsigned long long)other_blocks, (unsigned long long)device->blocks);
		return text;
	}

	if (probation_is_on(own))
		return probation_text(own, now_us, is_up, text, REASON_MAX);
	if (!probation_is_on(links) && !path->pace.slow)
		return NULL;
	if (!probation_is_on(links)) {
		snprintf(text, REASON_MAX, "slow: a command takes %u.%u times as long as on the other paths",
			 tenths / 10, tenths % 10);
		return text;
	}
	n = snprintf(text, REASON_MAX, "link %s: ", path->link->id);
	probation_text(links, now_us, link_workers_up(path->link) != 0, text + n, REASON_MAX - (size_t)n);
	return text;
}

static void view_path(const struct device *device, const struct path_core *path, uint64_t now_us,
		      char reason[REASON_MAX], struct path_view *view)
{
	unsigned workers = device->worker_count, i = path->index;
	const struct policy_setup *setup = device->setup;
	enum path_state state = path_core_state(path, workers);

	*view = (struct path_view){
		.id = path->id,
		.link = path->link->id,
		.array_lun = path->lun,
		.state = path_state_name(state),
		.reason = path_reason(device, path, now_us, state == PATH_UP, reason),
		.slow = path->pace.slow,
		.slow_tenths = pace_ratio_tenths(&path->pace),
		.alua_state = alua_access_name(path_core_access(path)),
		.tpg = atomic_load(&path->group) ? (int)atomic_load(&path->group) : -1,
		.weight = setup->paths[i].weight,
		.preferred = setup->paths[i].preferred,
		.role = role_of(device, path),
		.inflight = CELLS_SUM(path->cells, workers, inflight),
		.latency_us = CELLS_LARGEST(path->cells, workers, latency_us),
	};
	if (path_core_drained(path) && state == PATH_UP)
		view->state = view->inflight ? "draining" : "drained";
	else if (path_core_on_probation(path) && state == PATH_UP)
		view->state = "probation";
	sum_cells(&view->figures, path->cells, workers);
	if (state == PATH_DOWN)
		view->figures.offline_since_us = path->link->down_since_us;
}

static void view_device(const struct gateway *gateway, const struct device *device, uint64_t now_us,
			char reasons[DSM_PATHS_MAX][REASON_MAX], struct path_view *paths, struct device_view *view)
{
	for (unsigned i = 0; i < device->path_count; i++)
		view_path(device, device->paths[i], now_us, reasons[i], &paths[i]);
	*view = (struct device_view){
		.id = device->core.id,
		.name = device->name,
		.hardware_id = device->hardware_id,
		.vendor = device->vendor,
		.product = device->product,
		.revision = device->revision,
		.serial = device->serial,
		.size_bytes = device->blocks * device->block_size,
		.block_size = device->block_size,
		.claimed = device->claimed,
		.claimed_by = device->claimed_by,
		.lun = device->lun,
		.dsm = device->claimed ? device->core.dsm->name : NULL,
		.policy = device->policy_in_force,
		.policy_from = device->policy_from,
		.fence = device_fence(device),
		.state = device_state_name(device),
		.reason = *device->reason ? device->reason : NULL,
		.stall = stall_of_device(device),
		.paths = paths,
		.path_count = device->path_count,
	};
	for (unsigned w = 0; w < device->worker_count; w++)
		view->held += atomic_load_explicit(&device->core.held[w], memory_order_relaxed);
	sum_cells(&view->figures, device->core.cells, device->worker_count);
	for (unsigned w = 0; w < device->worker_count; w++)
		view->throttled += atomic_load_explicit(&device->core.throttled[w], memory_order_relaxed);
	levels_timers(gateway, device, device->core.dsm->name, view->timers);
	view->throttle = levels_throttle(gateway, device, device->core.dsm->name, &view->throttle_source);
	view->failback_s = device->failback_s;
	for (unsigned i = 0; i < device->path_count; i++)
		view->fails_back |=
			device->policy_in_force == POLICY_FAIL_OVER_ONLY && device->setup->paths[i].preferred;
	view->stall_s = stall_total_s(&view->stall);
}

static int compare_devices(const void *a, const void *b)
{
	const struct device *x = *(const struct device *const *)a, *y = *(const struct device *const *)b;

	if (x->lun != y->lun)
		return (unsigned)x->lun < (unsigned)y->lun ? -1 : 1; /* no LUN (-1) comes last */
	return strcmp(x->core.id, y->core.id);
}

void control_each_device(struct gateway *gateway, bool (*fn)(const struct device_view *view, void *arg), void *arg)
{
	uint64_t now_us = clock_now_us(loop_clock(gateway->control));
	struct path_view paths[DSM_PATHS_MAX];
	char reasons[DSM_PATHS_MAX][REASON_MAX];
	struct device_view view;
	struct device *device, **sorted;
	unsigned count = 0, n = 0;

	list_for_each(device, &gateway->devices, link)
		count++;
	sorted = xcalloc(count + 1, sizeof(sorted[0]));
	list_for_each(device, &gateway->devices, link)
		sorted[n++] = device;
	qsort(sorted, count, sizeof(sorted[0]), compare_devices);
	for (n = 0; n < count; n++) {
		view_device(gateway, sorted[n], now_us, reasons, paths, &view);
		if (!fn(&view, arg))
			break;
	}
	free(sorted);
}

/* ---- links, sessions, events, claims ---------------------------------------------------------------------------- */

static unsigned paths_on(const struct gateway *gateway, const struct link *link)
{
	const struct device *device;
	unsigned count = 0;

	list_for_each(device, &gateway->devices, link)
		for (unsigned i = 0; i < device->path_count; i++)
			count += device->paths[i]->link == link;
	return count;
}

static void view_link(const struct gateway *gateway, const struct link *link, char reason[REASON_MAX],
		      struct link_view *view)
{
	uint64_t now = clock_now_us(loop_clock(gateway->control));
	unsigned workers = link->worker_count;

	*view = (struct link_view){
		.id = link->id,
		.backend = link->backend->config->name,
		.iqn = link->iqn,
		.portal = link->portal,
		.tpgt = link->tpgt,
		.state = link_state_name(link),
		.reason = *link->reason ? link->reason : NULL,
		.workers = workers,
		.workers_up = link_workers_up(link),
		.paths = paths_on(gateway, link),
		.inflight = CELLS_SUM(link->cells, workers, inflight),
		.queue_depth = CELLS_SUM(link->cells, workers, queue_depth),
		.latency_us = CELLS_LARGEST(link->cells, workers, latency_us),
	};
	if (probation_is_on(&link->probation)) {
		view->reason = probation_text(&link->probation, now, view->workers_up, reason, REASON_MAX);
		if (view->workers_up)
			view->state = "probation";
	}
	if (link->removing)
		view->state = "removing";
	else if (atomic_load(&link->drained) && view->workers_up)
		view->state = view->inflight ? "draining" : "drained";
	for (unsigned w = 0; w < workers; w++) {
		const struct lane_view *lane = &link->lanes[w];

		if (lane->logins > 1)
			view->reconnects += lane->logins - 1;
		if (lane->state == LANE_DOWN && lane->retry_at_us > now &&
		    (!view->retry_in_us || lane->retry_at_us - now < view->retry_in_us))
			view->retry_in_us = lane->retry_at_us - now;
	}
	sum_cells(&view->figures, link->cells, workers);
	view->figures.offline_since_us = link->down_since_us;
}

void control_each_link(struct gateway *gateway, bool (*fn)(const struct link_view *view, void *arg), void *arg)
{
	const struct backend *backend;
	const struct link *link;
	struct link_view view;
	char reason[REASON_MAX];

	list_for_each(backend, &gateway->backends, link) {
		list_for_each(link, &backend->links, backend_link) {
			view_link(gateway, link, reason, &view);
			if (!fn(&view, arg))
				return;
		}
	}
}

struct session_walk {
	struct gateway *gateway;
	bool (*fn)(const struct session_view *view, void *arg);
	void *arg;
};

static bool on_session(const struct target_session_view *session, void *arg)
{
	const struct session_walk *walk = arg;
	const uint8_t *isid = session->nexus->isid;
	char isid_text[13], remote[NET_ADDRESS_MAX], local[NET_ADDRESS_MAX];
	struct session_view view = {
		.id = session->nexus->session_id,
		.initiator = session->nexus->initiator_name,
		.isid = isid_text,
		.remote = net_format(&session->nexus->remote, remote),
		.local = net_format(&session->nexus->local, local),
		.discovery = session->discovery,
		.worker = session->nexus->worker,
		.tasks = session->tasks,
		.age_us = clock_now_us(loop_clock(walk->gateway->control)) - session->since_us,
		.commands = session->commands,
		.reads = session->reads,
		.writes = session->writes,
		.read_bytes = session->read_bytes,
		.written_bytes = session->written_bytes,
	};

	snprintf(isid_text, sizeof(isid_text), "%02x%02x%02x%02x%02x%02x", isid[0], isid[1], isid[2], isid[3], isid[4],
		 isid[5]);
	return walk->fn(&view, walk->arg);
}

void control_each_session(struct gateway *gateway, bool (*fn)(const struct session_view *view, void *arg), void *arg)
{
	struct session_walk walk = { gateway, fn, arg };

	target_each_session(gateway->target, on_session, &walk);
}

uint64_t control_each_event(struct gateway *gateway, uint64_t since,
			    bool (*fn)(const struct event_view *view, void *arg), void *arg)
{
	return journal_each(gateway->journal, since, fn, arg);
}

void control_each_claim(struct gateway *gateway, bool (*fn)(const struct claim_view *view, void *arg), void *arg)
{
	const struct claim *claim;
	const struct device *device;

	list_for_each(claim, &gateway->claims, link) {
		struct claim_view view = {
			.id = claim->id,
			.kind = claim_kind_name(claim->kind),
			.value = claim->value,
			.from_config = claim->from_config,
		};

		list_for_each(device, &gateway->devices, link)
			view.devices +=
				device->claimed && device->claimed_by && strcmp(device->claimed_by, claim->id) == 0;
		if (!fn(&view, arg))
			return;
	}
}

/* ---- modules ----------------------------------------------------------------------------------------------------- */

static unsigned devices_of(const struct gateway *gateway, const struct dsm_entry *entry)
{
	const struct device *device;
	unsigned count = 0;

	list_for_each(device, &gateway->devices, link)
		count += device->core.dsm == &entry->ops;
	return count;
}

/* NULL-terminated; the caller frees it, and each of its texts. */
static char **hardware_ids_of(const struct dsm_ops *ops)
{
	char **ids = xcalloc(ops->hardware_count + 1, sizeof(ids[0]));

	for (size_t i = 0; i < ops->hardware_count; i++)
		ids[i] = xasprintf("%-8s%s", ops->hardware[i].vendor, ops->hardware[i].product);
	return ids;
}

static void view_dsm(const struct gateway *gateway, const struct dsm_entry *entry, const char *const *hardware_ids,
		     struct dsm_view *view)
{
	const char *source;
	static const char *const verify_names[] = { "default", "test-unit-ready", "report-target-port-groups", "own" };

	*view = (struct dsm_view){
		.name = entry->ops.name,
		.summary = entry->ops.summary,
		.version = entry->ops.version,
		.file = entry->file,
		.order = entry->order,
		.reason = *entry->reason ? entry->reason : NULL,
		.policy = entry->ops.policy ? entry->ops.policy->summary : NULL,
		.verify = verify_names[entry->ops.verify],
		.hardware_ids = hardware_ids,
		.any_hardware = entry->ops.name && !entry->ops.hardware_count,
		.devices = devices_of(gateway, entry),
	};
	if (entry->ops.name)
		view->throttle = levels_throttle(gateway, NULL, entry->ops.name, &source);
}

void control_each_dsm(struct gateway *gateway, bool (*fn)(const struct dsm_view *view, void *arg), void *arg)
{
	const struct dsm_entry *entry;
	bool again = true;

	list_for_each(entry, &gateway->dsms->entries, link) {
		char **hardware_ids = hardware_ids_of(&entry->ops);
		struct dsm_view view;

		view_dsm(gateway, entry, (const char *const *)hardware_ids, &view);
		again = again && fn(&view, arg);
		for (size_t i = 0; hardware_ids[i]; i++)
			free(hardware_ids[i]);
		free(hardware_ids);
	}
}

json_t *control_config(struct gateway *gateway)
{
	json_t *snapshot = config_snapshot(gateway->config), *backends = json_array();
	const struct backend *backend;

	list_for_each(backend, &gateway->backends, link)
		json_array_append_new(backends, json_deep_copy(backend_document(backend)));
	json_object_set_new(snapshot, "backends", backends);
	return snapshot;
}
