#include "gateway/timers.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define IS_BOOLEAN(unit) (__builtin_strcmp((unit), "boolean") == 0)

const struct timer_info timer_table[TIMER_COUNT] = {
#define TIMER_INFO(name, scope, preset, min, max, unit, help)                                                          \
	[TIMER_##name] = { #name, unit, help, TIMER_SCOPE_##scope, preset, min, max, IS_BOOLEAN(unit) },
	TIMER_TABLE(TIMER_INFO)
#undef TIMER_INFO
};

const struct timers timers_default = {
#define TIMER_PRESET(name, scope, preset, ...) .name = (preset),
	TIMER_TABLE(TIMER_PRESET)
#undef TIMER_PRESET
};

static const size_t offsets[TIMER_COUNT] = {
#define TIMER_OFFSET(name, ...) offsetof(struct timers, name),
	TIMER_TABLE(TIMER_OFFSET)
#undef TIMER_OFFSET
};

uint32_t *timers_at(struct timers *timers, enum timer_id id)
{
	return (uint32_t *)(void *)((char *)timers + offsets[id]);
}

uint32_t timers_get(const struct timers *timers, enum timer_id id)
{
	return *(const uint32_t *)(const void *)((const char *)timers + offsets[id]);
}

int timer_find(const char *name)
{
	for (int id = 0; id < TIMER_COUNT; id++)
		if (strcmp(timer_table[id].name, name) == 0)
			return id;
	return -ENOENT;
}
