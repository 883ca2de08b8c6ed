/*
 * reservation.c - the register of one logical unit, and RESERVE and RELEASE of SPC-2 beside it.
 */
#include "target/reservation_unit.h"

#include "gateway/base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	OP_RESERVE_6 = 0x16,
	OP_RELEASE_6 = 0x17,
	OP_RESERVE_10 = 0x56,
	OP_RELEASE_10 = 0x57,
	OP_PERSISTENT_RESERVE_IN = 0x5e,
	OP_PERSISTENT_RESERVE_OUT = 0x5f,
};

struct reservations *reservation_create(const struct reservation_ops *ops, void *user, const uint16_t *ports,
					size_t port_count)
{
	struct reservations *reservations;

	if (!port_count || port_count > RESERVATION_PORTS_MAX) {
		errno = EINVAL;
		return NULL;
	}
	reservations = xcalloc(1, sizeof(*reservations));
	reservations->ops = ops;
	reservations->user = user;
	memcpy(reservations->ports, ports, port_count * sizeof(ports[0]));
	reservations->port_count = port_count;
	list_init(&reservations->registrations);
	return reservations;
}

void reservation_destroy(struct reservations *reservations)
{
	if (!reservations)
		return;
	reservation_free_list(&reservations->registrations);
	reservation_snapshot_free(atomic_load_explicit(&reservations->snapshot, memory_order_relaxed));
	free(reservations);
}

bool reservation_type_valid(unsigned type)
{
	static const bool valid[] = {
		[RESERVATION_WRITE_EXCLUSIVE] = true,    [RESERVATION_EXCLUSIVE_ACCESS] = true,
		[RESERVATION_WRITE_EXCLUSIVE_RO] = true, [RESERVATION_EXCLUSIVE_ACCESS_RO] = true,
		[RESERVATION_WRITE_EXCLUSIVE_AR] = true, [RESERVATION_EXCLUSIVE_ACCESS_AR] = true,
	};

	return type < sizeof(valid) / sizeof(valid[0]) && valid[type];
}

void reservation_nexus_of(struct reservation_nexus *to, const struct target_nexus *from)
{
	str_copy(to->initiator_name, sizeof(to->initiator_name), from->initiator_name);
	memcpy(to->isid, from->isid, sizeof(to->isid));
	to->port = from->tpgt;
}

bool reservation_same_initiator(const struct reservation_nexus *a, const struct reservation_nexus *b)
{
	return memcmp(a->isid, b->isid, sizeof(a->isid)) == 0 && strcmp(a->initiator_name, b->initiator_name) == 0;
}

bool reservation_same_nexus(const struct reservation_nexus *a, const struct reservation_nexus *b)
{
	return a->port == b->port && reservation_same_initiator(a, b);
}

struct registration *reservation_find(const struct reservations *reservations, const struct reservation_nexus *nexus)
{
	struct registration *registration;

	list_for_each(registration, &reservations->registrations, link)
		if (reservation_same_nexus(&registration->nexus, nexus))
			return registration;
	return NULL;
}

struct registration *reservation_add(struct reservations *reservations, const struct reservation_nexus *nexus,
				     uint64_t key)
{
	struct registration *registration;

	if (reservations->count == RESERVATION_REGISTRATIONS_MAX)
		return NULL;
	registration = xcalloc(1, sizeof(*registration));
	registration->nexus = *nexus;
	registration->key = key;
	list_add_tail(&reservations->registrations, &registration->link);
	reservations->count++;
	return registration;
}

void reservation_remove(struct reservations *reservations, struct registration *registration, struct list *gone)
{
	list_del(&registration->link);
	list_add_tail(gone, &registration->link);
	reservations->count--;
	if (registration->holder || !reservations->count)
		reservations->type = RESERVATION_NONE;
}

void reservation_free_list(struct list *registrations)
{
	struct registration *registration;

	list_for_each(registration, registrations, link)
		free(registration);
	list_init(registrations);
}

void reservation_each(const struct reservations *reservations,
		      void (*fn)(const struct reservation_entry *entry, void *arg), void *arg)
{
	const struct registration *registration;

	list_for_each(registration, &reservations->registrations, link) {
		struct reservation_entry entry = { &registration->nexus, registration->key,
						   reservation_holds(reservations, registration) };

		fn(&entry, arg);
	}
}

const char *reservation_type_name(const struct reservations *reservations)
{
	static const char *const names[] = {
		[RESERVATION_WRITE_EXCLUSIVE] = "write-exclusive",
		[RESERVATION_EXCLUSIVE_ACCESS] = "exclusive-access",
		[RESERVATION_WRITE_EXCLUSIVE_RO] = "write-exclusive-registrants-only",
		[RESERVATION_EXCLUSIVE_ACCESS_RO] = "exclusive-access-registrants-only",
		[RESERVATION_WRITE_EXCLUSIVE_AR] = "write-exclusive-all-registrants",
		[RESERVATION_EXCLUSIVE_ACCESS_AR] = "exclusive-access-all-registrants",
	};

	return names[reservations->type];
}

