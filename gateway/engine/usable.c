#include "gateway/engine/usable.h"

#include "dsm/policy.h"
#include "gateway/engine/disk.h"
#include "gateway/engine/lane.h"

/* How good a path is for I/O now, and why it is no better. */
struct standing {
	enum rank rank;
	enum bar bar;
};

/* By its own state, and by what the array says of its port: the worse of the two counts (rows P1, P2). */
static struct standing standing_of(const struct path *path)
{
	static const struct standing by_state[] = {
		[PATH_DOWN] = { RANK_UNUSABLE, BAR_DOWN },
		[PATH_IDENTIFY] = { RANK_UNUSABLE, BAR_IDENTIFY },
		[PATH_UP] = { RANK_OPTIMIZED, BAR_NONE },
		[PATH_REGISTERING] = { RANK_UNUSABLE, BAR_REGISTERING },
		[PATH_VERIFYING] = { RANK_SUSPECT, BAR_SUSPECT },
	};
	static const struct standing by_access[] = {
		[DSM_ACCESS_UNKNOWN] = { RANK_OPTIMIZED, BAR_NONE },
		[DSM_ACCESS_OPTIMIZED] = { RANK_OPTIMIZED, BAR_NONE },
		[DSM_ACCESS_NON_OPTIMIZED] = { RANK_NON_OPTIMIZED, BAR_NON_OPTIMIZED },
		[DSM_ACCESS_LBA_DEPENDENT] = { RANK_OPTIMIZED, BAR_NONE },
		[DSM_ACCESS_STANDBY] = { RANK_UNUSABLE, BAR_STANDBY },
		[DSM_ACCESS_UNAVAILABLE] = { RANK_UNUSABLE, BAR_UNAVAILABLE },
		[DSM_ACCESS_OFFLINE] = { RANK_UNUSABLE, BAR_OFFLINE },
		[DSM_ACCESS_TRANSITIONING] = { RANK_UNUSABLE, BAR_TRANSITIONING },
	};
	struct standing own = by_state[path->state], port = by_access[path->access];

	if (!path->lane->initiator && path->state != PATH_DOWN) /* path_lost() is on its way */
		return (struct standing){ RANK_UNUSABLE, BAR_FAILING };
	if (own.rank < RANK_UNUSABLE && path_core_drained(path->core))
		return (struct standing){ RANK_UNUSABLE, BAR_DRAINED };
	if (path_core_on_probation(path->core) && port.rank < RANK_PROBATION)
		port = (struct standing){ RANK_PROBATION, BAR_PROBATION };
	return own.rank >= port.rank ? own : port;
}

enum rank usable_rank(const struct path *path)
{
	return standing_of(path).rank;
}

/* What the policy leaves alone of the usable paths is told with what kept the others out. */
static void tell_bars(struct disk *disk, uint8_t bars[DSM_PATHS_MAX])
{
	static const uint8_t by_rest[] = {
		[POLICY_RESTS_NOT] = BAR_NONE,
		[POLICY_RESTS_ROLE] = BAR_ROLE,
		[POLICY_RESTS_WEIGHT] = BAR_WEIGHT,
	};

	for (unsigned i = 0; i < disk->usable.count; i++) {
		const struct policy_path *path = disk->usable.path[i];

		bars[path->index] = by_rest[policy_rests(disk->setup->ops, &disk->usable, path)];
	}
	decision_paths(&disk->decisions, bars, disk->setup->ops->name);
}

void usable_find(struct disk *disk)
{
	struct standing standings[DSM_PATHS_MAX];
	uint8_t bars[DSM_PATHS_MAX];
	enum rank best = RANK_UNUSABLE;

	for (unsigned i = 0; i < DSM_PATHS_MAX; i++) {
		standings[i] =
			disk->paths[i] ? standing_of(disk->paths[i]) : (struct standing){ RANK_UNUSABLE, BAR_ABSENT };
		bars[i] = (uint8_t)standings[i].bar;
		if (standings[i].rank < best)
			best = standings[i].rank;
	}
	if (disk->setup->by_hand && best == RANK_OPTIMIZED)
		best = RANK_NON_OPTIMIZED; /* the administrator's roles decide among the two */
	disk->usable.count = 0;
	for (unsigned i = 0; i < DSM_PATHS_MAX && best < RANK_UNUSABLE; i++)
		if (standings[i].rank <= best)
			disk->usable.path[disk->usable.count++] = &disk->paths[i]->policy;
	for (unsigned i = 0; i < disk->usable.count; i++) {
		struct path *path = container_of(disk->usable.path[i], struct path, policy);

		path->policy.order = 2 * standings[path->core->index].rank + !path->group_preferred;
	}
	failback_review(&disk->failback);
	tell_bars(disk, bars);
}
