/*
 * initiator_libiscsi.h - what the files of the real transport share: initiator_libiscsi.c has the connection, the login
 * and the discovery, initiator_command.c the commands and their task management.
 */
#ifndef BRAID_INITIATOR_LIBISCSI_H
#define BRAID_INITIATOR_LIBISCSI_H

#include "gateway/base/list.h"
#include "gateway/engine/initiator.h"

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

#define MRDSL_MIN 512 /* RFC 7143 13.12; 0 makes libiscsi loop for ever on an R2T */

/* A task management function. It is sent when nothing else is left to send: libiscsi gives an immediate PDU that
 * stands before Data-Out a CmdSN that it then takes for an error itself, and drops the connection. */
enum manage_state {
	MANAGE_IDLE,
	MANAGE_WANTED, /* commands that are submitted meanwhile are held */
	MANAGE_SENT,
	MANAGE_ANSWERED, /* Data-Out of the command that was aborted may still be in the queue */
};

struct manage {
	enum manage_state state;
	enum iscsi_task_mgmt_funcs function;
	int lun;
	uint32_t itt, cmd_sn; /* of the command */
	struct xfer *xfer; /* NULL: it is done, or there is none */
	uint8_t response;
};

struct initiator {
	const struct initiator_events *events;
	void *arg;
	struct loop *loop;
	struct initiator_params params; /* its texts are ours */
	struct iscsi_context *iscsi;
	struct event *readable, *writable;
	struct loop_hook flush;
	uint64_t login_by_us;
	struct timer deadline; /* of the login; and with 0, to report a failure from the loop */
	bool in_service, dead, connected, open, closing;
	bool discovery; /* no commands, but SendTargets */
	bool plain; /* logs in without the security stage */
	bool refused; /* in the security stage, where there is no secret to show: once more, plain */
	unsigned queued; /* commands since the last flush */
	bool queued_payload;
	bool rejected; /* it has met a Reject before */
	bool dismissed; /* it was logged out on the array's request */
	uint64_t wait_us; /* DefaultTime2Wait, as negotiated */
	size_t owed; /* PDUs that the commands under way may put into the queue */
	struct manage manage;
	struct list held; /* struct xfer_task */
	char reason[160];
};

/* libiscsi's part of a transfer. */
struct xfer_task {
	struct scsi_task task;
	struct scsi_iovec iov;
	struct initiator *initiator;
	bool aborted; /* it was cancelled on purpose */
	struct xfer *xfer;
	struct list link; /* initiator.held */
};

/* Notes the failure; it is reported outside of libiscsi. */
void initiator_die(struct initiator *in, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What libiscsi says of it. */
const char *initiator_reason(struct initiator *in);

/* initiator_ops */
void initiator_submit(struct initiator *in, struct xfer *xfer);
void initiator_abort_task(struct initiator *in, struct xfer *xfer);
void initiator_reset_lu(struct initiator *in, uint16_t lun);

/* The queue has been worked on: task management goes on as far as it can. */
void initiator_manage(struct initiator *in);

#endif
