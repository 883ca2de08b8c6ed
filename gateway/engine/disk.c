#include "gateway/engine/disk_unit.h"

#include "gateway/base/memory.h"
#include "gateway/engine/lane.h"
#include "gateway/engine/usable.h"

#include <stdlib.h>
#include <string.h>

#define LEAVE_US (5 * US_PER_MS) /* between two looks whether a registration has come to its end */
#define SPACE_PERIOD_US (60 * US_PER_S) /* an array without space says so to every write */

/* ---- ending a command ------------------------------------------------------------------------------------------ */

static void on_withdrawn(struct path *path, enum registration_outcome outcome);

/* When the last command is done the array gets its keys back; when the last key is given back the disk goes. */
static void disk_leave(struct disk *disk)
{
	bool busy = false;

	if (!disk->left || disk->busy || !leftover_is_gone(disk))
		return;
	for (unsigned i = 0; i < DSM_PATHS_MAX; i++) {
		int rc = disk->paths[i] ? path_withdraw(disk->paths[i], on_withdrawn) : 0;

		disk->busy += rc > 0;
		busy |= rc < 0;
	}
	if (busy && !disk->busy)
		timer_arm(&disk->leave, LEAVE_US);
	else if (!disk->busy)
		disk->left(disk->left_arg, disk); /* destroys the disk */
}

static void on_leave(void *arg)
{
	disk_leave(arg);
}

/* The disk goes in a turn of its own: a lane that fails still has the path in its hands. A key that stays is given
 * back when its path comes back. */
static void on_withdrawn(struct path *path, enum registration_outcome outcome)
{
	struct disk *disk = path->disk;

	(void)outcome;
	disk->busy--;
	timer_arm(&disk->leave, 0);
}

void disk_finish(struct io *io)
{
	struct disk *disk = io->disk;
	struct figure_cell *cell = disk->cell;

	if (io->status == SCSI_GOOD && io->info->moves_blocks) {
		uint32_t bytes = io->transfer < io->len ? io->transfer : io->len;

		figure_add(io->info->is_write ? &cell->writes : &cell->reads, 1);
		figure_add(io->info->is_write ? &cell->written_bytes : &cell->read_bytes, bytes);
	}
	io->place = IO_IDLE;
	decision_end(io);
	io->done(io);
	disk_exit(disk);
}

static void on_io_timer(void *arg)
{
	struct io *io = arg;

	list_del(&io->link);
	io->place = IO_IDLE;
	io->after(io);
}

void disk_delay(struct io *io, uint64_t delay_us, void (*after)(struct io *io))
{
	io->place = IO_DELAYED;
	io->after = after;
	list_add_tail(&io->disk->delayed, &io->link);
	timer_init(&io->timer, disk_clock(io->disk), on_io_timer, io);
	timer_arm(&io->timer, delay_us);
}

/* Ends io with an error of the gateway's own, from the loop. */
void disk_fail(struct io *io, enum sam_status status, enum sense_key key, scsi_asc asc)
{
	io->status = (uint8_t)status;
	io->transfer = 0;
	io->sense_len = 0;
	if (status == SCSI_CHECK_CONDITION) {
		memset(io->sense, 0, 18);
		io->sense[0] = 0x70; /* fixed format, current (SPC-4 4.5.3) */
		io->sense[2] = (uint8_t)key;
		io->sense[7] = 10;
		io->sense[12] = (uint8_t)(asc >> 8);
		io->sense[13] = (uint8_t)asc;
		io->sense_len = 18;
	}
	figure_add(&io->disk->cell->io_errors, 1);
	decision_failed(io);
	disk_delay(io, 0, disk_finish);
}

/* ---- no path: hold (row D11) ----------------------------------------------------------------------------------- */

/* Whether the array answers over some path, if only to say that it does not serve the disk there now. */
static bool has_living_path(const struct disk *disk)
{
	for (unsigned i = 0; i < DSM_PATHS_MAX; i++)
		if (disk->paths[i] && disk->paths[i]->state != PATH_DOWN && disk->paths[i]->state != PATH_IDENTIFY)
			return true;
	return false;
}

/* How long a command waits for the disk to be served again: while the array lives, at least as long as it may take to
 * fail over inside. What module and array say stands still once there is a path. */
uint64_t disk_patience_us(const struct disk *disk)
{
	uint32_t patience = disk->timers.pdo_remove_period;

	if (has_living_path(disk) && device_core_settle_s(disk->core) > patience)
		patience = device_core_settle_s(disk->core);
	return patience * US_PER_S;
}

static uint64_t hold_left_us(const struct disk *disk)
{
	uint64_t period = disk_patience_us(disk);
	uint64_t gone = disk->pathless_since_us ? disk_now(disk) - disk->pathless_since_us : 0;

	return gone < period ? period - gone : 0;
}

