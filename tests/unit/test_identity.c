/* Which designator makes the identity, when two are equal, and the text that stands for one; with bytes that an array
 * should not send, and with random ones. */
#include "gateway/identity.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BINARY = 1, ASCII, UTF8 };
enum { LU, PORT, DEVICE, RESERVED };

struct page {
	uint8_t bytes[2048];
	size_t len;
};

static struct page page83(void)
{
	return (struct page){ .bytes = { 0, 0x83 }, .len = 4 };
}

static void add(struct page *page, unsigned association, unsigned type, unsigned code_set, const void *bytes,
		size_t len)
{
	uint8_t *d = page->bytes + page->len;

	d[0] = (uint8_t)code_set;
	d[1] = (uint8_t)(association << 4 | type);
	d[2] = 0;
	d[3] = (uint8_t)len;
	memcpy(d + 4, bytes, len);
	page->len += 4 + len;
	page->bytes[2] = (uint8_t)((page->len - 4) >> 8);
	page->bytes[3] = (uint8_t)(page->len - 4);
}

/* Parses a copy of exactly that size, so that a read beyond it is caught. */
static int parse(const struct page *page, struct identity *identity)
{
	uint8_t *copy = malloc(page->len ? page->len : 1);
	int rc;

	memcpy(copy, page->bytes, page->len);
	rc = identity_from_vpd83(copy, page->len, identity);
	free(copy);
	return rc;
}

static const char *text_of(const struct identity *identity)
{
	static char text[IDENTITY_TEXT_MAX];

	return identity_text(identity, text, sizeof(text));
}

static struct identity designator(unsigned type, unsigned code_set, const void *bytes, size_t len)
{
	struct page page = page83();
	struct identity identity;

	add(&page, LU, type, code_set, bytes, len);
	assert_int_equal(parse(&page, &identity), 0);
	return identity;
}

#define TEXT(type, code_set, bytes) designator(type, code_set, bytes, sizeof(bytes) - 1)

/* row: D2 */
static void test_order_of_types(void **state)
{
	static const unsigned order[] = { 0, 1, 2, 3, 8 };
	struct page page = page83();
	struct identity identity;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
		add(&page, LU, order[i], ASCII, "0123456789abcdef", 16 - i); /* the better, the shorter */
		assert_int_equal(parse(&page, &identity), 0);
		assert_int_equal(identity.type, order[i]);
		assert_int_equal(identity.len, 16 - i);
	}
}

/* row: D2 */
static void test_unit_before_device(void **state)
{
	struct page page = page83();
	struct identity identity;

	(void)state;
	add(&page, DEVICE, 8, UTF8, "iqn.2001-04.com.example:a\0\0", 28);
	assert_int_equal(parse(&page, &identity), 0);
	assert_int_equal(identity.association, DEVICE);
	add(&page, LU, 0, BINARY, "\x01", 1);
	add(&page, DEVICE, 3, BINARY, "\x60\1\2\3\4\5\6\7", 8);
	assert_int_equal(parse(&page, &identity), 0);
	assert_int_equal(identity.association, LU);
	assert_int_equal(identity.type, 0);
}

/* row: D2 */
static void test_longer_wins(void **state)
{
	static const uint8_t naa6[16] = "\x60\1\4\5\0\0\0\0\0\0\0\0\0\0\0\1", naa5[8] = "\x50\1\4\5\0\0\0\1";
	struct identity identity;

	(void)state;
	for (int swapped = 0; swapped < 2; swapped++) {
		struct page page = page83();

		add(&page, LU, 3, BINARY, swapped ? naa5 : naa6, swapped ? 8 : 16);
		add(&page, LU, 3, BINARY, swapped ? naa6 : naa5, swapped ? 16 : 8);
		assert_int_equal(parse(&page, &identity), 0);
		assert_string_equal(text_of(&identity), "naa.60010405000000000000000000000001");
	}
}

/* row: D3 */
static void test_order_in_page_does_not_matter(void **state)
{
	struct identity a, b;
	struct page page = page83();

	(void)state;
	add(&page, LU, 3, BINARY, "\x50\0\0\0\0\0\0\1", 8);
	add(&page, LU, 3, BINARY, "\x50\0\0\0\0\0\0\2", 8);
	assert_int_equal(parse(&page, &a), 0);
	page = page83();
	add(&page, LU, 3, BINARY, "\x50\0\0\0\0\0\0\2", 8);
	add(&page, LU, 3, BINARY, "\x50\0\0\0\0\0\0\1", 8);
	assert_int_equal(parse(&page, &b), 0);
	assert_true(identity_equal(&a, &b));
}

