/* The generic DSM: the error table of the semantics, section 4, line by line. */
#include "dsm/module.h"
#include "tests/unit/unit.h"

#define NONE 0xff /* no sense data */

struct line {
	const char *what;
	uint8_t status, key, asc, ascq;
	enum dsm_next next;
	enum dsm_path_state path;
	unsigned flags;
};

static const struct dsm_path any_path = { .target = "iqn.2026-11.org.example:array" };

static void assert_lines(const struct line *lines, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct line *line = &lines[i];
		struct dsm_result result = {
			.status = line->status,
			.has_sense = line->key != NONE,
			.sense_key = line->key,
			.asc = line->asc,
			.ascq = line->ascq,
		};
		struct dsm_verdict verdict = dsm_generic.interpret(NULL, &any_path, &result);

		if (verdict.next != line->next || verdict.path != line->path || verdict.flags != line->flags)
			fail_msg("%s: next %d path %d flags %x", line->what, verdict.next, verdict.path, verdict.flags);
	}
}

#define LINES(...)                                                                                                     \
	do {                                                                                                           \
		static const struct line lines_[] = { __VA_ARGS__ };                                                   \
		assert_lines(lines_, ARRAY_COUNT(lines_));                                                             \
	} while (0)

#define SAME DSM_RETRY_SAME, DSM_PATH_KEEP
#define OTHER DSM_RETRY_OTHER, DSM_PATH_KEEP
#define OTHER_SUSPECT DSM_RETRY_OTHER, DSM_PATH_SUSPECT
#define GROUP(path) DSM_RETRY_GROUP, DSM_PATH_##path
#define HOST DSM_RETURN, DSM_PATH_KEEP

/* row: E5 */
static void test_transitioning(void **state)
{
	(void)state;
	LINES({ "02/04/0A", 2, 2, 0x04, 0x0a, GROUP(TRANSITIONING), DSM_DELAYED | DSM_REFRESH },
	      { "06/04/0A", 2, 6, 0x04, 0x0a, GROUP(TRANSITIONING), DSM_DELAYED | DSM_REFRESH });
}

/* row: E6 */
static void test_standby_and_unavailable(void **state)
{
	(void)state;
	LINES({ "standby", 2, 2, 0x04, 0x0b, GROUP(PASSIVE), DSM_DELAYED | DSM_REFRESH },
	      { "unavailable", 2, 2, 0x04, 0x0c, GROUP(PASSIVE), DSM_DELAYED | DSM_REFRESH });
}

/* row: E7, E8, E9 */
static void test_not_ready(void **state)
{
	(void)state;
	LINES({ "becoming ready", 2, 2, 0x04, 0x01, SAME, DSM_COUNTED | DSM_DELAYED },
	      { "controller update", 2, 2, 0x04, 0x03, OTHER, DSM_COUNTED },
	      { "other causes", 2, 2, 0x04, 0x1b, OTHER_SUSPECT, DSM_COUNTED },
	      { "no medium", 2, 2, 0x3a, 0x00, HOST, 0 }, { "stopped by the host", 2, 2, 0x04, 0x02, HOST, 0 });
}

/* row: E10, E11, E12, E13 */
static void test_unit_attentions(void **state)
{
	(void)state;
	LINES({ "access state changed", 2, 6, 0x2a, 0x06, SAME, DSM_REFRESH },
	      { "transition failed", 2, 6, 0x2a, 0x07, SAME, DSM_REFRESH },
	      { "capacity changed", 2, 6, 0x2a, 0x09, SAME, DSM_REIDENTIFY },
	      { "inquiry changed", 2, 6, 0x3f, 0x03, SAME, DSM_REIDENTIFY },
	      { "LUNs changed", 2, 6, 0x3f, 0x0e, SAME, DSM_REIDENTIFY },
	      { "power on", 2, 6, 0x29, 0x00, SAME, DSM_COUNTED | DSM_REFRESH },
	      { "nexus loss", 2, 6, 0x29, 0x07, SAME, DSM_COUNTED | DSM_REFRESH },
	      { "any other", 2, 6, 0x5d, 0x00, SAME, DSM_COUNTED });
}

/* row: E14, E15 */
static void test_attentions_of_the_hosts(void **state)
{
	(void)state;
	LINES({ "mode parameters", 2, 6, 0x2a, 0x01, HOST, DSM_TELL_HOSTS },
	      { "commands cleared", 2, 6, 0x2f, 0x00, HOST, DSM_TELL_HOSTS },
	      { "threshold", 2, 6, 0x38, 0x07, HOST, DSM_SPACE_EVENT },
	      { "allocation in progress", 2, 2, 0x04, 0x14, HOST, DSM_SPACE_EVENT },
	      { "space exhausted", 2, 7, 0x27, 0x07, HOST, DSM_SPACE_EVENT });
}

