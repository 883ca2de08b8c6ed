#include "gateway/engine/failback.h"

#include "gateway/engine/disk.h"
#include "gateway/engine/worker.h"

/* The one path that fail-over-only goes back to; NULL: none. */
static struct path *preferred_path(const struct disk *disk)
{
	for (unsigned i = 0; i < DSM_PATHS_MAX; i++)
		if (disk->paths[i] && disk->setup->paths[i].preferred)
			return disk->paths[i];
	return NULL;
}

static bool is_usable(const struct disk *disk, const struct path *path)
{
	for (unsigned i = 0; i < disk->usable.count; i++)
		if (disk->usable.path[i] == &path->policy)
			return true;
	return false;
}

/* It is back: whether it has stayed for as long as was asked. */
static bool has_stayed(struct failback *failback)
{
	const struct policy_setup *setup = failback->disk->setup;
	uint64_t now = clock_now_us(failback->due.clock), wanted = setup->failback_s * US_PER_S;

	if (setup->failback_s == CONTROL_FAILBACK_MANUAL)
		return false;
	if (!failback->back_us)
		failback->back_us = now;
	if (now - failback->back_us >= wanted)
		return true;
	timer_arm(&failback->due, failback->back_us + wanted - now);
	return false;
}

void failback_review(struct failback *failback)
{
	struct path *path = preferred_path(failback->disk);
	bool usable = path && is_usable(failback->disk, path);

	if (!path)
		return;
	if (!usable) {
		failback->away |= failback->was_usable;
		failback->back_us = 0;
	} else if (failback->away && has_stayed(failback)) {
		failback->away = false;
	}
	failback->was_usable = usable;
	path->policy.preferred = !failback->away;
}

static void on_due(void *arg)
{
	disk_refresh(((struct failback *)arg)->disk);
}

void failback_reset(struct failback *failback)
{
	failback->was_usable = failback->away = false;
	failback->back_us = 0;
	timer_stop(&failback->due);
}

void failback_init(struct failback *failback, struct disk *disk)
{
	failback->disk = disk;
	timer_init(&failback->due, loop_clock(disk->worker->loop), on_due, failback);
}

void failback_done(struct failback *failback)
{
	timer_stop(&failback->due);
}
