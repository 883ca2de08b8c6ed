/*
 * reservation_transport.c - the TransportIDs of iSCSI (SPC-4 7.6.4.6): an initiator by its name, or one of its ports by
 * name and ISID, as text.
 */
#include "target/reservation_unit.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PROTOCOL_ISCSI 0x5
#define FORMAT_DEVICE 0 /* name */
#define FORMAT_PORT 1 /* name, separator, ISID in hexadecimal */
#define HEADER 4u
#define TEXT_MIN 20u /* of the ADDITIONAL LENGTH */
#define SEPARATOR ",i,0x"
#define SEPARATOR_LEN (sizeof(SEPARATOR) - 1)
#define ISID_DIGITS 12

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 1 to 12 digits: the field is a number, leading zeros say nothing. */
static int parse_isid(const char *text, size_t len, uint8_t *isid)
{
	uint64_t value = 0;

	if (!len || len > ISID_DIGITS)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		int digit = hex_digit(text[i]);

		if (digit < 0)
			return -EINVAL;
		value = value << 4 | (unsigned)digit;
	}
	put_be16(isid, (uint16_t)(value >> 32));
	put_be32(isid + 2, (uint32_t)value);
	return 0;
}

static int parse_text(const char *text, size_t len, struct reservation_transport *transport)
{
	size_t name_len = len;

	if (transport->has_isid) {
		const char *separator = memmem(text, len, SEPARATOR, SEPARATOR_LEN);

		if (!separator)
			return -EINVAL;
		name_len = (size_t)(separator - text);
		if (parse_isid(separator + SEPARATOR_LEN, len - name_len - SEPARATOR_LEN, transport->isid))
			return -EINVAL;
	}
	if (!name_len || name_len >= sizeof(transport->initiator_name))
		return -EINVAL;
	for (size_t i = 0; i < name_len; i++) /* as the login spells it */
		transport->initiator_name[i] = (char)tolower((unsigned char)text[i]);
	return 0;
}

int reservation_transport_parse(const uint8_t *p, size_t len, struct reservation_transport *transport)
{
	size_t text_len;
	unsigned format;

	if (len < HEADER)
		return -EINVAL;
	format = p[0] >> 6;
	text_len = get_be16(p + 2);
	if ((p[0] & 0x0f) != PROTOCOL_ISCSI || format > FORMAT_PORT || text_len < TEXT_MIN || text_len % 4 ||
	    text_len > len - HEADER)
		return -EINVAL;
	*transport = (struct reservation_transport){ .has_isid = format == FORMAT_PORT };
	if (parse_text((const char *)p + HEADER, strnlen((const char *)p + HEADER, text_len), transport))
		return -EINVAL;
	return (int)(HEADER + text_len);
}

size_t reservation_transport_put(uint8_t *p, const struct reservation_nexus *nexus)
{
	char *text = (char *)p + HEADER;
	size_t len;

	memset(p, 0, RESERVATION_TRANSPORT_MAX);
	len = (size_t)snprintf(text, RESERVATION_TRANSPORT_MAX - HEADER, "%s" SEPARATOR "%04x%08x",
			       nexus->initiator_name, get_be16(nexus->isid), get_be32(nexus->isid + 2)) +
	      1;
	len += pad4(len);
	if (len < TEXT_MIN)
		len = TEXT_MIN;
	p[0] = FORMAT_PORT << 6 | PROTOCOL_ISCSI;
	put_be16(p + 2, (uint16_t)len);
	return HEADER + len;
}
