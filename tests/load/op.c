#include "tests/load/op.h"

#include "gateway/base/bytes.h"

#include <errno.h>
#include <string.h>

#define TEST_UNIT_READY 0x00
#define READ_10 0x28
#define WRITE_10 0x2a
#define SYNCHRONIZE_CACHE_10 0x35
#define READ_16 0x88
#define COMPARE_AND_WRITE 0x89
#define WRITE_16 0x8a
#define FUA 0x08

const struct op_info op_table[OP_COUNT] = {
	[OP_READ] = { .name = "read", .reads = true },
	[OP_WRITE] = { .name = "write", .writes = true },
	[OP_FUA] = { .name = "fua", .writes = true },
	[OP_COMPARE] = { .name = "compare", .writes = true },
	[OP_FLUSH] = { .name = "flush" },
	[OP_TUR] = { .name = "tur" },
};

int op_parse(const char *name)
{
	for (int op = 0; op < OP_COUNT; op++)
		if (strcmp(name, op_table[op].name) == 0)
			return op;
	return -EINVAL;
}

static size_t transfer_cdb(bool writes, uint8_t flags, uint64_t lba, uint32_t blocks, uint8_t *cdb)
{
	cdb[1] = flags;
	if (lba + blocks <= UINT32_MAX && blocks <= UINT16_MAX) {
		cdb[0] = writes ? WRITE_10 : READ_10;
		put_be32(cdb + 2, (uint32_t)lba);
		put_be16(cdb + 7, (uint16_t)blocks);
		return 10;
	}
	cdb[0] = writes ? WRITE_16 : READ_16;
	put_be64(cdb + 2, lba);
	put_be32(cdb + 10, blocks);
	return 16;
}

size_t op_cdb(enum op op, uint64_t lba, uint32_t blocks, uint8_t *cdb)
{
	memset(cdb, 0, 16);
	switch (op) {
	case OP_READ:
	case OP_WRITE:
	case OP_FUA:
		return transfer_cdb(op_table[op].writes, op == OP_FUA ? FUA : 0, lba, blocks, cdb);
	case OP_COMPARE:
		cdb[0] = COMPARE_AND_WRITE;
		put_be64(cdb + 2, lba);
		cdb[13] = (uint8_t)blocks;
		return 16;
	case OP_FLUSH:
		cdb[0] = SYNCHRONIZE_CACHE_10;
		return 10;
	default:
		cdb[0] = TEST_UNIT_READY;
		return 6;
	}
}
