/*
 * node.h - the insides of a target node: struct target and its workers, for the files of this folder only.
 *
 * The control loop owns everything in struct target that changes; workers read `config`, `ops` and `limits`, which do
 * not. A struct worker belongs to its loop. Between loops go calls (struct call): the target counts them, so that
 * target_destroy() can wait until none is under way.
 */
#ifndef BRAID_NODE_H
#define BRAID_NODE_H

#include "gateway/base/loop.h"
#include "target/target.h"

#include <stdatomic.h>

struct portal;
struct session;

/* What one loop has of the target. The control loop has one too, for its discovery sessions. */
struct worker {
	struct target *target;
	struct loop *loop;
	unsigned index;
	struct pool *pool;
	struct list sessions; /* struct session */
	struct list sweeps; /* struct sweep: task management that waits for tasks to end */
	uint64_t sweep_count;
	size_t load; /* sessions; the control loop's */
};

/* A message between the target's loops; malloc()ed by the sender, freed or sent on by fn. */
struct call {
	struct message message;
	struct target *target;
	void (*fn)(struct call *call);
};

struct target {
	struct target_config config;
	struct target_limits limits; /* the defaults filled in */
	struct target_ops ops;
	void *user;

	struct loop *control;
	struct worker reception; /* the control loop's */
	struct worker *workers;
	size_t worker_count;
	_Atomic unsigned calls; /* under way */

	struct portal **portals;
	struct list logins; /* struct login */
	size_t login_count;
	struct list sessions; /* struct session: the register */
	size_t session_count;
	uint32_t last_session_id;
	uint16_t last_tsih;

	bool draining;
	struct timer grace;
	struct call *drained; /* posted when nothing is left */
	void (*drain_done)(void *arg);
	void *drain_arg;
};

void target_post(struct target *target, struct loop *loop, struct call *call, void (*fn)(struct call *call));
void target_event(struct target *target, enum target_event_kind kind, const struct target_nexus *nexus,
		  const char *reason);

/* The register of sessions; control loop. */
struct session *target_find_session(struct target *target, const struct target_nexus *nexus); /* the same I_T nexus */
struct session *target_find_tsih(struct target *target, uint16_t tsih);
int target_register(struct target *target, struct session *session); /* 0, or -ENOSPC: no TSIH, too many sessions */
void target_unregister(struct session *session); /* frees it */
struct worker *target_choose_worker(struct target *target);
void target_end_reinstated(struct session *session); /* login_session_gone() follows */
/* The session has been handed to its worker: what was asked of it meanwhile follows. */
void target_handed_over(struct session *session);

/* A login or a session has gone. */
void target_check_drained(struct target *target);

#endif
