/*
 * reservation_unit.h - the inside of the reservations of a logical unit, shared by the reservation_*.c files only.
 */
#ifndef BRAID_RESERVATION_UNIT_H
#define BRAID_RESERVATION_UNIT_H

#include "gateway/base/bytes.h"
#include "gateway/base/list.h"
#include "target/reservation.h"

#include <stdatomic.h>

/* SPC-4 6.15.3.4; the numbers are those of the wire */
enum reservation_type {
	RESERVATION_NONE = 0,
	RESERVATION_WRITE_EXCLUSIVE = 1,
	RESERVATION_EXCLUSIVE_ACCESS = 3,
	RESERVATION_WRITE_EXCLUSIVE_RO = 5, /* registrants only */
	RESERVATION_EXCLUSIVE_ACCESS_RO = 6,
	RESERVATION_WRITE_EXCLUSIVE_AR = 7, /* all registrants */
	RESERVATION_EXCLUSIVE_ACCESS_AR = 8,
};

#define RESERVATION_LU_SCOPE 0 /* the only scope there is */

#define ASC_PARAMETER_LIST_LENGTH 0x1a00
#define ASC_INVALID_FIELD_IN_PARAMETER_LIST 0x2600
#define ASC_INVALID_RELEASE 0x2604
#define ASC_RESERVATIONS_PREEMPTED 0x2a03
#define ASC_RESERVATIONS_RELEASED 0x2a04
#define ASC_REGISTRATIONS_PREEMPTED 0x2a05
#define ASC_INTERNAL_TARGET_FAILURE 0x4400
#define ASC_INSUFFICIENT_REGISTRATION_RESOURCES 0x5504
#define ASC_INVALID_FIELD_IN_COMMAND_UNIT 0x0e03

struct registration {
	struct list link;
	struct reservation_nexus nexus;
	uint64_t key; /* never 0 */
	bool holder; /* types with one holder only; see reservation_holds() */
};

struct reservations {
	const struct reservation_ops *ops;
	void *user;
	uint16_t ports[RESERVATION_PORTS_MAX];
	size_t port_count;

	struct list registrations; /* in the order of registration */
	size_t count;
	enum reservation_type type; /* NONE: no persistent reservation */
	uint32_t generation; /* PRGENERATION */
	bool aptpl;

	bool reserved; /* by RESERVE of SPC-2, for reserver */
	struct reservation_nexus reserver;

	_Atomic(struct reservation_snapshot *) snapshot;
};

static inline bool reservation_registrants_only(enum reservation_type type)
{
	return type == RESERVATION_WRITE_EXCLUSIVE_RO || type == RESERVATION_EXCLUSIVE_ACCESS_RO;
}

static inline bool reservation_all_registrants(enum reservation_type type)
{
	return type == RESERVATION_WRITE_EXCLUSIVE_AR || type == RESERVATION_EXCLUSIVE_ACCESS_AR;
}

/* Is it a persistent reservation holder (SPC-4 5.13.10)? */
static inline bool reservation_holds(const struct reservations *reservations, const struct registration *registration)
{
	return registration->holder || reservation_all_registrants(reservations->type);
}

bool reservation_type_valid(unsigned type);

void reservation_nexus_of(struct reservation_nexus *to, const struct target_nexus *from);
bool reservation_same_initiator(const struct reservation_nexus *a, const struct reservation_nexus *b);
bool reservation_same_nexus(const struct reservation_nexus *a, const struct reservation_nexus *b);

/* NULL: not registered. */
struct registration *reservation_find(const struct reservations *reservations, const struct reservation_nexus *nexus);
/* NULL: there are too many. The nexus is not registered yet. */
struct registration *reservation_add(struct reservations *reservations, const struct reservation_nexus *nexus,
				     uint64_t key);
/* Takes it off the register into `gone`; the reservation ends with its last holder (SPC-4 5.13.10). */
void reservation_remove(struct reservations *reservations, struct registration *registration, struct list *gone);
void reservation_free_list(struct list *registrations);

/* Makes what changed visible to reservation_conflicts(). */
void reservation_publish(struct reservations *reservations);
struct reservation_snapshot *reservation_snapshot_create(const struct reservations *reservations);

void reservation_complete(struct reservations *reservations, struct scsi_cmd *cmd);
void reservation_conflict(struct scsi_cmd *cmd); /* sets the status */

/* PERSISTENT RESERVE IN: sets the result. PERSISTENT RESERVE OUT: ends the command. */
void reservation_in(struct reservations *reservations, struct scsi_cmd *cmd);
void reservation_out(struct reservations *reservations, struct scsi_cmd *cmd);

/* An initiator port on the wire (SPC-4 7.6.4.6, TransportIDs of iSCSI). */
#define RESERVATION_TRANSPORT_MAX 248u

struct reservation_transport {
	char initiator_name[ISCSI_NAME_MAX];
	uint8_t isid[6];
	bool has_isid; /* false: all initiator ports of that name are meant */
};

/* The length of the TransportID at p, or -EINVAL: it is none of iSCSI's, or is cut short. */
int reservation_transport_parse(const uint8_t *p, size_t len, struct reservation_transport *transport);
/* At most RESERVATION_TRANSPORT_MAX bytes; returns how many. */
size_t reservation_transport_put(uint8_t *p, const struct reservation_nexus *nexus);

#endif
