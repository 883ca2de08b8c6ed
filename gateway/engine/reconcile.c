#include "gateway/engine/reconcile.h"

#include "gateway/base/bytes.h"
#include "gateway/base/memory.h"
#include "gateway/engine/disk.h"
#include "gateway/engine/retry.h"

#include <stdlib.h>
#include <string.h>

#define READ_16 0x88
#define COMPARE_AND_WRITE 0x89
#define COMPARE_BLOCKS 13 /* byte of its CDB (SBC-3 5.3) */

/* A command of the gateway's own that no host's figures count. */
static const struct command_info reading = { .effect = COMMAND_READ };

struct reconcile {
	struct io read;
	struct io *io; /* the host's */
	uint8_t data[];
};

static enum reconciled compare(const struct reconcile *r)
{
	size_t half = r->read.len;

	if (r->read.status != SCSI_GOOD || r->read.transfer < half)
		return RECONCILED_UNKNOWN;
	if (memcmp(r->data, r->io->data, half) == 0) /* the halves may be equal: then a second time changes nothing */
		return RECONCILED_NOT_DONE;
	return memcmp(r->data, r->io->data + half, half) == 0 ? RECONCILED_DONE : RECONCILED_UNKNOWN;
}

static void on_read(struct io *read)
{
	struct reconcile *r = container_of(read, struct reconcile, read);
	struct io *io = r->io;
	enum reconciled what = compare(r);

	free(r);
	retry_reconciled(io, what);
}

bool reconcile_begin(struct io *io)
{
	uint32_t half = io->cdb[COMPARE_BLOCKS] * io->disk->core->block_size;
	struct reconcile *r;

	if (io->cdb[0] != COMPARE_AND_WRITE || !half || io->len != 2 * half)
		return false;
	r = xcalloc(1, sizeof(*r) + half);
	r->io = io;
	r->read.cdb[0] = READ_16;
	put_be64(r->read.cdb + 2, command_lba(io->cdb));
	put_be32(r->read.cdb + 10, io->cdb[COMPARE_BLOCKS]);
	r->read.cdb_len = 16;
	r->read.dir = SCSI_DIR_IN;
	r->read.data = r->data;
	r->read.len = half;
	r->read.info = &reading;
	r->read.session_id = io->session_id;
	r->read.done = on_read;
	io->place = IO_RECONCILING;
	disk_submit(io->disk, &r->read);
	return true;
}
