/*
 * volume_mode.c - MODE SENSE and MODE SELECT (SPC-4 6.11 - 6.14, 7.5; SBC-3 6.4).
 *
 * Two bits can be changed: WCE (write cache) and SWP (software write protect). Nothing is saved.
 */
#include "target/array/volume_unit.h"

struct mode_page {
	uint8_t code, len; /* of the whole page, its two-byte header included */
	uint8_t defaults[VOLUME_MODE_PAGE_MAX], changeable[VOLUME_MODE_PAGE_MAX];
};

static const struct mode_page pages[VOLUME_MODE_PAGES] = {
	[MODE_ERROR_RECOVERY] = { 0x01, 12, { 0x01, 10, 0xc0 }, { 0x01, 10 } }, /* AWRE, ARRE */
	[MODE_CACHING] = { 0x08, 20, { 0x08, 18, 0x04 }, { 0x08, 18, 0x04 } }, /* WCE */
	[MODE_CONTROL] = { 0x0a, 12, { 0x0a, 10 }, { 0x0a, 10, 0, 0, 0x08 } }, /* SWP */
	[MODE_EXCEPTIONS] = { 0x1c, 12, { 0x1c, 10, 0x08 }, { 0x1c, 10 } }, /* DEXCPT */
};

/* The two headers and block descriptors differ between the six- and the ten-byte command. */
struct mode_layout {
	size_t header, descriptor; /* bytes */
};

#define LONG_LBA 0x10 /* LLBAA of MODE SENSE(10), byte 1 */
#define MODE_BYTES_MAX 256

void volume_mode_reset(struct volume *volume)
{
	for (size_t i = 0; i < VOLUME_MODE_PAGES; i++)
		memcpy(volume->mode[i], pages[i].defaults, VOLUME_MODE_PAGE_MAX);
}

static void put_descriptor(const struct volume *volume, uint8_t *p, size_t len)
{
	if (len == 16) {
		put_be64(p, volume->blocks);
		put_be32(p + 12, volume->block_size);
	} else if (len == 8) {
		put_be32(p, volume->blocks > UINT32_MAX ? UINT32_MAX : (uint32_t)volume->blocks);
		put_be24(p + 5, volume->block_size);
	}
}

/* MODE DATA LENGTH, WP and DPOFUA, block descriptor length; `len` is that of all the data. */
static void put_header(const struct volume *volume, uint8_t *p, size_t len, const struct mode_layout *layout)
{
	uint8_t specific = (uint8_t)((volume_write_protected(volume) ? 0x80 : 0) | 0x10);

	if (layout->header == 4) {
		p[0] = (uint8_t)(len - 1);
		p[2] = specific;
		p[3] = (uint8_t)layout->descriptor;
	} else {
		put_be16(p, (uint16_t)(len - 2));
		p[3] = specific;
		p[4] = layout->descriptor == 16; /* LONGLBA */
		put_be16(p + 6, (uint16_t)layout->descriptor);
	}
}

/* All the pages that were asked for; 0: there is no such page. */
static size_t put_pages(const struct volume *volume, uint8_t code, unsigned control, uint8_t *out)
{
	size_t len = 0;

	for (size_t i = 0; i < VOLUME_MODE_PAGES; i++) {
		const uint8_t *const values[] = { volume->mode[i], pages[i].changeable, pages[i].defaults };

		if (code != 0x3f && code != pages[i].code)
			continue;
		memcpy(out + len, values[control], pages[i].len);
		len += pages[i].len;
	}
	return len;
}

