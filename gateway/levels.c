#include "gateway/levels.h"

#include "dsm/policy.h"
#include "gateway/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* ---- what the API has set ---------------------------------------------------------------------------------------- */

static bool is_name(enum level_kind kind, const char *a, const char *b)
{
	struct hardware_id x, y;

	if (kind != LEVEL_HARDWARE_ID)
		return strcmp(a, b) == 0;
	return hardware_id_parse(a, &x) == 0 && hardware_id_parse(b, &y) == 0 && hardware_id_equal(&x, &y);
}

struct level *levels_find(const struct gateway *gateway, enum level_kind kind, const char *name)
{
	struct level *level;

	list_for_each(level, &gateway->levels, link)
		if (level->kind == kind && is_name(kind, level->name, name))
			return level;
	return NULL;
}

struct level *levels_add(struct gateway *gateway, enum level_kind kind, const char *name)
{
	struct hardware_id hardware_id = { 0 };
	struct level *level;

	if (kind == LEVEL_HARDWARE_ID && hardware_id_parse(name, &hardware_id) < 0)
		return NULL;
	level = xcalloc(1, sizeof(*level));
	level->kind = kind;
	level->name = xstrdup(name);
	level->hardware_id = hardware_id;
	list_add_tail(&gateway->levels, &level->link);
	return level;
}

bool levels_is_empty(const struct level *level)
{
	return level->policy == POLICY_INHERIT && !level->settings.timers.set &&
	       !throttle_is_set(&level->settings.throttle);
}

void levels_drop(struct level *level)
{
	list_del(&level->link);
	free(level->name);
	free(level);
}

/* ---- timers and throttles
 * ------------------------------------------------------------------------------------------------------ */

const struct timers_level *levels_timers_of_file(const struct config *config, const char *dsm)
{
	for (size_t i = 0; dsm && i < config->dsm_timer_count; i++)
		if (strcmp(config->dsm_timers[i].key, dsm) == 0)
			return &config->dsm_timers[i].timers;
	return NULL;
}

static struct timers_level timers_of_module(const struct dsm_traits *traits)
{
	struct timers_level level = {
		.values = { .retry_count = traits->retry_count, .pdo_remove_period = traits->hold_s },
	};

	if (traits->retry_count)
		level.set |= 1u << TIMER_retry_count;
	if (traits->hold_s)
		level.set |= 1u << TIMER_pdo_remove_period;
	return level;
}

void levels_timers(const struct gateway *gateway, const struct device *device, const char *dsm,
		   struct timer_value values[TIMER_COUNT])
{
	const struct level *level = dsm ? levels_find(gateway, LEVEL_DSM, dsm) : NULL;
	struct timers_level module = { 0 };
	const struct {
		const struct timers_level *timers;
		const char *source;
	} rulers[] = {
		{ device ? &device->own.timers : NULL, "device" },
		{ level ? &level->settings.timers : NULL, "dsm" },
		{ levels_timers_of_file(gateway->live, dsm), "config" },
		{ &gateway->settings.timers, "gateway" },
		{ &gateway->live->timers, "config" },
		{ &module, "module" },
	};

	if (device)
		module = timers_of_module(&device->core.dsm_traits);
	for (enum timer_id id = 0; id < TIMER_COUNT; id++) {
		bool elsewhere = dsm && timer_table[id].scope == TIMER_SCOPE_LINK;

		values[id] = (struct timer_value){ timers_get(&timers_default, id), "default" };
		for (unsigned i = 0; i < sizeof(rulers) / sizeof(rulers[0]); i++) {
			if (!rulers[i].timers || !(rulers[i].timers->set >> id & 1))
				continue;
			values[id] =
				(struct timer_value){ timers_get(&rulers[i].timers->values, id), rulers[i].source };
			break;
		}
		if (elsewhere)
			values[id].source = NULL;
	}
}

static void decide_timers(const struct gateway *gateway, const struct device *device, struct timers *timers)
{
	struct timer_value values[TIMER_COUNT];

	levels_timers(gateway, device, device ? device->core.dsm->name : NULL, values);
	for (enum timer_id id = 0; id < TIMER_COUNT; id++)
		*timers_at(timers, id) = values[id].value;
}

static void apply_timers(struct gateway *gateway, struct device *device)
{
	struct timers fresh;

	decide_timers(gateway, device, &fresh);
	if (memcmp(&fresh, &device->timers, sizeof(fresh)) == 0)
		return;
	device->timers = fresh;
	if (device->claimed)
		for (unsigned w = 0; w < gateway->worker_count; w++)
			worker_set_disk_timers(gateway->workers[w], &device->core, &device->timers);
}

