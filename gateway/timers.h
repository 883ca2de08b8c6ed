/*
 * timers.h - the timers of row L1, in one table: name, scope, default, range, unit, meaning.
 *
 * TIMER(member, scope, default, min, max, unit, help). Scope DEVICE can be set for the gateway, for the devices of a
 * DSM, and for one device; scope LINK, what devices share, for the gateway alone. path_recovery_interval 0 means
 * 2 * pdo_remove_period.
 */
#ifndef BRAID_TIMERS_H
#define BRAID_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

#define TIMER_TABLE(TIMER)                                                                                             \
	TIMER(path_verify_enabled, DEVICE, 0, 0, 1, "boolean", "verify every path in each path_verification_period")   \
	TIMER(path_verification_period, DEVICE, 30, 1, 86400, "s", "time between two verifications of a path")         \
	TIMER(pdo_remove_period, DEVICE, 20, 1, 86400, "s",                                                            \
	      "how long I/O of a device without any path is held before it fails")                                     \
	TIMER(retry_count, DEVICE, 3, 0, 1000, "", "counted retries of a command before its error goes to the host")   \
	TIMER(retry_interval, DEVICE, 1, 0, 3600, "s", "time between two counted retries")                             \
	TIMER(path_recovery_interval, LINK, 0, 0, 86400, "s",                                                          \
	      "longest time between attempts to recover a path; 0 = twice pdo_remove_period")                          \
	TIMER(keepalive_interval, LINK, 5, 1, 3600, "s", "idle time of a link before it is probed with a NOP-Out")     \
	TIMER(keepalive_timeout, LINK, 5, 1, 3600, "s",                                                                \
	      "how long the answer to a NOP-Out may take before the link has failed")                                  \
	TIMER(login_timeout, LINK, 5, 1, 600, "s", "from connecting to a portal to the end of the login")              \
	TIMER(command_timeout, DEVICE, 20, 1, 3600, "s", "how long the array may take for one command")                \
	TIMER(suspicion_limit, LINK, 500, 0, 60000, "ms",                                                              \
	      "a link that is silent so long while other paths answer has failed; its own latency may make that "      \
	      "shorter; 0 = only the keepalive decides")                                                               \
	TIMER(fence_wait, LINK, 10, 0, 600, "s",                                                                       \
	      "fence form 'wait': how long until a write that was lost with its link counts as dead")

enum timer_scope { TIMER_SCOPE_LINK, TIMER_SCOPE_DEVICE };

enum timer_id {
#define TIMER_ID(name, ...) TIMER_##name,
	TIMER_TABLE(TIMER_ID)
#undef TIMER_ID
		TIMER_COUNT
};

struct timers {
#define TIMER_MEMBER(name, ...) uint32_t name;
	TIMER_TABLE(TIMER_MEMBER)
#undef TIMER_MEMBER
};

/* What is set at one level, and what is not. */
struct timers_level {
	struct timers values;
	uint32_t set; /* 1 << enum timer_id */
};

struct timer_info {
	const char *name, *unit, *help; /* unit "boolean": 0 or 1; "": a count */
	enum timer_scope scope;
	uint32_t preset, min, max;
	bool is_boolean;
};

extern const struct timer_info timer_table[TIMER_COUNT];
extern const struct timers timers_default;

uint32_t *timers_at(struct timers *timers, enum timer_id id);
uint32_t timers_get(const struct timers *timers, enum timer_id id);

/* -ENOENT: no timer is called so. */
int timer_find(const char *name);

static inline uint32_t timers_path_recovery(const struct timers *timers)
{
	return timers->path_recovery_interval ? timers->path_recovery_interval : 2 * timers->pdo_remove_period;
}

#endif
