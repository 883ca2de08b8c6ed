/*
 * policy.h - the policies of this build. The gateway's side; a module has no use for it.
 */
#ifndef BRAID_POLICY_H
#define BRAID_POLICY_H

#include "dsm/dsm.h"

/* By name, as in policy_name.h; NULL: this build has no such policy. */
const struct policy_ops *policy_find(const char *name);

/* Why a policy of this build leaves a usable path alone, whatever the command is. */
enum policy_rest {
	POLICY_RESTS_NOT,
	POLICY_RESTS_ROLE, /* it stands by while an active one is usable */
	POLICY_RESTS_WEIGHT, /* its weight is POLICY_WEIGHT_NEVER */
};
enum policy_rest policy_rests(const struct policy_ops *ops, const struct path_set *usable,
			      const struct policy_path *path);

#define POLICY_WEIGHT_NEVER UINT32_C(0xffffffff)

/* The usable paths that the roles admit: the active ones, in `active`; all, when there is none. */
const struct path_set *policy_admitted(const struct path_set *usable, struct path_set *active);

extern const struct policy_ops policy_fail_over_only, policy_round_robin, policy_round_robin_subset,
	policy_least_queue_depth, policy_least_blocks, policy_weighted_paths, policy_latency;

#endif
