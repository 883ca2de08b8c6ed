#include "target/array/volume_unit.h"

#include "gateway/base/list.h"
#include "gateway/base/memory.h"

#include <errno.h>
#include <stdlib.h>

#define ASC_INVALID_OPCODE 0x2000 /* INVALID COMMAND OPERATION CODE */

static bool fits_blocks(uint64_t bytes, uint32_t block_size)
{
	return bytes && bytes <= STORE_BYTES_MAX && bytes % block_size == 0;
}

static void lu_submit(struct lu *lu, struct scsi_cmd *cmd)
{
	if (!volume_execute(container_of(lu, struct volume, lu), cmd))
		scsi_cmd_sense(cmd, SENSE_ILLEGAL_REQUEST, ASC_INVALID_OPCODE); /* there is no owner to execute it */
	scsi_cmd_done(cmd);
}

static const struct lu_ops volume_lu_ops = { .submit = lu_submit };

struct volume *volume_create(const struct volume_config *config)
{
	struct volume *volume;

	if ((config->block_size != 512 && config->block_size != 4096) ||
	    !fits_blocks(config->store->size_bytes, config->block_size)) {
		errno = EINVAL;
		return NULL;
	}
	volume = xcalloc(1, sizeof(*volume));
	volume->lu.ops = &volume_lu_ops;
	volume->store = config->store;
	volume->ports = config->ports;
	str_copy(volume->target_name, sizeof(volume->target_name), config->target_name);
	str_copy(volume->vendor, sizeof(volume->vendor), config->vendor);
	str_copy(volume->product, sizeof(volume->product), config->product);
	str_copy(volume->serial, sizeof(volume->serial), config->serial);
	memcpy(volume->id, config->id, sizeof(volume->id));
	volume->block_size = config->block_size;
	volume->transfer_bytes = config->transfer_bytes;
	volume->blocks = config->store->size_bytes / config->block_size;
	volume->thin = config->store->unmap_unit && !config->thick;
	volume->reservations = config->reservations;
	volume->attention = config->attention;
	volume->set_group = config->set_group;
	volume->arg = config->arg;
	volume->scratch = xmalloc(VOLUME_SCRATCH_BYTES);
	volume_mode_reset(volume);
	return volume;
}

void volume_destroy(struct volume *volume)
{
	if (!volume)
		return;
	store_destroy(volume->store);
	free(volume->scratch);
	free(volume);
}

struct lu *volume_lu(struct volume *volume)
{
	return &volume->lu;
}

void volume_reset(struct volume *volume)
{
	volume_mode_reset(volume);
	volume->stopped = false;
}

uint64_t volume_size_bytes(const struct volume *volume)
{
	return volume_bytes(volume, volume->blocks);
}

int volume_resize(struct volume *volume, uint64_t bytes)
{
	int err;

	if (!fits_blocks(bytes, volume->block_size))
		return -EINVAL;
	err = volume->store->ops->resize(volume->store, bytes);
	if (err)
		return err;
	volume->blocks = bytes / volume->block_size;
	if (volume->attention)
		volume->attention(volume->arg, 0x2a09, 0); /* CAPACITY DATA HAS CHANGED */
	return 0;
}

bool volume_failed(struct scsi_cmd *cmd, int err, bool writing)
{
	if (!err)
		return false;
	if (err == -ENOSPC)
		scsi_cmd_sense(cmd, SENSE_DATA_PROTECT, 0x2707); /* SPACE ALLOCATION FAILED WRITE PROTECT */
	else
		scsi_cmd_sense(cmd, SENSE_MEDIUM_ERROR, writing ? 0x0c00 : 0x1100);
	return true;
}

void volume_miscompare(struct scsi_cmd *cmd, uint64_t offset)
{
	scsi_cmd_sense(cmd, SENSE_MISCOMPARE, 0x1d00);
	cmd->sense[0] |= 0x80; /* VALID */
	put_be32(cmd->sense + 3, (uint32_t)offset);
}

void volume_short_data(struct scsi_cmd *cmd, uint32_t wanted)
{
	scsi_cmd_sense(cmd, SENSE_ILLEGAL_REQUEST, 0x0e03); /* INVALID FIELD IN COMMAND INFORMATION UNIT */
	cmd->transfer = wanted;
}

