#include "tests/simulation/sim_port.h"

#include "gateway/base/bytes.h"
#include "tests/simulation/sim_array.h"

#include <string.h>

#define REPORT_GROUPS 0xa3
#define SET_GROUPS 0xa4
#define ASC_STATE_CHANGED 0x2a06

void sim_port_join(struct sim_portal *portal, uint16_t group)
{
	struct sim_groups *groups = &portal->array->groups;

	portal->group = group;
	for (unsigned i = 0; i < groups->count; i++)
		if (groups->group[i].id == group)
			return;
	groups->group[groups->count].state = SIM_OPTIMIZED;
	groups->group[groups->count++].id = group;
}

static void set_state(struct sim_array *array, uint16_t group, uint8_t state)
{
	for (unsigned i = 0; i < array->groups.count; i++)
		if (array->groups.group[i].id == group)
			array->groups.group[i].state = state;
	if (!array->groups.mute)
		sim_array_attention(array, SIM_ANY, ASC_STATE_CHANGED);
}

void sim_port_set(struct sim_array *array, uint16_t group, uint8_t state)
{
	set_state(array, group, state);
}

uint8_t sim_port_state(const struct sim_portal *portal)
{
	const struct sim_groups *groups = &portal->array->groups;

	for (unsigned i = 0; i < groups->count; i++)
		if (groups->group[i].id == portal->group)
			return groups->group[i].state;
	return SIM_OPTIMIZED;
}

/* SPC-4 6.37; the extended header has the length, the format, and the transition time. */
static void report_groups(const struct sim_array *array, const uint8_t *cdb, uint8_t *data, uint32_t len,
			  struct sim_answer *answer)
{
	const struct sim_groups *groups = &array->groups;
	uint8_t list[8 + SIM_GROUPS_MAX * 12] = { 0 };
	bool extended = cdb[1] >> 5 == 1;
	uint32_t at = extended ? 8 : 4;

	if (extended && groups->extended_refused) {
		sim_answer_sense(answer, SENSE_ILLEGAL_REQUEST, 0x2400);
		return;
	}
	list[4] = extended ? 0x10 : 0;
	list[5] = extended ? groups->transition_s : 0;
	for (unsigned i = 0; i < groups->count; i++, at += 12) {
		list[at] = groups->group[i].state | (groups->group[i].preferred ? 0x80 : 0);
		list[at + 1] = 0x0f;
		put_be16(list + at + 2, groups->group[i].id);
		list[at + 7] = 1;
		put_be16(list + at + 10, groups->group[i].id); /* a port of the same number */
	}
	put_be32(list, at - 4);
	sim_answer_bytes(answer, data, len, list, at);
}

/* The group that was asked for becomes optimized, the others stand by. */
static void on_set(void *arg)
{
	struct sim_groups *groups = arg;

	for (unsigned i = 0; i < groups->count; i++)
		set_state(groups->array, groups->group[i].id,
			  groups->group[i].id == groups->wanted ? SIM_OPTIMIZED : SIM_STANDBY);
}

static void set_groups(struct sim_array *array, const uint8_t *data, uint32_t len, struct sim_answer *answer)
{
	if (len < 8 || data[4] != SIM_OPTIMIZED) {
		sim_answer_sense(answer, SENSE_ILLEGAL_REQUEST, 0x2600);
		return;
	}
	array->groups.orders++;
	array->groups.wanted = get_be16(data + 6);
	if (array->groups.transition_us)
		set_state(array, array->groups.wanted, SIM_TRANSITIONING);
	timer_arm(&array->groups.done, array->groups.transition_us);
	answer->transfer = len;
}

/* What every port takes (SPC-4 5.16.2.4, 5.16.2.6); a transitioning one takes no more than an unavailable one. */
static bool passes(uint8_t opcode, uint8_t state)
{
	switch (opcode) {
	case 0x03: /* REQUEST SENSE */
	case 0x12: /* INQUIRY */
	case 0xa0: /* REPORT LUNS */
		return true;
	case 0x5e: /* PERSISTENT RESERVE IN, OUT */
	case 0x5f:
		return state <= SIM_STANDBY;
	default:
		return state == SIM_OPTIMIZED || state == SIM_NON_OPTIMIZED;
	}
}

bool sim_port_answers(struct sim_portal *portal, const struct sim_lu *lu, const uint8_t *cdb, uint8_t *data,
		      uint32_t len, struct sim_answer *answer)
{
	static const uint16_t not_ready[] = {
		[SIM_STANDBY] = 0x040b,
		[SIM_UNAVAILABLE] = 0x040c,
		[SIM_TRANSITIONING] = 0x040a,
	};
	uint8_t state = sim_port_state(portal), action = cdb[1] & 0x1f;

	if (!lu->tpgs)
		return false;
	if (cdb[0] == REPORT_GROUPS && action == 0x0a) {
		portal->array->groups.questions++;
		report_groups(portal->array, cdb, data, len, answer);
		return true;
	}
	if (cdb[0] == SET_GROUPS && action == 0x0a && (lu->tpgs & 2)) {
		set_groups(portal->array, data, len, answer);
		return true;
	}
	if (passes(cdb[0], state))
		return false;
	sim_answer_sense(answer, SENSE_NOT_READY, not_ready[state]);
	return true;
}

void sim_port_designate(const struct sim_portal *portal, uint8_t *data, uint32_t len, struct sim_answer *answer)
{
	uint8_t designator[8] = { 0x01, 0x15, 0, 4 }; /* binary; of the port, its group */
	uint32_t at = answer->transfer;

	if (answer->status != SCSI_GOOD || at < 4 || at + sizeof(designator) > len)
		return;
	put_be16(designator + 6, portal->group);
	memcpy(data + at, designator, sizeof(designator));
	put_be16(data + 2, (uint16_t)(get_be16(data + 2) + sizeof(designator)));
	answer->transfer = at + (uint32_t)sizeof(designator);
}

void sim_port_init(struct sim_array *array)
{
	array->groups.array = array;
	timer_init(&array->groups.done, &array->sim->clock, on_set, &array->groups);
}

void sim_port_done(struct sim_array *array)
{
	timer_stop(&array->groups.done);
}
