/*
 * histogram.h - latencies in buckets that are at most a sixteenth wide, from 1 us to hours, in fixed memory.
 */
#ifndef BRAID_LOAD_HISTOGRAM_H
#define BRAID_LOAD_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 4
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
	uint64_t count, sum_us, max_us;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t us);

/* The latency that `share` (0 .. 1) of all stay at or below, rounded up to its bucket's end; 0 without any. */
uint64_t histogram_quantile(const struct histogram *histogram, double share);
uint64_t histogram_mean(const struct histogram *histogram);

#endif