struct throttle_limits levels_throttle(const struct gateway *gateway, const struct device *device, const char *dsm,
				       const char **source)
{
	const struct level *level = levels_find(gateway, LEVEL_DSM, dsm);

	if (device && throttle_is_set(&device->own.throttle)) {
		*source = "device";
		return device->own.throttle;
	}
	*source = level && throttle_is_set(&level->settings.throttle) ? "dsm" : NULL;
	return *source ? level->settings.throttle : (struct throttle_limits){ 0 };
}

void levels_give_throttle(const struct gateway *gateway, struct device *device)
{
	for (unsigned w = 0; w < gateway->worker_count; w++)
		worker_set_throttle(gateway->workers[w], &device->core, device->throttle);
}

static void apply_throttle(struct gateway *gateway, struct device *device)
{
	const char *source;
	struct throttle_limits fresh = levels_throttle(gateway, device, device->core.dsm->name, &source);

	if (fresh.iops == device->throttle.iops && fresh.bytes_per_second == device->throttle.bytes_per_second)
		return;
	device->throttle = fresh;
	if (device->claimed)
		levels_give_throttle(gateway, device);
}

/* Row L1: a device would be given up before its paths were tried again. The default is Microsoft's own; only a choice
 * is worth a word. */
static void warn_of_late_recovery(struct gateway *gateway)
{
	uint32_t interval = gateway->timers.path_recovery_interval, least = gateway->timers.pdo_remove_period;
	const struct device *device, *first = NULL;
	bool was_late = gateway->recovery_late;

	list_for_each(device, &gateway->devices, link) {
		if (device->timers.pdo_remove_period < least) {
			least = device->timers.pdo_remove_period;
			first = device;
		}
	}
	gateway->recovery_late = interval && interval >= least;
	if (gateway->recovery_late && !was_late)
		journal_add(gateway->journal, "warning", "recovery-late", first ? first->core.id : NULL,
			    "path_recovery_interval, %u s, is not below pdo_remove_period, %u s: a device may be given "
			    "up before its paths were tried again",
			    interval, least);
}

void levels_apply_settings(struct gateway *gateway)
{
	struct device *device;

	decide_timers(gateway, NULL, &gateway->timers);
	for (unsigned w = 0; w < gateway->worker_count; w++)
		worker_set_timers(gateway->workers[w], &gateway->timers);
	list_for_each(device, &gateway->devices, link) {
		apply_timers(gateway, device);
		apply_throttle(gateway, device);
	}
	warn_of_late_recovery(gateway);
}

/* ---- policies ---------------------------------------------------------------------------------------------------- */

enum policy_id levels_policy_of_file(const struct config *config, enum level_kind kind, const char *name)
{
	bool by_dsm = kind == LEVEL_DSM;
	const struct config_level_policy *levels = by_dsm ? config->policies.dsms : config->policies.hardware_ids;
	size_t count = by_dsm ? config->policies.dsm_count : config->policies.hardware_id_count;

	if (kind == LEVEL_GATEWAY)
		return config->policies.preset;
	for (size_t i = 0; i < count; i++)
		if (is_name(kind, levels[i].key, name))
			return levels[i].policy;
	return POLICY_INHERIT;
}

/* A hardware ID's policy; the longest pattern that fits the device is the one that was meant for it. */
struct pattern {
	enum policy_id policy;
	const char *name;
	size_t len;
};

static void try_pattern(struct pattern *best, const struct hardware_id *id, const char *name, enum policy_id policy,
			const struct device *device)
{
	size_t len = strlen(id->text);

	if (policy == POLICY_INHERIT || !hardware_id_matches(id, device->hardware_id) ||
	    (best->name && len <= best->len))
		return;
	*best = (struct pattern){ policy, name, len };
}

static struct pattern of_hardware_id(const struct gateway *gateway, const struct device *device)
{
	const struct config *config = gateway->live;
	struct pattern best = { .policy = POLICY_INHERIT };
	const struct level *level;

	list_for_each(level, &gateway->levels, link)
		if (level->kind == LEVEL_HARDWARE_ID)
			try_pattern(&best, &level->hardware_id, level->name, level->policy, device);
	if (best.name)
		return best;
	for (size_t i = 0; i < config->policies.hardware_id_count; i++) {
		const struct config_level_policy *entry = &config->policies.hardware_ids[i];
		struct hardware_id id;

		if (hardware_id_parse(entry->key, &id) == 0)
			try_pattern(&best, &id, entry->key, entry->policy, device);
	}
	return best;
}

