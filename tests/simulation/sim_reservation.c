#include "tests/simulation/sim_reservation.h"

#include "gateway/base/bytes.h"
#include "gateway/base/memory.h"
#include "tests/simulation/sim_array.h"
#include "tests/simulation/sim_session.h"

#include <string.h>

#define ASC_RELEASED 0x2a04
#define ASC_PREEMPTED 0x2a05

static bool is_key_of(const struct sim_key *key, const struct sim_session *session)
{
	return key->tpgt == session->portal->tpgt && strcmp(key->initiator_name, session->initiator_name) == 0 &&
	       memcmp(key->isid, session->isid, sizeof(key->isid)) == 0;
}

static int find_key(const struct sim_reservations *r, const struct sim_session *session)
{
	for (unsigned i = 0; i < r->count; i++)
		if (is_key_of(&r->keys[i], session))
			return (int)i;
	return -1;
}

/* Whether the controller behind the session knows that key. */
static bool is_visible(const struct sim_reservations *r, int key, const struct sim_session *session)
{
	return !r->unshared || r->keys[key].tpgt == session->portal->tpgt;
}

static bool is_reserved(const struct sim_reservations *r, const struct sim_session *session)
{
	return r->holder >= 0 && is_visible(r, r->holder, session);
}

static void remove_key(struct sim_reservations *r, int key)
{
	r->count--;
	if (r->holder == key)
		r->holder = -1;
	else if (r->holder == (int)r->count)
		r->holder = key; /* the last one takes its place */
	r->keys[key] = r->keys[r->count];
}

/* Registrants hear of it when the reservation ends with its holder's registration. */
static void tell_registrants(struct sim_lu *lu, const struct sim_session *but, uint16_t asc)
{
	struct sim_session *session;

	list_for_each(session, &but->array->sessions, link)
		if (session != but && find_key(&lu->reservations, session) >= 0)
			sim_session_attention(session, lu->lun, asc);
}

/* ---- PERSISTENT RESERVE OUT -------------------------------------------------------------------------------------- */

static void register_key(struct sim_session *session, struct sim_lu *lu, uint64_t key)
{
	struct sim_reservations *r = &lu->reservations;
	int mine = find_key(r, session);
	bool held = mine >= 0 && r->holder == mine;

	r->generation++;
	if (mine >= 0 && !key) {
		remove_key(r, mine);
		if (held)
			tell_registrants(lu, session, ASC_RELEASED);
	} else if (mine >= 0) {
		r->keys[mine].key = key;
	} else if (key && r->count < SIM_KEYS_MAX) {
		struct sim_key *fresh = &r->keys[r->count++];

		*fresh = (struct sim_key){ .tpgt = session->portal->tpgt, .key = key };
		str_copy(fresh->initiator_name, sizeof(fresh->initiator_name), session->initiator_name);
		memcpy(fresh->isid, session->isid, sizeof(fresh->isid));
	}
}

static bool reserve(struct sim_session *session, struct sim_lu *lu, uint8_t type)
{
	struct sim_reservations *r = &lu->reservations;
	int mine = find_key(r, session);

	if (is_reserved(r, session))
		return r->holder == mine && r->type == type;
	r->holder = mine;
	r->type = type;
	return true;
}

/* The session of a key that is being preempted loses its commands and hears of it; without a connection it does not, so
 * that nothing but the conflict stops what arrives late. */
static void abort_commands(struct sim_session *by, struct sim_lu *lu, const struct sim_key *victim)
{
	struct sim_session *session;

	list_for_each(session, &by->array->sessions, link) {
		if (!is_key_of(victim, session) || session == by)
			continue;
		lu->reservations.aborted += sim_session_abort(session, lu->lun);
		if (session->initiator)
			sim_session_attention(session, lu->lun, ASC_PREEMPTED);
	}
}

/* False: nobody has that key. */
static bool preempt(struct sim_session *session, struct sim_lu *lu, uint64_t victim, uint8_t type)
{
	struct sim_reservations *r = &lu->reservations;
	bool found = false, held = false;

	for (int i = (int)r->count - 1; i >= 0; i--) {
		if (r->keys[i].key != victim || !is_visible(r, i, session))
			continue;
		found = true;
		held |= r->holder == i;
		abort_commands(session, lu, &r->keys[i]);
		remove_key(r, i);
		r->preempted++;
	}
	if (held) {
		r->holder = find_key(r, session);
		r->type = type;
	}
	r->generation += found;
	return found;
}

