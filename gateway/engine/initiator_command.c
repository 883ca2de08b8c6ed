#include "gateway/engine/initiator_libiscsi.h"

#include "gateway/base/bytes.h"
#include "gateway/base/log.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A command, and its Data-Out if the array takes no more than the least at a time. */
static size_t xfer_pdus(const struct xfer *xfer)
{
	return xfer->dir == SCSI_DIR_OUT ? 2 + xfer->len / MRDSL_MIN : 1;
}

/* Fixed or descriptor sense as it came: libiscsi keeps it behind the two bytes of its length. */
static void take_sense(struct xfer *xfer, const struct scsi_task *task)
{
	size_t len = 0;

	if (task->datain.data && task->datain.size >= 2) {
		len = get_be16(task->datain.data);
		if (len > (size_t)task->datain.size - 2)
			len = (size_t)task->datain.size - 2;
		if (len > SCSI_SENSE_MAX)
			len = SCSI_SENSE_MAX;
		memcpy(xfer->sense, task->datain.data + 2, len);
	}
	xfer->sense_len = (uint8_t)len;
}

static uint32_t transferred(const struct xfer *xfer, const struct scsi_task *task)
{
	uint64_t residual = task->residual;

	if (task->residual_status == SCSI_RESIDUAL_UNDERFLOW)
		return residual < xfer->len ? xfer->len - (uint32_t)residual : 0;
	if (task->residual_status == SCSI_RESIDUAL_OVERFLOW)
		return xfer->len + residual <= UINT32_MAX ? xfer->len + (uint32_t)residual : UINT32_MAX;
	return xfer->len;
}

/* Nothing is left to send, and nothing half sent. */
static bool queue_is_clear(struct initiator *in)
{
	return !iscsi_out_queue_length(in->iscsi) && !(iscsi_which_events(in->iscsi) & POLLOUT);
}

/* What libiscsi says of a Reject it says nowhere else. */
static bool was_rejected(struct initiator *in, int status)
{
	static const char text[] = "Request was rejected";

	return status == SCSI_STATUS_ERROR && strncmp(initiator_reason(in), text, sizeof(text) - 1) == 0;
}

/* The first one of a session is news, an array that repeats itself is not. */
static void log_reject(struct initiator *in, const struct xfer *xfer, const struct scsi_task *task)
{
	char cdb[2 * SCSI_CDB_MAX + 1];

	for (unsigned i = 0; i < SCSI_CDB_MAX; i++)
		snprintf(cdb + 2 * i, 3, "%02x", xfer->cdb[i]);
	log_write(in->rejected ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, "initiator",
		  "reject=\"%s\" lun=%u itt=%08x cmdsn=%08x bytes=%u cdb=%s", initiator_reason(in), xfer->lun,
		  task->itt, task->cmdsn, xfer->len, cdb);
	in->rejected = true;
}

static void on_reject(struct initiator *in, struct xfer *xfer, const struct scsi_task *task)
{
	static const uint8_t sense[] = { 0x70, [2] = SENSE_HARDWARE_ERROR, [7] = 10, [12] = 0x44, [17] = 0 };

	log_reject(in, xfer, task);
	xfer->rejected = true;
	xfer->status = SCSI_CHECK_CONDITION;
	xfer->sense_len = sizeof(sense);
	memcpy(xfer->sense, sense, sizeof(sense));
	xfer->transfer = 0;
	in->events->done(in->arg, xfer);
}

static void on_command(struct iscsi_context *iscsi, int status, void *data, void *arg)
{
	struct xfer *xfer = arg;
	struct xfer_task *xt = xfer->ctx;
	struct initiator *in = xt->initiator;

	(void)iscsi;
	(void)data;
	in->owed -= xfer_pdus(xfer);
	if (in->manage.xfer == xfer)
		in->manage.xfer = NULL; /* there is nothing left to abort */
	if (!in->closing && !in->dead && status >= 0 && status <= 0xff) {
		xfer->rejected = false;
		xfer->status = (uint8_t)status;
		xfer->sense_len = 0;
		if (status == SCSI_STATUS_CHECK_CONDITION)
			take_sense(xfer, &xt->task);
		xfer->transfer = transferred(xfer, &xt->task);
		free(xt->task.datain.data);
		xt->task.datain.data = NULL;
		in->events->done(in->arg, xfer);
		return;
	}
	/* cancelled, or an answer that libiscsi could not make sense of: the outcome is unknown */
	free(xt->task.datain.data);
	xt->task.datain.data = NULL;
	if (in->closing || in->dead || xt->aborted)
		return;
	/* libiscsi has forgotten the command, unless Data-Out of it is still in the queue */
	if (was_rejected(in, status) && (xfer->dir != SCSI_DIR_OUT || queue_is_clear(in)))
		on_reject(in, xfer, &xt->task);
	else
		initiator_die(in, "%s", initiator_reason(in));
}

/* LUNs above 255 take flat space addressing (SAM-5 4.7.7.3) */
static int lun_field(uint16_t lun)
{
	return lun < 256 ? lun : 0x4000 | lun;
}

