/*
 * dsm.h - the contract between the gateway and a device-specific module (DSM), and between it and a load-balance
 * policy. A module includes this header and nothing else of Braid's.
 *
 * A DSM knows a family of arrays: which devices are its own (match), and what an array's answer means for the path it
 * came over and for the command it ended (interpret). It decides; the gateway acts: it alone submits, counts, waits,
 * fences and retries. A policy picks one of the paths that the gateway has found usable; it never judges paths.
 *
 * Threads: a module's functions may be called on several workers at once for the same device; a policy's ctx belongs
 * to one (device, worker) pair and is only touched on that worker; its `shared` area belongs to the device and is
 * touched by all workers: atomics only. Nothing here may block, allocate per I/O, or call back into the gateway.
 */
#ifndef BRAID_DSM_H
#define BRAID_DSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DSM_ABI 1	 /* changes when anything below changes its meaning or its place */
#define DSM_PATHS_MAX 32 /* row D10 */

/* ---- devices and errors ---------------------------------------------------------------------------------------- */

struct dsm_inquiry {
	const uint8_t *standard; /* standard inquiry data as the array sent it (SPC-4 6.4.2) */
	size_t standard_len;
	char vendor[9], product[17], revision[5]; /* NUL-terminated, padding kept */
	unsigned tpgs;				  /* 0 none, 1 implicit, 2 explicit, 3 both ALUA */
};

/* How a command ended on one path. */
struct dsm_result {
	uint8_t status;	   /* SAM-5 status byte */
	bool has_sense;	   /* the next three are valid */
	uint8_t sense_key; /* SPC-4 4.5.6 */
	uint8_t asc, ascq;
};

enum dsm_next {
	DSM_RETURN,	 /* the answer goes to the host */
	DSM_RETRY_SAME,	 /* again on the same path */
	DSM_RETRY_OTHER, /* again on another path; on the same when there is no other */
};

enum dsm_path_state { DSM_PATH_KEEP, DSM_PATH_SUSPECT, DSM_PATH_FAILED };

enum dsm_flag {
	DSM_COUNTED = 1 << 0,	  /* counts against retry_count, retry_interval apart */
	DSM_DELAYED = 1 << 1,	  /* wait retry_interval although it is not counted */
	DSM_REIDENTIFY = 1 << 2,  /* the logical units behind this link are identified again before further I/O */
	DSM_ONCE = 1 << 3,	  /* when it ends the same way on the second path, the answer goes to the host */
	DSM_TELL_HOSTS = 1 << 4,  /* every other host nexus gets this unit attention too */
	DSM_SPACE_EVENT = 1 << 5, /* thin provisioning: an event for the administrator */
};

struct dsm_verdict {
	enum dsm_next next;
	enum dsm_path_state path;
	unsigned flags; /* enum dsm_flag */
};

struct dsm_ops {
	uint32_t abi;  /* DSM_ABI */
	uint32_t size; /* sizeof(struct dsm_ops) */
	const char *name, *summary, *version;
	/* 0: not mine. Asked in the configured order; the first that answers otherwise owns the device (row D7). */
	unsigned (*match)(const struct dsm_inquiry *inquiry);
	/* Only called for answers other than GOOD and CONDITION MET. */
	struct dsm_verdict (*interpret)(const struct dsm_result *result);
};

extern const struct dsm_ops dsm_generic;

/* ---- policies --------------------------------------------------------------------------------------------------- */

enum policy_role { POLICY_ACTIVE, POLICY_STANDBY };

/* One path as a policy sees it. */
struct policy_path {
	unsigned index; /* within the device: stable, 0 .. DSM_PATHS_MAX-1 */
	enum policy_role role;
	uint32_t weight;
	bool preferred;
	/* Of the path's link, over all its LUs and all workers (row P4): commands and data bytes in flight. */
	const struct policy_link *link;
};

struct policy_load {
	uint64_t commands, bytes;
};

struct policy_link {
	struct policy_load (*load)(const struct policy_link *link);
};

/* The usable paths in order of index. Never empty when a policy is asked. */
struct path_set {
	struct policy_path *path[DSM_PATHS_MAX];
	unsigned count;
};

/* What a policy may know of the command. */
struct policy_io {
	bool is_read, is_write;
	uint64_t lba, blocks; /* of commands that move blocks */
	uint64_t bytes;
};

struct policy_ops {
	const char *name; /* as in policy_name.h */
	const char *summary;
	size_t ctx_bytes;    /* zeroed; one for each (device, worker) */
	size_t shared_bytes; /* zeroed; one for each device */
	/* One of usable; NULL: none of them is to be used (a weight of 0xffffffff, row P5). */
	struct policy_path *(*select)(void *ctx, void *shared, const struct path_set *usable, const struct policy_io *io);
};

/* NULL: this build has no such policy. */
const struct policy_ops *policy_find(const char *name);

extern const struct policy_ops policy_fail_over_only, policy_round_robin, policy_round_robin_subset,
	policy_least_queue_depth, policy_least_blocks, policy_weighted_paths;

#endif
