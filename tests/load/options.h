/*
 * options.h - the command line of braid-load: one table for names, defaults, limits and help.
 */
#ifndef BRAID_LOAD_OPTIONS_H
#define BRAID_LOAD_OPTIONS_H

#include "tests/load/op.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define URLS_MAX 64
#define SIZES_MAX 16
#define SESSIONS_MAX 256
#define DEPTH_MAX 1024
#define SIZE_MAX_BYTES (UINT64_C(8) << 20)

struct iscsi_url;

struct options {
	struct iscsi_url *urls[URLS_MAX];
	size_t url_count;
	uint64_t sessions, depth, seconds, rate, seed, region, offset;
	uint64_t max_stall_us, timeout_us;
	uint64_t sizes[SIZES_MAX];
	size_t size_count;
	uint64_t weights[OP_COUNT], weight_sum;
	const char *state, *initiator;
	bool json, reconnect, verify_only, no_verify, verbose;
};

/* 0; 1: help or version was printed, nothing to do; -EINVAL: said on standard error what is wrong. */
int options_parse(struct options *options, int argc, char **argv);
void options_done(struct options *options);

#endif
