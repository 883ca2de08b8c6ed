/* The judge of braid-load: every kind of lie that an array or a gateway can tell about a block is caught. */
#include "tests/load/block.h"
#include "tests/load/histogram.h"
#include "tests/load/model.h"
#include "tests/load/state.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCKS = 64, SIZE = 4096, FIRST_LBA = 1000, IDENTITY = 0x123456 };

/* A medium with its model. */
struct bench {
	struct model *model;
	uint8_t medium[BLOCKS][SIZE];
};

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	struct model_geometry geometry = { .first_lba = FIRST_LBA, .blocks = BLOCKS, .block_size = SIZE };

	bench->model = model_create(&geometry, IDENTITY);
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	model_destroy(bench->model);
	free(bench);
	return 0;
}

/* A write that reaches the medium and is acknowledged. */
static uint64_t write_blocks(struct bench *bench, uint64_t block, uint64_t count)
{
	uint64_t generation = model_fill(bench->model, block, count, 1, bench->medium[block]);

	model_acknowledged(bench->model, block, count, generation);
	return generation;
}

static enum verdict read_block(struct bench *bench, uint64_t block)
{
	struct block_stamp stamp;

	return model_check(bench->model, block, bench->medium[block], &stamp);
}

/* The lie is told once, then the block counts as unknown, then a write makes it known again. */
static void assert_caught(struct bench *bench, uint64_t block, enum verdict verdict)
{
	assert_string_equal(verdict_names[read_block(bench, block)], verdict_names[verdict]);
	assert_int_equal(read_block(bench, block), VERDICT_UNWRITTEN);
	write_blocks(bench, block, 1);
	assert_int_equal(read_block(bench, block), VERDICT_RIGHT);
}

static void test_right(void **state)
{
	struct bench *bench = *state;

	write_blocks(bench, 3, 8);
	for (uint64_t block = 3; block < 11; block++) {
		assert_int_equal(read_block(bench, block), VERDICT_RIGHT);
		assert_int_equal(read_block(bench, block), VERDICT_RIGHT);
	}
}

static void test_unwritten(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(read_block(bench, 0), VERDICT_UNWRITTEN);
	memset(bench->medium[1], 0x5a, SIZE);
	assert_int_equal(read_block(bench, 1), VERDICT_UNWRITTEN);
	block_fill(bench->medium[2], SIZE, &(struct block_stamp){ 99, FIRST_LBA + 2, 7 }); /* another writer's */
	assert_int_equal(read_block(bench, 2), VERDICT_UNWRITTEN);
}

static void test_stale(void **state)
{
	struct bench *bench = *state;
	uint8_t old[SIZE];

	write_blocks(bench, 5, 1);
	memcpy(old, bench->medium[5], SIZE);
	write_blocks(bench, 5, 1);
	memcpy(bench->medium[5], old, SIZE);
	assert_caught(bench, 5, VERDICT_STALE);
}

static void test_lost(void **state)
{
	struct bench *bench = *state;

	write_blocks(bench, 5, 1);
	memset(bench->medium[5], 0, SIZE);
	assert_caught(bench, 5, VERDICT_LOST);
}

static void test_misplaced(void **state)
{
	struct bench *bench = *state;

	write_blocks(bench, 5, 2);
	memcpy(bench->medium[6], bench->medium[5], SIZE); /* over an acknowledged block */
	assert_caught(bench, 6, VERDICT_MISPLACED);
	memcpy(bench->medium[40], bench->medium[5], SIZE); /* to a block that was never written */
	assert_caught(bench, 40, VERDICT_MISPLACED);
}

/* A block of another logical unit: same address, another model's identity. */
static void test_foreign(void **state)
{
	struct bench *bench = *state;
	struct model *other = model_create(model_geometry(bench->model), IDENTITY + 1);

	write_blocks(bench, 5, 1);
	model_fill(other, 5, 1, 1, bench->medium[5]);
	assert_caught(bench, 5, VERDICT_FOREIGN);
	model_destroy(other);
}

static void test_torn(void **state)
{
	struct bench *bench = *state;
	uint8_t old[SIZE];

	for (size_t cut = 512; cut < SIZE; cut += 512) {
		write_blocks(bench, 5, 1);
		memcpy(old, bench->medium[5], SIZE);
		write_blocks(bench, 5, 1);
		memcpy(bench->medium[5] + cut, old + cut, SIZE - cut);
		assert_caught(bench, 5, VERDICT_TORN);
	}
	write_blocks(bench, 7, 1);
	memset(bench->medium[7] + SIZE / 2, 0, SIZE / 2); /* the second half never arrived on a blank medium */
	assert_caught(bench, 7, VERDICT_TORN);
}

