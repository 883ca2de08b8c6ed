/*
 * volume_state.c - the commands about the unit as a whole: readiness, capacity, diagnostics.
 */
#include "target/array/volume_unit.h"

#define SENSE_BYTES 18

void volume_test_ready(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	(void)volume; /* the checks before it were the command */
	(void)cmd;
	(void)range;
}

/* What the next medium access command would be told, in fixed format (SPC-4 6.39). */
void volume_request_sense(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	uint8_t out[SENSE_BYTES] = { 0x70, [7] = SENSE_BYTES - 8 };
	scsi_asc asc = ports_state_asc(ports_group_of(volume->ports, cmd->nexus->portal)->state);

	(void)range;
	if (!asc && volume->stopped)
		asc = 0x0402;
	out[2] = asc ? SENSE_NOT_READY : SENSE_NO_SENSE;
	put_be16(out + 12, asc);
	scsi_cmd_answer(cmd, out, sizeof(out), cmd->cdb[4]);
}

void volume_start_stop(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	bool start = cmd->cdb[4] & 0x01, no_flush = cmd->cdb[4] & 0x04;

	(void)range;
	if (!start && !no_flush && volume_failed(cmd, volume->store->ops->sync(volume->store), true))
		return;
	volume->stopped = !start;
}

/* The medium cannot be removed anyway. */
void volume_prevent(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	(void)volume;
	(void)cmd;
	(void)range;
}

/* The default self-test passes; parameter lists are kept out by the usage data. */
void volume_diagnostic(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	(void)volume;
	(void)cmd;
	(void)range;
}

void volume_capacity10(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	uint64_t last = volume->blocks - 1;
	uint8_t out[8];

	(void)range;
	put_be32(out, last > UINT32_MAX ? UINT32_MAX : (uint32_t)last);
	put_be32(out + 4, volume->block_size);
	scsi_cmd_answer(cmd, out, sizeof(out), sizeof(out));
}

void volume_capacity16(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	uint8_t out[32] = { 0 };

	(void)range;
	put_be64(out, volume->blocks - 1);
	put_be32(out + 8, volume->block_size);
	out[14] = volume->thin ? 0xc0 : 0; /* LBPME, LBPRZ */
	scsi_cmd_answer(cmd, out, sizeof(out), get_be32(cmd->cdb + 10));
}

/* READ DEFECT DATA (SBC-3 5.21, 5.22): a list of the kind and format asked for, empty */
void volume_defects(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	bool ten = cmd->cdb_len == 10;
	uint8_t out[8] = { 0 };

	(void)volume;
	(void)range;
	out[1] = cmd->cdb[ten ? 2 : 1] & 0x1f; /* PLISTV, GLISTV, format */
	scsi_cmd_answer(cmd, out, ten ? 4 : 8, ten ? get_be16(cmd->cdb + 7) : get_be32(cmd->cdb + 6));
}

/* REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS (SPC-4 6.36): those that iSCSI can carry (RFC 7143 11.5.1) */
void volume_report_tmf(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	uint8_t out[16] = { 0xda, [3] = 12 }; /* ABORT TASK, ABORT TASK SET, CLEAR TASK SET, LU RESET, TARGET RESET */
	bool extended = cmd->cdb[2] & 0x80;

	(void)volume;
	(void)range;
	if (!extended)
		out[3] = 0;
	scsi_cmd_answer(cmd, out, extended ? 16 : 4, get_be32(cmd->cdb + 6));
}
