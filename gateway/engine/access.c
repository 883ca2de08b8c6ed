#include "gateway/engine/access.h"

#include "dsm/call.h"
#include "gateway/base/bytes.h"
#include "gateway/base/log.h"
#include "gateway/engine/disk.h"
#include "gateway/engine/lane.h"
#include "gateway/engine/worker.h"

#define POLL_US (250 * US_PER_MS) /* while a group is in transition, or no path is usable */
#define ATTENTIONS_MAX 16 /* several may be queued; an array that always has one more is asked every POLL_US */

/* How long a better path may take to come back, or to come up at all, before a passive one is made active. */
#define RETURN_US (100 * US_PER_MS)
#define START_US (2 * US_PER_S)

/* REPORT TARGET PORT GROUPS (SPC-4 6.37), extended header if the array knows it */
#define RTPG 0xa3
#define RTPG_ACTION 0x0a
#define RTPG_EXTENDED 0x20

static void on_groups(void *arg, const struct xfer *xfer);
static void activate_next(struct access *access, const struct dsm_result *previous);

static bool access_ask(struct access *access, struct path *path)
{
	uint8_t cdb[12] = { RTPG, RTPG_ACTION | (access->extended_refused ? 0 : RTPG_EXTENDED) };

	put_be32(cdb + 6, sizeof(access->data));
	if (!slot_command(path->lane, path->core->lun, cdb, sizeof(cdb), SCSI_DIR_IN, access->data,
			  sizeof(access->data), on_groups, access))
		return false;
	access->via = path;
	return true;
}

void access_refresh(struct access *access)
{
	struct disk *disk = access->disk;

	access->again = access->via != NULL;
	if (access->via || !disk->core->tpgs)
		return;
	timer_stop(&access->poll);
	for (unsigned i = 0; i < DSM_PATHS_MAX; i++) {
		if (!disk->paths[i] || disk->paths[i]->state != PATH_UP)
			continue;
		if (access_ask(access, disk->paths[i]))
			return;
		timer_arm(&access->poll, POLL_US); /* its lane has no transfer to spare */
	}
}

static void access_take(struct access *access, const struct alua *alua)
{
	struct disk *disk = access->disk;
	struct worker *worker = disk->worker;
	bool passing = false, changed = false;

	atomic_store_explicit(&disk->core->transition_s, alua->transition_s, memory_order_relaxed);
	for (unsigned i = 0; i < DSM_PATHS_MAX; i++) {
		struct path *path = disk->paths[i];
		/* what the array says nothing of must not stay what a command's error once made of it */
		enum dsm_access told = DSM_ACCESS_UNKNOWN;
		bool preferred = false;

		if (!path)
			continue;
		for (unsigned g = 0; g < alua->count; g++) {
			if (alua->groups[g].id != path->core->group)
				continue;
			told = alua->groups[g].access;
			preferred = alua->groups[g].preferred;
		}
		changed |= path_set_access(path, told);
		path->group_preferred = preferred;
	}
	if (changed)
		loop_call(worker->control, worker->upcalls->access, worker->gateway, disk->core);
	for (unsigned g = 0; g < alua->count; g++)
		passing |= alua->groups[g].access == DSM_ACCESS_TRANSITIONING;
	disk_refresh(disk);
	if (passing || !disk->usable.count)
		timer_arm(&access->poll, POLL_US);
}

static void on_groups(void *arg, const struct xfer *xfer)
{
	struct access *access = arg;
	struct path *via = access->via;
	size_t len = xfer->transfer < xfer->len ? xfer->transfer : xfer->len;
	struct dsm_result result = path_result(xfer);
	bool refused = result.has_sense && result.sense_key == SENSE_ILLEGAL_REQUEST;
	bool attention = path_met_attention(via, &result); /* the refresh that it may ask for is made below */
	struct alua alua;

	access->via = NULL;
	access->attentions = attention ? access->attentions + 1 : 0;
	if (xfer->status == SCSI_GOOD && alua_parse(access->data, len, &alua) == 0) {
		access_take(access, &alua);
	} else if (attention) {
		access->again = true;
	} else if (refused && !access->extended_refused) {
		access->extended_refused = access->again = true;
	} else if (refused) {
		alua = (struct alua){ .count = 0 }; /* it tells of no group at all */
		access_take(access, &alua);
	} else {
		timer_arm(&access->poll, POLL_US);
	}
	if (access->again && access->attentions < ATTENTIONS_MAX)
		access_refresh(access);
	else if (access->again)
		timer_arm(&access->poll, POLL_US);
}

