/*
 * command.h - what the gateway must know of a SCSI opcode: what happens when it is sent twice, and what it moves.
 *
 * One table for every opcode (and service action) of SPC-4 and SBC-3 that a disk answers; whatever is not in it counts
 * as COMMAND_ONCE. Pure functions. Any thread.
 */
#ifndef BRAID_COMMAND_H
#define BRAID_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

enum command_effect {
	COMMAND_READ, /* changes nothing: may be sent again at once, on any path */
	COMMAND_WRITE, /* sending it twice in a row is harmless; sent again only behind the fence (row F1) */
	COMMAND_ONCE, /* a second execution could differ: an unknown outcome is reported, not repeated (row F3) */
	COMMAND_RESERVE, /* a reservation of the host: executed by the gateway (rows R1, R2) */
	COMMAND_REPORT, /* about the target itself: answered by the gateway */
	COMMAND_REFUSE, /* not passed to an array: its meaning belongs to a nexus that hosts do not own there */
};

struct command_info {
	const char *name; /* "WRITE(10)"; NULL: it is not in the table */
	enum command_effect effect;
	bool moves_blocks; /* READ or WRITE of user data: counts as read or write, has an LBA */
	bool is_write; /* of user data or of its mapping */
	bool is_slow; /* may take hours: it has a day instead of command_timeout */
};

const struct command_info *command_info(const uint8_t *cdb);

/* What a host with read-only access may not do. What Braid does not know may write. */
static inline bool command_changes_medium(const struct command_info *info)
{
	return info->is_write || info->effect == COMMAND_ONCE;
}

/* The logical block address of a CDB that moves blocks; 0 for others. */
uint64_t command_lba(const uint8_t *cdb);

/* MODE SELECT: the array tells its other nexuses when it has succeeded. */
bool command_sets_mode(const uint8_t *cdb);

#endif
