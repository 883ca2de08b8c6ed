/*
 * volume_inquiry.c - standard INQUIRY data and the vital product data pages (SPC-4 6.6, 7.8; SBC-3 6.6).
 */
#include "target/array/volume_unit.h"

#include <stdio.h>

#define INQUIRY_BYTES 96
#define NAME_BYTES 256
#define PORT_BYTES (12 + 4 + NAME_BYTES) /* of a descriptor in the longest page, SCSI Ports */
#define PAGE_BYTES (4 + PORTS_MAX * PORT_BYTES)

/* A locally administered company ID: no vendor's, so an identifier made here never meets a real one. */
#define NAA_COMPANY UINT64_C(0x024252)

/* Pads with spaces, without a NUL, as all ASCII fields of SCSI. */
static void put_ascii(uint8_t *p, size_t len, const char *text)
{
	size_t n = strnlen(text, len);

	memcpy(p, text, n);
	memset(p + n, ' ', len - n);
}

/* "0.1.0" as "0.1 ": PRODUCT REVISION LEVEL has four characters. */
static void put_revision(uint8_t *p)
{
	put_ascii(p, 4, BRAID_VERSION);
	if (p[3] == '.')
		p[3] = ' ';
}

/* Into a zeroed buffer */
static size_t standard(const struct volume *volume, uint8_t *out)
{
	/* SAM-5, iSCSI, SPC-4, SBC-3, no revision claimed (SPC-4 6.6.2) */
	static const uint16_t standards[] = { 0x00a0, 0x0960, 0x0460, 0x04c0 };

	out[2] = 0x06; /* SPC-4 */
	out[3] = 0x12; /* HISUP, RESPONSE DATA FORMAT 2 */
	out[4] = INQUIRY_BYTES - 5;
	out[5] = (uint8_t)(volume->ports->tpgs << 4);
	out[6] = volume->ports->portal_count > 1 ? 0x10 : 0; /* MULTIP */
	out[7] = 0x02; /* CMDQUE */
	put_ascii(out + 8, 8, volume->vendor);
	put_ascii(out + 16, 16, volume->product);
	put_revision(out + 32);
	for (size_t i = 0; i < sizeof(standards) / sizeof(standards[0]); i++)
		put_be16(out + 58 + 2 * i, standards[i]);
	return INQUIRY_BYTES;
}

/* Designators: header and value at out; each returns its length (SPC-4 7.8.6). */
enum { CODE_BINARY = 1, CODE_ASCII = 2, CODE_UTF8 = 3 };
enum { ABOUT_LU = 0x00, ABOUT_PORT = 0x10, ABOUT_DEVICE = 0x20 };
enum { TYPE_T10 = 1, TYPE_NAA = 3, TYPE_RELATIVE_PORT = 4, TYPE_PORT_GROUP = 5, TYPE_NAME = 8 };

static size_t designator(uint8_t *out, uint8_t code, uint8_t about, uint8_t type, size_t len)
{
	out[0] = (uint8_t)((about == ABOUT_LU ? 0 : 0x50) | code); /* PROTOCOL IDENTIFIER: iSCSI */
	out[1] = (uint8_t)((about == ABOUT_LU ? 0 : 0x80) | about | type); /* PIV */
	out[2] = 0;
	out[3] = (uint8_t)len;
	return 4 + len;
}

static size_t naa(const struct volume *volume, uint8_t *out)
{
	put_be64(out + 4, UINT64_C(6) << 60 | NAA_COMPANY << 36 | (volume->id[0] & 0xfffffffff));
	put_be64(out + 12, volume->id[1]);
	return designator(out, CODE_BINARY, ABOUT_LU, TYPE_NAA, 16);
}

static size_t t10(const struct volume *volume, uint8_t *out)
{
	size_t serial = strlen(volume->serial);

	put_ascii(out + 4, 8, volume->vendor);
	put_ascii(out + 12, 16, volume->product);
	memcpy(out + 28, volume->serial, serial);
	return designator(out, CODE_ASCII, ABOUT_LU, TYPE_T10, 24 + serial);
}

static size_t word(uint8_t *out, uint8_t type, uint16_t value)
{
	put_be16(out + 4, 0);
	put_be16(out + 6, value);
	return designator(out, CODE_BINARY, ABOUT_PORT, type, 4);
}

/* A SCSI name string ends in NUL and is padded to a multiple of four. */
static size_t name(uint8_t *out, uint8_t about, const char *text)
{
	size_t len = strlen(text) + 1, padded = len + pad4(len);

	memcpy(out + 4, text, len);
	memset(out + 4 + len, 0, padded - len);
	return designator(out, CODE_UTF8, about, TYPE_NAME, padded);
}

/* The name of a target port (RFC 7143 4.2.7.1 and 4.4.1): iSCSI name, ",t,", portal group tag in hex */
static size_t port_name(const struct volume *volume, uint16_t tpgt, uint8_t *out)
{
	char text[NAME_BYTES];

	snprintf(text, sizeof(text), "%s,t,0x%04x", volume->target_name, tpgt);
	return name(out, ABOUT_PORT, text);
}

static size_t page_serial(const struct volume *volume, const struct scsi_cmd *cmd, uint8_t *out)
{
	size_t len = strlen(volume->serial);

	(void)cmd;
	memcpy(out, volume->serial, len);
	return len;
}

