#include "gateway/identity.h"

#include "gateway/base/bytes.h"
#include "gateway/hash.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define VPD_HEADER_LEN 4
#define VPD_SERIAL_NUMBER 0x80
#define VPD_DEVICE_IDENTIFICATION 0x83
#define DESIGNATOR_HEADER_LEN 4
#define VENDOR_LEN 8

/* SPC-4 7.8.6.1: fields of a designation descriptor */
enum { CODE_SET_BINARY = 1, CODE_SET_ASCII = 2, CODE_SET_UTF8 = 3 };
enum { ASSOCIATION_LOGICAL_UNIT = 0, ASSOCIATION_TARGET_DEVICE = 2 };
enum { DESIGNATOR_VENDOR, DESIGNATOR_T10, DESIGNATOR_EUI64, DESIGNATOR_NAA, DESIGNATOR_SCSI_NAME = 8 };

static bool is_pad(uint8_t byte)
{
	return byte == ' ' || byte == '\0';
}

static size_t trimmed_len(const uint8_t *bytes, size_t len)
{
	while (len > 0 && is_pad(bytes[len - 1]))
		len--;
	return len;
}

/* A row of the order of D2. rank 0: not an identifier of an LU. */
static const struct designator_type {
	const char *prefix;
	uint8_t rank;
	bool binary; /* its usual code set */
} designator_types[16] = {
	[DESIGNATOR_VENDOR] = { "vendor.", 1, true },
	[DESIGNATOR_T10] = { "t10.", 2, false },
	[DESIGNATOR_EUI64] = { "eui.", 3, true },
	[DESIGNATOR_NAA] = { "naa.", 4, true },
	[DESIGNATOR_SCSI_NAME] = { "scsi-name.", 5, false },
};

/* Zeros or spaces alone are what an array sends that was given no identifier: they would make one device of all its
 * LUs, so they count as none. */
static bool designator_usable(const struct identity *d)
{
	return designator_types[d->type].rank != 0 &&
	       (d->association == ASSOCIATION_LOGICAL_UNIT || d->association == ASSOCIATION_TARGET_DEVICE) &&
	       d->code_set >= CODE_SET_BINARY && d->code_set <= CODE_SET_UTF8 && trimmed_len(d->bytes, d->len) > 0;
}

/* Row D2's order. Between equals the bytes decide, so that it does not matter in which order a port lists them. */
static bool designator_better(const struct identity *d, const struct identity *best)
{
	if (best->kind == IDENTITY_NONE)
		return true;
	if (d->association != best->association)
		return d->association == ASSOCIATION_LOGICAL_UNIT;
	if (d->type != best->type)
		return designator_types[d->type].rank > designator_types[best->type].rank;
	if (d->len != best->len)
		return d->len > best->len;
	return memcmp(d->bytes, best->bytes, d->len) > 0;
}

int identity_from_vpd83(const uint8_t *page, size_t len, struct identity *identity)
{
	size_t at = VPD_HEADER_LEN, end;

	*identity = (struct identity){ 0 };
	if (len < VPD_HEADER_LEN || page[1] != VPD_DEVICE_IDENTIFICATION)
		return -EINVAL;
	end = VPD_HEADER_LEN + (size_t)get_be16(page + 2);
	if (end > len)
		end = len;
	while (end - at >= DESIGNATOR_HEADER_LEN) {
		const uint8_t *header = page + at;
		struct identity d = {
			.kind = IDENTITY_DESIGNATOR,
			.type = header[1] & 0x0f,
			.association = (header[1] >> 4) & 0x03,
			.code_set = header[0] & 0x0f,
			.len = header[3],
		};

		at += DESIGNATOR_HEADER_LEN;
		if (d.len > end - at)
			break;
		memcpy(d.bytes, page + at, d.len);
		at += d.len;
		if (designator_usable(&d) && designator_better(&d, identity))
			*identity = d;
	}
	return identity->kind == IDENTITY_NONE ? -ENOENT : 0;
}

int identity_from_vpd80(const uint8_t *page, size_t len, const uint8_t *vendor_product, struct identity *identity)
{
	size_t serial_len;

	*identity = (struct identity){ 0 };
	if (len < VPD_HEADER_LEN || page[1] != VPD_SERIAL_NUMBER)
		return -EINVAL;
	serial_len = get_be16(page + 2);
	if (serial_len > len - VPD_HEADER_LEN) /* a serial number cut short may be another LU's */
		return -EINVAL;
	serial_len = trimmed_len(page + VPD_HEADER_LEN, serial_len);
	if (serial_len > IDENTITY_BYTES_MAX)
		return -EINVAL;
	if (serial_len == 0)
		return -ENOENT;
	identity->kind = IDENTITY_SERIAL;
	identity->code_set = CODE_SET_ASCII;
	identity->len = (uint16_t)(HARDWARE_ID_LEN + serial_len);
	memcpy(identity->bytes, vendor_product, HARDWARE_ID_LEN);
	memcpy(identity->bytes + HARDWARE_ID_LEN, page + VPD_HEADER_LEN, serial_len);
	return 0;
}