/* A bit that the usage data does not have is reserved or not supported: the field pointer names it. */
static bool usage_ok(const struct volume_opcode *op, struct scsi_cmd *cmd)
{
	for (unsigned i = 1; i < cmd->cdb_len; i++) {
		unsigned stray = cmd->cdb[i] & (unsigned)~op->usage[i - 1] & 0xff;

		if (stray) {
			scsi_cmd_invalid_field(cmd, i, 31 - (unsigned)__builtin_clz(stray));
			return false;
		}
	}
	return true;
}

/* Not ready, or not to be written to. */
static bool state_ok(const struct volume *volume, const struct volume_opcode *op, struct scsi_cmd *cmd)
{
	enum port_state port = ports_group_of(volume->ports, cmd->nexus->portal)->state;
	unsigned passes = op->flags & (port == PORT_STANDBY ? OP_STANDBY : OP_UNAVAILABLE);
	scsi_asc asc = passes ? 0 : ports_state_asc(port);

	if (!asc && op->flags & OP_MEDIUM && volume->stopped)
		asc = 0x0402; /* INITIALIZING COMMAND REQUIRED */
	if (asc)
		scsi_cmd_sense(cmd, SENSE_NOT_READY, asc);
	else if (op->flags & OP_WRITES && volume_write_protected(volume))
		scsi_cmd_sense(cmd, SENSE_DATA_PROTECT, 0x2700);
	else
		return true;
	return false;
}

/* LOGICAL BLOCK ADDRESS and the length behind it, where every CDB of that length has them. */
static unsigned get_range(const struct scsi_cmd *cmd, struct volume_range *range)
{
	const uint8_t *cdb = cmd->cdb;

	switch (cmd->cdb_len) {
	case 6:
		*range = (struct volume_range){ get_be24(cdb + 1) & 0x1fffff, cdb[4] ? cdb[4] : 256 };
		return 4;
	case 10:
		*range = (struct volume_range){ get_be32(cdb + 2), get_be16(cdb + 7) };
		return 7;
	case 12:
		*range = (struct volume_range){ get_be32(cdb + 2), get_be32(cdb + 6) };
		return 6;
	default:
		*range = (struct volume_range){ get_be64(cdb + 2), get_be32(cdb + 10) };
		return 10;
	}
}

static bool range_ok(const struct volume *volume, const struct volume_opcode *op, struct scsi_cmd *cmd,
		     struct volume_range *range)
{
	unsigned length_byte;

	if (!(op->flags & OP_RANGE))
		return true;
	length_byte = get_range(cmd, range);
	if (op->flags & OP_START)
		range->blocks = 1;
	else if (op->flags & OP_ZERO_REST && !range->blocks && range->lba < volume->blocks)
		range->blocks = volume->blocks - range->lba;
	if (range->lba > volume->blocks || range->blocks > volume->blocks - range->lba) {
		scsi_cmd_sense(cmd, SENSE_ILLEGAL_REQUEST, 0x2100);
		return false;
	}
	if (op->flags & OP_LIMIT && volume_bytes(volume, range->blocks) > volume->transfer_bytes) {
		scsi_cmd_invalid_field(cmd, length_byte, 7);
		return false;
	}
	return true;
}

/* The host's idea of who sends must not be the opposite of the command's: its buffer would hold something else. */
static bool direction_ok(const struct volume_opcode *op, struct scsi_cmd *cmd)
{
	if (!(op->flags & OP_OUT) || cmd->dir != SCSI_DIR_IN)
		return true;
	volume_short_data(cmd, 0);
	return false;
}

bool volume_execute(struct volume *volume, struct scsi_cmd *cmd)
{
	struct volume_range range = { 0, 0 };
	bool known;
	const struct volume_opcode *op = volume_opcode_find(volume, cmd->cdb[0], cmd->cdb[1] & 0x1f, &known);

	if (!op && known) {
		scsi_cmd_invalid_field(cmd, 1, 4);
	} else if (!op || (!op->execute && !(op->flags & OP_RESERVATION))) {
		scsi_cmd_sense(cmd, SENSE_ILLEGAL_REQUEST, ASC_INVALID_OPCODE);
	} else if (usage_ok(op, cmd) && state_ok(volume, op, cmd) && range_ok(volume, op, cmd, &range) &&
		   direction_ok(op, cmd)) {
		if (!op->execute)
			return false;
		op->execute(volume, cmd, &range);
	}
	return true;
}