void volume_mode_sense(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	const uint8_t *cdb = cmd->cdb;
	bool six = cmd->cdb_len == 6;
	struct mode_layout layout = { six ? 4 : 8, cdb[1] & 0x08 ? 0 : cdb[1] & LONG_LBA ? 16 : 8 };
	unsigned control = cdb[2] >> 6;
	uint8_t out[MODE_BYTES_MAX] = { 0 };
	size_t len = layout.header + layout.descriptor, pages_len;

	(void)range;
	if (cdb[3] != 0 && cdb[3] != 0xff) { /* no subpages; FFh asks for those, too */
		scsi_cmd_invalid_field(cmd, 3, 7);
		return;
	}
	if (control == 3) {
		scsi_cmd_sense(cmd, SENSE_ILLEGAL_REQUEST, 0x3900); /* SAVING PARAMETERS NOT SUPPORTED */
		return;
	}
	pages_len = put_pages(volume, cdb[2] & 0x3f, control, out + len);
	if (!pages_len) {
		scsi_cmd_invalid_field(cmd, 2, 5);
		return;
	}
	len += pages_len;
	put_descriptor(volume, out + layout.header, layout.descriptor);
	put_header(volume, out, len, &layout);
	scsi_cmd_answer(cmd, out, len, six ? cdb[4] : get_be16(cdb + 7));
}

/* Copies one page into `mode` if all it changes may be changed. Its length in the list, or 0. */
static size_t take_page(uint8_t mode[][VOLUME_MODE_PAGE_MAX], const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < VOLUME_MODE_PAGES; i++) {
		if (len < pages[i].len || (p[0] & 0x7f) != pages[i].code || p[1] != pages[i].len - 2)
			continue;
		for (size_t j = 2; j < pages[i].len; j++) {
			if ((p[j] ^ mode[i][j]) & (uint8_t)~pages[i].changeable[j])
				return 0;
			mode[i][j] = p[j];
		}
		return pages[i].len;
	}
	return 0;
}

/* Where the pages begin: behind a block descriptor that, if there is one, describes the volume as it is. 0: a bad list
 */
static size_t pages_start(const struct volume *volume, const uint8_t *list, size_t len, bool six)
{
	size_t header = six ? 4 : 8, descriptor;
	uint8_t now[16] = { 0 }, all_blocks[16] = { 0 };

	if (len < header)
		return 0;
	descriptor = six ? list[3] : get_be16(list + 6);
	if (!descriptor)
		return header;
	if (descriptor != (!six && list[4] & 0x01 ? 16u : 8u) || len < header + descriptor)
		return 0;
	put_descriptor(volume, now, descriptor);
	memcpy(all_blocks, now, sizeof(now));
	memset(all_blocks, 0, descriptor == 16 ? 8 : 4); /* NUMBER OF LOGICAL BLOCKS 0: leave it */
	if (memcmp(list + header, now, descriptor) && memcmp(list + header, all_blocks, descriptor))
		return 0;
	return header + descriptor;
}

/* The whole list is checked on a copy before any of it takes effect. */
void volume_mode_select(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	bool six = cmd->cdb_len == 6;
	size_t len = six ? cmd->cdb[4] : get_be16(cmd->cdb + 7), at, n;
	uint8_t mode[VOLUME_MODE_PAGES][VOLUME_MODE_PAGE_MAX];

	(void)range;
	if (!(cmd->cdb[1] & 0x10)) { /* PF */
		scsi_cmd_invalid_field(cmd, 1, 4);
		return;
	}
	if (!len)
		return;
	if (volume_data_out(cmd) < len) {
		volume_short_data(cmd, (uint32_t)len);
		return;
	}
	memcpy(mode, volume->mode, sizeof(mode));
	at = pages_start(volume, cmd->data, len, six);
	if (!at) {
		scsi_cmd_sense(cmd, SENSE_ILLEGAL_REQUEST, len < (six ? 4 : 8) ? 0x1a00 : 0x2600);
		return;
	}
	for (; at < len; at += n) {
		n = take_page(mode, cmd->data + at, len - at);
		if (!n) {
			scsi_cmd_sense(cmd, SENSE_ILLEGAL_REQUEST, 0x2600); /* INVALID FIELD IN PARAMETER LIST */
			return;
		}
	}
	cmd->transfer = (uint32_t)len;
	if (!memcmp(volume->mode, mode, sizeof(mode)))
		return;
	memcpy(volume->mode, mode, sizeof(mode));
	if (volume->attention)
		volume->attention(volume->arg, 0x2a01, cmd->nexus->session_id); /* MODE PARAMETERS CHANGED */
}
