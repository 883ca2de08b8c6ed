/*
 * reservation_state.c - what survives a loss of power (SPC-4 5.13.5.1), as bytes: a header, the registrations, and a
 * checksum. Fields are big-endian.
 *
 *	0	magic
 *	4	version
 *	5	type of the persistent reservation; 0: none
 *	6	number of registrations
 *	8	each: key (8), holder (1), ISID (6), target port (2), length of the name (1), name
 *	end - 4	CRC32C of all before it
 *
 * PRGENERATION is not kept: it starts at zero after a loss of power (SPC-4 6.15.2).
 */
#include "target/reservation_unit.h"

#include "gateway/base/memory.h"
#include "target/crc32c.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC 0x42725052u /* "BrPR" */
#define VERSION 1
#define HEADER 8u
#define ENTRY 18u /* without the name */
#define CHECKSUM 4u

uint8_t *reservation_save(const struct reservations *reservations, size_t *len)
{
	const struct registration *registration;
	uint8_t *bytes, *p;

	*len = 0;
	if (!reservations->aptpl)
		return NULL;
	bytes = xmalloc(HEADER + reservations->count * (ENTRY + ISCSI_NAME_MAX) + CHECKSUM);
	put_be32(bytes, MAGIC);
	bytes[4] = VERSION;
	bytes[5] = (uint8_t)reservations->type;
	put_be16(bytes + 6, (uint16_t)reservations->count);
	p = bytes + HEADER;
	list_for_each(registration, &reservations->registrations, link) {
		size_t name_len = strlen(registration->nexus.initiator_name);

		put_be64(p, registration->key);
		p[8] = registration->holder;
		memcpy(p + 9, registration->nexus.isid, 6);
		put_be16(p + 15, registration->nexus.port);
		p[17] = (uint8_t)name_len;
		memcpy(p + ENTRY, registration->nexus.initiator_name, name_len);
		p += ENTRY + name_len;
	}
	crc32c_put(p, crc32c(CRC32C_INIT, bytes, (size_t)(p - bytes)));
	*len = (size_t)(p - bytes) + CHECKSUM;
	return bytes;
}

/* One entry of at most `len` bytes; its length, or -EINVAL. */
static int load_entry(struct reservations *reservations, const uint8_t *p, size_t len)
{
	struct reservation_nexus nexus = { .initiator_name = "" };
	struct registration *registration;
	size_t name_len;

	if (len < ENTRY)
		return -EINVAL;
	name_len = p[17];
	if (!get_be64(p) || p[8] > 1 || !name_len || name_len >= ISCSI_NAME_MAX || name_len > len - ENTRY ||
	    memchr(p + ENTRY, 0, name_len))
		return -EINVAL;
	memcpy(nexus.isid, p + 9, sizeof(nexus.isid));
	nexus.port = get_be16(p + 15);
	memcpy(nexus.initiator_name, p + ENTRY, name_len);
	if (reservation_find(reservations, &nexus))
		return -EINVAL;
	registration = reservation_add(reservations, &nexus, get_be64(p));
	if (!registration)
		return -EINVAL;
	registration->holder = p[8];
	return (int)(ENTRY + name_len);
}

/* One holder for the types that have one; a registration at least for the others. */
static bool consistent(const struct reservations *reservations)
{
	const struct registration *registration;
	size_t holders = 0;

	list_for_each(registration, &reservations->registrations, link)
		holders += registration->holder;
	if (!reservations->type)
		return holders == 0;
	if (reservation_all_registrants(reservations->type))
		return holders == 0 && reservations->count;
	return holders == 1;
}

/* The body, without the checksum */
static int load_body(struct reservations *reservations, const uint8_t *bytes, size_t len)
{
	size_t at = HEADER, count = get_be16(bytes + 6);

	if (get_be32(bytes) != MAGIC || bytes[4] != VERSION || (bytes[5] && !reservation_type_valid(bytes[5])))
		return -EINVAL;
	while (count--) {
		int used = load_entry(reservations, bytes + at, len - at);

		if (used < 0)
			return used;
		at += (size_t)used;
	}
	reservations->type = bytes[5];
	return at == len && consistent(reservations) ? 0 : -EINVAL;
}

int reservation_load(struct reservations *reservations, const uint8_t *bytes, size_t len)
{
	uint8_t checksum[CHECKSUM];

	if (reservations->count || reservations->reserved)
		return -EBUSY;
	if (len < HEADER + CHECKSUM)
		return -EINVAL;
	len -= CHECKSUM;
	crc32c_put(checksum, crc32c(CRC32C_INIT, bytes, len));
	if (memcmp(checksum, bytes + len, CHECKSUM) || load_body(reservations, bytes, len)) {
		reservation_free_list(&reservations->registrations);
		reservations->count = 0;
		reservations->type = RESERVATION_NONE;
		return -EINVAL;
	}
	reservations->aptpl = true;
	reservation_publish(reservations);
	return 0;
}