/* row: D2 */
static void test_passed_over(void **state)
{
	static const struct {
		unsigned association, type, code_set;
		const char *bytes;
		size_t len;
	} useless[] = {
		{ PORT, 3, BINARY, "\x50\0\0\0\0\0\0\1", 8 },
		{ RESERVED, 3, BINARY, "\x50\0\0\0\0\0\0\1", 8 },
		{ LU, 4, BINARY, "\0\0\0\1", 4 },
		{ LU, 5, BINARY, "\0\0\0\1", 4 },
		{ LU, 6, BINARY, "\0\0\0\1", 4 },
		{ LU, 7, BINARY, "0123456789abcdef", 16 },
		{ LU, 9, BINARY, "\1", 1 },
		{ LU, 15, BINARY, "\1", 1 },
		{ LU, 3, 0, "\x50\0\0\0\0\0\0\1", 8 },
		{ LU, 3, 4, "\x50\0\0\0\0\0\0\1", 8 },
		{ LU, 3, BINARY, "", 0 },
		{ LU, 3, BINARY, "\0\0\0\0\0\0\0\0", 8 },
		{ LU, 1, ASCII, "        ", 8 },
	};
	struct page page = page83();
	struct identity identity;

	(void)state;
	assert_int_equal(parse(&page, &identity), -ENOENT);
	for (size_t i = 0; i < ARRAY_COUNT(useless); i++) {
		add(&page, useless[i].association, useless[i].type, useless[i].code_set, useless[i].bytes,
		    useless[i].len);
		assert_int_equal(parse(&page, &identity), -ENOENT);
		assert_int_equal(identity.kind, IDENTITY_NONE);
	}
	add(&page, LU, 0, BINARY, "\7", 1);
	assert_int_equal(parse(&page, &identity), 0);
	assert_string_equal(text_of(&identity), "vendor.07");
}

/* row: D2 */
static void test_lengths_that_lie(void **state)
{
	struct page page = page83(), cut;
	struct identity identity;
	size_t whole;

	(void)state;
	add(&page, LU, 2, BINARY, "\0\x25\0\0\0\0\0\1", 8);
	whole = page.len;
	add(&page, LU, 3, BINARY, "\x50\0\0\0\0\0\0\1", 8);
	for (size_t len = 0; len < page.len; len++) { /* shorter than the page says */
		int expected = len < 4 ? -EINVAL : len < whole ? -ENOENT : 0;

		cut = page;
		cut.len = len;
		assert_int_equal(parse(&cut, &identity), expected);
		if (expected == 0)
			assert_int_equal(identity.type, 2);
	}
	cut = page;
	cut.bytes[2] = cut.bytes[3] = 0xff; /* the page claims more than there is */
	assert_int_equal(parse(&cut, &identity), 0);
	assert_int_equal(identity.type, 3);
	cut = page;
	cut.bytes[3] = (uint8_t)(whole - 4); /* or less: what is beyond is not of the page */
	assert_int_equal(parse(&cut, &identity), 0);
	assert_int_equal(identity.type, 2);
	cut = page;
	cut.bytes[whole + 3] = 9; /* a designator that ends beyond the page */
	assert_int_equal(parse(&cut, &identity), 0);
	assert_int_equal(identity.type, 2);
	cut = page;
	cut.bytes[1] = 0x80;
	assert_int_equal(parse(&cut, &identity), -EINVAL);
}

/* row: D2 */
static void test_serial_number(void **state)
{
	static const uint8_t page[] = "\0\x80\0\x0a"
				      "SN-1 2  \0\0";
	static const uint8_t blank[] = "\0\x80\0\x04"
				       "  \0 ",
			     none[] = "\0\x80\0\0";
	const uint8_t *vendor_product = (const uint8_t *)"ACME    DISK 2000       ";
	uint8_t large[4 + 300] = { 0, 0x80, 1, 44 };
	struct identity identity;

	(void)state;
	assert_int_equal(identity_from_vpd80(page, sizeof(page) - 1, vendor_product, &identity), 0);
	assert_int_equal(identity.kind, IDENTITY_SERIAL);
	assert_int_equal(identity.len, 24 + 6);
	assert_memory_equal(identity.bytes, "ACME    DISK 2000       SN-1 2", 30);
	assert_int_equal(identity_from_vpd80(blank, 8, vendor_product, &identity), -ENOENT);
	assert_int_equal(identity_from_vpd80(none, 4, vendor_product, &identity), -ENOENT);
	assert_int_equal(identity_from_vpd80(page, 3, vendor_product, &identity), -EINVAL);
	assert_int_equal(identity_from_vpd80(page, 9, vendor_product, &identity), -EINVAL);
	memset(large + 4, 'x', 300);
	assert_int_equal(identity_from_vpd80(large, sizeof(large), vendor_product, &identity), -EINVAL);
	large[2] = 0;
	large[3] = 255;
	assert_int_equal(identity_from_vpd80(large, sizeof(large), vendor_product, &identity), 0);
	assert_int_equal(identity.len, 24 + 255);
	large[1] = 0x83;
	assert_int_equal(identity_from_vpd80(large, sizeof(large), vendor_product, &identity), -EINVAL);
}

