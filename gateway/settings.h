/*
 * settings.h - what the API can set at each level: for the gateway, for the devices of a DSM, for one device (rows L1,
 * L7).
 */
#ifndef BRAID_SETTINGS_H
#define BRAID_SETTINGS_H

#include "gateway/timers.h"

#define THROTTLE_IOPS_MAX UINT64_C(10000000)
#define THROTTLE_RATE_MIN UINT64_C(4096)
#define THROTTLE_RATE_MAX (UINT64_C(1) << 40)

/* Of each device by itself; 0: no limit. */
struct throttle_limits {
	uint64_t iops; /* reads and writes a second */
	uint64_t bytes_per_second;
};

static inline bool throttle_is_set(const struct throttle_limits *limits)
{
	return limits->iops || limits->bytes_per_second;
}

struct settings {
	struct timers_level timers;
	struct throttle_limits throttle; /* not of the gateway */
};

#endif
