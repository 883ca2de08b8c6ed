/*
 * volume.h - a SCSI direct-access logical unit (SPC-4, SBC-3) over a store.
 *
 * volume_execute() does one command from its CDB to its status and returns; it never calls scsi_cmd_done(), so whoever
 * called it may count, delay or discard the outcome. Reservations are the owner's: the volume lists their commands and
 * checks them, and leaves it to the owner to execute them. Everything that a command may be (its handler, its CDB usage
 * mask, its checks) is one row of the table in volume_opcode.c.
 *
 * One thread, so COMPARE AND WRITE and every other command is atomic against all others. Store I/O blocks (store.h).
 */
#ifndef BRAID_ARRAY_VOLUME_H
#define BRAID_ARRAY_VOLUME_H

#include "target/array/ports.h"
#include "target/array/store.h"
#include "target/scsi_cmd.h"
#include "target/target.h"

struct volume;

struct volume_config {
	struct store *store; /* becomes the volume's own when volume_create() succeeds */
	const struct ports *ports; /* outlives the volume */
	const char *target_name; /* IQN */
	uint32_t block_size; /* 512 or 4096 */
	uint32_t transfer_bytes; /* the longest READ or WRITE; reported as MAXIMUM TRANSFER LENGTH */
	const char *vendor, *product; /* at most 8 and 16 ASCII characters; longer ones are cut */
	const char *serial; /* unit serial number (VPD 80h) */
	uint64_t id[2]; /* NAA designator: the lower 36 bits of [0] and all of [1] */
	bool thick; /* no UNMAP even if the store could */
	bool reservations; /* the owner executes RESERVE, RELEASE and PERSISTENT RESERVE IN and OUT */

	/* Wants a unit attention for every nexus but the one whose session_id is `except` (0: all). */
	void (*attention)(void *arg, scsi_asc asc, uint32_t except);
	void *arg;

	/* SET TARGET PORT GROUPS asks for a state. NULL: the command is refused. */
	void (*set_group)(void *arg, uint16_t group, enum port_state state, uint32_t except);
};

/* Strings are copied. NULL with errno EINVAL: a bad block size, or a size that is not a multiple of it. */
struct volume *volume_create(const struct volume_config *config);
void volume_destroy(struct volume *volume); /* takes NULL */

/* Runs the command: true, and its result fields are complete. False: it is about reservations and nothing is wrong with
 * its CDB; the owner executes it. */
bool volume_execute(struct volume *volume, struct scsi_cmd *cmd);

/* The volume as a logical unit by itself: submit() executes and ends the command at once. */
struct lu *volume_lu(struct volume *volume);

/* What a logical unit reset undoes: mode parameters that were selected, and a stop (SAM-5 6.3.3). */
void volume_reset(struct volume *volume);

uint64_t volume_size_bytes(const struct volume *volume);

/* Changes the capacity and tells every nexus (2Ah/09h). 0, -EINVAL (no whole blocks), or the store's error. */
int volume_resize(struct volume *volume, uint64_t bytes);

/* What a command does to the medium, for counters and for matching. */
enum volume_access { VOLUME_ACCESS_NONE, VOLUME_ACCESS_READ, VOLUME_ACCESS_WRITE };
enum volume_access volume_access(uint8_t opcode);

#endif
