#include "target/tmf.h"

#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "target/scsi.h"

#include <stdlib.h>
#include <string.h>

enum tmf_function { /* RFC 7143 11.5.1 */
		    TMF_ABORT_TASK = 1,
		    TMF_ABORT_TASK_SET = 2,
		    TMF_CLEAR_ACA = 3,
		    TMF_CLEAR_TASK_SET = 4,
		    TMF_LUN_RESET = 5,
		    TMF_TARGET_WARM_RESET = 6,
		    TMF_TARGET_COLD_RESET = 7,
		    TMF_TASK_REASSIGN = 8,
		    TMF_FUNCTION_COUNT
};

enum tmf_response { /* 11.6.1 */
		    TMF_COMPLETE = 0,
		    TMF_NO_TASK = 1,
		    TMF_NO_LUN = 2,
		    TMF_NO_REASSIGNMENT = 4,
		    TMF_NOT_SUPPORTED = 5,
		    TMF_REJECTED = 255,
};

#define ASC_POWER_ON 0x2901
#define ASC_BUS_DEVICE_RESET 0x2903
#define ASC_COMMANDS_CLEARED 0x2f00

/* How far a function reaches, and what the others hear of it (SAM-5 table 34 and 5.14). */
struct tmf_def {
	enum tmf_response refusal; /* TMF_COMPLETE: it is carried out */
	bool by_lun; /* one LUN, which must exist; else all */
	bool all_sessions; /* of all workers; else its own */
	bool own_attention; /* the requester hears of it, too */
	bool is_reset;
	scsi_asc attention;
};

static const struct tmf_def functions[TMF_FUNCTION_COUNT] = {
	[0] = { .refusal = TMF_NOT_SUPPORTED },
	[TMF_ABORT_TASK] = { .refusal = TMF_COMPLETE },
	[TMF_ABORT_TASK_SET] = { .refusal = TMF_COMPLETE, .by_lun = true },
	[TMF_CLEAR_ACA] = { .refusal = TMF_NOT_SUPPORTED },
	[TMF_CLEAR_TASK_SET] = { .refusal = TMF_COMPLETE,
				 .by_lun = true,
				 .all_sessions = true,
				 .attention = ASC_COMMANDS_CLEARED },
	[TMF_LUN_RESET] = { .refusal = TMF_COMPLETE,
			    .by_lun = true,
			    .all_sessions = true,
			    .own_attention = true,
			    .is_reset = true,
			    .attention = ASC_BUS_DEVICE_RESET },
	[TMF_TARGET_WARM_RESET] = { .refusal = TMF_COMPLETE,
				    .all_sessions = true,
				    .own_attention = true,
				    .is_reset = true,
				    .attention = ASC_BUS_DEVICE_RESET },
	[TMF_TARGET_COLD_RESET] = { .refusal = TMF_COMPLETE,
				    .all_sessions = true,
				    .own_attention = true,
				    .is_reset = true,
				    .attention = ASC_POWER_ON },
	[TMF_TASK_REASSIGN] = { .refusal = TMF_NO_REASSIGNMENT },
};

/* What waits for sweeps on several workers. */
struct sweeps {
	struct loop *loop; /* that waits */
	unsigned pending;
	void (*done)(struct sweeps *sweeps); /* on loop, once */
};

/* A function under way. The requester's worker. */
struct tmf {
	struct sweeps sweeps;
	struct worker *worker;
	uint32_t session_id; /* the session may end meanwhile */
	uint32_t itt;
	enum tmf_function function;
	uint16_t lun; /* TARGET_ALL_LUNS */
};

/* target_abort_tasks() under way. */
struct purge {
	struct sweeps sweeps;
	void (*done)(void *arg);
	void *arg;
};

/* The part of one worker. */
struct sweep {
	struct call call;
	struct list link;
	struct worker *worker;
	struct sweeps *sweeps; /* touched on their loop only */
	uint64_t mark; /* tasks aborted up to this one count */
	uint32_t session_id; /* 0: all */
	uint32_t requester;
	uint16_t lun; /* TARGET_ALL_LUNS */
	enum tmf_function function;
	bool by_itt, by_nexus;
	uint32_t itt;
	struct target_nexus nexus;
	const struct scsi_cmd *except; /* never looked into */
};

static struct session *find_session(struct worker *worker, uint32_t id)
{
	struct session *session;

	list_for_each(session, &worker->sessions, worker_link)
		if (session->nexus.session_id == id)
			return session;
	return NULL;
}

