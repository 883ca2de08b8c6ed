/*
 * volume_ports.c - REPORT TARGET PORT GROUPS and SET TARGET PORT GROUPS (SPC-4 6.37, 6.45).
 */
#include "target/array/volume_unit.h"

#define GROUPS_EXTENDED 1 /* PARAMETER DATA FORMAT: a header with the transition time */
#define SET_HEADER 4u
#define SET_DESCRIPTOR 4u

static size_t put_group(const struct ports *ports, const struct port_group *group, uint8_t *p)
{
	size_t len = 8;

	p[0] = (uint8_t)((group->preferred ? 0x80 : 0) | group->state);
	p[1] = 0xcf; /* every state is supported */
	put_be16(p + 2, group->id);
	p[5] = group->reason;
	for (size_t i = 0; i < ports->portal_count; i++) {
		if (ports->portal[i].group != group->id || !ports_is_first(ports, i))
			continue;
		put_be16(p + len + 2, ports->portal[i].tpgt);
		len += 4;
		p[7]++;
	}
	return len;
}

void volume_report_groups(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	uint8_t out[8 + PORTS_MAX * 8 + PORTS_MAX * 4] = { 0 };
	unsigned format = cmd->cdb[1] >> 5;
	const struct ports *ports = volume->ports;
	size_t len = 4;

	(void)range;
	if (format > GROUPS_EXTENDED) {
		scsi_cmd_invalid_field(cmd, 1, 7);
		return;
	}
	if (format == GROUPS_EXTENDED) {
		out[4] = GROUPS_EXTENDED << 4;
		out[5] = ports->transition_s;
		len = 8;
	}
	for (size_t i = 0; i < ports->group_count; i++)
		len += put_group(ports, &ports->group[i], out + len);
	put_be32(out, (uint32_t)(len - 4));
	scsi_cmd_answer(cmd, out, len, get_be32(cmd->cdb + 6));
}

static bool has_group(const struct ports *ports, uint16_t id)
{
	for (size_t i = 0; i < ports->group_count; i++)
		if (ports->group[i].id == id)
			return true;
	return false;
}

/* A host may ask for the states that a group can rest in, not for transitioning. */
static bool can_be_set(uint8_t state)
{
	return state <= PORT_UNAVAILABLE || state == PORT_OFFLINE;
}

/* All descriptors are checked before the first is obeyed. */
void volume_set_groups(struct volume *volume, struct scsi_cmd *cmd, const struct volume_range *range)
{
	size_t len = get_be32(cmd->cdb + 6);

	(void)range;
	if (!len)
		return;
	if (volume_data_out(cmd) < len) {
		volume_short_data(cmd, (uint32_t)len);
		return;
	}
	if (len < SET_HEADER || (len - SET_HEADER) % SET_DESCRIPTOR) {
		scsi_cmd_sense(cmd, SENSE_ILLEGAL_REQUEST, 0x1a00);
		return;
	}
	for (const uint8_t *p = cmd->data + SET_HEADER; p < cmd->data + len; p += SET_DESCRIPTOR) {
		if (!can_be_set(p[0] & 0x0f) || !has_group(volume->ports, get_be16(p + 2))) {
			scsi_cmd_sense(cmd, SENSE_ILLEGAL_REQUEST, 0x2600);
			return;
		}
	}
	for (const uint8_t *p = cmd->data + SET_HEADER; p < cmd->data + len; p += SET_DESCRIPTOR)
		volume->set_group(volume->arg, get_be16(p + 2), (enum port_state)(p[0] & 0x0f), cmd->nexus->session_id);
	cmd->transfer = (uint32_t)len;
}
