/* The buffer pool: size classes, reuse, the limit of what is lent out, the bound of what is kept. */
#include "gateway/base/pool.h"
#include "tests/unit/unit.h"

#include <string.h>

#define MIB ((size_t)1 << 20)

static void test_classes(void **state)
{
	static const struct {
		size_t size, capacity;
	} cases[] = {
		{ 0, 4096 },       { 1, 4096 },      { 4096, 4096 },       { 4097, 8192 },       { 65536, 65536 },
		{ 65537, 131072 }, { MIB - 1, MIB }, { MIB + 1, 2 * MIB }, { 8 * MIB, 8 * MIB }, { 16 * MIB, 16 * MIB },
	};
	struct pool *pool = pool_create(64 * MIB);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		size_t capacity = 0;
		uint8_t *buffer = pool_get(pool, cases[i].size, &capacity);

		assert_non_null(buffer);
		assert_int_equal(capacity, cases[i].capacity);
		assert_int_equal((uintptr_t)buffer % 4096, 0);
		assert_int_equal(pool_lent_bytes(pool), capacity);
		memset(buffer, 0xa5, capacity); /* the sanitizer sees a buffer that is too short */
		pool_put(pool, buffer, capacity);
		assert_int_equal(pool_lent_bytes(pool), 0);
	}
	pool_destroy(pool);
}

static void test_too_large(void **state)
{
	struct pool *pool = pool_create(64 * MIB);
	size_t capacity = 0;

	(void)state;
	assert_null(pool_get(pool, POOL_BUFFER_MAX + 1, &capacity));
	assert_int_equal(pool_lent_bytes(pool), 0);
	pool_destroy(pool);
}

static void test_reuse(void **state)
{
	struct pool *pool = pool_create(MIB);
	size_t capacity;
	uint8_t *first = pool_get(pool, 5000, &capacity), *second;

	(void)state;
	assert_non_null(first);
	pool_put(pool, first, capacity);
	assert_int_equal(pool_kept_bytes(pool), 8192);
	second = pool_get(pool, 8000, &capacity);
	assert_ptr_equal(second, first);
	assert_int_equal(pool_kept_bytes(pool), 0);
	pool_put(pool, second, capacity);
	second = pool_get(pool, 100, &capacity); /* another class: the kept buffer stays */
	assert_ptr_not_equal(second, first);
	assert_int_equal(pool_kept_bytes(pool), 8192);
	pool_put(pool, second, capacity);
	pool_put(pool, NULL, 0);
	pool_destroy(pool);
}

static void test_limit(void **state)
{
	struct pool *pool = pool_create(3 * 4096);
	uint8_t *buffers[3];
	size_t capacity;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(buffers); i++) {
		buffers[i] = pool_get(pool, 4096, &capacity);
		assert_non_null(buffers[i]);
	}
	assert_null(pool_get(pool, 1, &capacity));
	pool_put(pool, buffers[1], 4096);
	assert_null(pool_get(pool, 4097, &capacity)); /* its class is larger than what is left */
	buffers[1] = pool_get(pool, 1, &capacity);
	assert_non_null(buffers[1]);
	for (size_t i = 0; i < ARRAY_COUNT(buffers); i++)
		pool_put(pool, buffers[i], 4096);
	assert_int_equal(pool_lent_bytes(pool), 0);
	pool_destroy(pool);
}

/* What was lent at a peak must not stay for ever. */
static void test_kept_is_bounded(void **state)
{
	enum { COUNT = 12 };
	struct pool *pool = pool_create(COUNT * POOL_BUFFER_MAX);
	uint8_t *buffers[COUNT];
	size_t capacity;

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		buffers[i] = pool_get(pool, POOL_BUFFER_MAX, &capacity);
		assert_non_null(buffers[i]);
	}
	for (size_t i = 0; i < COUNT; i++)
		pool_put(pool, buffers[i], capacity);
	assert_int_equal(pool_lent_bytes(pool), 0);
	assert_true(pool_kept_bytes(pool) < COUNT * POOL_BUFFER_MAX);
	pool_destroy(pool);
}

static void test_destroy_null(void **state)
{
	(void)state;
	pool_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),         cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_reuse),           cmocka_unit_test(test_limit),
		cmocka_unit_test(test_kept_is_bounded), cmocka_unit_test(test_destroy_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