static void respond(struct session *session, uint32_t itt, enum tmf_response code)
{
	uint8_t bhs[BHS_LEN] = { PDU_TASK_RESPONSE, PDU_FINAL };

	bhs[TASK_RESPONSE] = (uint8_t)code;
	put_be32(bhs + BHS_ITT, itt);
	conn_send(session->conn, bhs, NULL, 0);
}

/* RFC 7143 11.5.1: after a cold reset every connection of the target is dropped. */
static void cold_reset(struct worker *worker, uint32_t spare)
{
	struct session *session;

	list_for_each(session, &worker->sessions, worker_link)
		if (!session_ended(session) && session->nexus.session_id != spare)
			session_kill(session, "target cold reset");
}

static void tmf_respond(void *arg)
{
	struct tmf *tmf = arg;
	struct session *session = find_session(tmf->worker, tmf->session_id);

	atomic_fetch_sub(&tmf->worker->target->calls, 1);
	if (session && !session_ended(session)) {
		respond(session, tmf->itt, TMF_COMPLETE);
		session->tmf_count--;
		if (tmf->function == TMF_TARGET_COLD_RESET)
			conn_finish(session->conn, "target cold reset");
	}
	free(tmf);
}

static void tmf_finish(struct sweeps *sweeps)
{
	struct tmf *tmf = container_of(sweeps, struct tmf, sweeps);
	struct target *target = tmf->worker->target;

	atomic_fetch_add(&target->calls, 1);
	if (functions[tmf->function].is_reset && target->ops.reset)
		target->ops.reset(target->user, tmf->worker->index, tmf->lun, tmf_respond, tmf);
	else
		tmf_respond(tmf);
}

/* ---- sweeps ---- */

static bool sweep_matches(const struct sweep *sweep, const struct task *task)
{
	if (sweep->session_id && task->session->nexus.session_id != sweep->session_id)
		return false;
	if (sweep->by_itt)
		return task->itt == sweep->itt;
	if (sweep->by_nexus && (&task->cmd == sweep->except || !session_is_of(task->session, &sweep->nexus)))
		return false;
	return sweep->lun == TARGET_ALL_LUNS || task->cmd.lun == sweep->lun;
}

/* A task of the sweep that still has to be aborted, or (aborted) whose end is still awaited. */
static struct task *sweep_find(const struct sweep *sweep, bool aborted)
{
	struct session *session;
	struct task *task;

	list_for_each(session, &sweep->worker->sessions, worker_link) {
		list_for_each(task, &session->tasks.active, link) {
			if (task->state == TASK_SENDING || task->aborted != aborted || !sweep_matches(sweep, task))
				continue;
			if (!aborted || task->abort_mark <= sweep->mark)
				return task;
		}
	}
	return NULL;
}

static void on_swept(struct call *call)
{
	struct sweep *sweep = container_of(call, struct sweep, call);
	struct sweeps *sweeps = sweep->sweeps;

	free(sweep);
	if (--sweeps->pending == 0)
		sweeps->done(sweeps);
}

static void sweep_finish(struct sweep *sweep)
{
	list_del(&sweep->link);
	if (sweep->function == TMF_TARGET_COLD_RESET)
		cold_reset(sweep->worker, sweep->requester);
	target_post(sweep->worker->target, sweep->sweeps->loop, &sweep->call, on_swept);
}

static void sweep_attention(const struct sweep *sweep)
{
	const struct tmf_def *def = &functions[sweep->function];
	struct session *session;

	if (!def->attention)
		return;
	list_for_each(session, &sweep->worker->sessions, worker_link)
		if (def->own_attention || session->nexus.session_id != sweep->requester)
			attention_establish(&session->attentions, sweep->lun, def->attention);
}

static void sweep_run(struct call *call)
{
	struct sweep *sweep = container_of(call, struct sweep, call);
	struct worker *worker = sweep->worker;
	struct task *task;

	sweep->mark = ++worker->sweep_count;
	sweep_attention(sweep);
	while ((task = sweep_find(sweep, false)))
		task_abort(task, sweep->mark);
	list_add_tail(&worker->sweeps, &sweep->link);
	if (!sweep_find(sweep, true))
		sweep_finish(sweep);
}

void tmf_task_gone(struct worker *worker)
{
	struct sweep *sweep;

	list_for_each(sweep, &worker->sweeps, link)
		if (!sweep_find(sweep, true))
			sweep_finish(sweep);
}

