/*
 * pool.h - a worker's data buffers: power-of-two sizes, reused without a lock or a system call.
 *
 * Buffers are page-aligned and not cleared: they may hold another command's data, so whoever hands one to a peer
 * makes sure that every byte was written. The pool refuses what would exceed its limit of bytes lent out; the caller
 * then answers BUSY or TASK SET FULL. One thread.
 */
#ifndef BRAID_POOL_H
#define BRAID_POOL_H

#include <stddef.h>
#include <stdint.h>

#define POOL_BUFFER_MIN ((size_t)4096)
#define POOL_BUFFER_MAX ((size_t)32 << 20)

struct pool;

struct pool *pool_create(size_t limit_bytes);
void pool_destroy(struct pool *pool); /* takes NULL; every buffer has come back */

/* At least `size` bytes (0 .. POOL_BUFFER_MAX; 0 counts as 1); *capacity gets the true size.
 * NULL: the limit is reached, or there is no memory. */
uint8_t *pool_get(struct pool *pool, size_t size, size_t *capacity);
void pool_put(struct pool *pool, uint8_t *buffer, size_t capacity); /* takes NULL */

/* Bytes lent out now; bytes kept for reuse. */
size_t pool_lent_bytes(const struct pool *pool);
size_t pool_kept_bytes(const struct pool *pool);

#endif
