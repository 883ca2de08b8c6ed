#include "gateway/base/memory.h"

#include "gateway/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *ptr, size_t size)
{
	if (!ptr && size) {
		log_error("memory", "out of memory bytes=%zu", size);
		abort();
	}
	return ptr;
}

void *xmalloc(size_t size)
{
	return checked(malloc(size), size);
}

void *xcalloc(size_t count, size_t size)
{
	return checked(calloc(count, size), count && size);
}

void *xrealloc(void *ptr, size_t size)
{
	return checked(realloc(ptr, size), size);
}

char *xstrdup(const char *s)
{
	return checked(strdup(s), 1);
}

char *xasprintf(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	return checked(s, 1);
}

size_t str_copy(char *dst, size_t size, const char *src)
{
	size_t len = strlen(src);

	if (size) {
		size_t n = len < size ? len : size - 1;

		memcpy(dst, src, n);
		dst[n] = '\0';
	}
	return len;
}
