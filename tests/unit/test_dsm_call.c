/* Calls into a module: decoding of sense, verdicts brought into range, the standard verification and activation. */
#include "dsm/call.h"
#include "dsm/module.h"
#include "tests/unit/unit.h"

#include <string.h>

static const struct dsm_path plain = { .target = "iqn.2026-11.org.example:array" };
static const struct dsm_path alua = { .port_group = 2, .tpgs = 3 };

static void test_decode(void **state)
{
	static const uint8_t fixed[18] = { 0x70, 0, 0x65, [12] = 0x2a, 0x06 };
	static const uint8_t descriptor[8] = { 0x72, 0x06, 0x29, 0x07 };
	struct dsm_result result;

	(void)state;
	call_decode(0x02, fixed, sizeof(fixed), &result);
	assert_true(result.has_sense);
	assert_int_equal(result.sense_key << 16 | result.asc << 8 | result.ascq, 0x52a06); /* flags are no key */
	call_decode(0x02, descriptor, sizeof(descriptor), &result);
	assert_int_equal(result.sense_key << 16 | result.asc << 8 | result.ascq, 0x62907);
	call_decode(0x02, fixed, 13, &result); /* cut within the codes: the key stands */
	assert_true(result.has_sense);
	assert_int_equal(result.asc, 0);
	call_decode(0x02, fixed, 2, &result);
	assert_false(result.has_sense);
	call_decode(0x02, NULL, 0, &result);
	assert_false(result.has_sense);
	call_decode(0x08, fixed, sizeof(fixed), &result); /* sense without CHECK CONDITION says nothing */
	assert_false(result.has_sense);
}

static struct dsm_verdict out_of_range(void *ctx, const struct dsm_path *path, const struct dsm_result *result)
{
	(void)ctx;
	(void)path;
	(void)result;
	return (struct dsm_verdict){ (enum dsm_next)77, DSM_PATH_KEEP, 0 };
}

static void test_generic_where_the_module_has_nothing(void **state)
{
	static const struct dsm_ops nothing = { .name = "nothing" }, wild = { .interpret = out_of_range };
	struct dsm_result conflict = { .status = 0x18 };

	(void)state;
	assert_int_equal(call_interpret(&nothing, NULL, &plain, &conflict).next, DSM_RETURN);
	assert_int_equal(call_interpret(&wild, NULL, &plain, &conflict).next, DSM_RETURN);
}

/* row: L2: TEST UNIT READY without ALUA, REPORT TARGET PORT GROUPS with it */
static void test_verify_command(void **state)
{
	struct dsm_command command;

	(void)state;
	call_verify(&dsm_generic, &plain, &command);
	assert_int_equal(command.cdb[0], 0x00);
	assert_int_equal(command.cdb_len, 6);
	call_verify(&dsm_generic, &alua, &command);
	assert_int_equal(command.cdb[0], 0xa3);
	assert_int_equal(command.cdb[1], 0x0a);
	assert_int_equal(command.cdb[8] << 8 | command.cdb[9], command.in_len);
}

/* Two groups with one port each; `state` is that of group 2. */
static enum dsm_health judge_group(uint8_t state, size_t len)
{
	const uint8_t data[4 + 24] = {
		0,           0,        0,        24,      [5] = 0x0f, [7] = 1, [11] = 1, [15] = 1, [16] = state,
		[17] = 0x0f, [19] = 2, [23] = 1, [27] = 2
	};
	struct dsm_result result = { .data = data, .data_len = len };

	return call_judge(&dsm_generic, NULL, &alua, &result);
}

static void test_judge_groups(void **state)
{
	(void)state;
	assert_int_equal(judge_group(0x0, 28), DSM_HEALTH_ACTIVE);
	assert_int_equal(judge_group(0x81, 28), DSM_HEALTH_ACTIVE); /* preferred, non-optimized */
	assert_int_equal(judge_group(0x2, 28), DSM_HEALTH_PASSIVE);
	assert_int_equal(judge_group(0x3, 28), DSM_HEALTH_PASSIVE);
	assert_int_equal(judge_group(0xf, 28), DSM_HEALTH_AGAIN);
	assert_int_equal(judge_group(0xe, 28), DSM_HEALTH_FAILED); /* offline */
	for (size_t len = 0; len < 28; len++) /* cut anywhere: no byte beyond is read (AddressSanitizer) */
		judge_group(0x2, len);
}

static void test_judge_sense(void **state)
{
	static const struct {
		uint8_t key, asc, ascq;
		enum dsm_health health;
	} cases[] = {
		{ 6, 0x29, 0x07, DSM_HEALTH_AGAIN },   { 2, 0x04, 0x01, DSM_HEALTH_AGAIN },
		{ 2, 0x04, 0x0b, DSM_HEALTH_PASSIVE }, { 2, 0x04, 0x0c, DSM_HEALTH_PASSIVE },
		{ 2, 0x04, 0x00, DSM_HEALTH_FAILED },  { 4, 0x44, 0x00, DSM_HEALTH_FAILED },
		{ 2, 0x3a, 0x00, DSM_HEALTH_FAILED },
	};
	struct dsm_result result = { .status = 0x02, .has_sense = true };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		result.sense_key = cases[i].key;
		result.asc = cases[i].asc;
		result.ascq = cases[i].ascq;
		assert_int_equal(call_judge(&dsm_generic, NULL, &plain, &result), cases[i].health);
	}
}