/* For the control loop to read: this worker's share, which nobody else writes. */
static void count_share(_Atomic unsigned *share, int by)
{
	atomic_store_explicit(share, atomic_load_explicit(share, memory_order_relaxed) + (unsigned)by,
			      memory_order_relaxed);
}

static void count_held(struct disk *disk, int by)
{
	count_share(&disk->core->held[disk->worker->index], by);
}

void disk_count_fenced(struct disk *disk, int by)
{
	count_share(&disk->core->fenced[disk->worker->index], by);
}

static void disk_unhold(struct io *io)
{
	list_del(&io->link);
	io->place = IO_IDLE;
	io->disk->held_bytes -= io->len;
	count_held(io->disk, -1);
}

static void disk_hold(struct disk *disk, struct io *io)
{
	uint64_t left;

	if (!disk->pathless_since_us) /* there are paths, but the policy wants none of them (a weight of 0xffffffff) */
		disk->pathless_since_us = disk_now(disk);
	left = disk->left ? 0 : hold_left_us(disk);
	if (!left) {
		disk_fail(io, SCSI_CHECK_CONDITION, SENSE_HARDWARE_ERROR, ASC_LU_COMMUNICATION_FAILURE);
		return;
	}
	if (disk->held_bytes + io->len > DISK_HELD_BYTES_MAX) {
		disk_fail(io, SCSI_BUSY, SENSE_NO_SENSE, 0);
		return;
	}
	io->place = IO_HELD;
	list_add_tail(&disk->held, &io->link);
	disk->held_bytes += io->len;
	count_held(disk, 1);
	if (!timer_armed(&disk->hold))
		timer_arm(&disk->hold, left);
	access_wanted(&disk->access);
}

static void on_hold_over(void *arg)
{
	struct disk *disk = arg;
	struct io *io;
	unsigned count = 0;

	while ((io = list_first(&disk->held, struct io, link))) {
		disk_unhold(io);
		disk_fail(io, SCSI_CHECK_CONDITION, SENSE_HARDWARE_ERROR, ASC_LU_COMMUNICATION_FAILURE);
		count++;
	}
	worker_notice(disk->worker, "error", "io-failed", disk->core->id,
		      "no path came back within pdo_remove_period; %u held commands failed", count);
}

/* ---- choosing a path ------------------------------------------------------------------------------------------- */

struct path *disk_select(struct disk *disk, const struct path_set *set, const struct io *io)
{
	struct policy_io what = {
		.is_read = io->info->moves_blocks && !io->info->is_write,
		.is_write = io->info->moves_blocks && io->info->is_write,
		.scattered = disk->setup->scattered,
		.lba = io->info->moves_blocks ? command_lba(io->cdb) : 0,
		.blocks = io->info->moves_blocks ? io->len / disk->core->block_size : 0,
		.bytes = io->len,
	};
	struct policy_path *chosen =
		set->count ? disk->setup->ops->select(disk->policy_ctx, disk->setup->shared, set, &what) : NULL;

	return chosen ? container_of(chosen, struct path, policy) : NULL;
}

/* Whether two paths end in different target port groups: where the array tells no such groups its portal groups stand
 * for them, as with arrays of one owning controller. */
static bool in_other_group(const struct path *a, const struct path *b)
{
	unsigned group_a = atomic_load_explicit(&a->core->group, memory_order_relaxed);
	unsigned group_b = atomic_load_explicit(&b->core->group, memory_order_relaxed);

	if (group_a && group_b)
		return group_a != group_b;
	return a->core->link->tpgt != b->core->link->tpgt || strcmp(a->core->link->iqn, b->core->link->iqn) != 0;
}

/* What the policy chooses of the usable paths but `avoid`; with `far` of other groups than its own. NULL: none. */
struct path *disk_select_but(struct disk *disk, const struct path *avoid, bool far, const struct io *io)
{
	struct path_set others = { .count = 0 };

	for (unsigned i = 0; i < disk->usable.count; i++) {
		const struct path *path = container_of(disk->usable.path[i], struct path, policy);

		if (path != avoid && (!far || in_other_group(path, avoid)))
			others.path[others.count++] = disk->usable.path[i];
	}
	return disk_select(disk, &others, io);
}

/* A path other than the one that io was on; any when nothing else is left, or nothing that the policy wants. */
struct path *disk_select_other(struct disk *disk, const struct io *io)
{
	struct path *other = disk_select_but(disk, io->path, false, io);

	return other ? other : disk_select(disk, &disk->usable, io);
}

