#include "tests/simulation/sim_session.h"

#include "gateway/base/bytes.h"
#include "gateway/base/memory.h"
#include "tests/simulation/sim_transport.h"

#include <stdlib.h>
#include <string.h>

enum task_stage { TASK_TRAVELS, TASK_WORKS, TASK_HANGS, TASK_RETURNS };

struct sim_task {
	struct list link; /* sim_session.tasks */
	struct sim_session *session;
	struct xfer *xfer; /* NULL: nobody waits for the answer */
	uint64_t tag;
	bool is_abort; /* it is an ABORT TASK of the command with that tag; */
	bool is_reset; /* a LOGICAL UNIT RESET */
	uint8_t response;
	uint8_t cdb[SCSI_CDB_MAX];
	enum scsi_dir dir;
	uint16_t lun;
	uint32_t len;
	uint8_t *data; /* len bytes */
	enum task_stage stage;
	bool parked; /* stands before a black hole */
	struct sim_fault *fault;
	enum sim_fault_kind fault_kind;
	struct sim_answer answer;
	struct timer timer;
};

static void task_destroy(struct sim_task *task)
{
	list_del(&task->link);
	timer_stop(&task->timer);
	free(task->data);
	free(task);
}

/* SPC-4: INQUIRY, REPORT LUNS and REQUEST SENSE do not. */
static bool reports_attentions(uint8_t opcode)
{
	return opcode != 0x12 && opcode != 0xa0 && opcode != 0x03;
}

/* The oldest unit attention on that logical unit; 0: none. It is reported once. */
static uint16_t take_attention(struct sim_session *session, uint16_t lun)
{
	for (unsigned i = 0; i < session->attention_count; i++) {
		uint16_t asc = session->attentions[i].asc;

		if (session->attentions[i].lun != lun)
			continue;
		session->attention_count--;
		memmove(&session->attentions[i], &session->attentions[i + 1],
			(session->attention_count - i) * sizeof(session->attentions[0]));
		return asc;
	}
	return 0;
}

static struct sim_fault *find_fault(const struct sim_task *task)
{
	const struct sim_session *session = task->session;
	struct sim_fault *fault;

	list_for_each(fault, &session->array->faults, link)
		if (fault->count && (fault->portal == SIM_ANY || fault->portal == (int)session->portal->index) &&
		    (fault->lun == SIM_ANY || fault->lun == task->lun) &&
		    (fault->opcode == SIM_ANY || fault->opcode == task->cdb[0]))
			return fault;
	return NULL;
}

/* REPORT LUNS clears the unit attention that the list has changed, unread, on all logical units (SPC-4 6.33). */
static void forget_luns_changed(struct sim_session *session)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < session->attention_count; i++)
		if (session->attentions[i].asc != 0x3f0e)
			session->attentions[kept++] = session->attentions[i];
	session->attention_count = kept;
}

static void report_luns(struct sim_array *array, struct sim_task *task)
{
	uint8_t list[8 + 8 * 64] = { 0 };
	uint32_t at = 8;
	struct sim_lu *lu;

	list_for_each(lu, &array->lus, link) {
		put_be16(list + at, lu->lun < 256 ? lu->lun : (uint16_t)(0x4000 | lu->lun));
		at += 8;
		if (at == sizeof(list))
			break;
	}
	put_be32(list, at - 8);
	sim_answer_bytes(&task->answer, task->data, task->len, list, at);
}

