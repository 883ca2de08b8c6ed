#include "gateway/engine/command.h"

#include "gateway/base/bytes.h"

#include <stddef.h>

#define ANY_ACTION 0xff
#define ROW(opcode_, action_, name_, effect_, moves_, write_, slow_)                                                   \
	{                                                                                                              \
		(opcode_), (action_),                                                                                  \
		{                                                                                                      \
			(name_), COMMAND_##effect_, (moves_), (write_), (slow_)                                        \
		}                                                                                                      \
	}
#define PLAIN(opcode_, effect_, name_) ROW(opcode_, ANY_ACTION, name_, effect_, false, false, false)
#define BLOCKS_IN(opcode_, name_) ROW(opcode_, ANY_ACTION, name_, READ, true, false, false)
#define BLOCKS_OUT(opcode_, effect_, name_) ROW(opcode_, ANY_ACTION, name_, effect_, true, true, false)
#define SLOW(opcode_, effect_, is_write_, name_) ROW(opcode_, ANY_ACTION, name_, effect_, false, is_write_, true)
#define ACTION(opcode_, action_, effect_, name_) ROW(opcode_, action_, name_, effect_, false, false, false)

struct command_row {
	uint8_t opcode, action; /* action: CDB byte 1, bits 0-4 */
	struct command_info info;
};

/* The first row that fits. */
static const struct command_row rows[] = {
	BLOCKS_IN(0x08, "READ(6)"),
	BLOCKS_IN(0x28, "READ(10)"),
	BLOCKS_IN(0xa8, "READ(12)"),
	BLOCKS_IN(0x88, "READ(16)"),
	BLOCKS_OUT(0x0a, WRITE, "WRITE(6)"),
	BLOCKS_OUT(0x2a, WRITE, "WRITE(10)"),
	BLOCKS_OUT(0xaa, WRITE, "WRITE(12)"),
	BLOCKS_OUT(0x8a, WRITE, "WRITE(16)"),
	BLOCKS_OUT(0x2e, WRITE, "WRITE AND VERIFY(10)"),
	BLOCKS_OUT(0xae, WRITE, "WRITE AND VERIFY(12)"),
	BLOCKS_OUT(0x8e, WRITE, "WRITE AND VERIFY(16)"),
	BLOCKS_OUT(0x9c, WRITE, "WRITE ATOMIC(16)"),
	BLOCKS_OUT(0x8b, WRITE, "ORWRITE(16)"), /* OR with the same bits again changes nothing */
	BLOCKS_OUT(0x89, ONCE, "COMPARE AND WRITE"),
	SLOW(0x41, WRITE, true, "WRITE SAME(10)"),
	SLOW(0x93, WRITE, true, "WRITE SAME(16)"),
	SLOW(0x42, WRITE, true, "UNMAP"),
	PLAIN(0x00, READ, "TEST UNIT READY"),
	PLAIN(0x03, READ, "REQUEST SENSE"),
	PLAIN(0x12, READ, "INQUIRY"),
	PLAIN(0x1a, READ, "MODE SENSE(6)"),
	PLAIN(0x5a, READ, "MODE SENSE(10)"),
	PLAIN(0x15, WRITE, "MODE SELECT(6)"),
	PLAIN(0x55, WRITE, "MODE SELECT(10)"),
	PLAIN(0x4d, READ, "LOG SENSE"),
	PLAIN(0x4c, WRITE, "LOG SELECT"),
	PLAIN(0x25, READ, "READ CAPACITY(10)"),
	SLOW(0x35, WRITE, false, "SYNCHRONIZE CACHE(10)"), /* repeated only once the writes before it cannot land */
	SLOW(0x91, WRITE, false, "SYNCHRONIZE CACHE(16)"),
	SLOW(0x2f, READ, false, "VERIFY(10)"),
	SLOW(0xaf, READ, false, "VERIFY(12)"),
	SLOW(0x8f, READ, false, "VERIFY(16)"),
	PLAIN(0x34, READ, "PRE-FETCH(10)"),
	PLAIN(0x90, READ, "PRE-FETCH(16)"),
	PLAIN(0x37, READ, "READ DEFECT DATA(10)"),
	PLAIN(0xb7, READ, "READ DEFECT DATA(12)"),
	PLAIN(0x3c, READ, "READ BUFFER(10)"),
	SLOW(0x1b, WRITE, false, "START STOP UNIT"),
	PLAIN(0x1e, WRITE, "PREVENT ALLOW MEDIUM REMOVAL"),
	SLOW(0x1d, ONCE, false, "SEND DIAGNOSTIC"),
	PLAIN(0x1c, READ, "RECEIVE DIAGNOSTIC RESULTS"),
	SLOW(0x04, WRITE, true, "FORMAT UNIT"),
	SLOW(0x48, ONCE, true, "SANITIZE"),
	ACTION(0x9e, 0x10, READ, "READ CAPACITY(16)"),
	ACTION(0x9e, 0x12, READ, "GET LBA STATUS"),
	ACTION(0xa3, 0x05, READ, "REPORT IDENTIFYING INFORMATION"),
	ACTION(0xa3, 0x0a, REPORT, "REPORT TARGET PORT GROUPS"), /* those of the array are not the hosts' */
	ACTION(0xa3, 0x0c, READ, "REPORT SUPPORTED OPERATION CODES"), /* see report.h */
	ACTION(0xa3, 0x0d, REPORT, "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS"),
	ACTION(0xa3, 0x0f, READ, "REPORT TIMESTAMP"),
	ACTION(0xa4, 0x0a, REFUSE, "SET TARGET PORT GROUPS"),
	PLAIN(0x5e, RESERVE, "PERSISTENT RESERVE IN"), /* a reservation at the array would name a link of the gateway, */
	PLAIN(0x5f, RESERVE, "PERSISTENT RESERVE OUT"), /* not the host, and shut out its other paths */
	PLAIN(0x16, RESERVE, "RESERVE(6)"),
	PLAIN(0x17, RESERVE, "RELEASE(6)"),
	PLAIN(0x56, RESERVE, "RESERVE(10)"),
	PLAIN(0x57, RESERVE, "RELEASE(10)"),
	PLAIN(0x83, REFUSE, "EXTENDED COPY"), /* its descriptors name the array's own ports */
	PLAIN(0x84, REFUSE, "RECEIVE COPY RESULTS"),
	PLAIN(0x7f, REFUSE, "variable length CDB"),
};

static const struct command_info unknown = { NULL, COMMAND_ONCE, false, false, false };

const struct command_info *command_info(const uint8_t *cdb)
{
	/* the rows that carry the load stand first */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].opcode == cdb[0] && (rows[i].action == ANY_ACTION || rows[i].action == (cdb[1] & 0x1f)))
			return &rows[i].info;
	return &unknown;
}

uint64_t command_lba(const uint8_t *cdb)
{
	switch (cdb[0] >> 5) { /* group code */
	case 0:
		return get_be24(cdb + 1) & 0x1fffff;
	case 1:
	case 5:
		return get_be32(cdb + 2);
	case 4:
		return get_be64(cdb + 2);
	default:
		return 0;
	}
}

bool command_sets_mode(const uint8_t *cdb)
{
	return cdb[0] == 0x15 || cdb[0] == 0x55;
}
