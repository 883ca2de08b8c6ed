/*
 * stall.h - the longest that a command can take before it ends, as its device's timers add up (row L1).
 */
#ifndef BRAID_STALL_H
#define BRAID_STALL_H

#include "gateway/control.h"

struct device;

/* settle_s: the longest failover inside the array, as its module or itself says; 0: unknown. */
struct stall stall_of(const struct timers *timers, uint32_t settle_s);
uint64_t stall_total_s(const struct stall *stall);

#endif
