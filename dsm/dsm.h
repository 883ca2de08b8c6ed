/*
 * dsm.h - the contract between the gateway and a device-specific module (DSM), and between it and a load-balance
 * policy. A module includes this header and nothing else of Braid's; README.md beside it is the manual.
 *
 * A DSM knows a family of arrays: which devices are its own, what an array's answer means for the path it came over
 * and for the command it ended, how a path is verified, and what makes a passive one active. It decides; the gateway
 * acts: it alone submits, counts, waits, fences and retries. A policy picks one of the paths that the gateway has found
 * usable; it never judges paths.
 *
 * A module is built in, or a shared object that exports one symbol:
 *
 *	const struct dsm_ops braid_dsm = { .abi = DSM_ABI, .size = sizeof(struct dsm_ops), .name = "acme", ... };
 *
 * Life of a device: match -> attach -> { interpret, judge, activate }... -> detach. What a module leaves NULL the
 * gateway does as it does for any array, so a module has only what is different about its own.
 *
 * Threads: match, attach and detach are called on one thread, one at a time. interpret, judge and activate are called
 * on several workers at once, for the same device too: what they change in their context is atomic. Nothing here may
 * block, call back into the gateway, or keep a pointer that it was given beyond the call, its context apart.
 *
 * Versions: within one DSM_ABI only struct dsm_ops and struct policy_path grow, at their ends. A module that is older
 *than the gateway has NULL there; one that is newer is refused if it uses what the gateway does not know.
 */
#ifndef BRAID_DSM_H
#define BRAID_DSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DSM_ABI 1	 /* changes when anything below changes its meaning or its place, the end of dsm_ops apart */
#define DSM_PATHS_MAX 32 /* of a device */
#define DSM_NAME_MAX 63	 /* bytes of a module's name */
#define DSM_CTX_MAX 65536
#define DSM_DATA_MAX 512 /* bytes that a command of a module moves */

/* ---- devices and paths ------------------------------------------------------------------------------------------- */

/* What an array says of a logical unit, over the path on which it was found first. */
struct dsm_inquiry {
	const uint8_t *standard; /* standard inquiry data (SPC-4 6.4.2); 36 bytes or more */
	size_t standard_len;
	const uint8_t *vpd83; /* page 83h, device identification (SPC-4 7.8.6), with its header */
	size_t vpd83_len;     /* 0: the array has none */
	char vendor[9], product[17], revision[5]; /* NUL-terminated, without the padding */
	unsigned tpgs; /* 0 no ALUA, 1 implicit, 2 explicit, 3 both */
};

/* Asymmetric access states (SPC-4 table 304); DSM_ACCESS_UNKNOWN: no ALUA, or not asked yet. */
enum dsm_access {
	DSM_ACCESS_UNKNOWN,
	DSM_ACCESS_OPTIMIZED,
	DSM_ACCESS_NON_OPTIMIZED,
	DSM_ACCESS_LBA_DEPENDENT,
	DSM_ACCESS_STANDBY,
	DSM_ACCESS_UNAVAILABLE,
	DSM_ACCESS_OFFLINE,
	DSM_ACCESS_TRANSITIONING,
};

struct dsm_path {
	unsigned index; /* within the device: stable, 0 .. DSM_PATHS_MAX-1; another's when the path is gone for good */
	uint16_t lun;	/* at the array */
	const char *target;    /* iSCSI name of the array's target */
	uint16_t portal_group; /* target portal group tag of the iSCSI session */
	uint16_t port_group;   /* target port group of the port (page 83h, type 5); 0: unknown */
	unsigned tpgs;	       /* as in struct dsm_inquiry */
	enum dsm_access access;
};

/* ---- how a command ended, and what that means -------------------------------------------------------------------- */

struct dsm_result {
	uint8_t status;	   /* SAM-5 status byte */
	bool has_sense;	   /* the next three are valid */
	uint8_t sense_key; /* SPC-4 4.5.6 */
	uint8_t asc, ascq;
	const uint8_t *sense; /* as the array sent it, fixed or descriptor format; NULL: none */
	size_t sense_len;
	const uint8_t *data; /* of judge and activate: what the command read; NULL: nothing */
	size_t data_len;
};