/* row: E16 */
static void test_lu_not_supported(void **state)
{
	(void)state;
	LINES({ "05/25/00", 2, 5, 0x25, 0x00, DSM_RETRY_OTHER, DSM_PATH_FAILED, DSM_COUNTED | DSM_REIDENTIFY });
}

/* row: E17: a device-class error never fails a path */
static void test_errors_of_the_host(void **state)
{
	(void)state;
	LINES({ "opcode", 2, 5, 0x20, 0x00, HOST, 0 }, { "range", 2, 5, 0x21, 0x00, HOST, 0 },
	      { "invalid use", 2, 5, 0x22, 0x00, HOST, 0 }, { "field in CDB", 2, 5, 0x24, 0x00, HOST, 0 },
	      { "field in parameters", 2, 5, 0x26, 0x00, HOST, 0 }, { "miscompare", 2, 0xe, 0x1d, 0x00, HOST, 0 },
	      { "unrecovered read", 2, 3, 0x11, 0x00, HOST, 0 }, { "guard check", 2, 0xb, 0x10, 0x01, HOST, 0 },
	      { "write protected", 2, 7, 0x20, 0x00, HOST, 0 }, { "recovered", 2, 1, 0x17, 0x00, HOST, 0 });
}

/* row: E18, E19, E20 */
static void test_aborted_hardware_and_no_sense(void **state)
{
	(void)state;
	LINES({ "aborted", 2, 0xb, 0x4e, 0x00, DSM_RETRY_SAME_ONCE, DSM_PATH_SUSPECT, DSM_COUNTED },
	      { "hardware", 2, 4, 0x44, 0x00, OTHER_SUSPECT, DSM_COUNTED | DSM_ONCE },
	      { "no sense data", 2, NONE, 0, 0, OTHER_SUSPECT, DSM_COUNTED },
	      { "00/00/00", 2, 0, 0, 0, OTHER_SUSPECT, DSM_COUNTED });
}

/* row: E21, E22, E23 */
static void test_statuses(void **state)
{
	(void)state;
	LINES({ "BUSY", 0x08, NONE, 0, 0, SAME, DSM_DELAYED | DSM_CUT_QUEUE },
	      { "TASK SET FULL", 0x28, NONE, 0, 0, SAME, DSM_DELAYED | DSM_CUT_QUEUE },
	      { "RESERVATION CONFLICT", 0x18, NONE, 0, 0, HOST, 0 },
	      { "TASK ABORTED", 0x40, NONE, 0, 0, OTHER, DSM_COUNTED },
	      { "unknown", 0x77, NONE, 0, 0, OTHER_SUSPECT, DSM_COUNTED | DSM_ONCE });
}

/* Every byte that an array may send has a row. */
static void test_every_answer_has_a_verdict(void **state)
{
	(void)state;
	for (unsigned status = 1; status < 0x100; status++) {
		for (unsigned key = 0; key < 16; key++) {
			struct dsm_result result = { .status = (uint8_t)status,
						     .has_sense = true,
						     .sense_key = (uint8_t)key,
						     .asc = (uint8_t)(status ^ key),
						     .ascq = (uint8_t)(status + key) };

			assert_true(dsm_generic.interpret(NULL, &any_path, &result).next < DSM_GENERIC);
		}
	}
}

/* row: D7 */
static void test_takes_every_device(void **state)
{
	struct dsm_inquiry inquiry = { 0 };

	(void)state;
	assert_true(dsm_generic.match(&inquiry));
	assert_int_equal(dsm_generic.abi, DSM_ABI);
	assert_int_equal(dsm_generic.size, sizeof(struct dsm_ops));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transitioning),
		cmocka_unit_test(test_standby_and_unavailable),
		cmocka_unit_test(test_not_ready),
		cmocka_unit_test(test_unit_attentions),
		cmocka_unit_test(test_attentions_of_the_hosts),
		cmocka_unit_test(test_lu_not_supported),
		cmocka_unit_test(test_errors_of_the_host),
		cmocka_unit_test(test_aborted_hardware_and_no_sense),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_every_answer_has_a_verdict),
		cmocka_unit_test(test_takes_every_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
