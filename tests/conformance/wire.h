/*
 * wire.h - an initiator that says exactly what it is told: PDUs over a socket, with digests once they are agreed on.
 *
 * It has its own view of the formats of RFC 7143 section 11, so that it does not share the mistakes of what it tests.
 * Blocking, with a time limit on each receive.
 */
#ifndef BRAID_WIRE_H
#define BRAID_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define WIRE_BHS 48
#define WIRE_DATA_MAX (1u << 18)

/* Opcodes (RFC 7143 11.2.1.2), and where fields stand in the header. */
enum {
	SCSI_COMMAND = 0x01,
	LOGIN_REQUEST = 0x03,
	TEXT_REQUEST = 0x04,
	DATA_OUT = 0x05,
	SCSI_RESPONSE = 0x21,
	LOGIN_RESPONSE = 0x23,
	TEXT_RESPONSE = 0x24,
	DATA_IN = 0x25,
	R2T = 0x31,
	REJECT = 0x3f,
};

enum {
	AT_FLAGS = 1,
	AT_LENGTH = 5,
	AT_LUN = 8,
	AT_TSIH = 14,
	AT_ITT = 16,
	AT_TTT = 20,
	AT_CMD_SN = 24,
	AT_STATUS = 36,
};

#define IMMEDIATE 0x40
#define FINAL 0x80
#define CONTINUE 0x40
#define TAG_NONE 0xffffffffu

struct wire {
	int fd;
	bool header_digest, data_digest;
	uint32_t itt, cmd_sn;
	uint8_t bhs[WIRE_BHS]; /* of the last PDU received */
	uint8_t data[WIRE_DATA_MAX];
	size_t len;
};

enum wire_result { WIRE_CLOSED, WIRE_PDU, WIRE_SILENT, WIRE_GARBAGE };

/* 0 or -errno. */
int wire_open(struct wire *wire, const struct sockaddr *address, socklen_t len);
void wire_close(struct wire *wire);

/* Fills in the length. What the other side no longer takes is lost: the next receive tells. */
void wire_send(struct wire *wire, uint8_t bhs[WIRE_BHS], const void *data, size_t len);
void wire_send_bytes(struct wire *wire, const void *bytes, size_t len);

/* The next PDU; WIRE_GARBAGE: too long, or its digest is wrong. */
enum wire_result wire_receive(struct wire *wire);

static inline uint8_t wire_opcode(const struct wire *wire)
{
	return wire->bhs[0] & 0x3f;
}

#endif