static void task_carry_out(struct sim_task *task)
{
	struct sim_session *session = task->session;
	struct sim_lu *lu = sim_array_lu(session->array, task->lun);

	session->array->sim->executions++;
	task->answer = (struct sim_answer){ .status = SCSI_GOOD };
	if (task->dir == SCSI_DIR_IN)
		memset(task->data, 0, task->len);
	if (task->cdb[0] == 0xa0)
		forget_luns_changed(session);
	if (task->cdb[0] == 0xa0 && !(lu && sim_lu_overrides(lu, task->cdb))) {
		report_luns(session->array, task);
	} else if (!lu && task->cdb[0] == 0x12) {
		static const uint8_t nothing[36] = { 0x7f };

		sim_answer_bytes(&task->answer, task->data, task->len, nothing, sizeof(nothing));
	} else if (!lu) {
		sim_answer_sense(&task->answer, SENSE_ILLEGAL_REQUEST, 0x2500);
	} else if (!sim_port_answers(session->portal, lu, task->cdb, task->data, task->len, &task->answer) &&
		   !sim_reservation_answers(session, lu, task->cdb, task->data, task->len, &task->answer)) {
		sim_lu_execute(lu, task->cdb, task->data, task->len, &task->answer);
		if (lu->tpgs && task->cdb[0] == 0x12 && (task->cdb[1] & 1) && task->cdb[2] == 0x83)
			sim_port_designate(session->portal, task->data, task->len, &task->answer);
		if (session->portal->plain && task->cdb[0] == 0x12 && !(task->cdb[1] & 1) && task->len > 5)
			task->data[5] &= 0xcf;
	}
}

static bool task_set_is_full(const struct sim_session *session)
{
	const struct sim_task *task;
	unsigned inside = 0;

	list_for_each(task, &session->tasks, link)
		inside += task->stage == TASK_WORKS || task->stage == TASK_HANGS;
	return session->portal->task_set && inside > session->portal->task_set;
}

/* A unit attention or a fault meets a command that arrives. True: it is not carried out now. */
static bool task_is_stopped(struct sim_task *task)
{
	struct sim_fault *fault;
	uint16_t attention = 0;

	if (reports_attentions(task->cdb[0]) && sim_array_lu(task->session->array, task->lun))
		attention = take_attention(task->session, task->lun);
	if (attention) {
		sim_answer_sense(&task->answer, SENSE_UNIT_ATTENTION, attention);
		task->stage = TASK_RETURNS;
		timer_arm(&task->timer, SIM_LATENCY_US);
		return true;
	}
	if (task_set_is_full(task->session)) {
		task->session->portal->refused++;
		task->answer = (struct sim_answer){ .status = SCSI_TASK_SET_FULL };
		task->stage = TASK_RETURNS;
		timer_arm(&task->timer, SIM_LATENCY_US);
		return true;
	}
	fault = find_fault(task);
	if (!fault)
		return false;
	fault->count--;
	fault->hits++;
	task->fault = fault;
	task->fault_kind = fault->kind;
	switch (fault->kind) {
	case SIM_FAULT_STATUS:
		task->answer = (struct sim_answer){ .status = fault->status };
		break;
	case SIM_FAULT_SENSE:
		task->answer = (struct sim_answer){ 0 };
		sim_answer_sense(&task->answer, fault->key, fault->asc);
		break;
	case SIM_FAULT_REJECT:
		task->answer = (struct sim_answer){ 0 };
		sim_answer_sense(&task->answer, SENSE_HARDWARE_ERROR, 0x4400);
		break;
	case SIM_FAULT_HANG:
		task->stage = TASK_HANGS;
		return true;
	case SIM_FAULT_MUTE:
	case SIM_FAULT_RESET:
		return false;
	}
	task->stage = TASK_RETURNS;
	timer_arm(&task->timer, SIM_LATENCY_US);
	return true;
}

static void task_return(struct sim_task *task)
{
	struct xfer *xfer = task->xfer;
	struct initiator *initiator = task->session->initiator;
	uint8_t response = task->response;

	if (task->is_abort || task->is_reset) {
		task_destroy(task);
		if (initiator)
			sim_transport_managed(initiator, response);
		return;
	}
	if (xfer) {
		xfer->rejected = task->fault && task->fault_kind == SIM_FAULT_REJECT;
		xfer->status = task->answer.status;
		xfer->sense_len = task->answer.sense_len;
		memcpy(xfer->sense, task->answer.sense, task->answer.sense_len);
		xfer->transfer = task->answer.transfer;
		if (task->dir == SCSI_DIR_IN)
			memcpy(xfer->data, task->data, task->len);
	}
	task_destroy(task);
	if (xfer && initiator)
		sim_transport_done(initiator, xfer);
}

