/*
 * sim_rng.h - random numbers that a seed repeats (SplitMix64). Not for secrets.
 */
#ifndef BRAID_SIM_RNG_H
#define BRAID_SIM_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct sim_rng {
	uint64_t state;
};

static inline uint64_t sim_random(struct sim_rng *rng)
{
	uint64_t z = (rng->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* 0 .. n-1 */
static inline uint64_t sim_below(struct sim_rng *rng, uint64_t n)
{
	return sim_random(rng) % n;
}

static inline bool sim_chance(struct sim_rng *rng, unsigned percent)
{
	return sim_below(rng, 100) < percent;
}

#endif