void disk_send(struct disk *disk, struct io *io, struct path *path)
{
	decision_chose(io, path);
	if (!path) {
		disk_hold(disk, io);
		return;
	}
	disk->pathless_since_us = 0;
	io->path = path;
	if (command_sets_mode(io->cdb))
		news_expect(&disk->core->news, &path->heard, ASC_MODE_PARAMETERS_CHANGED);
	slot_submit(path->lane, io);
}

bool disk_is_usable(const struct disk *disk, const struct path *path)
{
	for (unsigned i = 0; i < disk->usable.count; i++)
		if (disk->usable.path[i] == &path->policy)
			return true;
	return false;
}

bool disk_has_lively_path(const struct disk *disk, const struct lane *but, uint64_t since_us)
{
	for (unsigned i = 0; i < DSM_PATHS_MAX; i++) {
		const struct path *path = disk->paths[i];

		if (path && path->lane != but && usable_rank(path) < RANK_SUSPECT &&
		    path->lane->last_answer_us > since_us)
			return true;
	}
	return false;
}

void disk_space_short(struct disk *disk, const struct dsm_result *result)
{
	scsi_asc news = (scsi_asc)(result->asc << 8 | result->ascq);
	uint64_t now = disk_now(disk);

	if (disk->space_told == news && now - disk->space_told_us < SPACE_PERIOD_US)
		return;
	disk->space_told = news;
	disk->space_told_us = now;
	worker_notice(disk->worker, "warning", "space", disk->core->id,
		      "thin provisioning: the array answers with sense %x/%02x/%02x, %s", result->sense_key,
		      result->asc, result->ascq,
		      result->sense_key == SENSE_DATA_PROTECT ? "it has no space left" : "look at its space");
}

void disk_refresh(struct disk *disk)
{
	bool had_path = disk->usable.count != 0;
	struct list *link, freed;

	usable_find(disk);
	if (!disk->usable.count) {
		if (had_path)
			disk->pathless_since_us = disk_now(disk);
		if (timer_armed(&disk->hold))
			timer_arm(&disk->hold, hold_left_us(disk)); /* the last path that lived may have gone */
		access_wanted(&disk->access);
		return;
	}
	timer_stop(&disk->hold);
	list_init(&freed);
	list_splice_tail(&freed, &disk->held);
	while ((link = list_pop(&freed))) {
		struct io *io = list_entry(link, struct io, link);

		disk->held_bytes -= io->len;
		count_held(disk, -1);
		io->place = IO_IDLE;
		io->uncounted_since_us = 0; /* the time without a path is bounded by itself */
		disk_send(disk, io, disk_select(disk, &disk->usable, io));
	}
}

/* ---- throttle (row L7) ----------------------------------------------------------------------------------------- */

static void disk_go(struct io *io)
{
	disk_send(io->disk, io, disk_select(io->disk, &io->disk->usable, io));
}

static void disk_throttle(struct disk *disk, struct io *io)
{
	switch (throttle_admit(&disk->throttle, io)) {
	case THROTTLE_GO:
		disk_go(io);
		break;
	case THROTTLE_WAIT:
		break;
	case THROTTLE_FULL:
		decision_throttled(io);
		disk_fail(io, SCSI_BUSY, SENSE_NO_SENSE, 0);
		break;
	}
}

/* ---- commands in and out --------------------------------------------------------------------------------------- */

void disk_enter(struct disk *disk)
{
	disk->busy++;
}

void disk_exit(struct disk *disk)
{
	disk->busy--;
	disk_leave(disk);
}

void disk_submit(struct disk *disk, struct io *io)
{
	io->disk = disk;
	io->path = NULL;
	io->place = IO_IDLE;
	io->aborted = io->failed_once = io->tried_same = false;
	io->conflicts = io->retries = io->losses = 0;
	io->uncounted_since_us = io->uncounted_first_us = 0;
	list_init(&io->link);
	decision_begin(io);
	disk_enter(disk);
	if (__builtin_expect(disk->throttle.on, false) && io->info->moves_blocks)
		disk_throttle(disk, io);
	else
		disk_go(io);
}

void disk_abort(struct io *io)
{
	io->aborted = true;
	switch (io->place) {
	case IO_HELD:
		disk_unhold(io);
		break;
	case IO_THROTTLED:
		throttle_forget(&io->disk->throttle, io);
		decision_throttled(io);
		break;
	case IO_WAITING:
		slot_forget(io);
		break;
	case IO_DELAYED:
		list_del(&io->link);
		timer_stop(&io->timer);
		break;
	case IO_ON_LANE:
		abort_io(io);
		return;
	default: /* it may still be executed, or have been: the fence ends it, or what the medium says */
		return;
	}
	disk_fail(io, SCSI_TASK_ABORTED, SENSE_NO_SENSE, 0);
}