static void task_work(struct sim_task *task)
{
	struct sim_session *session = task->session;

	task_carry_out(task);
	if (task->fault && task->fault_kind == SIM_FAULT_MUTE) {
		task->stage = TASK_HANGS;
		task->fault_kind = SIM_FAULT_RESET; /* when it is released nobody is there any more */
		task->xfer = NULL;
		return;
	}
	if (task->fault && task->fault_kind == SIM_FAULT_RESET) {
		task_destroy(task);
		sim_session_lost(session);
		return;
	}
	task->stage = TASK_RETURNS;
	timer_arm(&task->timer, SIM_LATENCY_US);
}

/* An ABORT TASK has arrived. What is already answered it does not find. */
static void task_abort(struct sim_task *task)
{
	struct sim_portal *portal = task->session->portal;
	struct sim_task *victim;

	task->stage = TASK_RETURNS;
	if (portal->aborts == SIM_ABORTS_IGNORED) {
		task_destroy(task);
		return;
	}
	task->response = portal->aborts == SIM_ABORTS_REFUSED ? TMF_NOT_SUPPORTED : TMF_NO_TASK;
	list_for_each(victim, &task->session->tasks, link) {
		if (victim->is_abort || victim->is_reset || victim->tag != task->tag || victim->stage == TASK_RETURNS ||
		    portal->aborts != SIM_ABORTS_OBEYED)
			continue;
		task->response = TMF_COMPLETE;
		portal->aborted++;
		task_destroy(victim);
		break;
	}
	timer_arm(&task->timer, SIM_LATENCY_US);
}

/* A LOGICAL UNIT RESET has arrived. */
static void task_reset(struct sim_task *task)
{
	struct sim_portal *portal = task->session->portal;

	portal->resets++;
	task->stage = TASK_RETURNS;
	if (portal->reset == SIM_ABORTS_IGNORED) {
		task_destroy(task);
		return;
	}
	timer_arm(&task->timer, SIM_LATENCY_US);
	task->response = portal->reset == SIM_ABORTS_REFUSED ? TMF_NOT_SUPPORTED : TMF_COMPLETE;
	if (task->response == TMF_COMPLETE)
		sim_array_reset_lu(portal->array, task->lun);
}

static void on_task(void *arg)
{
	struct sim_task *task = arg;
	struct sim_portal *portal = task->session->portal;
	const struct sim_array *array = portal->array;

	switch (task->stage) {
	case TASK_TRAVELS:
		task->parked = portal->black_hole;
		if (task->parked)
			return;
		if (task->is_abort) {
			task_abort(task);
			return;
		}
		if (task->is_reset) {
			task_reset(task);
			return;
		}
		portal->commands++;
		if (array->heard)
			array->heard(array->heard_arg, portal, task->lun, task->cdb);
		task->stage = TASK_WORKS;
		if (!task_is_stopped(task))
			timer_arm(&task->timer, portal->latency_us + sim_below(&array->sim->rng, 100));
		return;
	case TASK_WORKS:
		task_work(task);
		return;
	case TASK_RETURNS:
		task->parked = portal->black_hole || sim_transport_muted(task->session->initiator);
		if (!task->parked)
			task_return(task);
		return;
	case TASK_HANGS:
		return;
	}
}

static struct sim_task *task_create(struct sim_session *session, uint64_t tag)
{
	struct sim_task *task = xcalloc(1, sizeof(*task));

	task->session = session;
	task->tag = tag;
	timer_init(&task->timer, &session->array->sim->clock, on_task, task);
	list_add_tail(&session->tasks, &task->link);
	timer_arm(&task->timer, SIM_LATENCY_US + session->portal->travel_us);
	return task;
}

void sim_session_abort_task(struct sim_session *session, uint64_t tag)
{
	task_create(session, tag)->is_abort = true;
}

void sim_session_reset_lu(struct sim_session *session, uint16_t lun)
{
	struct sim_task *task = task_create(session, 0);

	task->is_reset = true;
	task->lun = lun;
}

void sim_session_submit(struct sim_session *session, struct xfer *xfer, uint64_t tag)
{
	struct sim_task *task = task_create(session, tag);

	task->xfer = xfer;
	memcpy(task->cdb, xfer->cdb, sizeof(task->cdb));
	task->dir = xfer->dir;
	task->lun = xfer->lun;
	task->len = xfer->len;
	task->data = xcalloc(1, xfer->len ? xfer->len : 1);
	if (xfer->dir == SCSI_DIR_OUT)
		memcpy(task->data, xfer->data, xfer->len);
}

