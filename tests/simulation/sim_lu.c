#include "tests/simulation/sim_lu.h"

#include "gateway/base/bytes.h"
#include "gateway/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct override {
	struct list link;
	uint8_t opcode;
	int page;
	uint8_t *bytes;
	uint32_t len;
};

void sim_answer_sense(struct sim_answer *answer, uint8_t key, uint16_t asc)
{
	answer->status = SCSI_CHECK_CONDITION;
	memset(answer->sense, 0, sizeof(answer->sense));
	answer->sense[0] = 0x70;
	answer->sense[2] = key;
	answer->sense[7] = 10;
	put_be16(answer->sense + 12, asc);
	answer->sense_len = sizeof(answer->sense);
	answer->transfer = 0;
}

void sim_answer_bytes(struct sim_answer *answer, uint8_t *data, uint32_t len, const uint8_t *bytes, uint32_t count)
{
	uint32_t n = count < len ? count : len;

	if (n)
		memcpy(data, bytes, n);
	answer->transfer = n;
}

/* ---- INQUIRY --------------------------------------------------------------------------------------------------- */

static uint32_t standard_data(const struct sim_lu *lu, uint8_t *page)
{
	page[2] = 6; /* SPC-4 */
	page[3] = 2;
	page[4] = 96 - 5;
	page[5] = (uint8_t)(lu->tpgs << 4);
	page[7] = 2;
	memset(page + 8, ' ', 28);
	memcpy(page + 8, lu->vendor, strlen(lu->vendor));
	memcpy(page + 16, lu->product, strlen(lu->product));
	memcpy(page + 32, lu->revision, strlen(lu->revision));
	return 96;
}

static uint32_t vpd_page(const struct sim_lu *lu, uint8_t code, uint8_t *page)
{
	static const uint8_t supported[] = { 0x00, 0x80, 0x83, 0xb0 };
	uint32_t len = 0;

	switch (code) {
	case 0x00:
		len = sizeof(supported);
		memcpy(page + 4, supported, len);
		break;
	case 0x80:
		len = (uint32_t)strlen(lu->serial);
		memcpy(page + 4, lu->serial, len);
		break;
	case 0x83:
		if (lu->naa[0]) {
			len = 4 + sizeof(lu->naa);
			page[4] = 1; /* binary */
			page[5] = 3; /* of the logical unit, NAA */
			page[7] = sizeof(lu->naa);
			memcpy(page + 8, lu->naa, sizeof(lu->naa));
		}
		break;
	case 0xb0:
		len = 60;
		break;
	default:
		break;
	}
	page[1] = code;
	put_be16(page + 2, (uint16_t)len);
	return len ? 4 + len : 0;
}

static void inquiry(struct sim_lu *lu, const uint8_t *cdb, uint8_t *data, uint32_t len, struct sim_answer *answer)
{
	uint8_t page[256] = { 0 };
	uint32_t count = cdb[1] & 1 ? vpd_page(lu, cdb[2], page) : standard_data(lu, page);

	if (!count)
		sim_answer_sense(answer, SENSE_ILLEGAL_REQUEST, 0x2400);
	else
		sim_answer_bytes(answer, data, len < get_be16(cdb + 3) ? len : get_be16(cdb + 3), page, count);
}

/* ---- blocks ---------------------------------------------------------------------------------------------------- */

static void capacity(struct sim_lu *lu, const uint8_t *cdb, uint8_t *data, uint32_t len, struct sim_answer *answer)
{
	uint8_t page[32] = { 0 };

	if (cdb[0] == 0x25) {
		put_be32(page, (uint32_t)(lu->blocks - 1));
		put_be32(page + 4, lu->block_size);
		sim_answer_bytes(answer, data, len, page, 8);
		return;
	}
	put_be64(page, lu->blocks - 1);
	put_be32(page + 8, lu->block_size);
	sim_answer_bytes(answer, data, len, page, sizeof(page));
}

static void move_blocks(struct sim_lu *lu, uint64_t lba, uint32_t blocks, bool write, uint8_t *data, uint32_t len,
			struct sim_answer *answer)
{
	uint32_t bytes = blocks * SIM_BLOCK;
	uint8_t *medium = lu->medium + lba * SIM_BLOCK;

	if (lba > lu->blocks || blocks > lu->blocks - lba) {
		sim_answer_sense(answer, SENSE_ILLEGAL_REQUEST, 0x2100);
		return;
	}
	answer->transfer = bytes;
	if (bytes > len)
		bytes = len;
	if (write)
		memcpy(medium, data, bytes);
	else
		memcpy(data, medium, bytes);
	lu->writes += write;
}

