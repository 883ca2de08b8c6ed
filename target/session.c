#include "target/session.h"

#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "target/exchange.h"
#include "target/scsi.h"
#include "target/tmf.h"
#include "target/transfer.h"

#include <stdlib.h>
#include <string.h>

#define LOGOUT_REASON_MASK 0x7f
#define HELD_BYTES_MAX 65536 /* text, pings and the like that wait for their turn */

enum logout_reason { LOGOUT_SESSION, LOGOUT_CONNECTION, LOGOUT_FOR_RECOVERY }; /* RFC 7143 11.14.1 */
enum logout_response { LOGOUT_DONE, LOGOUT_NO_CID, LOGOUT_NO_RECOVERY }; /* 11.15.1 */

/* A request other than a SCSI command that waits for its turn. */
struct held_pdu {
	struct hold hold;
	struct pdu pdu;
	uint8_t data[];
};

bool session_is_of(const struct session *session, const struct target_nexus *nexus)
{
	return !session->discovery && session->nexus.tpgt == nexus->tpgt &&
	       memcmp(session->nexus.isid, nexus->isid, sizeof(nexus->isid)) == 0 &&
	       strcmp(session->nexus.initiator_name, nexus->initiator_name) == 0;
}

/* ---- answers ---- */

void session_reject(struct session *session, const uint8_t *bhs, enum pdu_reject reason)
{
	uint8_t reject[BHS_LEN] = { PDU_REJECT, PDU_FINAL };

	/* the first one of a session is news, a peer that repeats itself is not */
	log_write(session->rejected ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "session",
		  "rejected session=%u opcode=0x%02x reason=0x%02x", session->nexus.session_id, pdu_opcode(bhs),
		  reason);
	session->rejected = true;
	reject[REJECT_REASON] = (uint8_t)reason;
	put_be32(reject + BHS_ITT, PDU_TAG_NONE);
	conn_send(session->conn, reject, bhs, BHS_LEN);
}

/* Whether a PDU of ours takes a StatSN: status, and what the initiator has to acknowledge (RFC 7143 4.2.2.2). */
static bool takes_stat_sn(const uint8_t *bhs)
{
	switch (pdu_opcode(bhs)) {
	case PDU_R2T:
		return false;
	case PDU_DATA_IN:
		return bhs[BHS_FLAGS] & DATA_IN_HAS_STATUS;
	case PDU_NOP_IN:
		return pdu_itt(bhs) != PDU_TAG_NONE;
	}
	return true;
}

static void on_stamp(void *owner, uint8_t *bhs)
{
	struct session *session = owner;
	bool counts = takes_stat_sn(bhs);

	if (counts || pdu_opcode(bhs) != PDU_DATA_IN)
		put_be32(bhs + BHS_STAT_SN, session->stat_sn);
	session->stat_sn += counts;
	put_be32(bhs + BHS_EXP_CMD_SN, session->exp_cmd_sn);
	put_be32(bhs + BHS_MAX_CMD_SN, session->max_cmd_sn);
}

/* ---- the command window ---- */

enum session_order session_order(const struct session *session, const uint8_t *bhs)
{
	uint32_t cmd_sn = get_be32(bhs + BHS_CMD_SN);
	struct hold *hold;

	if (pdu_immediate(bhs) || cmd_sn == session->exp_cmd_sn)
		return pdu_immediate(bhs) || !sn_before(session->max_cmd_sn, cmd_sn) ? ORDER_NOW : ORDER_IGNORE;
	if (sn_before(cmd_sn, session->exp_cmd_sn) || sn_before(session->max_cmd_sn, cmd_sn))
		return ORDER_IGNORE;
	list_for_each(hold, &session->holds, link)
		if (hold->cmd_sn == cmd_sn)
			return ORDER_IGNORE;
	return ORDER_LATER;
}

void session_hold(struct session *session, struct hold *hold, uint32_t cmd_sn)
{
	hold->cmd_sn = cmd_sn;
	list_add_tail(&session->holds, &hold->link);
}

