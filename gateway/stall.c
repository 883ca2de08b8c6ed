#include "gateway/stall.h"

#include "gateway/engine/abort.h"

/* A command hangs on one path after the other, each time until its timeout, an abort that the array does not
 * confirm, and its fence; its counted retries are apart; the array fails over inside, or is busy, for twice as long as is waited at a stretch; and then every path is
 * silent, gone, and does not come back. */
struct stall stall_of(const struct timers *timers, uint32_t settle_s)
{
	uint64_t attempts = (uint64_t)timers->retry_count + 1;
	uint32_t patience = timers->pdo_remove_period > settle_s ? timers->pdo_remove_period : settle_s;

	return (struct stall){
		.timeouts_s = attempts * timers->command_timeout,
		.aborts_s = attempts * ABORT_TIMEOUT_S,
		.fences_s = (attempts + 1) * timers->fence_wait,
		.retries_s = (uint64_t)timers->retry_count * timers->retry_interval,
		.transition_s = UINT64_C(2) * patience,
		.detection_s = (uint64_t)timers->keepalive_interval + timers->keepalive_timeout,
		.hold_s = patience,
	};
}

uint64_t stall_total_s(const struct stall *stall)
{
	uint64_t total = 0;

#define STALL_ADD(term) total += stall->term##_s;
	STALL_TABLE(STALL_ADD)
#undef STALL_ADD
	return total;
}
