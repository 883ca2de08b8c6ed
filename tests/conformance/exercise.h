/*
 * exercise.h - uses a session exactly as it was agreed on: writes to the logical unit in every way that the parameters
 * allow, reads back, and watches that the target keeps to them as well.
 */
#ifndef BRAID_EXERCISE_H
#define BRAID_EXERCISE_H

#include "tests/conformance/wire.h"

/* The outcome of a login as the initiator understands it; RFC 7143 section 13 has the defaults. */
struct agreed {
	bool initial_r2t, immediate_data;
	uint32_t max_recv_target, max_recv_initiator;
	uint32_t max_burst, first_burst, max_r2t;
	bool header_digest, data_digest;
};

/* On LUN 0, the first 64 KiB. NULL, or what is wrong. */
const char *exercise(struct wire *wire, const struct agreed *agreed);

#endif
