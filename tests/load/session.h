/*
 * session.h - one host session with one logical unit: libiscsi, driven so that nothing is ever sent twice by itself.
 *
 * One libiscsi context for each connection attempt, without its own reconnect and timeouts. A connection that is lost
 * ends every command that was sent as COMMAND_LOST; with `reconnect` a new login with the same ISID follows, and the
 * logical unit is identified before `up` is called, so that the user can compare. UNIT ATTENTION, BUSY and TASK SET
 * FULL are sent again here and counted; everything else is the user's.
 *
 * Owned by its loop's thread. Callbacks run on the loop, never inside session_submit() or session_close().
 */
#ifndef BRAID_LOAD_SESSION_H
#define BRAID_LOAD_SESSION_H

#include "gateway/base/loop.h"
#include "tests/load/state.h"

#include <sys/types.h>

struct iscsi_url;
struct session;

enum command_outcome {
	COMMAND_GOOD,
	COMMAND_FAILED, /* status, key, asc say how */
	COMMAND_LOST, /* the connection went first: executed or not, nobody knows */
};

enum command_direction { COMMAND_NO_DATA, COMMAND_READS, COMMAND_WRITES };

/* Filled in by the user up to `done`; lives until done is called. */
struct command {
	struct list link;
	uint8_t cdb[16];
	size_t cdb_bytes;
	enum command_direction direction;
	uint8_t *data;
	size_t data_bytes;
	void (*done)(struct command *command);

	enum command_outcome outcome;
	uint8_t status, key;
	uint16_t asc; /* and ascq */
	size_t residual;
	uint64_t issued_us; /* session_submit() */

	struct session *session; /* the rest is the session's own */
	struct scsi_task *task;
	struct {
		void *base;
		size_t bytes;
	} vector;
	uint64_t sent_us, again_us;
	unsigned tries;
};

/* What a logical unit is. */
struct session_identity {
	char name[STATE_NAME_MAX]; /* its best VPD 0x83 designator, type and hex; else target name and LUN */
	uint64_t blocks;
	uint32_t block_size;
};

struct session_ops {
	void (*up)(void *user, const struct session_identity *identity);
	/* The connection is gone; the commands' done follows. */
	void (*lost)(void *user, const char *reason);
	/* Closed as asked, or given up: no callback after this one. */
	void (*ended)(void *user);
};

struct session_config {
	const struct iscsi_url *url;
	const char *initiator;
	uint32_t isid_random; /* 24 bits */
	uint16_t isid_qualifier;
	bool reconnect;
	uint64_t timeout_us; /* a command without an answer for so long ends the connection; 0: never */
};

struct session_counters {
	uint64_t logins, losses, unit_attentions, busy, task_set_full;
};

struct session *session_create(struct loop *loop, const struct session_config *config, const struct session_ops *ops,
			       void *user);
void session_destroy(struct session *session); /* takes NULL; ends commands as lost, calls no session_ops */

bool session_is_up(const struct session *session);

/* Only while the session is up. */
void session_submit(struct session *session, struct command *command);

/* Logs out, at most for two seconds; then ended. The user has no command outstanding. */
void session_close(struct session *session);

/* A hundred times a second or so: retries and command timeouts. */
void session_tick(struct session *session);

const struct session_counters *session_counters(const struct session *session);

#endif
