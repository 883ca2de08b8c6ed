/*
 * policy_name.h - the load-balance policies by number, name and short name (mpio-semantics, section 2).
 */
#ifndef BRAID_POLICY_NAME_H
#define BRAID_POLICY_NAME_H

#define POLICY_TABLE(POLICY)                                                                                           \
	POLICY(FAIL_OVER_ONLY, 1, "fail-over-only", "FOO")                                                             \
	POLICY(ROUND_ROBIN, 2, "round-robin", "RR")                                                                    \
	POLICY(ROUND_ROBIN_SUBSET, 3, "round-robin-subset", "RRWS")                                                    \
	POLICY(LEAST_QUEUE_DEPTH, 4, "least-queue-depth", "LQD")                                                       \
	POLICY(WEIGHTED_PATHS, 5, "weighted-paths", "WP")                                                              \
	POLICY(LEAST_BLOCKS, 6, "least-blocks", "LB")                                                                  \
	POLICY(VENDOR, 7, "vendor", "VS")                                                                              \
	POLICY(LATENCY, 8, "latency", "LAT")

enum policy_id {
	POLICY_INHERIT = 0, /* cleared: the next level decides */
#define POLICY_ENUM(id, number, name, short_name) POLICY_##id = (number),
	POLICY_TABLE(POLICY_ENUM)
#undef POLICY_ENUM
	POLICY_ID_MAX
};

const char *policy_name(enum policy_id id);	  /* "round-robin"; "inherit" for POLICY_INHERIT */
const char *policy_short_name(enum policy_id id); /* "RR" */

/* From a name ("round-robin", any case), a short name, or a number "1".."7"; "0", "" and "inherit" clear.
 * 0, or -EINVAL. Whether this build has that policy is for policy.h to say. */
int policy_parse(const char *text, enum policy_id *id);

#endif
