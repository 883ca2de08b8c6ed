/*
 * volume_opcode.c - the commands of a volume: one row each. Dispatch, every check that does not depend on the command's
 * own fields, and REPORT SUPPORTED OPERATION CODES come from this table.
 */
#include "target/array/volume_unit.h"

/* pieces of usage data: whole bytes of a field */
#define B1 0xff
#define B2 0xff, 0xff
#define B4 B2, B2
#define B8 B4, B4
#define GROUP_NUMBER 0x1f
#define DPO_FUA 0x18
#define DPO_BYTCHK 0x16
#define PERSISTENT_IN { 0x1f, 0, 0, 0, 0, 0, B2 }
#define PERSISTENT_OUT { 0x1f, B1, 0, 0, B4 } /* scope and type are ignored where they mean nothing */

#define OP_ANY_PORT (OP_STANDBY | OP_UNAVAILABLE)
#define OP_READ (OP_IN | OP_MEDIUM | OP_READS | OP_RANGE | OP_LIMIT)
#define OP_WRITE (OP_OUT | OP_MEDIUM | OP_WRITES | OP_RANGE | OP_LIMIT)
#define OP_VERIFY (OP_OUT | OP_MEDIUM | OP_RANGE | OP_LIMIT)
#define OP_FLUSH (OP_MEDIUM | OP_RANGE | OP_ZERO_REST)
#define OP_SAME (OP_OUT | OP_MEDIUM | OP_WRITES | OP_RANGE)
#define OP_STATUS (OP_IN | OP_MEDIUM | OP_RANGE | OP_START | OP_ACTION)
#define OP_ALUA (OP_ANY_PORT | OP_GROUPS | OP_ACTION)
#define OP_PERSISTENT (OP_STANDBY | OP_ACTION | OP_RESERVATION)

