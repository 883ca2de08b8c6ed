#include "gateway/engine/path.h"

#include "dsm/call.h"
#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "gateway/engine/access.h"
#include "gateway/engine/disk.h"
#include "gateway/engine/lane.h"
#include "gateway/engine/worker.h"

#include <errno.h>
#include <stdlib.h>

#define AGAIN_US (100 * US_PER_MS) /* after a unit attention */
#define VERIFY_PERIOD_US US_PER_S /* between two verifications of a suspect path */
#define REST_DOUBLINGS 16 /* of it, after commands that the array had to abort */
#define BUSY_US (5 * US_PER_MS) /* a registration has something else to do */

const char *path_state_name(enum path_state state)
{
	static const char *const names[] = {
		[PATH_DOWN] = "down",        [PATH_IDENTIFY] = "verifying",      [PATH_UP] = "up",
		[PATH_VERIFYING] = "failed", [PATH_REGISTERING] = "registering",
	};

	return names[state];
}

bool path_core_drained(const struct path_core *path)
{
	return atomic_load_explicit(&path->drained, memory_order_relaxed) ||
	       atomic_load_explicit(&path->link->drained, memory_order_relaxed);
}

bool path_core_on_probation(const struct path_core *path)
{
	return probation_is_on(&path->probation) || probation_is_on(&path->link->probation);
}

static void path_begin_registering(struct path *path);

/* ---- what an answer means ---------------------------------------------------------------------------------------- */

struct dsm_result path_result(const struct xfer *xfer)
{
	struct dsm_result result;

	call_decode(xfer->status, xfer->sense, xfer->sense_len, &result);
	return result;
}

struct dsm_path path_view_of(const struct path *path)
{
	const struct link *link = path->core->link;

	return (struct dsm_path){
		.index = path->core->index,
		.lun = path->core->lun,
		.target = link->iqn,
		.portal_group = link->tpgt,
		.port_group = (uint16_t)atomic_load_explicit(&path->core->group, memory_order_relaxed),
		.tpgs = path->disk->core->tpgs,
		.access = path->access,
	};
}

struct dsm_verdict path_verdict(const struct path *path, const struct dsm_result *result)
{
	const struct device_core *core = path->disk->core;
	struct dsm_path view = path_view_of(path);

	return call_interpret(core->dsm, core->dsm_ctx, &view, result);
}

bool path_tell_hosts(struct path *path, const struct dsm_result *result, uint32_t except)
{
	struct disk *disk = path->disk;
	scsi_asc asc = (scsi_asc)(result->asc << 8 | result->ascq);

	if (!news_first(&disk->core->news, &path->heard, asc))
		return false;
	target_unit_attention(disk->worker->target, disk->number, asc, except);
	return true;
}

bool path_met_attention(struct path *path, const struct dsm_result *result)
{
	unsigned flags;

	if (!result->has_sense || result->sense_key != SENSE_UNIT_ATTENTION)
		return false;
	lu_reset_heard(path, result);
	path_check_key(path, result);
	flags = path_verdict(path, result).flags;
	if (flags & DSM_TELL_HOSTS)
		path_tell_hosts(path, result, 0);
	if (flags & DSM_REFRESH)
		access_refresh(&path->disk->access);
	if (flags & DSM_SPACE_EVENT)
		disk_space_short(path->disk, result);
	if (flags & DSM_REIDENTIFY) /* row D4 */
		lane_reidentify(path->lane);
	return true;
}

/* ---- states ------------------------------------------------------------------------------------------------------ */

/* The next verification of a path that is up (path_verify_enabled, row L1). Where no array can be asked for access
 * states, that is also how a passive path is seen to be active. */
static void path_plan_verify(struct path *path)
{
	const struct timers *timers = &path->disk->timers;

	timer_stop(&path->verify);
	if (!path->disk->core->tpgs && path->access != DSM_ACCESS_UNKNOWN)
		timer_arm(&path->verify, VERIFY_PERIOD_US);
	else if (timers->path_verify_enabled)
		timer_arm(&path->verify, timers->path_verification_period * US_PER_S);
}

static void path_set_registered(struct path *path, bool registered)
{
	path->registered = registered;
	atomic_store_explicit(&path->core->registered[path->disk->worker->index], registered, memory_order_relaxed);
}

