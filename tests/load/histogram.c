#include "tests/load/histogram.h"

#define SUB (1u << HISTOGRAM_SUB_BITS)

/* Values below SUB have a bucket each; above, every power of two is divided into SUB equal buckets. */
static unsigned bucket_of(uint64_t us)
{
	unsigned exponent;

	if (us < SUB)
		return (unsigned)us;
	exponent = 63 - (unsigned)__builtin_clzll(us) - HISTOGRAM_SUB_BITS;
	return ((exponent + 1) << HISTOGRAM_SUB_BITS) + (unsigned)(us >> exponent) - SUB;
}

/* The largest value of a bucket. */
static uint64_t bucket_end(unsigned bucket)
{
	unsigned exponent = bucket >> HISTOGRAM_SUB_BITS;

	if (exponent == 0)
		return bucket;
	return (((uint64_t)(bucket & (SUB - 1)) + SUB + 1) << (exponent - 1)) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t us)
{
	histogram->count++;
	histogram->sum_us += us;
	if (us > histogram->max_us)
		histogram->max_us = us;
	histogram->buckets[bucket_of(us)]++;
}

uint64_t histogram_quantile(const struct histogram *histogram, double share)
{
	uint64_t wanted = (uint64_t)((double)histogram->count * share + 0.5), seen = 0;

	if (!histogram->count)
		return 0;
	for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
		seen += histogram->buckets[bucket];
		if (seen >= wanted && seen)
			return bucket_end(bucket) < histogram->max_us ? bucket_end(bucket) : histogram->max_us;
	}
	return histogram->max_us;
}

uint64_t histogram_mean(const struct histogram *histogram)
{
	return histogram->count ? histogram->sum_us / histogram->count : 0;
}
