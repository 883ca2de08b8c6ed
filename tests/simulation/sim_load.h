/*
 * sim_load.h - steady load on one disk: every cell writes its block and reads it back, over and over, a pause apart.
 */
#ifndef BRAID_SIM_LOAD_H
#define BRAID_SIM_LOAD_H

#include "tests/simulation/sim_io.h"

#define SIM_LOAD_CELLS_MAX 64

struct sim_load;

struct sim_cell {
	struct sim_load *load;
	struct sim_io io;
	struct timer next;
	uint64_t lba, stamp;
	bool reading;
};

struct sim_load {
	struct sim *sim;
	struct disk *disk;
	uint64_t pause_us;
	bool stopping;
	struct sim_cell cells[SIM_LOAD_CELLS_MAX];
	unsigned count;
	uint64_t reads, writes; /* that ended well */
	unsigned failed, wrong; /* ended with an error; read something else than was written */
	uint64_t longest_read_us, longest_write_us;
};

/* The caller frees it when it has stopped. */
struct sim_load *sim_load_start(struct sim *sim, struct disk *disk, unsigned cells, uint64_t pause_us);

/* Runs until every command has ended; false: not within limit_us. */
bool sim_load_stop(struct sim_load *load, uint64_t limit_us);

#endif
