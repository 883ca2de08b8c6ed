/* The command table: what an opcode means when it is sent twice. */
#include "gateway/base/bytes.h"
#include "gateway/engine/command.h"
#include "tests/unit/unit.h"

static const struct command_info *info(uint8_t opcode, uint8_t action)
{
	uint8_t cdb[16] = { opcode, action };

	return command_info(cdb);
}

static void test_reads_and_writes(void **state)
{
	static const uint8_t reads[] = { 0x08, 0x28, 0xa8, 0x88 };
	static const uint8_t writes[] = { 0x0a, 0x2a, 0xaa, 0x8a, 0x2e, 0xae, 0x8e };

	(void)state;
	for (size_t i = 0; i < sizeof(reads); i++) {
		assert_int_equal(info(reads[i], 0)->effect, COMMAND_READ);
		assert_true(info(reads[i], 0)->moves_blocks && !info(reads[i], 0)->is_write);
	}
	for (size_t i = 0; i < sizeof(writes); i++) {
		assert_int_equal(info(writes[i], 0)->effect, COMMAND_WRITE);
		assert_true(info(writes[i], 0)->moves_blocks && info(writes[i], 0)->is_write);
	}
}

/* what may not be executed twice, and whatever is not known */
static void test_once(void **state)
{
	(void)state;
	assert_int_equal(info(0x89, 0)->effect, COMMAND_ONCE); /* COMPARE AND WRITE */
	assert_int_equal(info(0x48, 0)->effect, COMMAND_ONCE); /* SANITIZE */
	assert_int_equal(info(0xc1, 0)->effect, COMMAND_ONCE); /* vendor-specific */
	assert_int_equal(info(0xa3, 0x1f)->effect, COMMAND_ONCE);
}

/* Nothing that changes the medium passes for a read: a read is sent again while its first copy may still run. */
static void test_changes_are_no_reads(void **state)
{
	static const uint8_t changes[] = { 0x04, 0x0a, 0x15, 0x1b, 0x2a, 0x2e, 0x35, 0x41, 0x42, 0x48, 0x4c,
					   0x55, 0x89, 0x8a, 0x8b, 0x8e, 0x91, 0x93, 0x9c, 0xaa, 0xae };

	(void)state;
	for (size_t i = 0; i < sizeof(changes); i++)
		if (info(changes[i], 0)->effect == COMMAND_READ)
			fail_msg("opcode %02x passes for a read", changes[i]);
}

/* Reservations and port groups of the array belong to the gateway's nexus. */
static void test_refused(void **state)
{
	static const uint8_t refused[] = { 0x7f, 0x83, 0x84 };
	static const uint8_t reserve[] = { 0x16, 0x17, 0x56, 0x57, 0x5e, 0x5f }; /* rows R1, R2 */

	(void)state;
	for (size_t i = 0; i < sizeof(refused); i++)
		assert_int_equal(info(refused[i], 0)->effect, COMMAND_REFUSE);
	for (size_t i = 0; i < sizeof(reserve); i++)
		assert_int_equal(info(reserve[i], 0)->effect, COMMAND_RESERVE);
	assert_int_equal(info(0xa3, 0x0a)->effect, COMMAND_REPORT);
	assert_int_equal(info(0xa3, 0x0d)->effect, COMMAND_REPORT);
	assert_int_equal(info(0xa4, 0x0a)->effect, COMMAND_REFUSE);
}

/* The service action stands in five bits; the others are another field's. */
static void test_service_actions(void **state)
{
	(void)state;
	assert_int_equal(info(0x9e, 0x10)->effect, COMMAND_READ);
	assert_int_equal(info(0x9e, 0xf0)->effect, COMMAND_READ);
	assert_int_equal(info(0xa3, 0xea)->effect, COMMAND_REPORT);
	assert_int_equal(info(0xa3, 0x0c)->effect, COMMAND_READ);
}

static void test_lba(void **state)
{
	uint8_t six[16] = { 0x08, 0xff, 0x12, 0x34 }, ten[16] = { 0x28 }, twelve[16] = { 0xa8 }, sixteen[16] = { 0x88 };

	(void)state;
	put_be32(ten + 2, 0x89abcdef);
	put_be32(twelve + 2, 0xffffffff);
	put_be64(sixteen + 2, UINT64_C(0x0123456789abcdef));
	assert_int_equal(command_lba(six), 0x1f1234);
	assert_int_equal(command_lba(ten), 0x89abcdef);
	assert_int_equal(command_lba(twelve), 0xffffffff);
	assert_true(command_lba(sixteen) == UINT64_C(0x0123456789abcdef));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_and_writes),     cmocka_unit_test(test_once),
		cmocka_unit_test(test_changes_are_no_reads), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_service_actions),      cmocka_unit_test(test_lba),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
