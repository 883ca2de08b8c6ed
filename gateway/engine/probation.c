#include "gateway/engine/probation.h"

#include "gateway/base/clock.h"

#include <inttypes.h>
#include <stdio.h>

static uint64_t latest_us(const struct probation *probation)
{
	return probation->failed_us[(probation->failures - 1) % PROBATION_FAILURES];
}

/* When the last but PROBATION_FAILURES - 1 happened. */
static uint64_t oldest_us(const struct probation *probation)
{
	return probation->failed_us[probation->failures % PROBATION_FAILURES];
}

static bool fails_too_often(const struct probation *probation, uint64_t now_us)
{
	return probation->delay_us ||
	       (probation->failures >= PROBATION_FAILURES && now_us - oldest_us(probation) <= PROBATION_WINDOW_US);
}

static void set_on(struct probation *probation, bool on)
{
	atomic_store_explicit(&probation->on, on, memory_order_relaxed);
}

bool probation_failed(struct probation *probation, uint64_t now_us, uint64_t longest_us)
{
	bool was_on = probation_is_on(probation);

	probation->steady_since_us = now_us;
	if (probation->failures && now_us - latest_us(probation) < PROBATION_MERGE_US)
		return false;
	if (!probation->failures)
		probation->first_us = now_us;
	probation->failed_us[probation->failures++ % PROBATION_FAILURES] = now_us;
	if (!fails_too_often(probation, now_us))
		return false;
	probation->delay_us = probation->delay_us ? 2 * probation->delay_us : PROBATION_FIRST_US;
	if (probation->delay_us > longest_us)
		probation->delay_us = longest_us;
	set_on(probation, true);
	return !was_on;
}

/* What was on probation is forgotten when it has carried I/O for as long again. */
static uint64_t memory_us(const struct probation *probation)
{
	return 2 * probation->delay_us > PROBATION_WINDOW_US ? 2 * probation->delay_us : PROBATION_WINDOW_US;
}

bool probation_look(struct probation *probation, uint64_t now_us, bool is_up)
{
	uint64_t steady;

	if (!probation->failures)
		return false;
	if (!is_up)
		probation->steady_since_us = now_us;
	steady = now_us - probation->steady_since_us;
	if (probation_is_on(probation) && steady >= probation->delay_us) {
		set_on(probation, false);
		return true;
	}
	if (steady >= memory_us(probation))
		probation_lift(probation);
	return false;
}

bool probation_lift(struct probation *probation)
{
	bool was_on = probation_is_on(probation);

	set_on(probation, false);
	probation->failures = 0;
	probation->delay_us = 0;
	return was_on;
}

const char *probation_text(const struct probation *probation, uint64_t now_us, bool is_up, char *text, size_t len)
{
	uint64_t steady = now_us - probation->steady_since_us;
	uint64_t left = steady < probation->delay_us ? probation->delay_us - steady : 0;

	snprintf(text, len, "%u failures within %" PRIu64 " s; carries I/O again %s%" PRIu64 " s%s",
		 probation->failures, (latest_us(probation) - probation->first_us + US_PER_S - 1) / US_PER_S,
		 is_up ? "in " : "", ((is_up ? left : probation->delay_us) + US_PER_S - 1) / US_PER_S,
		 is_up ? "" : " after it is back");
	return text;
}
