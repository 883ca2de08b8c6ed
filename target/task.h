/*
 * task.h - one SCSI command from its PDU to its response (RFC 7143 11.3, 11.7). Worker thread.
 *
 *   TASK_DATA       write data is still to come, or it is not the command's turn
 *   TASK_EXECUTING  the logical unit has it
 *   TASK_SENDING    Data-In and response are queued, or on their way
 *
 * An aborted task sends nothing any more; it is free as soon as nobody holds it: the logical unit, the receiver that
 * writes into its buffer, the send queue. What a task sends is transfer.h's.
 */
#ifndef BRAID_TASK_H
#define BRAID_TASK_H

#include "target/conn.h"
#include "target/hold.h"
#include "target/scsi_cmd.h"

#define TASK_HASH 128
#define TASK_IMMEDIATE_MAX 16 /* immediate commands at a time, beyond the window */

struct lu;
struct session;
struct task_slab;

enum task_state { TASK_DATA, TASK_EXECUTING, TASK_SENDING };

struct task {
	struct list link; /* free or active */
	struct list hash_link; /* by itt */
	struct session *session;
	struct lu *lu; /* TASK_EXECUTING: who has it */
	enum task_state state;
	uint32_t itt;
	uint8_t lun_field[8];
	uint32_t index; /* of the task in its set: part of its transfer tags */
	struct hold hold;
	bool immediate;
	bool held; /* not its turn in CmdSN order */
	bool receiving; /* a data segment is being read into the buffer */
	bool aborted;
	bool closed; /* its slot of the command window is open again */
	uint64_t abort_mark; /* the sweep that aborted it */

	/* write data (transfer.h) */
	bool unsolicited; /* more is to come without an R2T */
	bool failed; /* with sense or status in cmd; ends when no unsolicited data is to come */
	uint32_t received;
	uint32_t solicited_from; /* where solicitation began */
	uint32_t r2t_sn; /* R2Ts sent */
	uint32_t burst; /* R2Ts that are answered */
	uint32_t data_sn; /* received in this sequence; or sent */

	/* Data-In and response */
	uint32_t sent, send_total;
	uint32_t burst_sent;
	struct tx tx;
	uint8_t sense_segment[2 + SCSI_SENSE_MAX];

	struct scsi_cmd cmd;
};

/* The tasks of a session: allocated in slabs up to the most there can be, and kept. */
struct task_set {
	struct list free, active; /* struct task */
	struct list hash[TASK_HASH];
	struct task_slab *slabs;
	size_t ctx_bytes;
	unsigned allocated, limit;
	unsigned count, immediate; /* active */
	size_t buffer_bytes;
};

/* window: commands at a time that are not immediate. */
void task_set_init(struct task_set *set, unsigned window, size_t ctx_bytes);
void task_set_done(struct task_set *set); /* none is active */

/* A SCSI Command's header: the place of its immediate data. Sets session->rx_task, or leaves it NULL: the command is
 * ignored, or to be rejected with session->rx_reject. */
uint8_t *task_header(struct session *session, const struct pdu *pdu);
/* The whole PDU is in. */
void task_received(struct session *session, const struct pdu *pdu);

struct task *task_find(struct session *session, uint32_t itt);

/* Goes on with a task in TASK_DATA: waits for data, asks for it, executes or fails. */
void task_progress(struct task *task);

/* It ends with this status, once no more data comes without being asked for. */
void task_fail(struct task *task, enum sense_key key, scsi_asc asc);

/* Task management, or the end of the session: the task ends without a response. */
void task_abort(struct task *task, uint64_t mark);

/* Gives it back if nobody holds it. */
void task_release(struct task *task);

#endif
