/*
 * identity.h - what makes two paths the same device (rows D2, D3), and hardware IDs (rows D5, D6).
 *
 * An LU is known by hardware data only: the designators of VPD page 83h (SPC-4 7.8.6), or, where there are none, unit
 * serial number (page 80h) with vendor and product. Pure functions on bytes that an array sent: nothing here trusts a
 * length it was not given. Any thread.
 */
#ifndef BRAID_IDENTITY_H
#define BRAID_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDENTITY_BYTES_MAX 255
#define IDENTITY_TEXT_MAX (2 * IDENTITY_BYTES_MAX + 32)
#define HARDWARE_ID_LEN 24 /* vendor padded to 8 + product padded to 16 */

enum identity_kind {
	IDENTITY_NONE,
	IDENTITY_DESIGNATOR, /* from page 83h */
	IDENTITY_SERIAL, /* vendor (8) + product (16) + serial number */
};

struct identity {
	enum identity_kind kind;
	uint8_t type; /* designator type 0..8; 0 for IDENTITY_SERIAL */
	uint8_t association; /* 0 = logical unit, 2 = target device (SPC-4 table 588) */
	uint8_t code_set; /* 1 = binary, 2 = ASCII, 3 = UTF-8 */
	uint16_t len;
	uint8_t bytes[IDENTITY_BYTES_MAX + HARDWARE_ID_LEN];
};

/* The best designator of a page 83h answer of `len` bytes: association logical unit before target device, then type
 * 8 > 3 > 2 > 1 > 0, then the longer. Designators that end beyond the page, of length 0, or of other types (target
 * port, group: 4..7) or associations are passed over. 0; -ENOENT: no usable one; -EINVAL: not a page 83h. */
int identity_from_vpd83(const uint8_t *page, size_t len, struct identity *identity);

/* From a page 80h answer; vendor and product are the 8 + 16 bytes of the standard inquiry data.
 * 0; -ENOENT: no serial number, or only spaces; -EINVAL: not a page 80h. */
int identity_from_vpd80(const uint8_t *page, size_t len, const uint8_t *vendor_product, struct identity *identity);

bool identity_equal(const struct identity *a, const struct identity *b);

/* A stable text that serves as device id in the API and in file names: "naa.60014...", "eui.0025...", "t10.TEXT",
 * "scsi-name.iqn...", "vendor.HEX", "serial.VENDOR-PRODUCT-SN". Binary as lower-case hex; of text, bytes outside
 * [A-Za-z0-9._:-] become '_' (runs of padding become one, none at the end), and when that loses anything but padding
 * a short hash of the exact bytes is appended, so that different identities never share a text.
 * Writes at most size bytes with NUL (IDENTITY_TEXT_MAX suffices). Returns text. */
char *identity_text(const struct identity *identity, char *text, size_t size);

/* Hardware ID of standard inquiry data (bytes 8..31): 24 characters and a NUL; non-printable bytes become spaces. */
void hardware_id_format(const uint8_t *vendor_product, char out[HARDWARE_ID_LEN + 1]);

/* What a claim or a policy level names: a prefix of a hardware ID, or every device (D6). */
struct hardware_id {
	bool any; /* "MSFT2005iSCSIBusType_0x9" or "all" */
	char text[HARDWARE_ID_LEN + 1]; /* the prefix as it is compared: spaces as padding */
};

/* Takes "VENDOR  PRODUCT         ", a shorter prefix of it, "VENDOR:PRODUCT", and the Windows form in which
 * underscores stand for the padding (an underscore inside the inquiry string stays; which is which is decided when it
 * is compared, see hardware_id_matches), and the two names of "every device".
 * 0, or -EINVAL: empty, longer than 24 characters, or not printable ASCII. */
int hardware_id_parse(const char *text, struct hardware_id *id);

/* Whether they are two spellings of one pattern: case, and underscores for the padding of a whole vendor or product. */
bool hardware_id_equal(const struct hardware_id *a, const struct hardware_id *b);

/* Prefix match, case-insensitive; an underscore of the pattern that stands where the device has padding matches it. */
bool hardware_id_matches(const struct hardware_id *id, const char *device_hardware_id);

#endif
