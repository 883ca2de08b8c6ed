#include "gateway/hosts.h"

#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "gateway/host_scope.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One entry of the configuration. Old ones stay as long as a session has their scope. */
struct host_entry {
	struct host_scope scope;
	struct list link; /* host_table.entries or .retired */
	char *iqn; /* may end with "*" */
	char *user; /* NULL: any */
	char *luns; /* as written */
	struct net_prefix *addresses;
	size_t address_count; /* 0: any */
	unsigned sessions;
};

struct host_table {
	struct list entries, retired; /* struct host_entry; entries: in the order of the configuration */
};

static struct host_entry *entry_create(const struct config_host *config)
{
	struct host_entry *entry = xcalloc(1, sizeof(*entry));

	list_init(&entry->link);
	entry->iqn = xstrdup(config->iqn);
	entry->user = config->user ? xstrdup(config->user) : NULL;
	entry->luns = xstrdup(config->luns);
	entry->addresses = xcalloc(config->address_count + 1, sizeof(entry->addresses[0]));
	entry->address_count = config->address_count;
	for (size_t i = 0; i < config->address_count; i++)
		net_prefix_parse(config->addresses[i], &entry->addresses[i]); /* was checked */
	host_scope_parse(&entry->scope, config->luns);
	return entry;
}

static void entry_destroy(struct host_entry *entry)
{
	list_del(&entry->link);
	free(entry->iqn);
	free(entry->user);
	free(entry->luns);
	free(entry->addresses);
	free(entry);
}

static void take_entries(struct host_table *hosts, const struct config *config)
{
	for (size_t i = 0; i < config->target.host_count; i++)
		list_add_tail(&hosts->entries, &entry_create(&config->target.hosts[i])->link);
}

struct host_table *hosts_create(const struct config *config)
{
	struct host_table *hosts = xcalloc(1, sizeof(*hosts));

	list_init(&hosts->entries);
	list_init(&hosts->retired);
	take_entries(hosts, config);
	return hosts;
}

void hosts_destroy(struct host_table *hosts)
{
	struct host_entry *entry;

	if (!hosts)
		return;
	list_splice_tail(&hosts->entries, &hosts->retired);
	list_for_each(entry, &hosts->entries, link)
		entry_destroy(entry);
	free(hosts);
}

/* ---- who fits ---------------------------------------------------------------------------------------------------- */

static bool name_fits(const char *pattern, const char *name)
{
	size_t len = strlen(pattern);

	if (len && pattern[len - 1] == '*')
		return strncasecmp(pattern, name, len - 1) == 0;
	return strcasecmp(pattern, name) == 0;
}

static bool address_fits(const struct host_entry *entry, const struct net_address *remote)
{
	for (size_t i = 0; i < entry->address_count; i++)
		if (net_prefix_contains(&entry->addresses[i], remote))
			return true;
	return entry->address_count == 0;
}

/* *near gets what was wrong with the entry that fits in name. */
static struct host_entry *find_entry(const struct host_table *hosts, const struct target_nexus *nexus,
				     const char *chap_user, const char **near)
{
	struct host_entry *entry;

	*near = "no entry of target.hosts is for this host";
	list_for_each(entry, &hosts->entries, link) {
		if (!name_fits(entry->iqn, nexus->initiator_name))
			continue;
		if (!address_fits(entry, &nexus->remote))
			*near = "this host may not log in from there (target.hosts)";
		else if (entry->user && (!chap_user || strcmp(entry->user, chap_user) != 0))
			*near = "this host may not log in with that CHAP name (target.hosts)";
		else
			return entry;
	}
	return NULL;
}

const char *hosts_admit(struct host_table *hosts, struct target_nexus *nexus, const char *chap_user)
{
	const char *near;
	struct host_entry *entry;

	nexus->scope = NULL;
	if (list_empty(&hosts->entries))
		return NULL;
	entry = find_entry(hosts, nexus, chap_user, &near);
	if (entry)
		nexus->scope = &entry->scope;
	return entry ? NULL : near;
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

static struct host_entry *entry_of(const struct target_nexus *nexus)
{
	return nexus->scope ? container_of(nexus->scope, struct host_entry, scope) : NULL;
}

void hosts_login(struct host_table *hosts, const struct target_nexus *nexus)
{
	struct host_entry *entry = entry_of(nexus);

	(void)hosts;
	if (entry)
		entry->sessions++;
}

void hosts_logout(struct host_table *hosts, const struct target_nexus *nexus)
{
	struct host_entry *entry, *of = entry_of(nexus);

	if (!of || --of->sessions)
		return;
	list_for_each(entry, &hosts->retired, link)
		if (entry == of)
			entry_destroy(entry);
}

/* ---- reload ------------------------------------------------------------------------------------------------------ */

struct review {
	struct host_table *hosts;
	struct target *target;
};

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The CHAP user of a session is not kept: an entry that asks for the same one as before is taken to be met. */
static bool review_session(const struct target_session_view *view, void *arg)
{
	struct review *review = arg;
	const struct host_entry *old, *fresh;
	const char *near;

	if (view->discovery) /* over in a moment, and without a scope that counts */
		return true;
	old = entry_of(view->nexus);
	fresh = find_entry(review->hosts, view->nexus, old ? old->user : NULL, &near);
	if (list_empty(&review->hosts->entries) ? !old : old && fresh && same_text(old->luns, fresh->luns))
		return true;
	log_info("hosts", "session=%u initiator=%s ends: target.hosts is new", view->nexus->session_id,
		 view->nexus->initiator_name);
	target_end_session(review->target, view->nexus->session_id);
	return true;
}

void hosts_reload(struct host_table *hosts, const struct config *config, struct target *target)
{
	struct review review = { hosts, target };
	struct host_entry *entry;

	list_splice_tail(&hosts->retired, &hosts->entries);
	take_entries(hosts, config);
	target_each_session(target, review_session, &review);
	list_for_each(entry, &hosts->retired, link)
		if (!entry->sessions)
			entry_destroy(entry);
}
