#include "gateway/engine/registration.h"

#include "gateway/base/bytes.h"
#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "gateway/engine/disk.h"
#include "gateway/engine/lane.h"
#include "gateway/engine/worker.h"
#include "gateway/hash.h"

#include <stdlib.h>
#include <string.h>

/* SPC-4 6.15, 6.16 */
#define PR_IN 0x5e
#define PR_OUT 0x5f
#define PR_IN_READ_KEYS 0x00
#define PR_IN_READ_RESERVATION 0x01
#define PR_OUT_RESERVE 0x01
#define PR_OUT_PREEMPT_AND_ABORT 0x05
#define PR_OUT_REGISTER_AND_IGNORE 0x06
#define PR_TYPE_WRITE_EXCLUSIVE_REGISTRANTS_ONLY 0x5
#define PR_OUT_BYTES 24
#define PR_CDB_BYTES 10
#define PR_RESERVATION_BYTES 24
#define PR_KEYS_MAX 4096 /* of a few gateways, each with up to 64 workers on 32 paths */
#define PR_KEYS_BYTES (8 + 8 * PR_KEYS_MAX)

/* A key: the mark of all gateways, 24 bits of this one's identity, 31 bits of the lane's. */
#define KEY_MARK UINT64_C(0xb4)
#define KEY_MARK_SHIFT 56
#define KEY_GATEWAY_SHIFT 32
#define KEY_LANE_MASK UINT64_C(0x7fffffff)
#define KEY_OF_NOBODY (KEY_MARK << KEY_MARK_SHIFT | UINT64_C(0xffffffffffffff))
#define TRIES 8 /* of one command: unit attentions, BUSY; of one operation: others that reserve and release */
#define PAUSE_US (20 * US_PER_MS)

/* Each operation is a list of steps; each sends one command and names the next step by its answer. NULL:
 * the operation is over, and what it was for has been told. */
struct registration {
	struct path *path;
	const struct step *step; /* NULL: nothing is under way */
	unsigned tries, rounds;
	bool doubted; /* what was registered so far may be gone again */
	struct timer pause;
	enum registration_outcome outcome; /* when the key has been given back */
	uint64_t victim;
	void (*registered)(struct path *path, enum registration_outcome outcome);
	void (*fenced)(void *arg, bool success);
	void (*listed)(void *arg, const uint64_t *keys, unsigned count);
	void *arg;
};

struct step {
	uint8_t opcode, action;
	uint8_t type; /* of the reservation; PR OUT */
	const struct step *(*done)(struct registration *r, const struct xfer *xfer);
};

static const struct step *on_tried(struct registration *r, const struct xfer *xfer);
static const struct step *on_refused(struct registration *r, const struct xfer *xfer);
static const struct step *on_registered(struct registration *r, const struct xfer *xfer);
static const struct step *on_reserved(struct registration *r, const struct xfer *xfer);
static const struct step *on_reservation_read(struct registration *r, const struct xfer *xfer);
static const struct step *on_unregistered(struct registration *r, const struct xfer *xfer);
static const struct step *on_keys_before(struct registration *r, const struct xfer *xfer);
static const struct step *on_preempted(struct registration *r, const struct xfer *xfer);
static const struct step *on_keys_after(struct registration *r, const struct xfer *xfer);
static const struct step *on_listed(struct registration *r, const struct xfer *xfer);
static const struct step *on_still_reserved(struct registration *r, const struct xfer *xfer);
static const struct step *on_reserved_again(struct registration *r, const struct xfer *xfer);

static const struct step step_register = { PR_OUT, PR_OUT_REGISTER_AND_IGNORE, 0, on_registered };
static const struct step step_reserve = { PR_OUT, PR_OUT_RESERVE, PR_TYPE_WRITE_EXCLUSIVE_REGISTRANTS_ONLY,
					  on_reserved };
