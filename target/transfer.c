#include "target/transfer.h"

#include "target/session.h"

#include <string.h>

#define ASC_INCORRECT_AMOUNT_OF_DATA 0x0c0d
#define ASC_PROTOCOL_SERVICE_CRC_ERROR 0x4705
#define TAG_R2T_BITS 20

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t param(const struct task *task, enum key key)
{
	return task->session->params.value[key];
}

/* ---- data out ---- */

/* A sequence's target transfer tag: the task, and which of its R2Ts. */
static uint32_t transfer_tag(const struct task *task, uint32_t r2t_sn)
{
	return task->index << TAG_R2T_BITS | (r2t_sn & ((1u << TAG_R2T_BITS) - 1));
}

/* The sequence number `n` covers the bytes from here to the beginning of the next one. */
static uint32_t burst_offset(const struct task *task, uint32_t n)
{
	uint64_t offset = task->solicited_from + (uint64_t)n * param(task, KEY_MAX_BURST);

	return offset < task->cmd.expected ? (uint32_t)offset : task->cmd.expected;
}

bool transfer_wants_r2t(const struct task *task)
{
	return task->state == TASK_DATA && !task->unsolicited && !task->failed &&
	       burst_offset(task, task->r2t_sn) < task->cmd.expected &&
	       task->r2t_sn - task->burst < param(task, KEY_MAX_R2T);
}

/* NULL, or the protocol error that ends the connection. A DataSN out of order stands for lost data: the task fails,
 * as it would after a digest error (RFC 7143 7.8, 7.9), when its sequence has ended. */
static const char *check_order(struct task *task, const struct pdu *pdu, uint32_t end)
{
	if (!task->failed && get_be32(pdu->bhs + BHS_DATA_SN) != task->data_sn)
		task_fail(task, SENSE_ABORTED_COMMAND, ASC_PROTOCOL_SERVICE_CRC_ERROR);
	if (task->failed)
		return NULL; /* its data is dropped */
	if (get_be32(pdu->bhs + BHS_OFFSET) != task->received)
		return "Data-Out at a wrong offset";
	if (pdu->data_len > end - task->received)
		return "Data-Out beyond the end of its sequence";
	return NULL;
}

static const char *check_unsolicited(struct task *task, const struct pdu *pdu)
{
	uint32_t end = min_u32(param(task, KEY_FIRST_BURST), task->cmd.expected);

	return task->unsolicited ? check_order(task, pdu, end) : "Data-Out without a request";
}

static const char *check_solicited(struct task *task, const struct pdu *pdu)
{
	uint32_t end = burst_offset(task, task->burst + 1);
	const char *error;

	if (task->burst == task->r2t_sn || pdu_ttt(pdu->bhs) != transfer_tag(task, task->burst))
		return "Data-Out with a wrong target transfer tag";
	error = check_order(task, pdu, end);
	if (!error && !task->failed && !pdu_final(pdu->bhs) && task->received + pdu->data_len == end)
		error = "Data-Out sequence without an end";
	return error;
}

/* The LUN is not checked: Windows sends a wrong one. */
uint8_t *transfer_header(struct session *session, const struct pdu *pdu)
{
	struct task *task = task_find(session, pdu_itt(pdu->bhs));
	const char *error;

	if (!task || task->state != TASK_DATA || task->aborted)
		return NULL; /* late data of a command that has ended */
	error = pdu_ttt(pdu->bhs) == PDU_TAG_NONE ? check_unsolicited(task, pdu) : check_solicited(task, pdu);
	if (error) {
		conn_fail(session->conn, error);
		return NULL;
	}
	task->receiving = true;
	session->rx_task = task;
	return task->failed || !pdu->data_len ? NULL : task->cmd.data + task->received;
}

static void end_unsolicited(struct task *task)
{
	uint32_t first_burst = param(task, KEY_FIRST_BURST);

	task->unsolicited = false;
	task->solicited_from = task->received;
	/* RFC 7143 11.4.7.2: a command longer than FirstBurstLength sends exactly that much unasked */
	if (task->cmd.expected > first_burst && task->received != first_burst)
		task_fail(task, SENSE_ABORTED_COMMAND, ASC_INCORRECT_AMOUNT_OF_DATA);
}

static void end_solicited(struct task *task)
{
	task->burst++;
	if (task->received != burst_offset(task, task->burst))
		task_fail(task, SENSE_ABORTED_COMMAND, ASC_INCORRECT_AMOUNT_OF_DATA);
}

void transfer_received(struct session *session, const struct pdu *pdu)
{
	struct task *task = session->rx_task;

	if (!task)
		return;
	session->rx_task = NULL;
	task->receiving = false;
	if (task->aborted) {
		task_release(task);
		return;
	}
	task->data_sn++;
	if (!task->failed)
		task->received += pdu->data_len;
	if (!pdu_final(pdu->bhs))
		return;
	task->data_sn = 0;
	if (task->unsolicited)
		end_unsolicited(task);
	else
		end_solicited(task);
	task_progress(task);
}

