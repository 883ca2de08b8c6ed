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
#define PR_IN_BYTES 4096 /* 511 keys */

#define KEY_MARK UINT64_C(0xb4a1) /* the first two bytes of a gateway's key */
#define KEY_OF_NOBODY (KEY_MARK << 48 | UINT64_C(0xffffffffffff))
#define TRIES 8 /* of one command: unit attentions, BUSY */
#define PAUSE_US (20 * US_PER_MS)

/* Either of the two operations is a list of steps; each sends one command and names the next step by its answer. NULL:
 * the operation is over, and what it was for has been told. */
struct registration {
	struct path *path;
	const struct step *step; /* NULL: nothing is under way */
	unsigned tries;
	struct timer pause;
	enum registration_outcome outcome; /* when the key has been given back */
	uint64_t victim;
	void (*registered)(struct path *path, enum registration_outcome outcome);
	void (*fenced)(void *arg, bool success);
	void *arg;
	uint8_t data[PR_IN_BYTES];
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

uint64_t registration_key(const struct link *link, unsigned worker)
{
	uint64_t hash = hash_text(hash_text(link->isid_seed, link->iqn), link->portal);

	hash = hash_bytes(hash, &worker, sizeof(worker));
	return (KEY_MARK << 48) | (hash >> 16);
}

static uint64_t own_key(const struct registration *r)
{
	return registration_key(r->path->core->link, r->path->disk->worker->index);
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

static void on_answer(void *arg, const struct xfer *xfer);

static void put_parameters(struct registration *r)
{
	memset(r->data, 0, PR_OUT_BYTES);
	if (r->step == &step_register) {
		put_be64(r->data + 8, own_key(r));
		return;
	}
	if (r->step == &step_unregister || r->step == &step_give_back) /* to key 0 */
		return;
	put_be64(r->data, own_key(r));
	if (r->step == &step_preempt)
		put_be64(r->data + 8, r->victim);
	else if (r->step == &step_try)
		put_be64(r->data + 8, KEY_OF_NOBODY);
}

static bool send_step(struct registration *r)
{
	const struct step *step = r->step;
	bool out = step->opcode == PR_OUT;
	uint32_t len = out ? PR_OUT_BYTES : PR_IN_BYTES;
	uint8_t cdb[10] = { step->opcode, step->action, step->type };

	if (out)
		put_parameters(r);
	put_be16(cdb + 7, (uint16_t)len);
	return slot_command(r->path->lane, r->path->core->lun, cdb, sizeof(cdb), out ? SCSI_DIR_OUT : SCSI_DIR_IN,
			    r->data, len, on_answer, r);
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
	bool attention = path_met_attention(r->path, &result);
	bool busy = xfer->status == SCSI_BUSY || xfer->status == SCSI_TASK_SET_FULL;
	const struct step *next;

	log_debug("registration", "path=%s step=%02x/%02x status=%02x", r->path->core->id, r->step->opcode,
		  r->step->action, xfer->status);
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
	bool ours = xfer->status == SCSI_GOOD && xfer->transfer >= 24 && get_be32(r->data + 4) >= 16 &&
		    get_be64(r->data + 8) >> 48 == KEY_MARK &&
		    (r->data[21] & 0xf) == PR_TYPE_WRITE_EXCLUSIVE_REGISTRANTS_ONLY;

	return ours ? finish_registration(r, REGISTRATION_DONE) : give_back(r, xfer);
}

bool registration_busy(const struct registration *r)
{
	return r->step != NULL;
}

void registration_begin(struct registration *r, void (*done)(struct path *path, enum registration_outcome outcome))
{
	r->registered = done;
	go_on(r, &step_register);
}

static const struct step *on_unregistered(struct registration *r, const struct xfer *xfer)
{
	return finish_registration(r, xfer->status == SCSI_GOOD ? REGISTRATION_DONE : REGISTRATION_UNSUPPORTED);
}

void registration_withdraw(struct registration *r, void (*done)(struct path *path, enum registration_outcome outcome))
{
	r->registered = done;
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

/* Whether the victim's key is among those of a READ KEYS answer. */
static bool has_victim(const struct registration *r, const struct xfer *xfer)
{
	size_t len = xfer->transfer < PR_IN_BYTES ? xfer->transfer : PR_IN_BYTES;
	size_t listed = len >= 8 ? get_be32(r->data + 4) : 0;

	for (size_t at = 8; at + 8 <= len && at + 8 <= 8 + listed; at += 8)
		if (get_be64(r->data + at) == r->victim)
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
	return finish_preempt(r, xfer->status == SCSI_GOOD && xfer->transfer >= 8 && !has_victim(r, xfer));
}

bool registration_preempt(struct registration *r, uint64_t victim, void (*fenced)(void *arg, bool success), void *arg)
{
	if (r->step)
		return false;
	r->victim = victim;
	r->fenced = fenced;
	r->arg = arg;
	go_on(r, &step_keys_before);
	return true;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

void registration_lost(struct registration *r)
{
	timer_stop(&r->pause);
	if (r->registered)
		finish_registration(r, REGISTRATION_LOST);
	else if (r->fenced)
		finish_preempt(r, false);
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
