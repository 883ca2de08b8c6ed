#include "dsm/check/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *guard_alloc(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (size + page - 1) / page;
	char *base = mmap(NULL, (pages + 1) * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (base == MAP_FAILED || mprotect(base + pages * page, page, PROT_NONE) < 0) {
		perror("braid-dsm-check");
		exit(2);
	}
	return base + pages * page - size;
}

void *guard_copy(const void *bytes, size_t size)
{
	void *copy = guard_alloc(size);

	if (size)
		memcpy(copy, bytes, size);
	return copy;
}