unsigned sim_session_release(struct sim_session *session)
{
	struct sim_task *task;
	unsigned count = 0;

	list_for_each(task, &session->tasks, link) {
		if (task->stage != TASK_HANGS)
			continue;
		task->stage = task->fault_kind == SIM_FAULT_HANG ? TASK_WORKS : TASK_RETURNS;
		task->fault = NULL;
		timer_arm(&task->timer, 0);
		count++;
	}
	return count;
}

unsigned sim_session_abort(struct sim_session *session, uint16_t lun)
{
	struct sim_task *task;
	unsigned count = 0;

	list_for_each(task, &session->tasks, link) {
		if (task->lun != lun || (task->stage != TASK_WORKS && task->stage != TASK_HANGS))
			continue;
		task_destroy(task);
		count++;
	}
	return count;
}

void sim_session_resume(struct sim_session *session)
{
	struct sim_task *task;

	list_for_each(task, &session->tasks, link)
		if (task->parked)
			timer_arm(&task->timer, 0);
}

void sim_session_attention(struct sim_session *session, uint16_t lun, uint16_t asc)
{
	if (session->attention_count == SIM_ATTENTIONS_MAX)
		return;
	session->attentions[session->attention_count].lun = lun;
	session->attentions[session->attention_count++].asc = asc;
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

static void on_expiry(void *arg)
{
	sim_session_destroy(arg);
}

void sim_session_lost(struct sim_session *session)
{
	struct initiator *initiator = session->initiator;
	struct sim_task *task;

	if (!initiator)
		return;
	session->initiator = NULL;
	list_for_each(task, &session->tasks, link) {
		task->xfer = NULL;
		if (task->stage == TASK_RETURNS || (task->stage == TASK_TRAVELS && task->parked))
			task_destroy(task); /* what never got through the black hole is never sent again */
	}
	timer_arm(&session->expiry, session->array->linger_us);
	sim_transport_lost(initiator, "connection reset by peer");
}

static bool same_nexus(const struct sim_session *session, const struct sim_portal *portal, const char *initiator_name,
		       const uint8_t isid[6])
{
	return session->portal->tpgt == portal->tpgt && strcmp(session->portal->iqn, portal->iqn) == 0 &&
	       strcmp(session->initiator_name, initiator_name) == 0 && memcmp(session->isid, isid, 6) == 0;
}

/* The commands of a session that was ended live on in the new one: what no array may do. */
static void inherit_tasks(struct sim_session *session, struct sim_session *old)
{
	struct sim_task *task;

	list_for_each(task, &old->tasks, link) {
		list_del(&task->link);
		task->session = session;
		task->xfer = NULL;
		list_add_tail(&session->tasks, &task->link);
	}
}

struct sim_session *sim_session_login(struct sim_portal *portal, const char *initiator_name, const uint8_t isid[6],
				      struct initiator *initiator)
{
	struct sim_array *array = portal->array;
	struct sim_session *session = xcalloc(1, sizeof(*session)), *old;
	struct sim_lu *lu;

	session->array = array;
	session->portal = portal;
	session->initiator = initiator;
	str_copy(session->initiator_name, sizeof(session->initiator_name), initiator_name);
	memcpy(session->isid, isid, 6);
	list_init(&session->tasks);
	timer_init(&session->expiry, &array->sim->clock, on_expiry, session);
	list_for_each(old, &array->sessions, link) {
		if (!same_nexus(old, portal, initiator_name, isid))
			continue;
		sim_session_lost(old);
		if (array->cheats)
			inherit_tasks(session, old);
		sim_session_destroy(old);
	}
	list_add_tail(&array->sessions, &session->link);
	list_for_each(lu, &array->lus, link)
		sim_session_attention(session, lu->lun, 0x2900);
	portal->logins++;
	return session;
}

void sim_session_destroy(struct sim_session *session)
{
	struct sim_task *task;

	list_for_each(task, &session->tasks, link)
		task_destroy(task);
	timer_stop(&session->expiry);
	list_del(&session->link);
	free(session);
}