static void reserve_out(struct sim_session *session, struct sim_lu *lu, const uint8_t *cdb, const uint8_t *data,
			uint32_t len, struct sim_answer *answer)
{
	struct sim_reservations *r = &lu->reservations;
	uint8_t action = cdb[1] & 0x1f;
	int mine = find_key(r, session);
	bool done = true;

	if (len < 24 || (action != 0x06 && action != 0x01 && action != 0x05) ||
	    (action == 0x05 && r->no_preempt_and_abort)) {
		sim_answer_sense(answer, SENSE_ILLEGAL_REQUEST, 0x2400);
		return;
	}
	if (action == 0x06)
		register_key(session, lu, get_be64(data + 8));
	else if (mine < 0 || r->keys[mine].key != get_be64(data))
		done = false;
	else if (action == 0x01)
		done = reserve(session, lu, cdb[2]);
	else
		done = preempt(session, lu, get_be64(data + 8), cdb[2]);
	answer->status = done ? SCSI_GOOD : SCSI_RESERVATION_CONFLICT;
	answer->transfer = len;
}

/* ---- PERSISTENT RESERVE IN --------------------------------------------------------------------------------------- */

static void reserve_in(const struct sim_session *session, const struct sim_lu *lu, const uint8_t *cdb, uint8_t *data,
		       uint32_t len, struct sim_answer *answer)
{
	const struct sim_reservations *r = &lu->reservations;
	uint8_t out[8 + 8 * SIM_KEYS_MAX] = { 0 };
	uint32_t at = 8;

	put_be32(out, r->generation);
	if ((cdb[1] & 0x1f) == 0x00) {
		for (int i = 0; i < (int)r->count; i++) {
			if (!is_visible(r, i, session))
				continue;
			put_be64(out + at, r->keys[i].key);
			at += 8;
		}
	} else if (is_reserved(r, session)) {
		put_be64(out + 8, r->keys[r->holder].key);
		out[21] = r->type;
		at = 24;
	}
	put_be32(out + 4, at - 8);
	sim_answer_bytes(answer, data, len, out, at);
}

/* ---- conflicts --------------------------------------------------------------------------------------------------- */

static bool writes(uint8_t opcode)
{
	return opcode == 0x2a || opcode == 0x8a || opcode == 0x89 || opcode == 0x35 || opcode == 0x91;
}

static bool reads(uint8_t opcode)
{
	return opcode == 0x28 || opcode == 0x88;
}

/* SPC-4 table 66: types 1, 5, 7 exclude writes, 3, 6, 8 reads as well; from 5 on every registrant is let through. */
static bool conflicts(const struct sim_reservations *r, const struct sim_session *session, uint8_t opcode)
{
	int mine = find_key(r, session);
	bool all = r->type == 3 || r->type == 6 || r->type == 8;

	if (!is_reserved(r, session) || (mine >= 0 && (r->holder == mine || r->type >= 5)))
		return false;
	return writes(opcode) || (all && reads(opcode));
}

bool sim_reservation_answers(struct sim_session *session, struct sim_lu *lu, const uint8_t *cdb, uint8_t *data,
			     uint32_t len, struct sim_answer *answer)
{
	struct sim_reservations *r = &lu->reservations;

	if (!r->enabled)
		return false;
	if (cdb[0] == 0x5f) {
		reserve_out(session, lu, cdb, data, len, answer);
		return true;
	}
	if (cdb[0] == 0x5e) {
		reserve_in(session, lu, cdb, data, len, answer);
		return true;
	}
	if (!conflicts(r, session, cdb[0]))
		return false;
	r->conflicts++;
	answer->status = SCSI_RESERVATION_CONFLICT;
	return true;
}

/* ---- from outside ------------------------------------------------------------------------------------------------ */

void sim_reservation_init(struct sim_lu *lu)
{
	lu->reservations.holder = -1;
}

void sim_reservation_foreign(struct sim_lu *lu, uint64_t key, uint8_t type)
{
	struct sim_reservations *r = &lu->reservations;

	r->keys[r->count] = (struct sim_key){ .initiator_name = "iqn.2026-11.org.example:somebody", .key = key };
	if (type) {
		r->holder = (int)r->count;
		r->type = type;
	}
	r->count++;
}

void sim_reservation_forget(struct sim_lu *lu)
{
	lu->reservations.count = 0;
	lu->reservations.holder = -1;
}

bool sim_reservation_take(struct sim_lu *lu, const struct sim_session *session)
{
	int key = find_key(&lu->reservations, session);

	if (key >= 0)
		remove_key(&lu->reservations, key);
	return key >= 0;
}

bool sim_reservation_has(const struct sim_lu *lu, const struct sim_session *session)
{
	return find_key(&lu->reservations, session) >= 0;
}
