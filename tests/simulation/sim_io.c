#include "tests/simulation/sim_io.h"

#include "gateway/base/bytes.h"

#include <string.h>

static void on_done(struct io *io)
{
	struct sim_io *mine = container_of(io, struct sim_io, io);

	mine->ended++;
	mine->ended_us = sim_now_us(mine->sim);
	if (mine->then)
		mine->then(mine);
}

void sim_io_init(struct sim_io *io, struct sim *sim)
{
	memset(io, 0, sizeof(*io));
	io->sim = sim;
}

static void fill(uint8_t *block, uint64_t stamp)
{
	for (unsigned at = 0; at < SIM_BLOCK; at += 8)
		put_be64(block + at, stamp);
}

void sim_io_command(struct sim_io *io, struct disk *disk, const uint8_t *cdb, unsigned cdb_len, enum scsi_dir dir,
		    uint32_t len)
{
	memset(io->io.cdb, 0, sizeof(io->io.cdb));
	memcpy(io->io.cdb, cdb, cdb_len);
	io->io.cdb_len = (uint8_t)cdb_len;
	io->io.dir = dir;
	io->io.data = io->data;
	io->io.len = len;
	io->io.info = command_info(cdb);
	io->io.done = on_done;
	io->ended = 0;
	io->started_us = sim_now_us(io->sim);
	disk_submit(disk, &io->io);
}

static void move_block(struct sim_io *io, struct disk *disk, uint8_t opcode, uint64_t lba, enum scsi_dir dir)
{
	uint8_t cdb[16] = { opcode };

	put_be64(cdb + 2, lba);
	put_be32(cdb + 10, 1);
	sim_io_command(io, disk, cdb, sizeof(cdb), dir, SIM_BLOCK);
}

void sim_io_write(struct sim_io *io, struct disk *disk, uint64_t lba, uint64_t stamp)
{
	fill(io->data, stamp);
	move_block(io, disk, 0x8a, lba, SCSI_DIR_OUT);
}

void sim_io_read(struct sim_io *io, struct disk *disk, uint64_t lba)
{
	memset(io->data, 0xee, SIM_BLOCK);
	move_block(io, disk, 0x88, lba, SCSI_DIR_IN);
}

void sim_io_compare(struct sim_io *io, struct disk *disk, uint64_t lba, uint64_t old, uint64_t fresh)
{
	uint8_t cdb[16] = { 0x89 };

	fill(io->data, old);
	fill(io->data + SIM_BLOCK, fresh);
	put_be64(cdb + 2, lba);
	cdb[13] = 1;
	sim_io_command(io, disk, cdb, sizeof(cdb), SCSI_DIR_OUT, 2 * SIM_BLOCK);
}

bool sim_io_ended(const struct sim_io *io)
{
	return io->ended != 0;
}

static bool has_ended(void *arg)
{
	return sim_io_ended(arg);
}

bool sim_io_wait(struct sim_io *io, uint64_t limit_us)
{
	return sim_until(io->sim, has_ended, io, limit_us);
}

uint64_t sim_io_stamp(const struct sim_io *io)
{
	uint64_t stamp = get_be64(io->data);

	for (unsigned at = 8; at < SIM_BLOCK; at += 8)
		if (get_be64(io->data + at) != stamp)
			return 0;
	return stamp;
}

unsigned sim_io_key(const struct sim_io *io)
{
	return io->io.sense_len > 2 ? io->io.sense[2] & 0xf : 0;
}

unsigned sim_io_asc(const struct sim_io *io)
{
	return io->io.sense_len > 13 ? get_be16(io->io.sense + 12) : 0;
}
