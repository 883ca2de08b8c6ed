#include "gateway/engine/report.h"

#include "gateway/base/bytes.h"
#include "gateway/engine/command.h"

#include <string.h>

#define REPORT_LUNS 0xa0
#define MAINTENANCE_IN 0xa3
#define ACTION_GROUPS 0x0a
#define ACTION_OPCODES 0x0c
#define ACTION_FUNCTIONS 0x0d

/* REPORT SUPPORTED OPERATION CODES (SPC-4 6.35), byte 2 of the CDB */
#define WITH_TIMEOUTS 0x80
#define OPTIONS_MASK 0x07
enum { OPTION_ALL, OPTION_OPCODE, OPTION_ACTION, OPTION_EITHER };

#define SUPPORT_NONE 1
#define SUPPORT_STANDARD 3
#define DESCRIPTOR 8u
#define DESCRIPTOR_ACTION 0x01
#define DESCRIPTOR_TIMEOUTS 0x02
#define TIMEOUTS 12u /* a command timeouts descriptor */
#define LIST_HEADER 4u

/* The commands that are the gateway's, whatever the array has; bits of their CDBs that count. Bytes 0 and 1 as in SPC-4
 * 6.35.3: operation code, service action. */
#define ACTION_ROW(opcode, action, len, ...)                                                                           \
	{                                                                                                              \
		(opcode), true, (action), (len),                                                                       \
		{                                                                                                      \
			(opcode), (action), __VA_ARGS__                                                                \
		}                                                                                                      \
	}
#define PLAIN_ROW(opcode, len, ...)                                                                                    \
	{                                                                                                              \
		(opcode), false, 0, (len),                                                                             \
		{                                                                                                      \
			(opcode), __VA_ARGS__                                                                          \
		}                                                                                                      \
	}
#define PR_IN(action) ACTION_ROW(0x5e, action, 10, 0, 0, 0, 0, 0, 0xff, 0xff, 0x04)
#define PR_OUT(action) ACTION_ROW(0x5f, action, 10, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x04)

static const struct own {
	uint8_t opcode;
	bool has_action;
	uint8_t action, len;
	uint8_t usage[16];
} owns[] = {
	PLAIN_ROW(0x16, 6, 0, 0, 0, 0, 0x04), /* RESERVE(6) */
	PLAIN_ROW(0x17, 6, 0, 0, 0, 0, 0x04), /* RELEASE(6) */
	PLAIN_ROW(0x56, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0x04), /* RESERVE(10) */
	PLAIN_ROW(0x57, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0x04), /* RELEASE(10) */
	PR_IN(0), /* READ KEYS */
	PR_IN(1), /* READ RESERVATION */
	PR_IN(2), /* REPORT CAPABILITIES */
	PR_IN(3), /* READ FULL STATUS */
	PR_OUT(0), /* REGISTER */
	PR_OUT(1), /* RESERVE */
	PR_OUT(2), /* RELEASE */
	PR_OUT(3), /* CLEAR */
	PR_OUT(4), /* PREEMPT */
	PR_OUT(5), /* PREEMPT AND ABORT */
	PR_OUT(6), /* REGISTER AND IGNORE EXISTING KEY */
	PR_OUT(7), /* REGISTER AND MOVE */
	PLAIN_ROW(REPORT_LUNS, 12, 0, 0xff, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0x04), /* REPORT LUNS */
	ACTION_ROW(0xa3, 0xe0 | ACTION_GROUPS, 12, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0x04),
	ACTION_ROW(0xa3, ACTION_FUNCTIONS, 12, 0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0x04),
};

#define OWN_COUNT (sizeof(owns) / sizeof(owns[0]))

static uint8_t action_of(const struct own *own)
{
	return own->action & 0x1f;
}

/* Is it one that the array has no say in: the gateway's, or refused? */
static bool is_taken(uint8_t opcode, uint16_t action)
{
	const uint8_t cdb[SCSI_CDB_MAX] = { opcode, (uint8_t)(action & 0x1f) };
	enum command_effect effect = command_info(cdb)->effect;

	return opcode == REPORT_LUNS || effect == COMMAND_RESERVE || effect == COMMAND_REPORT ||
	       effect == COMMAND_REFUSE;
}

/* ---- target port groups (SPC-4 6.37) ----------------------------------------------------------------------------- */

/* All portals are one group, and one target port (RFC 7143 4.4.1): active/optimized, always. */
static void answer_groups(struct scsi_cmd *cmd, uint16_t tpgt)
{
	bool extended = cmd->cdb[1] >> 5 == 1;
	uint8_t data[20] = { 0 }, *group = data + (extended ? 8 : 4);
	size_t len = (size_t)(group - data) + 12;

	if (cmd->cdb[1] >> 5 > 1) {
		scsi_cmd_invalid_field(cmd, 1, 7);
		return;
	}
	put_be32(data, (uint32_t)(len - 4));
	if (extended)
		data[4] = 0x10; /* format type 001b; no time for transitions, there are none */
	group[1] = 0x01; /* AO_SUP */
	put_be16(group + 2, tpgt);
	group[7] = 1; /* target ports */
	put_be16(group + 10, tpgt);
	scsi_cmd_answer(cmd, data, len, get_be32(cmd->cdb + 6));
}

/* ---- task management functions (SPC-4 6.36) ---------------------------------------------------------------------- */

