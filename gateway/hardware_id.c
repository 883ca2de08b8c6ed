#include "gateway/identity.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define VENDOR_LEN 8
#define PRODUCT_LEN 16

/* Inquiry data and configuration are ASCII; a locale has no say. */
static bool is_printable(char c)
{
	return c >= 0x20 && c <= 0x7e;
}

void hardware_id_format(const uint8_t *vendor_product, char out[HARDWARE_ID_LEN + 1])
{
	for (size_t i = 0; i < HARDWARE_ID_LEN; i++)
		out[i] = is_printable((char)vendor_product[i]) ? (char)vendor_product[i] : ' ';
	out[HARDWARE_ID_LEN] = '\0';
}

/* "VENDOR:PRODUCT", the colon at `vendor_len`. Without a product any product of that vendor is meant. */
static int parse_pair(const char *text, size_t vendor_len, struct hardware_id *id)
{
	const char *product = text + vendor_len + 1;
	size_t product_len = strlen(product);

	if (product_len > PRODUCT_LEN)
		return -EINVAL;
	memset(id->text, ' ', product_len ? HARDWARE_ID_LEN : VENDOR_LEN);
	memcpy(id->text, text, vendor_len);
	memcpy(id->text + VENDOR_LEN, product, product_len);
	return 0;
}

int hardware_id_parse(const char *text, struct hardware_id *id)
{
	size_t len = strlen(text), colon = strcspn(text, ":");

	*id = (struct hardware_id){ 0 };
	if (strcasecmp(text, "all") == 0 || strcasecmp(text, "MSFT2005iSCSIBusType_0x9") == 0) {
		id->any = true;
		return 0;
	}
	if (text[strspn(text, " _")] == '\0') /* nothing, or padding alone */
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (!is_printable(text[i]))
			return -EINVAL;
	if (text[colon] == ':' && colon >= 1 && colon <= VENDOR_LEN)
		return parse_pair(text, colon, id);
	if (len > HARDWARE_ID_LEN)
		return -EINVAL;
	memcpy(id->text, text, len);
	return 0;
}

/* As it is compared: lower case, and padded with spaces where a field is whole. */
static void fold(const struct hardware_id *id, char out[HARDWARE_ID_LEN + 1])
{
	static const size_t ends[] = { VENDOR_LEN, HARDWARE_ID_LEN };
	size_t len = strlen(id->text);

	for (size_t i = 0; i <= len; i++)
		out[i] = (char)tolower((unsigned char)id->text[i]);
	for (size_t field = 0; field < 2; field++)
		for (size_t i = ends[field]; len >= ends[field] && i > 0 && strchr(" _", out[i - 1]); i--)
			out[i - 1] = ' ';
}

bool hardware_id_equal(const struct hardware_id *a, const struct hardware_id *b)
{
	char x[HARDWARE_ID_LEN + 1], y[HARDWARE_ID_LEN + 1];

	fold(a, x);
	fold(b, y);
	return a->any == b->any && strcmp(x, y) == 0;
}

/* Whether only spaces follow from `at` to the end of its field, vendor or product. */
static bool is_padding(const char *device_hardware_id, size_t at)
{
	size_t end = at < VENDOR_LEN ? VENDOR_LEN : HARDWARE_ID_LEN;

	while (at < end && device_hardware_id[at] == ' ')
		at++;
	return at == end;
}

bool hardware_id_matches(const struct hardware_id *id, const char *device_hardware_id)
{
	if (id->any)
		return true;
	if (strlen(device_hardware_id) != HARDWARE_ID_LEN)
		return false;
	for (size_t i = 0; id->text[i]; i++) {
		char wanted = id->text[i], there = device_hardware_id[i];

		if (tolower((unsigned char)wanted) != tolower((unsigned char)there) &&
		    !(wanted == '_' && is_padding(device_hardware_id, i)))
			return false;
	}
	return true;
}