/* Without ALUA there is nobody to ask; verifications tell which paths are active. */
static void on_poll(void *arg)
{
	struct access *access = arg;

	access_refresh(access);
	if (!access->disk->core->tpgs && !access->disk->usable.count)
		access_wanted(access);
}

/* ---- activation -------------------------------------------------------------------------------------------------- */

/* What has become of it is seen when the states are asked for, or the path is verified. */
static void activation_over(struct access *access, bool done)
{
	struct path *path = access->activating;

	access->activating = NULL;
	access->failed = !done;
	timer_arm(&access->poll, done ? 0 : POLL_US);
	if (!done)
		return;
	worker_notice(access->disk->worker, "info", "activation", access->disk->core->id, "path %s was made active",
		      path->core->id);
	if (!access->disk->core->tpgs)
		path_verify(path);
}

static void on_activation(void *arg, const struct xfer *xfer)
{
	struct access *access = arg;
	struct dsm_result result = path_result(xfer);

	if (access->command.in_len) {
		result.data = access->activation_data;
		result.data_len = xfer->transfer < xfer->len ? xfer->transfer : xfer->len;
	}
	path_met_attention(access->activating, &result);
	activate_next(access, &result);
}

static bool send_activation(struct access *access)
{
	struct dsm_command *command = &access->command;
	struct path *path = access->activating;
	enum scsi_dir dir = command->out_len ? SCSI_DIR_OUT : command->in_len ? SCSI_DIR_IN : SCSI_DIR_NONE;
	uint8_t *data = command->out_len ? command->out : access->activation_data;
	uint32_t len = command->out_len ? command->out_len : command->in_len;

	return slot_command(path->lane, path->core->lun, command->cdb, command->cdb_len, dir, data, len, on_activation,
			    access);
}

static void activate_next(struct access *access, const struct dsm_result *previous)
{
	const struct device_core *core = access->disk->core;
	struct dsm_path view = path_view_of(access->activating);

	switch (call_activate(core->dsm, core->dsm_ctx, &view, access->step++, previous, &access->command)) {
	case DSM_STEP_SEND:
		if (!send_activation(access))
			activation_over(access, false);
		break;
	case DSM_STEP_DONE:
		activation_over(access, true);
		break;
	case DSM_STEP_FAILED:
		activation_over(access, false);
		break;
	}
}

/* Only a command that waits is worth taking the disk away from the controller that serves it. */
static bool activation_is_due(struct access *access)
{
	const struct disk *disk = access->disk;
	uint64_t patience = access->served ? RETURN_US : START_US;
	uint64_t gone = clock_now_us(loop_clock(disk->worker->loop)) - disk->pathless_since_us;

	if (list_empty(&disk->held))
		return false;
	if (gone < patience)
		timer_arm(&access->poll, patience - gone);
	return gone >= patience;
}

/* A passive path, another one than the last time if there is one; with `wished` of those that the administrator or the
 * array prefers. NULL: none. */
static struct path *passive_path(const struct access *access, bool wished)
{
	const struct disk *disk = access->disk;

	for (unsigned i = 1; i <= DSM_PATHS_MAX; i++) {
		struct path *path = disk->paths[(access->tried + i) % DSM_PATHS_MAX];

		if (path && path->state == PATH_UP && path->access == DSM_ACCESS_STANDBY &&
		    !path_core_drained(path->core) &&
		    (!wished || path->group_preferred || disk->setup->paths[path->core->index].preferred))
			return path;
	}
	return NULL;
}

void access_wanted(struct access *access)
{
	struct path *path;

	if (access->activating || access->via || access->disk->usable.count || !activation_is_due(access))
		return;
	path = access->failed ? NULL : passive_path(access, true); /* where that fails, all have their turn */
	if (!path)
		path = passive_path(access, false);
	if (!path)
		return;
	access->tried = path->core->index;
	access->activating = path;
	access->step = 0;
	activate_next(access, NULL);
}

void access_path_lost(struct access *access, const struct path *path)
{
	if (access->via == path)
		access->via = NULL;
	if (access->activating == path)
		access->activating = NULL;
	timer_arm(&access->poll, 0);
}

void access_init(struct access *access, struct disk *disk)
{
	access->disk = disk;
	timer_init(&access->poll, loop_clock(disk->worker->loop), on_poll, access);
}

void access_done(struct access *access)
{
	timer_stop(&access->poll);
	if (access->via)
		slot_ignore_answer(access->via->lane, access);
	if (access->activating)
		slot_ignore_answer(access->activating->lane, access);
}
