#include "gateway/engine/pseudo_lun.h"

#include "gateway/base/bytes.h"
#include "gateway/engine/disk.h"
#include "gateway/engine/host_reservation.h"
#include "gateway/engine/inquiry.h"
#include "gateway/engine/report.h"
#include "gateway/engine/worker.h"
#include "gateway/host_scope.h"

#include <string.h>

#define OPCODE_INQUIRY 0x12
#define OPCODE_MODE_SENSE_6 0x1a
#define OPCODE_MODE_SENSE_10 0x5a
#define MODE_WRITE_PROTECTED 0x80
#define ASC_INVALID_OPCODE 0x2000
#define ASC_WRITE_PROTECTED 0x2700
#define ASC_INVALID_FIELD_IN_CDB 0x2400

/* What stands behind scsi_cmd.ctx. */
struct pseudo_cmd {
	union {
		struct io io;
		struct host_reservation_op op;
	};
	struct scsi_cmd *cmd;
};

static struct lu *find_lu(void *user, const struct target_nexus *nexus, uint16_t lun)
{
	const struct pseudo_luns *luns = user;
	struct disk *disk = luns->workers[nexus->worker]->luns[lun];

	return disk ? &disk->lu : NULL;
}

static uint16_t resolve_lun(void *user, const struct target_nexus *nexus, uint16_t lun)
{
	uint16_t ours = host_scope_lun(nexus->scope, lun);

	(void)user;
	return ours == HOST_SCOPE_NONE ? SCSI_LUN_NONE : ours;
}

static size_t list_luns(void *user, const struct target_nexus *nexus, uint16_t *out, size_t max)
{
	const struct pseudo_luns *luns = user;
	const struct worker *worker = luns->workers[nexus->worker];
	size_t count = 0;

	for (unsigned lun = 0; lun < TARGET_LUNS_MAX && count < max; lun++) {
		uint16_t ours = host_scope_lun(nexus->scope, (uint16_t)lun);

		if (ours != HOST_SCOPE_NONE && worker->luns[ours])
			out[count++] = (uint16_t)lun;
	}
	return count;
}

static void cmd_result(struct scsi_cmd *cmd, const struct io *io)
{
	cmd->status = io->status;
	cmd->sense_len = io->sense_len;
	memcpy(cmd->sense, io->sense, io->sense_len);
	cmd->transfer = io->transfer;
}