/* row: D3 */
static void test_equal(void **state)
{
	struct identity a = TEXT(3, BINARY, "\x50\0\0\0\0\0\0\1"), b = a;

	(void)state;
	assert_true(identity_equal(&a, &b));
	b.bytes[7] = 2;
	assert_false(identity_equal(&a, &b));
	b = TEXT(3, BINARY, "\x50\0\0\0\0\0\0\1\0");
	assert_false(identity_equal(&a, &b));
	b = TEXT(2, BINARY, "\x50\0\0\0\0\0\0\1");
	assert_false(identity_equal(&a, &b));
	b = a;
	b.association = DEVICE;
	assert_false(identity_equal(&a, &b));
	a = TEXT(1, ASCII, "ACME    1");
	b = TEXT(1, UTF8, "ACME    1");
	assert_true(identity_equal(&a, &b));
	b = TEXT(1, ASCII, "ACME    1 ");
	assert_false(identity_equal(&a, &b));
}

/* row: D2 */
static void test_text(void **state)
{
	static const struct {
		unsigned type, code_set;
		const char *bytes;
		size_t len;
		const char *text;
	} cases[] = {
		{ 3, BINARY, "\x60\x01\x4f\xaB\0\0\0\1", 8, "naa.60014fab00000001" },
		{ 2, BINARY, "\0\x25\x38\0\0\0\0\1", 8, "eui.0025380000000001" },
		{ 1, ASCII, "IET     00010001", 16, "t10.IET_00010001" },
		{ 1, ASCII, "LIO-ORG disk_1", 14, "t10.LIO-ORG_disk_1" },
		{ 1, ASCII, "ABCDEFGHserial", 14, "t10.ABCDEFGHserial" },
		{ 8, UTF8, "iqn.2001-04.com.example:a\0\0\0", 28, "scsi-name.iqn.2001-04.com.example:a" },
		{ 0, BINARY, "\xde\xad\xbe\xef", 4, "vendor.deadbeef" },
	};
	struct identity none = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct identity identity = designator(cases[i].type, cases[i].code_set, cases[i].bytes, cases[i].len);

		assert_string_equal(text_of(&identity), cases[i].text);
	}
	assert_string_equal(text_of(&none), "");
}

static struct identity serial(const char *vendor_product, const char *number)
{
	uint8_t page[64] = { 0, 0x80, 0, (uint8_t)strlen(number) };
	struct identity identity;

	memcpy(page + 4, number, strlen(number));
	assert_int_equal(identity_from_vpd80(page, 4 + strlen(number), (const uint8_t *)vendor_product, &identity), 0);
	return identity;
}