static struct hold *next_hold(struct session *session)
{
	struct hold *hold;

	list_for_each(hold, &session->holds, link)
		if (hold->cmd_sn == session->exp_cmd_sn)
			return hold;
	return NULL;
}

static void run_holds(struct session *session)
{
	struct hold *hold;

	while ((hold = next_hold(session))) {
		list_del(&hold->link);
		session->exp_cmd_sn++;
		hold->run(session, hold);
	}
}

void session_advance(struct session *session)
{
	session->exp_cmd_sn++;
	run_holds(session);
}

static void run_gap(struct session *session, struct hold *hold)
{
	session->max_cmd_sn++;
	free(hold);
}

static void discard_gap(struct session *session, struct hold *hold)
{
	(void)session;
	free(hold);
}

void session_fill_gap(struct session *session, uint32_t cmd_sn)
{
	struct hold *hold;

	list_for_each(hold, &session->holds, link)
		if (hold->cmd_sn == cmd_sn)
			return;
	hold = xmalloc(sizeof(*hold));
	list_init(&hold->link);
	hold->run = run_gap;
	hold->discard = discard_gap;
	session_hold(session, hold, cmd_sn);
	run_holds(session);
}

/* ---- requests ---- */

static void on_nop_out(struct session *session, const struct pdu *pdu)
{
	uint8_t bhs[BHS_LEN] = { PDU_NOP_IN, PDU_FINAL };
	size_t len = pdu->data ? pdu->data_len : 0;

	if (pdu_itt(pdu->bhs) == PDU_TAG_NONE)
		return; /* the answer to our ping: that something came is what counts */
	if (len > session->params.value[KEY_MAX_RECV])
		len = session->params.value[KEY_MAX_RECV];
	memcpy(bhs + BHS_LUN, pdu->bhs + BHS_LUN, 8);
	put_be32(bhs + BHS_ITT, pdu_itt(pdu->bhs));
	put_be32(bhs + BHS_TTT, PDU_TAG_NONE);
	conn_send(session->conn, bhs, pdu->data, len);
}

static void on_logout(struct session *session, const struct pdu *pdu)
{
	uint8_t bhs[BHS_LEN] = { PDU_LOGOUT_RESPONSE, PDU_FINAL };
	unsigned reason = pdu->bhs[BHS_FLAGS] & LOGOUT_REASON_MASK; /* Windows sets the eighth bit */
	enum logout_response response = LOGOUT_DONE;

	if (reason > LOGOUT_FOR_RECOVERY) {
		session_reject(session, pdu->bhs, REJECT_INVALID_FIELD);
		return;
	}
	if (reason != LOGOUT_SESSION && get_be16(pdu->bhs + LOGOUT_CID) != session->cid)
		response = LOGOUT_NO_CID;
	else if (reason == LOGOUT_FOR_RECOVERY)
		response = LOGOUT_NO_RECOVERY;
	bhs[LOGOUT_RESPONSE] = (uint8_t)response;
	put_be32(bhs + BHS_ITT, pdu_itt(pdu->bhs));
	put_be16(bhs + LOGOUT_TIME2WAIT, (uint16_t)session->params.value[KEY_TIME2WAIT]);
	put_be16(bhs + LOGOUT_TIME2RETAIN, (uint16_t)session->params.value[KEY_TIME2RETAIN]);
	conn_send(session->conn, bhs, NULL, 0);
	if (response == LOGOUT_DONE)
		conn_finish(session->conn, "logout");
}

static void on_snack(struct session *session, const struct pdu *pdu)
{
	session_reject(session, pdu->bhs, REJECT_SNACK);
}

enum request_order { UNORDERED, IN_ORDER };

