/*
 * Row P1: one path carries everything, the rest stand by. Which one is the device's knowledge, shared by all workers;
 * it moves when a worker finds it unusable, and goes back only to a preferred path.
 */
#include "dsm/policy.h"

#include <stdatomic.h>

struct choice {
	_Atomic unsigned current; /* index of the path in use + 1; 0: none chosen yet */
};

/* Whether a is rather to be moved to than b, which comes first: an active path, then what the array thinks of it. */
static bool is_better(const struct policy_path *a, const struct policy_path *b)
{
	if (a->role != b->role)
		return a->role == POLICY_ACTIVE;
	return a->order < b->order;
}

/* The one to move to: preferred, else the first of the best. */
static struct policy_path *successor(const struct path_set *usable)
{
	struct policy_path *best = NULL;

	for (unsigned i = 0; i < usable->count; i++) {
		struct policy_path *path = usable->path[i];

		if (path->preferred)
			return path;
		if (!best || is_better(path, best))
			best = path;
	}
	return best;
}

static struct policy_path *fail_over_select(void *ctx, void *shared, const struct path_set *usable,
					    const struct policy_io *io)
{
	struct choice *choice = shared;
	unsigned current = atomic_load_explicit(&choice->current, memory_order_relaxed);
	struct policy_path *next = successor(usable);

	(void)ctx;
	(void)io;
	if (!next->preferred)
		for (unsigned i = 0; i < usable->count; i++)
			if (usable->path[i]->index + 1 == current)
				return usable->path[i];
	if (next->index + 1 != current)
		atomic_store_explicit(&choice->current, next->index + 1, memory_order_relaxed);
	return next;
}

const struct policy_ops policy_fail_over_only = {
	.name = "fail-over-only",
	.summary = "one path carries all I/O, the others stand by",
	.shared_bytes = sizeof(struct choice),
	.select = fail_over_select,
};