enum dsm_next {
	DSM_RETURN,	     /* the answer goes to the host */
	DSM_RETRY_SAME,	     /* again on the same path */
	DSM_RETRY_OTHER,     /* again on another path; on the same when there is no other */
	DSM_RETRY_GROUP,     /* again on a path of another target port group; on any other when there is none */
	DSM_RETRY_SAME_ONCE, /* again on the same path; on another one when it ends like this a second time */
	DSM_GENERIC,	     /* as for any array: the other members do not count */
};

enum dsm_path_state {
	DSM_PATH_KEEP,
	DSM_PATH_SUSPECT,	/* rests until it has been verified */
	DSM_PATH_FAILED,	/* fails at once; rests until it has been verified */
	DSM_PATH_PASSIVE,	/* alive, but its controller does not serve the device now (standby, not the owner): no
				 * failure; used again when a verification says that it is active */
	DSM_PATH_TRANSITIONING, /* alive, and about to be active or passive */
};

enum dsm_flag {
	DSM_COUNTED = 1 << 0,	  /* counts against retry_count; the first at once, the others retry_interval apart */
	DSM_DELAYED = 1 << 1,	  /* not at once: counted after retry_interval, uncounted after a moment */
	DSM_REIDENTIFY = 1 << 2,  /* the logical units behind this link are identified again before further I/O */
	DSM_ONCE = 1 << 3,	  /* when it ends the same way on the second path, the answer goes to the host */
	DSM_TELL_HOSTS = 1 << 4,  /* every other host nexus gets this unit attention too */
	DSM_SPACE_EVENT = 1 << 5, /* thin provisioning: an event for the administrator */
	DSM_REFRESH = 1 << 6,	  /* access states may have changed: they are read again */
	DSM_CUT_QUEUE = 1 << 7,	  /* the link gets fewer commands at a time for a while */
};

struct dsm_verdict {
	enum dsm_next next;
	enum dsm_path_state path;
	unsigned flags; /* enum dsm_flag */
};

/* ---- commands of the gateway's own ------------------------------------------------------------------------------- */

struct dsm_command {
	uint8_t cdb[16];
	uint8_t cdb_len; /* 6, 10, 12 or 16 */
	uint32_t in_len;  /* bytes to read; or */
	uint32_t out_len; /* bytes of `out` to write; at most one of the two */
	uint8_t out[DSM_DATA_MAX];
};

enum dsm_verify {
	DSM_VERIFY_DEFAULT, /* TEST UNIT READY without ALUA, REPORT TARGET PORT GROUPS with it */
	DSM_VERIFY_TUR,
	DSM_VERIFY_RTPG,
	DSM_VERIFY_OWN, /* dsm_ops.verify_command */
};

/* What a verification says of the path. */
enum dsm_health {
	DSM_HEALTH_DEFAULT, /* as for any array */
	DSM_HEALTH_ACTIVE,
	DSM_HEALTH_PASSIVE,
	DSM_HEALTH_AGAIN, /* not known yet: ask again after a moment */
	DSM_HEALTH_FAILED,
};

enum dsm_step {
	DSM_STEP_SEND, /* the command; its result comes with the next call */
	DSM_STEP_DONE, /* the path is active, or will be when it is verified next */
	DSM_STEP_FAILED,
};

/* ---- policies ---------------------------------------------------------------------------------------------------- */

enum policy_role { POLICY_ACTIVE, POLICY_STANDBY };

/* One path as a policy sees it. */
struct policy_path {
	unsigned index; /* within the device: stable, 0 .. DSM_PATHS_MAX-1 */
	enum policy_role role;
	uint32_t weight;
	bool preferred;
	const struct policy_link *link;
	unsigned order; /* what the array thinks of it: an optimized path before others, and then the target port group
			 * that it prefers before others (SPC-4 6.37); 0 is the best */
};

/* Of the path's link, over all its LUs and all workers (row P4). */
struct policy_load {
	uint64_t commands, bytes; /* in flight */
	uint64_t latency_us;	  /* moving average of the service time; 0: nothing was measured yet */
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
	bool scattered; /* the administrator wants no command kept on a path because it continues another (row P6) */
	uint64_t lba, blocks; /* of commands that move blocks */
	uint64_t bytes;
};

