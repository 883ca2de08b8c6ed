/* Levels of settings in control.h: what is in force at each, and what the API changes there. */
#include "dsm/policy.h"
#include "gateway/dsm_table.h"
#include "gateway/gateway.h"
#include "gateway/levels.h"
#include "gateway/persist.h"

#include <stdio.h>
#include <string.h>

#define LEVELS_MAX 1024

/* ---- views ------------------------------------------------------------------------------------------------------- */

static bool is_loaded(const struct gateway *gateway, const char *dsm)
{
	const struct dsm_entry *entry;

	list_for_each(entry, &gateway->dsms->entries, link)
		if (entry->ops.name && strcmp(entry->ops.name, dsm) == 0)
			return true;
	return false;
}

/* What the API has set, else what the file says. */
static void view_policy(const struct gateway *gateway, struct level_view *view)
{
	const struct level *level = levels_find(gateway, view->kind, view->name);
	bool is_set = level && level->policy != POLICY_INHERIT;

	view->policy_of_file = levels_policy_of_file(gateway->live, view->kind, view->name);
	view->policy = is_set ? level->policy : view->policy_of_file;
	if (view->policy != POLICY_INHERIT)
		view->policy_source = is_set ? "api" : "config";
}

void control_level(struct gateway *gateway, enum level_kind kind, const char *name, struct level_view *view)
{
	const struct device *device;

	*view = (struct level_view){ .kind = kind, .name = name };
	view->loaded = kind == LEVEL_DSM && is_loaded(gateway, name);
	view_policy(gateway, view);
	list_for_each(device, &gateway->devices, link)
		view->devices += levels_rules(gateway, kind, name, device);
	if (kind != LEVEL_HARDWARE_ID)
		levels_timers(gateway, NULL, name, view->timers);
}

struct level_walk {
	struct gateway *gateway;
	enum level_kind kind;
	bool (*fn)(const struct level_view *view, void *arg);
	void *arg;
	bool ended;
};

static void walk_to(struct level_walk *walk, const char *name)
{
	struct level_view view;

	if (walk->ended)
		return;
	control_level(walk->gateway, walk->kind, name, &view);
	walk->ended = !walk->fn(&view, walk->arg);
}

/* What the API has set first, then what else the file names, then the other modules. */
static void walk_file(struct level_walk *walk, const struct config_level_policy *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!levels_find(walk->gateway, walk->kind, entries[i].key))
			walk_to(walk, entries[i].key);
}

static void walk_modules(struct level_walk *walk)
{
	const struct config *config = walk->gateway->live;
	const struct dsm_entry *entry;

	for (size_t i = 0; i < config->dsm_timer_count; i++) {
		const char *name = config->dsm_timers[i].key;

		if (!levels_find(walk->gateway, LEVEL_DSM, name) && !levels_policy_of_file(config, LEVEL_DSM, name))
			walk_to(walk, name);
	}
	list_for_each(entry, &walk->gateway->dsms->entries, link) {
		const char *name = entry->ops.name;

		if (name && !levels_find(walk->gateway, LEVEL_DSM, name) &&
		    !levels_policy_of_file(config, LEVEL_DSM, name) && !levels_timers_of_file(config, name))
			walk_to(walk, name);
	}
}

void control_each_level(struct gateway *gateway, enum level_kind kind,
			bool (*fn)(const struct level_view *view, void *arg), void *arg)
{
	const struct config *config = gateway->live;
	struct level_walk walk = { gateway, kind, fn, arg, false };
	const struct level *level;

	list_for_each(level, &gateway->levels, link)
		if (level->kind == kind)
			walk_to(&walk, level->name);
	if (kind == LEVEL_HARDWARE_ID) {
		walk_file(&walk, config->policies.hardware_ids, config->policies.hardware_id_count);
		return;
	}
	walk_file(&walk, config->policies.dsms, config->policies.dsm_count);
	walk_modules(&walk);
}

/* ---- changes ----------------------------------------------------------------------------------------------------- */

