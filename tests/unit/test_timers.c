/* The timers' defaults are Microsoft's, lie within their own ranges, and the recovery interval follows. */
#include "gateway/timers.h"
#include "tests/unit/unit.h"

#include <string.h>

/* row: L1 */
static void test_defaults(void **state)
{
	(void)state;
	assert_int_equal(timers_default.path_verify_enabled, 0);
	assert_int_equal(timers_default.path_verification_period, 30);
	assert_int_equal(timers_default.pdo_remove_period, 20);
	assert_int_equal(timers_default.retry_count, 3);
	assert_int_equal(timers_default.retry_interval, 1);
	assert_int_equal(timers_default.keepalive_interval, 5);
	assert_int_equal(timers_default.keepalive_timeout, 5);
}

/* row: L1 */
static void test_defaults_lie_in_range(void **state)
{
	(void)state;
#define TIMER_CHECK(name, scope, preset, min, max, unit, help)                                                         \
	assert_in_range(timers_default.name, min, max);                                                                \
	assert_true(strlen(help) > 0);
	TIMER_TABLE(TIMER_CHECK)
#undef TIMER_CHECK
}

/* row: L1 */
static void test_recovery_interval(void **state)
{
	struct timers timers = timers_default;

	(void)state;
	assert_int_equal(timers_path_recovery(&timers), 40);
	timers.pdo_remove_period = 60;
	assert_int_equal(timers_path_recovery(&timers), 120);
	timers.path_recovery_interval = 7;
	assert_int_equal(timers_path_recovery(&timers), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_defaults_lie_in_range),
		cmocka_unit_test(test_recovery_interval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
