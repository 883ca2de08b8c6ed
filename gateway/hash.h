/*
 * hash.h - FNV-1a, 64 bit, for names that stay: ISIDs, ids. Not for anything that must resist an attacker.
 */
#ifndef BRAID_HASH_H
#define BRAID_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static inline uint64_t hash_text(uint64_t hash, const char *text)
{
	while (*text)
		hash = (hash ^ (uint8_t)*text++) * UINT64_C(0x100000001b3);
	return hash;
}

#endif