/* The level, made when it has no settings yet; NULL: there is no such DSM or hardware ID, which problem says. */
static struct level *level_of(struct gateway *gateway, enum level_kind kind, const char *name, struct problem *problem)
{
	struct level *level = levels_find(gateway, kind, name);
	unsigned count = 0;

	if (level)
		return level;
	if (kind == LEVEL_DSM && !is_loaded(gateway, name)) {
		problem_set(problem, 404, "", "No such DSM", "there is no module \"%s\"", name);
		return NULL;
	}
	list_for_each(level, &gateway->levels, link)
		count++;
	if (count >= LEVELS_MAX) {
		problem_set(problem, 409, "", "Too many levels", "%d DSMs and hardware IDs have settings already",
			    LEVELS_MAX);
		return NULL;
	}
	level = levels_add(gateway, kind, name);
	if (!level)
		problem_set(problem, 422, "", "Not a hardware ID",
			    "a hardware ID has 1 to 24 printable characters: a vendor of 8 and a product of 16, or a "
			    "prefix of that");
	return level;
}

static struct settings *settings_of(struct gateway *gateway, enum level_kind kind, const char *name,
				    struct problem *problem)
{
	struct device *device;
	struct level *level;

	if (kind == LEVEL_GATEWAY)
		return &gateway->settings;
	if (kind == LEVEL_DSM) {
		level = level_of(gateway, kind, name, problem);
		return level ? &level->settings : NULL;
	}
	device = gateway_device(gateway, name);
	if (!device)
		problem_set(problem, 404, "", "No such device", "there is no device \"%s\"", name);
	return device ? &device->own : NULL;
}

/* Levels on which nothing is set any more. */
static void drop_empty(struct gateway *gateway)
{
	struct level *level;

	list_for_each(level, &gateway->levels, link)
		if (levels_is_empty(level))
			levels_drop(level);
}

/* Row L7: Microsoft's silently ignored it then. */
static bool may_throttle(const struct gateway *gateway, enum level_kind kind, const char *name, struct problem *problem)
{
	const struct device *device;

	list_for_each(device, &gateway->devices, link) {
		const char *its_name = kind == LEVEL_DSM ? device->core.dsm->name : device->core.id;

		if (!device->claimed || strcmp(its_name, name) != 0 ||
		    (device_paths_up(device) && !device_is_moving(device)))
			continue;
		problem_set(problem, 409, "/throttle", "Failing over",
			    "device %s is failing over, its state is %s: it cannot be throttled now", device->core.id,
			    device_state_name(device));
		return false;
	}
	return true;
}

static void change_timers(struct timers_level *timers, const struct level_change *change)
{
	for (enum timer_id id = 0; id < TIMER_COUNT; id++)
		if (change->timers.set >> id & 1)
			*timers_at(&timers->values, id) = timers_get(&change->timers.values, id);
	timers->set = (timers->set | change->timers.set) & ~change->timers_cleared;
}

/* The whole text of what was asked for, for the journal. */
static void describe(const struct level_change *change, char *text, size_t size)
{
	size_t len = 0;

	*text = '\0';
	for (enum timer_id id = 0; id < TIMER_COUNT && len < size; id++) {
		const char *name = timer_table[id].name;

		if (change->timers_cleared >> id & 1)
			len += (size_t)snprintf(text + len, size - len, "%s%s cleared", len ? ", " : "", name);
		else if (change->timers.set >> id & 1)
			len += (size_t)snprintf(text + len, size - len, "%s%s %u", len ? ", " : "", name,
						timers_get(&change->timers.values, id));
	}
}

