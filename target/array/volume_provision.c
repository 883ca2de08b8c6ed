/*
 * volume_provision.c - thin provisioning: UNMAP, WRITE SAME, GET LBA STATUS (SBC-3 4.7).
 */
#include "target/array/volume_unit.h"

#define UNMAP_HEADER 8u
#define UNMAP_DESCRIPTOR 16u
#define LBA_STATUS_HEADER 8u
#define LBA_STATUS_DESCRIPTOR 16u
#define LBA_STATUS_MAX 32u

static bool descriptors_ok(const struct volume *volume, struct scsi_cmd *cmd, const uint8_t *list, size_t count)
{
	uint64_t total = 0;

	if (count > VOLUME_UNMAP_DESCRIPTORS_MAX) {
		scsi_cmd_sense(cmd, SENSE_ILLEGAL_REQUEST, 0x2600); /* INVALID FIELD IN PARAMETER LIST */
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		uint64_t lba = get_be64(list + i * UNMAP_DESCRIPTOR);
		uint32_t blocks = get_be32(list + i * UNMAP_DESCRIPTOR + 8);

		if (lba > volume->blocks || blocks > volume->blocks - lba) {
			scsi_cmd_sense(cmd, SENSE_ILLEGAL_REQUEST, 0x2100);
			return false;
		}
		total += blocks;
	}
	if (total > VOLUME_UNMAP_BLOCKS_MAX) {
		scsi_cmd_sense(cmd, SENSE_ILLEGAL_REQUEST, 0x2600);
		return false;
	}
	return true;
}

/* All descriptors are checked before the first is obeyed (SBC-3 5.28). */
void volume_unmap(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	size_t len = get_be16(cmd->cdb + 7), count;
	const uint8_t *list = cmd->data + UNMAP_HEADER;
	int err = 0;

	(void)range;
	if (!len)
		return;
	if (volume_data_out(cmd) < len) {
		volume_short_data(cmd, (uint32_t)len);
		return;
	}
	if (len < UNMAP_HEADER) {
		scsi_cmd_sense(cmd, SENSE_ILLEGAL_REQUEST, 0x1a00); /* PARAMETER LIST LENGTH ERROR */
		return;
	}
	/* A descriptor that the list cuts off is ignored. */
	count = get_be16(cmd->data + 2);
	if (count > len - UNMAP_HEADER)
		count = len - UNMAP_HEADER;
	count /= UNMAP_DESCRIPTOR;
	if (!descriptors_ok(volume, cmd, list, count))
		return;
	for (; count && !err; count--, list += UNMAP_DESCRIPTOR) {
		uint64_t bytes = volume_bytes(volume, get_be32(list + 8));

		if (bytes)
			err = volume->store->ops->unmap(volume->store, volume_bytes(volume, get_be64(list)), bytes);
	}
	if (!volume_failed(cmd, err, true))
		cmd->transfer = (uint32_t)len;
}

static bool all_zero(const uint8_t *p, size_t bytes)
{
	return p[0] == 0 && !memcmp(p, p + 1, bytes - 1);
}

static int write_pattern(struct volume *volume, const uint8_t *block, uint64_t offset, uint64_t bytes)
{
	int err = 0;

	for (size_t at = 0; at < VOLUME_SCRATCH_BYTES; at += volume->block_size)
		memcpy(volume->scratch + at, block, volume->block_size);
	while (bytes && !err) {
		size_t n = bytes < VOLUME_SCRATCH_BYTES ? bytes : VOLUME_SCRATCH_BYTES;

		err = volume->store->ops->write(volume->store, volume->scratch, n, offset);
		offset += n;
		bytes -= n;
	}
	return err;
}

/* WRITE SAME: UNMAP may free the blocks when they would read as the same data afterwards, that is as zeros. */
void volume_write_same(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	static const uint8_t zeros[4096];
	bool no_data = cmd->cdb_len == 16 && cmd->cdb[1] & 0x01, unmap = cmd->cdb[1] & 0x08;
	const uint8_t *block = no_data ? zeros : cmd->data;
	uint64_t offset = volume_bytes(volume, range->lba), bytes = volume_bytes(volume, range->blocks);
	size_t wanted = no_data ? 0 : volume->block_size;
	int err;

	if (unmap && !volume->thin) {
		scsi_cmd_invalid_field(cmd, 1, 3);
		return;
	}
	/* WSNZ is set: a length of zero does not mean the rest of the medium. */
	if (!bytes || bytes > VOLUME_WRITE_SAME_BYTES_MAX) {
		scsi_cmd_invalid_field(cmd, cmd->cdb_len == 10 ? 7 : 10, 7);
		return;
	}
	if (volume_data_out(cmd) < wanted) {
		volume_short_data(cmd, (uint32_t)wanted);
		return;
	}
	if (unmap && all_zero(block, volume->block_size))
		err = volume->store->ops->unmap(volume->store, offset, bytes);
	else
		err = write_pattern(volume, block, offset, bytes);
	if (!err && !volume_write_cache(volume))
		err = volume->store->ops->sync(volume->store);
	if (!volume_failed(cmd, err, true))
		cmd->transfer = (uint32_t)wanted;
}

/* Extents from the given block on, as many as the host has room for. Neighbours may have the same status. */
void volume_lba_status(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	uint8_t out[LBA_STATUS_HEADER + LBA_STATUS_MAX * LBA_STATUS_DESCRIPTOR] = { 0 };
	size_t alloc = get_be32(cmd->cdb + 10), len = LBA_STATUS_HEADER;
	uint64_t lba = range->lba;

	do {
		bool mapped = true;
		uint64_t blocks = volume->blocks - lba;

		if (volume->thin) {
			blocks = volume->store->ops->extent(volume->store, volume_bytes(volume, lba), &mapped);
			mapped |= blocks < volume->block_size; /* a part of it is */
			blocks = blocks < volume->block_size ? 1 : blocks / volume->block_size;
		}
		if (blocks > UINT32_MAX)
			blocks = UINT32_MAX;
		put_be64(out + len, lba);
		put_be32(out + len + 8, (uint32_t)blocks);
		out[len + 12] = mapped ? 0 : 1; /* PROVISIONING STATUS: deallocated */
		len += LBA_STATUS_DESCRIPTOR;
		lba += blocks;
	} while (lba < volume->blocks && len + LBA_STATUS_DESCRIPTOR <= sizeof(out) && len < alloc);
	put_be32(out, (uint32_t)(len - 4));
	scsi_cmd_answer(cmd, out, len, alloc);
}
