/*
 * timers.h - the timers of row L1, in one table: name, default, range, unit, meaning.
 *
 * TIMER(member, name, default, min, max, unit, help). path_recovery_interval 0 means 2 * pdo_remove_period.
 */
#ifndef BRAID_TIMERS_H
#define BRAID_TIMERS_H

#include <stdint.h>

#define TIMER_TABLE(TIMER)                                                                                             \
	TIMER(path_verify_enabled, 0, 0, 1, "boolean", "verify every path in each path_verification_period")           \
	TIMER(path_verification_period, 30, 1, 86400, "s", "time between two verifications of a path")                  \
	TIMER(pdo_remove_period, 20, 1, 86400, "s", "how long I/O of a device without any path is held before it fails") \
	TIMER(retry_count, 3, 0, 1000, "", "counted retries of a command before its error goes to the host")            \
	TIMER(retry_interval, 1, 0, 3600, "s", "time between two counted retries")                                      \
	TIMER(path_recovery_interval, 0, 0, 86400, "s", "longest time between attempts to recover a path; 0 = twice pdo_remove_period") \
	TIMER(keepalive_interval, 5, 1, 3600, "s", "idle time of a link before it is probed with a NOP-Out")            \
	TIMER(keepalive_timeout, 5, 1, 3600, "s", "how long the answer to a NOP-Out may take before the link has failed") \
	TIMER(login_timeout, 5, 1, 600, "s", "from connecting to a portal to the end of the login")                     \
	TIMER(command_timeout, 20, 1, 3600, "s", "how long the array may take for one command")                         \
	TIMER(suspicion_limit, 500, 0, 60000, "ms", "a link that is silent so long while other paths answer has failed; its own latency may make that shorter; 0 = only the keepalive decides") \
	TIMER(fence_wait, 10, 0, 600, "s", "fence form 'wait': how long until a write that was lost with its link counts as dead")

struct timers {
#define TIMER_MEMBER(name, preset, min, max, unit, help) uint32_t name;
	TIMER_TABLE(TIMER_MEMBER)
#undef TIMER_MEMBER
};

extern const struct timers timers_default;

static inline uint32_t timers_path_recovery(const struct timers *timers)
{
	return timers->path_recovery_interval ? timers->path_recovery_interval : 2 * timers->pdo_remove_period;
}

#endif