static void path_set_state(struct path *path, enum path_state state)
{
	struct disk *disk = path->disk;

	if (path->state == state)
		return;
	log_debug("path", "path=%s device=%s worker=%u from=%s to=%s", path->core->id, disk->core->id,
		  disk->worker->index, path_state_name(path->state), path_state_name(state));
	timer_stop(&path->verify);
	if (path->state == PATH_DOWN)
		news_caught_up(&disk->core->news, &path->heard);
	if (path->state == PATH_UP && state != PATH_IDENTIFY && state != PATH_REGISTERING && !path->lane->shut) {
		figure_add(&path->cell->path_failures, 1);
		figure_set(&path->cell->last_failure_us, unix_time_us());
		figure_add(&disk->cell->path_failures, 1);
		figure_set(&disk->cell->last_failure_us, unix_time_us());
	}
	path->state = state;
	if (state == PATH_UP)
		path_plan_verify(path);
	if (state == PATH_UP)
		access_refresh(&disk->access);
	if (state == PATH_UP)
		lu_reset_path_up(disk);
	atomic_store_explicit(&path->core->states[disk->worker->index], (int)state, memory_order_relaxed);
	disk_refresh(disk);
}

/* ---- verification (row L2) --------------------------------------------------------------------------------------- */

void path_suspect(struct path *path)
{
	if (path->state != PATH_UP)
		return;
	figure_add(&path->cell->suspicions, 1);
	path_set_state(path, PATH_VERIFYING);
	timer_arm(&path->verify, 0);
}

void path_timed_out(struct path *path, uint64_t sent_us)
{
	uint64_t most = timers_path_recovery(&path->disk->worker->timers) * US_PER_S, rest;

	if (path->state != PATH_UP || sent_us < path->timed_out_us) /* it was sent with those that made it suspect */
		return;
	path_suspect(path);
	path->timed_out_us = clock_now_us(loop_clock(path->disk->worker->loop));
	rest = path->timeouts < REST_DOUBLINGS ? VERIFY_PERIOD_US << path->timeouts : most;
	if (path->timeouts++)
		timer_arm(&path->verify, rest < most ? rest : most);
}

void path_passive(struct path *path, enum dsm_access access)
{
	path_set_access(path, access);
	if (path->disk->core->tpgs)
		access_refresh(&path->disk->access);
	else if (path->state == PATH_UP)
		path_plan_verify(path);
	disk_refresh(path->disk);
}

/* It lives; with ALUA, whether it serves the device is a matter of its access state. */
static void path_alive(struct path *path, enum dsm_access access)
{
	if (!path->disk->core->tpgs && path_set_access(path, access))
		disk_refresh(path->disk);
	if (path->state == PATH_UP)
		path_plan_verify(path);
	else if (path->keyless)
		path_begin_registering(path);
	else
		path_set_state(path, PATH_UP);
}

static void path_verified(struct path *path, enum dsm_health health)
{
	if (path->state != PATH_VERIFYING && path->state != PATH_UP)
		return;
	switch (health) {
	case DSM_HEALTH_ACTIVE:
		path_alive(path, DSM_ACCESS_UNKNOWN);
		break;
	case DSM_HEALTH_PASSIVE:
		path_alive(path, DSM_ACCESS_STANDBY);
		break;
	case DSM_HEALTH_FAILED:
		if (path->state == PATH_UP)
			path_suspect(path);
		else
			timer_arm(&path->verify, VERIFY_PERIOD_US);
		break;
	default:
		timer_arm(&path->verify, AGAIN_US);
	}
}

static void on_verified(void *arg, const struct xfer *xfer)
{
	struct path *path = arg;
	const struct device_core *core = path->disk->core;
	struct dsm_path view = path_view_of(path);
	struct dsm_result result = path_result(xfer);
	enum dsm_health health;

	if (path->verify_command.in_len) {
		result.data = path->verify_data;
		result.data_len = xfer->transfer < xfer->len ? xfer->transfer : xfer->len;
	}
	health = call_judge(core->dsm, core->dsm_ctx, &view, &result);
	path->verify_sent = false;
	if (path_met_attention(path, &result))
		health = DSM_HEALTH_AGAIN;
	else if (result.status == SCSI_GOOD)
		news_caught_up_on(&path->disk->core->news, &path->heard, ASC_RESET_OCCURRED);
	path_verified(path, health);
}

bool path_verify(struct path *path)
{
	struct dsm_command *command = &path->verify_command;
	struct dsm_path view = path_view_of(path);
	enum scsi_dir dir;

	if (path->verify_sent)
		return true;
	call_verify(path->disk->core->dsm, &view, command);
	dir = command->in_len ? SCSI_DIR_IN : SCSI_DIR_NONE;
	path->verify_sent = slot_command(path->lane, path->core->lun, command->cdb, command->cdb_len, dir,
					 path->verify_data, command->in_len, on_verified, path);
	return path->verify_sent;
}

