#include "gateway/base/pool.h"

#include "gateway/base/memory.h"

#include <stdlib.h>

#define CLASS_COUNT 14 /* 4 KiB, 8 KiB, ... 32 MiB */
#define KEEP_BYTES_MAX ((size_t)64 << 20) /* free buffers beyond this go back to the system */

/* A free buffer holds the link to the next one in its own first bytes. */
struct free_buffer {
	struct free_buffer *next;
};

struct pool {
	size_t limit_bytes, lent_bytes, kept_bytes;
	struct free_buffer *free[CLASS_COUNT];
};

_Static_assert(POOL_BUFFER_MIN << (CLASS_COUNT - 1) == POOL_BUFFER_MAX, "the classes span the sizes");

static unsigned class_of(size_t size)
{
	unsigned class = 0;

	while ((POOL_BUFFER_MIN << class) < size)
		class ++;
	return class;
}

struct pool *pool_create(size_t limit_bytes)
{
	struct pool *pool = xcalloc(1, sizeof(*pool));

	pool->limit_bytes = limit_bytes;
	return pool;
}

void pool_destroy(struct pool *pool)
{
	if (!pool)
		return;
	for (unsigned class = 0; class < CLASS_COUNT; class ++) {
		while (pool->free[class]) {
			struct free_buffer *buffer = pool->free[class];

			pool->free[class] = buffer->next;
			free(buffer);
		}
	}
	free(pool);
}

uint8_t *pool_get(struct pool *pool, size_t size, size_t *capacity)
{
	unsigned class = class_of(size);
	size_t bytes = POOL_BUFFER_MIN << class;
	struct free_buffer *buffer;

	if (size > POOL_BUFFER_MAX || pool->lent_bytes + bytes > pool->limit_bytes)
		return NULL;
	buffer = pool->free[class];
	if (buffer) {
		pool->free[class] = buffer->next;
		pool->kept_bytes -= bytes;
	} else {
		buffer = aligned_alloc(POOL_BUFFER_MIN, bytes);
		if (!buffer)
			return NULL;
	}
	pool->lent_bytes += bytes;
	*capacity = bytes;
	return (uint8_t *)buffer;
}

void pool_put(struct pool *pool, uint8_t *ptr, size_t capacity)
{
	struct free_buffer *buffer = (struct free_buffer *)(void *)ptr;
	unsigned class = class_of(capacity);

	if (!ptr)
		return;
	pool->lent_bytes -= capacity;
	if (pool->kept_bytes + capacity > KEEP_BYTES_MAX) {
		free(buffer);
		return;
	}
	buffer->next = pool->free[class];
	pool->free[class] = buffer;
	pool->kept_bytes += capacity;
}

size_t pool_lent_bytes(const struct pool *pool)
{
	return pool->lent_bytes;
}

size_t pool_kept_bytes(const struct pool *pool)
{
	return pool->kept_bytes;
}