static const struct volume_opcode opcodes[] = {
	{ 0x00, 0, OP_MEDIUM, volume_test_ready, { 0 } },
	{ 0x03, 0, OP_IN | OP_ANY_PORT, volume_request_sense, { 0, 0, 0, B1 } },
	{ 0x08, 0, OP_READ, volume_read, { 0x1f, B2, B1 } },
	{ 0x0a, 0, OP_WRITE, volume_write, { 0x1f, B2, B1 } },
	{ 0x12, 0, OP_IN | OP_ANY_PORT, volume_inquiry, { 0x01, B1, B2 } },
	{ 0x15, 0, OP_OUT | OP_STANDBY, volume_mode_select, { 0x10, 0, 0, B1 } },
	{ 0x16, 0, OP_RESERVATION, NULL, { 0 } },
	{ 0x17, 0, OP_RESERVATION, NULL, { 0 } },
	{ 0x1a, 0, OP_IN | OP_STANDBY, volume_mode_sense, { 0x08, B1, B1, B1 } },
	{ 0x1b, 0, 0, volume_start_stop, { 0x01, 0, 0, 0x05 } },
	{ 0x1d, 0, OP_STANDBY, volume_diagnostic, { 0x14, 0, 0, 0 } },
	{ 0x1e, 0, 0, volume_prevent, { 0, 0, 0, 0x03 } },
	{ 0x25, 0, OP_IN, volume_capacity10, { 0 } },
	{ 0x28, 0, OP_READ, volume_read, { DPO_FUA, B4, GROUP_NUMBER, B2 } },
	{ 0x2a, 0, OP_WRITE, volume_write, { DPO_FUA, B4, GROUP_NUMBER, B2 } },
	{ 0x2e, 0, OP_WRITE, volume_write_verify, { DPO_BYTCHK, B4, GROUP_NUMBER, B2 } },
	{ 0x2f, 0, OP_VERIFY, volume_verify, { DPO_BYTCHK, B4, GROUP_NUMBER, B2 } },
	{ 0x34, 0, OP_FLUSH, volume_prefetch, { 0x02, B4, GROUP_NUMBER, B2 } },
	{ 0x35, 0, OP_FLUSH, volume_sync, { 0x02, B4, GROUP_NUMBER, B2 } },
	{ 0x37, 0, OP_IN | OP_MEDIUM, volume_defects, { 0, 0x1f, 0, 0, 0, 0, B2 } },
	{ 0x41, 0, OP_SAME, volume_write_same, { 0x08, B4, GROUP_NUMBER, B2 } },
	{ 0x42, 0, OP_OUT | OP_MEDIUM | OP_WRITES | OP_THIN, volume_unmap, { 0, 0, 0, 0, 0, GROUP_NUMBER, B2 } },
	{ 0x4d, 0, OP_IN | OP_STANDBY, volume_log_sense, { 0, B1, B1, 0, B2, B2 } },
	{ 0x55, 0, OP_OUT | OP_STANDBY, volume_mode_select, { 0x10, 0, 0, 0, 0, 0, B2 } },
	{ 0x56, 0, OP_RESERVATION, NULL, { 0 } },
	{ 0x57, 0, OP_RESERVATION, NULL, { 0 } },
	{ 0x5a, 0, OP_IN | OP_STANDBY, volume_mode_sense, { 0x18, B1, B1, 0, 0, 0, B2 } },
	{ 0x5e, 0x00, OP_IN | OP_PERSISTENT, NULL, PERSISTENT_IN },
	{ 0x5e, 0x01, OP_IN | OP_PERSISTENT, NULL, PERSISTENT_IN },
	{ 0x5e, 0x02, OP_IN | OP_PERSISTENT, NULL, PERSISTENT_IN },
	{ 0x5e, 0x03, OP_IN | OP_PERSISTENT, NULL, PERSISTENT_IN },
	{ 0x5f, 0x00, OP_OUT | OP_PERSISTENT, NULL, PERSISTENT_OUT },
	{ 0x5f, 0x01, OP_OUT | OP_PERSISTENT, NULL, PERSISTENT_OUT },
	{ 0x5f, 0x02, OP_OUT | OP_PERSISTENT, NULL, PERSISTENT_OUT },
	{ 0x5f, 0x03, OP_OUT | OP_PERSISTENT, NULL, PERSISTENT_OUT },
	{ 0x5f, 0x04, OP_OUT | OP_PERSISTENT, NULL, PERSISTENT_OUT },
	{ 0x5f, 0x05, OP_OUT | OP_PERSISTENT, NULL, PERSISTENT_OUT },
	{ 0x5f, 0x06, OP_OUT | OP_PERSISTENT, NULL, PERSISTENT_OUT },
	{ 0x5f, 0x07, OP_OUT | OP_PERSISTENT, NULL, PERSISTENT_OUT },
	{ 0x88, 0, OP_READ, volume_read, { DPO_FUA, B8, B4, GROUP_NUMBER } },
	{ 0x89, 0, OP_WRITE, volume_compare_write, { DPO_FUA, B8, 0, 0, 0, B1, GROUP_NUMBER } },
	{ 0x8a, 0, OP_WRITE, volume_write, { DPO_FUA, B8, B4, GROUP_NUMBER } },
	{ 0x8b, 0, OP_WRITE, volume_orwrite, { DPO_FUA, B8, B4, GROUP_NUMBER } },
	{ 0x8e, 0, OP_WRITE, volume_write_verify, { DPO_BYTCHK, B8, B4, GROUP_NUMBER } },
	{ 0x8f, 0, OP_VERIFY, volume_verify, { DPO_BYTCHK, B8, B4, GROUP_NUMBER } },
	{ 0x90, 0, OP_FLUSH, volume_prefetch, { 0x02, B8, B4, GROUP_NUMBER } },
	{ 0x91, 0, OP_FLUSH, volume_sync, { 0x02, B8, B4, GROUP_NUMBER } },
	{ 0x93, 0, OP_SAME, volume_write_same, { 0x09, B8, B4, GROUP_NUMBER } },
	{ 0x9e, 0x10, OP_IN | OP_ACTION, volume_capacity16, { 0x1f, 0, 0, 0, 0, 0, 0, 0, 0, B4 } },
	{ 0x9e, 0x12, OP_STATUS, volume_lba_status, { 0x1f, B8, B4 } },
	{ 0xa0, 0, OP_IN | OP_ANY_PORT, NULL, { 0, B1, 0, 0, 0, B4 } },
	{ 0xa3, 0x0a, OP_IN | OP_ALUA, volume_report_groups, { 0xff, 0, 0, 0, 0, B4 } },
	{ 0xa3, 0x0c, OP_IN | OP_STANDBY | OP_ACTION, volume_report_opcodes, { 0x1f, 0x87, B1, B2, B4 } },
	{ 0xa3, 0x0d, OP_IN | OP_STANDBY | OP_ACTION, volume_report_tmf, { 0x1f, 0x80, 0, 0, 0, B4 } },
	{ 0xa4, 0x0a, OP_OUT | OP_ALUA, volume_set_groups, { 0x1f, 0, 0, 0, 0, B4 } },
	{ 0xa8, 0, OP_READ, volume_read, { DPO_FUA, B4, B4, GROUP_NUMBER } },
	{ 0xaa, 0, OP_WRITE, volume_write, { DPO_FUA, B4, B4, GROUP_NUMBER } },
	{ 0xae, 0, OP_WRITE, volume_write_verify, { DPO_BYTCHK, B4, B4, GROUP_NUMBER } },
	{ 0xaf, 0, OP_VERIFY, volume_verify, { DPO_BYTCHK, B4, B4, GROUP_NUMBER } },
	{ 0xb7, 0, OP_IN | OP_MEDIUM, volume_defects, { 0x1f, B4, B4 } },
};

#define OPCODE_COUNT (sizeof(opcodes) / sizeof(opcodes[0]))

