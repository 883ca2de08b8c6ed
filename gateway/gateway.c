#include "gateway/gateway.h"

#include "gateway/backend.h"
#include "gateway/backends.h"
#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "gateway/checkup.h"
#include "gateway/dsm_table.h"
#include "gateway/hosts.h"
#include "gateway/kinship.h"
#include "gateway/levels.h"
#include "gateway/persist.h"
#include "gateway/recall.h"
#include "gateway/registry.h"
#include "gateway/rehearsal.h"
#include "gateway/reserve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAIN_US (10 * US_PER_S) /* for hosts to log out and commands to end */

struct device *gateway_device(struct gateway *gateway, const char *id)
{
	struct device *device;

	list_for_each(device, &gateway->devices, link)
		if (strcmp(device->core.id, id) == 0)
			return device;
	return NULL;
}

/* ---- reports of the workers ------------------------------------------------------------------------------------ */

/* A gateway that ends closes its links by itself, and in a demo the arrays end with it: that is no news. */
static void link_event(struct gateway *gateway, struct link *link, bool was_up)
{
	bool is_up = link_workers_up(link) == link->worker_count;

	if (is_up && !was_up) {
		journal_add(gateway->journal, "info", "link-up", link->id, "%s at %s", link->iqn, link->portal);
		link->down_since_us = 0;
	} else if (!is_up && was_up) {
		link->down_since_us = unix_time_us();
		if (!gateway->stopping)
			journal_add(gateway->journal, "warning", "link-down", link->id, "%s at %s: %s", link->iqn,
				    link->portal, *link->reason ? link->reason : "it is identified again");
	}
}

static void on_lane_report(struct message *message)
{
	struct lane_report *report = container_of(message, struct lane_report, message);
	struct gateway *gateway = report->gateway;
	struct link *link = report->link;
	struct lane_view *lane = &link->lanes[report->worker];
	bool was_up = link_workers_up(link) == link->worker_count, had_session = lane->state >= LANE_PROBING;

	if (link->removing) {
		lane_report_destroy(report);
		return;
	}
	*lane = (struct lane_view){
		.state = report->state,
		.generation = report->generation,
		.logins = report->logins,
		.retry_at_us =
			report->state == LANE_DOWN ? clock_now_us(loop_clock(gateway->control)) + report->retry_us : 0,
	};
	if (report->state != LANE_UP || link_workers_up(link) == link->worker_count)
		str_copy(link->reason, sizeof(link->reason), report->reason);
	link_event(gateway, link, was_up);
	if (had_session && lane->state < LANE_PROBING && !gateway->stopping && !rehearsal_lasts(gateway, link))
		checkup_link_failed(gateway, link);
	rehearsal_link_changed(gateway, link);
	kinship_look(link->backend->kinship);
	if (report->inventory && !gateway->stopping)
		registry_inventory(gateway, link, report->worker, report->generation, report->inventory);
	lane_report_destroy(report);
}

static void on_notice(struct message *message)
{
	struct notice *notice = container_of(message, struct notice, message);

	journal_add(notice->gateway->journal, notice->severity, notice->type, notice->subject, "%s", notice->text);
	free(notice);
}

static void check_stopped(struct gateway *gateway)
{
	const struct device *device;

	if (!gateway->stopping || gateway->workers_shut < gateway->worker_count || !gateway->stopped)
		return;
	list_for_each(device, &gateway->devices, link)
		if (device->leaving)
			return;
	void (*stopped)(void *arg) = gateway->stopped;

	gateway->stopped = NULL;
	stopped(gateway->stopped_arg);
}

static void on_disk_left(struct message *message)
{
	struct disk_left *left = container_of(message, struct disk_left, message);
	struct gateway *gateway = left->gateway;

	registry_disk_left(gateway, left->core);
	free(left);
	check_stopped(gateway);
}

static bool is_key_of_a_link(const struct gateway *gateway, uint64_t key)
{
	const struct backend *backend;
	const struct link *link;

	list_for_each(backend, &gateway->backends, link)
		list_for_each(link, &backend->links, backend_link)
			for (unsigned w = 0; w < gateway->worker_count; w++)
				if (registration_key(link, w) == key)
					return true;
	return false;
}

static void on_key_found(struct message *message)
{
	struct key_found *found = container_of(message, struct key_found, message);
	struct gateway *gateway = found->gateway;

	if (!gateway->stopping && !is_key_of_a_link(gateway, found->key))
		worker_remove_key(gateway->workers[0], found->core, found->key);
	free(found);
}

static void on_lu_reset(struct message *message)
{
	struct reset_report *report = container_of(message, struct reset_report, message);
	struct gateway *gateway = report->gateway;

	for (unsigned w = 0; w < gateway->worker_count; w++)
		if (w != report->worker && !gateway->stopping)
			worker_lu_was_reset(gateway->workers[w], report->core, report->number);
	free(report);
}

