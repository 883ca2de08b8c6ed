/*
 * pdu.h - iSCSI PDUs on the wire: opcodes, header fields, flags and codes (RFC 7143 section 11).
 *
 * A basic header segment is 48 bytes. Fields are read and written at these offsets with get_be* and put_be*.
 */
#ifndef BRAID_PDU_H
#define BRAID_PDU_H

#include "gateway/base/bytes.h"

#include <assert.h>
#include <stdbool.h>

#define BHS_LEN 48
#define PDU_DIGEST_LEN 4
#define PDU_AHS_MAX (255 * 4)
#define PDU_TAG_NONE 0xffffffffu /* reserved tag (11.2.1.8) */

enum pdu_opcode { /* 11.2.1.2; with the I bit masked out */
	PDU_NOP_OUT = 0x00,
	PDU_SCSI_COMMAND = 0x01,
	PDU_TASK_REQUEST = 0x02,
	PDU_LOGIN_REQUEST = 0x03,
	PDU_TEXT_REQUEST = 0x04,
	PDU_DATA_OUT = 0x05,
	PDU_LOGOUT_REQUEST = 0x06,
	PDU_SNACK = 0x10,
	PDU_NOP_IN = 0x20,
	PDU_SCSI_RESPONSE = 0x21,
	PDU_TASK_RESPONSE = 0x22,
	PDU_LOGIN_RESPONSE = 0x23,
	PDU_TEXT_RESPONSE = 0x24,
	PDU_DATA_IN = 0x25,
	PDU_LOGOUT_RESPONSE = 0x26,
	PDU_R2T = 0x31,
	PDU_ASYNC = 0x32,
	PDU_REJECT = 0x3f,
};

enum pdu_field { /* byte offsets in the BHS */
	BHS_OPCODE = 0,
	BHS_FLAGS = 1,
	BHS_AHS_LEN = 4, /* in words */
	BHS_DATA_LEN = 5, /* 24 bits */
	BHS_LUN = 8,
	BHS_ITT = 16,
	BHS_TTT = 20,
	BHS_CMD_SN = 24,
	BHS_STAT_SN = 24,
	BHS_EXP_STAT_SN = 28,
	BHS_EXP_CMD_SN = 28,
	BHS_MAX_CMD_SN = 32,
	BHS_DATA_SN = 36,
	BHS_OFFSET = 40,

	COMMAND_EXPECTED = 20,
	COMMAND_CDB = 32,
	RESPONSE_RESPONSE = 2,
	RESPONSE_STATUS = 3,
	RESPONSE_EXP_DATA_SN = 36,
	RESPONSE_RESIDUAL = 44,
	DATA_IN_STATUS = 3,
	DATA_IN_RESIDUAL = 44,
	R2T_LENGTH = 44,
	TASK_REF_ITT = 20,
	TASK_REF_CMD_SN = 32,
	TASK_RESPONSE = 2,
	LOGIN_VERSION_MAX = 2,
	LOGIN_VERSION_MIN = 3,
	LOGIN_ISID = 8,
	LOGIN_TSIH = 14,
	LOGIN_CID = 20,
	LOGIN_STATUS = 36,
	LOGOUT_CID = 20,
	LOGOUT_RESPONSE = 2,
	LOGOUT_TIME2WAIT = 40,
	LOGOUT_TIME2RETAIN = 42,
	ASYNC_EVENT = 36,
	ASYNC_PARAMETER1 = 38,
	ASYNC_PARAMETER2 = 40,
	ASYNC_PARAMETER3 = 42,
	REJECT_REASON = 2,
};

enum pdu_flag {
	PDU_IMMEDIATE = 0x40, /* in the opcode byte */
	PDU_OPCODE_MASK = 0x3f,
	PDU_FINAL = 0x80,
	PDU_CONTINUE = 0x40, /* login and text: the C bit */
	COMMAND_READ = 0x40,
	COMMAND_WRITE = 0x20,
	COMMAND_ATTR_MASK = 0x07,
	RESIDUAL_OVERFLOW = 0x04, /* SCSI Response and Data-In */
	RESIDUAL_UNDERFLOW = 0x02,
	DATA_IN_HAS_STATUS = 0x01,
	LOGIN_TRANSIT = 0x80,
};

enum pdu_reject { /* 11.17.1 */
	REJECT_DATA_DIGEST_ERROR = 0x02,
	REJECT_SNACK = 0x03,
	REJECT_PROTOCOL_ERROR = 0x04,
	REJECT_NOT_SUPPORTED = 0x05,
	REJECT_TOO_MANY_IMMEDIATE = 0x06,
	REJECT_TASK_IN_PROGRESS = 0x07,
	REJECT_INVALID_FIELD = 0x09,
	REJECT_OUT_OF_RESOURCES = 0x0a,
};

enum pdu_async { /* 11.9.1 */
	ASYNC_REQUEST_LOGOUT = 1,
	ASYNC_DROP_CONNECTION = 2,
	ASYNC_DROP_SESSION = 3,
};

static_assert(BHS_OFFSET + 4 == R2T_LENGTH && R2T_LENGTH + 4 == BHS_LEN, "an R2T fills its header");
static_assert(COMMAND_CDB + 16 == BHS_LEN, "a CDB of 16 bytes ends the header");

static inline uint8_t pdu_opcode(const uint8_t *bhs)
{
	return bhs[BHS_OPCODE] & PDU_OPCODE_MASK;
}

static inline bool pdu_immediate(const uint8_t *bhs)
{
	return bhs[BHS_OPCODE] & PDU_IMMEDIATE;
}

static inline bool pdu_final(const uint8_t *bhs)
{
	return bhs[BHS_FLAGS] & PDU_FINAL;
}

static inline uint32_t pdu_itt(const uint8_t *bhs)
{
	return get_be32(bhs + BHS_ITT);
}

static inline uint32_t pdu_ttt(const uint8_t *bhs)
{
	return get_be32(bhs + BHS_TTT);
}

/* Serial number arithmetic (RFC 1982, as RFC 7143 4.2.2.1 asks for): a comes before b. */
static inline bool sn_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

#endif
