#include "gateway/engine/inquiry.h"

#include "gateway/base/bytes.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PAGE_SUPPORTED 0x00
#define PAGE_IDENTIFICATION 0x83
#define PAGE_SCSI_PORTS 0x88
#define PAGE_BLOCK_LIMITS 0xb0

#define STANDARD_ALLOC 255 /* what every array takes */
#define PAGE_ALLOC 1024

/* Byte 5 and 6 of the standard data (SPC-4 6.4.2) */
#define BYTE5_TPGS 0x30
#define BYTE5_IMPLICIT 0x10
#define BYTE5_3PC 0x08
#define BYTE6_MULTIP 0x10
#define BYTE7_CMDQUE 0x02

/* Designators (SPC-4 7.8.6) */
#define PROTOCOL_ISCSI 0x5
#define CODE_BINARY 0x1
#define CODE_UTF8 0x3
#define PIV 0x80
#define ASSOCIATION_LU 0x0
#define ASSOCIATION_PORT 0x1
#define ASSOCIATION_TARGET 0x2
#define TYPE_RELATIVE_PORT 0x4
#define TYPE_PORT_GROUP 0x5
#define TYPE_SCSI_NAME 0x8

void inquiry_request(const uint8_t host_cdb[6], uint8_t array_cdb[6], uint32_t *alloc)
{
	*alloc = host_cdb[1] & 1 ? PAGE_ALLOC : STANDARD_ALLOC;
	memcpy(array_cdb, host_cdb, 6);
	put_be16(array_cdb + 3, (uint16_t)*alloc);
}

static size_t standard_answer(uint8_t *data, size_t len)
{
	if (len > 7) {
		data[5] = (uint8_t)((data[5] & ~(BYTE5_TPGS | BYTE5_3PC)) | BYTE5_IMPLICIT); /* report.h */
		data[6] |= BYTE6_MULTIP;
		data[7] |= BYTE7_CMDQUE;
	}
	return len;
}

/* Adds page 88h, keeps the list ascending. */
static size_t supported_answer(uint8_t *data, size_t len)
{
	size_t n, at = 0;

	if (len < 4)
		return len;
	n = get_be16(data + 2);
	if (n > len - 4)
		n = len - 4;
	while (at < n && data[4 + at] < PAGE_SCSI_PORTS)
		at++;
	if (at == n || data[4 + at] != PAGE_SCSI_PORTS) {
		memmove(data + 4 + at + 1, data + 4 + at, n - at);
		data[4 + at] = PAGE_SCSI_PORTS;
		n++;
	}
	put_be16(data + 2, (uint16_t)n);
	return 4 + n;
}

static uint8_t *put_header(uint8_t *p, unsigned code, unsigned association, unsigned type, size_t len)
{
	p[0] = (uint8_t)((PROTOCOL_ISCSI << 4) | code);
	p[1] = (uint8_t)(PIV | (association << 4) | type);
	p[2] = 0;
	p[3] = (uint8_t)len;
	return p + 4;
}

static uint8_t *put_number(uint8_t *p, unsigned type, uint16_t number)
{
	p = put_header(p, CODE_BINARY, ASSOCIATION_PORT, type, 4);
	put_be32(p, number);
	return p + 4;
}

/* A SCSI name string: NUL-terminated and padded to a multiple of four (SPC-4 7.8.6.11). */
static uint8_t *put_name(uint8_t *p, unsigned association, const char *name)
{
	size_t len = strlen(name) + 1;

	len += pad4(len);
	p = put_header(p, CODE_UTF8, association, TYPE_SCSI_NAME, len);
	memset(p, 0, len);
	memcpy(p, name, strlen(name));
	return p + len;
}

static void port_name(const struct inquiry_port *port, char *name, size_t size)
{
	snprintf(name, size, "%s,t,0x%04x", port->iqn, port->tpgt);
}

/* The designators of the logical unit stay; those of ports and target become the gateway's. */
static size_t identification_answer(uint8_t *data, size_t len, const struct inquiry_port *port)
{
	uint8_t *keep = data + 4;
	const uint8_t *in = data + 4, *end;
	char name[256];

	if (len < 4)
		return len;
	end = data + 4 + get_be16(data + 2);
	if (end > data + len)
		end = data + len;
	while (in + 4 <= end && in + 4 + in[3] <= end) {
		size_t n = 4 + (size_t)in[3];

		if (((in[1] >> 4) & 3) == ASSOCIATION_LU) {
			memmove(keep, in, n);
			keep += n;
		}
		in += n;
	}
	port_name(port, name, sizeof(name));
	keep = put_number(keep, TYPE_RELATIVE_PORT, port->tpgt);
	keep = put_number(keep, TYPE_PORT_GROUP, port->tpgt);
	keep = put_name(keep, ASSOCIATION_PORT, name);
	keep = put_name(keep, ASSOCIATION_TARGET, port->iqn);
	put_be16(data + 2, (uint16_t)(keep - data - 4));
	return (size_t)(keep - data);
}

/* SPC-4 7.8.12: there is one port. */
static size_t ports_answer(uint8_t *data, const struct inquiry_port *port)
{
	char name[256];
	uint8_t *descriptor = data + 4, *p;

	memset(data, 0, 4 + 12);
	data[1] = PAGE_SCSI_PORTS;
	put_be16(descriptor + 2, port->tpgt);
	port_name(port, name, sizeof(name));
	p = put_name(descriptor + 12, ASSOCIATION_PORT, name);
	put_be16(descriptor + 10, (uint16_t)(p - (descriptor + 12)));
	put_be16(data + 2, (uint16_t)(p - data - 4));
	return (size_t)(p - data);
}

/* SBC-3 6.6.4: no more than the gateway itself takes. */
static void limit_blocks(uint8_t *field, uint32_t limit, bool zero_is_unlimited)
{
	uint32_t blocks = get_be32(field);

	if (limit && (blocks > limit || (blocks == 0 && zero_is_unlimited)))
		put_be32(field, limit);
}

static size_t limits_answer(uint8_t *data, size_t len, const struct inquiry_port *port)
{
	if (len < 20)
		return len;
	limit_blocks(data + 8, port->transfer_blocks, true); /* MAXIMUM TRANSFER LENGTH */
	limit_blocks(data + 12, port->transfer_blocks, false); /* OPTIMAL TRANSFER LENGTH */
	limit_blocks(data + 16, port->transfer_blocks, false); /* MAXIMUM PREFETCH LENGTH */
	return len;
}

size_t inquiry_answer(const uint8_t host_cdb[6], uint8_t *data, size_t len, const struct inquiry_port *port)
{
	if (!(host_cdb[1] & 1))
		return standard_answer(data, len);
	switch (host_cdb[2]) {
	case PAGE_SUPPORTED:
		return supported_answer(data, len);
	case PAGE_IDENTIFICATION:
		return identification_answer(data, len, port);
	case PAGE_SCSI_PORTS:
		return ports_answer(data, port);
	case PAGE_BLOCK_LIMITS:
		return limits_answer(data, len, port);
	default:
		return len;
	}
}