/* Every single bit matters. */
static void test_corrupt(void **state)
{
	struct bench *bench = *state;

	for (size_t bit = 0; bit < 8 * SIZE; bit += 37) {
		enum verdict verdict;

		write_blocks(bench, 5, 1);
		bench->medium[5][bit / 8] ^= (uint8_t)(1 << bit % 8);
		verdict = read_block(bench, 5);
		assert_true(verdict == VERDICT_CORRUPT || verdict == VERDICT_TORN);
	}
	write_blocks(bench, 5, 1);
	memset(bench->medium[5], 0x5a, SIZE);
	assert_caught(bench, 5, VERDICT_CORRUPT);
}

/* A read that answers GOOD and brings nothing leaves the poison in the buffer. */
static void test_poison(void **state)
{
	struct bench *bench = *state;

	write_blocks(bench, 5, 1);
	block_poison(bench->medium[5], SIZE);
	assert_caught(bench, 5, VERDICT_CORRUPT);
}

/* Outcome unknown: old is right, new is right; the first read decides, and the other is wrong from then on. */
static void test_unknown_outcome(void **state)
{
	struct bench *bench = *state;
	uint8_t old[SIZE], new[SIZE];
	uint64_t generation;

	write_blocks(bench, 5, 1);
	memcpy(old, bench->medium[5], SIZE);
	generation = model_fill(bench->model, 5, 1, 1, new);
	model_unknown(bench->model, 5, 1, generation);
	assert_int_equal(model_unknown_count(bench->model, 5), 1);
	assert_int_equal(read_block(bench, 5), VERDICT_RIGHT); /* it did not land */
	assert_int_equal(model_unknown_count(bench->model, 5), 0);
	memcpy(bench->medium[5], new, SIZE);
	assert_caught(bench, 5, VERDICT_LATE);

	memcpy(old, bench->medium[5], SIZE);
	generation = model_fill(bench->model, 5, 1, 1, bench->medium[5]);
	model_unknown(bench->model, 5, 1, generation);
	assert_int_equal(read_block(bench, 5), VERDICT_RIGHT); /* it did */
	assert_int_equal(model_generation(bench->model, 5), generation);
	memcpy(bench->medium[5], old, SIZE);
	assert_caught(bench, 5, VERDICT_STALE);
}

/* Several lost writes in a row: each is possible. A newer acknowledged write rules all of them out. */
static void test_unknown_several(void **state)
{
	struct bench *bench = *state;
	uint8_t copies[3][SIZE];

	write_blocks(bench, 5, 1);
	for (size_t i = 0; i < ARRAY_COUNT(copies); i++)
		model_unknown(bench->model, 5, 1, model_fill(bench->model, 5, 1, (unsigned)i, copies[i]));
	assert_int_equal(model_unknown_count(bench->model, 5), 3);
	memcpy(bench->medium[5], copies[1], SIZE);
	assert_int_equal(read_block(bench, 5), VERDICT_RIGHT);
	memcpy(bench->medium[5], copies[2], SIZE);
	assert_caught(bench, 5, VERDICT_LATE);

	model_unknown(bench->model, 5, 1, model_fill(bench->model, 5, 1, 1, copies[0]));
	write_blocks(bench, 5, 1);
	memcpy(bench->medium[5], copies[0], SIZE);
	assert_caught(bench, 5, VERDICT_STALE);
}

/* A first write of unknown outcome: what was there before is right as well. */
static void test_unknown_first(void **state)
{
	struct bench *bench = *state;
	uint8_t new[SIZE];

	model_unknown(bench->model, 9, 1, model_fill(bench->model, 9, 1, 1, new));
	assert_int_equal(read_block(bench, 9), VERDICT_UNWRITTEN);
	memcpy(bench->medium[9], new, SIZE);
	assert_caught(bench, 9, VERDICT_LATE);
}

static void test_expect(void **state)
{
	struct bench *bench = *state;
	uint8_t expected[SIZE];

	assert_false(model_expect(bench->model, 5, expected));
	write_blocks(bench, 5, 1);
	assert_true(model_expect(bench->model, 5, expected));
	assert_memory_equal(expected, bench->medium[5], SIZE);
	model_unknown(bench->model, 5, 1, model_fill(bench->model, 5, 1, 1, expected));
	assert_false(model_expect(bench->model, 5, expected));
}

static void test_locks(void **state)
{
	struct bench *bench = *state;

	assert_true(model_lock(bench->model, 10, 4));
	assert_false(model_lock(bench->model, 8, 3));
	assert_false(model_lock(bench->model, 13, 1));
	assert_true(model_lock(bench->model, 8, 2)); /* the refused call locked nothing */
	assert_true(model_lock(bench->model, 14, BLOCKS - 14));
	model_unlock(bench->model, 10, 4);
	assert_true(model_lock(bench->model, 10, 4));
}

