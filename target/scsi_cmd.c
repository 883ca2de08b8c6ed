#include "target/scsi_cmd.h"

#include "gateway/base/bytes.h"

#include <string.h>

#define SENSE_FIXED_CURRENT 0x70
#define SENSE_FIXED_LEN 18
#define ASC_INVALID_FIELD_IN_CDB 0x2400

void scsi_cmd_sense(struct scsi_cmd *cmd, enum sense_key key, scsi_asc asc)
{
	memset(cmd->sense, 0, SENSE_FIXED_LEN);
	cmd->sense[0] = SENSE_FIXED_CURRENT;
	cmd->sense[2] = (uint8_t)key;
	cmd->sense[7] = SENSE_FIXED_LEN - 8; /* additional sense length */
	put_be16(cmd->sense + 12, asc);
	cmd->sense_len = SENSE_FIXED_LEN;
	cmd->status = SCSI_CHECK_CONDITION;
	cmd->transfer = 0;
}

void scsi_cmd_invalid_field(struct scsi_cmd *cmd, unsigned byte, unsigned bit)
{
	scsi_cmd_sense(cmd, SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
	cmd->sense[15] = (uint8_t)(0xc8 | (bit & 7)); /* SKSV, C/D, BPV */
	put_be16(cmd->sense + 16, (uint16_t)byte);
}

void scsi_cmd_answer(struct scsi_cmd *cmd, const uint8_t *bytes, size_t len, size_t alloc)
{
	size_t room = cmd->dir == SCSI_DIR_IN ? cmd->capacity : 0;

	if (len > alloc)
		len = alloc;
	memcpy(cmd->data ? cmd->data : (uint8_t *)"", bytes, len < room ? len : room);
	cmd->transfer = (uint32_t)len;
	cmd->status = SCSI_GOOD;
}

unsigned scsi_cdb_len(uint8_t opcode)
{
	static const uint8_t by_group[8] = { 6, 10, 10, 0, 16, 12, 0, 0 };

	return by_group[opcode >> 5];
}
