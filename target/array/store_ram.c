/*
 * store_ram.c - a store in anonymous memory.
 *
 * Memory that was never written costs nothing. A bitmap, one bit a sector, says what is mapped, because the page
 * tables know pages only and GET LBA STATUS asks for blocks.
 */
#include "target/array/store.h"

#include "gateway/base/list.h"
#include "gateway/base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define RAM_PAGE UINT64_C(4096)
#define RAM_SCAN_BYTES ((uint64_t)1 << 20) /* of the bitmap, per extent(): bounds the time it takes */

struct store_ram {
	struct store store;
	uint8_t *data, *bitmap;
};

static uint64_t bitmap_bytes(uint64_t size_bytes)
{
	return (size_bytes / STORE_SECTOR + 7) / 8;
}

static bool bitmap_get(const uint8_t *bitmap, uint64_t bit)
{
	return bitmap[bit / 8] >> (bit % 8) & 1;
}

static void bitmap_put(uint8_t *bitmap, uint64_t bit, bool value)
{
	uint8_t mask = (uint8_t)(1u << (bit % 8));

	bitmap[bit / 8] = value ? bitmap[bit / 8] | mask : bitmap[bit / 8] & (uint8_t)~mask;
}

static void bitmap_fill(uint8_t *bitmap, uint64_t first, uint64_t end, bool value)
{
	while (first < end && first % 8)
		bitmap_put(bitmap, first++, value);
	while (first < end && end % 8)
		bitmap_put(bitmap, --end, value);
	if (first < end)
		memset(bitmap + first / 8, value ? 0xff : 0, (end - first) / 8);
}

/* The first bit in first .. end that is not `value`; end: none. */
static uint64_t bitmap_run(const uint8_t *bitmap, uint64_t first, uint64_t end, bool value)
{
	uint8_t whole = value ? 0xff : 0;

	while (first < end && bitmap_get(bitmap, first) == value) {
		if (first % 8 == 0 && end - first >= 8 && bitmap[first / 8] == whole)
			first += 8;
		else
			first++;
	}
	return first;
}

static struct store_ram *to_ram(struct store *store)
{
	return container_of(store, struct store_ram, store);
}

static void ram_mark(struct store_ram *ram, uint64_t offset, uint64_t bytes, bool mapped)
{
	bitmap_fill(ram->bitmap, offset / STORE_SECTOR, (offset + bytes) / STORE_SECTOR, mapped);
}

static int ram_read(struct store *store, void *data, size_t bytes, uint64_t offset)
{
	memcpy(data, to_ram(store)->data + offset, bytes);
	return 0;
}

static int ram_write(struct store *store, const void *data, size_t bytes, uint64_t offset)
{
	struct store_ram *ram = to_ram(store);

	memcpy(ram->data + offset, data, bytes);
	/* A residual may end a write inside a sector: that sector is mapped as well. */
	ram_mark(ram, offset, (bytes + STORE_SECTOR - 1) / STORE_SECTOR * STORE_SECTOR, true);
	return 0;
}

static int ram_sync(struct store *store)
{
	(void)store;
	return 0;
}

static int ram_unmap(struct store *store, uint64_t offset, uint64_t bytes)
{
	struct store_ram *ram = to_ram(store);
	uint64_t end = offset + bytes;
	uint64_t first_page = (offset + RAM_PAGE - 1) / RAM_PAGE * RAM_PAGE, end_page = end / RAM_PAGE * RAM_PAGE;

	ram_mark(ram, offset, bytes, false);
	if (first_page >= end_page) {
		memset(ram->data + offset, 0, bytes);
		return 0;
	}
	memset(ram->data + offset, 0, first_page - offset);
	memset(ram->data + end_page, 0, end - end_page);
	return madvise(ram->data + first_page, end_page - first_page, MADV_DONTNEED) ? -errno : 0;
}

static uint64_t ram_extent(struct store *store, uint64_t offset, bool *mapped)
{
	struct store_ram *ram = to_ram(store);
	uint64_t first = offset / STORE_SECTOR, end = store->size_bytes / STORE_SECTOR;

	if (end - first > RAM_SCAN_BYTES * 8)
		end = first + RAM_SCAN_BYTES * 8;
	*mapped = bitmap_get(ram->bitmap, first);
	return (bitmap_run(ram->bitmap, first, end, *mapped) - first) * STORE_SECTOR;
}

static void *ram_map(uint64_t bytes)
{
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return map == MAP_FAILED ? NULL : map;
}

static int ram_remap(uint8_t **map, uint64_t from, uint64_t to)
{
	void *moved = mremap(*map, from, to, MREMAP_MAYMOVE);

	if (moved == MAP_FAILED)
		return -errno;
	*map = moved;
	return 0;
}

static int ram_resize(struct store *store, uint64_t bytes)
{
	struct store_ram *ram = to_ram(store);
	uint64_t old = store->size_bytes;
	int err = 0;

	/* What is cut off must not come back when the store grows again. */
	if (bytes < old)
		err = ram_unmap(store, bytes, old - bytes);
	if (!err)
		err = ram_remap(&ram->data, old, bytes);
	if (err)
		return err;
	err = ram_remap(&ram->bitmap, bitmap_bytes(old), bitmap_bytes(bytes));
	if (err) /* back to a length that just existed */
		return ram_remap(&ram->data, bytes, old) ? -ENOMEM : err;
	store->size_bytes = bytes;
	return 0;
}

static void ram_destroy(struct store *store)
{
	struct store_ram *ram = to_ram(store);

	if (ram->data)
		munmap(ram->data, store->size_bytes);
	if (ram->bitmap)
		munmap(ram->bitmap, bitmap_bytes(store->size_bytes));
	free(ram);
}

static const struct store_ops ram_ops = {
	.name = "ram",
	.read = ram_read,
	.write = ram_write,
	.sync = ram_sync,
	.unmap = ram_unmap,
	.extent = ram_extent,
	.resize = ram_resize,
	.destroy = ram_destroy,
};

struct store *store_ram_create(uint64_t bytes)
{
	struct store_ram *ram = xcalloc(1, sizeof(*ram));

	ram->store = (struct store){ .ops = &ram_ops, .size_bytes = bytes, .unmap_unit = STORE_SECTOR };
	ram->data = ram_map(bytes);
	ram->bitmap = ram_map(bitmap_bytes(bytes));
	if (ram->data && ram->bitmap)
		return &ram->store;
	ram_destroy(&ram->store);
	errno = ENOMEM;
	return NULL;
}
