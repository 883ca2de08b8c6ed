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
