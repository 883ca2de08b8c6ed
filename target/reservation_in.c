/*
 * reservation_in.c - PERSISTENT RESERVE IN (SPC-4 6.15).
 */
#include "target/reservation_unit.h"

#include "gateway/base/memory.h"

#include <stdlib.h>
#include <string.h>

#define HEADER 8u /* PRGENERATION, ADDITIONAL LENGTH */
#define KEY 8u
#define RESERVATION_DESCRIPTOR 16u
#define STATUS_DESCRIPTOR 24u /* without the TransportID */
#define CAPABILITIES 8u

static uint8_t scope_type(const struct reservations *reservations)
{
	return (uint8_t)(RESERVATION_LU_SCOPE << 4 | reservations->type);
}

/* Each fills a zeroed buffer of its size; returns the length of the answer. */
static size_t read_keys(const struct reservations *reservations, uint8_t *out)
{
	const struct registration *registration;
	size_t len = HEADER;

	list_for_each(registration, &reservations->registrations, link) {
		put_be64(out + len, registration->key);
		len += KEY;
	}
	return len;
}

static size_t read_reservation(const struct reservations *reservations, uint8_t *out)
{
	const struct registration *registration;

	if (!reservations->type)
		return HEADER;
	list_for_each(registration, &reservations->registrations, link)
		if (registration->holder) /* all registrants: the key stays 0 */
			put_be64(out + HEADER, registration->key);
	out[HEADER + 13] = scope_type(reservations);
	return HEADER + RESERVATION_DESCRIPTOR;
}

static size_t report_capabilities(const struct reservations *reservations, uint8_t *out)
{
	put_be16(out, CAPABILITIES);
	out[2] = (uint8_t)(0x10 | 0x08 | 0x04 | !!reservations->ops->changed); /* CRH, SIP_C, ATP_C, PTPL_C */
	out[3] = (uint8_t)(0x80 | 4 << 4 | reservations->aptpl); /* TMV, ALLOW COMMANDS, PTPL_A */
	out[4] = 0xea; /* type mask: WR_EX_AR, EX_AC_RO, WR_EX_RO, EX_AC, WR_EX */
	out[5] = 0x01; /* EX_AC_AR */
	return CAPABILITIES;
}

static size_t read_full_status(const struct reservations *reservations, uint8_t *out)
{
	const struct registration *registration;
	size_t len = HEADER;

	list_for_each(registration, &reservations->registrations, link) {
		uint8_t *p = out + len;
		size_t id_len = reservation_transport_put(p + STATUS_DESCRIPTOR, &registration->nexus);

		put_be64(p, registration->key);
		if (reservation_holds(reservations, registration)) {
			p[12] = 0x01; /* R_HOLDER */
			p[13] = scope_type(reservations);
		}
		put_be16(p + 18, registration->nexus.port);
		put_be32(p + 20, (uint32_t)id_len);
		len += STATUS_DESCRIPTOR + id_len;
	}
	return len;
}

static const struct {
	size_t (*build)(const struct reservations *reservations, uint8_t *out);
	size_t fixed, each; /* room: at least that, and that for each registration */
	bool header;
} actions[] = {
	{ read_keys, HEADER, KEY, true },
	{ read_reservation, HEADER + RESERVATION_DESCRIPTOR, 0, true },
	{ report_capabilities, CAPABILITIES, 0, false },
	{ read_full_status, HEADER, STATUS_DESCRIPTOR + RESERVATION_TRANSPORT_MAX, true },
};

void reservation_in(struct reservations *reservations, struct scsi_cmd *cmd)
{
	unsigned action = cmd->cdb[1] & 0x1f;
	uint8_t *out;
	size_t len;

	if (action >= sizeof(actions) / sizeof(actions[0])) {
		scsi_cmd_invalid_field(cmd, 1, 4);
		return;
	}
	out = xcalloc(1, actions[action].fixed + actions[action].each * reservations->count);
	len = actions[action].build(reservations, out);
	if (actions[action].header) {
		put_be32(out, reservations->generation);
		put_be32(out + 4, (uint32_t)(len - HEADER));
	}
	scsi_cmd_answer(cmd, out, len, get_be16(cmd->cdb + 7));
	free(out);
}
