/* Stores: what is written is read, what is unmapped is zero and no longer mapped, a cut-off end does not come back. */
#include "target/array/store.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KIB UINT64_C(1024)
#define SIZE (64 * KIB)

static uint8_t buffer[SIZE];

static void fill(struct store *store, uint8_t value)
{
	memset(buffer, value, SIZE);
	assert_int_equal(store->ops->write(store, buffer, store->size_bytes, 0), 0);
}

/* Every byte from offset on equals value. */
static void assert_range(struct store *store, uint64_t offset, size_t bytes, uint8_t value)
{
	memset(buffer, ~value, SIZE);
	assert_int_equal(store->ops->read(store, buffer, bytes, offset), 0);
	for (size_t i = 0; i < bytes; i++)
		assert_int_equal(buffer[i], value);
}

static void check_unmap(struct store *store, uint64_t offset, uint64_t bytes)
{
	fill(store, 0x5a);
	assert_int_equal(store->ops->unmap(store, offset, bytes), 0);
	assert_range(store, 0, offset, 0x5a);
	assert_range(store, offset, bytes, 0);
	assert_range(store, offset + bytes, store->size_bytes - offset - bytes, 0x5a);
}

static void check_extent(struct store *store, uint64_t offset, uint64_t bytes, bool mapped)
{
	bool is_mapped = !mapped;

	assert_int_equal(store->ops->extent(store, offset, &is_mapped), bytes);
	assert_int_equal(is_mapped, mapped);
}

static void check_common(struct store *store)
{
	bool mapped;

	assert_int_equal(store->size_bytes, SIZE);
	assert_range(store, 0, SIZE, 0);
	store->ops->extent(store, 0, &mapped);
	assert_false(mapped);
	check_unmap(store, 0, SIZE);
	check_unmap(store, 8 * KIB, 4 * KIB);
	check_extent(store, 0, 8 * KIB, true);
	check_extent(store, 8 * KIB, 4 * KIB, false);
	check_extent(store, 12 * KIB, SIZE - 12 * KIB, true);
	check_unmap(store, 4 * KIB + 512, 12 * KIB);
	check_unmap(store, 512, 512);
	assert_int_equal(store->ops->sync(store), 0);
}

static void check_resize(struct store *store)
{
	fill(store, 0x77);
	assert_int_equal(store->ops->resize(store, 20 * KIB + 512), 0);
	assert_int_equal(store->size_bytes, 20 * KIB + 512);
	assert_int_equal(store->ops->resize(store, SIZE), 0);
	assert_range(store, 0, 20 * KIB + 512, 0x77);
	assert_range(store, 20 * KIB + 512, SIZE - 20 * KIB - 512, 0);
}

static void test_ram(void **state)
{
	struct store *store = store_ram_create(SIZE);

	(void)state;
	assert_non_null(store);
	check_common(store);
	check_resize(store);
	store_destroy(store);
}

/* Memory knows single sectors, and sizes that no machine has cost nothing. */
static void test_ram_sectors(void **state)
{
	struct store *store = store_ram_create(UINT64_C(512) << 30);
	uint64_t last;

	(void)state;
	assert_non_null(store);
	last = store->size_bytes - 512;
	memset(buffer, 1, SIZE);
	assert_int_equal(store->ops->write(store, buffer, 512, last), 0);
	assert_int_equal(store->ops->write(store, buffer, 3 * 512, 7 * 512), 0);
	check_extent(store, 0, 7 * 512, false);
	check_extent(store, 7 * 512, 3 * 512, true);
	check_extent(store, last, 512, true);
	assert_int_equal(store->ops->unmap(store, 8 * 512, 512), 0);
	check_extent(store, 7 * 512, 512, true);
	check_extent(store, 8 * 512, 512, false);
	check_extent(store, 9 * 512, 512, true);
	store_destroy(store);
}

static void test_file(void **state)
{
	char path[] = "/tmp/braid-test-store-XXXXXX";
	int fd = mkstemp(path);
	struct store *store;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_null(store_file_create(path, 0)); /* empty, and no size given */
	store = store_file_create(path, SIZE);
	assert_non_null(store);
	if (store->unmap_unit) {
		check_common(store);
	} else {
		print_message("this file system cannot punch holes\n");
	}
	check_resize(store);
	store_destroy(store);
	store = store_file_create(path, 0);
	assert_non_null(store);
	assert_int_equal(store->size_bytes, SIZE);
	assert_range(store, 0, 20 * KIB, 0x77);
	store_destroy(store);
	unlink(path);
	assert_null(store_file_create(path, 0)); /* it is not created without a size */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ram),
		cmocka_unit_test(test_ram_sectors),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
