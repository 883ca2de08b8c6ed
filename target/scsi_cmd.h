/*
 * scsi_cmd.h - one SCSI command on its way between the target library and a logical unit.
 *
 * The target library owns the command. It hands it to lu_ops.submit() with all write data in `data`, and takes it back
 * with scsi_cmd_done(). In between, the logical unit owns the result fields and the data buffer. One worker's thread
 * throughout. Lengths are bytes.
 */
#ifndef BRAID_SCSI_CMD_H
#define BRAID_SCSI_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCSI_CDB_MAX 16
#define SCSI_SENSE_MAX 252

enum scsi_dir { SCSI_DIR_NONE, SCSI_DIR_IN, SCSI_DIR_OUT }; /* as seen by the host: IN = a read */

/* SAM-5 5.3.1 */
enum sam_status {
	SCSI_GOOD = 0x00,
	SCSI_CHECK_CONDITION = 0x02,
	SCSI_CONDITION_MET = 0x04,
	SCSI_BUSY = 0x08,
	SCSI_RESERVATION_CONFLICT = 0x18,
	SCSI_TASK_SET_FULL = 0x28,
	SCSI_ACA_ACTIVE = 0x30,
	SCSI_TASK_ABORTED = 0x40,
};

/* SPC-4 4.5.6 */
enum sense_key {
	SENSE_NO_SENSE = 0x0,
	SENSE_RECOVERED_ERROR = 0x1,
	SENSE_NOT_READY = 0x2,
	SENSE_MEDIUM_ERROR = 0x3,
	SENSE_HARDWARE_ERROR = 0x4,
	SENSE_ILLEGAL_REQUEST = 0x5,
	SENSE_UNIT_ATTENTION = 0x6,
	SENSE_DATA_PROTECT = 0x7,
	SENSE_BLANK_CHECK = 0x8,
	SENSE_COPY_ABORTED = 0xa,
	SENSE_ABORTED_COMMAND = 0xb,
	SENSE_VOLUME_OVERFLOW = 0xd,
	SENSE_MISCOMPARE = 0xe,
};

/* Additional sense code and qualifier in one number: 0x2904 is 29h/04h. */
typedef uint16_t scsi_asc;

enum scsi_attr { SCSI_ATTR_UNTAGGED, SCSI_ATTR_SIMPLE, SCSI_ATTR_ORDERED, SCSI_ATTR_HEAD_OF_QUEUE, SCSI_ATTR_ACA };

struct target_nexus;

struct scsi_cmd {
	/* the request; read-only for the logical unit */
	uint8_t cdb[SCSI_CDB_MAX];
	uint8_t cdb_len; /* 6, 10, 12 or 16 by the opcode's group; 16 for the others */
	enum scsi_dir dir;
	enum scsi_attr attr;
	uint16_t lun; /* the owner's number (target_ops.resolve_lun) */
	uint16_t host_lun; /* the host's */
	uint32_t expected; /* Expected Data Transfer Length of the host (RFC 7143 11.3.4) */
	const struct target_nexus *nexus;

	/* OUT: `expected` bytes of the host's data. IN: an uncleared buffer for the answer.
	 * `capacity` may exceed `expected`: a logical unit may use all of it while it works. */
	uint8_t *data;
	size_t capacity;

	/* the result; the target library clears it before submit() */
	uint8_t status; /* enum sam_status */
	uint8_t sense_len;
	uint8_t sense[SCSI_SENSE_MAX];
	/* How many bytes the CDB asks to move, whatever the host expected: the residual is made of the difference.
	 * IN: bytes 0 .. min(transfer, expected) of data are valid and go to the host. */
	uint32_t transfer;

	void *ctx; /* target_ops.cmd_ctx_bytes for the logical unit's own use; not cleared between commands */
};

/* Ends the command; the caller may not touch it afterwards. May be called inside submit(). */
void scsi_cmd_done(struct scsi_cmd *cmd);

/* The same, but the host gets an iSCSI Reject of its PDU and no response (RFC 7143 11.17). For braid-array's faults. */
void scsi_cmd_reject(struct scsi_cmd *cmd);

/* Status and fixed-format sense (SPC-4 4.5.3) in one go; transfer becomes 0. */
void scsi_cmd_sense(struct scsi_cmd *cmd, enum sense_key key, scsi_asc asc);

/* ILLEGAL REQUEST, INVALID FIELD IN CDB with the field pointer at byte `byte`, bit `bit` (SPC-4 4.5.2.4.2). */
void scsi_cmd_invalid_field(struct scsi_cmd *cmd, unsigned byte, unsigned bit);

/* Puts a prepared answer of `len` bytes, cut at the CDB's allocation length `alloc`, into data. */
void scsi_cmd_answer(struct scsi_cmd *cmd, const uint8_t *bytes, size_t len, size_t alloc);

/* The length of a CDB by its opcode's group code (SPC-4 4.2.5.1); 0: variable or vendor-specific. */
unsigned scsi_cdb_len(uint8_t opcode);

#endif
