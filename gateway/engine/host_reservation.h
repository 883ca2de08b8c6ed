/*
 * host_reservation.h - the hosts' reservations of one pseudo-LUN (rows R1, R2): they end here, no array sees them.
 *
 * The register (target/reservation.h) belongs to the control loop. A worker asks its snapshot about every command, and
 * sends reservation commands over; their answer comes back when every worker has seen what they changed, so no command
 * that begins after the answer is judged by what was before it. What PREEMPT AND ABORT takes is aborted through the
 * target, which waits until no copy of it can be executed any more, on any path.
 *
 * Life: create -> (load) -> ... -> destroy, when no worker runs and no host is logged in. A host's registration
 * outlives its session, and with APTPL this process.
 */
#ifndef BRAID_HOST_RESERVATION_H
#define BRAID_HOST_RESERVATION_H

#include "target/reservation.h"

struct disk;
struct worker;

/* The owner's side. Control loop. */
struct host_reservation_ops {
	/* What has to survive has changed: kept when this returns 0, else -errno. */
	int (*changed)(void *user);
	uint16_t (*lun)(void *user); /* of the pseudo-LUN, now */
};

struct host_reservations {
	struct reservations *unit;
	const struct host_reservation_ops *ops;
	void *user;
	struct worker *const *workers;
	unsigned worker_count;
};

/* A reservation command on its way; stands in the ctx of its scsi_cmd. */
struct host_reservation_op {
	struct message message;
	struct host_reservations *reservations;
	struct worker *worker;
	struct disk *disk; /* the submitter's own */
	struct scsi_cmd *cmd;
	void (*done)(struct host_reservation_op *op); /* on the worker: the command's result is in */
};

/* Control loop; workers is read until destroy. */
struct host_reservations *host_reservation_create(struct worker *const *workers, unsigned worker_count,
						  const struct host_reservation_ops *ops, void *user);
void host_reservation_destroy(struct host_reservations *reservations); /* takes NULL */

/* That host's session is over / a reset: what RESERVE of SPC-2 reserved is released. Control loop. */
void host_reservation_nexus_lost(struct host_reservations *reservations, const struct target_nexus *nexus);
void host_reservation_reset(struct host_reservations *reservations);

/* Calls fn(arg) on the loop `then` when every worker has done what it was told before. Control loop. */
void host_reservation_barrier(struct worker *const *workers, unsigned worker_count, struct loop *then,
			      void (*fn)(void *arg), void *arg);

/* Worker: must it end in RESERVATION CONFLICT? */
static inline bool host_reservation_conflicts(const struct host_reservations *reservations, const struct scsi_cmd *cmd)
{
	return reservation_conflicts(reservation_snapshot(reservations->unit), cmd->nexus, cmd->cdb);
}

/* Worker: executes op->cmd, which is a COMMAND_RESERVE (command.h), on the control loop; op->done follows. */
void host_reservation_submit(struct host_reservation_op *op);

#endif
