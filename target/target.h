/*
 * target.h - an iSCSI target node (RFC 7143) as a library.
 *
 * The library knows logical units only through the two ops tables below; what is behind them (a multipath device, a
 * RAM disk) is none of its business.
 *
 * Threads. The control loop accepts connections, runs logins, discovery sessions and the register of sessions. A
 * session in full feature phase lives on one worker loop, the one with the fewest sessions when it logged in: its
 * socket, tasks, buffers and unit attentions are touched by that thread alone. target_ops.find_lu, list_luns and
 * lu_ops run on the worker; everything else on the control loop, unless it says otherwise.
 *
 * Life. target_create -> target_listen -> ... -> target_drain -> target_destroy. The loops outlive the target.
 * target_destroy is called when the loops no longer run (after loop_join).
 *
 * Bad input. Whatever a peer sends ends, at worst, its own connection, with the RFC's status and one log line.
 */
#ifndef BRAID_TARGET_H
#define BRAID_TARGET_H

#include "gateway/base/loop.h"
#include "gateway/base/net.h"
#include "gateway/base/pool.h"
#include "target/scsi_cmd.h"

#define ISCSI_NAME_MAX 224 /* 223 bytes (RFC 7143 4.2.7.1) and the NUL */
#define TARGET_LUNS_MAX 1024 /* LUN numbers 0 .. 1023 (flat space addressing above 255) */
#define TARGET_ALL_LUNS 0xffff
#define SCSI_LUN_NONE 0xffff /* not a LUN that can exist here */

struct target;

/* An I_T nexus as a logical unit sees it. Constant while the session lives; a worker may read it while it has a
 * command of that nexus in hand. */
struct target_nexus {
	uint32_t session_id; /* ours: unique while the process lives */
	char initiator_name[ISCSI_NAME_MAX]; /* in lower case */
	char initiator_alias[64];
	uint8_t isid[6];
	uint16_t tsih;
	unsigned portal; /* index into target_config.portals */
	uint16_t tpgt; /* that portal's target portal group tag */
	unsigned worker; /* index of the worker loop that owns the session */
	struct net_address local, remote;
	const void *scope; /* the owner's: what admit found */
};

/* A logical unit as one worker sees it; embedded in the owner's object. The target keeps no reference to a logical
 * unit beyond the commands it has submitted, so a logical unit may go when its last command is done. */
struct lu {
	const struct lu_ops *ops;
};

struct lu_ops {
	/* Executes cmd and calls scsi_cmd_done(), now or later, exactly once. Never called for REPORT LUNS. */
	void (*submit)(struct lu *lu, struct scsi_cmd *cmd);
	/* A task management function wants cmd gone. The command is still ended with scsi_cmd_done(), with any status
	 * (nothing is sent for it); sooner is better. NULL: nothing can be done but to wait. */
	void (*abort)(struct lu *lu, struct scsi_cmd *cmd);
};

enum target_event_kind {
	TARGET_LOGIN, /* a normal session reached full feature phase */
	TARGET_LOGIN_REFUSED, /* reason says why */
	TARGET_SESSION_END, /* logout, connection lost, reinstated, ended by the administrator: reason */
};

struct target_event {
	enum target_event_kind kind;
	const struct target_nexus *nexus; /* initiator_name may be empty on a refused login */
	const char *reason;
};

struct target_ops {
	/* Bytes behind scsi_cmd.ctx, preallocated with each task. */
	size_t cmd_ctx_bytes;
	/* May this host log in? Called when it has proven who it is (chap_user; NULL: without CHAP), on the control
	 * loop; may set nexus->scope. NULL, or why not. NULL here: everybody may. */
	const char *(*admit)(void *user, struct target_nexus *nexus, const char *chap_user);
	/* The owner's number for the LUN that the host means; SCSI_LUN_NONE: none. Everything else here has the owner's
	 * numbers. Worker thread; NULL: they are the same. */
	uint16_t (*resolve_lun)(void *user, const struct target_nexus *nexus, uint16_t lun);
	/* The logical unit under that number for that nexus; NULL: none. Worker thread `nexus->worker`. */
	struct lu *(*find_lu)(void *user, const struct target_nexus *nexus, uint16_t lun);
	/* The LUNs of that nexus, as the host numbers them, ascending, at most max; returns how many. Worker thread. */
	size_t (*list_luns)(void *user, const struct target_nexus *nexus, uint16_t *luns, size_t max);
	/* Control loop; may be NULL. */
	void (*event)(void *user, const struct target_event *event);
	/* A LOGICAL UNIT RESET on lun, or a target reset (TARGET_ALL_LUNS): the tasks are gone, the unit attentions
	 * are established. What else a reset clears (SAM-5 6.3.3: reservations of SPC-2) is the owner's, who calls
	 * done, now or later, on the thread of that worker: the response follows. May be NULL. */
	void (*reset)(void *user, unsigned worker, uint16_t lun, void (*done)(void *arg), void *arg);
};