static void answer_functions(struct scsi_cmd *cmd)
{
	/* ABORT TASK, ABORT TASK SET, CLEAR TASK SET, LOGICAL UNIT RESET, TARGET RESET */
	uint8_t data[16] = { 0x80 | 0x40 | 0x10 | 0x08 | 0x02 };
	bool extended = cmd->cdb[2] & 0x80; /* REPD */

	if (extended)
		data[3] = sizeof(data) - 4;
	scsi_cmd_answer(cmd, data, extended ? sizeof(data) : 4, get_be32(cmd->cdb + 6));
}

/* ---- operation codes --------------------------------------------------------------------------------------------- */

static size_t put_timeouts(uint8_t *p)
{
	memset(p, 0, TIMEOUTS);
	put_be16(p, TIMEOUTS - 2);
	return TIMEOUTS;
}

static void answer_own(struct scsi_cmd *cmd, const struct own *own)
{
	bool timeouts = own && cmd->cdb[2] & WITH_TIMEOUTS;
	uint8_t data[4 + 16 + TIMEOUTS] = { 0, (uint8_t)((timeouts ? 0x80 : 0) |
							 (own ? SUPPORT_STANDARD : SUPPORT_NONE)) };
	size_t len = 4;

	if (own) {
		put_be16(data + 2, own->len);
		memcpy(data + 4, own->usage, own->len);
		len += own->len;
	}
	if (timeouts)
		len += put_timeouts(data + len);
	scsi_cmd_answer(cmd, data, len, get_be32(cmd->cdb + 6));
}

/* One command: true, when it is the gateway's or refused. */
static bool answer_one(struct scsi_cmd *cmd)
{
	uint8_t opcode = cmd->cdb[3], option = cmd->cdb[2] & OPTIONS_MASK;
	uint16_t action = get_be16(cmd->cdb + 4);
	const struct own *own = NULL;
	bool known = false, has_action = false;

	for (size_t i = 0; i < OWN_COUNT; i++) {
		if (owns[i].opcode != opcode)
			continue;
		known = true;
		has_action = owns[i].has_action;
		if (option == OPTION_OPCODE || action == (has_action ? action_of(&owns[i]) : 0))
			own = &owns[i];
	}
	if (option == OPTION_ALL || option > OPTION_EITHER || !is_taken(opcode, action))
		return false;
	if (option == OPTION_OPCODE && has_action)
		scsi_cmd_invalid_field(cmd, 2, 2);
	else if (option == OPTION_ACTION && known && !has_action)
		scsi_cmd_invalid_field(cmd, 4, 7);
	else
		answer_own(cmd, own);
	return true;
}

bool report_answer(struct scsi_cmd *cmd, uint16_t tpgt)
{
	if (cmd->cdb[0] != MAINTENANCE_IN)
		return false;
	switch (cmd->cdb[1] & 0x1f) {
	case ACTION_GROUPS:
		answer_groups(cmd, tpgt);
		return true;
	case ACTION_FUNCTIONS:
		answer_functions(cmd);
		return true;
	case ACTION_OPCODES:
		return answer_one(cmd);
	default:
		return false;
	}
}

bool report_wants_list(const struct scsi_cmd *cmd, uint8_t array_cdb[SCSI_CDB_MAX], uint32_t *alloc)
{
	if (cmd->cdb[0] != MAINTENANCE_IN || (cmd->cdb[1] & 0x1f) != ACTION_OPCODES ||
	    (cmd->cdb[2] & OPTIONS_MASK) != OPTION_ALL || cmd->capacity < REPORT_BUFFER_MIN)
		return false;
	*alloc = REPORT_BUFFER_MIN;
	memcpy(array_cdb, cmd->cdb, SCSI_CDB_MAX);
	put_be32(array_cdb + 6, *alloc);
	return true;
}

/* The array's descriptors that stay, moved to the front. */
static size_t keep_descriptors(uint8_t *data, size_t len)
{
	size_t from = LIST_HEADER, to = LIST_HEADER;

	while (from + DESCRIPTOR <= len) {
		const uint8_t *p = data + from;
		size_t size = DESCRIPTOR + (p[5] & DESCRIPTOR_TIMEOUTS ? TIMEOUTS : 0);

		if (from + size > len)
			break;
		if (!is_taken(p[0], p[5] & DESCRIPTOR_ACTION ? get_be16(p + 2) : 0)) {
			memmove(data + to, p, size);
			to += size;
		}
		from += size;
	}
	return to;
}

size_t report_list(const uint8_t *host_cdb, uint8_t *data, size_t len)
{
	bool timeouts = host_cdb[2] & WITH_TIMEOUTS;
	size_t size = DESCRIPTOR + (timeouts ? TIMEOUTS : 0), told;

	if (len < LIST_HEADER)
		return len;
	told = LIST_HEADER + (size_t)get_be32(data);
	len = keep_descriptors(data, len < told ? len : told);
	for (size_t i = 0; i < OWN_COUNT && len + size <= REPORT_BUFFER_MIN; i++) {
		uint8_t *p = data + len;

		memset(p, 0, DESCRIPTOR);
		p[0] = owns[i].opcode;
		put_be16(p + 2, action_of(&owns[i]));
		p[5] = (uint8_t)((timeouts ? DESCRIPTOR_TIMEOUTS : 0) | (owns[i].has_action ? DESCRIPTOR_ACTION : 0));
		put_be16(p + 6, owns[i].len);
		len += DESCRIPTOR;
		if (timeouts)
			len += put_timeouts(data + len);
	}
	put_be32(data, (uint32_t)(len - LIST_HEADER));
	return len;
}
