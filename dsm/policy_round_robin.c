/* Rows P2 and P3: one command a path in turn; the subset form rests the standby paths while an active one lives. */
#include "dsm/policy.h"

struct cursor {
	unsigned last; /* index of the path taken last, + 1; 0: none yet */
};

static struct policy_path *next_after(struct cursor *cursor, const struct path_set *usable)
{
	struct policy_path *path = usable->path[0];

	for (unsigned i = 0; i < usable->count; i++) {
		if (usable->path[i]->index >= cursor->last) {
			path = usable->path[i];
			break;
		}
	}
	cursor->last = path->index + 1;
	return path;
}

static struct policy_path *round_robin_select(void *ctx, void *shared, const struct path_set *usable,
					      const struct policy_io *io)
{
	(void)shared;
	(void)io;
	return next_after(ctx, usable);
}

static struct policy_path *subset_select(void *ctx, void *shared, const struct path_set *usable,
					 const struct policy_io *io)
{
	struct path_set active;

	(void)shared;
	(void)io;
	return next_after(ctx, policy_admitted(usable, &active));
}

const struct policy_ops policy_round_robin = {
	.name = "round-robin",
	.summary = "each usable path in turn",
	.ctx_bytes = sizeof(struct cursor),
	.select = round_robin_select,
};

const struct policy_ops policy_round_robin_subset = {
	.name = "round-robin-subset",
	.summary = "the active paths in turn; standby paths when no active one is left",
	.ctx_bytes = sizeof(struct cursor),
	.select = subset_select,
};