/* ---- registration (row F1) --------------------------------------------------------------------------------------- */

static void on_registered(struct path *path, enum registration_outcome outcome)
{
	if (path->state == PATH_DOWN || outcome == REGISTRATION_LOST)
		return;
	path_set_registered(path, outcome == REGISTRATION_DONE);
	if (path->registered)
		leftover_registered(path->disk);
	path->keyless = outcome == REGISTRATION_NOT_NOW;
	if (path->state == PATH_REGISTERING) /* else it is being identified again meanwhile */
		path_set_state(path, PATH_UP);
}

/* Not while the keys of its own old session are still being taken away: the new one would go with them. */
static void path_register(struct path *path)
{
	if (path->fencing || registration_busy(path->registration))
		timer_arm(&path->verify, BUSY_US);
	else
		registration_begin(path->registration, on_registered);
}

static void path_begin_registering(struct path *path)
{
	path_set_state(path, PATH_REGISTERING);
	path_register(path);
}

/* No write before the key and the reservation are there again, or found to be (row E13). */
bool path_check_key(struct path *path, const struct dsm_result *result)
{
	if (!registration_is_lost(result))
		return false;
	registration_doubt(path->registration);
	if (!path->registered)
		return false;
	path_set_registered(path, false);
	path->keyless = true;
	if (path->state == PATH_UP) /* else what it is at ends in a registration */
		path_begin_registering(path);
	return true;
}

static void on_path_timer(void *arg)
{
	struct path *path = arg;

	if (path->state == PATH_REGISTERING)
		path_register(path);
	else if (!path_verify(path))
		timer_arm(&path->verify, VERIFY_PERIOD_US);
}

void path_identified(struct path *path)
{
	if (path->state != PATH_DOWN && path->state != PATH_IDENTIFY)
		return; /* suspect, or registering: it goes on with that */
	if (path->registered || path->core->link->fence != FENCE_AUTO) {
		path_set_state(path, PATH_UP);
		return;
	}
	path_begin_registering(path);
}

void path_not_found(struct path *path)
{
	if (path->state != PATH_IDENTIFY)
		return;
	path_set_registered(path, false); /* what holds the key may be another LU */
	path_set_state(path, PATH_DOWN);
}

void path_identify(struct path *path)
{
	if (path->state != PATH_DOWN)
		path_set_state(path, PATH_IDENTIFY);
}

/* Whether any worker's path holds a key: they share the reservation. */
static bool is_registered(const struct disk *disk)
{
	for (unsigned i = 0; i < DSM_PATHS_MAX; i++) {
		const struct path_core *core = disk->paths[i] ? disk->paths[i]->core : NULL;

		for (unsigned w = 0; core && w < core->link->worker_count; w++)
			if (atomic_load_explicit(&core->registered[w], memory_order_relaxed))
				return true;
	}
	return false;
}

/* Without a key on any path the reservation is somebody else's. */
bool path_conflict(struct path *path)
{
	if (path->state != PATH_UP && path->state != PATH_VERIFYING) /* it was sent before it left that state */
		return path->core->link->fence == FENCE_AUTO;
	if (!(path->keyless || is_registered(path->disk)) || path->core->link->fence != FENCE_AUTO)
		return false;
	path_set_registered(path, false);
	path_begin_registering(path);
	return true;
}

int path_withdraw(struct path *path, void (*done)(struct path *path, enum registration_outcome outcome))
{
	if (path->state == PATH_DOWN)
		return 0;
	if (registration_busy(path->registration))
		return -EBUSY;
	if (!path->registered && !path->keyless)
		return 0;
	timer_stop(&path->verify); /* it may have been about to register */
	path_set_registered(path, false);
	path->keyless = false;
	registration_withdraw(path->registration, done);
	return 1;
}

void path_lost(struct path *path)
{
	path_set_state(path, PATH_DOWN);
	path->verify_sent = false; /* lost with the lane */
	path_set_registered(path, false);
	registration_lost(path->registration);
	access_path_lost(&path->disk->access, path);
}

/* ---- the fence, form reservation --------------------------------------------------------------------------------- */

static void on_fenced(void *arg, bool success);

