/*
 * Row P6: the link with the fewest outstanding bytes; ties go to the lowest index.
 *
 * The sequential rule, which the administrator may switch off: a read or write that starts at or after the last block
 * of the path's last one stays on that path, for the array's read-ahead and for full stripes; a write only while the
 * bytes outstanding there and its own stay within WINDOW. How far after, the row leaves open; here it is WINDOW as
 * well, for otherwise any jump forward would count as a stream, and random I/O would not be spread at all. Of several
 * paths the one whose last block is nearest.
 */
#include "dsm/policy.h"

#define WINDOW UINT64_C(1048576) /* bytes */

struct streams {
	struct {
		bool any;
		uint64_t last_lba; /* of the last command that took this path */
	} path[DSM_PATHS_MAX];
};

/* How far, in bytes, the command starts after the last one of that path; UINT64_MAX: it does not continue it. */
static uint64_t gap_after(const struct streams *streams, const struct policy_path *path, const struct policy_io *io,
			  uint64_t outstanding)
{
	uint64_t last = streams->path[path->index].last_lba, block_size = io->blocks ? io->bytes / io->blocks : 0;

	if (!streams->path[path->index].any || !block_size || io->lba < last || io->lba - last > WINDOW / block_size)
		return UINT64_MAX;
	if (io->is_write && outstanding + io->bytes > WINDOW)
		return UINT64_MAX;
	return (io->lba - last) * block_size;
}

static void note_stream(struct streams *streams, const struct policy_path *path, const struct policy_io *io)
{
	streams->path[path->index].any = true;
	streams->path[path->index].last_lba = io->lba + (io->blocks ? io->blocks - 1 : 0);
}

static struct policy_path *least_blocks_select(void *ctx, void *shared, const struct path_set *usable,
					       const struct policy_io *io)
{
	struct streams *streams = ctx;
	struct policy_path *least = NULL, *nearest = NULL;
	uint64_t least_bytes = UINT64_MAX, least_gap = UINT64_MAX;
	bool moves_blocks = io->is_read || io->is_write;

	(void)shared;
	for (unsigned i = 0; i < usable->count; i++) {
		struct policy_path *path = usable->path[i];
		uint64_t bytes = path->link->load(path->link).bytes;
		uint64_t gap = moves_blocks && !io->scattered ? gap_after(streams, path, io, bytes) : UINT64_MAX;

		if (bytes < least_bytes) {
			least_bytes = bytes;
			least = path;
		}
		if (gap < least_gap) {
			least_gap = gap;
			nearest = path;
		}
	}
	if (nearest)
		least = nearest;
	if (moves_blocks)
		note_stream(streams, least, io);
	return least;
}

const struct policy_ops policy_least_blocks = {
	.name = "least-blocks",
	.summary = "the link with the fewest outstanding bytes",
	.ctx_bytes = sizeof(struct streams),
	.select = least_blocks_select,
};
