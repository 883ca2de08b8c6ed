#include "tests/load/block.h"

#include "gateway/base/bytes.h"
#include "tests/load/rng.h"

#include <isa-l/crc.h>
#include <stdbool.h>
#include <string.h>

#define MAGIC 0x42724c64 /* "BrLd" */
#define HEAD_BYTES 32
#define END_BYTES 16

/* CRC32C (RFC 7143 section 13.1) of the block but for the four bytes that hold it. */
static uint32_t block_checksum(const uint8_t *block, size_t size)
{
	uint32_t crc = crc32_iscsi((unsigned char *)(uintptr_t)block, 4, UINT32_MAX);

	return ~crc32_iscsi((unsigned char *)(uintptr_t)block + 8, (int)size - 8, crc);
}

void block_fill(uint8_t *block, size_t size, const struct block_stamp *stamp)
{
	struct rng rng = { stamp->writer ^ (stamp->lba << 20) ^ (stamp->generation << 40) ^ stamp->generation };
	uint8_t *end = block + size - END_BYTES;

	put_be32(block, MAGIC);
	put_be64(block + 8, stamp->writer);
	put_be64(block + 16, stamp->lba);
	put_be64(block + 24, stamp->generation);
	for (uint8_t *p = block + HEAD_BYTES; p < end; p += 8)
		put_be64(p, rng_next(&rng));
	put_be64(end, stamp->generation);
	put_be64(end + 8, stamp->lba);
	put_be32(block + 4, block_checksum(block, size));
}

static bool block_is_blank(const uint8_t *block, size_t size)
{
	return block[0] == 0 && memcmp(block, block + 1, size - 1) == 0;
}

enum block_kind block_examine(const uint8_t *block, size_t size, struct block_stamp *stamp)
{
	const uint8_t *end = block + size - END_BYTES;

	*stamp = (struct block_stamp){ 0 };
	if (get_be32(block) != MAGIC)
		return block_is_blank(block, size) ? BLOCK_BLANK : BLOCK_BROKEN;
	stamp->writer = get_be64(block + 8);
	stamp->lba = get_be64(block + 16);
	stamp->generation = get_be64(block + 24);
	if (get_be32(block + 4) == block_checksum(block, size))
		return BLOCK_VALID;
	if (get_be64(end) != stamp->generation || get_be64(end + 8) != stamp->lba)
		return BLOCK_TORN;
	return BLOCK_BROKEN;
}

void block_poison(uint8_t *block, size_t size)
{
	memset(block, 0xdb, HEAD_BYTES);
	memset(block + size - END_BYTES, 0xdb, END_BYTES);
}
