#include "gateway/backend.h"

#include "gateway/backends.h"
#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "gateway/gateway.h"
#include "gateway/kinship.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RETRY_FIRST_US US_PER_S
#define RETRY_MAX_US (30 * US_PER_S)
#define REFRESH_US (60 * US_PER_S)
#define LINKS_MAX 1024 /* of one backend, and of one answer: what an array lists beyond is not used */
#define UNLISTED_MAX 5 /* answers in a row that do not name a link any more */
#define SILENT_MIN 5 /* attempts in a row that fail: what the portal last listed does not count any more */

struct discovery {
	struct backend *backend;
	unsigned index;
	const char *portal;
	struct initiator *session;
	struct timer next, over; /* the next attempt; the end of the session under way, at the latest */
	unsigned failures; /* in a row */
	bool answered;
	unsigned listed; /* in the answer that comes in */
	bool overflows; /* its answer lists more than LINKS_MAX */
	bool refused; /* its answer lists what belongs to another backend */
	char problem[160];
};

static void discovery_again(struct discovery *discovery, uint64_t delay_us);

/* ---- links ------------------------------------------------------------------------------------------------------- */

static struct link *backend_link(const struct backend *backend, const char *iqn, const char *portal)
{
	struct link *link;

	list_for_each(link, &backend->links, backend_link)
		if (strcasecmp(link->iqn, iqn) == 0 && strcmp(link->portal, portal) == 0)
			return link;
	return NULL;
}

static bool backend_wants(const struct backend *backend, const char *iqn)
{
	for (size_t i = 0; i < backend->config->iqn_count; i++)
		if (strcasecmp(backend->config->iqns[i], iqn) == 0)
			return true;
	return backend->config->iqn_count == 0;
}

/* The administrator named this portal for that array. */
static bool backend_names(const struct backend *backend, const char *portal)
{
	struct net_address named;
	char text[NET_ADDRESS_MAX];

	for (size_t i = 0; i < backend->config->portal_count; i++)
		if (net_parse(backend->config->portals[i], 3260, &named) == 0 &&
		    strcmp(net_format(&named, text), portal) == 0)
			return true;
	return false;
}

/* Not empty, not too long, and without what has no place in a name or a log (RFC 7143 4.2.7). */
static bool is_name(const char *iqn)
{
	size_t len = strlen(iqn);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)iqn[i] <= ' ' || iqn[i] == 0x7f || strchr("\"'<>/\\", iqn[i]))
			return false;
	return len > 0 && len < ISCSI_NAME_MAX;
}

static unsigned link_count(const struct backend *backend)
{
	const struct link *link;
	unsigned count = 0;

	list_for_each(link, &backend->links, backend_link)
		count++;
	return count;
}

static void link_secrets(struct link *link, const struct config_user *chap)
{
	link->chap_name = chap->name ? xstrdup(chap->name) : NULL;
	link->chap_secret = chap->secret ? xstrdup(chap->secret) : NULL;
	link->chap_mutual_name = chap->mutual_name ? xstrdup(chap->mutual_name) : NULL;
	link->chap_mutual_secret = chap->mutual_secret ? xstrdup(chap->mutual_secret) : NULL;
}

static void link_remove(struct link *link, const char *reason)
{
	struct gateway *gateway = link->backend->gateway;

	if (link->removing)
		return;
	link->removing = true;
	link->lanes_attached = gateway->worker_count;
	str_copy(link->reason, sizeof(link->reason), reason);
	atomic_store(&link->drained, true);
	kinship_forget(link->backend->kinship, link);
	for (unsigned w = 0; w < gateway->worker_count; w++) {
		link->lanes[w] = (struct lane_view){ .state = LANE_DOWN, .logins = link->lanes[w].logins };
		worker_remove_link(gateway->workers[w], link);
	}
}

/* The same portal through two backends would be two links with one ISID, whose sessions end each other for ever. It
 * belongs to the one that it was configured for, else to the one that listed it first. One that has it without being
 * configured for it gives it up to one that is: it is free when its link is gone. */