/* ---- paths ----------------------------------------------------------------------------------------------------- */

static void forget_path(struct list *ios, const struct path *path)
{
	struct io *io;

	list_for_each(io, ios, link)
		if (io->path == path)
			io->path = NULL;
}

void disk_drop_path(struct disk *disk, struct path *path)
{
	forget_path(&disk->held, path);
	forget_path(&disk->delayed, path);
	access_path_lost(&disk->access, path);
	path_destroy(path);
	disk_refresh(disk);
}

/* A command waits no longer for its retry than a new one would. */
static void hasten_retries(struct disk *disk)
{
	uint64_t delay = disk->timers.retry_interval * US_PER_S;
	uint64_t latest = disk_now(disk) + (delay > DISK_DELAY_US ? delay : DISK_DELAY_US);
	struct io *io;

	list_for_each(io, &disk->delayed, link)
		if (io->timer.due_us > latest)
			timer_arm(&io->timer, delay);
}

void disk_set_timers(struct disk *disk, const struct timers *timers)
{
	disk->timers = *timers;
	for (unsigned i = 0; i < DSM_PATHS_MAX; i++)
		if (disk->paths[i])
			path_timers_changed(disk->paths[i]);
	if (timer_armed(&disk->hold))
		timer_arm(&disk->hold, hold_left_us(disk));
	hasten_retries(disk);
}

void disk_set_policy(struct disk *disk, struct policy_setup *setup)
{
	struct policy_setup *old = disk->setup;

	free(disk->policy_ctx);
	disk->setup = setup;
	disk->policy_ctx = xcalloc(1, setup->ops->ctx_bytes ? setup->ops->ctx_bytes : 1);
	for (unsigned i = 0; i < DSM_PATHS_MAX; i++) {
		if (!disk->paths[i])
			continue;
		disk->paths[i]->policy.role = setup->paths[i].role;
		disk->paths[i]->policy.weight = setup->paths[i].weight;
		disk->paths[i]->policy.preferred = setup->paths[i].preferred;
	}
	if (old->times_set != setup->times_set)
		failback_reset(&disk->failback);
	policy_setup_put(old);
	disk_refresh(disk);
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

struct disk *disk_create(struct worker *worker, struct device_core *core, struct policy_setup *setup,
			 const struct timers *timers)
{
	struct disk *disk = xcalloc(1, sizeof(*disk));

	disk->lu.ops = worker->lu_ops;
	disk->worker = worker;
	disk->core = core;
	disk->cell = &core->cells[worker->index];
	disk->setup = setup;
	disk->policy_ctx = xcalloc(1, setup->ops->ctx_bytes ? setup->ops->ctx_bytes : 1);
	disk->timers = *timers;
	list_init(&disk->held);
	list_init(&disk->delayed);
	throttle_init(&disk->throttle, disk_clock(disk), &core->throttle, &core->throttled[worker->index], disk_go);
	access_init(&disk->access, disk);
	failback_init(&disk->failback, disk);
	timer_init(&disk->hold, disk_clock(disk), on_hold_over, disk);
	timer_init(&disk->leave, disk_clock(disk), on_leave, disk);
	leftover_init(disk);
	lu_reset_init(disk);
	disk->pathless_since_us = disk_now(disk);
	list_add_tail(&worker->disks, &disk->worker_link);
	return disk;
}

void disk_remove(struct disk *disk, void (*left)(void *arg, struct disk *disk), void *arg)
{
	struct io *io;

	disk->left = left;
	disk->left_arg = arg;
	disk->busy++; /* held by this function: the disk must not go under its loop */
	while ((io = list_first(&disk->held, struct io, link))) {
		disk_unhold(io);
		disk_fail(io, SCSI_CHECK_CONDITION, SENSE_HARDWARE_ERROR, ASC_LU_COMMUNICATION_FAILURE);
	}
	throttle_set(&disk->throttle, (struct throttle_limits){ 0 }); /* what it kept back goes now, or fails */
	disk->busy--;
	disk_leave(disk);
}

void disk_destroy(struct disk *disk)
{
	if (!disk)
		return;
	list_del(&disk->worker_link);
	timer_stop(&disk->hold);
	timer_stop(&disk->leave);
	leftover_done(disk);
	lu_reset_done(disk);
	throttle_done(&disk->throttle);
	failback_done(&disk->failback);
	access_done(&disk->access);
	for (unsigned i = 0; i < DSM_PATHS_MAX; i++)
		if (disk->paths[i])
			path_destroy(disk->paths[i]);
	policy_setup_put(disk->setup);
	free(disk->policy_ctx);
	free(disk);
}