static void on_access(void *ctx, void *arg)
{
	registry_access(ctx, arg);
}

static void on_link_left(void *ctx, void *arg)
{
	struct gateway *gateway = ctx;
	struct link *link = arg;

	if (--link->lanes_attached)
		return;
	registry_link_left(gateway, link);
	backend_link_left(link);
}

static void on_worker_shut(void *ctx, void *arg)
{
	struct gateway *gateway = ctx;

	(void)arg;
	gateway->workers_shut++;
	check_stopped(gateway);
}

static const struct worker_upcalls upcalls = {
	.lane = on_lane_report,
	.notice = on_notice,
	.disk_left = on_disk_left,
	.decisions = recall_report,
	.outage = rehearsal_report,
	.key_found = on_key_found,
	.lu_reset = on_lu_reset,
	.access = on_access,
	.link_left = on_link_left,
	.shut = on_worker_shut,
};

static void on_target_event(void *user, const struct target_event *event)
{
	static const char *const types[] = {
		[TARGET_LOGIN] = "host-login",
		[TARGET_LOGIN_REFUSED] = "host-refused",
		[TARGET_SESSION_END] = "host-logout",
	};
	struct gateway *gateway = container_of(user, struct gateway, luns);
	char remote[NET_ADDRESS_MAX], subject[16];

	snprintf(subject, sizeof(subject), "%u", event->nexus->session_id);
	journal_add(gateway->journal, event->kind == TARGET_LOGIN_REFUSED ? "warning" : "info", types[event->kind],
		    subject, "%s from %s%s%s", event->nexus->initiator_name, net_format(&event->nexus->remote, remote),
		    event->reason ? ": " : "", event->reason ? event->reason : "");
	if (event->kind == TARGET_LOGIN)
		hosts_login(gateway->hosts, event->nexus);
	if (event->kind == TARGET_SESSION_END) {
		reserve_nexus_lost(gateway, event->nexus);
		hosts_logout(gateway->hosts, event->nexus);
	}
}

static const char *on_admit(void *user, struct target_nexus *nexus, const char *chap_user)
{
	return hosts_admit(container_of(user, struct gateway, luns)->hosts, nexus, chap_user);
}

/* ---- building ---------------------------------------------------------------------------------------------------- */

static struct target *build_target(struct gateway *gateway, struct loop *const *worker_loops)
{
	const struct config *config = gateway->config;
	struct target_portal *portals = xcalloc(config->target.portal_count, sizeof(portals[0]));
	struct target_user *users = xcalloc(config->target.user_count + 1, sizeof(users[0]));
	struct target_config target_config = {
		.iqn = config->target.iqn,
		.alias = "Braid",
		.portals = portals,
		.portal_count = config->target.portal_count,
		.users = users,
		.user_count = config->target.user_count,
		.limits.transfer_bytes = gateway->luns.transfer_bytes,
	};
	struct target *target;

	for (size_t i = 0; i < config->target.portal_count; i++)
		portals[i] = (struct target_portal){ config->target.portals[i], 1 };
	for (size_t i = 0; i < config->target.user_count; i++) {
		const struct config_user *user = &config->target.users[i];

		users[i] = (struct target_user){ user->name, user->secret, user->mutual_name, user->mutual_secret };
	}
	gateway->target_ops = pseudo_lun_ops;
	gateway->target_ops.event = on_target_event;
	gateway->target_ops.admit = on_admit;
	gateway->target_ops.reset = reserve_reset;
	target = target_create(&target_config, gateway->control, worker_loops, gateway->worker_count,
			       &gateway->target_ops, &gateway->luns);
	free(portals);
	free(users);
	return target;
}

static void config_claims(struct gateway *gateway)
{
	for (size_t i = 0; i < gateway->live->claim_count; i++) {
		struct claim *claim = claim_create("hardware_id", gateway->live->claims[i], true);

		if (claim)
			list_add_tail(&gateway->claims, &claim->link);
	}
}

struct gateway *gateway_create(const struct config *config, struct loop *control, struct loop *const *worker_loops,
			       unsigned worker_count, const struct initiator_ops *transport)
{
	struct gateway *gateway = xcalloc(1, sizeof(*gateway));

	gateway->config = config;
	gateway->live = config_share(config);
	gateway->kept_backends = json_object();
	gateway->control = control;
	gateway->worker_count = worker_count;
	gateway->transport = transport;
	gateway->timers = config->timers.values;
	gateway->started_us = clock_now_us(loop_clock(control));
	gateway->journal = journal_create();
	gateway->hosts = hosts_create(config);
	gateway->dsms = dsm_table_create(config, gateway->journal);
	list_init(&gateway->backends);
	list_init(&gateway->devices);
	list_init(&gateway->claims);
	list_init(&gateway->recalls);
	list_init(&gateway->levels);
	snprintf(gateway->initiator_name, sizeof(gateway->initiator_name), "%.212s:initiator", config->target.iqn);
	gateway->workers = xcalloc(worker_count, sizeof(gateway->workers[0]));
	for (unsigned w = 0; w < worker_count; w++) {
		gateway->workers[w] =
			worker_create(w, worker_loops[w], control, gateway, &upcalls, transport, &gateway->timers);
		gateway->workers[w]->lu_ops = &pseudo_lun_lu_ops;
	}
	gateway->luns = (struct pseudo_luns){ gateway->workers, config->target.iqn, POOL_BUFFER_MAX };
	config_claims(gateway);
	checkup_start(gateway);
	if (persist_load(gateway) < 0)
		goto fail;
	gateway->target = build_target(gateway, worker_loops);
	if (!gateway->target)
		goto fail;
	for (unsigned w = 0; w < worker_count; w++)
		gateway->workers[w]->target = gateway->target;
	levels_apply_all(gateway);
	return gateway;
fail:
	gateway_destroy(gateway);
	return NULL;
}