static bool portal_is_free(const struct backend *backend, const char *iqn, const char *portal)
{
	bool named = backend_names(backend, portal), is_free = true;
	struct backend *other;

	list_for_each(other, &backend->gateway->backends, link) {
		struct link *link = backend_link(other, iqn, portal);
		bool named_there = backend_names(other, portal) && backend_wants(other, iqn);

		if (other == backend || (!link && (named || !named_there)))
			continue;
		is_free = false;
		if (link && named && !named_there)
			link_remove(link, "another backend is configured for it");
	}
	return is_free;
}

static struct link *backend_add_link(struct backend *backend, const struct initiator_target *found, const char *portal,
				     unsigned source)
{
	struct gateway *gateway = backend->gateway;
	struct link *link = link_create(++gateway->next_link, gateway->worker_count, found->iqn, portal, found->tpgt);

	link->backend = backend;
	link->isid_seed = gateway->id;
	link->fence = (enum fence_wish)fence_wish_parse(backend->config->fence);
	link->down_since_us = unix_time_us();
	str_copy(link->initiator_name, sizeof(link->initiator_name), gateway->initiator_name);
	atomic_init(&link->sources, UINT64_C(1) << source);
	link_secrets(link, &backend->config->chap);
	list_add_tail(&backend->links, &link->backend_link);
	journal_add(gateway->journal, "info", "link-found", link->id, "backend %s offers %s at %s, group %u",
		    backend->config->name, link->iqn, link->portal, link->tpgt);
	for (unsigned w = 0; w < gateway->worker_count; w++)
		worker_add_link(gateway->workers[w], link);
	return link;
}

/* ---- what a portal answers --------------------------------------------------------------------------------------- */

/* Portal n, and every other one that has ever named the link and still answers, has left it out for a while. */
static bool is_unlisted(const struct link *link, unsigned n)
{
	const struct backend *backend = link->backend;
	uint64_t sources = atomic_load(&link->sources);

	for (unsigned m = 0; m < backend->discovery_count; m++)
		if ((sources >> m & 1) && link->unlisted[m] < UNLISTED_MAX &&
		    (m == n || backend->discoveries[m].failures < SILENT_MIN))
			return false;
	return sources >> n & 1;
}

/* Counts for every link whether this answer names it. A session that works shows that the portal is there. */
static void retire_links(struct discovery *discovery)
{
	unsigned n = discovery->index;
	struct link *link;

	list_for_each(link, &discovery->backend->links, backend_link) {
		if (link->listed >> n & 1)
			link->unlisted[n] = 0;
		else if (link->unlisted[n] < UNLISTED_MAX)
			link->unlisted[n]++;
		link->listed &= ~(UINT64_C(1) << n);
		if (is_unlisted(link, n) && !link_workers_up(link))
			link_remove(link, "the array does not list it any more");
	}
}

static void on_answered(struct discovery *discovery)
{
	bool overflows = discovery->listed > LINKS_MAX;

	if (overflows && !discovery->overflows)
		journal_add(discovery->backend->gateway->journal, "warning", "too-many-links",
			    discovery->backend->config->name, "portal %s lists %u portals; no more than %d are used",
			    discovery->portal, discovery->listed, LINKS_MAX);
	if (!overflows)
		retire_links(discovery);
	discovery->overflows = overflows;
	discovery->failures = 0;
	discovery->answered = true;
	*discovery->problem = '\0';
	discovery_again(discovery, REFRESH_US);
}

static void take_portal(struct discovery *discovery, const struct initiator_target *found, const char *portal)
{
	struct backend *backend = discovery->backend;
	struct link *link = backend_link(backend, found->iqn, portal);

	if (!link && !portal_is_free(backend, found->iqn, portal)) {
		log_debug("discovery", "backend=%s target=%s portal=%s belongs to another backend",
			  backend->config->name, found->iqn, portal);
		discovery->refused = true;
		return;
	}
	if (!link && link_count(backend) < LINKS_MAX)
		link = backend_add_link(backend, found, portal, discovery->index);
	if (!link)
		return;
	link->listed |= UINT64_C(1) << discovery->index;
	atomic_fetch_or(&link->sources, UINT64_C(1) << discovery->index);
}