static const struct step step_read_reservation = { PR_IN, PR_IN_READ_RESERVATION, 0, on_reservation_read };
static const struct step step_try = { PR_OUT, PR_OUT_PREEMPT_AND_ABORT, PR_TYPE_WRITE_EXCLUSIVE_REGISTRANTS_ONLY,
				      on_tried };
static const struct step step_give_back = { PR_OUT, PR_OUT_REGISTER_AND_IGNORE, 0, on_refused };
static const struct step step_unregister = { PR_OUT, PR_OUT_REGISTER_AND_IGNORE, 0, on_unregistered };
static const struct step step_keys_before = { PR_IN, PR_IN_READ_KEYS, 0, on_keys_before };
static const struct step step_preempt = { PR_OUT, PR_OUT_PREEMPT_AND_ABORT, PR_TYPE_WRITE_EXCLUSIVE_REGISTRANTS_ONLY,
					  on_preempted };
static const struct step step_keys_after = { PR_IN, PR_IN_READ_KEYS, 0, on_keys_after };
static const struct step step_list = { PR_IN, PR_IN_READ_KEYS, 0, on_listed };
static const struct step step_still_reserved = { PR_IN, PR_IN_READ_RESERVATION, 0, on_still_reserved };
static const struct step step_reserve_again = { PR_OUT, PR_OUT_RESERVE, PR_TYPE_WRITE_EXCLUSIVE_REGISTRANTS_ONLY,
						on_reserved_again };

uint64_t registration_key(const struct link *link, unsigned worker)
{
	uint64_t gateway = hash_bytes(HASH_START, &link->isid_seed, sizeof(link->isid_seed)) >> 40;
	uint64_t lane = hash_text(hash_text(link->isid_seed, link->iqn), link->portal);

	lane = hash_bytes(lane, &worker, sizeof(worker));
	return KEY_MARK << KEY_MARK_SHIFT | gateway << KEY_GATEWAY_SHIFT | (lane >> 32 & KEY_LANE_MASK);
}

bool registration_is_same_gateway(uint64_t key, uint64_t own)
{
	return (key ^ own) >> KEY_GATEWAY_SHIFT == 0;
}

bool registration_is_lost(const struct dsm_result *result)
{
	bool reset = result->asc == 0x29; /* power on, reset, or bus device reset occurred; I_T nexus loss */
	/* reservations preempted, reservations released, registrations preempted */
	bool taken = result->asc == 0x2a && result->ascq >= 0x03 && result->ascq <= 0x05;

	return result->has_sense && result->sense_key == SENSE_UNIT_ATTENTION && (reset || taken);
}

