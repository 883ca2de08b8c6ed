/* Rows P4 and P5: the link with the fewest commands in flight; the lowest weight. Ties go to the lowest index. */
#include "dsm/policy.h"

static struct policy_path *least_queue_select(void *ctx, void *shared, const struct path_set *usable,
					      const struct policy_io *io)
{
	struct policy_path *best = NULL;
	uint64_t least = UINT64_MAX;

	(void)ctx;
	(void)shared;
	(void)io;
	for (unsigned i = 0; i < usable->count; i++) {
		uint64_t commands = usable->path[i]->link->load(usable->path[i]->link).commands;

		if (commands < least) {
			least = commands;
			best = usable->path[i];
		}
	}
	return best;
}

static struct policy_path *weighted_select(void *ctx, void *shared, const struct path_set *usable,
					   const struct policy_io *io)
{
	struct policy_path *best = NULL;

	(void)ctx;
	(void)shared;
	(void)io;
	for (unsigned i = 0; i < usable->count; i++)
		if (usable->path[i]->weight != POLICY_WEIGHT_NEVER && (!best || usable->path[i]->weight < best->weight))
			best = usable->path[i];
	return best;
}

const struct policy_ops policy_least_queue_depth = {
	.name = "least-queue-depth",
	.summary = "the link with the fewest commands in flight",
	.select = least_queue_select,
};

const struct policy_ops policy_weighted_paths = {
	.name = "weighted-paths",
	.summary = "the usable path with the lowest weight",
	.select = weighted_select,
};
