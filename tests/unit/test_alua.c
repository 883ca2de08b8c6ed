/* What arrays tell of asymmetric access (SPC-4 6.37, 7.8.6). */
#include "gateway/engine/alua.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

/* row: E10 */
static void test_short_header(void **state)
{
	static const uint8_t data[] = {
		0,    0,    0, 28, /* length of what follows */
		0x80, 0x8f, 0, 1,  0, 0, 0, 2, 0, 0, 0, 1,
		0,    0,    0, 2, /* group 1, preferred, optimized, ports 1 and 2 */
		0x02, 0x8f, 1, 2,  0, 0, 0, 1, 0, 0, 0, 3, /* group 102h, standby, port 3 */
	};
	struct alua alua;

	(void)state;
	assert_int_equal(alua_parse(data, sizeof(data), &alua), 0);
	assert_int_equal(alua.count, 2);
	assert_int_equal(alua.transition_s, 0);
	assert_int_equal(alua.groups[0].id, 1);
	assert_int_equal(alua.groups[0].access, DSM_ACCESS_OPTIMIZED);
	assert_true(alua.groups[0].preferred);
	assert_int_equal(alua.groups[1].id, 0x102);
	assert_int_equal(alua.groups[1].access, DSM_ACCESS_STANDBY);
	assert_false(alua.groups[1].preferred);
}

static void test_extended_header(void **state)
{
	static const uint8_t data[] = {
		0,    0,    0, 12, 0x10, 30, 0, 0, /* format 1, a transition takes 30 s */
		0x0f, 0x8f, 0, 7,  0,    0,  0, 0, /* group 7 without a port: transitioning */
	};
	struct alua alua;

	(void)state;
	assert_int_equal(alua_parse(data, sizeof(data), &alua), 0);
	assert_int_equal(alua.count, 1);
	assert_int_equal(alua.transition_s, 30);
	assert_int_equal(alua.groups[0].id, 7);
	assert_int_equal(alua.groups[0].access, DSM_ACCESS_TRANSITIONING);
}

/* Every state has a meaning, those that are reserved have none. */
static void test_states(void **state)
{
	static const enum dsm_access expected[16] = {
		[0x0] = DSM_ACCESS_OPTIMIZED,     [0x1] = DSM_ACCESS_NON_OPTIMIZED, [0x2] = DSM_ACCESS_STANDBY,
		[0x3] = DSM_ACCESS_UNAVAILABLE,   [0x4] = DSM_ACCESS_LBA_DEPENDENT, [0xe] = DSM_ACCESS_OFFLINE,
		[0xf] = DSM_ACCESS_TRANSITIONING,
	};

	(void)state;
	for (unsigned code = 0; code < 16; code++) {
		uint8_t data[12] = { 0, 0, 0, 8, (uint8_t)code, 0, 0, 1 };
		struct alua alua;

		assert_int_equal(alua_parse(data, sizeof(data), &alua), 0);
		assert_int_equal(alua.groups[0].access, expected[code]);
		assert_int_equal(alua_access_name(expected[code]) == NULL, expected[code] == DSM_ACCESS_UNKNOWN);
	}
}

/* Lengths that an array got wrong, or that were cut off, read nothing beyond the data. */
static void test_cut_off(void **state)
{
	static const uint8_t whole[] = { 0, 0, 0, 28, 0x00, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1,
					 0, 0, 0, 2,  0x02, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3 };
	struct alua alua;

	(void)state;
	for (size_t len = 0; len <= sizeof(whole); len++) {
		uint8_t *copy = malloc(len ? len : 1); /* the sanitizer guards its end */

		assert_non_null(copy);
		memcpy(copy, whole, len);
		assert_int_equal(alua_parse(copy, len, &alua), len < 12 ? -22 : 0);
		assert_int_equal(alua.count, len < 12 ? 0 : len < 28 ? 1 : 2);
		free(copy);
	}
}

static void test_more_groups_than_fit(void **state)
{
	enum { COUNT = ALUA_GROUPS_MAX + 10 };
	uint8_t data[4 + 8 * COUNT] = { 0, 0, (8 * COUNT) >> 8, (8 * COUNT) & 0xff };
	struct alua alua;

	(void)state;
	for (unsigned i = 0; i < COUNT; i++)
		data[4 + 8 * i + 3] = (uint8_t)(i + 1);
	assert_int_equal(alua_parse(data, sizeof(data), &alua), 0);
	assert_int_equal(alua.count, ALUA_GROUPS_MAX);
	assert_int_equal(alua.groups[ALUA_GROUPS_MAX - 1].id, ALUA_GROUPS_MAX);
}

static void test_group_of_the_port(void **state)
{
	static const uint8_t page[] = {
		0, 0x83, 0, 28, /* */
		1, 0x03, 0, 8,  0x60, 0, 0,    0,    0, 0, 0, 1, /* the logical unit's NAA */
		1, 0x14, 0, 4,  0,    0, 0,    9, /* its port's relative number */
		1, 0x15, 0, 4,  0,    0, 0x12, 0x34, /* the port's group */
	};

	(void)state;
	assert_int_equal(alua_port_group(page, sizeof(page)), 0x1234);
	for (size_t len = 0; len < sizeof(page); len++)
		assert_int_equal(alua_port_group(page, len), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_header),
		cmocka_unit_test(test_extended_header),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_more_groups_than_fit),
		cmocka_unit_test(test_group_of_the_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