/* Sweeps like `pattern`, on one worker or (NULL) on all. */
static void sweeps_start(struct target *target, struct worker *only, struct sweeps *sweeps, const struct sweep *pattern)
{
	sweeps->pending = only ? 1 : (unsigned)target->worker_count;
	for (size_t i = 0; i < target->worker_count; i++) {
		struct worker *worker = &target->workers[i];
		struct sweep *sweep;

		if (only && worker != only)
			continue;
		sweep = xmalloc(sizeof(*sweep));
		*sweep = *pattern;
		list_init(&sweep->link);
		sweep->worker = worker;
		sweep->sweeps = sweeps;
		sweep->call.target = target;
		if (worker->loop == sweeps->loop)
			sweep_run(&sweep->call); /* at once: commands that follow are not meant */
		else
			target_post(target, worker->loop, &sweep->call, sweep_run);
	}
}

static void tmf_start(struct session *session, const struct tmf *request, const struct sweep *pattern)
{
	bool all = functions[request->function].all_sessions;
	struct tmf *tmf = xmalloc(sizeof(*tmf));

	*tmf = *request;
	tmf->sweeps = (struct sweeps){ .loop = session->worker->loop, .done = tmf_finish };
	session->tmf_count++;
	sweeps_start(session->target, all ? NULL : session->worker, &tmf->sweeps, pattern);
}

static void on_purged(struct sweeps *sweeps)
{
	struct purge *purge = container_of(sweeps, struct purge, sweeps);

	purge->done(purge->arg);
	free(purge);
}

void target_abort_tasks(struct target *target, const struct target_nexus *nexus, uint16_t lun,
			const struct scsi_cmd *except, void (*done)(void *arg), void *arg)
{
	struct purge *purge = xmalloc(sizeof(*purge));
	const struct sweep pattern = { .lun = lun, .by_nexus = true, .nexus = *nexus, .except = except };

	*purge = (struct purge){ .sweeps = { .loop = target->control, .done = on_purged }, .done = done, .arg = arg };
	sweeps_start(target, NULL, &purge->sweeps, &pattern);
}

/* ---- requests ---- */

/* RFC 7143 11.5.1: a task that is not here has ended, or, when RefCmdSN lies in the window, never arrives: its CmdSN
 * counts as received then. */
static enum tmf_response abort_unknown(struct session *session, const uint8_t *bhs)
{
	uint32_t ref_sn = get_be32(bhs + TASK_REF_CMD_SN);

	if (sn_before(ref_sn, session->exp_cmd_sn) || sn_before(session->max_cmd_sn, ref_sn) ||
	    !sn_before(ref_sn, get_be32(bhs + BHS_CMD_SN)))
		return TMF_NO_TASK;
	session_fill_gap(session, ref_sn);
	return TMF_COMPLETE;
}

static bool lun_exists(struct session *session, uint16_t lun)
{
	struct target *target = session->target;

	return lun != SCSI_LUN_NONE && target->ops.find_lu(target->user, &session->nexus, lun);
}

void tmf_request(struct session *session, const struct pdu *pdu)
{
	unsigned function = pdu->bhs[BHS_FLAGS] & 0x7f;
	const struct tmf_def *def = &functions[function < TMF_FUNCTION_COUNT ? function : 0];
	struct sweep pattern = { .requester = session->nexus.session_id, .lun = TARGET_ALL_LUNS };
	struct tmf tmf = { .worker = session->worker, .session_id = session->nexus.session_id };
	struct task *task;

	tmf.itt = pdu_itt(pdu->bhs);
	tmf.function = pattern.function = (enum tmf_function)function;
	log_info("tmf", "session=%u function=%u ref=0x%x", tmf.session_id, function, get_be32(pdu->bhs + TASK_REF_ITT));
	if (def->refusal != TMF_COMPLETE) {
		respond(session, tmf.itt, def->refusal);
		return;
	}
	if (session->tmf_count >= TMF_MAX) {
		respond(session, tmf.itt, TMF_REJECTED);
		return;
	}
	if (def->by_lun) {
		pattern.lun = scsi_lun_resolve(session, scsi_lun_decode(pdu->bhs + BHS_LUN));
		if (!lun_exists(session, pattern.lun)) {
			respond(session, tmf.itt, TMF_NO_LUN);
			return;
		}
	}
	tmf.lun = pattern.lun;
	pattern.session_id = def->all_sessions ? 0 : session->nexus.session_id;
	if (function == TMF_ABORT_TASK) {
		pattern.by_itt = true;
		pattern.itt = get_be32(pdu->bhs + TASK_REF_ITT);
		task = task_find(session, pattern.itt);
		if (!task || task->state == TASK_SENDING) {
			respond(session, tmf.itt, task ? TMF_NO_TASK : abort_unknown(session, pdu->bhs));
			return;
		}
	}
	tmf_start(session, &tmf, &pattern);
}
