/*
 * Row P6: the link with the fewest outstanding bytes. A command that continues where the path's last one ended stays on
 * that path, for the array's read-ahead and for full stripes; a write only while that does not pile up more than
 * WRITE_WINDOW bytes there. Ties go to the lowest index.
 */
#include "dsm/dsm.h"

#define WRITE_WINDOW UINT64_C(1048576)

struct streams {
	struct {
		bool any;
		uint64_t next_lba; /* behind the last command that took this path */
	} path[DSM_PATHS_MAX];
};

static bool continues(const struct streams *streams, const struct policy_path *path, const struct policy_io *io)
{
	if (!streams->path[path->index].any || io->lba != streams->path[path->index].next_lba)
		return false;
	return io->is_read || path->link->load(path->link).bytes + io->bytes <= WRITE_WINDOW;
}

static struct policy_path *least_blocks_select(void *ctx, void *shared, const struct path_set *usable,
					       const struct policy_io *io)
{
	struct streams *streams = ctx;
	struct policy_path *best = NULL;
	uint64_t least = UINT64_MAX;
	bool moves_blocks = io->is_read || io->is_write;

	(void)shared;
	for (unsigned i = 0; i < usable->count; i++) {
		uint64_t bytes = usable->path[i]->link->load(usable->path[i]->link).bytes;

		if (moves_blocks && continues(streams, usable->path[i], io)) {
			best = usable->path[i];
			break;
		}
		if (bytes < least) {
			least = bytes;
			best = usable->path[i];
		}
	}
	if (moves_blocks) {
		streams->path[best->index].any = true;
		streams->path[best->index].next_lba = io->lba + io->blocks;
	}
	return best;
}

const struct policy_ops policy_least_blocks = {
	.name = "least-blocks",
	.summary = "the link with the fewest outstanding bytes",
	.ctx_bytes = sizeof(struct streams),
	.select = least_blocks_select,
};