static void on_found(void *arg, const struct initiator_target *found)
{
	struct discovery *discovery = arg;
	struct backend *backend = discovery->backend;
	struct net_address address, asked;
	char portal[NET_ADDRESS_MAX];

	if (!found) {
		on_answered(discovery);
		return;
	}
	if (!backend_wants(backend, found->iqn) || ++discovery->listed > LINKS_MAX)
		return;
	if (!is_name(found->iqn)) {
		log_warn("discovery",
			 "backend=%s a target name that is none, or has more than 223 bytes, is passed over",
			 backend->config->name);
		return;
	}
	if (net_parse(found->portal, 3260, &address) < 0) {
		log_warn("discovery", "backend=%s a portal that is no numeric address is passed over portal=%s",
			 backend->config->name, found->portal);
		return;
	}
	/* an array that names the wildcard address means the one that was asked */
	if (net_is_any(&address) && net_parse(discovery->portal, 3260, &asked) == 0)
		address = asked;
	take_portal(discovery, found, net_format(&address, portal));
}

static void on_opened(void *arg)
{
	struct discovery *discovery = arg;
	struct gateway *gateway = discovery->backend->gateway;

	discovery->listed = 0;
	discovery->refused = false;
	gateway->transport->discover(discovery->session);
	timer_arm(&discovery->over, gateway->timers.login_timeout * US_PER_S);
}

static void on_failed(void *arg, const char *reason)
{
	struct discovery *discovery = arg;
	uint64_t delay = RETRY_FIRST_US << (discovery->failures < 5 ? discovery->failures : 5);

	if (strcmp(discovery->problem, reason) != 0)
		journal_add(discovery->backend->gateway->journal, "warning", "discovery-failed",
			    discovery->backend->config->name, "portal %s: %s", discovery->portal, reason);
	str_copy(discovery->problem, sizeof(discovery->problem), reason);
	discovery->failures++;
	discovery_again(discovery, delay < RETRY_MAX_US ? delay : RETRY_MAX_US);
}

static void on_done(void *arg, struct xfer *xfer)
{
	(void)arg;
	(void)xfer; /* discovery sessions carry no commands */
}

static const struct initiator_events discovery_events = {
	.opened = on_opened,
	.failed = on_failed,
	.done = on_done,
	.found = on_found,
};

static void on_discovery_next(void *arg)
{
	struct discovery *discovery = arg;
	struct gateway *gateway = discovery->backend->gateway;
	const struct config_user *chap = &discovery->backend->config->chap;
	struct initiator_params params = {
		.initiator_name = gateway->initiator_name,
		.portal = discovery->portal,
		.chap_name = chap->name,
		.chap_secret = chap->secret,
		.chap_mutual_name = chap->mutual_name,
		.chap_mutual_secret = chap->mutual_secret,
		.isid = { 0x80, 0, 0, 0, 0, (uint8_t)discovery->index },
		.login_us = gateway->timers.login_timeout * US_PER_S,
		.silence_us = gateway->timers.login_timeout * US_PER_S,
	};

	gateway->transport->close(discovery->session);
	discovery->session = gateway->transport->open(gateway->control, &params, &discovery_events, discovery);
}

static void on_discovery_over(void *arg)
{
	struct discovery *discovery = arg;

	discovery->backend->gateway->transport->close(discovery->session);
	discovery->session = NULL;
	if (!timer_armed(&discovery->next)) /* it had neither ended nor failed */
		on_failed(discovery, "SendTargets was not answered in time");
}

