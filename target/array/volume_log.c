/*
 * volume_log.c - LOG SENSE (SPC-4 6.9, 7.3).
 */
#include "target/array/volume_unit.h"

#define LOG_BYTES_MAX 64

static size_t page_supported(uint8_t *out);
static size_t page_subpages(uint8_t *out);

/* Informational Exceptions: nothing to report, no temperature */
static size_t page_exceptions(uint8_t *out)
{
	out[2] = 0x03; /* FORMAT AND LINKING: binary */
	out[3] = 4;
	out[6] = 0xff; /* MOST RECENT TEMPERATURE READING: none */
	return 8;
}

/* Each fills in what follows the page's 4-byte header, all zero before; returns the PAGE LENGTH. */
static const struct {
	uint8_t code, subpage;
	size_t (*build)(uint8_t *out);
} pages[] = {
	{ 0x00, 0x00, page_supported },
	{ 0x00, 0xff, page_subpages },
	{ 0x2f, 0x00, page_exceptions },
};

#define PAGE_COUNT (sizeof(pages) / sizeof(pages[0]))

static size_t page_supported(uint8_t *out)
{
	size_t len = 0;

	for (size_t i = 0; i < PAGE_COUNT; i++)
		if (pages[i].subpage == 0)
			out[len++] = pages[i].code;
	return len;
}

static size_t page_subpages(uint8_t *out)
{
	for (size_t i = 0; i < PAGE_COUNT; i++) {
		out[2 * i] = pages[i].code;
		out[2 * i + 1] = pages[i].subpage;
	}
	return 2 * PAGE_COUNT;
}

void volume_log_sense(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	uint8_t out[LOG_BYTES_MAX] = { 0 }, code = cmd->cdb[2] & 0x3f, subpage = cmd->cdb[3];

	(void)volume;
	(void)range;
	if (get_be16(cmd->cdb + 5)) { /* PARAMETER POINTER */
		scsi_cmd_invalid_field(cmd, 5, 7);
		return;
	}
	for (size_t i = 0; i < PAGE_COUNT; i++) {
		size_t len;

		if (pages[i].code != code || pages[i].subpage != subpage)
			continue;
		len = pages[i].build(out + 4);
		out[0] = (uint8_t)(code | (subpage ? 0x40 : 0)); /* SPF */
		out[1] = subpage;
		put_be16(out + 2, (uint16_t)len);
		scsi_cmd_answer(cmd, out, len + 4, get_be16(cmd->cdb + 7));
		return;
	}
	scsi_cmd_invalid_field(cmd, 2, 5);
}
