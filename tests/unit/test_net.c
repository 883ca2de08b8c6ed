/* Numeric addresses: every form that is taken, what is refused, and the sockets made from them. */
#include "gateway/base/net.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		uint16_t default_port;
		const char *shown;
	} cases[] = {
		{ "10.0.0.1", 3260, "10.0.0.1:3260" },
		{ "10.0.0.1:1", 3260, "10.0.0.1:1" },
		{ "0.0.0.0:65535", 3260, "0.0.0.0:65535" },
		{ "127.0.0.1:0", 0, "127.0.0.1:0" },
		{ "::1", 3260, "[::1]:3260" },
		{ "::", 3260, "[::]:3260" },
		{ "fe80::1:2", 860, "[fe80::1:2]:860" },
		{ "[::1]", 3260, "[::1]:3260" },
		{ "[2001:db8::7]:860", 3260, "[2001:db8::7]:860" },
		{ "[::ffff:10.1.2.3]:860", 3260, "10.1.2.3:860" },
		{ "2001:DB8:0:0:0:0:0:7", 3260, "[2001:db8::7]:3260" },
	};
	char text[NET_ADDRESS_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct net_address address;

		assert_int_equal(net_parse(cases[i].text, cases[i].default_port, &address), 0);
		assert_ptr_equal(net_format(&address, text), text);
		assert_string_equal(text, cases[i].shown);
	}
}

static void test_parse_refuses(void **state)
{
	static const char *const cases[] = {
		"",
		":",
		":3260",
		"10.0.0",
		"10.0.0.256",
		"010.0.0.1",
		"10.0.0.1 ",
		" 10.0.0.1",
		"10.0.0.1:",
		"10.0.0.1:0",
		"10.0.0.1:65536",
		"10.0.0.1:-1",
		"10.0.0.1:+1",
		"10.0.0.1: 1",
		"10.0.0.1:1x",
		"10.0.0.1:0x10",
		"10.0.0.1:99999999999999999999",
		"localhost",
		"localhost:3260",
		"example.org",
		"[::1",
		"[::1]3260",
		"[::1]:",
		"[::1]:0",
		"[::1]:65536",
		"[]",
		"[]:3260",
		"[10.0.0.1]:3260",
		"::g",
		":::1",
		"1:2:3:4:5:6:7:8:9",
		"[[::1]]",
		"fe80::1%lo",
		"[fe80::1%lo]:3260",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct net_address address;

		if (net_parse(cases[i], 3260, &address) != -EINVAL)
			fail_msg("\"%s\" was taken", cases[i]);
	}
}

static void test_kinds(void **state)
{
	static const struct {
		const char *text;
		bool any, loopback;
	} cases[] = {
		{ "0.0.0.0", true, false },
		{ "127.0.0.1", false, true },
		{ "127.255.0.9", false, true },
		{ "128.0.0.1", false, false },
		{ "::", true, false },
		{ "::1", false, true },
		{ "::2", false, false },
		{ "::ffff:127.0.0.1", false, true },
		{ "::ffff:0.0.0.0", true, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct net_address address;

		assert_int_equal(net_parse(cases[i].text, 1, &address), 0);
		assert_int_equal(net_is_any(&address), cases[i].any);
		assert_int_equal(net_is_loopback(&address), cases[i].loopback);
		assert_int_equal(net_port(&address), 1);
	}
}

/* A listening socket, a connection to it, and the two views of its ends. */
static void listen_and_connect(const char *text)
{
	struct net_address asked, bound, local, remote;
	int listener, client, server;

	assert_int_equal(net_parse(text, 0, &asked), 0);
	listener = net_listen(&asked, 8);
	assert_true(listener >= 0);
	assert_true(fcntl(listener, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(listener, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(net_local(listener, &bound), 0);
	assert_int_not_equal(net_port(&bound), 0);
	assert_int_equal(net_listen(&bound, 8), -EADDRINUSE);

	client = socket(bound.storage.ss_family, SOCK_STREAM, 0);
	assert_int_equal(net_remote(client, &remote), -ENOTCONN);
	assert_int_equal(connect(client, (struct sockaddr *)&bound.storage, bound.len), 0);
	server = accept(listener, NULL, NULL);
	assert_true(server >= 0);
	assert_int_equal(net_local(client, &local), 0);
	assert_int_equal(net_remote(server, &remote), 0);
	assert_int_equal(net_port(&remote), net_port(&local));
	assert_true(net_is_loopback(&remote));
	close(server);
	close(client);
	close(listener);
	assert_int_equal(net_local(-1, &local), -EBADF);
}

static void test_prefix(void **state)
{
	static const struct {
		const char *prefix, *address;
		bool contains;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.0.1:1", true },        { "10.0.0.0/8", "11.0.0.1:1", false },
		{ "10.0.0.0/8", "[::ffff:10.1.2.3]:1", true }, { "0.0.0.0/0", "192.0.2.1:1", true },
		{ "0.0.0.0/0", "[2001:db8::1]:1", false },     { "192.0.2.128/25", "192.0.2.129:1", true },
		{ "192.0.2.128/25", "192.0.2.127:1", false },  { "192.0.2.1", "192.0.2.1:1", true },
		{ "192.0.2.1", "192.0.2.2:1", false },         { "fe80::/10", "[febf::1]:1", true },
		{ "fe80::/10", "[fec0::1]:1", false },         { "::1", "[::1]:9", true },
	};
	static const char *const refused[] = { "",
					       "10",
					       "10.0.0.1/8",
					       "10.0.0.0/33",
					       "10.0.0.0/",
					       "10.0.0.0/8x",
					       "10.0.0.0/-1",
					       "host/8",
					       "10.0.0.1:3260",
					       "[::1]",
					       "::1/129" };
	struct net_prefix prefix;
	struct net_address address;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(net_prefix_parse(cases[i].prefix, &prefix), 0);
		assert_int_equal(net_parse(cases[i].address, 0, &address), 0);
		if (net_prefix_contains(&prefix, &address) != cases[i].contains)
			fail_msg("%s and %s", cases[i].prefix, cases[i].address);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (net_prefix_parse(refused[i], &prefix) == 0)
			fail_msg("taken: \"%s\"", refused[i]);
}

static void test_listen_v4(void **state)
{
	(void)state;
	listen_and_connect("127.0.0.1");
}

static void test_listen_v6(void **state)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 loopback = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	bool usable = fd >= 0 && bind(fd, (struct sockaddr *)&loopback, sizeof(loopback)) == 0;

	(void)state;
	if (fd >= 0)
		close(fd);
	if (!usable)
		skip(); /* a kernel without IPv6 */
	listen_and_connect("[::1]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),  cmocka_unit_test(test_parse_refuses), cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_prefix), cmocka_unit_test(test_listen_v4),     cmocka_unit_test(test_listen_v6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