/* Identities that look alike, none of which may share its text with another. */
/* row: D3 */
static void test_texts_never_meet(void **state)
{
	struct identity all[] = {
		TEXT(1, ASCII, "IET     X"),
		TEXT(1, ASCII, "IET    X"),
		TEXT(1, ASCII, "IET_X"),
		TEXT(1, ASCII, "IET     X "),
		TEXT(1, ASCII, "IET     X\0"),
		TEXT(1, ASCII, "IET  \0  X"),
		TEXT(1, ASCII, "IET_X   Y"),
		TEXT(1, ASCII, "IET     X_Y"),
		TEXT(1, ASCII, "IET     X Y"),
		TEXT(1, ASCII, "IET     X/Y"),
		TEXT(1, ASCII, "IET     X\xffY"),
		TEXT(1, BINARY, "IET     X"),
		TEXT(1, ASCII, "abc"),
		TEXT(1, BINARY, "abc"),
		TEXT(1, ASCII, "616263"),
		TEXT(3, BINARY, "abc"),
		TEXT(3, ASCII, "616263"),
		TEXT(3, ASCII, "abc"),
		TEXT(0, BINARY, "abc"),
		TEXT(0, ASCII, "abc"),
		TEXT(0, ASCII, "616263"),
		TEXT(8, UTF8, "iqn.a"),
		TEXT(8, UTF8, "iqn.a\0\0\0"),
		TEXT(8, UTF8, "iqn.a\0"),
		TEXT(8, UTF8, "iqn.a,b\0"),
		TEXT(8, UTF8, "iqn.a_b\0"),
		TEXT(8, BINARY, "iqn.a"),
		serial("IET     VIRTUAL-DISK    ", "1"),
		serial("IET     VIRTUAL         ", "DISK-1"),
		serial("IET-VIRTDISK            ", "1"),
		serial("IET     VIRTDISK        ", "1"),
		serial("IET     VIRTDISK        ", " 1"),
		serial("IET     VIRT DISK       ", "1"),
		serial("IET     VIRT_DISK       ", "1"),
		serial("IET     VIRTDISK        ", "1_"),
	};
	char texts[ARRAY_COUNT(all)][IDENTITY_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
		identity_text(&all[i], texts[i], sizeof(texts[i]));
		assert_int_equal(strspn(texts[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-"),
				 strlen(texts[i]));
		for (size_t j = 0; j < i; j++)
			if (strcmp(texts[i], texts[j]) == 0)
				fail_msg("%zu and %zu share %s", i, j, texts[i]);
	}
	assert_string_equal(texts[30], "serial.IET-VIRTDISK-1");
}

static void test_text_is_cut_to_size(void **state)
{
	struct identity identity = TEXT(3, BINARY, "\x60\x01");
	char small[6] = "xxxxx", full[IDENTITY_TEXT_MAX];
	uint8_t bytes[255];

	(void)state;
	assert_ptr_equal(identity_text(&identity, small, sizeof(small)), small);
	assert_string_equal(small, "naa.6");
	identity_text(&identity, small, 1);
	assert_string_equal(small, "");
	memset(bytes, 0xab, sizeof(bytes));
	identity = designator(8, BINARY, bytes, sizeof(bytes)); /* the longest text there is */
	identity_text(&identity, full, sizeof(full));
	assert_int_equal(strlen(full), strlen("scsi-name.") + 2 * 255 + 17);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static void check_invariants(const struct identity *identity, int rc)
{
	const char *text = text_of(identity);

	assert_int_equal(rc == 0, identity->kind != IDENTITY_NONE);
	assert_true(strlen(text) < IDENTITY_TEXT_MAX - 1);
	assert_true(identity_equal(identity, identity));
	if (rc == 0) {
		assert_true(identity->len > 0 && identity->len <= sizeof(identity->bytes));
		assert_true(identity->association == LU || identity->association == DEVICE);
	}
}

static int parse_serial(const struct page *page, struct identity *identity)
{
	uint8_t *copy = malloc(page->len ? page->len : 1);
	int rc;

	memcpy(copy, page->bytes, page->len);
	if (page->len > 1)
		copy[1] = 0x80;
	rc = identity_from_vpd80(copy, page->len, (const uint8_t *)"ACME    DISK 2000       ", identity);
	free(copy);
	return rc;
}

/* row: D2 */
static void test_random_pages(void **state)
{
	uint32_t seed = 20261120;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct page page = page83();
		struct identity identity;
		uint32_t count = next_random(&seed) % 5;
		uint8_t bytes[255];

		for (uint32_t i = 0; i < count; i++) {
			size_t len = next_random(&seed) % (round % 4 ? 20 : 256);

			for (size_t j = 0; j < len; j++)
				bytes[j] = (uint8_t)next_random(&seed);
			add(&page, next_random(&seed) % 4, next_random(&seed) % 16, next_random(&seed) % 5, bytes, len);
		}
		for (uint32_t i = next_random(&seed) % 4; i > 0; i--)
			page.bytes[next_random(&seed) % (page.len + 1)] = (uint8_t)next_random(&seed);
		page.len -= next_random(&seed) % (page.len + 1);
		check_invariants(&identity, parse(&page, &identity));
		check_invariants(&identity, parse_serial(&page, &identity));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_of_types),
		cmocka_unit_test(test_unit_before_device),
		cmocka_unit_test(test_longer_wins),
		cmocka_unit_test(test_order_in_page_does_not_matter),
		cmocka_unit_test(test_passed_over),
		cmocka_unit_test(test_lengths_that_lie),
		cmocka_unit_test(test_serial_number),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_texts_never_meet),
		cmocka_unit_test(test_text_is_cut_to_size),
		cmocka_unit_test(test_random_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