static enum policy_id of_dsm(const struct gateway *gateway, const struct device *device)
{
	const char *name = device->core.dsm->name;
	const struct level *level = levels_find(gateway, LEVEL_DSM, name);

	return level && level->policy != POLICY_INHERIT ? level->policy
							: levels_policy_of_file(gateway->live, LEVEL_DSM, name);
}

/* What its module says of such a device. */
static enum policy_id of_module(const struct device *device)
{
	const char *name = device->core.dsm_traits.policy;
	enum policy_id id;

	return name && policy_parse(name, &id) == 0 ? id : POLICY_INHERIT;
}

const struct policy_ops *levels_policy(const struct device *device, enum policy_id id)
{
	return id == POLICY_VENDOR ? device->core.dsm->policy : policy_find(policy_name(id));
}

static enum policy_id decide(const struct gateway *gateway, const struct device *device, const char **from)
{
	const struct {
		enum policy_id policy;
		const char *from;
	} levels[] = {
		{ device->policy, "device" },       { of_hardware_id(gateway, device).policy, "hardware-id" },
		{ of_dsm(gateway, device), "dsm" }, { gateway->live->policies.preset, "default" },
		{ of_module(device), "default" },   { POLICY_ROUND_ROBIN, "default" },
	};
	unsigned i = 0;

	while (levels[i].policy == POLICY_INHERIT || !levels_policy(device, levels[i].policy))
		i++; /* the last one always is */
	*from = levels[i].from;
	return levels[i].policy;
}

bool levels_rules(const struct gateway *gateway, enum level_kind kind, const char *name, const struct device *device)
{
	if (kind == LEVEL_GATEWAY)
		return strcmp(device->policy_from, "default") == 0;
	if (kind == LEVEL_DSM)
		return strcmp(device->policy_from, "dsm") == 0 && strcmp(device->core.dsm->name, name) == 0;
	return strcmp(device->policy_from, "hardware-id") == 0 &&
	       is_name(kind, of_hardware_id(gateway, device).name, name);
}

static const struct policy_setting_kept *kept_for(const struct device *device, const struct path_core *path)
{
	for (unsigned i = 0; i < device->setting_count; i++) {
		const struct policy_setting_kept *kept = &device->settings[i];

		if (kept->lun == path->lun && strcmp(kept->portal, path->link->portal) == 0 &&
		    strcmp(kept->iqn, path->link->iqn) == 0)
			return kept;
	}
	return NULL;
}

static void apply_policy(struct gateway *gateway, struct device *device)
{
	const struct policy_ops *ops;
	struct policy_setup *setup, *old = device->setup;

	device->policy_in_force = decide(gateway, device, &device->policy_from);
	if (device->asymmetric && device->policy_in_force == POLICY_ROUND_ROBIN)
		device->policy_in_force = POLICY_ROUND_ROBIN_SUBSET; /* row P2 */
	ops = levels_policy(device, device->policy_in_force);
	setup = policy_setup_create(ops, old);
	setup->by_hand = device->setting_count != 0;
	setup->times_set = device->times_set;
	setup->failback_s = device->failback_s;
	setup->scattered = !gateway->live->policies.sequential;
	for (unsigned i = 0; i < device->path_count; i++) {
		const struct policy_setting_kept *kept = kept_for(device, device->paths[i]);
		unsigned index = device->paths[i]->index;

		if (kept) {
			setup->paths[index].role = kept->role;
			setup->paths[index].weight = kept->weight;
			setup->paths[index].preferred = kept->preferred;
		} else if (device->policy_in_force == POLICY_FAIL_OVER_ONLY && (i > 0 || device->setting_count)) {
			setup->paths[index].role = POLICY_STANDBY;
		}
	}
	device->setup = setup;
	if (device->claimed)
		for (unsigned w = 0; w < gateway->worker_count; w++)
			worker_set_policy(gateway->workers[w], &device->core, setup);
	policy_setup_put(old);
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

void levels_apply(struct gateway *gateway, struct device *device)
{
	apply_policy(gateway, device);
	apply_timers(gateway, device);
	apply_throttle(gateway, device);
}

void levels_apply_all(struct gateway *gateway)
{
	struct device *device;

	list_for_each(device, &gateway->devices, link)
		apply_policy(gateway, device);
	levels_apply_settings(gateway);
}
