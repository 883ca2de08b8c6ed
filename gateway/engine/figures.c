#include "gateway/engine/figures.h"

#include <time.h>

void figures_add(struct figures *sum, const struct figure_cell *cell)
{
	uint64_t last = figure_get(&cell->last_failure_us);

#define FIGURE_SUM(name) sum->name += figure_get(&cell->name);
	FIGURE_TABLE(FIGURE_SUM)
#undef FIGURE_SUM
	if (last > sum->last_failure_us)
		sum->last_failure_us = last;
}

uint64_t unix_time_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * US_PER_S + (uint64_t)now.tv_nsec / 1000;
}
