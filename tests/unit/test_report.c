/* What the target says of itself: port group, task management functions, operation codes (SPC-4 6.35 to 6.37). */
#include "gateway/base/bytes.h"
#include "gateway/engine/report.h"
#include "tests/unit/unit.h"

#include <string.h>

static uint8_t buffer[REPORT_BUFFER_MIN];

static struct scsi_cmd command(const uint8_t *cdb, size_t len)
{
	struct scsi_cmd cmd = { .cdb_len = (uint8_t)len, .dir = SCSI_DIR_IN, .expected = sizeof(buffer) };

	memcpy(cmd.cdb, cdb, len);
	memset(buffer, 0xee, sizeof(buffer));
	cmd.data = buffer;
	cmd.capacity = sizeof(buffer);
	return cmd;
}

#define COMMAND(...) command((const uint8_t[12]){ __VA_ARGS__ }, 12)

static void test_groups(void **state)
{
	static const uint8_t plain[] = { 0, 0, 0, 12, 0, 1, 0, 7, 0, 0, 0, 1, 0, 0, 0, 7 };
	struct scsi_cmd cmd = COMMAND(0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 1, 0);

	(void)state;
	assert_true(report_answer(&cmd, 7));
	assert_int_equal(cmd.status, SCSI_GOOD);
	assert_int_equal(cmd.transfer, sizeof(plain));
	assert_memory_equal(buffer, plain, sizeof(plain));
	cmd = COMMAND(0xa3, 0x2a, 0, 0, 0, 0, 0, 0, 1, 0);
	assert_true(report_answer(&cmd, 7));
	assert_int_equal(cmd.transfer, 20);
	assert_int_equal(get_be32(buffer), 16);
	assert_int_equal(buffer[4], 0x10);
	assert_memory_equal(buffer + 8, plain + 4, 12);
	cmd = COMMAND(0xa3, 0x4a, 0, 0, 0, 0, 0, 0, 1, 0);
	assert_true(report_answer(&cmd, 7));
	assert_int_equal(cmd.status, SCSI_CHECK_CONDITION);
}

static void test_functions(void **state)
{
	struct scsi_cmd cmd = COMMAND(0xa3, 0x0d, 0, 0, 0, 0, 0, 0, 1, 0);

	(void)state;
	assert_true(report_answer(&cmd, 1));
	assert_int_equal(cmd.transfer, 4);
	assert_int_equal(buffer[0], 0xda); /* no CLEAR ACA, no QUERY TASK, no WAKEUP */
	cmd = COMMAND(0xa3, 0x0d, 0x80, 0, 0, 0, 0, 0, 1, 0);
	assert_true(report_answer(&cmd, 1));
	assert_int_equal(cmd.transfer, 16);
	assert_int_equal(buffer[3], 12);
}

/* Asks for one command; SUPPORT, or -1: INVALID FIELD IN CDB; -2: the array is asked. */
static int support(unsigned option, uint8_t opcode, uint16_t action)
{
	struct scsi_cmd cmd =
		COMMAND(0xa3, 0x0c, (uint8_t)option, opcode, (uint8_t)(action >> 8), (uint8_t)action, 0, 0, 1);

	if (!report_answer(&cmd, 1))
		return -2;
	return cmd.status == SCSI_GOOD ? buffer[1] & 7 : -1;
}

static void test_one_command(void **state)
{
	(void)state;
	assert_int_equal(support(3, 0x5f, 5), 3); /* PREEMPT AND ABORT */
	assert_int_equal(get_be16(buffer + 2), 10);
	assert_int_equal(buffer[4], 0x5f);
	assert_int_equal(buffer[5], 5);
	assert_int_equal(buffer[6], 0xff);
	assert_int_equal(support(2, 0x5f, 9), 1);
	assert_int_equal(support(1, 0x5f, 0), -1);
	assert_int_equal(support(1, 0x16, 0), 3); /* RESERVE(6) */
	assert_int_equal(support(2, 0x16, 0), -1);
	assert_int_equal(support(3, 0x16, 0), 3);
	assert_int_equal(support(3, 0x83, 0), 1); /* EXTENDED COPY is refused, whatever the array says */
	assert_int_equal(support(3, 0xa4, 0x0a), 1);
	assert_int_equal(support(3, 0xa3, 0x0a), 3);
	assert_int_equal(support(1, 0x28, 0), -2); /* READ(10) */
	assert_int_equal(support(3, 0x9e, 0x10), -2);
	assert_int_equal(support(0, 0, 0), -2);
	assert_int_equal(support(0x83, 0xa0, 0), 3); /* with timeouts */
	assert_int_equal(buffer[1] & 0x80, 0x80);
	assert_int_equal(get_be16(buffer + 4 + 12), 10);
}

/* How often the list has that command. */
static unsigned listed(size_t len, uint8_t opcode, uint16_t action)
{
	unsigned count = 0;

	for (size_t at = 4; at < len; at += 8 + (buffer[at + 5] & 2 ? 12 : 0))
		count += buffer[at] == opcode && get_be16(buffer + at + 2) == action;
	return count;
}

static void test_list(void **state)
{
	static const uint8_t array[] = { 0, 0, 0, 40, 0x12, 0,    0,    0, 0, 0,    0, 6, 0x5f, 0,    0,
					 0, 0, 1, 0,  10,   0x28, 0,    0, 0, 0,    0, 0, 10,   0x83, 0,
					 0, 1, 0, 1,  0,    16,   0xa3, 0, 0, 0x0a, 0, 1, 0,    12 };
	struct scsi_cmd cmd = COMMAND(0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 0, 16);
	uint8_t cdb[SCSI_CDB_MAX];
	uint32_t alloc;
	size_t len;

	(void)state;
	assert_true(report_wants_list(&cmd, cdb, &alloc));
	assert_int_equal(get_be32(cdb + 6), alloc);
	memcpy(buffer, array, sizeof(array));
	len = report_list(cmd.cdb, buffer, sizeof(array));
	assert_int_equal(get_be32(buffer), len - 4);
	assert_int_equal(listed(len, 0x12, 0), 1);
	assert_int_equal(listed(len, 0x28, 0), 1);
	assert_int_equal(listed(len, 0x5f, 0), 1);
	assert_int_equal(listed(len, 0x5f, 7), 1);
	assert_int_equal(listed(len, 0x83, 1), 0);
	assert_int_equal(listed(len, 0xa3, 0x0a), 1);
	assert_int_equal(listed(len, 0xa0, 0), 1);
	memcpy(buffer, array, sizeof(array)); /* a list that is cut, and one that says that it is longer than it is */
	len = report_list(cmd.cdb, buffer, 21);
	assert_int_equal(listed(len, 0x12, 0), 1);
	assert_int_equal(report_list(cmd.cdb, buffer, 3), 3);
	memset(buffer, 0xff, sizeof(buffer));
	len = report_list(cmd.cdb, buffer, sizeof(buffer));
	assert_true(len <= sizeof(buffer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_one_command),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
