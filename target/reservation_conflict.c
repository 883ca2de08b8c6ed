/*
 * reservation_conflict.c - which commands a reservation forbids, and to whom (SPC-4 table 65; SBC-3 4.14; SPC-2 table 9
 * for RESERVE).
 *
 * A reservation is two things here: a column of the opcode table, and the set of I_T nexuses for which it does not
 * count: its holder, or every registered nexus for the types that have registrants in their name.
 */
#include "target/reservation_unit.h"

#include "gateway/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* The columns in which a command of another nexus is allowed. None: it conflicts with every reservation. */
enum {
	ALLOW_WRITE_EXCLUSIVE = 1 << 0,
	ALLOW_EXCLUSIVE_ACCESS = 1 << 1,
	ALLOW_RESERVE = 1 << 2, /* SPC-2 */
	BY_CDB = 1 << 3, /* look further: the table of service actions */

	READS = ALLOW_WRITE_EXCLUSIVE,
	PERSISTENT = ALLOW_WRITE_EXCLUSIVE | ALLOW_EXCLUSIVE_ACCESS,
	ALWAYS = PERSISTENT | ALLOW_RESERVE,
};

/* An opcode that is not here conflicts: it writes, it changes the unit for others, or it is not known. */
static const uint8_t by_opcode[256] = {
	[0x00] = PERSISTENT, /* TEST UNIT READY */
	[0x03] = ALWAYS, /* REQUEST SENSE */
	[0x08] = READS, /* READ(6) */
	[0x12] = ALWAYS, /* INQUIRY */
	[0x16] = ALWAYS, /* RESERVE(6): reservation_execute() judges it; so with the next five */
	[0x17] = ALWAYS, /* RELEASE(6) */
	[0x56] = ALWAYS, /* RESERVE(10) */
	[0x57] = ALWAYS, /* RELEASE(10) */
	[0x5e] = ALWAYS, /* PERSISTENT RESERVE IN */
	[0x5f] = ALWAYS, /* PERSISTENT RESERVE OUT */
	[0x1a] = READS, /* MODE SENSE(6) */
	[0x1b] = BY_CDB, /* START STOP UNIT */
	[0x1c] = READS, /* RECEIVE DIAGNOSTIC RESULTS */
	[0x1e] = BY_CDB, /* PREVENT ALLOW MEDIUM REMOVAL */
	[0x25] = ALWAYS, /* READ CAPACITY(10) */
	[0x28] = READS, /* READ(10) */
	[0x2f] = READS, /* VERIFY(10) */
	[0x34] = READS, /* PRE-FETCH(10) */
	[0x37] = READS, /* READ DEFECT DATA(10) */
	[0x3c] = READS, /* READ BUFFER */
	[0x4d] = ALWAYS, /* LOG SENSE */
	[0x5a] = READS, /* MODE SENSE(10) */
	[0x84] = PERSISTENT, /* RECEIVE COPY RESULTS and its kin */
	[0x86] = ALWAYS, /* ACCESS CONTROL IN */
	[0x87] = ALWAYS, /* ACCESS CONTROL OUT */
	[0x88] = READS, /* READ(16) */
	[0x8c] = READS, /* READ ATTRIBUTE */
	[0x8f] = READS, /* VERIFY(16) */
	[0x90] = READS, /* PRE-FETCH(16) */
	[0x9e] = BY_CDB, /* SERVICE ACTION IN(16) */
	[0xa0] = ALWAYS, /* REPORT LUNS */
	[0xa2] = READS, /* SECURITY PROTOCOL IN */
	[0xa3] = BY_CDB, /* MAINTENANCE IN */
	[0xa8] = READS, /* READ(12) */
	[0xab] = BY_CDB, /* SERVICE ACTION IN(12) */
	[0xaf] = READS, /* VERIFY(12) */
	[0xb7] = READS, /* READ DEFECT DATA(12) */
};

/* What a field of the CDB must hold for the command to be allowed */
static const struct {
	uint8_t opcode, byte, mask, value;
	uint8_t allow;
} by_cdb[] = {
	{ 0x1b, 4, 0xf1, 0x01, ALWAYS }, /* START with POWER CONDITION 0 */
	{ 0x1e, 4, 0x03, 0x00, ALWAYS }, /* PREVENT 0 */
	{ 0x9e, 1, 0x1f, 0x10, ALWAYS }, /* READ CAPACITY(16) */
	{ 0x9e, 1, 0x1f, 0x12, READS }, /* GET LBA STATUS */
	{ 0xa3, 1, 0x1f, 0x05, ALWAYS }, /* REPORT IDENTIFYING INFORMATION */
	{ 0xa3, 1, 0x1f, 0x0a, ALWAYS }, /* REPORT TARGET PORT GROUPS */
	{ 0xa3, 1, 0x1f, 0x0b, ALWAYS }, /* REPORT ALIASES */
	{ 0xa3, 1, 0x1f, 0x0c, READS }, /* REPORT SUPPORTED OPERATION CODES */
	{ 0xa3, 1, 0x1f, 0x0d, READS }, /* REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS */
	{ 0xa3, 1, 0x1f, 0x0e, ALWAYS }, /* REPORT PRIORITY */
	{ 0xa3, 1, 0x1f, 0x0f, ALWAYS }, /* REPORT TIMESTAMP */
	{ 0xa3, 1, 0x1f, 0x10, READS }, /* MANAGEMENT PROTOCOL IN */
	{ 0xab, 1, 0x1f, 0x01, ALWAYS }, /* READ MEDIA SERIAL NUMBER */
};

