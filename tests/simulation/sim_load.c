#include "tests/simulation/sim_load.h"

#include "gateway/base/memory.h"

static void on_next(void *arg)
{
	struct sim_cell *cell = arg;

	if (cell->reading)
		sim_io_read(&cell->io, cell->load->disk, cell->lba);
	else
		sim_io_write(&cell->io, cell->load->disk, cell->lba, ++cell->stamp);
}

static void count(struct sim_load *load, const struct sim_cell *cell)
{
	uint64_t *longest = cell->reading ? &load->longest_read_us : &load->longest_write_us;
	uint64_t took = cell->io.ended_us - cell->io.started_us;

	if (took > *longest)
		*longest = took;
	if (cell->io.io.status != SCSI_GOOD)
		load->failed++;
	else if (cell->reading && sim_io_stamp(&cell->io) != cell->stamp)
		load->wrong++;
	else
		++*(cell->reading ? &load->reads : &load->writes);
}

static void on_ended(struct sim_io *io)
{
	struct sim_cell *cell = io->then_arg;

	count(cell->load, cell);
	cell->reading = !cell->reading;
	if (!cell->load->stopping)
		timer_arm(&cell->next, cell->load->pause_us);
}

struct sim_load *sim_load_start(struct sim *sim, struct disk *disk, unsigned cells, uint64_t pause_us)
{
	struct sim_load *load = xcalloc(1, sizeof(*load));

	load->sim = sim;
	load->disk = disk;
	load->pause_us = pause_us;
	load->count = cells;
	for (unsigned i = 0; i < cells; i++) {
		struct sim_cell *cell = &load->cells[i];

		cell->load = load;
		cell->lba = i;
		cell->stamp = (uint64_t)(i + 1) << 32;
		sim_io_init(&cell->io, sim);
		cell->io.then = on_ended;
		cell->io.then_arg = cell;
		timer_init(&cell->next, &sim->clock, on_next, cell);
		timer_arm(&cell->next, pause_us * i / cells);
	}
	return load;
}

static bool is_idle(void *arg)
{
	const struct sim_load *load = arg;

	for (unsigned i = 0; i < load->count; i++)
		if (load->cells[i].io.started_us && !sim_io_ended(&load->cells[i].io))
			return false;
	return true;
}

bool sim_load_stop(struct sim_load *load, uint64_t limit_us)
{
	load->stopping = true;
	for (unsigned i = 0; i < load->count; i++)
		timer_stop(&load->cells[i].next);
	return sim_until(load->sim, is_idle, load, limit_us);
}
