/*
 * reservation_out.c - PERSISTENT RESERVE OUT (SPC-4 5.13.7 to 5.13.11, 6.16).
 *
 * A command is checked (form of its parameter list, then the reservation key), its service action is run, which
 * changes the register, publishes the change and then establishes unit attentions. It is answered when what changed is
 * kept, if it has to survive a loss of power, and when the commands it aborted have ended.
 */
#include "target/reservation_out.h"

#include "gateway/base/memory.h"

#include <stdlib.h>

void reservation_out_refuse(struct reservation_out *out, scsi_asc asc)
{
	scsi_cmd_sense(out->cmd, SENSE_ILLEGAL_REQUEST, asc);
}

void reservation_out_commit(struct reservation_out *out)
{
	struct reservations *reservations = out->reservations;

	if (out->action->traits & PERSISTS)
		reservations->aptpl = out->flags & FLAG_APTPL;
	out->changed = true;
	reservation_publish(reservations);
}

void reservation_out_attention(struct reservation_out *out, const struct list *registrations, scsi_asc asc)
{
	const struct reservations *reservations = out->reservations;
	const struct registration *registration;

	list_for_each(registration, registrations, link)
		if (registration != out->own)
			reservations->ops->unit_attention(reservations->user, &registration->nexus, asc);
}

static bool scope_ok(struct reservation_out *out)
{
	if (out->scope != RESERVATION_LU_SCOPE)
		scsi_cmd_invalid_field(out->cmd, 2, 7);
	return out->scope == RESERVATION_LU_SCOPE;
}

static bool scope_type_ok(struct reservation_out *out)
{
	if (!scope_ok(out))
		return false;
	if (!reservation_type_valid(out->type))
		scsi_cmd_invalid_field(out->cmd, 2, 3);
	return reservation_type_valid(out->type);
}

static void establish(struct reservation_out *out)
{
	out->reservations->type = (enum reservation_type)out->type;
	out->own->holder = !reservation_all_registrants(out->reservations->type);
}

/* 5.13.9 */
static void reserve(struct reservation_out *out)
{
	const struct reservations *reservations = out->reservations;

	if (!scope_type_ok(out))
		return;
	if (!reservations->type) {
		establish(out);
		reservation_out_commit(out);
	} else if (!reservation_holds(reservations, out->own) || out->type != reservations->type) {
		reservation_conflict(out->cmd);
	}
}

/* 5.13.11.2.2 */
static void release(struct reservation_out *out)
{
	struct reservations *reservations = out->reservations;
	enum reservation_type before = reservations->type;

	if (!scope_ok(out) || !before || !reservation_holds(reservations, out->own))
		return;
	if (out->type != before) {
		reservation_out_refuse(out, ASC_INVALID_RELEASE);
		return;
	}
	reservations->type = RESERVATION_NONE;
	out->own->holder = false;
	reservation_out_commit(out);
	if (reservation_registrants_only(before) || reservation_all_registrants(before))
		reservation_out_attention(out, &reservations->registrations, ASC_RESERVATIONS_RELEASED);
}

/* 5.13.11.2.7 */
static void clear(struct reservation_out *out)
{
	struct reservations *reservations = out->reservations;
	struct registration *registration;

	list_for_each(registration, &reservations->registrations, link)
		reservation_remove(reservations, registration, &out->gone);
	reservations->generation++;
	reservation_out_commit(out);
	reservation_out_attention(out, &out->gone, ASC_RESERVATIONS_PREEMPTED);
}

/* Is it one of those to preempt? Key 0: all are, which is for the types with all registrants only. */
static bool preempted(const struct reservation_out *out, const struct registration *registration)
{
	return !out->action_key || registration->key == out->action_key;
}

static void remove_preempted(struct reservation_out *out, const struct registration *spared)
{
	struct registration *registration;

	list_for_each(registration, &out->reservations->registrations, link)
		if (registration != spared && preempted(out, registration))
			reservation_remove(out->reservations, registration, &out->gone);
}

/* The reservation changes hands, perhaps out of the sender's own (5.13.11.2.4.3). */
static void take_over(struct reservation_out *out)
{
	struct reservations *reservations = out->reservations;
	enum reservation_type before = reservations->type;

	if (!scope_type_ok(out))
		return;
	remove_preempted(out, out->own);
	establish(out);
	out->abort_self = preempted(out, out->own);
	reservations->generation++;
	reservation_out_commit(out);
	reservation_out_attention(out, &out->gone, ASC_REGISTRATIONS_PREEMPTED);
	if (reservations->type != before)
		reservation_out_attention(out, &reservations->registrations, ASC_RESERVATIONS_RELEASED);
}

/* The reservation, if there is one, is not touched; the sender's own registration may go (5.13.11.2.5). */
static void remove_registrations(struct reservation_out *out)
{
	remove_preempted(out, NULL);
	if (list_empty(&out->gone)) {
		reservation_conflict(out->cmd);
		return;
	}
	out->reservations->generation++;
	reservation_out_commit(out);
	reservation_out_attention(out, &out->gone, ASC_REGISTRATIONS_PREEMPTED);
}

/* PREEMPT, PREEMPT AND ABORT: table 72 */
static void preempt(struct reservation_out *out)
{
	const struct reservations *reservations = out->reservations;
	const struct registration *registration;
	bool held = false;

	list_for_each(registration, &reservations->registrations, link)
		held |= registration->holder && preempted(out, registration);
	if (!out->action_key && !reservation_all_registrants(reservations->type))
		reservation_out_refuse(out, ASC_INVALID_FIELD_IN_PARAMETER_LIST);
	else if (!out->action_key || held)
		take_over(out);
	else
		remove_registrations(out);
}

