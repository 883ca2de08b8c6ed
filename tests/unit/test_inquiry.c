/* INQUIRY answers on their way to the hosts: what is the array's stays behind. */
#include "gateway/base/bytes.h"
#include "gateway/engine/inquiry.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define IQN "iqn.2026-11.org.example:braid"

static const struct inquiry_port port = { .iqn = IQN, .tpgt = 7, .transfer_blocks = 1000 };

/* A buffer of exactly the size that is promised, so that the sanitizer sees the first byte beyond it. */
static uint8_t *buffer_of(const uint8_t *bytes, size_t len)
{
	uint8_t *data = malloc(INQUIRY_BUFFER_MIN);

	assert_non_null(data);
	memset(data, 0xee, INQUIRY_BUFFER_MIN);
	if (len)
		memcpy(data, bytes, len);
	return data;
}

static void page_cdb(uint8_t cdb[6], int page)
{
	memset(cdb, 0, 6);
	cdb[0] = 0x12;
	cdb[1] = page >= 0;
	cdb[2] = page >= 0 ? (uint8_t)page : 0;
	cdb[4] = 96;
}

/* Returns the answer, which the caller frees. */
static uint8_t *answer(int page, const uint8_t *bytes, size_t len, size_t *out)
{
	uint8_t *data = buffer_of(bytes, len), cdb[6];

	page_cdb(cdb, page);
	*out = inquiry_answer(cdb, data, len, &port);
	assert_true(*out <= INQUIRY_BUFFER_MIN);
	return data;
}

/* The array is asked for all of the page, however little the host wants. */
static void test_request_asks_for_all(void **state)
{
	uint8_t host[6], array[6];
	uint32_t alloc;

	(void)state;
	page_cdb(host, 0x83);
	host[4] = 8;
	inquiry_request(host, array, &alloc);
	assert_int_equal(get_be16(array + 3), alloc);
	assert_true(alloc >= 1024);
	assert_int_equal(array[2], 0x83);
	page_cdb(host, -1);
	inquiry_request(host, array, &alloc);
	assert_int_equal(array[3], 0); /* old arrays take one byte of it */
	assert_int_equal(array[4], alloc);
}

static void test_standard_hides_port_groups(void **state)
{
	uint8_t page[96] = { 0, 0, 6, 2, 91, 0xff, 0x00, 0x00 };
	size_t len;
	uint8_t *data = answer(-1, page, sizeof(page), &len);

	(void)state;
	assert_int_equal(len, sizeof(page));
	assert_int_equal(data[5] & 0x30, 0x10);	/* TPGS: the gateway's own group, implicit */
	assert_int_equal(data[5] & 0x08, 0);	/* 3PC: EXTENDED COPY is refused */
	assert_int_equal(data[5] & 0x01, 1);	/* PROTECT is the logical unit's */
	assert_int_equal(data[6] & 0x10, 0x10); /* MULTIP */
	assert_int_equal(data[7] & 0x02, 0x02); /* CMDQUE */
	free(data);
}

static void test_supported_pages(void **state)
{
	static const uint8_t without[] = { 0, 0, 0, 4, 0x00, 0x80, 0x83, 0xb0 };
	static const uint8_t with[] = { 0, 0, 0, 3, 0x00, 0x83, 0x88 };
	static const uint8_t expected[] = { 0, 0, 0, 5, 0x00, 0x80, 0x83, 0x88, 0xb0 };
	size_t len;
	uint8_t *data = answer(0x00, without, sizeof(without), &len);

	(void)state;
	assert_int_equal(len, sizeof(expected));
	assert_memory_equal(data, expected, len);
	free(data);
	data = answer(0x00, with, sizeof(with), &len);
	assert_int_equal(len, sizeof(with));
	assert_memory_equal(data, with, len);
	free(data);
}

/* The first designator with that association and type; NULL: none. */
static const uint8_t *designator(const uint8_t *data, size_t len, unsigned association, unsigned type)
{
	for (size_t at = 4; at + 4 <= len; at += 4 + (size_t)data[at + 3]) {
		assert_true(at + 4 + data[at + 3] <= len);
		if ((unsigned)(data[at + 1] >> 4 & 3) == association && (data[at + 1] & 0xf) == type)
			return data + at;
	}
	return NULL;
}

