/*
 * policy.h - the policies of this build. The gateway's side; a module has no use for it.
 */
#ifndef BRAID_POLICY_H
#define BRAID_POLICY_H

#include "dsm/dsm.h"

/* By name, as in policy_name.h; NULL: this build has no such policy. */
const struct policy_ops *policy_find(const char *name);

extern const struct policy_ops policy_fail_over_only, policy_round_robin, policy_round_robin_subset,
	policy_least_queue_depth, policy_least_blocks, policy_weighted_paths, policy_latency;

#endif