/* By service action (table 213). REPLACE LOST RESERVATION is not offered (RLR_C 0). */
static const struct reservation_action actions[] = {
	[0x00] = { reservation_register, SPECIFIES | PERSISTS },
	[0x01] = { reserve, KEYED },
	[0x02] = { release, KEYED },
	[0x03] = { clear, KEYED },
	[0x04] = { preempt, KEYED },
	[0x05] = { preempt, KEYED | ABORTS },
	[0x06] = { reservation_register, IGNORES | PERSISTS },
	[0x07] = { reservation_move, KEYED | MOVES | PERSISTS },
};

/* The form of the parameter list: its length, its flags (6.16.1, 6.16.3) */
static bool list_ok(struct reservation_out *out)
{
	uint8_t traits = out->action->traits;
	bool specifies;

	if (out->len < LIST_BASIC_END || out->len > LIST_MAX) {
		reservation_out_refuse(out, ASC_PARAMETER_LIST_LENGTH);
		return false;
	}
	if (out->cmd->dir != SCSI_DIR_OUT || out->cmd->expected < out->len) {
		/* the host sends less than its CDB says */
		reservation_out_refuse(out, ASC_INVALID_FIELD_IN_COMMAND_UNIT);
		out->cmd->transfer = (uint32_t)out->len;
		return false;
	}
	out->list = out->cmd->data;
	out->flags = out->list[traits & MOVES ? LIST_MOVE_FLAGS : LIST_BASIC_FLAGS];
	specifies = !(traits & MOVES) && out->flags & FLAG_SPEC_I_PT;
	if ((specifies && !(traits & SPECIFIES)) ||
	    (traits & PERSISTS && out->flags & FLAG_APTPL && !out->reservations->ops->changed)) {
		reservation_out_refuse(out, ASC_INVALID_FIELD_IN_PARAMETER_LIST);
		return false;
	}
	if (!specifies && !(traits & MOVES) && out->len != LIST_BASIC_END) {
		reservation_out_refuse(out, ASC_PARAMETER_LIST_LENGTH);
		return false;
	}
	return true;
}

static bool key_ok(struct reservation_out *out)
{
	bool ok;

	out->key = get_be64(out->list + LIST_KEY);
	out->action_key = get_be64(out->list + LIST_ACTION_KEY);
	reservation_nexus_of(&out->self, out->cmd->nexus);
	out->own = reservation_find(out->reservations, &out->self);
	ok = !(out->action->traits & KEYED) || (out->own && out->own->key == out->key);
	if (!ok)
		reservation_conflict(out->cmd);
	return ok;
}

/* What an answer waits for */
struct wait {
	struct reservations *reservations;
	struct scsi_cmd *cmd;
	unsigned pending;
	int err;
};

static void wait_done(void *arg, int err)
{
	struct wait *wait = arg;

	if (err)
		wait->err = err;
	if (--wait->pending)
		return;
	if (wait->err) /* it is in force, but would not survive */
		scsi_cmd_sense(wait->cmd, SENSE_HARDWARE_ERROR, ASC_INTERNAL_TARGET_FAILURE);
	reservation_complete(wait->reservations, wait->cmd);
	free(wait);
}

static void abort_tasks(const struct reservation_out *out, const struct registration *registration, struct wait *wait)
{
	wait->pending++;
	out->reservations->ops->abort_tasks(out->reservations->user, &registration->nexus, out->cmd, wait_done, wait);
}

/* The end of a command; aptpl: as it was before. */
static void finish(struct reservation_out *out, bool aptpl)
{
	struct reservations *reservations = out->reservations;
	const struct registration *registration;
	struct wait *wait = xmalloc(sizeof(*wait));

	*wait = (struct wait){ .reservations = reservations, .cmd = out->cmd, .pending = 1 };
	if (out->changed && (aptpl || reservations->aptpl) && reservations->ops->changed) {
		wait->pending++;
		reservations->ops->changed(reservations->user, wait_done, wait);
	}
	if (out->action && out->action->traits & ABORTS) {
		list_for_each(registration, &out->gone, link)
			abort_tasks(out, registration, wait);
		if (out->abort_self)
			abort_tasks(out, out->own, wait);
	}
	reservation_free_list(&out->gone);
	wait_done(wait, 0);
}

void reservation_out(struct reservations *reservations, struct scsi_cmd *cmd)
{
	unsigned action = cmd->cdb[1] & 0x1f;
	bool aptpl = reservations->aptpl;
	struct reservation_out out = {
		.reservations = reservations,
		.cmd = cmd,
		.len = get_be32(cmd->cdb + 5),
		.scope = cmd->cdb[2] >> 4,
		.type = cmd->cdb[2] & 0x0f,
	};

	list_init(&out.gone);
	if (action >= sizeof(actions) / sizeof(actions[0])) {
		scsi_cmd_invalid_field(cmd, 1, 4);
	} else {
		out.action = &actions[action];
		if (list_ok(&out) && key_ok(&out)) {
			cmd->status = SCSI_GOOD;
			cmd->transfer = (uint32_t)out.len;
			out.action->run(&out);
		}
	}
	finish(&out, aptpl);
}
