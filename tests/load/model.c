#include "tests/load/model.h"

#include "gateway/base/memory.h"

#include <stdlib.h>
#include <string.h>

#define WHO_BITS 8
/* An acknowledged generation that means: found wrong, not judged until it is written again. */
#define ANYTHING UINT64_MAX

/* A generation of unknown outcome, in a chain of its block. */
struct doubt {
	uint64_t generation;
	uint32_t next; /* index + 1; 0: the last */
};

struct model {
	struct model_geometry geometry;
	uint64_t identity;
	uint64_t counter; /* of generations */
	uint64_t *acknowledged; /* by block; 0: never written; or ANYTHING */
	uint32_t *doubtful; /* by block: first of its doubts, index + 1 */
	uint64_t *locked; /* a bit a block */
	struct doubt *doubts;
	uint32_t doubt_count, doubt_capacity;
	uint32_t free_doubts; /* chain of unused ones, index + 1 */
};

const char *const verdict_names[VERDICT_COUNT] = {
	[VERDICT_RIGHT] = "right",     [VERDICT_UNWRITTEN] = "unwritten", [VERDICT_STALE] = "stale",
	[VERDICT_LATE] = "late",       [VERDICT_LOST] = "lost",           [VERDICT_MISPLACED] = "misplaced",
	[VERDICT_FOREIGN] = "foreign", [VERDICT_TORN] = "torn",           [VERDICT_CORRUPT] = "corrupt",
};

struct model *model_create(const struct model_geometry *geometry, uint64_t identity)
{
	struct model *model = xcalloc(1, sizeof(*model));

	model->geometry = *geometry;
	model->identity = identity & (UINT64_MAX >> WHO_BITS);
	model->acknowledged = xcalloc(geometry->blocks, sizeof(*model->acknowledged));
	model->doubtful = xcalloc(geometry->blocks, sizeof(*model->doubtful));
	model->locked = xcalloc(geometry->blocks / 64 + 1, sizeof(*model->locked));
	return model;
}

void model_destroy(struct model *model)
{
	if (!model)
		return;
	free(model->acknowledged);
	free(model->doubtful);
	free(model->locked);
	free(model->doubts);
	free(model);
}

const struct model_geometry *model_geometry(const struct model *model)
{
	return &model->geometry;
}

uint64_t model_identity(const struct model *model)
{
	return model->identity;
}

bool model_lock(struct model *model, uint64_t block, uint64_t count)
{
	for (uint64_t b = block; b < block + count; b++)
		if (model->locked[b / 64] & (UINT64_C(1) << b % 64))
			return false;
	for (uint64_t b = block; b < block + count; b++)
		model->locked[b / 64] |= UINT64_C(1) << b % 64;
	return true;
}

void model_unlock(struct model *model, uint64_t block, uint64_t count)
{
	for (uint64_t b = block; b < block + count; b++)
		model->locked[b / 64] &= ~(UINT64_C(1) << b % 64);
}

/* The session's number is part of the generation, so that a generation is all it takes to make the block again. */
static void fill_one(const struct model *model, uint64_t block, uint64_t generation, uint8_t *data)
{
	struct block_stamp stamp = {
		.writer = model->identity << WHO_BITS | (generation & ((1 << WHO_BITS) - 1)),
		.lba = model->geometry.first_lba + block,
		.generation = generation,
	};

	block_fill(data, model->geometry.block_size, &stamp);
}

uint64_t model_fill(struct model *model, uint64_t block, uint64_t count, unsigned who, uint8_t *data)
{
	uint64_t generation = ++model->counter << WHO_BITS | (who & ((1 << WHO_BITS) - 1));

	for (uint64_t i = 0; i < count; i++)
		fill_one(model, block + i, generation, data + i * model->geometry.block_size);
	return generation;
}

uint64_t model_generation(const struct model *model, uint64_t block)
{
	return model->acknowledged[block] == ANYTHING ? 0 : model->acknowledged[block];
}

bool model_expect(const struct model *model, uint64_t block, uint8_t *data)
{
	uint64_t generation = model_generation(model, block);

	if (!generation || model->doubtful[block])
		return false;
	fill_one(model, block, generation, data);
	return true;
}

static void decide(struct model *model, uint64_t block, uint64_t generation)
{
	uint32_t slot;

	model->acknowledged[block] = generation;
	while ((slot = model->doubtful[block])) {
		struct doubt *doubt = &model->doubts[slot - 1];

		model->doubtful[block] = doubt->next;
		doubt->next = model->free_doubts;
		model->free_doubts = slot;
	}
}