/* The session ends with this turn (it cannot end inside its own event); the next attempt comes later. */
static void discovery_again(struct discovery *discovery, uint64_t delay_us)
{
	timer_arm(&discovery->over, 0);
	timer_arm(&discovery->next, delay_us);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

struct backend *backend_create(struct gateway *gateway, const struct config *source, size_t index, bool from_config)
{
	const struct config_backend *config = &source->backends[index];
	struct backend *backend = xcalloc(1, sizeof(*backend));

	backend->gateway = gateway;
	backend->source = config_share(source);
	backend->index = index;
	backend->config = config;
	backend->from_config = from_config;
	list_init(&backend->links);
	backend->kinship = kinship_create(backend);
	list_add_tail(&gateway->backends, &backend->link);
	backend->discovery_count =
		(unsigned)(config->portal_count < LINK_SOURCES_MAX ? config->portal_count : LINK_SOURCES_MAX);
	backend->discoveries = xcalloc(backend->discovery_count, sizeof(backend->discoveries[0]));
	for (unsigned i = 0; i < backend->discovery_count; i++) {
		struct discovery *discovery = &backend->discoveries[i];

		discovery->backend = backend;
		discovery->index = i;
		discovery->portal = config->portals[i];
		timer_init(&discovery->next, loop_clock(gateway->control), on_discovery_next, discovery);
		timer_init(&discovery->over, loop_clock(gateway->control), on_discovery_over, discovery);
		timer_arm(&discovery->next, 0);
	}
	journal_add(gateway->journal, "info", "backend-added", config->name, "%zu portal%s asked for targets%s",
		    config->portal_count, config->portal_count == 1 ? " is" : "s are",
		    from_config ? "; it stands in the configuration file" : "");
	return backend;
}

void backend_stop(struct backend *backend)
{
	kinship_stop(backend->kinship);
	for (unsigned i = 0; i < backend->discovery_count; i++) {
		timer_stop(&backend->discoveries[i].next);
		timer_stop(&backend->discoveries[i].over);
		backend->gateway->transport->close(backend->discoveries[i].session);
		backend->discoveries[i].session = NULL;
	}
}

void backend_destroy(struct backend *backend)
{
	struct link *link;

	if (!backend)
		return;
	backend_stop(backend);
	kinship_destroy(backend->kinship);
	list_for_each(link, &backend->links, backend_link)
		link_destroy(link);
	list_del(&backend->link);
	config_destroy(backend->source);
	free(backend->discoveries);
	free(backend);
}

static void backend_end(struct backend *backend)
{
	journal_add(backend->gateway->journal, "info", "backend-removed", backend->config->name,
		    "it has no sessions and no paths any more");
	backend_destroy(backend);
}

void backend_remove(struct backend *backend)
{
	struct link *link;

	backend->removing = true;
	backend_stop(backend);
	list_for_each(link, &backend->links, backend_link)
		link_remove(link, "its backend is removed");
	if (list_empty(&backend->links))
		backend_end(backend);
}

/* What belonged to another backend may be theirs now. An answer that is under way will show it. */
static void ask_refused(struct gateway *gateway)
{
	struct backend *backend;

	list_for_each(backend, &gateway->backends, link)
		for (unsigned i = 0; i < backend->discovery_count && !backend->removing; i++)
			if (backend->discoveries[i].refused && timer_armed(&backend->discoveries[i].next))
				timer_arm(&backend->discoveries[i].next, 0);
}

void backend_link_left(struct link *link)
{
	struct backend *backend = link->backend;
	struct gateway *gateway = backend->gateway;

	journal_add(gateway->journal, "info", "link-removed", link->id, "%s at %s: %s", link->iqn, link->portal,
		    link->reason);
	link_destroy(link);
	if (backend->removing && list_empty(&backend->links)) {
		backend_end(backend);
		backends_settle(gateway);
	}
	if (!gateway->stopping)
		ask_refused(gateway);
}

const json_t *backend_document(const struct backend *backend)
{
	return config_backend_document(backend->source, backend->index);
}

static bool has_answered(const struct backend *backend)
{
	for (unsigned i = 0; i < backend->discovery_count; i++)
		if (backend->discoveries[i].answered)
			return true;
	return false;
}

const char *backend_state_name(const struct backend *backend)
{
	unsigned links = 0, up = 0;
	const struct link *link;

	if (backend->removing)
		return "removing";
	list_for_each(link, &backend->links, backend_link) {
		links++;
		up += link_workers_up(link) == link->worker_count;
	}
	if (!links && !has_answered(backend))
		return "discovering";
	return !up ? "down" : up < links ? "degraded" : "up";
}

const char *backend_problem(const struct backend *backend)
{
	for (unsigned i = 0; i < backend->discovery_count; i++)
		if (*backend->discoveries[i].problem)
			return backend->discoveries[i].problem;
	return NULL;
}
