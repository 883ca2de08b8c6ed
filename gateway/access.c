#include "gateway/access.h"

#include "dsm/call.h"
#include "gateway/base/bytes.h"
#include "gateway/base/log.h"
#include "gateway/disk.h"
#include "gateway/lane.h"
#include "gateway/worker.h"

#include <string.h>

#define POLL_US (250 * US_PER_MS) /* while a group is in transition, or no path is usable */

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
	if (!lane_command(path->lane, path->core->lun, cdb, sizeof(cdb), SCSI_DIR_IN, access->data, sizeof(access->data),
			  on_groups, access))
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
	for (unsigned i = 0; i < DSM_PATHS_MAX; i++)
		if (disk->paths[i] && disk->paths[i]->state == PATH_UP && access_ask(access, disk->paths[i]))
			return;
}

static void access_take(struct access *access, const struct alua *alua)
{
	struct disk *disk = access->disk;
	struct worker *worker = disk->worker;
	bool passing = false, changed = false;

	for (unsigned i = 0; i < DSM_PATHS_MAX; i++) {
		struct path *path = disk->paths[i];

		for (unsigned g = 0; path && g < alua->count; g++)
			if (alua->groups[g].id == path->core->group)
				changed |= path_set_access(path, alua->groups[g].access);
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
	struct alua alua;

	access->via = NULL;
	if (xfer->status == SCSI_GOOD && alua_parse(access->data, len, &alua) == 0) {
		access_take(access, &alua);
	} else if (result.has_sense && result.sense_key == SENSE_ILLEGAL_REQUEST && !access->extended_refused) {
		access->extended_refused = true;
		access_ask(access, via);
		return;
	} else if (!(result.has_sense && result.sense_key == SENSE_ILLEGAL_REQUEST)) {
		timer_arm(&access->poll, POLL_US);
	}
	if (access->again)
		access_refresh(access);
}

static void on_poll(void *arg)
{
	access_refresh(arg);
}

/* ---- activation -------------------------------------------------------------------------------------------------- */

static void activation_over(struct access *access, const char *how)
{
	worker_notice(access->disk->worker, "info", "activation", access->disk->core->id, "path %s: %s",
		      access->activating->core->id, how);
	access->activating = NULL;
	timer_arm(&access->poll, 0);
}

static void on_activation(void *arg, const struct xfer *xfer)
{
	struct access *access = arg;
	struct dsm_result result = path_result(xfer);

	if (access->command.in_len) {
		result.data = access->data;
		result.data_len = xfer->transfer < xfer->len ? xfer->transfer : xfer->len;
	}
	activate_next(access, &result);
}

static bool send_activation(struct access *access)
{
	const struct dsm_command *command = &access->command;
	struct path *path = access->activating;
	enum scsi_dir dir = command->out_len ? SCSI_DIR_OUT : command->in_len ? SCSI_DIR_IN : SCSI_DIR_NONE;
	uint32_t len = command->out_len ? command->out_len : command->in_len;

	if (command->out_len)
		memcpy(access->data, command->out, command->out_len);
	return lane_command(path->lane, path->core->lun, command->cdb, command->cdb_len, dir, access->data, len,
			    on_activation, access);
}

static void activate_next(struct access *access, const struct dsm_result *previous)
{
	const struct device_core *core = access->disk->core;
	struct dsm_path view = path_view_of(access->activating);

	switch (call_activate(core->dsm, core->dsm_ctx, &view, access->step++, previous, &access->command)) {
	case DSM_STEP_SEND:
		if (!send_activation(access))
			activation_over(access, "the activation could not be sent");
		break;
	case DSM_STEP_DONE:
		activation_over(access, "activated");
		break;
	case DSM_STEP_FAILED:
		access->activating = NULL;
		timer_arm(&access->poll, POLL_US);
		break;
	}
}

void access_wanted(struct access *access)
{
	struct disk *disk = access->disk;

	if (access->activating || access->via || !disk->core->tpgs)
		return;
	for (unsigned i = 0; i < DSM_PATHS_MAX; i++) {
		struct path *path = disk->paths[i];

		if (path && path->state == PATH_UP && path->access == DSM_ACCESS_STANDBY) {
			access->activating = path;
			access->step = 0;
			activate_next(access, NULL);
			return;
		}
	}
}

void access_path_lost(struct access *access, const struct path *path)
{
	if (access->via == path)
		access->via = NULL;
	if (access->activating == path)
		access->activating = NULL;
	if (access->disk->core->tpgs)
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
		lane_ignore_answer(access->via->lane, access);
	if (access->activating)
		lane_ignore_answer(access->activating->lane, access);
}
