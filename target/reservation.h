/*
 * reservation.h - the reservations of one logical unit: persistent ones (SPC-4 5.13) and RESERVE/RELEASE of SPC-2.
 *
 * reservation_execute() does the reservation commands. reservation_conflicts() answers for every other command whether
 * a reservation forbids it, out of an immutable snapshot that is replaced as a whole with every change.
 *
 * Threads. `struct reservations` belongs to one thread, its owner's. reservation_snapshot() and
 * reservation_conflicts() are for any thread, without a lock; a thread may look into a snapshot until it is retired
 * (reservation_ops.retire).
 *
 * Identity. An I_T nexus is an initiator port (iSCSI name and ISID) and a target port (the portal group tag, which is
 * also its relative target port identifier); it is the same nexus after the next login. A registration is that of one
 * I_T nexus: ALL_TG_PT makes one for each target port, as if it had been asked for through each of them
 * (SPC-4 6.16.3), so that READ FULL STATUS never has to set that bit.
 *
 * What ends a reservation. Persistent ones outlive logout, connection loss and every reset; with APTPL, a loss of power
 * too, if the owner keeps what reservation_save() gives. Those of SPC-2 end with reservation_nexus_lost() and
 * reservation_reset().
 *
 * Life: create -> load, if something was kept -> execute ... -> destroy, when no command is under way and no thread can
 * look into a snapshot any more.
 */
#ifndef BRAID_RESERVATION_H
#define BRAID_RESERVATION_H

#include "target/target.h"

#define RESERVATION_PORTS_MAX 64
#define RESERVATION_REGISTRATIONS_MAX 1024 /* more: INSUFFICIENT REGISTRATION RESOURCES */

struct reservations;
struct reservation_snapshot;

struct reservation_nexus {
	char initiator_name[ISCSI_NAME_MAX];
	uint8_t isid[6];
	uint16_t port; /* relative target port identifier */
};

/* Ends what the owner was asked for: err is 0 or -errno. */
typedef void reservation_done(void *arg, int err);

/* The owner's side. All on the thread of the reservations. */
struct reservation_ops {
	/* Establishes a unit attention on this logical unit for a nexus, if it is logged in. */
	void (*unit_attention)(void *user, const struct reservation_nexus *nexus, scsi_asc asc);

	/* Aborts every command that the nexus has in this logical unit at this moment, but not `except`; done(arg, 0)
	 * when the last of them has ended, at once or later. Commands that come afterwards are not waited for. */
	void (*abort_tasks)(void *user, const struct reservation_nexus *nexus, const struct scsi_cmd *except,
			    reservation_done *done, void *arg);

	/* What survives a loss of power has changed: keep what reservation_save() gives, then call done(arg, err), at
	 * once or later; the answer to the host waits for it. NULL: APTPL is not supported. */
	void (*changed)(void *user, reservation_done *done, void *arg);

	/* The ISIDs of the initiator ports of that iSCSI name that are logged in, at most max; returns how many there
	 * are. For a TransportID that is a name alone. NULL: none is known. */
	size_t (*find_transport_id)(void *user, const char *initiator_name, uint8_t (*isids)[6], size_t max);

	/* That snapshot is no longer the current one: free it with reservation_snapshot_free() as soon as no thread can
	 * be looking into it. NULL: there is one thread, it is freed at once. */
	void (*retire)(void *user, struct reservation_snapshot *snapshot);

	/* Ends a command. NULL: scsi_cmd_done(). */
	void (*complete)(void *user, struct scsi_cmd *cmd);
};

/* ports: the relative identifiers of all target ports, 1 .. RESERVATION_PORTS_MAX of them. Everything is copied, but
 * ops stay the caller's. NULL with errno EINVAL: too few or too many ports. */
struct reservations *reservation_create(const struct reservation_ops *ops, void *user, const uint16_t *ports,
					size_t port_count);
void reservation_destroy(struct reservations *reservations); /* takes NULL */

/* PERSISTENT RESERVE IN and OUT, RESERVE(6), RESERVE(10), RELEASE(6), RELEASE(10): true, and the command is ended, now
 * or later. False: it is none of these, and was not touched. */
bool reservation_execute(struct reservations *reservations, struct scsi_cmd *cmd);

/* What stands in the register, for an administrator. */
struct reservation_entry {
	const struct reservation_nexus *nexus;
	uint64_t key;
	bool holder;
};
void reservation_each(const struct reservations *reservations,
		      void (*fn)(const struct reservation_entry *entry, void *arg), void *arg);

/* "write-exclusive", "exclusive-access-registrants-only" and so on; NULL: there is no persistent reservation. */
const char *reservation_type_name(const struct reservations *reservations);
uint32_t reservation_generation(const struct reservations *reservations);
bool reservation_persists(const struct reservations *reservations); /* APTPL */
/* Who has reserved it in the way of SPC-2; NULL: nobody. */
const struct reservation_nexus *reservation_reserver(const struct reservations *reservations);

/* Everything goes, as with the service action CLEAR, and everybody hears of it: the administrator's way out. What is
 * kept is the caller's to change. */
void reservation_clear(struct reservations *reservations);

/* The session of that nexus is over (I_T nexus loss, SAM-5 6.3.4); a logical unit or target reset (6.3.2, 6.3.3). */
void reservation_nexus_lost(struct reservations *reservations, const struct target_nexus *nexus);
void reservation_reset(struct reservations *reservations);

/* The current snapshot, NULL while nothing is reserved. Any thread. */
const struct reservation_snapshot *reservation_snapshot(const struct reservations *reservations);
void reservation_snapshot_free(struct reservation_snapshot *snapshot); /* takes NULL */

/* reservation_conflicts() when something is reserved. */
bool reservation_snapshot_conflicts(const struct reservation_snapshot *snapshot, const struct target_nexus *nexus,
				    const uint8_t *cdb);

/* Must that command end in RESERVATION CONFLICT? The commands of reservation_execute() are judged there: false. `cdb`
 * has SCSI_CDB_MAX bytes. Any thread. */
static inline bool reservation_conflicts(const struct reservation_snapshot *snapshot, const struct target_nexus *nexus,
					 const uint8_t *cdb)
{
	return snapshot && reservation_snapshot_conflicts(snapshot, nexus, cdb);
}

/* What has to survive a loss of power, to be freed by the caller. NULL: nothing (APTPL is off), what was kept before
 * has to go. */
uint8_t *reservation_save(const struct reservations *reservations, size_t *len);

/* Takes up what reservation_save() gave. 0; -EINVAL: it is damaged, nothing was taken up; -EBUSY: there are
 * reservations already. */
int reservation_load(struct reservations *reservations, const uint8_t *bytes, size_t len);

#endif
