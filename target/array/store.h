/*
 * store.h - where a volume keeps its bytes: memory or a file.
 *
 * Every call is synchronous and blocks the loop it runs on for as long as the kernel takes. That is acceptable for a
 * test array, whose volume is never the thing measured; it would not be for the gateway. One thread. Offsets and
 * lengths are bytes; the caller keeps them inside size_bytes. Errors are negative errno.
 */
#ifndef BRAID_ARRAY_STORE_H
#define BRAID_ARRAY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_SECTOR 512u /* sizes and offsets are multiples of it */
#define STORE_BYTES_MAX (UINT64_C(16) << 40)

struct store;

struct store_ops {
	const char *name;
	int (*read)(struct store *store, void *data, size_t bytes, uint64_t offset);
	int (*write)(struct store *store, const void *data, size_t bytes, uint64_t offset);
	int (*sync)(struct store *store); /* what was written is on the medium */
	/* Gives the space back; the range reads as zeros from then on. */
	int (*unmap)(struct store *store, uint64_t offset, uint64_t bytes);
	/* How many bytes from offset on share its state, at least one sector; may stop before the state changes. */
	uint64_t (*extent)(struct store *store, uint64_t offset, bool *mapped);
	int (*resize)(struct store *store, uint64_t bytes);
	void (*destroy)(struct store *store);
};

struct store {
	const struct store_ops *ops;
	uint64_t size_bytes;
	uint32_t unmap_unit; /* bytes: smaller unmaps write zeros and free nothing; 0: unmap is not supported */
};

/* Sparse anonymous memory. NULL with errno. */
struct store *store_ram_create(uint64_t bytes);

/* A regular file or a block device, opened for reading and writing. With bytes != 0 a missing file is created and a
 * shorter one extended; a longer one is used up to there. With 0 the file's own size is taken, cut to whole 4 KiB.
 * NULL with errno; EINVAL: no size at all. */
struct store *store_file_create(const char *path, uint64_t bytes);

static inline void store_destroy(struct store *store)
{
	if (store)
		store->ops->destroy(store);
}

#endif