/* Asks the next registered path of the disk to take this one's key away. */
static void fence_try(struct path *path)
{
	struct disk *disk = path->disk;
	uint64_t key = registration_key(path->core->link, disk->worker->index);
	bool busy = false;

	while (path->fence_tried < DSM_PATHS_MAX) {
		struct path *via = disk->paths[path->fence_tried++];

		if (!via || via == path || via->state != PATH_UP || !via->registered)
			continue;
		if (registration_preempt(via->registration, key, on_fenced, path))
			return;
		busy = true;
	}
	path->fence_tried = 0;
	path->fencing = busy;
	if (busy)
		timer_arm(&path->fence_again, BUSY_US);
	else
		lane_fence_otherwise(path->lane);
}

static void on_fence_again(void *arg)
{
	struct path *path = arg;

	if (fence_holds(path->lane, path->disk))
		fence_try(path);
	else
		path->fencing = false; /* another form was faster */
}

static void on_fenced(void *arg, bool success)
{
	struct path *path = arg;

	if (!success && fence_holds(path->lane, path->disk)) {
		fence_try(path);
		return;
	}
	path->fencing = false;
	if (success)
		fence_release(path->lane, path->disk, "reservation");
}

void path_fence(struct path *path)
{
	if (path->fencing || !fence_holds(path->lane, path->disk))
		return;
	path->fencing = true;
	path->fence_tried = 0;
	fence_try(path);
}

/* ---- leaving ----------------------------------------------------------------------------------------------------- */

static void on_key_taken(void *arg, bool success)
{
	struct path *path = arg;

	path->fencing = false;
	if (success)
		path_set_registered(path, false);
}

/* Asks a path that stays. A key that is given back takes the reservation that it holds with it, and the other paths
 * would go on without a fence; one that is preempted leaves it to whoever preempts (SPC-4 5.13.11.2). */
static void path_resign(struct path *path)
{
	struct disk *disk = path->disk;
	uint64_t key = registration_key(path->core->link, disk->worker->index);

	path->resigned = true;
	for (unsigned i = 0; i < DSM_PATHS_MAX; i++) {
		struct path *via = disk->paths[i];

		if (!via || via->lane->leaving || via->state != PATH_UP || !via->registered)
			continue;
		path->fencing = registration_preempt(via->registration, key, on_key_taken, path);
		path->resigned = path->fencing;
		if (path->fencing)
			return;
	}
}

static void on_key_withdrawn(struct path *path, enum registration_outcome outcome)
{
	(void)path;
	(void)outcome; /* a key that stays is taken over by the next gateway */
}

bool path_leave(struct path *path)
{
	if (path->fencing || registration_busy(path->registration))
		return false;
	if (!path->resigned && path->core->link->fence == FENCE_AUTO)
		path_resign(path);
	else if (path_withdraw(path, on_key_withdrawn) == 0)
		return true;
	return false;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

bool path_set_access(struct path *path, enum dsm_access access)
{
	if (path->access == access)
		return false;
	log_debug("path", "path=%s device=%s worker=%u access=\"%s\"", path->core->id, path->disk->core->id,
		  path->disk->worker->index, alua_access_name(access) ? alua_access_name(access) : "unknown");
	path->access = access;
	atomic_store_explicit(&path->core->access[path->disk->worker->index], (int)access, memory_order_relaxed);
	return true;
}

void path_timers_changed(struct path *path)
{
	if (path->state == PATH_UP && !path->verify_sent)
		path_plan_verify(path);
}

struct path *path_create(struct disk *disk, struct path_core *core, struct lane *lane)
{
	struct path *path = xcalloc(1, sizeof(*path));

	path->disk = disk;
	path->lane = lane;
	path->core = core;
	path->cell = &core->cells[disk->worker->index];
	path->policy.index = core->index;
	path->policy.link = &core->link->loads[disk->worker->index].policy;
	path->policy.role = disk->setup->paths[core->index].role;
	path->policy.weight = disk->setup->paths[core->index].weight;
	path->policy.preferred = disk->setup->paths[core->index].preferred;
	timer_init(&path->verify, loop_clock(disk->worker->loop), on_path_timer, path);
	timer_init(&path->fence_again, loop_clock(disk->worker->loop), on_fence_again, path);
	path->registration = registration_create(path);
	disk->paths[core->index] = path;
	list_add_tail(&lane->paths, &path->lane_link);
	return path;
}

void path_destroy(struct path *path)
{
	struct disk *disk = path->disk;

	timer_stop(&path->verify);
	timer_stop(&path->fence_again);
	registration_destroy(path->registration);
	slot_ignore_answer(path->lane, path);
	list_del(&path->lane_link);
	disk->paths[path->core->index] = NULL;
	free(path);
}
