#include "target/scsi.h"

#include "gateway/base/bytes.h"

#include <string.h>

enum { /* SPC-4 table 55 */
       OP_REQUEST_SENSE = 0x03,
       OP_INQUIRY = 0x12,
       OP_REPORT_LUNS = 0xa0,
};

#define ASC_LUN_NOT_SUPPORTED 0x2500
#define ASC_REPORTED_LUNS_CHANGED 0x3f0e
#define INQUIRY_NO_LUN 0x7f /* qualifier 011b, type 1Fh */
#define INQUIRY_LEN 36
#define SENSE_FIXED_LEN 18
#define SENSE_DESCRIPTOR_LEN 8

uint16_t scsi_lun_decode(const uint8_t *lun)
{
	uint16_t number;

	if (get_be16(lun + 2) || get_be32(lun + 4))
		return SCSI_LUN_NONE; /* one level only */
	number = get_be16(lun);
	switch (number >> 14) {
	case 0: /* peripheral device addressing, bus 0 */
		return number <= 0xff ? number : SCSI_LUN_NONE;
	case 1: /* flat space addressing */
		number &= 0x3fff;
		return number < TARGET_LUNS_MAX ? number : SCSI_LUN_NONE;
	}
	return SCSI_LUN_NONE;
}

uint16_t scsi_lun_resolve(const struct session *session, uint16_t number)
{
	const struct target *target = session->target;

	if (number == SCSI_LUN_NONE || !target->ops.resolve_lun)
		return number;
	return target->ops.resolve_lun(target->user, &session->nexus, number);
}

void scsi_lun_encode(uint8_t *lun, uint16_t number)
{
	memset(lun, 0, 8);
	put_be16(lun, number <= 0xff ? number : (uint16_t)(0x4000 | number));
}

/* SPC-4 6.33. There are no well-known, administrative or subsidiary logical units. */
static void report_luns(struct session *session, struct scsi_cmd *cmd)
{
	struct target *target = session->target;
	uint16_t luns[TARGET_LUNS_MAX];
	uint8_t list[8 + 8 * TARGET_LUNS_MAX] = { 0 };
	size_t count = 0;

	switch (cmd->cdb[2]) {
	case 0x00:
	case 0x02:
	case 0x11:
		count = target->ops.list_luns(target->user, &session->nexus, luns, TARGET_LUNS_MAX);
		break;
	case 0x01:
	case 0x10:
	case 0x12:
		break;
	default:
		scsi_cmd_invalid_field(cmd, 2, 7);
		return;
	}
	put_be32(list, (uint32_t)(8 * count));
	for (size_t i = 0; i < count; i++)
		scsi_lun_encode(list + 8 + 8 * i, luns[i]);
	scsi_cmd_answer(cmd, list, 8 + 8 * count, get_be32(cmd->cdb + 6));
	attention_clear(&session->attentions, ASC_REPORTED_LUNS_CHANGED);
}

static void inquiry_absent(struct scsi_cmd *cmd)
{
	uint8_t data[INQUIRY_LEN] = { INQUIRY_NO_LUN, 0, 0x06, 0x02, INQUIRY_LEN - 5 }; /* SPC-4, format 2 */

	if (cmd->cdb[1] & 1) {
		scsi_cmd_invalid_field(cmd, 1, 0); /* no vital product data */
		return;
	}
	memset(data + 8, ' ', INQUIRY_LEN - 8);
	scsi_cmd_answer(cmd, data, sizeof(data), get_be16(cmd->cdb + 3));
}

/* Parameter data of REQUEST SENSE (SPC-4 6.39) in the format that was asked for. */
static void request_sense_answer(struct scsi_cmd *cmd, enum sense_key key, scsi_asc asc)
{
	uint8_t data[SENSE_FIXED_LEN] = { 0 };
	size_t len = SENSE_FIXED_LEN;

	if (cmd->cdb[1] & 1) {
		data[0] = 0x72;
		data[1] = (uint8_t)key;
		put_be16(data + 2, asc);
		len = SENSE_DESCRIPTOR_LEN;
	} else {
		data[0] = 0x70;
		data[2] = (uint8_t)key;
		data[7] = SENSE_FIXED_LEN - 8;
		put_be16(data + 12, asc);
	}
	scsi_cmd_answer(cmd, data, len, cmd->cdb[4]);
}

static void answer_absent(struct session *session, struct scsi_cmd *cmd)
{
	switch (cmd->cdb[0]) {
	case OP_REPORT_LUNS:
		if (cmd->host_lun != 0)
			break;
		report_luns(session, cmd);
		return;
	case OP_INQUIRY:
		inquiry_absent(cmd);
		return;
	case OP_REQUEST_SENSE:
		request_sense_answer(cmd, SENSE_ILLEGAL_REQUEST, ASC_LUN_NOT_SUPPORTED);
		return;
	}
	scsi_cmd_sense(cmd, SENSE_ILLEGAL_REQUEST, ASC_LUN_NOT_SUPPORTED);
}

/* True: the command is answered. INQUIRY and REPORT LUNS pass by a pending unit attention, REQUEST SENSE returns it
 * as data, the others end with it (SAM-5 5.14.1). */
static bool answer_present(struct session *session, struct scsi_cmd *cmd)
{
	scsi_asc asc;

	switch (cmd->cdb[0]) {
	case OP_REPORT_LUNS:
		report_luns(session, cmd);
		return true;
	case OP_INQUIRY:
		return false;
	case OP_REQUEST_SENSE:
		asc = attention_take(&session->attentions, cmd->lun);
		if (asc)
			request_sense_answer(cmd, SENSE_UNIT_ATTENTION, asc);
		return asc != 0;
	}
	asc = attention_take(&session->attentions, cmd->lun);
	if (asc)
		scsi_cmd_sense(cmd, SENSE_UNIT_ATTENTION, asc);
	return asc != 0;
}

struct lu *scsi_route(struct session *session, struct scsi_cmd *cmd)
{
	struct target *target = session->target;
	struct lu *lu = NULL;

	if (cmd->lun != SCSI_LUN_NONE)
		lu = target->ops.find_lu(target->user, &session->nexus, cmd->lun);
	if (!lu)
		answer_absent(session, cmd);
	else if (answer_present(session, cmd))
		lu = NULL;
	return lu;
}
