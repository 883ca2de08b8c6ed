#include "unit.h"

#include "target/crc32c.h"
#include "target/pdu.h"
#include "target/scsi.h"

#include <string.h>

static void serial_numbers_wrap(void **state)
{
	(void)state;
	assert_true(sn_before(1, 2));
	assert_false(sn_before(2, 2));
	assert_false(sn_before(3, 2));
	assert_true(sn_before(0xffffffff, 0));
	assert_false(sn_before(0, 0xffffffff));
}

static void opcode_is_masked(void **state)
{
	uint8_t bhs[BHS_LEN] = { PDU_NOP_OUT | PDU_IMMEDIATE, PDU_FINAL };

	(void)state;
	assert_int_equal(pdu_opcode(bhs), PDU_NOP_OUT);
	assert_true(pdu_immediate(bhs));
	assert_true(pdu_final(bhs));
}

/* RFC 7143 appendix A.4 (from RFC 3720 B.4): 32 bytes of zeros, of ones, ascending. */
static void digests_of_the_standard(void **state)
{
	static const uint8_t of_zeros[] = { 0xaa, 0x36, 0x91, 0x8a }, of_ones[] = { 0x43, 0xab, 0xa8, 0x62 };
	static const uint8_t of_ascending[] = { 0x4e, 0x79, 0xdd, 0x46 };
	uint8_t bytes[32] = { 0 }, wire[4];

	(void)state;
	crc32c_put(wire, crc32c(CRC32C_INIT, bytes, sizeof(bytes)));
	assert_memory_equal(wire, of_zeros, 4);
	memset(bytes, 0xff, sizeof(bytes));
	crc32c_put(wire, crc32c(CRC32C_INIT, bytes, sizeof(bytes)));
	assert_memory_equal(wire, of_ones, 4);
	for (uint8_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i;
	crc32c_put(wire, crc32c(crc32c(CRC32C_INIT, bytes, 10), bytes + 10, 22));
	assert_memory_equal(wire, of_ascending, 4);
}

static void luns_both_ways(void **state)
{
	uint8_t lun[8];

	(void)state;
	for (uint16_t number = 0; number < TARGET_LUNS_MAX; number++) {
		scsi_lun_encode(lun, number);
		assert_int_equal(scsi_lun_decode(lun), number);
	}
}

static void luns_that_cannot_be(void **state)
{
	static const uint8_t luns[][8] = {
		{ 0x01, 0x00 }, /* bus 1 */
		{ 0x44, 0x00 }, /* flat, 1024 */
		{ 0x80, 0x00 }, /* logical unit addressing */
		{ 0xc1, 0x01 }, /* a well-known one */
		{ 0x00, 0x01, 0x00, 0x01 }, /* a second level */
		{ 0x00, 0x01, 0, 0, 0, 0, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(luns); i++)
		assert_int_equal(scsi_lun_decode(luns[i]), SCSI_LUN_NONE);
}

static void sense_is_fixed_format(void **state)
{
	struct scsi_cmd cmd = { .transfer = 5 };

	(void)state;
	scsi_cmd_invalid_field(&cmd, 7, 3);
	assert_int_equal(cmd.status, SCSI_CHECK_CONDITION);
	assert_int_equal(cmd.transfer, 0);
	assert_int_equal(cmd.sense_len, 18);
	assert_int_equal(cmd.sense[0], 0x70);
	assert_int_equal(cmd.sense[2], SENSE_ILLEGAL_REQUEST);
	assert_int_equal(get_be16(cmd.sense + 12), 0x2400);
	assert_int_equal(cmd.sense[15], 0xcb);
	assert_int_equal(get_be16(cmd.sense + 16), 7);
}

static void answers_are_cut(void **state)
{
	uint8_t buffer[8] = { 0 };
	struct scsi_cmd cmd = { .dir = SCSI_DIR_IN, .data = buffer, .capacity = 4 };

	(void)state;
	scsi_cmd_answer(&cmd, (const uint8_t *)"abcdefgh", 8, 6);
	assert_int_equal(cmd.transfer, 6);
	assert_memory_equal(buffer, "abcd\0", 5);
	cmd = (struct scsi_cmd){ .dir = SCSI_DIR_NONE };
	scsi_cmd_answer(&cmd, (const uint8_t *)"abcdefgh", 8, 8);
	assert_int_equal(cmd.transfer, 8);
}

static void cdb_lengths(void **state)
{
	(void)state;
	assert_int_equal(scsi_cdb_len(0x12), 6);
	assert_int_equal(scsi_cdb_len(0x28), 10);
	assert_int_equal(scsi_cdb_len(0x5a), 10);
	assert_int_equal(scsi_cdb_len(0x7f), 0);
	assert_int_equal(scsi_cdb_len(0x88), 16);
	assert_int_equal(scsi_cdb_len(0xa0), 12);
	assert_int_equal(scsi_cdb_len(0xc0), 0);
}

static void resets_come_first(void **state)
{
	static struct attentions attentions;

	(void)state;
	attention_init(&attentions);
	assert_int_equal(attention_take(&attentions, 5), 0x2900);
	assert_int_equal(attention_take(&attentions, 5), 0);
	attention_establish(&attentions, 5, 0x2a01);
	attention_establish(&attentions, 5, 0x3f0e);
	attention_establish(&attentions, 5, 0x2a01);
	assert_int_equal(attention_take(&attentions, 5), 0x2a01);
	attention_establish(&attentions, 5, 0x2903);
	assert_int_equal(attention_take(&attentions, 5), 0x2903);
	assert_int_equal(attention_take(&attentions, 5), 0);
	attention_establish(&attentions, TARGET_ALL_LUNS, 0x3f0e);
	attention_clear(&attentions, 0x3f0e);
	assert_int_equal(attention_take(&attentions, 5), 0);
	assert_int_equal(attention_take(&attentions, 6), 0x2900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serial_numbers_wrap),     cmocka_unit_test(opcode_is_masked),
		cmocka_unit_test(digests_of_the_standard), cmocka_unit_test(luns_both_ways),
		cmocka_unit_test(luns_that_cannot_be),     cmocka_unit_test(sense_is_fixed_format),
		cmocka_unit_test(answers_are_cut),         cmocka_unit_test(cdb_lengths),
		cmocka_unit_test(resets_come_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
