#include "gateway/timers.h"

const struct timers timers_default = {
#define TIMER_PRESET(name, preset, min, max, unit, help) .name = (preset),
	TIMER_TABLE(TIMER_PRESET)
#undef TIMER_PRESET
};
