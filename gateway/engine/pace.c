#include "gateway/engine/pace.h"

#include "dsm/dsm.h"

void pace_sample(struct pace *pace, const struct pace_counts *counts, int kind, uint64_t now_us)
{
	uint64_t reads = counts->reads - pace->counted.reads;
	uint64_t commands = reads + counts->writes - pace->counted.writes;

	if (kind != pace->kind || !pace->sampled_us) { /* what was counted until now is of another kind */
		pace->kind = kind;
		pace->sampled_us = now_us;
		pace->mean_us = 0;
		pace->counted = *counts;
		return;
	}
	if (commands < PACE_COMMANDS)
		return;
	pace->mean_us = (counts->service_us - pace->counted.service_us) / commands;
	pace->mean_bytes = (counts->bytes - pace->counted.bytes) / commands;
	pace->read_percent = (unsigned)(100 * reads / commands);
	pace->sampled_us = now_us;
	pace->counted = *counts;
}

/* Commands within twice the size, and of a like mix of reads and writes. */
static bool is_like(const struct pace *a, const struct pace *b)
{
	unsigned apart = a->read_percent > b->read_percent ? a->read_percent - b->read_percent
							   : b->read_percent - a->read_percent;

	return a->kind == b->kind && a->mean_bytes <= 2 * b->mean_bytes && b->mean_bytes <= 2 * a->mean_bytes &&
	       apart <= 25;
}

/* The median of what a command takes on its equals, the lower one of two; 0: there are none. */
static uint64_t of_others(const struct pace *pace, struct pace *const *all, unsigned count, uint64_t now_us)
{
	uint64_t sorted[DSM_PATHS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct pace *other = all[i];
		unsigned at = n;

		if (other == pace || !other->mean_us || now_us - other->sampled_us > PACE_FRESH_US ||
		    !is_like(pace, other))
			continue;
		for (; at > 0 && sorted[at - 1] > other->mean_us; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = other->mean_us;
		n++;
	}
	return n ? sorted[(n - 1) / 2] : 0;
}

static bool looks_slow(const struct pace *pace, uint64_t others_us)
{
	unsigned times = pace->slow ? PACE_FAIR : PACE_SLOW;
	uint64_t more_us = pace->slow ? PACE_FLOOR_US / 2 : PACE_FLOOR_US;

	return pace->mean_us >= times * others_us && pace->mean_us >= others_us + more_us;
}

static bool turn(struct pace *pace)
{
	pace->slow = !pace->slow;
	pace->turning_since_us = 0;
	return true;
}

bool pace_judge(struct pace *pace, struct pace *const *all, unsigned count, uint64_t now_us)
{
	uint64_t others_us;

	if (now_us - pace->sampled_us > PACE_STALE_US) { /* it has carried nothing: nobody knows */
		pace->turning_since_us = pace->others_us = 0;
		return pace->slow && turn(pace);
	}
	if (pace->sampled_us != now_us || !pace->mean_us)
		return false;
	others_us = of_others(pace, all, count, now_us);
	if (!others_us)
		return false;
	if (looks_slow(pace, others_us) == pace->slow) {
		pace->turning_since_us = 0;
	} else if (!pace->turning_since_us) {
		pace->turning_since_us = now_us;
		pace->turning_samples = 1;
	} else {
		pace->turning_samples++;
	}
	pace->others_us = others_us;
	if (!pace->turning_since_us || now_us - pace->turning_since_us < PACE_TURN_US ||
	    pace->turning_samples < PACE_TURN_SAMPLES)
		return false;
	return turn(pace);
}

unsigned pace_ratio_tenths(const struct pace *pace)
{
	return pace->others_us ? (unsigned)(10 * pace->mean_us / pace->others_us) : 0;
}