static void command_send(struct initiator *in, struct xfer *xfer)
{
	static const int xfer_dirs[] = { SCSI_XFER_NONE, SCSI_XFER_READ, SCSI_XFER_WRITE };
	struct xfer_task *xt = xfer->ctx;
	struct scsi_task *task = &xt->task;

	memset(task, 0, sizeof(*task));
	xt->initiator = in;
	xt->aborted = false;
	memcpy(task->cdb, xfer->cdb, SCSI_CDB_MAX);
	task->cdb_size = xfer->cdb_len;
	task->xfer_dir = xfer_dirs[xfer->dir];
	task->expxferlen = (int)xfer->len;
	xt->iov = (struct scsi_iovec){ .iov_base = xfer->data, .iov_len = xfer->len };
	if (xfer->dir == SCSI_DIR_IN) {
		/* A short Data-In with GOOD and no residual would leave what the buffer held before. */
		memset(xfer->data, 0, xfer->len);
		scsi_task_set_iov_in(task, &xt->iov, 1);
	} else if (xfer->dir == SCSI_DIR_OUT) {
		scsi_task_set_iov_out(task, &xt->iov, 1);
		in->queued_payload = true;
	}
	in->owed += xfer_pdus(xfer);
	if (iscsi_scsi_command_async(in->iscsi, lun_field(xfer->lun), task, on_command, NULL, xfer) < 0) {
		initiator_die(in, "%s", initiator_reason(in));
		return;
	}
	in->queued++;
	loop_at_turn_end(in->loop, &in->flush);
}

void initiator_submit(struct initiator *in, struct xfer *xfer)
{
	struct xfer_task *xt = xfer->ctx;

	if (in->dead)
		return; /* the failure is on its way; the transfer stays in the caller's list */
	if (in->manage.state != MANAGE_WANTED) {
		command_send(in, xfer);
		return;
	}
	xt->xfer = xfer;
	list_add_tail(&in->held, &xt->link);
}

/* ---- task management --------------------------------------------------------------------------------------------- */

static void on_managed(struct iscsi_context *iscsi, int status, void *data, void *arg)
{
	struct initiator *in = arg;
	const uint32_t *response = data;

	(void)iscsi;
	if (in->closing || in->dead)
		return;
	if (status != SCSI_STATUS_GOOD && !was_rejected(in, status)) {
		initiator_die(in, "%s", initiator_reason(in));
		return;
	}
	in->manage.response = status == SCSI_STATUS_GOOD ? (uint8_t)*response : TMF_REJECTED;
	in->manage.state = MANAGE_ANSWERED;
	loop_at_turn_end(in->loop, &in->flush);
}

static void manage_send(struct initiator *in)
{
	struct manage *manage = &in->manage;
	struct list *link;

	manage->state = MANAGE_SENT;
	if (iscsi_task_mgmt_async(in->iscsi, manage->lun, manage->function, manage->itt, manage->cmd_sn, on_managed,
				  in) < 0) {
		initiator_die(in, "%s", initiator_reason(in));
		return;
	}
	while ((link = list_pop(&in->held)) && !in->dead)
		command_send(in, list_entry(link, struct xfer_task, link)->xfer);
	loop_at_turn_end(in->loop, &in->flush);
}

/* The array has nothing of the command any more, and neither does libiscsi from here on. Its PDUs are all in the list
 * of those that wait for an answer, or nowhere: the queue is clear. */
static void manage_finish(struct initiator *in)
{
	struct manage *manage = &in->manage;
	struct xfer *xfer = manage->xfer;

	if (xfer && tmf_has_ended_task(manage->response)) {
		struct xfer_task *xt = xfer->ctx;

		xt->aborted = true;
		iscsi_scsi_cancel_task(in->iscsi, &xt->task);
	}
	manage->xfer = NULL;
	manage->state = MANAGE_IDLE;
	in->events->managed(in->arg, manage->response);
}

void initiator_manage(struct initiator *in)
{
	if (in->dead || in->manage.state == MANAGE_IDLE || !queue_is_clear(in))
		return;
	if (in->manage.state == MANAGE_WANTED)
		manage_send(in);
	else if (in->manage.state == MANAGE_ANSWERED)
		manage_finish(in);
}

void initiator_abort_task(struct initiator *in, struct xfer *xfer)
{
	const struct xfer_task *xt = xfer->ctx;

	if (in->dead)
		return;
	in->manage = (struct manage){
		.state = MANAGE_WANTED,
		.function = ISCSI_TM_ABORT_TASK,
		.lun = xt->task.lun,
		.itt = xt->task.itt,
		.cmd_sn = xt->task.cmdsn,
		.xfer = xfer,
	};
	loop_at_turn_end(in->loop, &in->flush);
}

void initiator_reset_lu(struct initiator *in, uint16_t lun)
{
	if (in->dead)
		return;
	in->manage = (struct manage){
		.state = MANAGE_WANTED,
		.function = ISCSI_TM_LUN_RESET,
		.lun = lun_field(lun),
		.itt = UINT32_MAX, /* it is not about a task (RFC 7143 11.5.4) */
	};
	loop_at_turn_end(in->loop, &in->flush);
}
