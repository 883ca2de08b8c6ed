#include "gateway/levels.h"

#include "dsm/policy.h"
#include "gateway/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* ---- what the API has set ---------------------------------------------------------------------------------------- */

struct level *levels_find(const struct gateway *gateway, const char *name)
{
	struct level *level;

	list_for_each(level, &gateway->levels, link)
		if (strcmp(level->name, name) == 0)
			return level;
	return NULL;
}

struct level *levels_add(struct gateway *gateway, const char *name)
{
	struct level *level = xcalloc(1, sizeof(*level));

	level->name = xstrdup(name);
	list_add_tail(&gateway->levels, &level->link);
	return level;
}

void levels_drop(struct level *level)
{
	list_del(&level->link);
	free(level->name);
	free(level);
}

/* ---- timers ------------------------------------------------------------------------------------------------------ */

static const struct timers_level *timers_of_file(const struct config *config, const char *dsm)
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
	const struct level *level = dsm ? levels_find(gateway, dsm) : NULL;
	struct timers_level module = { 0 };
	const struct {
		const struct timers_level *timers;
		const char *source;
	} rulers[] = {
		{ device ? &device->own.timers : NULL, "device" },
		{ level ? &level->settings.timers : NULL, "dsm" },
		{ timers_of_file(gateway->live, dsm), "config" },
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

void levels_apply_timers(struct gateway *gateway)
{
	struct device *device;

	decide_timers(gateway, NULL, &gateway->timers);
	for (unsigned w = 0; w < gateway->worker_count; w++)
		worker_set_timers(gateway->workers[w], &gateway->timers);
	list_for_each(device, &gateway->devices, link)
		apply_timers(gateway, device);
	warn_of_late_recovery(gateway);
}

/* ---- policies ---------------------------------------------------------------------------------------------------- */

static enum policy_id of_hardware_id(const struct config *config, const struct device *device)
{
	for (size_t i = 0; i < config->policies.hardware_id_count; i++) {
		const struct config_level_policy *level = &config->policies.hardware_ids[i];
		struct hardware_id id;

		if (hardware_id_parse(level->key, &id) == 0 && hardware_id_matches(&id, device->hardware_id))
			return level->policy;
	}
	return POLICY_INHERIT;
}

static enum policy_id of_dsm(const struct config *config, const struct device *device)
{
	for (size_t i = 0; i < config->policies.dsm_count; i++)
		if (strcmp(config->policies.dsms[i].key, device->core.dsm->name) == 0)
			return config->policies.dsms[i].policy;
	return POLICY_INHERIT;
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
		{ device->policy, "device" },
		{ of_hardware_id(gateway->live, device), "hardware-id" },
		{ of_dsm(gateway->live, device), "dsm" },
		{ gateway->live->policies.preset, "default" },
		{ of_module(device), "default" },
		{ POLICY_ROUND_ROBIN, "default" },
	};
	unsigned i = 0;

	while (levels[i].policy == POLICY_INHERIT || !levels_policy(device, levels[i].policy))
		i++; /* the last one always is */
	*from = levels[i].from;
	return levels[i].policy;
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
}

void levels_apply_all(struct gateway *gateway)
{
	struct device *device;

	list_for_each(device, &gateway->devices, link)
		apply_policy(gateway, device);
	levels_apply_timers(gateway);
}
