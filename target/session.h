/*
 * session.h - a session in full feature phase: its connection, command window and tasks (RFC 7143 4.2.2, 11).
 *
 * Made by a login on the control loop, handed to a worker's loop by session_hand_over(), and from then on that loop's.
 * (A discovery session's worker is the control loop itself.) The end of its connection ends it: its tasks are aborted,
 * and when the logical units have returned the last one, the session goes back to the control loop, which takes it
 * off the register and frees it.
 */
#ifndef BRAID_SESSION_H
#define BRAID_SESSION_H

#include "target/attention.h"
#include "target/conn.h"
#include "target/hold.h"
#include "target/keys.h"
#include "target/node.h"
#include "target/task.h"

#define TMF_MAX 16 /* task management functions of a session at a time */

struct exchange;

struct session_stats {
	_Atomic uint64_t reads, writes, read_bytes, written_bytes, commands;
	_Atomic unsigned tasks;
};

struct session {
	struct target_nexus nexus;
	struct target *target;
	bool discovery;
	struct params params;

	/* the control loop's */
	struct list register_link;
	uint64_t since_us;
	bool handed_over;
	void (*early_action)(struct session *session); /* asked for before it was handed over */
	const char *end_reason; /* written by the worker before the session goes back */
	struct session_stats stats;

	/* the worker's */
	struct worker *worker;
	struct list worker_link;
	struct call call; /* hand-over and return */
	struct conn *conn; /* NULL: ended */
	uint32_t exp_cmd_sn, max_cmd_sn, stat_sn;
	uint16_t cid;
	struct list holds; /* struct hold */
	struct task_set tasks;
	struct attentions attentions;

	/* the PDU whose data segment is being received */
	struct task *rx_task;
	uint8_t rx_reject; /* 0, or why the command is refused */
	uint8_t *rx_ping; /* a long ping's data */
	size_t rx_ping_capacity;
	unsigned tmf_count; /* task management functions under way */

	struct exchange *exchange; /* a text negotiation under way, or NULL */
	struct timer keepalive;
	uint64_t received_bytes, sent_bytes; /* the connection's, at the last look */
	bool pinged, was_stuck, rejected;
	uint32_t last_ttt;
	size_t held_bytes;
	bool ending; /* on its way down: not to be freed yet */
};

/* Control loop. */
struct session *session_create(struct target *target, struct worker *worker, const struct target_nexus *nexus,
			       const struct params *params, bool discovery);
void session_free(struct session *session); /* never adopted, or ended */

/* A normal session of that I_T nexus: initiator_name, isid and tpgt. Any thread that may look at the session. */
bool session_is_of(const struct session *session, const struct target_nexus *nexus);

/* Hands the session with its connection to its worker's loop. */
void session_hand_over(struct session *session, struct conn *conn);

/* Worker thread from here on. */
void session_logout_request(struct session *session); /* asynchronous message, event 1 */
void session_drop(struct session *session); /* asynchronous message, event 3, and the end */
void session_kill(struct session *session, const char *reason);
void session_fall_silent(struct session *session); /* until session_speak */
void session_speak(struct session *session);

/* The session's last task may have gone. */
void session_check_gone(struct session *session);

/* Is the command the next one, a later one, or none of ours? */
enum session_order { ORDER_NOW, ORDER_LATER, ORDER_IGNORE };
enum session_order session_order(const struct session *session, const uint8_t *bhs);
void session_hold(struct session *session, struct hold *hold, uint32_t cmd_sn);
/* A CmdSN in the window that will never come, or whose command was refused, counts as received (RFC 7143 11.5.1). */
void session_fill_gap(struct session *session, uint32_t cmd_sn);
/* The command with the expected CmdSN is in: those that waited for it follow. */
void session_advance(struct session *session);

void session_reject(struct session *session, const uint8_t *bhs, enum pdu_reject reason);

static inline bool session_ended(const struct session *session)
{
	return !session->conn;
}

#endif
