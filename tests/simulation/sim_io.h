/*
 * sim_io.h - a host's commands in the simulation: a block holds one number, its stamp, over and over.
 */
#ifndef BRAID_SIM_IO_H
#define BRAID_SIM_IO_H

#include "gateway/engine/disk.h"
#include "tests/simulation/sim.h"
#include "tests/simulation/sim_lu.h"

struct sim_io {
	struct io io;
	struct sim *sim;
	uint8_t data[4 * SIM_BLOCK];
	unsigned ended; /* times done() came: 1 is right */
	uint64_t started_us, ended_us;
	void (*then)(struct sim_io *io); /* NULL: nothing more */
	void *then_arg;
};

void sim_io_init(struct sim_io *io, struct sim *sim);

/* One block. The command is under way when these return. */
void sim_io_write(struct sim_io *io, struct disk *disk, uint64_t lba, uint64_t stamp);
void sim_io_read(struct sim_io *io, struct disk *disk, uint64_t lba);

/* COMPARE AND WRITE of one block. */
void sim_io_compare(struct sim_io *io, struct disk *disk, uint64_t lba, uint64_t old, uint64_t fresh);

/* Any command; data that it writes stand in io->data. */
void sim_io_command(struct sim_io *io, struct disk *disk, const uint8_t *cdb, unsigned cdb_len, enum scsi_dir dir,
		    uint32_t len);

bool sim_io_ended(const struct sim_io *io);
/* Runs until it has ended; false: not within limit_us. */
bool sim_io_wait(struct sim_io *io, uint64_t limit_us);

uint64_t sim_io_stamp(const struct sim_io *io); /* of the block read; 0: the bytes are not of one write */
unsigned sim_io_key(const struct sim_io *io); /* sense key; 0: none */
unsigned sim_io_asc(const struct sim_io *io); /* ASC and ASCQ */

#endif