struct reservation_snapshot {
	uint8_t column; /* ALLOW_* */
	size_t count;
	size_t mask; /* number of slots - 1 */
	uint16_t *slot; /* hash of a nexus -> its index + 1; 0: free. At most half of them are taken. */
	struct reservation_nexus nexus[]; /* for whom the reservation does not count */
};

static uint8_t allowed(const uint8_t *cdb)
{
	uint8_t allow = by_opcode[cdb[0]];

	if (allow != BY_CDB)
		return allow;
	for (size_t i = 0; i < sizeof(by_cdb) / sizeof(by_cdb[0]); i++)
		if (by_cdb[i].opcode == cdb[0] && (cdb[by_cdb[i].byte] & by_cdb[i].mask) == by_cdb[i].value)
			return by_cdb[i].allow;
	return 0;
}

/* FNV-1a */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
	for (const uint8_t *p = bytes; len; len--)
		hash = (hash ^ *p++) * UINT64_C(0x100000001b3);
	return hash;
}

/* Linux hosts all have the same few ISIDs, so the name has to take part. */
static uint64_t hash_nexus(const char *initiator_name, const uint8_t *isid, uint16_t port)
{
	uint64_t hash = hash_bytes(UINT64_C(0xcbf29ce484222325), initiator_name, strlen(initiator_name));

	hash = hash_bytes(hash, isid, 6);
	return hash_bytes(hash, &port, sizeof(port));
}

static void snapshot_add(struct reservation_snapshot *snapshot, const struct reservation_nexus *nexus)
{
	size_t at = hash_nexus(nexus->initiator_name, nexus->isid, nexus->port) & snapshot->mask;

	while (snapshot->slot[at])
		at = (at + 1) & snapshot->mask;
	snapshot->nexus[snapshot->count++] = *nexus;
	snapshot->slot[at] = (uint16_t)snapshot->count;
}

static bool snapshot_has(const struct reservation_snapshot *snapshot, const struct target_nexus *nexus)
{
	size_t at = hash_nexus(nexus->initiator_name, nexus->isid, nexus->tpgt) & snapshot->mask;

	for (; snapshot->slot[at]; at = (at + 1) & snapshot->mask) {
		const struct reservation_nexus *other = &snapshot->nexus[snapshot->slot[at] - 1];

		if (other->port == nexus->tpgt && !memcmp(other->isid, nexus->isid, sizeof(other->isid)) &&
		    !strcmp(other->initiator_name, nexus->initiator_name))
			return true;
	}
	return false;
}

static struct reservation_snapshot *snapshot_alloc(uint8_t column, size_t room)
{
	struct reservation_snapshot *snapshot;
	size_t slots = 2;

	while (slots < 2 * room)
		slots *= 2;
	snapshot = xcalloc(1, sizeof(*snapshot) + room * sizeof(snapshot->nexus[0]));
	snapshot->slot = xcalloc(slots, sizeof(snapshot->slot[0]));
	snapshot->column = column;
	snapshot->mask = slots - 1;
	return snapshot;
}

static uint8_t column_of(enum reservation_type type)
{
	switch (type) {
	case RESERVATION_WRITE_EXCLUSIVE:
	case RESERVATION_WRITE_EXCLUSIVE_RO:
	case RESERVATION_WRITE_EXCLUSIVE_AR:
		return ALLOW_WRITE_EXCLUSIVE;
	default:
		return ALLOW_EXCLUSIVE_ACCESS;
	}
}

/* NULL: nothing is reserved. A persistent reservation and one of SPC-2 never exist together. */
struct reservation_snapshot *reservation_snapshot_create(const struct reservations *reservations)
{
	struct reservation_snapshot *snapshot;
	const struct registration *registration;

	if (reservations->reserved) {
		snapshot = snapshot_alloc(ALLOW_RESERVE, 1);
		snapshot_add(snapshot, &reservations->reserver);
		return snapshot;
	}
	if (!reservations->type)
		return NULL;
	snapshot = snapshot_alloc(column_of(reservations->type), reservations->count);
	list_for_each(registration, &reservations->registrations, link)
		if (reservation_registrants_only(reservations->type) || reservation_holds(reservations, registration))
			snapshot_add(snapshot, &registration->nexus);
	return snapshot;
}

void reservation_snapshot_free(struct reservation_snapshot *snapshot)
{
	if (!snapshot)
		return;
	free(snapshot->slot);
	free(snapshot);
}

bool reservation_snapshot_conflicts(const struct reservation_snapshot *snapshot, const struct target_nexus *nexus,
				    const uint8_t *cdb)
{
	return !(allowed(cdb) & snapshot->column) && !snapshot_has(snapshot, nexus);
}
