/*
 * store_file.c - a store in a regular file or on a block device.
 *
 * The same file may be served by two arrays at once: that is how one array with two controllers is modelled. A command
 * is atomic against those of its own controller only.
 */
#include "target/array/store.h"

#include "gateway/base/list.h"
#include "gateway/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_PAGE UINT64_C(4096)

struct store_file {
	struct store store;
	int fd;
};

static struct store_file *to_file(struct store *store)
{
	return container_of(store, struct store_file, store);
}

static int file_read(struct store *store, void *data, size_t bytes, uint64_t offset)
{
	uint8_t *p = data;

	while (bytes) {
		ssize_t n = pread(to_file(store)->fd, p, bytes, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) /* the end of the file: somebody else cut it */
			return n ? -errno : -EIO;
		p += n;
		offset += (uint64_t)n;
		bytes -= (size_t)n;
	}
	return 0;
}

static int file_write(struct store *store, const void *data, size_t bytes, uint64_t offset)
{
	const uint8_t *p = data;

	while (bytes) {
		ssize_t n = pwrite(to_file(store)->fd, p, bytes, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		p += n;
		offset += (uint64_t)n;
		bytes -= (size_t)n;
	}
	return 0;
}

static int file_sync(struct store *store)
{
	return fdatasync(to_file(store)->fd) ? -errno : 0;
}

static int file_unmap(struct store *store, uint64_t offset, uint64_t bytes)
{
	const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	return fallocate(to_file(store)->fd, mode, (off_t)offset, (off_t)bytes) ? -errno : 0;
}

static uint64_t file_extent(struct store *store, uint64_t offset, bool *mapped)
{
	int fd = to_file(store)->fd;
	off_t data = lseek(fd, (off_t)offset, SEEK_DATA);
	uint64_t end;

	*mapped = data >= 0 ? (uint64_t)data < offset + STORE_SECTOR : errno != ENXIO;
	if (*mapped) {
		off_t hole = lseek(fd, (off_t)offset, SEEK_HOLE);

		end = hole < 0 ? store->size_bytes : (uint64_t)hole;
	} else {
		end = data < 0 ? store->size_bytes : (uint64_t)data;
	}
	if (end > store->size_bytes)
		end = store->size_bytes;
	end = end / STORE_SECTOR * STORE_SECTOR;
	return end > offset ? end - offset : STORE_SECTOR;
}

static int file_resize(struct store *store, uint64_t bytes)
{
	if (ftruncate(to_file(store)->fd, (off_t)bytes))
		return -errno;
	store->size_bytes = bytes;
	return 0;
}

static void file_destroy(struct store *store)
{
	struct store_file *file = to_file(store);

	close(file->fd);
	free(file);
}

static const struct store_ops file_ops = {
	.name = "file",
	.read = file_read,
	.write = file_write,
	.sync = file_sync,
	.unmap = file_unmap,
	.extent = file_extent,
	.resize = file_resize,
	.destroy = file_destroy,
};

/* Makes the file as long as `bytes` asks for. Returns the size to serve, or -errno. */
static int64_t file_fit(int fd, uint64_t bytes)
{
	struct stat st;
	off_t size;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return -ENOTSUP;
	size = lseek(fd, 0, SEEK_END);
	if (size < 0)
		return -errno;
	if (!bytes)
		bytes = (uint64_t)size / FILE_PAGE * FILE_PAGE;
	if (!bytes)
		return -EINVAL;
	if (bytes > (uint64_t)size && ftruncate(fd, (off_t)bytes))
		return -errno;
	return (int64_t)bytes;
}

struct store *store_file_create(const char *path, uint64_t bytes)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | (bytes ? O_CREAT : 0), 0600);
	struct store_file *file;
	int64_t size;

	if (fd < 0)
		return NULL;
	size = file_fit(fd, bytes);
	if (size < 0) {
		close(fd);
		errno = (int)-size;
		return NULL;
	}
	file = xcalloc(1, sizeof(*file));
	file->fd = fd;
	file->store = (struct store){ .ops = &file_ops, .size_bytes = (uint64_t)size };
	/* A hole behind the end changes nothing, and tells whether holes can be made. Not so on a block device: it
	 * counts as one that cannot. */
	if (!file_unmap(&file->store, (uint64_t)lseek(fd, 0, SEEK_END), FILE_PAGE))
		file->store.unmap_unit = (uint32_t)FILE_PAGE;
	return &file->store;
}