static size_t page_identification(const struct volume *volume, const struct scsi_cmd *cmd, uint8_t *out)
{
	const struct ports *ports = volume->ports;
	unsigned portal = cmd->nexus->portal;
	size_t len = naa(volume, out);

	len += t10(volume, out + len);
	len += word(out + len, TYPE_RELATIVE_PORT, ports->portal[portal].tpgt);
	if (ports->tpgs)
		len += word(out + len, TYPE_PORT_GROUP, ports->portal[portal].group);
	len += port_name(volume, ports->portal[portal].tpgt, out + len);
	return len + name(out + len, ABOUT_DEVICE, volume->target_name);
}

static size_t page_extended(const struct volume *volume, const struct scsi_cmd *cmd, uint8_t *out)
{
	(void)volume;
	(void)cmd;
	out[1] = 0x07; /* HEADSUP, ORDSUP, SIMPSUP */
	out[2] = 0x01; /* V_SUP: there is a volatile cache */
	return 60;
}

/* SCSI Ports (SPC-4 7.8.14): each port once, by its relative identifier and its name */
static size_t page_ports(const struct volume *volume, const struct scsi_cmd *cmd, uint8_t *out)
{
	const struct ports *ports = volume->ports;
	size_t len = 0;

	(void)cmd;
	for (size_t i = 0; i < ports->portal_count; i++) {
		uint8_t *p = out + len;
		size_t n;

		if (!ports_is_first(ports, i))
			continue;
		put_be16(p + 2, ports->portal[i].tpgt);
		n = port_name(volume, ports->portal[i].tpgt, p + 12);
		put_be16(p + 10, (uint16_t)n);
		len += 12 + n;
	}
	return len;
}

static size_t page_limits(const struct volume *volume, const struct scsi_cmd *cmd, uint8_t *out)
{
	uint32_t limit = volume->transfer_bytes / volume->block_size, optimal = (1u << 20) / volume->block_size;

	(void)cmd;
	out[0] = 0x01; /* WSNZ */
	out[1] = VOLUME_COMPARE_BLOCKS_MAX;
	put_be32(out + 4, limit);
	put_be32(out + 8, optimal < limit ? optimal : limit);
	put_be64(out + 32, VOLUME_WRITE_SAME_BYTES_MAX / volume->block_size);
	if (volume->thin) {
		uint32_t unit = volume->store->unmap_unit / volume->block_size;

		put_be32(out + 16, VOLUME_UNMAP_BLOCKS_MAX);
		put_be32(out + 20, VOLUME_UNMAP_DESCRIPTORS_MAX);
		put_be32(out + 24, unit ? unit : 1);
	}
	return 60;
}

static size_t page_characteristics(const struct volume *volume, const struct scsi_cmd *cmd, uint8_t *out)
{
	(void)volume;
	(void)cmd;
	put_be16(out, 1); /* MEDIUM ROTATION RATE: it does not rotate */
	return 60;
}

static size_t page_provisioning(const struct volume *volume, const struct scsi_cmd *cmd, uint8_t *out)
{
	(void)cmd;
	if (volume->thin) {
		out[1] = 0xe4; /* LBPU, LBPWS, LBPWS10, LBPRZ */
		out[2] = 0x02; /* PROVISIONING TYPE: thin */
	}
	return 4;
}

static size_t page_supported(const struct volume *volume, const struct scsi_cmd *cmd, uint8_t *out);

/* Each fills in what follows the page's 4-byte header, which is all zero before; returns the PAGE LENGTH. */
static const struct {
	uint8_t code;
	size_t (*build)(const struct volume *volume, const struct scsi_cmd *cmd, uint8_t *out);
} pages[] = {
	{ 0x00, page_supported }, { 0x80, page_serial }, { 0x83, page_identification },  { 0x86, page_extended },
	{ 0x88, page_ports },     { 0xb0, page_limits }, { 0xb1, page_characteristics }, { 0xb2, page_provisioning },
};

#define PAGE_COUNT (sizeof(pages) / sizeof(pages[0]))

static size_t page_supported(const struct volume *volume, const struct scsi_cmd *cmd, uint8_t *out)
{
	(void)volume;
	(void)cmd;
	for (size_t i = 0; i < PAGE_COUNT; i++)
		out[i] = pages[i].code;
	return PAGE_COUNT;
}

void volume_inquiry(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	uint8_t out[PAGE_BYTES] = { 0 };
	size_t alloc = get_be16(cmd->cdb + 3), len;

	(void)range;
	if (!(cmd->cdb[1] & 0x01)) {
		if (cmd->cdb[2]) /* a page code without EVPD */
			scsi_cmd_invalid_field(cmd, 2, 7);
		else
			scsi_cmd_answer(cmd, out, standard(volume, out), alloc);
		return;
	}
	for (size_t i = 0; i < PAGE_COUNT; i++) {
		if (pages[i].code != cmd->cdb[2])
			continue;
		len = pages[i].build(volume, cmd, out + 4);
		out[1] = pages[i].code;
		put_be16(out + 2, (uint16_t)len);
		scsi_cmd_answer(cmd, out, len + 4, alloc);
		return;
	}
	scsi_cmd_invalid_field(cmd, 2, 7);
}
