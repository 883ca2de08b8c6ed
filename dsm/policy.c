/* The policies of this build, by name. */
#include "dsm/policy.h"

#include <string.h>

static const struct policy_ops *const policies[] = {
	&policy_fail_over_only,    &policy_round_robin,  &policy_round_robin_subset,
	&policy_least_queue_depth, &policy_least_blocks, &policy_weighted_paths,
	&policy_latency,
};

const struct policy_ops *policy_find(const char *name)
{
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
		if (strcmp(policies[i]->name, name) == 0)
			return policies[i];
	return NULL;
}

const struct path_set *policy_admitted(const struct path_set *usable, struct path_set *active)
{
	active->count = 0;
	for (unsigned i = 0; i < usable->count; i++)
		if (usable->path[i]->role == POLICY_ACTIVE)
			active->path[active->count++] = usable->path[i];
	return active->count ? active : usable;
}

enum policy_rest policy_rests(const struct policy_ops *ops, const struct path_set *usable,
			      const struct policy_path *path)
{
	struct path_set active;
	bool by_role = ops == &policy_round_robin_subset || ops == &policy_fail_over_only;

	if (by_role && path->role == POLICY_STANDBY && policy_admitted(usable, &active) == &active)
		return POLICY_RESTS_ROLE;
	if (ops == &policy_weighted_paths && path->weight == POLICY_WEIGHT_NEVER)
		return POLICY_RESTS_WEIGHT;
	return POLICY_RESTS_NOT;
}