/* The requests of full feature phase. SCSI Command and Data-Out have two steps, because of their data. */
static const struct request {
	void (*fn)(struct session *session, const struct pdu *pdu);
	uint8_t *(*header)(struct session *session, const struct pdu *pdu);
	enum request_order order; /* carries a CmdSN */
	bool discovery;
} requests[PDU_OPCODE_MASK + 1] = {
	[PDU_NOP_OUT] = { .fn = on_nop_out, .order = IN_ORDER },
	[PDU_SCSI_COMMAND] = { .fn = task_received, .header = task_header },
	[PDU_TASK_REQUEST] = { .fn = tmf_request, .order = IN_ORDER },
	[PDU_TEXT_REQUEST] = { .fn = exchange_request, .order = IN_ORDER, .discovery = true },
	[PDU_DATA_OUT] = { .fn = transfer_received, .header = transfer_header },
	[PDU_LOGOUT_REQUEST] = { .fn = on_logout, .order = IN_ORDER, .discovery = true },
	[PDU_SNACK] = { .fn = on_snack },
};

static const struct request *find_request(const struct session *session, const uint8_t *bhs)
{
	const struct request *request = &requests[pdu_opcode(bhs)];

	return request->fn && (request->discovery || !session->discovery) ? request : NULL;
}

static void held_run(struct session *session, struct hold *hold)
{
	struct held_pdu *held = container_of(hold, struct held_pdu, hold);

	session->max_cmd_sn++;
	requests[pdu_opcode(held->pdu.bhs)].fn(session, &held->pdu);
	session->held_bytes -= held->pdu.data_len;
	free(held);
}

static void held_discard(struct session *session, struct hold *hold)
{
	(void)session;
	free(container_of(hold, struct held_pdu, hold));
}

static void hold_pdu(struct session *session, const struct pdu *pdu)
{
	size_t len = pdu->data ? pdu->data_len : 0;
	struct held_pdu *held;

	if (session->held_bytes + len > HELD_BYTES_MAX) {
		conn_fail(session->conn, "too much data out of order");
		return;
	}
	held = xmalloc(sizeof(*held) + len);
	held->pdu = *pdu;
	held->pdu.data_len = (uint32_t)len;
	held->pdu.data = len ? memcpy(held->data, pdu->data, len) : NULL;
	held->hold.run = held_run;
	held->hold.discard = held_discard;
	list_init(&held->hold.link);
	session->held_bytes += len;
	session_hold(session, &held->hold, get_be32(pdu->bhs + BHS_CMD_SN));
}

static void dispatch(struct session *session, const struct request *request, const struct pdu *pdu)
{
	bool counts = request->order == IN_ORDER && !pdu_immediate(pdu->bhs) && pdu_itt(pdu->bhs) != PDU_TAG_NONE;
	enum session_order order = counts ? session_order(session, pdu->bhs) : ORDER_NOW;

	if (order == ORDER_LATER)
		hold_pdu(session, pdu);
	if (order != ORDER_NOW)
		return;
	if (counts)
		session->max_cmd_sn++;
	request->fn(session, pdu);
	if (counts)
		session_advance(session);
}

/* ---- the connection's callbacks ---- */

static uint8_t *ping_place(struct session *session, const struct pdu *pdu)
{
	if (pdu->data_len <= CONN_INLINE_MAX || session->discovery)
		return NULL;
	session->rx_ping = pool_get(session->worker->pool, pdu->data_len, &session->rx_ping_capacity);
	return session->rx_ping; /* NULL: the answer comes without data */
}

static uint8_t *on_header(void *owner, const struct pdu *pdu)
{
	struct session *session = owner;
	const struct request *request = find_request(session, pdu->bhs);

	session->rx_task = NULL;
	session->rx_reject = 0;
	if (pdu_opcode(pdu->bhs) == PDU_NOP_OUT)
		return ping_place(session, pdu);
	return request && request->header ? request->header(session, pdu) : NULL;
}

static void free_ping(struct session *session)
{
	if (!session->rx_ping)
		return;
	pool_put(session->worker->pool, session->rx_ping, session->rx_ping_capacity);
	session->rx_ping = NULL;
}