static void on_io_done(struct io *io)
{
	struct scsi_cmd *cmd = container_of(io, struct pseudo_cmd, io)->cmd;

	cmd_result(cmd, io);
	/* more than the buffer could take (MAXIMUM TRANSFER LENGTH): an error, never a read with a piece missing */
	if (cmd->status == SCSI_GOOD && cmd->dir == SCSI_DIR_IN && io->len < cmd->expected && io->transfer > io->len)
		scsi_cmd_sense(cmd, SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
	scsi_cmd_done(cmd);
}

/* The device-specific parameter of a mode parameter header (SPC-4 7.5.5, SBC-3 6.4.1). */
static void on_mode_sense_done(struct io *io)
{
	struct scsi_cmd *cmd = container_of(io, struct pseudo_cmd, io)->cmd;
	unsigned at = cmd->cdb[0] == OPCODE_MODE_SENSE_6 ? 2 : 3;

	if (io->status == SCSI_GOOD && io->transfer > at && io->len > at)
		cmd->data[at] |= MODE_WRITE_PROTECTED;
	on_io_done(io);
}

static void on_inquiry_done(struct io *io)
{
	struct pseudo_cmd *pc = container_of(io, struct pseudo_cmd, io);
	struct scsi_cmd *cmd = pc->cmd;
	bool ports_page = (cmd->cdb[1] & 1) && cmd->cdb[2] == 0x88;

	cmd_result(cmd, io);
	if (cmd->status == SCSI_GOOD || (ports_page && cmd->status == SCSI_CHECK_CONDITION)) {
		const struct disk *disk = io->disk;
		struct inquiry_port port = {
			.iqn = disk->core->target_iqn,
			.tpgt = cmd->nexus->tpgt,
			.transfer_blocks = disk->core->transfer_blocks,
		};
		size_t len = io->transfer < io->len ? io->transfer : io->len;
		size_t alloc = get_be16(cmd->cdb + 3);

		len = inquiry_answer(cmd->cdb, cmd->data, len, &port);
		cmd->status = SCSI_GOOD;
		cmd->sense_len = 0;
		cmd->transfer = (uint32_t)(len < alloc ? len : alloc);
	}
	scsi_cmd_done(cmd);
}

static void on_op_done(struct host_reservation_op *op)
{
	struct disk *disk = op->disk;

	scsi_cmd_done(op->cmd);
	disk_exit(disk);
}

static void on_list_done(struct io *io)
{
	struct scsi_cmd *cmd = container_of(io, struct pseudo_cmd, io)->cmd;

	cmd_result(cmd, io);
	if (cmd->status == SCSI_GOOD) {
		size_t len = report_list(cmd->cdb, cmd->data, io->transfer < io->len ? io->transfer : io->len);
		size_t alloc = get_be32(cmd->cdb + 6);

		cmd->transfer = (uint32_t)(len < alloc ? len : alloc);
	}
	scsi_cmd_done(cmd);
}

static void submit_op(struct disk *disk, struct host_reservation_op *op, struct scsi_cmd *cmd)
{
	*op = (struct host_reservation_op){
		.reservations = disk->core->reservations,
		.worker = disk->worker,
		.disk = disk,
		.cmd = cmd,
		.done = on_op_done,
	};
	disk_enter(disk);
	host_reservation_submit(op);
}

/* What no array is asked for. */
static bool is_answered_here(struct disk *disk, struct scsi_cmd *cmd, const struct command_info *info)
{
	struct pseudo_cmd *pc = cmd->ctx;

	if (info->effect == COMMAND_RESERVE) {
		submit_op(disk, &pc->op, cmd);
		return true;
	}
	if (host_reservation_conflicts(disk->core->reservations, cmd))
		cmd->status = SCSI_RESERVATION_CONFLICT;
	else if (report_answer(cmd, cmd->nexus->tpgt))
		;
	else if (info->effect == COMMAND_REFUSE)
		scsi_cmd_sense(cmd, SENSE_ILLEGAL_REQUEST, ASC_INVALID_OPCODE);
	else if (command_changes_medium(info) && host_scope_read_only(cmd->nexus->scope, cmd->lun))
		scsi_cmd_sense(cmd, SENSE_DATA_PROTECT, ASC_WRITE_PROTECTED);
	else
		return false;
	scsi_cmd_done(cmd);
	return true;
}

static void submit(struct lu *lu, struct scsi_cmd *cmd)
{
	struct disk *disk = container_of(lu, struct disk, lu);
	struct pseudo_cmd *pc = cmd->ctx;
	struct io *io = &pc->io;
	const struct command_info *info = command_info(cmd->cdb);

	pc->cmd = cmd;
	if (is_answered_here(disk, cmd, info))
		return;
	io->info = info;
	memcpy(io->cdb, cmd->cdb, sizeof(io->cdb));
	io->cdb_len = cmd->cdb_len;
	io->dir = cmd->dir;
	io->data = cmd->data;
	io->len = cmd->expected;
	io->done = on_io_done;
	io->session_id = cmd->nexus->session_id;
	if (cmd->dir == SCSI_DIR_IN && io->len > cmd->capacity)
		io->len = (uint32_t)cmd->capacity;
	if (cmd->cdb[0] == OPCODE_INQUIRY && cmd->dir == SCSI_DIR_IN && cmd->capacity >= INQUIRY_BUFFER_MIN) {
		inquiry_request(cmd->cdb, io->cdb, &io->len);
		io->done = on_inquiry_done;
	} else if ((cmd->cdb[0] == OPCODE_MODE_SENSE_6 || cmd->cdb[0] == OPCODE_MODE_SENSE_10) &&
		   host_scope_read_only(cmd->nexus->scope, cmd->lun)) {
		io->done = on_mode_sense_done;
	} else if (report_wants_list(cmd, io->cdb, &io->len)) {
		io->done = on_list_done;
	}
	disk_submit(disk, io);
}

static void abort_cmd(struct lu *lu, struct scsi_cmd *cmd)
{
	struct pseudo_cmd *pc = cmd->ctx;

	(void)lu;
	if (command_info(cmd->cdb)->effect != COMMAND_RESERVE) /* those end before long */
		disk_abort(&pc->io);
}

const struct lu_ops pseudo_lun_lu_ops = {
	.submit = submit,
	.abort = abort_cmd,
};

const struct target_ops pseudo_lun_ops = {
	.cmd_ctx_bytes = sizeof(struct pseudo_cmd),
	.resolve_lun = resolve_lun,
	.find_lu = find_lu,
	.list_luns = list_luns,
};