struct policy_ops {
	const char *name;
	const char *summary;
	size_t ctx_bytes;    /* zeroed; one for each (device, worker), touched on that worker only */
	size_t shared_bytes; /* zeroed; one for each device, touched by all workers: atomics only */
	/* One of usable; NULL: none of them is to be used. */
	struct policy_path *(*select)(void *ctx, void *shared, const struct path_set *usable,
				      const struct policy_io *io);
};

/* ---- the module -------------------------------------------------------------------------------------------------- */

/* A device is of this hardware when its vendor and product begin so (case counts; "" is every one). */
struct dsm_hardware {
	const char *vendor, *product;
};

/* What a module tells of one device when it takes it; everything is 0 before. The administrator's settings for the
 * device, its hardware ID, the DSM or the gateway come first. The times are taken up to a day, retry_count up to 1000.
 */
struct dsm_traits {
	const char *policy;   /* name of the default policy, static; NULL: the gateway's choice */
	bool active_passive; /* one controller serves the device, the other's paths are passive until activated: it
			      * counts as asymmetric from the start, so that round-robin becomes its subset form */
	uint32_t retry_count; /* counted retries; 0: the gateway's */
	uint32_t hold_s;      /* how long I/O waits for a path when there is none; 0: the gateway's */
	uint32_t settle_s; /* longest time that a failover inside the array takes: while the array answers at all,
			    * I/O waits that long for it even where hold_s is shorter; 0: unknown */
};

struct dsm_ops {
	uint32_t abi;  /* DSM_ABI */
	uint32_t size; /* sizeof(struct dsm_ops) */
	const char *name; /* letters, digits, ".-_"; what dsms.order and the policies of the configuration call it */
	const char *summary, *version;

	/* The hardware that it is for. A device of none of these is not offered to the module; count 0: all are. */
	const struct dsm_hardware *hardware;
	size_t hardware_count;
	/* Whether the device is its own. Modules are asked one at a time in the configured order, and the first that
	 * says yes, and whose attach does not fail, owns the device (row D7). NULL: what `hardware` names is. */
	bool (*match)(const struct dsm_inquiry *inquiry);

	/* The context of a device: ctx_bytes, zeroed, from the gateway; a pointer in there may lead to memory of the
	 * module's own. With ctx_bytes 0 ctx is NULL everywhere. attach returns 0, or -errno to leave the device to the
	 * next module (detach is not called then). Either may be NULL. */
	size_t ctx_bytes;
	int (*attach)(void *ctx, const struct dsm_inquiry *inquiry, struct dsm_traits *traits);
	void (*detach)(void *ctx);

	/* What it means that a host's command ended otherwise than GOOD or CONDITION MET. What is lost with its link,
	 * or timed out, is the gateway's own business. NULL: DSM_GENERIC always. */
	struct dsm_verdict (*interpret)(void *ctx, const struct dsm_path *path, const struct dsm_result *result);

	/* How a path is verified, and what the answer says. judge NULL: DSM_HEALTH_DEFAULT always; for a command of the
	 * module's own that is as for TEST UNIT READY. */
	enum dsm_verify verify;
	const struct dsm_command *verify_command; /* of DSM_VERIFY_OWN; reads at most DSM_DATA_MAX bytes */
	enum dsm_health (*judge)(void *ctx, const struct dsm_path *path, const struct dsm_result *result);

	/* Makes a passive path active: called with step 0 (previous NULL) for the first command, then with the result
	 * of each, until it is done. The gateway calls it when a device has no active path left, one activation at a time
	 * for a device, and gives up after 16 steps. `command` comes zeroed. NULL: SET TARGET PORT GROUPS where the
	 * array has explicit ALUA, failed where not. */
	enum dsm_step (*activate)(void *ctx, const struct dsm_path *path, unsigned step,
				  const struct dsm_result *previous, struct dsm_command *command);

	/* The policy that "vendor" (7) means for devices of this module; NULL: there is none. */
	const struct policy_ops *policy;
};

/* What a shared object exports. */
extern const struct dsm_ops braid_dsm __attribute__((visibility("default")));

#ifdef __cplusplus
}
#endif

#endif
