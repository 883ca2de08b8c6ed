/*
 * guard.h - memory that ends where it ends: one byte further is a crash.
 */
#ifndef BRAID_CHECK_GUARD_H
#define BRAID_CHECK_GUARD_H

#include <stddef.h>

/* `size` zeroed bytes that end at a page that nobody may touch, and are aligned for 16 if size is a multiple of 16.
 * For the life of the process. size 0: a pointer that must not be followed. */
void *guard_alloc(size_t size);

/* The same with a copy of these bytes. */
void *guard_copy(const void *bytes, size_t size);

#endif
