/*
 * memory.h - allocation that succeeds.
 *
 * For the set-up paths, whose sizes are bounded by our own limits: a daemon that cannot have some kilobytes cannot go
 * on, and says so before it ends. What a peer can ask for (data buffers, sessions) goes through limits and pool.h,
 * which can say no. Any thread.
 */
#ifndef BRAID_MEMORY_H
#define BRAID_MEMORY_H

#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size); /* zeroed */
void *xrealloc(void *ptr, size_t size);
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Copies as much of src as fits, always ends it with NUL. Returns strlen(src): >= size means that it was cut. */
size_t str_copy(char *dst, size_t size, const char *src);

#endif