uint32_t reservation_generation(const struct reservations *reservations)
{
	return reservations->generation;
}

bool reservation_persists(const struct reservations *reservations)
{
	return reservations->aptpl;
}

const struct reservation_nexus *reservation_reserver(const struct reservations *reservations)
{
	return reservations->reserved ? &reservations->reserver : NULL;
}

void reservation_publish(struct reservations *reservations)
{
	struct reservation_snapshot *now = reservation_snapshot_create(reservations);
	struct reservation_snapshot *old = atomic_exchange_explicit(&reservations->snapshot, now, memory_order_acq_rel);

	if (old && reservations->ops->retire)
		reservations->ops->retire(reservations->user, old);
	else
		reservation_snapshot_free(old);
}

const struct reservation_snapshot *reservation_snapshot(const struct reservations *reservations)
{
	return atomic_load_explicit(&reservations->snapshot, memory_order_acquire);
}

void reservation_complete(struct reservations *reservations, struct scsi_cmd *cmd)
{
	if (reservations->ops->complete)
		reservations->ops->complete(reservations->user, cmd);
	else
		scsi_cmd_done(cmd);
}

void reservation_conflict(struct scsi_cmd *cmd)
{
	cmd->status = SCSI_RESERVATION_CONFLICT;
	cmd->transfer = 0;
}

void reservation_clear(struct reservations *reservations)
{
	const struct registration *gone;

	if (!reservations->count && !reservations->reserved)
		return;
	reservations->reserved = false;
	reservations->type = RESERVATION_NONE;
	reservations->generation++;
	reservations->count = 0;
	reservation_publish(reservations);
	list_for_each(gone, &reservations->registrations, link)
		reservations->ops->unit_attention(reservations->user, &gone->nexus, ASC_RESERVATIONS_PREEMPTED);
	reservation_free_list(&reservations->registrations);
}

static void release(struct reservations *reservations)
{
	reservations->reserved = false;
	reservation_publish(reservations);
}

void reservation_reset(struct reservations *reservations)
{
	if (reservations->reserved)
		release(reservations);
}

void reservation_nexus_lost(struct reservations *reservations, const struct target_nexus *nexus)
{
	struct reservation_nexus self;

	reservation_nexus_of(&self, nexus);
	if (reservations->reserved && reservation_same_nexus(&reservations->reserver, &self))
		release(reservations);
}

/* While a nexus is registered, all RESERVE and RELEASE commands conflict (SPC-2 5.5.1), except that they end in GOOD
 * without any effect where the persistent reservation lets the sender pass anyway (SPC-4 5.13.3, CRH). */
static void compatible(struct reservations *reservations, struct scsi_cmd *cmd, const struct reservation_nexus *self)
{
	const struct registration *registration = reservation_find(reservations, self);

	if (!registration ||
	    (!reservation_holds(reservations, registration) && !reservation_registrants_only(reservations->type)))
		reservation_conflict(cmd);
}

/* RESERVE and RELEASE (SPC-2) of the whole logical unit; extents and third parties are obsolete. */
static void reserve_release(struct reservations *reservations, struct scsi_cmd *cmd, bool reserve)
{
	struct reservation_nexus self;
	bool own;

	if (cmd->cdb[1] & 0x1f) { /* 3RDPTY with its device ID, LONGID, EXTENT */
		scsi_cmd_invalid_field(cmd, 1, 4);
		return;
	}
	reservation_nexus_of(&self, cmd->nexus);
	own = reservations->reserved && reservation_same_nexus(&reservations->reserver, &self);
	if (reservations->count) {
		compatible(reservations, cmd, &self);
	} else if (!reserve) {
		if (own) /* from any other: GOOD, and nothing is released */
			release(reservations);
	} else if (!reservations->reserved) {
		reservations->reserved = true;
		reservations->reserver = self;
		reservation_publish(reservations);
	} else if (!own) {
		reservation_conflict(cmd);
	}
}

/* A RESERVE that is in force bars all PERSISTENT RESERVE commands, its holder's too (SPC-2 5.5.1). */
static bool persistent_barred(const struct reservations *reservations, struct scsi_cmd *cmd)
{
	if (reservations->reserved)
		reservation_conflict(cmd);
	return reservations->reserved;
}

bool reservation_execute(struct reservations *reservations, struct scsi_cmd *cmd)
{
	switch (cmd->cdb[0]) {
	case OP_RESERVE_6:
	case OP_RESERVE_10:
		reserve_release(reservations, cmd, true);
		break;
	case OP_RELEASE_6:
	case OP_RELEASE_10:
		reserve_release(reservations, cmd, false);
		break;
	case OP_PERSISTENT_RESERVE_IN:
		if (!persistent_barred(reservations, cmd))
			reservation_in(reservations, cmd);
		break;
	case OP_PERSISTENT_RESERVE_OUT:
		if (persistent_barred(reservations, cmd))
			break;
		reservation_out(reservations, cmd);
		return true;
	default:
		return false;
	}
	reservation_complete(reservations, cmd);
	return true;
}
