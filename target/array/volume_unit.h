/*
 * volume_unit.h - the inside of a volume, shared by the volume_*.c files only.
 */
#ifndef BRAID_ARRAY_VOLUME_UNIT_H
#define BRAID_ARRAY_VOLUME_UNIT_H

#include "gateway/base/bytes.h"
#include "target/array/volume.h"

#include <string.h>

#define VOLUME_SCRATCH_BYTES ((size_t)64 << 10)
#define VOLUME_MODE_PAGES 4
#define VOLUME_MODE_PAGE_MAX 20

#define VOLUME_UNMAP_DESCRIPTORS_MAX 256u
#define VOLUME_UNMAP_BLOCKS_MAX (1u << 20) /* one UNMAP command */
#define VOLUME_WRITE_SAME_BYTES_MAX (UINT64_C(16) << 20) /* may have to be written: bounds the time it takes */
#define VOLUME_COMPARE_BLOCKS_MAX 255u /* MAXIMUM COMPARE AND WRITE LENGTH is one byte */

enum { MODE_ERROR_RECOVERY, MODE_CACHING, MODE_CONTROL, MODE_EXCEPTIONS }; /* index into volume.mode */

struct volume {
	struct lu lu;
	struct store *store;
	const struct ports *ports;
	char target_name[ISCSI_NAME_MAX];
	char vendor[8 + 1], product[16 + 1], serial[64];
	uint64_t id[2];
	uint32_t block_size, transfer_bytes;
	uint64_t blocks;
	bool thin;
	bool reservations;
	bool stopped; /* by START STOP UNIT */
	uint8_t mode[VOLUME_MODE_PAGES][VOLUME_MODE_PAGE_MAX]; /* current values, page header included */
	uint8_t *scratch; /* VOLUME_SCRATCH_BYTES */
	void (*attention)(void *arg, scsi_asc asc, uint32_t except);
	void (*set_group)(void *arg, uint16_t group, enum port_state state, uint32_t except);
	void *arg;
};

/* The logical blocks that a CDB names; all zero for a command that names none. */
struct volume_range {
	uint64_t lba, blocks;
};

typedef void volume_handler(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range);

enum volume_opcode_flags {
	OP_IN = 1 << 0, /* data to the host */
	OP_OUT = 1 << 1, /* data from the host */
	OP_MEDIUM = 1 << 2, /* needs a started unit */
	OP_READS = 1 << 3, /* transfers blocks from the medium; counted as a read */
	OP_WRITES = 1 << 4, /* changes the medium */
	OP_RANGE = 1 << 5, /* names logical blocks at the usual place of its CDB length */
	OP_START = 1 << 6, /* names only the first of them; what follows is an allocation length */
	OP_ZERO_REST = 1 << 7, /* a length of 0 means: to the end of the medium */
	OP_LIMIT = 1 << 8, /* obeys MAXIMUM TRANSFER LENGTH */
	OP_THIN = 1 << 9, /* only with thin provisioning */
	OP_GROUPS = 1 << 10, /* only with target port groups */
	OP_STANDBY = 1 << 11, /* works on a port in standby */
	OP_UNAVAILABLE = 1 << 12, /* works on a port in any state */
	OP_ACTION = 1 << 13, /* byte 1, bits 0-4 of the CDB belong to the command's name */
	OP_RESERVATION = 1 << 14, /* executed by the volume's owner, if that has reservations */
};

struct volume_opcode {
	uint8_t opcode, service_action;
	uint16_t flags;
	volume_handler *execute; /* NULL: executed by others, listed for REPORT SUPPORTED OPERATION CODES */
	uint8_t usage[SCSI_CDB_MAX - 1]; /* CDB usage data from byte 1 on (SPC-4 6.35); a bit outside it is refused */
};

/* The row of a CDB. NULL: *known tells whether the opcode exists with another service action. */
const struct volume_opcode *volume_opcode_find(const struct volume *volume, uint8_t opcode, uint8_t service_action,
					       bool *known);
volume_handler volume_report_opcodes;

/* How many bytes of the command's data may be read (the host's data) or written (the answer). */
static inline size_t volume_data_out(const struct scsi_cmd *cmd)
{
	return cmd->dir == SCSI_DIR_OUT ? cmd->expected : 0;
}

static inline size_t volume_data_in(const struct scsi_cmd *cmd)
{
	if (cmd->dir != SCSI_DIR_IN)
		return 0;
	return cmd->expected < cmd->capacity ? cmd->expected : cmd->capacity;
}

static inline uint64_t volume_bytes(const struct volume *volume, uint64_t blocks)
{
	return blocks * volume->block_size;
}

static inline bool volume_write_cache(const struct volume *volume)
{
	return volume->mode[MODE_CACHING][2] & 0x04; /* WCE */
}

static inline bool volume_write_protected(const struct volume *volume)
{
	return volume->mode[MODE_CONTROL][4] & 0x08; /* SWP */
}

/* Ends in the sense that a store's error deserves; returns true when there was one. */
bool volume_failed(struct scsi_cmd *cmd, int err, bool writing);

/* MISCOMPARE with the byte offset of the first difference as INFORMATION (SBC-3 5.3). */
void volume_miscompare(struct scsi_cmd *cmd, uint64_t offset);

/* ILLEGAL REQUEST with the number of bytes that the CDB asks for as the transfer: the host sent fewer. */
void volume_short_data(struct scsi_cmd *cmd, uint32_t wanted);

void volume_mode_reset(struct volume *volume); /* default values */

/* volume_io.c */
volume_handler volume_read, volume_write, volume_write_verify, volume_verify, volume_compare_write, volume_orwrite,
	volume_sync, volume_prefetch;
/* volume_provision.c */
volume_handler volume_unmap, volume_write_same, volume_lba_status;
/* volume_inquiry.c, volume_mode.c, volume_log.c, volume_ports.c */
volume_handler volume_inquiry, volume_mode_sense, volume_mode_select, volume_log_sense, volume_report_groups,
	volume_set_groups;
/* volume_state.c */
volume_handler volume_test_ready, volume_request_sense, volume_start_stop, volume_prevent, volume_diagnostic,
	volume_capacity10, volume_capacity16, volume_defects, volume_report_tmf;

#endif