/* COMPARE AND WRITE (SBC-3 5.3) of one block: the old contents, then the new ones. */
static void compare_and_write(struct sim_lu *lu, uint64_t lba, uint8_t *data, uint32_t len, struct sim_answer *answer)
{
	if (lba >= lu->blocks || len < 2 * SIM_BLOCK)
		sim_answer_sense(answer, SENSE_ILLEGAL_REQUEST, 0x2100);
	else if (memcmp(lu->medium + lba * SIM_BLOCK, data, SIM_BLOCK) != 0)
		sim_answer_sense(answer, SENSE_MISCOMPARE, 0x1d00);
	else
		move_blocks(lu, lba, 1, true, data + SIM_BLOCK, SIM_BLOCK, answer);
}

static const struct override *find_override(const struct sim_lu *lu, const uint8_t *cdb)
{
	const struct override *o;

	list_for_each(o, &lu->overrides, link)
		if (o->opcode == cdb[0] && (cdb[0] != 0x12 || o->page == (cdb[1] & 1 ? cdb[2] : -1)))
			return o;
	return NULL;
}

bool sim_lu_overrides(const struct sim_lu *lu, const uint8_t *cdb)
{
	return find_override(lu, cdb) != NULL;
}

void sim_lu_execute(struct sim_lu *lu, const uint8_t *cdb, uint8_t *data, uint32_t len, struct sim_answer *answer)
{
	const struct override *o = find_override(lu, cdb);

	if (o) {
		sim_answer_bytes(answer, data, len, o->bytes, o->len);
		return;
	}
	switch (cdb[0]) {
	case 0x00: /* TEST UNIT READY */
	case 0x35: /* SYNCHRONIZE CACHE(10) */
	case 0x91:
		break;
	case 0x12:
		inquiry(lu, cdb, data, len, answer);
		break;
	case 0x25:
	case 0x9e:
		capacity(lu, cdb, data, len, answer);
		break;
	case 0x28:
	case 0x2a:
		move_blocks(lu, get_be32(cdb + 2), get_be16(cdb + 7), cdb[0] == 0x2a, data, len, answer);
		break;
	case 0x88:
	case 0x8a:
		move_blocks(lu, get_be64(cdb + 2), get_be32(cdb + 10), cdb[0] == 0x8a, data, len, answer);
		break;
	case 0x89:
		compare_and_write(lu, get_be64(cdb + 2), data, len, answer);
		break;
	default:
		sim_answer_sense(answer, SENSE_ILLEGAL_REQUEST, 0x2000);
	}
}

uint64_t sim_lu_stamp(const struct sim_lu *lu, uint64_t lba)
{
	return get_be64(lu->medium + lba * SIM_BLOCK);
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

void sim_lu_identity(struct sim_lu *lu, uint64_t number)
{
	memset(lu->naa, 0, sizeof(lu->naa));
	lu->naa[0] = 0x60;
	put_be64(lu->naa + 8, number);
	snprintf(lu->serial, sizeof(lu->serial), "SN%08llu", (unsigned long long)number);
}

void sim_lu_resize(struct sim_lu *lu, uint64_t blocks)
{
	lu->medium = xrealloc(lu->medium, blocks * SIM_BLOCK);
	if (blocks > lu->blocks)
		memset(lu->medium + lu->blocks * SIM_BLOCK, 0, (blocks - lu->blocks) * SIM_BLOCK);
	lu->blocks = blocks;
}

static void override_destroy(struct override *o)
{
	list_del(&o->link);
	free(o->bytes);
	free(o);
}

void sim_lu_override(struct sim_lu *lu, uint8_t opcode, int page, const uint8_t *bytes, uint32_t len)
{
	struct override *o;

	list_for_each(o, &lu->overrides, link)
		if (o->opcode == opcode && o->page == page)
			override_destroy(o);
	if (!bytes)
		return;
	o = xcalloc(1, sizeof(*o));
	o->opcode = opcode;
	o->page = page;
	o->len = len;
	o->bytes = xmalloc(len ? len : 1);
	memcpy(o->bytes, bytes, len);
	list_add_tail(&lu->overrides, &o->link);
}

struct sim_lu *sim_lu_create(uint16_t lun, uint64_t number, uint64_t blocks)
{
	struct sim_lu *lu = xcalloc(1, sizeof(*lu));

	list_init(&lu->link);
	list_init(&lu->overrides);
	sim_reservation_init(lu);
	lu->lun = lun;
	lu->block_size = SIM_BLOCK;
	str_copy(lu->vendor, sizeof(lu->vendor), "BRAID");
	str_copy(lu->product, sizeof(lu->product), "SIM-DISK");
	str_copy(lu->revision, sizeof(lu->revision), "1");
	sim_lu_identity(lu, number);
	sim_lu_resize(lu, blocks);
	return lu;
}

void sim_lu_destroy(struct sim_lu *lu)
{
	struct override *o;

	if (!lu)
		return;
	list_for_each(o, &lu->overrides, link)
		override_destroy(o);
	list_del(&lu->link);
	free(lu->medium);
	free(lu);
}