static bool opcode_supported(const struct volume *volume, const struct volume_opcode *op)
{
	if (op->flags & OP_THIN)
		return volume->thin;
	if (op->flags & OP_RESERVATION)
		return volume->reservations;
	if (op->flags & OP_GROUPS)
		return op->flags & OP_OUT ? volume->ports->tpgs & TPGS_EXPLICIT : volume->ports->tpgs != TPGS_NONE;
	return true;
}

const struct volume_opcode *volume_opcode_find(const struct volume *volume, uint8_t opcode, uint8_t service_action,
					       bool *known)
{
	*known = false;
	for (const struct volume_opcode *op = opcodes; op < opcodes + OPCODE_COUNT; op++) {
		if (op->opcode != opcode || !opcode_supported(volume, op))
			continue;
		*known = true;
		if (!(op->flags & OP_ACTION) || op->service_action == service_action)
			return op;
	}
	return NULL;
}

enum volume_access volume_access(uint8_t opcode)
{
	for (const struct volume_opcode *op = opcodes; op < opcodes + OPCODE_COUNT; op++) {
		if (op->opcode != opcode)
			continue;
		if (op->flags & OP_WRITES)
			return VOLUME_ACCESS_WRITE;
		return op->flags & OP_READS ? VOLUME_ACCESS_READ : VOLUME_ACCESS_NONE;
	}
	return VOLUME_ACCESS_NONE;
}

#define TIMEOUTS_BYTES 12
#define TIMEOUT_S 30 /* RECOMMENDED COMMAND TIMEOUT: nothing here takes long, but a fault may delay it */

/* The command timeouts descriptor (SPC-4 6.35.4) */
static size_t put_timeouts(uint8_t *p)
{
	memset(p, 0, TIMEOUTS_BYTES);
	put_be16(p, TIMEOUTS_BYTES - 2);
	put_be32(p + 8, TIMEOUT_S);
	return TIMEOUTS_BYTES;
}

/* All commands (SPC-4 6.35.2) */
static size_t report_all(const struct volume *volume, bool timeouts, uint8_t *out)
{
	size_t len = 4;

	for (const struct volume_opcode *op = opcodes; op < opcodes + OPCODE_COUNT; op++) {
		uint8_t *p = out + len;

		if (!opcode_supported(volume, op))
			continue;
		memset(p, 0, 8);
		p[0] = op->opcode;
		put_be16(p + 2, op->service_action);
		p[5] = (uint8_t)((timeouts ? 0x02 : 0) | (op->flags & OP_ACTION ? 0x01 : 0));
		put_be16(p + 6, (uint16_t)scsi_cdb_len(op->opcode));
		len += 8;
		if (timeouts)
			len += put_timeouts(out + len);
	}
	put_be32(out, (uint32_t)(len - 4));
	return len;
}

/* One command (SPC-4 6.35.3); op is NULL when it is not supported. */
static size_t report_one(const struct volume_opcode *op, bool timeouts, uint8_t *out)
{
	size_t cdb_len = op ? scsi_cdb_len(op->opcode) : 0;

	memset(out, 0, 4);
	out[1] = (uint8_t)((timeouts && op ? 0x80 : 0) | (op ? 3 : 1));
	if (!op)
		return 4;
	put_be16(out + 2, (uint16_t)cdb_len);
	out[4] = op->opcode;
	memcpy(out + 5, op->usage, cdb_len - 1);
	if (op->flags & OP_ACTION)
		out[5] = (uint8_t)((out[5] & 0xe0) | op->service_action);
	return 4 + cdb_len + (timeouts ? put_timeouts(out + 4 + cdb_len) : 0);
}

/* REPORT SUPPORTED OPERATION CODES (SPC-4 6.35). Options: 0 all; 1 one opcode, which must have no service actions;
 * 2 one opcode and service action; 3 one of either kind. */
void volume_report_opcodes(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	uint8_t out[4 + OPCODE_COUNT * (8 + TIMEOUTS_BYTES)];
	uint8_t option = cmd->cdb[2] & 0x07;
	uint16_t action = get_be16(cmd->cdb + 4);
	bool timeouts = cmd->cdb[2] & 0x80, known, has_actions;
	const struct volume_opcode *op = volume_opcode_find(volume, cmd->cdb[3], (uint8_t)action, &known);
	size_t len;

	(void)range;
	has_actions = known && (!op || op->flags & OP_ACTION);
	if (option > 3 || (option == 1 && has_actions)) {
		scsi_cmd_invalid_field(cmd, 2, 2);
		return;
	}
	if (option == 2 && known && !has_actions) {
		scsi_cmd_invalid_field(cmd, 4, 7);
		return;
	}
	if (action > 0x1f || (option == 3 && !has_actions && action))
		op = option == 1 ? op : NULL;
	len = option ? report_one(op, timeouts, out) : report_all(volume, timeouts, out);
	scsi_cmd_answer(cmd, out, len, get_be32(cmd->cdb + 6));
}