/* A command that was not taken in: ignored, or refused, and then its CmdSN is used up. */
static void on_command_dropped(struct session *session, const struct pdu *pdu)
{
	if (!session->rx_reject)
		return;
	session_reject(session, pdu->bhs, session->rx_reject);
	if (!pdu_immediate(pdu->bhs))
		session_fill_gap(session, get_be32(pdu->bhs + BHS_CMD_SN));
}

static enum pdu_reject why_unknown(const uint8_t *bhs)
{
	return pdu_opcode(bhs) == PDU_LOGIN_REQUEST ? REJECT_PROTOCOL_ERROR : REJECT_NOT_SUPPORTED;
}

static void on_received(void *owner, const struct pdu *pdu)
{
	struct session *session = owner;
	const struct request *request = find_request(session, pdu->bhs);

	if (pdu->digest_error) { /* 7.8: told, and at ErrorRecoveryLevel 0 the session recovers */
		session_reject(session, pdu->bhs, REJECT_DATA_DIGEST_ERROR);
		conn_finish(session->conn, "data digest error");
	} else if (!request) {
		session_reject(session, pdu->bhs, why_unknown(pdu->bhs));
	} else if (pdu_opcode(pdu->bhs) == PDU_SCSI_COMMAND && !session->rx_task) {
		on_command_dropped(session, pdu);
	} else {
		dispatch(session, request, pdu);
	}
	free_ping(session);
}

/* ---- keepalive ---- */

static void send_ping(struct session *session)
{
	uint8_t bhs[BHS_LEN] = { PDU_NOP_IN, PDU_FINAL };

	if (++session->last_ttt == PDU_TAG_NONE)
		session->last_ttt = 0;
	session->pinged = true;
	put_be32(bhs + BHS_ITT, PDU_TAG_NONE);
	put_be32(bhs + BHS_TTT, session->last_ttt); /* a valid one: macOS answers no other */
	conn_send(session->conn, bhs, NULL, 0);
}

/* Twice without a byte from the peer, or with answers that it does not read, and it is gone. Discovery sessions are
 * not pinged (RFC 7143 4.3): they end. */
static void on_keepalive(void *arg)
{
	struct session *session = arg;
	uint64_t received = conn_received_bytes(session->conn), sent = conn_sent_bytes(session->conn);
	bool heard = received != session->received_bytes, stuck = conn_sending(session->conn);

	if (stuck && sent == session->sent_bytes && session->was_stuck)
		conn_fail(session->conn, "the peer reads no answers");
	else if (!heard && session->pinged)
		conn_fail(session->conn, "no answer to a ping");
	session->was_stuck = stuck;
	session->received_bytes = received;
	session->sent_bytes = sent;
	if (heard)
		session->pinged = false;
	else if (session->discovery)
		session->pinged = true;
	else if (!session->pinged)
		send_ping(session);
	timer_arm(&session->keepalive, session->target->limits.keepalive_us);
}

/* ---- life ---- */

struct session *session_create(struct target *target, struct worker *worker, const struct target_nexus *nexus,
			       const struct params *params, bool discovery)
{
	struct session *session = xcalloc(1, sizeof(*session));

	session->target = target;
	session->worker = worker;
	session->nexus = *nexus;
	session->nexus.worker = worker->index;
	session->params = *params;
	session->discovery = discovery;
	session->since_us = clock_now_us(loop_clock(target->control));
	list_init(&session->register_link);
	list_init(&session->worker_link);
	list_init(&session->holds);
	task_set_init(&session->tasks, (unsigned)target->limits.commands_per_session, target->ops.cmd_ctx_bytes);
	attention_init(&session->attentions);
	return session;
}

void session_free(struct session *session)
{
	if (!session)
		return;
	exchange_free(session->exchange);
	task_set_done(&session->tasks);
	free(session);
}

static void on_gone(struct call *call)
{
	target_unregister(container_of(call, struct session, call));
}

