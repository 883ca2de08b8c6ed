/*
 * block.h - a block that says what it is: its address, the generation that wrote it, the writer, a checksum.
 *
 * Layout, big-endian: magic 4, CRC32C of all other bytes 4, writer 8, LBA 8, generation 8, pseudo-random bytes that
 * follow from these three, and at the very end generation 8, LBA 8 once more. The end tells a block of which only a
 * part was written (torn) from one that was changed (broken).
 */
#ifndef BRAID_LOAD_BLOCK_H
#define BRAID_LOAD_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#define BLOCK_SIZE_MIN 512

struct block_stamp {
	uint64_t writer;
	uint64_t lba;
	uint64_t generation;
};

enum block_kind {
	BLOCK_VALID,
	BLOCK_BLANK, /* zeros only */
	BLOCK_TORN, /* head and end are of different writes; the stamp is the head's */
	BLOCK_BROKEN, /* anything else; the stamp is the head's when it has our magic, else zero */
};

/* size: a multiple of 8, at least BLOCK_SIZE_MIN. */
void block_fill(uint8_t *block, size_t size, const struct block_stamp *stamp);
enum block_kind block_examine(const uint8_t *block, size_t size, struct block_stamp *stamp);

/* Makes the block one that block_examine() calls broken: a read that brings less than it says is noticed. */
void block_poison(uint8_t *block, size_t size);

#endif