struct target_portal {
	const char *address; /* net.h text form; the wildcard address is allowed */
	uint16_t tpgt; /* target portal group tag, 1..65535 */
};

struct target_user {
	const char *name, *secret; /* the host proves that it knows secret */
	const char *mutual_name, *mutual_secret; /* NULL: one-way only */
};

/* 0 means the default in brackets. */
struct target_limits {
	size_t sessions; /* [1024] normal and discovery together */
	size_t logins; /* [128] connections that have not finished login */
	size_t commands_per_session; /* [256] the command window */
	size_t buffer_bytes; /* [1 GiB] data buffers, divided evenly among the workers */
	size_t session_buffer_bytes; /* [64 MiB] */
	size_t transfer_bytes; /* [8 MiB] one command; more is refused with INVALID FIELD IN CDB. At most
				  POOL_BUFFER_MAX */
	uint64_t login_us; /* [15 s] from accept to full feature phase */
	uint64_t keepalive_us; /* [30 s] idle time before a NOP-In ping; the answer is due in the same time again */
};

/* Everything is copied by target_create(). */
struct target_config {
	const char *iqn, *alias;
	const struct target_portal *portals;
	size_t portal_count;
	const struct target_user *users; /* none: AuthMethod=None; some: CHAP is required of everybody */
	size_t user_count;
	struct target_limits limits;
};

/* NULL with errno: EINVAL (a portal that is no numeric address, a bad IQN; logged). */
struct target *target_create(const struct target_config *config, struct loop *control, struct loop *const *workers,
			     size_t worker_count, const struct target_ops *ops, void *user);

/* Binds and listens on every portal. 0 or -errno of the first that could not be bound (logged; none stays bound). */
int target_listen(struct target *target);

/* The bound address of a portal (the port is known after target_listen even when 0 was asked for). */
const struct net_address *target_portal_address(const struct target *target, unsigned portal);

/* Stops accepting; asks every session to log out by an asynchronous message (RFC 7143 11.9.1, event 1), lets tasks
 * finish, closes what is left after grace_us. done is called once, on the control loop, when no session is left. */
void target_drain(struct target *target, uint64_t grace_us, void (*done)(void *arg), void *arg);
void target_destroy(struct target *target); /* takes NULL */

/* Establishes a unit attention for every nexus on `lun`, or on all its LUNs with TARGET_ALL_LUNS, except the one
 * whose session_id is `except` (0: none is spared). Any thread. */
void target_unit_attention(struct target *target, uint16_t lun, scsi_asc asc, uint32_t except);

/* The same for one nexus, if it is logged in: that initiator_name, isid and tpgt, whatever its session. Any thread. */
void target_nexus_attention(struct target *target, const struct target_nexus *nexus, uint16_t lun, scsi_asc asc);

/* Aborts every task that the nexus (its initiator_name, isid and tpgt) has on `lun` at this moment, except the one of
 * that command (NULL: none is spared). done is called on the control loop when the last of them is gone: nothing of them
 * is executed any more. Control loop. */
void target_abort_tasks(struct target *target, const struct target_nexus *nexus, uint16_t lun,
			const struct scsi_cmd *except, void (*done)(void *arg), void *arg);

struct target_session_view {
	const struct target_nexus *nexus;
	bool discovery;
	uint64_t since_us; /* of the control loop's clock */
	uint64_t reads, writes, read_bytes, written_bytes, commands;
	unsigned tasks; /* now */
};

/* Calls fn for every session until it returns false. */
void target_each_session(struct target *target, bool (*fn)(const struct target_session_view *view, void *arg),
			 void *arg);

/* Ends a session as if its connections had failed. 0, or -ENOENT. */
int target_end_session(struct target *target, uint32_t session_id);

/* Asks a session to log out (RFC 7143 11.9.1, event 1). 0, or -ENOENT. */
int target_request_logout(struct target *target, uint32_t session_id);

/* Closes and refuses (true) or serves again (false) one portal: an array's port that goes down and up. Sessions on it
 * end without a word. For braid-array's faults. */
int target_portal_refuse(struct target *target, unsigned portal, bool refuse);

/* The same portal falls silent: nothing is read, sent or told, and what arrives meanwhile is done when it speaks again.
 * 0, or -ENOENT. */
int target_portal_silence(struct target *target, unsigned portal, bool silent);

#endif
