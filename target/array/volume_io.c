/*
 * volume_io.c - reading, writing and comparing blocks (SBC-3 section 5).
 *
 * When the host expects fewer bytes than the CDB asks for, just those bytes are moved, and `transfer` tells the
 * target library of the residual (RFC 7143 11.4.5).
 */
#include "target/array/volume_unit.h"

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* FORCE UNIT ACCESS, in every CDB that has it but the six-byte ones, which cannot ask */
static bool forced(const struct scsi_cmd *cmd)
{
	return cmd->cdb_len > 6 && cmd->cdb[1] & 0x08;
}

static int store_read(struct volume *volume, uint8_t *data, size_t bytes, uint64_t offset)
{
	return bytes ? volume->store->ops->read(volume->store, data, bytes, offset) : 0;
}

static int store_write(struct volume *volume, const uint8_t *data, size_t bytes, uint64_t offset, bool force)
{
	int err = bytes ? volume->store->ops->write(volume->store, data, bytes, offset) : 0;

	if (!err && (force || !volume_write_cache(volume)))
		err = volume->store->ops->sync(volume->store);
	return err;
}

void volume_read(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	uint64_t offset = volume_bytes(volume, range->lba), bytes = volume_bytes(volume, range->blocks);
	int err = forced(cmd) ? volume->store->ops->sync(volume->store) : 0; /* not what only the cache has */

	if (!err)
		err = store_read(volume, cmd->data, min_size(bytes, volume_data_in(cmd)), offset);
	if (!volume_failed(cmd, err, false))
		cmd->transfer = (uint32_t)bytes;
}

void volume_write(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	uint64_t offset = volume_bytes(volume, range->lba), bytes = volume_bytes(volume, range->blocks);
	int err = store_write(volume, cmd->data, min_size(bytes, volume_data_out(cmd)), offset, forced(cmd));

	if (!volume_failed(cmd, err, true))
		cmd->transfer = (uint32_t)bytes;
}

static size_t first_difference(const uint8_t *a, const uint8_t *b, size_t bytes)
{
	size_t i = 0;

	if (!memcmp(a, b, bytes))
		return bytes;
	while (a[i] == b[i])
		i++;
	return i;
}

/* Compares `bytes` of the medium with `expected`, which repeats after `period` bytes; NULL: only reads them. Ends the
 * command and returns false on a difference or an error. */
static bool compare(struct volume *volume, struct scsi_cmd *cmd, uint64_t offset, size_t bytes, const uint8_t *expected,
		    size_t period)
{
	size_t step = expected && period < VOLUME_SCRATCH_BYTES ? period : VOLUME_SCRATCH_BYTES;

	for (size_t at = 0; at < bytes; at += step) {
		size_t n = min_size(step, bytes - at), same = n;
		int err = store_read(volume, volume->scratch, n, offset + at);

		if (volume_failed(cmd, err, false))
			return false;
		if (expected)
			same = first_difference(volume->scratch, expected + at % period, n);
		if (same < n) {
			volume_miscompare(cmd, at + same);
			return false;
		}
	}
	return true;
}

/* BYTCHK: 0 the medium can be read; 1 it equals the data; 3 each of its blocks equals the one block of data */
void volume_verify(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	uint64_t offset = volume_bytes(volume, range->lba), bytes = volume_bytes(volume, range->blocks);
	unsigned check = cmd->cdb[1] >> 1 & 3;
	size_t wanted = check == 1 ? bytes : check == 3 && bytes ? volume->block_size : 0;

	if (check == 2)
		scsi_cmd_invalid_field(cmd, 1, 2);
	else if (volume_data_out(cmd) < wanted)
		volume_short_data(cmd, (uint32_t)wanted);
	else if (compare(volume, cmd, offset, bytes, check ? cmd->data : NULL, wanted))
		cmd->transfer = (uint32_t)wanted;
}

/* BYTCHK is taken but makes no difference: what was written is always compared. */
void volume_write_verify(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	uint64_t offset = volume_bytes(volume, range->lba), bytes = volume_bytes(volume, range->blocks);
	size_t present = min_size(bytes, volume_data_out(cmd));
	int err;

	if ((cmd->cdb[1] >> 1 & 3) > 1) {
		scsi_cmd_invalid_field(cmd, 1, 2);
		return;
	}
	err = store_write(volume, cmd->data, present, offset, true);
	if (!volume_failed(cmd, err, true) && compare(volume, cmd, offset, present, cmd->data, present))
		cmd->transfer = (uint32_t)bytes;
}

/* The data is what to compare with, then what to write. A length that does not fit the CDB's is refused: half of it
 * compared or written would be worse than nothing. */
void volume_compare_write(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	uint64_t offset = volume_bytes(volume, range->lba);
	size_t bytes = volume_bytes(volume, range->blocks);

	if (volume_data_out(cmd) != 2 * bytes) {
		scsi_cmd_invalid_field(cmd, 13, 7);
	} else if (compare(volume, cmd, offset, bytes, cmd->data, bytes)) {
		int err = store_write(volume, cmd->data + bytes, bytes, offset, forced(cmd));

		if (!volume_failed(cmd, err, true))
			cmd->transfer = (uint32_t)(2 * bytes);
	}
}

void volume_orwrite(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	uint64_t offset = volume_bytes(volume, range->lba), bytes = volume_bytes(volume, range->blocks);
	size_t present = min_size(bytes, volume_data_out(cmd)), n;
	int err = 0;

	for (size_t at = 0; at < present && !err; at += n) {
		n = min_size(VOLUME_SCRATCH_BYTES, present - at);
		err = store_read(volume, volume->scratch, n, offset + at);
		for (size_t i = 0; i < n; i++)
			volume->scratch[i] |= cmd->data[at + i];
		if (!err)
			err = store_write(volume, volume->scratch, n, offset + at, forced(cmd));
	}
	if (!volume_failed(cmd, err, true))
		cmd->transfer = (uint32_t)bytes;
}

void volume_sync(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	(void)range; /* the whole store: it knows no smaller unit */
	volume_failed(cmd, volume->store->ops->sync(volume->store), true);
}

/* GOOD rather than CONDITION MET: nothing promises that the blocks stay in the cache. */
void volume_prefetch(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	(void)volume;
	(void)cmd;
	(void)range;
}
