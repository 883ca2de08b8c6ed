/* What is let through to libiscsi before a session carries commands. */
#include "gateway/engine/peek.h"

#include "gateway/base/bytes.h"
#include "gateway/base/net.h"
#include "target/pdu.h"
#include "tests/unit/unit.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#define DATA_LEN 10 /* and two bytes of padding */
#define PDU_LEN (BHS_LEN + 12)

struct pair {
	int array, gateway;
};

static void pair_open(struct pair *pair)
{
	struct net_address address;
	int listener;

	assert_int_equal(net_parse("127.0.0.1:0", 0, &address), 0);
	listener = net_listen(&address, 1);
	assert_true(listener >= 0);
	assert_int_equal(net_local(listener, &address), 0);
	pair->gateway = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(pair->gateway, (struct sockaddr *)&address.storage, address.len), 0);
	pair->array = accept(listener, NULL, NULL);
	assert_true(pair->array >= 0);
	close(listener);
}

static void pair_close(const struct pair *pair)
{
	close(pair->gateway);
	close(pair->array);
}

static void pair_send(const struct pair *pair, const uint8_t *bytes, size_t len)
{
	assert_int_equal(write(pair->array, bytes, len), len);
}

static bool is_readable(const struct pair *pair, int timeout_ms)
{
	struct pollfd readable = { .fd = pair->gateway, .events = POLLIN };

	return poll(&readable, 1, timeout_ms) == 1;
}

static void make_pdu(uint8_t *pdu, uint8_t opcode, uint32_t data_len)
{
	memset(pdu, 0, PDU_LEN);
	pdu[BHS_OPCODE] = opcode;
	put_be24(pdu + BHS_DATA_LEN, data_len);
}

/* What an array does with its PDU, and what the look at it says. */
static void looks(uint8_t opcode, uint32_t data_len, size_t sent, enum peek expected)
{
	uint8_t bytes[2 * PDU_LEN] = { 0 };
	struct pair pair;

	pair_open(&pair);
	make_pdu(bytes, opcode, data_len);
	pair_send(&pair, bytes, sent);
	assert_true(is_readable(&pair, 1000));
	assert_int_equal(peek_pdu(pair.gateway, PDU_LOGIN_RESPONSE), expected);
	pair_close(&pair);
}

static void test_only_what_was_asked_for(void **state)
{
	(void)state;
	looks(PDU_LOGIN_RESPONSE, DATA_LEN, PDU_LEN, PEEK_TAKE);
	looks(PDU_LOGIN_RESPONSE, 0, BHS_LEN, PEEK_TAKE);
	looks(PDU_DATA_IN, DATA_LEN, PDU_LEN, PEEK_WRONG);
	looks(PDU_DATA_IN, DATA_LEN, BHS_LEN, PEEK_WRONG);
	looks(PDU_R2T, 0, BHS_LEN, PEEK_WRONG);
	looks(PDU_TEXT_RESPONSE, 0, BHS_LEN, PEEK_WRONG);
}

static void test_nothing_behind_it(void **state)
{
	(void)state;
	looks(PDU_LOGIN_RESPONSE, DATA_LEN, PDU_LEN + 1, PEEK_WRONG);
	looks(PDU_LOGIN_RESPONSE, 0, 2 * BHS_LEN, PEEK_WRONG);
}

/* libiscsi refuses it when it has read the header */
static void test_what_libiscsi_never_takes(void **state)
{
	(void)state;
	looks(PDU_LOGIN_RESPONSE, PEEK_DATA_MAX + 1, BHS_LEN, PEEK_TAKE);
}

/* Byte by byte: the reader is woken once, by the last one. */
static void test_waits_for_all_of_it(void **state)
{
	uint8_t pdu[PDU_LEN];
	struct pair pair;

	(void)state;
	pair_open(&pair);
	make_pdu(pdu, PDU_LOGIN_RESPONSE, DATA_LEN);
	pair_send(&pair, pdu, 1);
	assert_true(is_readable(&pair, 1000));
	assert_int_equal(peek_pdu(pair.gateway, PDU_LOGIN_RESPONSE), PEEK_WAIT);
	pair_send(&pair, pdu + 1, BHS_LEN - 2);
	assert_false(is_readable(&pair, 20));
	pair_send(&pair, pdu + BHS_LEN - 1, 1);
	assert_true(is_readable(&pair, 1000));
	assert_int_equal(peek_pdu(pair.gateway, PDU_LOGIN_RESPONSE), PEEK_WAIT);
	pair_send(&pair, pdu + BHS_LEN, PDU_LEN - BHS_LEN - 1);
	assert_false(is_readable(&pair, 20));
	pair_send(&pair, pdu + PDU_LEN - 1, 1);
	assert_true(is_readable(&pair, 1000));
	assert_int_equal(peek_pdu(pair.gateway, PDU_LOGIN_RESPONSE), PEEK_TAKE);

	assert_int_equal(read(pair.gateway, pdu, PDU_LEN), PDU_LEN);
	pair_send(&pair, pdu, 1);
	assert_true(is_readable(&pair, 1000)); /* with the first byte again */
	pair_close(&pair);
}

/* The end is libiscsi's to find, in the middle of a PDU as well. */
static void test_the_end_of_the_connection(void **state)
{
	uint8_t pdu[PDU_LEN];
	struct pair pair;

	(void)state;
	for (size_t len = 0; len < PDU_LEN; len += 20) {
		pair_open(&pair);
		make_pdu(pdu, PDU_LOGIN_RESPONSE, DATA_LEN);
		pair_send(&pair, pdu, len);
		shutdown(pair.array, SHUT_WR);
		assert_true(is_readable(&pair, 1000));
		while (peek_pdu(pair.gateway, PDU_LOGIN_RESPONSE) == PEEK_WAIT)
			assert_true(is_readable(&pair, 1000));
		pair_close(&pair);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_was_asked_for),   cmocka_unit_test(test_nothing_behind_it),
		cmocka_unit_test(test_what_libiscsi_never_takes), cmocka_unit_test(test_waits_for_all_of_it),
		cmocka_unit_test(test_the_end_of_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
