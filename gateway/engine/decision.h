/*
 * decision.h - why a command took the path that it took: which paths there were, what kept the others out, what came
 * back and what was made of it.
 *
 * Each disk has a log of its own on each worker, of a fixed size and written by that worker alone. A command that ends
 * well at its first attempt leaves one short record among the recent ones. One that meets anything else (an error, a
 * lost link, a fence, no path) or is slow is kept longer, attempt by attempt, and can be seen while it still waits.
 * Which paths could be chosen from is not copied for each command: each such set of paths has a number, and the latest
 * sets are remembered. Times are the loop's clock, of which no reading is taken that is not taken anyway.
 */
#ifndef BRAID_DECISION_H
#define BRAID_DECISION_H

#include "dsm/dsm.h"
#include "target/scsi_cmd.h"

#define DECISION_RECENT 64 /* commands */
#define DECISION_KEPT 32
#define DECISION_STEPS 8 /* attempts of a command that are kept: the first ones, and the last one */
#define DECISION_SETS 32
#define DECISION_SLOW_US UINT64_C(250000) /* from here on a command is kept longer */

#define DECISION_NO_PATH 0xff

struct io;
struct path;

/* What keeps a path from being chosen: BAR(id, name, words). */
#define BAR_TABLE(BAR)                                                                                                 \
	BAR(NONE, NULL, NULL) /* it can be chosen */                                                                   \
	BAR(ABSENT, NULL, NULL) /* there is no such path */                                                            \
	BAR(DOWN, "down", "down")                                                                                      \
	BAR(FAILING, "link-failing", "on a failing link")                                                              \
	BAR(IDENTIFY, "identifying", "being identified")                                                               \
	BAR(REGISTERING, "registering", "without its key yet")                                                         \
	BAR(SUSPECT, "suspect", "suspect")                                                                             \
	BAR(DRAINED, "drained", "drained")                                                                             \
	BAR(STANDBY, "access-standby", "standby at the array")                                                         \
	BAR(UNAVAILABLE, "access-unavailable", "unavailable at the array")                                             \
	BAR(OFFLINE, "access-offline", "offline at the array")                                                         \
	BAR(TRANSITIONING, "access-transitioning", "in transition at the array")                                       \
	BAR(NON_OPTIMIZED, "non-optimized", "non-optimized while a better one is there")                               \
	BAR(PROBATION, "probation", "on probation")                                                                    \
	BAR(ROLE, "role-standby", "standby by role")                                                                   \
	BAR(WEIGHT, "weight-never", "excluded by its weight")

enum bar {
#define BAR_ID(id, ...) BAR_##id,
	BAR_TABLE(BAR_ID)
#undef BAR_ID
};

const char *bar_name(enum bar bar); /* "down", "access-standby"; NULL for BAR_NONE and BAR_ABSENT */
const char *bar_words(enum bar bar); /* as a predicate: "standby by role" */

/* The paths as they were when a choice was made. */
struct decision_set {
	uint32_t number; /* from 1 on */
	const char *policy; /* of a policy_ops */
	uint8_t bars[DSM_PATHS_MAX]; /* enum bar, by index */
};

enum decision_end {
	DECISION_PENDING, /* it is on its way */
	DECISION_ANSWERED,
	DECISION_UNSENT, /* its link failed, or is identified again, before it was sent */
	DECISION_LOST, /* its link failed: no answer will come */
	DECISION_FENCED, /* the same, and its copy could land late: it waits, or waited, for the fence */
	DECISION_ABORTED, /* it was ended at the array: its host wanted so, or it took too long */
	DECISION_REJECTED, /* the array's iSCSI layer took exception to it; what became of it is not known */
	DECISION_HELD, /* there was no path to choose */
	DECISION_THROTTLED, /* the throttle kept it back until it ended */
};

struct decision_step {
	uint32_t set; /* its number */
	uint32_t begun_us, ended_us, freed_us; /* since the command came; freed: the fence was lifted; 0: not yet */
	uint8_t path; /* index; DECISION_NO_PATH */
	uint8_t end; /* enum decision_end */
	bool judged; /* answered, and not with GOOD: the rest counts */
	bool again; /* another attempt follows */
	uint8_t status, key, asc, ascq;
	uint8_t next, state, flags; /* of the verdict: enum dsm_next, enum dsm_path_state, enum dsm_flag */
};

/* A command. */
struct decision_head {
	uint64_t number; /* among the disk's on this worker, from 1 on */
	uint64_t came_us;
	uint8_t cdb[SCSI_CDB_MAX];
	uint32_t len; /* bytes */
	uint32_t took_us;
	uint32_t attempts; /* times without a path among them */
	bool ended;
	bool own; /* the answer is the gateway's own */
	uint8_t status, key, asc, ascq; /* what the host was told */
};

struct decision_brief {
	struct decision_head head;
	struct decision_step step; /* the last */
};

struct decision_kept {
	struct decision_head head;
	struct decision_step steps[DECISION_STEPS];
	const char *fence; /* the form that was lifted last; NULL: none */
	char reason[64]; /* why the last attempt without an answer was lost */
};

/* What has happened since it was last set to 0: see outage.h. */
struct decision_tally {
	uint64_t inflight; /* on the lane when it was set to 0 */
	uint64_t commands, longest_us; /* of those that ended */
	unsigned failed; /* ended with an error of the gateway's own */
	unsigned lost, fenced, unsent; /* taken from a link: in flight; of these behind the fence; not sent yet */
	unsigned held;
	const char *fence;
};

struct decision_log {
	uint64_t commands; /* numbers given */
	uint64_t briefs, keeps, sets; /* ever written: the newest stands at (n - 1) % size */
	struct decision_brief recent[DECISION_RECENT];
	struct decision_kept kept[DECISION_KEPT];
	struct decision_set set[DECISION_SETS];
	struct decision_tally tally;
};

/* In struct io: how far the command has come. */
struct decision_trail {
	uint64_t number, came_us;
	struct decision_kept *kept; /* NULL, or what may belong to another command by now */
	uint32_t attempts;
	bool own; /* it ends by the gateway's own judgement */
	struct decision_step step; /* as long as it is not kept */
};

/* The paths as they are now; nothing when they are the same as before. */
void decision_paths(struct decision_log *log, const uint8_t bars[DSM_PATHS_MAX], const char *policy);

/* By the disk and by the lane, in the order in which things happen to a command. */
void decision_begin(struct io *io);
void decision_chose(struct io *io, const struct path *path); /* NULL: there is none */
void decision_judged(struct io *io, const struct dsm_result *result, const struct dsm_verdict *verdict, bool again);
void decision_lost(struct io *io, enum decision_end how, const char *reason); /* no answer will come */
void decision_freed(struct io *io, const char *form); /* a literal */
void decision_reconciled(struct io *io); /* it was lost, and is good: the medium says so */
void decision_throttled(struct io *io); /* it ends before any path was chosen */
void decision_failed(struct io *io); /* the gateway ends it with an error of its own */
void decision_end(struct io *io);

/* NULL: it is not remembered any more. */
const struct decision_set *decision_set_of(const struct decision_log *log, uint32_t number);

#endif