static bool is_binary(const struct identity *identity)
{
	return identity->code_set == CODE_SET_BINARY;
}

bool identity_equal(const struct identity *a, const struct identity *b)
{
	return a->kind == b->kind && a->type == b->type && a->association == b->association &&
	       is_binary(a) == is_binary(b) && a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* A text under construction, or the bytes that one stands for. What does not fit is dropped. */
struct writer {
	char *text;
	size_t len, size;
};

static void put_char(struct writer *w, char c)
{
	if (w->len < w->size)
		w->text[w->len++] = c;
}

static void put_text(struct writer *w, const char *s)
{
	while (*s)
		put_char(w, *s++);
}

static void put_hex(struct writer *w, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		put_char(w, "0123456789abcdef"[bytes[i] >> 4]);
		put_char(w, "0123456789abcdef"[bytes[i] & 15]);
	}
}

static bool is_safe(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != '\0' && strchr("._:-", c));
}

static void put_safe(struct writer *w, const uint8_t *bytes, size_t len)
{
	len = trimmed_len(bytes, len);
	for (size_t i = 0; i < len; i++) {
		if (is_safe(bytes[i]))
			put_char(w, (char)bytes[i]);
		else if (i == 0 || !is_pad(bytes[i]) || !is_pad(bytes[i - 1]))
			put_char(w, '_');
	}
}

static void put_serial(struct writer *w, const struct identity *identity)
{
	put_safe(w, identity->bytes, VENDOR_LEN);
	put_char(w, '-');
	put_safe(w, identity->bytes + VENDOR_LEN, HARDWARE_ID_LEN - VENDOR_LEN);
	put_char(w, '-');
	put_safe(w, identity->bytes + HARDWARE_ID_LEN, identity->len - HARDWARE_ID_LEN);
}

/* Takes the text up to the separator as a field, and pads it with spaces to `len` bytes. Returns what follows. */
static const char *unput_field(struct writer *w, const char *text, char separator, size_t len)
{
	const char *end = strchr(text, separator);

	if (!end || (size_t)(end - text) > len)
		return text;
	for (size_t i = 0; i < len; i++)
		put_char(w, text + i < end ? text[i] : ' ');
	return end + 1;
}

/* Whether the text leads back to the very bytes, knowing where each form has its padding: after vendor and product,
 * and behind a SCSI name string (SPC-4 7.8.6.11: NULs, at least one, to a multiple of four). */
static bool text_is_exact(const struct identity *identity, const char *text)
{
	char bytes[IDENTITY_BYTES_MAX + HARDWARE_ID_LEN];
	struct writer w = { bytes, 0, sizeof(bytes) };

	if (identity->kind == IDENTITY_SERIAL) {
		text = unput_field(&w, text, '-', VENDOR_LEN);
		text = unput_field(&w, text, '-', HARDWARE_ID_LEN - VENDOR_LEN);
	} else if (identity->type == DESIGNATOR_T10) {
		text = unput_field(&w, text, '_', VENDOR_LEN);
	}
	put_text(&w, text);
	if (identity->type == DESIGNATOR_SCSI_NAME) {
		do
			put_char(&w, '\0');
		while (w.len % 4);
	}
	return w.len == identity->len && memcmp(bytes, identity->bytes, w.len) == 0;
}

/* Over all that identity_equal() compares. */
static uint64_t identity_hash(const struct identity *identity)
{
	const uint8_t head[] = { (uint8_t)identity->kind, identity->type, identity->association, is_binary(identity) };

	return hash_bytes(hash_bytes(HASH_START, head, sizeof(head)), identity->bytes, identity->len);
}

static bool is_exact(const struct identity *identity, const char *text)
{
	if (identity->kind == IDENTITY_SERIAL)
		return text_is_exact(identity, text);
	if (identity->association != ASSOCIATION_LOGICAL_UNIT ||
	    is_binary(identity) != designator_types[identity->type].binary)
		return false;
	return is_binary(identity) || text_is_exact(identity, text);
}

char *identity_text(const struct identity *identity, char *text, size_t size)
{
	bool serial = identity->kind == IDENTITY_SERIAL;
	char full[IDENTITY_TEXT_MAX] = "", hash[24];
	struct writer w = { full, 0, sizeof(full) - 1 };
	size_t prefix_len;

	if (identity->kind != IDENTITY_NONE) {
		put_text(&w, serial ? "serial." : designator_types[identity->type].prefix);
		prefix_len = w.len;
		if (serial)
			put_serial(&w, identity);
		else if (is_binary(identity))
			put_hex(&w, identity->bytes, identity->len);
		else
			put_safe(&w, identity->bytes, identity->len);
		if (!is_exact(identity, full + prefix_len)) {
			snprintf(hash, sizeof(hash), "-%016" PRIx64, identity_hash(identity));
			put_text(&w, hash);
		}
	}
	snprintf(text, size, "%s", full);
	return text;
}