static void note_portals(struct gateway *gateway)
{
	size_t count = gateway->config->target.portal_count;

	gateway->portal_texts = xcalloc(count + 1, sizeof(gateway->portal_texts[0]));
	for (size_t i = 0; i < count; i++) {
		gateway->portal_texts[i] = xmalloc(NET_ADDRESS_MAX);
		net_format(target_portal_address(gateway->target, (unsigned)i), gateway->portal_texts[i]);
	}
}

int gateway_start(struct gateway *gateway)
{
	int rc;

	registry_apply_claims(gateway); /* devices of the state: hosts find them at once, their I/O waits for paths */
	backends_settle(gateway);
	rc = target_listen(gateway->target);
	if (rc < 0)
		return rc;
	note_portals(gateway);
	gateway->ready = true;
	return 0;
}

/* ---- reloading --------------------------------------------------------------------------------------------------- */

static void on_option_changed(void *arg, const char *path, const char *what)
{
	struct gateway *gateway = arg;

	journal_add(gateway->journal, "info", "config", NULL, "%s: %s", path, what);
}

void gateway_reload(struct gateway *gateway, struct config *fresh)
{
	struct claim *claim;
	struct device *device;

	config_compare(gateway->live, fresh, on_option_changed, gateway);
	config_destroy(gateway->live);
	gateway->live = fresh;
	list_for_each(claim, &gateway->claims, link) {
		if (claim->from_config) {
			list_del(&claim->link);
			free(claim);
		}
	}
	list_for_each(device, &gateway->devices, link)
		device->claimed_by = NULL; /* named a claim that may be gone */
	hosts_reload(gateway->hosts, fresh, gateway->target);
	config_claims(gateway);
	registry_apply_claims(gateway);
	levels_apply_all(gateway);
	backends_settle(gateway);
}

/* ---- ending ------------------------------------------------------------------------------------------------------ */

static void on_target_drained(void *arg)
{
	struct gateway *gateway = arg;
	struct backend *backend;
	struct device *device;

	list_for_each(backend, &gateway->backends, link)
		backend_stop(backend);
	list_for_each(device, &gateway->devices, link)
		if (device->claimed) {
			device->claimed = false;
			device->leaving += gateway->worker_count;
		}
	for (unsigned w = 0; w < gateway->worker_count; w++)
		worker_shut(gateway->workers[w]);
}

void gateway_stop(struct gateway *gateway, void (*stopped)(void *arg), void *arg)
{
	if (gateway->stopping)
		return;
	gateway->stopping = true;
	gateway->ready = false;
	checkup_stop(gateway);
	gateway->stopped = stopped;
	gateway->stopped_arg = arg;
	target_drain(gateway->target, DRAIN_US, on_target_drained, gateway);
}

static void free_texts(char **texts)
{
	for (size_t i = 0; texts && texts[i]; i++)
		free(texts[i]);
	free(texts);
}

void gateway_destroy(struct gateway *gateway)
{
	struct backend *backend;
	struct device *device;
	struct claim *claim;
	struct level *level;

	if (!gateway)
		return;
	checkup_stop(gateway);
	recall_end_all(gateway);
	rehearsal_destroy(gateway);
	target_destroy(gateway->target);
	for (unsigned w = 0; w < gateway->worker_count; w++)
		worker_destroy(gateway->workers[w]);
	free(gateway->workers);
	list_for_each(device, &gateway->devices, link)
		device_destroy(device);
	hosts_destroy(gateway->hosts);
	dsm_table_destroy(gateway->dsms);
	list_for_each(backend, &gateway->backends, link)
		backend_destroy(backend);
	list_for_each(claim, &gateway->claims, link)
		free(claim);
	list_for_each(level, &gateway->levels, link)
		levels_drop(level);
	free_texts(gateway->portal_texts);
	json_decref(gateway->kept_backends);
	config_destroy(gateway->live);
	journal_destroy(gateway->journal);
	free(gateway);
}