static void tell(struct gateway *gateway, const char *subject, const struct level_change *change)
{
	const struct throttle_limits *limits = &change->throttle;
	char text[400];

	describe(change, text, sizeof(text));
	if (*text)
		journal_add(gateway->journal, "info", "timers-changed", subject, "%s", text);
	if (change->has_throttle && !throttle_is_set(limits))
		journal_add(gateway->journal, "info", "throttle-changed", subject, "no limit from this level");
	else if (change->has_throttle)
		journal_add(gateway->journal, "info", "throttle-changed", subject,
			    "%llu reads and writes a second, %llu bytes a second (0: no limit)",
			    (unsigned long long)limits->iops, (unsigned long long)limits->bytes_per_second);
}

int control_change_level(struct gateway *gateway, enum level_kind kind, const char *name,
			 const struct level_change *change, struct problem *problem)
{
	struct settings *settings = settings_of(gateway, kind, name, problem), old;
	bool is_refused = change->has_throttle && throttle_is_set(&change->throttle) && settings &&
			  !may_throttle(gateway, kind, name, problem);
	int rc = -1;

	if (!settings)
		return -1;
	old = *settings;
	if (!is_refused) {
		change_timers(&settings->timers, change);
		if (change->has_throttle)
			settings->throttle = change->throttle;
		rc = persist_save(gateway);
		if (rc < 0)
			problem_unsaved(problem);
	}
	if (rc < 0)
		*settings = old;
	drop_empty(gateway);
	if (rc < 0)
		return -1;
	levels_apply_settings(gateway);
	tell(gateway, kind == LEVEL_GATEWAY ? NULL : name, change);
	return 0;
}

/* ---- policies ---------------------------------------------------------------------------------------------------- */

/* Whether this policy can be for the devices of that level that there are. */
static bool is_possible(const struct gateway *gateway, enum level_kind kind, const struct level *level,
			enum policy_id policy, struct problem *problem)
{
	const struct dsm_entry *entry;
	const struct device *device;
	const char *without = NULL;

	if (policy != POLICY_VENDOR && policy != POLICY_INHERIT && !policy_find(policy_name(policy))) {
		problem_set(problem, 422, "/policy", "Policy not available", "this version has no policy %s",
			    policy_name(policy));
		return false;
	}
	if (policy != POLICY_VENDOR)
		return true;
	list_for_each(entry, &gateway->dsms->entries, link)
		if (kind == LEVEL_DSM && entry->ops.name && strcmp(entry->ops.name, level->name) == 0 &&
		    !entry->ops.policy)
			without = entry->ops.name;
	list_for_each(device, &gateway->devices, link)
		if (kind == LEVEL_HARDWARE_ID && device->owned && !device->core.dsm->policy &&
		    hardware_id_matches(&level->hardware_id, device->hardware_id))
			without = device->core.dsm->name;
	if (without)
		problem_set(problem, 422, "/policy", "Policy not available",
			    "the module %s has no policy of its own, as vendor would be", without);
	return !without;
}

static void tell_policy(struct gateway *gateway, const struct level_view *view)
{
	bool of_file = view->policy_source && strcmp(view->policy_source, "config") == 0;

	if (view->policy == POLICY_INHERIT)
		journal_add(gateway->journal, "info", "policy-changed", view->name, "no policy from this level");
	else
		journal_add(gateway->journal, "info", "policy-changed", view->name, "policy %s%s, for %u devices now",
			    policy_name(view->policy), of_file ? " of the configuration file" : "", view->devices);
}

int control_set_level_policy(struct gateway *gateway, enum level_kind kind, const char *name, enum policy_id policy,
			     struct problem *problem)
{
	struct level *level = level_of(gateway, kind, name, problem);
	enum policy_id old;
	struct level_view view;
	int rc = -1;

	if (!level)
		return -1;
	old = level->policy;
	if (is_possible(gateway, kind, level, policy, problem)) {
		level->policy = policy;
		rc = persist_save(gateway);
		if (rc < 0)
			problem_unsaved(problem);
	}
	if (rc < 0)
		level->policy = old;
	drop_empty(gateway);
	if (rc < 0)
		return -1;
	levels_apply_all(gateway);
	control_level(gateway, kind, name, &view);
	tell_policy(gateway, &view);
	return 0;
}
