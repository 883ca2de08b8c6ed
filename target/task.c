#include "target/task.h"

#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "target/scsi.h"
#include "target/session.h"
#include "target/tmf.h"
#include "target/transfer.h"

#include <stdlib.h>
#include <string.h>

#define TASK_SLAB 32
#define ASC_UNEXPECTED_UNSOLICITED_DATA 0x0c0c
#define ASC_INVALID_FIELD_IN_CDB 0x2400

struct task_slab {
	struct task_slab *next;
	max_align_t bytes[]; /* tasks with their contexts */
};

/* ---- the set ---- */

void task_set_init(struct task_set *set, unsigned window, size_t ctx_bytes)
{
	list_init(&set->free);
	list_init(&set->active);
	for (unsigned i = 0; i < TASK_HASH; i++)
		list_init(&set->hash[i]);
	/* a slot of the window opens when the response is handed to the socket, the task is free when it has gone */
	set->limit = window + TASK_IMMEDIATE_MAX + CONN_SLOTS;
	set->ctx_bytes = ctx_bytes;
}

void task_set_done(struct task_set *set)
{
	struct task_slab *slab;

	while ((slab = set->slabs)) {
		set->slabs = slab->next;
		free(slab);
	}
}

static size_t round_up(size_t size)
{
	size_t align = _Alignof(max_align_t);

	return (size + align - 1) / align * align;
}

static void task_idle(struct tx *tx)
{
	task_release(container_of(tx, struct task, tx));
}

static void task_set_grow(struct task_set *set)
{
	size_t task_bytes = round_up(sizeof(struct task)), size = task_bytes + round_up(set->ctx_bytes);
	unsigned count = set->limit - set->allocated < TASK_SLAB ? set->limit - set->allocated : TASK_SLAB;
	struct task_slab *slab = xcalloc(1, sizeof(*slab) + count * size);

	slab->next = set->slabs;
	set->slabs = slab;
	for (unsigned i = 0; i < count; i++) {
		struct task *task = (struct task *)(void *)((uint8_t *)slab->bytes + i * size);

		task->index = set->allocated++;
		task->cmd.ctx = set->ctx_bytes ? (uint8_t *)task + task_bytes : NULL;
		list_init(&task->hash_link);
		list_init(&task->hold.link);
		tx_init(&task->tx, transfer_next, task_idle);
		list_add_tail(&set->free, &task->link);
	}
}

static struct list *hash_of(struct task_set *set, uint32_t itt)
{
	return &set->hash[(itt ^ itt >> 16) % TASK_HASH];
}

struct task *task_find(struct session *session, uint32_t itt)
{
	struct task *task;

	list_for_each(task, hash_of(&session->tasks, itt), hash_link)
		if (task->itt == itt)
			return task;
	return NULL;
}

static struct task *task_take(struct session *session, uint32_t itt)
{
	struct task_set *set = &session->tasks;
	struct task *task;

	if (list_empty(&set->free) && set->allocated < set->limit)
		task_set_grow(set);
	if (list_empty(&set->free))
		return NULL;
	task = list_entry(list_pop(&set->free), struct task, link);
	list_add_tail(&set->active, &task->link);
	list_add_tail(hash_of(set, itt), &task->hash_link);
	set->count++;
	atomic_store_explicit(&session->stats.tasks, set->count, memory_order_relaxed);
	task->session = session;
	task->lu = NULL;
	task->itt = itt;
	task->state = TASK_DATA;
	task->immediate = task->held = task->receiving = task->aborted = task->closed = false;
	task->unsolicited = task->failed = false;
	task->received = task->solicited_from = task->r2t_sn = task->burst = task->data_sn = 0;
	task->sent = task->send_total = task->burst_sent = 0;
	return task;
}

void task_release(struct task *task)
{
	struct session *session = task->session;
	struct task_set *set = &session->tasks;
	bool aborted = task->aborted;

	if (task->tx.slots || list_linked(&task->tx.link) || task->receiving || task->state == TASK_EXECUTING)
		return;
	if (!aborted && task->state != TASK_SENDING)
		return; /* idle means: its R2Ts have gone */
	if (!task->closed && !task->immediate)
		session->max_cmd_sn++;
	pool_put(session->worker->pool, task->cmd.data, task->cmd.capacity);
	set->buffer_bytes -= task->cmd.capacity;
	task->cmd.data = NULL;
	list_del(&task->hash_link);
	list_del(&task->link);
	list_add_head(&set->free, &task->link);
	set->count--;
	set->immediate -= task->immediate;
	atomic_store_explicit(&session->stats.tasks, set->count, memory_order_relaxed);
	if (aborted)
		tmf_task_gone(session->worker);
	session_check_gone(session);
}

/* ---- arrival ---- */

void task_fail(struct task *task, enum sense_key key, scsi_asc asc)
{
	if (task->failed)
		return;
	task->failed = true;
	scsi_cmd_sense(&task->cmd, key, asc);
}