static void test_designators(void **state)
{
	static const uint8_t page[] = {
		0, 0x83, 0,   4 + 8 + 8 + 12 + 8,		    /* */
		1, 0x94, 0,   4, 0, 0, 0, 9,			    /* relative port 9 of the array */
		1, 0x03, 0,   8, 0x60, 1, 2, 3, 4, 5, 6, 7,	    /* NAA of the logical unit */
		1, 0x95, 0,   4, 0, 0, 0, 5,			    /* target port group 5 of the array */
		3, 0xa8, 0,   4, 'i', 'q', 'n', 0,		    /* the array's name */
	};
	size_t len;
	uint8_t *data = answer(0x83, page, sizeof(page), &len);
	const uint8_t *d;

	(void)state;
	assert_int_equal(len, 4 + get_be16(data + 2));
	d = designator(data, len, 0, 3);
	assert_non_null(d);
	assert_memory_equal(d + 4, "\x60\1\2\3\4\5\6\7", 8);
	d = designator(data, len, 1, 4);
	assert_int_equal(get_be32(d + 4), 7);
	d = designator(data, len, 1, 5);
	assert_int_equal(get_be32(d + 4), 7);
	d = designator(data, len, 1, 8);
	assert_string_equal((const char *)d + 4, IQN ",t,0x0007");
	assert_int_equal(d[3] % 4, 0);
	d = designator(data, len, 2, 8);
	assert_string_equal((const char *)d + 4, IQN);
	free(data);
}

static void test_ports_page_is_the_gateways(void **state)
{
	size_t len;
	uint8_t *data = answer(0x88, NULL, 0, &len);

	(void)state;
	assert_int_equal(data[0], 0);
	assert_int_equal(data[1], 0x88);
	assert_int_equal(len, 4 + get_be16(data + 2));
	assert_int_equal(get_be16(data + 6), 7);
	assert_int_equal(len, 4 + 12 + get_be16(data + 14));
	assert_string_equal((const char *)data + 20, IQN ",t,0x0007");
	free(data);
}

static void test_block_limits(void **state)
{
	uint8_t page[64] = { 0, 0xb0, 0, 60 };
	size_t len;
	uint8_t *data = answer(0xb0, page, sizeof(page), &len);

	(void)state;
	assert_int_equal(get_be32(data + 8), 1000); /* the array has no limit: ours */
	assert_int_equal(get_be32(data + 12), 0);   /* not reported stays so */
	free(data);
	put_be32(page + 8, 128);
	put_be32(page + 12, 5000);
	data = answer(0xb0, page, sizeof(page), &len);
	assert_int_equal(get_be32(data + 8), 128);
	assert_int_equal(get_be32(data + 12), 1000);
	free(data);
}

/* Lengths that lie, pages cut anywhere: never a byte outside, never longer than the buffer. */
static void test_hostile_pages(void **state)
{
	static const int pages[] = { -1, 0x00, 0x80, 0x83, 0x88, 0xb0, 0xc0 };
	uint8_t bytes[1024];

	(void)state;
	for (size_t p = 0; p < ARRAY_COUNT(pages); p++) {
		for (unsigned fill = 0; fill < 0x100; fill += 0x33) {
			static const size_t lens[] = { 0, 1, 3, 4, 5, 7, 8, 12, 19, 20, 35, 255, 1023, 1024 };

			memset(bytes, (int)fill, sizeof(bytes));
			for (size_t l = 0; l < ARRAY_COUNT(lens); l++) {
				uint8_t *exact = malloc(lens[l] + 1);
				size_t len;

				assert_non_null(exact);
				memcpy(exact, bytes, lens[l]);
				free(answer(pages[p], exact, lens[l], &len));
				free(exact);
			}
		}
	}
}

/* A page that is full already still has room for what the gateway adds. */
static void test_full_pages(void **state)
{
	uint8_t page[1024] = { 0, 0x83, 0x03, 0xfc };
	size_t len;
	uint8_t *data;

	(void)state;
	for (size_t at = 4; at < sizeof(page); at += 12) {
		page[at] = 1;
		page[at + 1] = 3;
		page[at + 3] = 8;
	}
	data = answer(0x83, page, sizeof(page), &len);
	assert_true(len > sizeof(page));
	assert_int_equal(len, 4 + get_be16(data + 2));
	free(data);
	memset(page + 4, 0x10, sizeof(page) - 4); /* page 00h: ascending or not, the list ends where it ends */
	page[1] = 0;
	data = answer(0x00, page, sizeof(page), &len);
	assert_int_equal(len, sizeof(page) + 1);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_asks_for_all),   cmocka_unit_test(test_standard_hides_port_groups),
		cmocka_unit_test(test_supported_pages),	       cmocka_unit_test(test_designators),
		cmocka_unit_test(test_ports_page_is_the_gateways), cmocka_unit_test(test_block_limits),
		cmocka_unit_test(test_hostile_pages),	       cmocka_unit_test(test_full_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