static uint64_t own_key(const struct registration *r)
{
	return registration_key(r->path->core->link, r->path->disk->worker->index);
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

static void on_answer(void *arg, const struct xfer *xfer);

static void put_parameters(const struct registration *r, uint8_t data[PR_OUT_BYTES])
{
	memset(data, 0, PR_OUT_BYTES);
	if (r->step == &step_register) {
		put_be64(data + 8, own_key(r));
		return;
	}
	if (r->step == &step_unregister || r->step == &step_give_back) /* to key 0 */
		return;
	put_be64(data, own_key(r));
	if (r->step == &step_preempt)
		put_be64(data + 8, r->victim);
	else if (r->step == &step_try)
		put_be64(data + 8, KEY_OF_NOBODY);
}

static bool send_out(struct registration *r, uint8_t cdb[PR_CDB_BYTES])
{
	uint8_t data[PR_OUT_BYTES];

	put_parameters(r, data);
	put_be16(cdb + 7, PR_OUT_BYTES);
	return slot_command(r->path->lane, r->path->core->lun, cdb, PR_CDB_BYTES, SCSI_DIR_OUT, data, PR_OUT_BYTES,
			    on_answer, r);
}

/* What is read is looked at where it arrives: keys are many, and paths are, too. */
static bool send_in(struct registration *r, uint8_t cdb[PR_CDB_BYTES])
{
	uint16_t len = r->step->action == PR_IN_READ_KEYS ? PR_KEYS_BYTES : PR_RESERVATION_BYTES;

	put_be16(cdb + 7, len);
	return slot_command(r->path->lane, r->path->core->lun, cdb, PR_CDB_BYTES, SCSI_DIR_IN, NULL, len, on_answer, r);
}

static bool send_step(struct registration *r)
{
	uint8_t cdb[PR_CDB_BYTES] = { r->step->opcode, r->step->action, r->step->type };

	return r->step->opcode == PR_OUT ? send_out(r, cdb) : send_in(r, cdb);
}

static void on_pause(void *arg)
{
	struct registration *r = arg;

	if (!send_step(r))
		timer_arm(&r->pause, PAUSE_US);
}

static void go_on(struct registration *r, const struct step *next)
{
	r->step = next;
	r->tries = 0;
	if (!send_step(r))
		timer_arm(&r->pause, PAUSE_US);
}

static void on_answer(void *arg, const struct xfer *xfer)
{
	struct registration *r = arg;
	struct dsm_result result = path_result(xfer);
	bool attention = path_met_attention(r->path, &result); /* may call registration_doubt() */
	bool busy = xfer->status == SCSI_BUSY || xfer->status == SCSI_TASK_SET_FULL;
	const struct step *next;

	log_debug("registration", "path=%s step=%02x/%02x status=%02x", r->path->core->id, r->step->opcode,
		  r->step->action, xfer->status);
	if (r->doubted && attention) { /* it has met that itself: nothing of what it did before counts */
		r->doubted = false;
		r->step = &step_register;
	}
	if ((attention || busy) && ++r->tries < TRIES) {
		timer_arm(&r->pause, attention ? 0 : PAUSE_US);
		return;
	}
	next = r->step->done(r, xfer);
	if (next)
		go_on(r, next);
}

/* ---- registering ------------------------------------------------------------------------------------------------- */

static const struct step *finish_registration(struct registration *r, enum registration_outcome outcome)
{
	void (*done)(struct path * path, enum registration_outcome outcome) = r->registered;

	log_debug("registration", "path=%s step=%02x/%02x outcome=%d", r->path->core->id, r->step ? r->step->opcode : 0,
		  r->step ? r->step->action : 0, outcome);
	if (r->doubted && outcome != REGISTRATION_LOST && r->rounds++ < TRIES) {
		r->doubted = false;
		return &step_register;
	}
	r->step = NULL;
	r->registered = NULL;
	done(r->path, outcome); /* may begin another operation */
	return NULL;
}

/* An array that refuses the command will do so again; one whose port is passive, or that is busy, will not. */
static enum registration_outcome outcome_of(const struct xfer *xfer)
{
	struct dsm_result result = path_result(xfer);
	bool refused = xfer->status == SCSI_GOOD || xfer->status == SCSI_RESERVATION_CONFLICT ||
		       (result.has_sense && result.sense_key == SENSE_ILLEGAL_REQUEST);

	return refused ? REGISTRATION_UNSUPPORTED : REGISTRATION_NOT_NOW;
}

static const struct step *give_back(struct registration *r, const struct xfer *xfer)
{
	r->outcome = outcome_of(xfer);
	return &step_give_back;
}

static const struct step *on_registered(struct registration *r, const struct xfer *xfer)
{
	if (xfer->status != SCSI_GOOD)
		return finish_registration(r, outcome_of(xfer));
	return &step_try;
}

/* A key that nobody has is taken away: an array that can do it finds no such key and answers with a conflict, one that
 * cannot refuses the command, whatever it says of itself elsewhere. */
static const struct step *on_tried(struct registration *r, const struct xfer *xfer)
{
	return xfer->status == SCSI_RESERVATION_CONFLICT ? &step_reserve : give_back(r, xfer);
}

static const struct step *on_refused(struct registration *r, const struct xfer *xfer)
{
	(void)xfer;
	return finish_registration(r, r->outcome);
}

/* What a READ RESERVATION answer says: the reservation is a gateway's, this one's or another / there is none. */
static bool is_gateways(const struct xfer *xfer)
{
	const uint8_t *data = xfer->data;

	return xfer->status == SCSI_GOOD && xfer->transfer >= PR_RESERVATION_BYTES && get_be32(data + 4) >= 16 &&
	       get_be64(data + 8) >> KEY_MARK_SHIFT == KEY_MARK &&
	       (data[21] & 0xf) == PR_TYPE_WRITE_EXCLUSIVE_REGISTRANTS_ONLY;
}

static bool is_free(const struct xfer *xfer)
{
	return xfer->status == SCSI_GOOD && xfer->transfer >= 8 && get_be32(xfer->data + 4) == 0;
}

/* A conflict is no failure when the reservation that is there is the same: another gateway's, or our own from before.
 */
static const struct step *on_reserved(struct registration *r, const struct xfer *xfer)
{
	if (xfer->status == SCSI_GOOD)
		return finish_registration(r, REGISTRATION_DONE);
	return xfer->status == SCSI_RESERVATION_CONFLICT ? &step_read_reservation : give_back(r, xfer);
}

static const struct step *on_reservation_read(struct registration *r, const struct xfer *xfer)
{
	if (is_gateways(xfer))
		return finish_registration(r, REGISTRATION_DONE);
	if (is_free(xfer) && r->rounds++ < TRIES) /* another gateway has given it back meanwhile */
		return &step_reserve;
	return give_back(r, xfer);
}

bool registration_busy(const struct registration *r)
{
	return r->step != NULL;
}

void registration_begin(struct registration *r, void (*done)(struct path *path, enum registration_outcome outcome))
{
	r->registered = done;
	r->rounds = 0;
	r->doubted = false;
	go_on(r, &step_register);
}

void registration_doubt(struct registration *r)
{
	r->doubted = r->registered && r->step != &step_unregister;
}

static const struct step *on_unregistered(struct registration *r, const struct xfer *xfer)
{
	return finish_registration(r, xfer->status == SCSI_GOOD ? REGISTRATION_DONE : REGISTRATION_UNSUPPORTED);
}

void registration_withdraw(struct registration *r, void (*done)(struct path *path, enum registration_outcome outcome))
{
	r->registered = done;
	r->doubted = false;
	go_on(r, &step_unregister);
}

/* ---- preempting -------------------------------------------------------------------------------------------------- */

static const struct step *finish_preempt(struct registration *r, bool success)
{
	void (*fenced)(void *arg, bool success) = r->fenced;

	log_debug("registration", "path=%s preempts=%016llx step=%02x/%02x success=%d", r->path->core->id,
		  (unsigned long long)r->victim, r->step ? r->step->opcode : 0, r->step ? r->step->action : 0, success);
	r->step = NULL;
	r->fenced = NULL;
	fenced(r->arg, success);
	return NULL;
}

/* Those of a READ KEYS answer. */
static unsigned keys_of(const struct xfer *xfer, uint64_t keys[PR_KEYS_MAX])
{
	size_t len = xfer->transfer < xfer->len ? xfer->transfer : xfer->len;
	size_t listed = len >= 8 ? get_be32(xfer->data + 4) : 0;
	unsigned count = 0;

	for (size_t at = 8; at + 8 <= len && at + 8 <= 8 + listed; at += 8)
		keys[count++] = get_be64(xfer->data + at);
	return count;
}

static bool has_victim(const struct registration *r, const struct xfer *xfer)
{
	uint64_t keys[PR_KEYS_MAX];
	unsigned count = keys_of(xfer, keys);

	for (unsigned i = 0; i < count; i++)
		if (keys[i] == r->victim)
			return true;
	return false;
}

static const struct step *on_keys_before(struct registration *r, const struct xfer *xfer)
{
	if (xfer->status != SCSI_GOOD || !has_victim(r, xfer))
		return finish_preempt(r, false);
	return &step_preempt;
}

static const struct step *on_preempted(struct registration *r, const struct xfer *xfer)
{
	return xfer->status == SCSI_GOOD ? &step_keys_after : finish_preempt(r, false);
}

static const struct step *on_keys_after(struct registration *r, const struct xfer *xfer)
{
	if (xfer->status != SCSI_GOOD || xfer->transfer < 8 || has_victim(r, xfer))
		return finish_preempt(r, false);
	return &step_still_reserved;
}

/* Without the reservation, the missing key stops nobody. It goes with its holder's key, whoever that was: another
 * gateway's that ended, or that of a link given back. */
static const struct step *on_still_reserved(struct registration *r, const struct xfer *xfer)
{
	return is_free(xfer) ? &step_reserve_again : finish_preempt(r, is_gateways(xfer));
}

static const struct step *on_reserved_again(struct registration *r, const struct xfer *xfer)
{
	if (xfer->status == SCSI_RESERVATION_CONFLICT && r->rounds++ < TRIES)
		return &step_still_reserved;
	return finish_preempt(r, xfer->status == SCSI_GOOD);
}

bool registration_preempt(struct registration *r, uint64_t victim, void (*fenced)(void *arg, bool success), void *arg)
{
	if (r->step)
		return false;
	r->victim = victim;
	r->fenced = fenced;
	r->arg = arg;
	r->rounds = 0;
	go_on(r, &step_keys_before);
	return true;
}

/* ---- reading keys ------------------------------------------------------------------------------------------------ */

static const struct step *finish_list(struct registration *r, const uint64_t *keys, unsigned count)
{
	void (*listed)(void *arg, const uint64_t *keys, unsigned count) = r->listed;

	r->step = NULL;
	r->listed = NULL;
	listed(r->arg, keys, count); /* may begin another operation */
	return NULL;
}

static const struct step *on_listed(struct registration *r, const struct xfer *xfer)
{
	uint64_t keys[PR_KEYS_MAX];
	unsigned count = xfer->status == SCSI_GOOD ? keys_of(xfer, keys) : 0;

	return finish_list(r, keys, count);
}

void registration_read_keys(struct registration *r, void (*listed)(void *arg, const uint64_t *keys, unsigned count),
			    void *arg)
{
	r->listed = listed;
	r->arg = arg;
	go_on(r, &step_list);
}

/* ---- giving up --------------------------------------------------------------------------------------------------- */

static void ignored(void *arg, const struct xfer *xfer)
{
	(void)arg;
	(void)xfer;
}

/* Twice, since the first one may meet a unit attention. Without a registration it does nothing (SPC-4 5.13.7). */
void registration_disown(struct lane *lane, uint16_t lun)
{
	static const uint8_t cdb[10] = { PR_OUT, PR_OUT_REGISTER_AND_IGNORE, [8] = PR_OUT_BYTES };
	uint8_t no_key[PR_OUT_BYTES] = { 0 };

	for (unsigned i = 0; i < 2; i++)
		slot_command(lane, lun, cdb, sizeof(cdb), SCSI_DIR_OUT, no_key, sizeof(no_key), ignored, NULL);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

void registration_lost(struct registration *r)
{
	timer_stop(&r->pause);
	if (r->registered)
		finish_registration(r, REGISTRATION_LOST);
	else if (r->fenced)
		finish_preempt(r, false);
	else if (r->listed)
		finish_list(r, NULL, 0);
}

struct registration *registration_create(struct path *path)
{
	struct registration *r = xcalloc(1, sizeof(*r));

	r->path = path;
	timer_init(&r->pause, loop_clock(path->disk->worker->loop), on_pause, r);
	return r;
}

void registration_destroy(struct registration *r)
{
	if (!r)
		return;
	timer_stop(&r->pause);
	slot_ignore_answer(r->path->lane, r);
	free(r);
}