static uint32_t new_doubt(struct model *model)
{
	uint32_t slot = model->free_doubts;

	if (slot) {
		model->free_doubts = model->doubts[slot - 1].next;
		return slot;
	}
	if (model->doubt_count == model->doubt_capacity) {
		model->doubt_capacity = model->doubt_capacity ? 2 * model->doubt_capacity : 256;
		model->doubts = xrealloc(model->doubts, model->doubt_capacity * sizeof(*model->doubts));
	}
	return ++model->doubt_count;
}

void model_acknowledged(struct model *model, uint64_t block, uint64_t count, uint64_t generation)
{
	for (uint64_t i = 0; i < count; i++)
		decide(model, block + i, generation);
}

void model_unknown(struct model *model, uint64_t block, uint64_t count, uint64_t generation)
{
	for (uint64_t i = 0; i < count; i++) {
		uint32_t slot = new_doubt(model);

		model->doubts[slot - 1] = (struct doubt){ generation, model->doubtful[block + i] };
		model->doubtful[block + i] = slot;
	}
}

static bool is_doubted(const struct model *model, uint64_t block, uint64_t generation)
{
	for (uint32_t slot = model->doubtful[block]; slot; slot = model->doubts[slot - 1].next)
		if (model->doubts[slot - 1].generation == generation)
			return true;
	return false;
}

/* What a valid block of ours means at this place. */
static enum verdict judge_generation(const struct model *model, uint64_t block, const struct block_stamp *stamp)
{
	if (stamp->lba != model->geometry.first_lba + block)
		return VERDICT_MISPLACED;
	if (stamp->generation == model->acknowledged[block] || is_doubted(model, block, stamp->generation))
		return VERDICT_RIGHT;
	return stamp->generation < model->acknowledged[block] ? VERDICT_STALE : VERDICT_LATE;
}

static enum verdict judge(const struct model *model, uint64_t block, const uint8_t *data, struct block_stamp *stamp)
{
	enum block_kind kind = block_examine(data, model->geometry.block_size, stamp);
	bool ours = stamp->writer >> WHO_BITS == model->identity;

	if (model->acknowledged[block] == ANYTHING)
		return VERDICT_UNWRITTEN;
	if (kind == BLOCK_VALID && ours)
		return judge_generation(model, block, stamp);
	if (!model->acknowledged[block] && !ours)
		return VERDICT_UNWRITTEN; /* what was there before us */
	switch (kind) {
	case BLOCK_VALID:
		return VERDICT_FOREIGN;
	case BLOCK_BLANK:
		return VERDICT_LOST;
	case BLOCK_TORN:
		return VERDICT_TORN;
	default:
		return VERDICT_CORRUPT;
	}
}

enum verdict model_check(struct model *model, uint64_t block, const uint8_t *data, struct block_stamp *found)
{
	enum verdict verdict = judge(model, block, data, found);

	if (verdict == VERDICT_RIGHT)
		decide(model, block, found->generation);
	else if (verdict == VERDICT_UNWRITTEN)
		decide(model, block, model->acknowledged[block]);
	else
		decide(model, block, ANYTHING);
	return verdict;
}

unsigned model_unknown_count(const struct model *model, uint64_t block)
{
	unsigned count = 0;

	for (uint32_t slot = model->doubtful[block]; slot; slot = model->doubts[slot - 1].next)
		count++;
	return count;
}

uint64_t model_unknown_generation(const struct model *model, uint64_t block, unsigned i)
{
	uint32_t slot = model->doubtful[block];

	while (i--)
		slot = model->doubts[slot - 1].next;
	return model->doubts[slot - 1].generation;
}

static bool is_written(const struct model *model, uint64_t block)
{
	return model_generation(model, block) || model->doubtful[block];
}

uint64_t model_next_written(const struct model *model, uint64_t *block, uint64_t max)
{
	uint64_t length = 0;

	while (*block < model->geometry.blocks && !is_written(model, *block))
		(*block)++;
	while (length < max && *block + length < model->geometry.blocks && is_written(model, *block + length))
		length++;
	return length;
}

uint64_t model_last_generation(const struct model *model)
{
	return model->counter;
}

void model_set_last_generation(struct model *model, uint64_t generation)
{
	model->counter = generation;
}
