/* Policies by number, name and short name. */
#include "gateway/policy_name.h"
#include "tests/unit/unit.h"

#include <errno.h>

static const struct {
	enum policy_id id;
	const char *number, *name, *upper, *short_name;
} policies[] = {
	{ POLICY_FAIL_OVER_ONLY, "1", "fail-over-only", "FAIL-OVER-ONLY", "FOO" },
	{ POLICY_ROUND_ROBIN, "2", "round-robin", "Round-Robin", "RR" },
	{ POLICY_ROUND_ROBIN_SUBSET, "3", "round-robin-subset", "ROUND-ROBIN-SUBSET", "RRWS" },
	{ POLICY_LEAST_QUEUE_DEPTH, "4", "least-queue-depth", "LEAST-QUEUE-DEPTH", "LQD" },
	{ POLICY_WEIGHTED_PATHS, "5", "weighted-paths", "WEIGHTED-PATHS", "WP" },
	{ POLICY_LEAST_BLOCKS, "6", "least-blocks", "LEAST-BLOCKS", "LB" },
	{ POLICY_VENDOR, "7", "vendor", "VENDOR", "VS" },
};

static void assert_parses(const char *text, enum policy_id expected)
{
	enum policy_id id = POLICY_ID_MAX;

	assert_int_equal(policy_parse(text, &id), 0);
	assert_int_equal(id, expected);
}

/* row: P8 */
static void test_every_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(policies); i++) {
		assert_int_equal(policies[i].id, i + 1);
		assert_parses(policies[i].number, policies[i].id);
		assert_parses(policies[i].name, policies[i].id);
		assert_parses(policies[i].upper, policies[i].id);
		assert_parses(policies[i].short_name, policies[i].id);
		assert_string_equal(policy_name(policies[i].id), policies[i].name);
		assert_string_equal(policy_short_name(policies[i].id), policies[i].short_name);
	}
}

/* row: P8 */
static void test_cleared(void **state)
{
	(void)state;
	assert_parses("0", POLICY_INHERIT);
	assert_parses("", POLICY_INHERIT);
	assert_parses("inherit", POLICY_INHERIT);
	assert_string_equal(policy_name(POLICY_INHERIT), "inherit");
}

/* row: P7 */
static void test_beyond_microsoft(void **state)
{
	enum policy_id id;

	(void)state;
	assert_parses("latency", POLICY_LATENCY);
	assert_parses("lat", POLICY_LATENCY);
	assert_int_equal(policy_parse("8", &id), -EINVAL);
}

static void test_refused(void **state)
{
	static const char *const texts[] = {
		"9", "-1", "01", "1 ", " 1", "10", "round", "round-robin ", "-", "unknown"
	};
	enum policy_id id;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
		assert_int_equal(policy_parse(texts[i], &id), -EINVAL);
	assert_string_equal(policy_name(POLICY_ID_MAX), "unknown");
	assert_string_equal(policy_name((enum policy_id) - 1), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_form),
		cmocka_unit_test(test_cleared),
		cmocka_unit_test(test_beyond_microsoft),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