static void r2t(struct task *task, uint8_t *bhs)
{
	uint32_t offset = burst_offset(task, task->r2t_sn);

	bhs[BHS_OPCODE] = PDU_R2T;
	bhs[BHS_FLAGS] = PDU_FINAL;
	memcpy(bhs + BHS_LUN, task->lun_field, sizeof(task->lun_field));
	put_be32(bhs + BHS_ITT, task->itt);
	put_be32(bhs + BHS_TTT, transfer_tag(task, task->r2t_sn));
	put_be32(bhs + BHS_DATA_SN, task->r2t_sn);
	put_be32(bhs + BHS_OFFSET, offset);
	put_be32(bhs + R2T_LENGTH, burst_offset(task, task->r2t_sn + 1) - offset);
	task->r2t_sn++;
}

/* ---- data in and response ---- */

void transfer_respond(struct task *task)
{
	struct scsi_cmd *cmd = &task->cmd;
	size_t total = 0;

	if (cmd->dir == SCSI_DIR_IN) {
		total = min_u32(cmd->transfer, cmd->expected);
		total = total < cmd->capacity ? total : cmd->capacity;
	}
	task->state = TASK_SENDING;
	task->sent = task->burst_sent = 0;
	task->send_total = (uint32_t)total;
	if (cmd->dir == SCSI_DIR_IN)
		task->data_sn = 0;
	conn_queue(task->session->conn, &task->tx);
}

/* The command no longer takes a place in the window: the PDU with its status says so. */
static void close_command(struct task *task)
{
	if (!task->immediate && !task->closed)
		task->session->max_cmd_sn++;
	task->closed = true;
}

/* The residual fields stand in the same place in a Response and in a Data-In with status (11.4.5). */
static void put_residual(const struct task *task, uint8_t *bhs)
{
	uint32_t transfer = task->cmd.transfer, expected = task->cmd.expected;

	static_assert((int)RESPONSE_RESIDUAL == (int)DATA_IN_RESIDUAL, "one place");
	if (transfer > expected) {
		bhs[BHS_FLAGS] |= RESIDUAL_OVERFLOW;
		put_be32(bhs + RESPONSE_RESIDUAL, transfer - expected);
	} else if (transfer < expected) {
		bhs[BHS_FLAGS] |= RESIDUAL_UNDERFLOW;
		put_be32(bhs + RESPONSE_RESIDUAL, expected - transfer);
	}
}

/* One Data-In; true: it carried the status. */
static bool data_in(struct task *task, struct tx_slot *slot)
{
	uint32_t max_burst = param(task, KEY_MAX_BURST);
	uint32_t len = min_u32(task->send_total - task->sent, param(task, KEY_MAX_RECV));
	bool last;

	len = min_u32(len, max_burst - task->burst_sent);
	last = task->sent + len == task->send_total;
	slot->bhs[BHS_OPCODE] = PDU_DATA_IN;
	put_be32(slot->bhs + BHS_ITT, task->itt);
	put_be32(slot->bhs + BHS_TTT, PDU_TAG_NONE);
	put_be32(slot->bhs + BHS_DATA_SN, task->data_sn++);
	put_be32(slot->bhs + BHS_OFFSET, task->sent);
	slot->data = task->cmd.data + task->sent;
	slot->data_len = len;
	task->sent += len;
	task->burst_sent += len;
	if (last || task->burst_sent == max_burst) {
		slot->bhs[BHS_FLAGS] |= PDU_FINAL;
		task->burst_sent = 0;
	}
	if (!last || task->cmd.status != SCSI_GOOD || task->cmd.sense_len)
		return false;
	slot->bhs[BHS_FLAGS] |= DATA_IN_HAS_STATUS;
	slot->bhs[DATA_IN_STATUS] = task->cmd.status;
	put_residual(task, slot->bhs);
	close_command(task);
	return true;
}

static void response(struct task *task, struct tx_slot *slot)
{
	const struct scsi_cmd *cmd = &task->cmd;

	slot->bhs[BHS_OPCODE] = PDU_SCSI_RESPONSE;
	slot->bhs[BHS_FLAGS] = PDU_FINAL;
	slot->bhs[RESPONSE_STATUS] = cmd->status;
	put_be32(slot->bhs + BHS_ITT, task->itt);
	put_be32(slot->bhs + RESPONSE_EXP_DATA_SN, cmd->dir == SCSI_DIR_IN ? task->data_sn : task->r2t_sn);
	put_residual(task, slot->bhs);
	if (cmd->sense_len) {
		put_be16(task->sense_segment, cmd->sense_len);
		memcpy(task->sense_segment + 2, cmd->sense, cmd->sense_len);
		slot->data = task->sense_segment;
		slot->data_len = 2u + cmd->sense_len;
	}
	close_command(task);
}

enum tx_more transfer_next(struct tx *tx, struct tx_slot *slot)
{
	struct task *task = container_of(tx, struct task, tx);

	if (task->state == TASK_DATA) {
		r2t(task, slot->bhs);
		return transfer_wants_r2t(task) ? TX_MORE : TX_LAST;
	}
	if (task->sent < task->send_total)
		return data_in(task, slot) ? TX_LAST : TX_MORE;
	response(task, slot);
	return TX_LAST;
}
