#include "gateway/levels.h"

#include "dsm/policy.h"
#include "gateway/base/memory.h"

#include <string.h>

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

void levels_apply(struct gateway *gateway, struct device *device)
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
