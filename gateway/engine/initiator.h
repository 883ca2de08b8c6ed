/*
 * initiator.h - one iSCSI connection to an array's portal: the transport as a parameter.
 *
 * initiator_libiscsi is the real one; the simulation has its own. A lane drives it and decides everything: when to
 * connect, what to send, when to give up. An initiator never reconnects and never sends a command again (row F2).
 *
 * Thread: the loop that it was opened on. No call reports synchronously: every event comes from the loop.
 * Order: open -> opened | failed; then submit -> done ..., abort_task or reset_lu -> managed ...; failed at most once;
 * close ends it at any time, except inside an event of this very initiator other than `failed`. After close no event
 * comes and no buffer is touched; transfers that were not done are the caller's again, their outcome unknown.
 */
#ifndef BRAID_INITIATOR_H
#define BRAID_INITIATOR_H

#include "gateway/base/loop.h"
#include "target/scsi_cmd.h"

struct initiator;

struct initiator_params {
	const char *initiator_name;
	const char *target_name; /* NULL: a discovery session */
	const char *portal; /* numeric "address:port" */
	uint8_t isid[6];
	const char *chap_name, *chap_secret; /* NULL: no authentication */
	const char *chap_mutual_name, *chap_mutual_secret; /* NULL: the array need not prove itself */
	uint64_t login_us; /* from here to opened */
	uint64_t silence_us; /* TCP gives up on unacknowledged data after this */
};

/* One command on the wire. Owned by the caller; the initiator's from submit to done or close. */
struct xfer {
	struct list link; /* the caller's */
	uint8_t cdb[SCSI_CDB_MAX];
	uint8_t cdb_len;
	enum scsi_dir dir;
	uint16_t lun;
	uint8_t *data;
	uint32_t len; /* bytes of data = expected data transfer length */

	/* the result, valid in done() */
	uint8_t status;
	uint8_t sense_len;
	uint8_t sense[SCSI_SENSE_MAX];
	uint32_t transfer; /* bytes that the CDB asked to move (scsi_cmd.transfer) */
	bool rejected; /* by an iSCSI Reject; the status is HARDWARE ERROR, INTERNAL TARGET FAILURE then */

	void *ctx; /* initiator_ops.xfer_ctx_bytes, for the initiator */
};

struct initiator_target { /* an answer to SendTargets */
	const char *iqn;
	const char *portal; /* "address:port" */
	uint16_t tpgt;
};

/* Answers to task management functions (RFC 7143 11.6.1). */
enum tmf_response { TMF_COMPLETE = 0, TMF_NO_TASK = 1, TMF_NOT_SUPPORTED = 5, TMF_REJECTED = 255 };

/* The array has nothing of the task any more. A task that it does not know has ended, its answer lost. */
static inline bool tmf_has_ended_task(uint8_t response)
{
	return response == TMF_COMPLETE || response == TMF_NO_TASK;
}

struct initiator_events {
	void (*opened)(void *arg);
	/* The connection, the login or the discovery failed; nothing more will come. Call close. */
	void (*failed)(void *arg, const char *reason);
	/* The array ends the connection, and wants no other login before that time (Time2Wait). `failed` is next. */
	void (*dismissed)(void *arg, uint64_t wait_us);
	void (*done)(void *arg, struct xfer *xfer);
	/* The answer to abort_task or reset_lu. When the former has ended the task and its transfer was not done
	 * before, it never will be: it is the caller's again. */
	void (*managed)(void *arg, uint8_t response);
	/* Discovery sessions: one call for each (target, portal), then one with NULL. */
	void (*found)(void *arg, const struct initiator_target *target);
};

struct initiator_ops {
	size_t xfer_ctx_bytes;
	/* Never NULL; what cannot even start fails through the failed event. Everything is copied. */
	struct initiator *(*open)(struct loop *loop, const struct initiator_params *params,
				  const struct initiator_events *events, void *arg);
	void (*submit)(struct initiator *initiator, struct xfer *xfer);
	/* ABORT TASK of a command that is under way; one at a time of either. `managed` follows. */
	void (*abort_task)(struct initiator *initiator, struct xfer *xfer);
	/* LOGICAL UNIT RESET. Transfers that it ends are not done: they want an abort_task each. */
	void (*reset_lu)(struct initiator *initiator, uint16_t lun);
	void (*discover)(struct initiator *initiator); /* after opened */
	/* After opened: what the array sends is left unread until it is called again with false. */
	void (*mute)(struct initiator *initiator, bool mute);
	/* The connection is reset, not closed: what the kernel has not sent yet is never sent. Takes NULL. */
	void (*close)(struct initiator *initiator);
};

extern const struct initiator_ops initiator_libiscsi;

#endif
