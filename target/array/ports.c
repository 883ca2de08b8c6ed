#include "target/array/ports.h"

#include <errno.h>
#include <string.h>

static const struct {
	enum port_state state;
	const char *name;
	scsi_asc asc;
} states[] = {
	{ PORT_OPTIMIZED, "optimized", 0 },  { PORT_NONOPTIMIZED, "nonoptimized", 0 },
	{ PORT_STANDBY, "standby", 0x040b }, { PORT_UNAVAILABLE, "unavailable", 0x040c },
	{ PORT_OFFLINE, "offline", 0x0412 }, { PORT_TRANSITIONING, "transitioning", 0x040a },
};

#define STATE_COUNT (sizeof(states) / sizeof(states[0]))

int ports_add(struct ports *ports, uint16_t tpgt, uint16_t group)
{
	if (ports->portal_count == PORTS_MAX)
		return -ENOSPC;
	for (size_t i = 0; i < ports->portal_count; i++)
		if (ports->portal[i].tpgt == tpgt && ports->portal[i].group != group)
			return -EEXIST;
	if (!ports_group(ports, group))
		ports->group[ports->group_count++] = (struct port_group){ .id = group };
	ports->portal[ports->portal_count].tpgt = tpgt;
	ports->portal[ports->portal_count++].group = group;
	return 0;
}

struct port_group *ports_group(struct ports *ports, uint16_t id)
{
	for (size_t i = 0; i < ports->group_count; i++)
		if (ports->group[i].id == id)
			return &ports->group[i];
	return NULL;
}

const struct port_group *ports_group_of(const struct ports *ports, unsigned portal)
{
	size_t i = 0;

	while (i + 1 < ports->group_count && ports->group[i].id != ports->portal[portal].group)
		i++;
	return &ports->group[i];
}

bool ports_is_first(const struct ports *ports, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (ports->portal[j].tpgt == ports->portal[i].tpgt)
			return false;
	return true;
}

scsi_asc ports_state_asc(enum port_state state)
{
	for (size_t i = 0; i < STATE_COUNT; i++)
		if (states[i].state == state)
			return states[i].asc;
	return 0;
}

int ports_state_parse(const char *name, enum port_state *state)
{
	for (size_t i = 0; i < STATE_COUNT; i++) {
		if (!strcmp(states[i].name, name)) {
			*state = states[i].state;
			return 0;
		}
	}
	return -EINVAL;
}

const char *ports_state_name(enum port_state state)
{
	for (size_t i = 0; i < STATE_COUNT; i++)
		if (states[i].state == state)
			return states[i].name;
	return "?";
}