/* SAM-5 5.3.1: BUSY when no other command of this nexus is there to end and make room. */
static void task_fail_full(struct task *task)
{
	task->failed = true;
	task->cmd.status = task->session->tasks.count > 1 ? SCSI_TASK_SET_FULL : SCSI_BUSY;
}

static void task_get_buffer(struct task *task)
{
	struct session *session = task->session;
	const struct target_limits *limits = &session->target->limits;
	struct scsi_cmd *cmd = &task->cmd;
	size_t size = cmd->expected;

	if (cmd->dir == SCSI_DIR_NONE)
		return;
	if (size > limits->transfer_bytes) {
		if (cmd->dir == SCSI_DIR_OUT) {
			task_fail(task, SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
			return;
		}
		size = limits->transfer_bytes;
	}
	if (session->tasks.buffer_bytes + size <= limits->session_buffer_bytes)
		cmd->data = pool_get(session->worker->pool, size, &cmd->capacity);
	if (!cmd->data) {
		cmd->capacity = 0;
		task_fail_full(task);
		return;
	}
	session->tasks.buffer_bytes += cmd->capacity;
}

static void task_setup(struct task *task, const struct pdu *pdu)
{
	struct scsi_cmd *cmd = &task->cmd;
	uint8_t flags = pdu->bhs[BHS_FLAGS];
	unsigned cdb_len = scsi_cdb_len(pdu->bhs[COMMAND_CDB]);

	memcpy(task->lun_field, pdu->bhs + BHS_LUN, sizeof(task->lun_field));
	memcpy(cmd->cdb, pdu->bhs + COMMAND_CDB, SCSI_CDB_MAX);
	cmd->cdb_len = (uint8_t)(cdb_len ? cdb_len : SCSI_CDB_MAX);
	cmd->dir = flags & COMMAND_WRITE ? SCSI_DIR_OUT : flags & COMMAND_READ ? SCSI_DIR_IN : SCSI_DIR_NONE;
	cmd->attr = (flags & COMMAND_ATTR_MASK) <= SCSI_ATTR_ACA ? flags & COMMAND_ATTR_MASK : SCSI_ATTR_UNTAGGED;
	cmd->host_lun = scsi_lun_decode(pdu->bhs + BHS_LUN);
	cmd->lun = scsi_lun_resolve(task->session, cmd->host_lun);
	cmd->expected = get_be32(pdu->bhs + COMMAND_EXPECTED);
	cmd->nexus = &task->session->nexus;
	cmd->data = NULL;
	cmd->capacity = 0;
	cmd->status = SCSI_GOOD;
	cmd->sense_len = 0;
	cmd->transfer = 0;
	/* an extended CDB, or data in both directions */
	if (pdu->ahs_len || (flags & COMMAND_READ && flags & COMMAND_WRITE))
		task_fail(task, SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
	else
		task_get_buffer(task);
}

/* Immediate and unsolicited data come only as negotiated, and only up to FirstBurstLength (11.4.7.2). */
static void task_check_unsolicited(struct task *task, const struct pdu *pdu)
{
	const struct params *params = &task->session->params;
	uint32_t limit = params->value[KEY_FIRST_BURST];

	if (limit > task->cmd.expected)
		limit = task->cmd.expected;
	if (pdu->data_len &&
	    (!params->value[KEY_IMMEDIATE_DATA] || task->cmd.dir != SCSI_DIR_OUT || pdu->data_len > limit))
		task_fail(task, SENSE_ABORTED_COMMAND, ASC_UNEXPECTED_UNSOLICITED_DATA);
	if (pdu_final(pdu->bhs))
		return;
	task->unsolicited = true;
	if (params->value[KEY_INITIAL_R2T])
		task_fail(task, SENSE_ABORTED_COMMAND, ASC_UNEXPECTED_UNSOLICITED_DATA);
}

static void on_turn(struct session *session, struct hold *hold)
{
	struct task *task = container_of(hold, struct task, hold);

	(void)session;
	task->held = false;
	if (task->state == TASK_DATA && !task->aborted)
		task_progress(task);
}

static void on_discard(struct session *session, struct hold *hold)
{
	(void)session;
	container_of(hold, struct task, hold)->held = false;
}

/* Whether the command is taken at all: session->rx_reject says why not. */
static bool task_acceptable(struct session *session, const struct pdu *pdu)
{
	bool final = pdu_final(pdu->bhs) || pdu->bhs[BHS_FLAGS] & COMMAND_WRITE;

	if (task_find(session, pdu_itt(pdu->bhs)))
		session->rx_reject = REJECT_TASK_IN_PROGRESS;
	else if (!final || pdu_itt(pdu->bhs) == PDU_TAG_NONE)
		session->rx_reject = REJECT_INVALID_FIELD;
	else if (pdu_immediate(pdu->bhs) && session->tasks.immediate >= TASK_IMMEDIATE_MAX)
		session->rx_reject = REJECT_TOO_MANY_IMMEDIATE;
	return !session->rx_reject;
}

uint8_t *task_header(struct session *session, const struct pdu *pdu)
{
	enum session_order order = session_order(session, pdu->bhs);
	struct task *task;

	if (order == ORDER_IGNORE || !task_acceptable(session, pdu))
		return NULL;
	task = task_take(session, pdu_itt(pdu->bhs));
	if (!task) {
		session->rx_reject = REJECT_OUT_OF_RESOURCES;
		return NULL;
	}
	task->immediate = pdu_immediate(pdu->bhs);
	session->tasks.immediate += task->immediate;
	task_setup(task, pdu);
	task_check_unsolicited(task, pdu);
	if (order == ORDER_LATER) {
		task->held = true;
		task->hold.run = on_turn;
		task->hold.discard = on_discard;
		session_hold(session, &task->hold, get_be32(pdu->bhs + BHS_CMD_SN));
	}
	task->receiving = true;
	session->rx_task = task;
	return task->failed || !pdu->data_len ? NULL : task->cmd.data;
}

void task_received(struct session *session, const struct pdu *pdu)
{
	struct task *task = session->rx_task;
	bool in_turn = !task->held && !task->immediate;

	session->rx_task = NULL;
	task->receiving = false;
	task->received = pdu->data_len;
	if (!task->unsolicited)
		task->solicited_from = task->received;
	if (task->aborted)
		task_release(task);
	else
		task_progress(task);
	if (in_turn)
		session_advance(session);
}

/* ---- execution ---- */

static void task_execute(struct task *task)
{
	struct session *session = task->session;

	task->state = TASK_EXECUTING;
	task->lu = scsi_route(session, &task->cmd);
	if (task->lu)
		task->lu->ops->submit(task->lu, &task->cmd);
	else
		scsi_cmd_done(&task->cmd);
}

void task_progress(struct task *task)
{
	if (task->unsolicited || task->held)
		return;
	if (task->failed) {
		transfer_respond(task);
		return;
	}
	if (task->cmd.dir == SCSI_DIR_OUT && task->received < task->cmd.expected) {
		if (transfer_wants_r2t(task))
			conn_queue(task->session->conn, &task->tx);
		return;
	}
	task_execute(task);
}

static void count_bytes(_Atomic uint64_t *commands, _Atomic uint64_t *bytes, const struct scsi_cmd *cmd)
{
	uint32_t moved = cmd->transfer < cmd->expected ? cmd->transfer : cmd->expected;

	atomic_fetch_add_explicit(commands, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(bytes, moved, memory_order_relaxed);
}

static void task_count(struct task *task)
{
	struct session_stats *stats = &task->session->stats;

	atomic_fetch_add_explicit(&stats->commands, 1, memory_order_relaxed);
	if (task->cmd.dir == SCSI_DIR_IN)
		count_bytes(&stats->reads, &stats->read_bytes, &task->cmd);
	else if (task->cmd.dir == SCSI_DIR_OUT)
		count_bytes(&stats->writes, &stats->written_bytes, &task->cmd);
}

void scsi_cmd_done(struct scsi_cmd *cmd)
{
	struct task *task = container_of(cmd, struct task, cmd);

	task->lu = NULL;
	task_count(task);
	if (!task->aborted) {
		transfer_respond(task);
		return;
	}
	task->state = TASK_DATA; /* nobody has it any more */
	task_release(task);
}

void scsi_cmd_reject(struct scsi_cmd *cmd)
{
	struct task *task = container_of(cmd, struct task, cmd);
	uint8_t bhs[BHS_LEN] = { PDU_SCSI_COMMAND, PDU_FINAL };

	memcpy(bhs + BHS_LUN, task->lun_field, sizeof(task->lun_field));
	put_be32(bhs + BHS_ITT, task->itt);
	put_be32(bhs + COMMAND_EXPECTED, cmd->expected);
	memcpy(bhs + COMMAND_CDB, cmd->cdb, sizeof(cmd->cdb));
	if (!task->aborted)
		session_reject(task->session, bhs, REJECT_OUT_OF_RESOURCES);
	task->aborted = true;
	scsi_cmd_done(cmd);
}

void task_abort(struct task *task, uint64_t mark)
{
	if (task->aborted)
		return;
	task->aborted = true;
	task->abort_mark = mark;
	list_del(&task->tx.link);
	if (task->held) {
		list_del(&task->hold.link);
		task->held = false;
		task->closed = true; /* what fills its place opens the window, too */
		session_fill_gap(task->session, task->hold.cmd_sn);
	}
	if (task->state == TASK_EXECUTING && task->lu->ops->abort)
		task->lu->ops->abort(task->lu, &task->cmd);
	else
		task_release(task);
}