void session_check_gone(struct session *session)
{
	if (!session_ended(session) || session->ending || session->tasks.count)
		return;
	list_del(&session->worker_link);
	target_post(session->target, session->target->control, &session->call, on_gone);
}

/* With a mark of their own: sweeps that began before do not wait for what is ended here beyond their own. */
static void abort_tasks(struct session *session)
{
	uint64_t mark = ++session->worker->sweep_count;
	struct task *task;
	bool again;

	do { /* ending one may end others */
		again = false;
		list_for_each(task, &session->tasks.active, link) {
			if (task->aborted)
				continue;
			again = true;
			task_abort(task, mark);
			break;
		}
	} while (again);
}

static void on_closed(void *owner, const char *reason)
{
	struct session *session = owner;
	struct list *link;

	session->ending = true;
	session->end_reason = reason;
	timer_stop(&session->keepalive);
	if (session->rx_task) {
		session->rx_task->receiving = false;
		task_release(session->rx_task); /* if it was aborted meanwhile */
	}
	free_ping(session);
	conn_destroy(session->conn); /* what is on its way to the peer is given up */
	session->conn = NULL;
	while ((link = list_pop(&session->holds))) {
		struct hold *hold = container_of(link, struct hold, link);

		hold->discard(session, hold);
	}
	abort_tasks(session);
	session->ending = false;
	session_check_gone(session);
}

static const struct conn_ops session_conn_ops = {
	.header = on_header,
	.received = on_received,
	.stamp = on_stamp,
	.closed = on_closed,
};

static void on_adopt(struct call *call)
{
	struct session *session = container_of(call, struct session, call);
	struct worker *worker = session->worker;
	const struct params *params = &session->params;

	list_add_tail(&worker->sessions, &session->worker_link);
	timer_init(&session->keepalive, loop_clock(worker->loop), on_keepalive, session);
	timer_arm(&session->keepalive, session->target->limits.keepalive_us);
	session->received_bytes = conn_received_bytes(session->conn);
	conn_set_digests(session->conn, params->value[KEY_HEADER_DIGEST], params->value[KEY_DATA_DIGEST]);
	conn_attach(session->conn, worker->loop, &session_conn_ops, session);
	conn_resume(session->conn);
}

void session_hand_over(struct session *session, struct conn *conn)
{
	session->conn = conn;
	conn_detach(conn);
	target_post(session->target, session->worker->loop, &session->call, on_adopt);
	target_handed_over(session);
}

static void send_async(struct session *session, enum pdu_async event)
{
	uint8_t bhs[BHS_LEN] = { PDU_ASYNC, PDU_FINAL };

	put_be32(bhs + BHS_ITT, PDU_TAG_NONE);
	bhs[ASYNC_EVENT] = (uint8_t)event;
	if (event == ASYNC_REQUEST_LOGOUT) { /* within this many seconds */
		put_be16(bhs + ASYNC_PARAMETER3, 2);
	} else {
		put_be16(bhs + ASYNC_PARAMETER2, (uint16_t)session->params.value[KEY_TIME2WAIT]);
		put_be16(bhs + ASYNC_PARAMETER3, (uint16_t)session->params.value[KEY_TIME2RETAIN]);
	}
	conn_send(session->conn, bhs, NULL, 0);
}

void session_logout_request(struct session *session)
{
	if (session->discovery)
		conn_fail(session->conn, "the target is going down");
	else
		send_async(session, ASYNC_REQUEST_LOGOUT);
}

void session_drop(struct session *session)
{
	if (!session->discovery)
		send_async(session, ASYNC_DROP_SESSION);
	conn_finish(session->conn, "ended by the administrator");
}

void session_fall_silent(struct session *session)
{
	if (!session_ended(session))
		conn_silence(session->conn, true);
}

void session_speak(struct session *session)
{
	if (!session_ended(session))
		conn_silence(session->conn, false);
}

void session_kill(struct session *session, const char *reason)
{
	conn_fail(session->conn, reason);
}
