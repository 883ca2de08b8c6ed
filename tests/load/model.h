/*
 * model.h - what every block of a logical unit must hold, as far as its host can know.
 *
 * A block has a last acknowledged generation, and generations whose outcome is unknown: the write was sent, and the
 * connection went before the answer came, or the answer was an error. Such a block holds the acknowledged generation
 * or one of the unknown ones, and nothing else. The first read decides which, and from then on only that one is
 * right; an acknowledged write decides as well. A generation that shows up after it was decided against is the very
 * thing that a multipath gateway must prevent: a stale write that landed late.
 *
 * A block that was never written may hold anything but a block of ours.
 *
 * The caller keeps I/Os to the same block apart with model_lock(). A write with unknown outcome stays locked until it
 * cannot land any more (the session has logged in again). Blocks are counted from the start of the model's region.
 */
#ifndef BRAID_LOAD_MODEL_H
#define BRAID_LOAD_MODEL_H

#include "tests/load/block.h"

#include <stdbool.h>

#define MODEL_BLOCKS_MAX (UINT64_C(1) << 28)

struct model_geometry {
	uint64_t first_lba;
	uint64_t blocks; /* at most MODEL_BLOCKS_MAX */
	uint32_t block_size;
};

struct model;

enum verdict {
	VERDICT_RIGHT,
	VERDICT_UNWRITTEN, /* never written: nothing to say */
	VERDICT_STALE, /* an older generation than the acknowledged one */
	VERDICT_LATE, /* a newer one, whose outcome had been decided otherwise or that nobody asked for */
	VERDICT_LOST, /* zeros where something was acknowledged */
	VERDICT_MISPLACED, /* a valid block of another address */
	VERDICT_FOREIGN, /* a valid block of another writer */
	VERDICT_TORN, /* parts of different writes */
	VERDICT_CORRUPT, /* checksum wrong, or no block of ours at all */
	VERDICT_COUNT,
};

extern const char *const verdict_names[VERDICT_COUNT];

/* identity: 56 bits that tell this model's blocks from all others'. */
struct model *model_create(const struct model_geometry *geometry, uint64_t identity);
void model_destroy(struct model *model); /* takes NULL */

const struct model_geometry *model_geometry(const struct model *model);
uint64_t model_identity(const struct model *model);

/* All `count` blocks from `block` on, or none. */
bool model_lock(struct model *model, uint64_t block, uint64_t count);
void model_unlock(struct model *model, uint64_t block, uint64_t count);

/* Fills data with the blocks of a new generation, which is returned. `who` (8 bits) names the session. */
uint64_t model_fill(struct model *model, uint64_t block, uint64_t count, unsigned who, uint8_t *data);

/* Fills data with the block as it stands, for COMPARE AND WRITE; false when that is not known. */
bool model_expect(const struct model *model, uint64_t block, uint8_t *data);

void model_acknowledged(struct model *model, uint64_t block, uint64_t count, uint64_t generation);
void model_unknown(struct model *model, uint64_t block, uint64_t count, uint64_t generation);

/* Judges one block that was read; the stamp found in it goes to *found. A right answer decides an unknown outcome; a
 * wrong block is not judged again before it is written, so that one fault is found once. */
enum verdict model_check(struct model *model, uint64_t block, const uint8_t *data, struct block_stamp *found);

/* What a block may hold: the acknowledged generation (0: none). */
uint64_t model_generation(const struct model *model, uint64_t block);

/* How many generations of unknown outcome a block has; the i-th of them. */
unsigned model_unknown_count(const struct model *model, uint64_t block);
uint64_t model_unknown_generation(const struct model *model, uint64_t block, unsigned i);

/* The next run of blocks at or after *block that were written or may have been, at most `max` long. Returns its
 * length and sets *block to its start; 0: none. */
uint64_t model_next_written(const struct model *model, uint64_t *block, uint64_t max);

/* For state.h: the counter of generations, and what a file says. */
uint64_t model_last_generation(const struct model *model);
void model_set_last_generation(struct model *model, uint64_t generation);

#endif
