/*
 * op.h - the kinds of I/O that braid-load issues: one table for their names, the mix, CDBs and the report.
 */
#ifndef BRAID_LOAD_OP_H
#define BRAID_LOAD_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum op {
	OP_READ,
	OP_WRITE,
	OP_FUA, /* WRITE with Force Unit Access */
	OP_COMPARE, /* COMPARE AND WRITE of one block: sent twice, the second one miscompares */
	OP_FLUSH, /* SYNCHRONIZE CACHE of everything */
	OP_TUR, /* TEST UNIT READY */
	OP_COUNT,
};

struct op_info {
	const char *name;
	bool reads, writes;
};

extern const struct op_info op_table[OP_COUNT];

/* The operation of that name, or -EINVAL. */
int op_parse(const char *name);

/* Builds the CDB (16 bytes of room); READ(10) and WRITE(10) where they reach, else the 16-byte forms (SBC-4). Returns
 * its length. */
size_t op_cdb(enum op op, uint64_t lba, uint32_t blocks, uint8_t *cdb);

#endif