static void test_activate_explicit(void **state)
{
	struct dsm_result attention = { .status = 0x02, .has_sense = true, .sense_key = 6 }, good = { 0 };
	struct dsm_path implicit = { .port_group = 2, .tpgs = 1 };
	struct dsm_command command;

	(void)state;
	assert_int_equal(call_activate(&dsm_generic, NULL, &implicit, 0, NULL, &command), DSM_STEP_FAILED);
	assert_int_equal(call_activate(&dsm_generic, NULL, &alua, 0, NULL, &command), DSM_STEP_SEND);
	assert_int_equal(command.cdb[0], 0xa4);
	assert_int_equal(command.out[6] << 8 | command.out[7], 2);
	assert_int_equal(call_activate(&dsm_generic, NULL, &alua, 1, &attention, &command), DSM_STEP_SEND);
	assert_int_equal(call_activate(&dsm_generic, NULL, &alua, 2, &good, &command), DSM_STEP_DONE);
	assert_int_equal(call_activate(&dsm_generic, NULL, &alua, CALL_STEPS_MAX, &attention, &command),
			 DSM_STEP_FAILED);
}

/* RDAC: the passive controller's answer is no failure, and the page that moves the LU is as the array wants it. */
static void test_active_passive(void **state)
{
	struct dsm_result not_owner = { .status = 0x02, .has_sense = true, .sense_key = 5, .asc = 0x94, .ascq = 0x01 };
	struct dsm_result refused = { .status = 0x02, .has_sense = true, .sense_key = 5, .asc = 0x20 };
	struct dsm_path path = { .lun = 3 };
	_Alignas(16) uint8_t ctx[16] = { 0 };
	struct dsm_command command;
	struct dsm_verdict verdict = call_interpret(&dsm_active_passive, ctx, &path, &not_owner);

	(void)state;
	assert_true(dsm_active_passive.ctx_bytes <= sizeof(ctx));
	assert_int_equal(verdict.next, DSM_RETRY_GROUP);
	assert_int_equal(verdict.path, DSM_PATH_PASSIVE);
	assert_false(verdict.flags & DSM_COUNTED);
	assert_int_equal(call_activate(&dsm_active_passive, ctx, &path, 0, NULL, &command), DSM_STEP_SEND);
	assert_int_equal(command.cdb[0], 0x55);
	assert_int_equal(command.cdb[7] << 8 | command.cdb[8], command.out_len);
	assert_int_equal(command.out[8], 0x6c);
	assert_int_equal(command.out[12 + 38 + 3], 0x81);
	assert_int_equal(call_activate(&dsm_active_passive, ctx, &path, 1, &refused, &command), DSM_STEP_SEND);
	assert_int_equal(command.cdb[0], 0x15);
	assert_int_equal(command.cdb[4], 110);
	assert_int_equal(command.out[4], 0x2c);
	assert_int_equal(command.out[6 + 38 + 3], 0x81);
	assert_int_equal(call_activate(&dsm_active_passive, ctx, &path, 2, &refused, &command), DSM_STEP_FAILED);
}

static struct dsm_inquiry inquiry_of(const char *vendor, const char *product, unsigned tpgs)
{
	struct dsm_inquiry inquiry = { .tpgs = tpgs };

	strncpy(inquiry.vendor, vendor, sizeof(inquiry.vendor) - 1);
	strncpy(inquiry.product, product, sizeof(inquiry.product) - 1);
	return inquiry;
}

/* row: D7: which module is for which hardware */
static void test_matches(void **state)
{
	static const struct {
		const char *vendor, *product;
		unsigned tpgs;
		bool rdac, family;
	} cases[] = {
		{ "IBM", "1742-900", 0, true, false },
		{ "IBM", "1742-900", 1, false, false },
		{ "IBM", "Universal Xport", 0, false, false },
		{ "IBM", "2145", 1, false, true },
		{ "EMC", "SYMMETRIX", 0, false, true },
		{ "emc", "SYMMETRIX", 0, false, false },
		{ "LIO-ORG", "disk0", 3, false, true },
		{ "IET", "VIRTUAL-DISK", 0, false, false },
		{ "EMC", "SYM", 0, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct dsm_inquiry inquiry = inquiry_of(cases[i].vendor, cases[i].product, cases[i].tpgs);

		assert_int_equal(module_matches(&dsm_active_passive, &inquiry), cases[i].rdac);
		assert_int_equal(module_matches(&dsm_families, &inquiry), cases[i].family);
		assert_true(module_matches(&dsm_generic, &inquiry));
	}
}

/* Asymmetric arrays get what their states say, not what the table has for symmetric ones. */
static void test_family_defaults(void **state)
{
	struct dsm_inquiry symmetric = inquiry_of("EMC", "SYMMETRIX", 0),
			   asymmetric = inquiry_of("EMC", "SYMMETRIX", 1);
	struct dsm_traits traits = { 0 }, others = { 0 };

	(void)state;
	assert_int_equal(dsm_families.attach(NULL, &symmetric, &traits), 0);
	assert_string_equal(traits.policy, "round-robin");
	assert_int_equal(traits.hold_s, 30);
	assert_int_equal(dsm_families.attach(NULL, &asymmetric, &others), 0);
	assert_null(others.policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),          cmocka_unit_test(test_generic_where_the_module_has_nothing),
		cmocka_unit_test(test_verify_command),  cmocka_unit_test(test_judge_groups),
		cmocka_unit_test(test_judge_sense),     cmocka_unit_test(test_activate_explicit),
		cmocka_unit_test(test_active_passive),  cmocka_unit_test(test_matches),
		cmocka_unit_test(test_family_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