static void test_next_written(void **state)
{
	struct bench *bench = *state;
	uint64_t block = 0;

	assert_int_equal(model_next_written(bench->model, &block, 8), 0);
	write_blocks(bench, 5, 10);
	model_unknown(bench->model, BLOCKS - 1, 1, 1 << 20);
	block = 0;
	assert_int_equal(model_next_written(bench->model, &block, 8), 8);
	assert_int_equal(block, 5);
	block = 13;
	assert_int_equal(model_next_written(bench->model, &block, 8), 2);
	block = 15;
	assert_int_equal(model_next_written(bench->model, &block, 8), 1);
	assert_int_equal(block, BLOCKS - 1);
}

/* What was saved is known again, doubts included. */
static void test_state(void **state)
{
	struct bench *bench = *state;
	struct state_unit unit = { .name = "naa.600", .model = bench->model };
	struct state_unit *loaded = calloc(STATE_UNITS_MAX, sizeof(*loaded));
	char path[] = "/tmp/test_model.XXXXXX";
	uint8_t lost[SIZE];

	close(mkstemp(path));
	write_blocks(bench, 5, 10);
	write_blocks(bench, 30, 1);
	model_unknown(bench->model, 30, 1, model_fill(bench->model, 30, 1, 1, lost));
	assert_int_equal(state_save(path, &unit, 1), 0);
	assert_int_equal(state_load(path, loaded), 1);
	assert_string_equal(loaded[0].name, "naa.600");
	assert_int_equal(model_geometry(loaded[0].model)->first_lba, FIRST_LBA);
	assert_int_equal(model_geometry(loaded[0].model)->blocks, BLOCKS);
	assert_int_equal(model_geometry(loaded[0].model)->block_size, SIZE);
	assert_int_equal(model_identity(loaded[0].model), IDENTITY);
	for (uint64_t block = 0; block < BLOCKS; block++)
		assert_int_equal(model_generation(loaded[0].model, block), model_generation(bench->model, block));
	assert_int_equal(model_last_generation(loaded[0].model), model_last_generation(bench->model));
	assert_int_equal(model_unknown_count(loaded[0].model, 30), 1);
	model_destroy(bench->model);
	bench->model = loaded[0].model;
	memcpy(bench->medium[30], lost, SIZE);
	assert_int_equal(read_block(bench, 30), VERDICT_RIGHT);
	unlink(path);
	free(loaded);
}

/* A damaged file is refused whatever byte of it is wrong. */
static void test_state_damaged(void **state)
{
	struct bench *bench = *state;
	struct state_unit unit = { .name = "naa.600", .model = bench->model };
	struct state_unit *loaded = calloc(STATE_UNITS_MAX, sizeof(*loaded));
	char path[] = "/tmp/test_model.XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w");
	long size;

	fclose(file);
	write_blocks(bench, 5, 10);
	assert_int_equal(state_save(path, &unit, 1), 0);
	file = fopen(path, "r+");
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	for (long at = 0; at < size; at++) {
		int byte;

		fseek(file, at, SEEK_SET);
		byte = fgetc(file);
		fseek(file, at, SEEK_SET);
		fputc(byte ^ 1, file);
		fflush(file);
		assert_int_equal(state_load(path, loaded), -EBADMSG);
		fseek(file, at, SEEK_SET);
		fputc(byte, file);
		fflush(file);
	}
	assert_int_equal(ftruncate(fileno(file), size - 1), 0);
	assert_int_equal(state_load(path, loaded), -EBADMSG);
	fclose(file);
	unlink(path);
	assert_int_equal(state_load(path, loaded), -ENOENT);
	free(loaded);
}

static void test_histogram(void **state)
{
	struct histogram *histogram = calloc(1, sizeof(*histogram));

	(void)state;
	assert_int_equal(histogram_quantile(histogram, 0.5), 0);
	for (uint64_t us = 1; us <= 10000; us++)
		histogram_add(histogram, us);
	assert_in_range(histogram_quantile(histogram, 0.5), 5000, 5313);
	assert_in_range(histogram_quantile(histogram, 0.99), 9900, 10000);
	assert_int_equal(histogram_quantile(histogram, 1), 10000);
	assert_int_equal(histogram_mean(histogram), 5000);
	histogram_add(histogram, 0);
	histogram_add(histogram, UINT64_MAX);
	assert_int_equal(histogram_quantile(histogram, 1), UINT64_MAX);
	free(histogram);
}

#define MODEL_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MODEL_TEST(test_right),
		MODEL_TEST(test_unwritten),
		MODEL_TEST(test_stale),
		MODEL_TEST(test_lost),
		MODEL_TEST(test_misplaced),
		MODEL_TEST(test_foreign),
		MODEL_TEST(test_torn),
		MODEL_TEST(test_corrupt),
		MODEL_TEST(test_poison),
		MODEL_TEST(test_unknown_outcome),
		MODEL_TEST(test_unknown_several),
		MODEL_TEST(test_unknown_first),
		MODEL_TEST(test_expect),
		MODEL_TEST(test_locks),
		MODEL_TEST(test_next_written),
		MODEL_TEST(test_state),
		MODEL_TEST(test_state_damaged),
		cmocka_unit_test(test_histogram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
