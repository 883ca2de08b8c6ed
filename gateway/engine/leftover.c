#include "gateway/engine/leftover.h"

#include "gateway/base/memory.h"
#include "gateway/engine/disk.h"
#include "gateway/engine/lane.h"
#include "gateway/engine/registration.h"
#include "gateway/engine/worker.h"

#define LOOK_US (10 * US_PER_S) /* links that have just been found have registered by then */
#define BUSY_US (5 * US_PER_MS) /* a registration has something else to do */

/* A path that can be asked, and can remove keys; NULL: none, or *busy. */
static struct path *way(const struct disk *disk, bool *busy)
{
	*busy = false;
	for (unsigned i = 0; i < DSM_PATHS_MAX; i++) {
		struct path *path = disk->paths[i];

		if (!path || path->state != PATH_UP || !path->registered)
			continue;
		if (!registration_busy(path->registration))
			return path;
		*busy = true;
	}
	return NULL;
}

/* The disk has a path there that gives its key back by itself. */
static bool has_live_path(const struct disk *disk, const struct lane *lane)
{
	const struct path *path;

	list_for_each(path, &lane->paths, lane_link)
		if (path->disk == disk && path->state != PATH_DOWN)
			return true;
	return false;
}

/* Whether the key stays where it is: that of a lane; of a disk that leaves, what is not for this worker to remove. */
static bool is_kept(const struct disk *disk, uint64_t key)
{
	const struct worker *worker = disk->worker;
	const struct lane *lane;

	list_for_each(lane, &worker->lanes, worker_link) {
		if (!registration_is_same_gateway(key, registration_key(lane->link, 0)))
			return true;
		for (unsigned w = 0; w < lane->link->worker_count; w++)
			if (registration_key(lane->link, w) == key)
				return !disk->leftover.leaving || w != worker->index || has_live_path(disk, lane);
	}
	return disk->leftover.leaving;
}

/* The disk that leaves looks again whether there is something to remove; if `gone` there is not. */
static void leave(struct disk *disk, bool gone)
{
	disk->leftover.working = false;
	disk->leftover.gone = gone;
	timer_arm(&disk->leave, 0);
}

static void on_removed(void *arg, bool success)
{
	struct disk *disk = arg;

	if (success)
		worker_notice(disk->worker, "info", "key-removed", disk->core->id,
			      "a key that this gateway had left at the array was taken away: %016llx",
			      (unsigned long long)disk->leftover.key);
	if (disk->leftover.leaving)
		leave(disk, !success);
	else if (success)
		timer_arm(&disk->leftover.look, 0); /* there may be another one */
}

void leftover_remove(struct disk *disk, uint64_t key)
{
	bool busy;
	struct path *path = way(disk, &busy);

	disk->leftover.key = key;
	if (!path || !registration_preempt(path->registration, key, on_removed, disk))
		on_removed(disk, false);
}

static void tell_control(struct disk *disk, uint64_t key)
{
	struct worker *worker = disk->worker;
	struct key_found *found = xcalloc(1, sizeof(*found));

	found->message.fn = worker->upcalls->key_found;
	found->gateway = worker->gateway;
	found->core = disk->core;
	found->key = key;
	loop_post(worker->control, &found->message);
}

/* The first of the keys that is not kept. */
static void on_keys(void *arg, const uint64_t *keys, unsigned count)
{
	struct disk *disk = arg;
	unsigned i = 0;

	while (i < count && is_kept(disk, keys[i]))
		i++;
	if (disk->leftover.leaving && i == count)
		leave(disk, true);
	else if (disk->leftover.leaving)
		leftover_remove(disk, keys[i]);
	else if (i < count)
		tell_control(disk, keys[i]);
}

static void on_look(void *arg)
{
	struct disk *disk = arg;
	bool busy;
	struct path *path = way(disk, &busy);

	if (path)
		registration_read_keys(path->registration, on_keys, disk);
	else if (busy)
		timer_arm(&disk->leftover.look, BUSY_US);
}

void leftover_registered(struct disk *disk)
{
	if (disk->worker->index == 0 && !disk->left && !timer_armed(&disk->leftover.look))
		timer_arm(&disk->leftover.look, LOOK_US);
}

bool leftover_is_gone(struct disk *disk)
{
	struct path *path;
	bool busy;

	if (disk->leftover.gone || disk->leftover.working)
		return disk->leftover.gone;
	disk->leftover.leaving = true;
	timer_stop(&disk->leftover.look);
	path = way(disk, &busy);
	disk->leftover.working = path != NULL;
	if (path)
		registration_read_keys(path->registration, on_keys, disk);
	else if (busy)
		timer_arm(&disk->leave, BUSY_US);
	else
		disk->leftover.gone = true;
	return disk->leftover.gone;
}

void leftover_init(struct disk *disk)
{
	timer_init(&disk->leftover.look, loop_clock(disk->worker->loop), on_look, disk);
}

void leftover_done(struct disk *disk)
{
	timer_stop(&disk->leftover.look);
}
