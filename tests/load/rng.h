/*
 * rng.h - a small pseudo-random generator (SplitMix64, Steele, Lea and Flood 2014): the same seed, the same numbers.
 */
#ifndef BRAID_LOAD_RNG_H
#define BRAID_LOAD_RNG_H

#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* 0 .. limit - 1; limit is not 0. The bias of the remainder does not matter here. */
static inline uint64_t rng_below(struct rng *rng, uint64_t limit)
{
	return rng_next(rng) % limit;
}

#endif
