/* Many requests at once, event streams, and stopping in the midst of it. */
#include "api/stream.h"
#include "tests/unit/fake_gateway.h"
#include "tests/unit/http_client.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define THREADS 16
#define REQUESTS 25

struct hammer {
	const struct site *site;
	_Atomic bool *stop; /* NULL: a fixed number of requests */
	_Atomic unsigned answered;
};

static void *hammer_main(void *arg)
{
	static const char *const paths[] = { "/api/v1/devices", "/metrics", "/api/v1/status", "/api/v1/claims" };
	struct hammer *hammer = arg;

	for (unsigned i = 0; hammer->stop ? !*hammer->stop : i < REQUESTS; i++) {
		const char *path = paths[i % ARRAY_COUNT(paths)];
		struct reply reply =
			i % 5 == 4 ? http_request(hammer->site, "POST", "/api/v1/claims", "{\"all\":true}", NULL)
				   : http_get(hammer->site, path);

		if (reply.status >= 200 && reply.status < 300)
			hammer->answered++;
		reply_done(&reply);
	}
	return NULL;
}

static void test_parallel_requests(void **state)
{
	struct hammer hammers[THREADS];
	pthread_t threads[THREADS];
	unsigned answered = 0;

	for (size_t i = 0; i < THREADS; i++) {
		hammers[i] = (struct hammer){ .site = *state };
		assert_int_equal(pthread_create(&threads[i], NULL, hammer_main, &hammers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		answered += hammers[i].answered;
	}
	assert_int_equal(answered, THREADS * REQUESTS);
}

/* ---- streams ---- */

static int open_stream(const struct site *site, const char *more)
{
	char request[256];
	int fd = http_connect(site);

	snprintf(request, sizeof(request),
		 "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n%s\r\n", more);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
	return fd;
}

/* Reads until the text has come; fails when the stream ends, or is silent too long. */
static void read_until(int fd, const char *wanted, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	while (!strstr(text, wanted)) {
		ssize_t n = len + 1 < size ? recv(fd, text + len, size - len - 1, 0) : 0;

		assert_true(n > 0);
		len += (size_t)n;
		text[len] = '\0';
	}
}

static void test_stream(void **state)
{
	const struct site *site = *state;
	char text[8192];
	int fd = open_stream(site, "");

	read_until(fd, "has started", text, sizeof(text));
	assert_non_null(strstr(text, "Content-Type: text/event-stream"));
	assert_non_null(strstr(text, "retry: "));
	assert_non_null(strstr(text, "id: 1\ndata: {\"id\":1,"));
	fake_gateway_add_event(site->gateway, "While it is open.");
	read_until(fd, "While it is open.", text, sizeof(text));
	assert_null(strstr(text, "has started")); /* nothing comes twice */
	close(fd);

	fd = open_stream(site, "Last-Event-ID: 1\r\n");
	read_until(fd, "While it is open.", text, sizeof(text));
	assert_null(strstr(text, "has started"));
	close(fd);

	fd = open_stream(site, "Last-Event-ID: 1000\r\n"); /* of a gateway that has restarted since */
	read_until(fd, "has started", text, sizeof(text));
	close(fd);
}

static void test_stream_heartbeat(void **state)
{
	char text[8192];
	int fd = open_stream(*state, "");

	read_until(fd, ": still here", text, sizeof(text));
	close(fd);
}

/* The last place goes to nobody else, until somebody hangs up. */
static void test_too_many_streams(void **state)
{
	struct site *site = site_create(true);
	int fds[STREAMS_MAX];
	char text[8192];
	bool refused = true;

	(void)state;
	for (size_t i = 0; i < STREAMS_MAX; i++) {
		fds[i] = open_stream(site, "");
		read_until(fds[i], "retry: ", text, sizeof(text));
	}
	for (int attempt = 0; attempt < 100 && refused; attempt++) {
		int fd = open_stream(site, "");

		read_until(fd, "\r\n\r\n", text, sizeof(text));
		refused = strstr(text, "HTTP/1.1 503 ");
		close(fd);
		if (attempt == 0) {
			assert_true(refused);
			close(fds[0]);
		} else if (refused) {
			usleep(100000);
		}
	}
	assert_false(refused);
	for (size_t i = 1; i < STREAMS_MAX; i++)
		close(fds[i]);
	site_destroy(site);
}

/* ---- stopping ---- */

/* Requests and streams of every kind are under way; whatever happens to them, the stop ends. */
static void test_stop_under_load(void **state)
{
	(void)state;
	for (int round = 0; round < 5; round++) {
		struct site *site = site_create(true);
		struct hammer hammers[4];
		pthread_t threads[4];
		_Atomic bool stop = false;
		int streams[4];

		for (size_t i = 0; i < 4; i++) {
			streams[i] = open_stream(site, "");
			hammers[i] = (struct hammer){ .site = site, .stop = &stop };
			assert_int_equal(pthread_create(&threads[i], NULL, hammer_main, &hammers[i]), 0);
		}
		for (size_t i = 0; i < 4; i++)
			while (hammers[i].answered < 2)
				sched_yield();
		api_stop(site->api);
		stop = true;
		for (size_t i = 0; i < 4; i++) {
			pthread_join(threads[i], NULL);
			close(streams[i]);
		}
		site_destroy(site);
	}
}

/* The control loop runs no longer: requests that wait for it are let go, and their jobs do no harm later. */
static void test_stop_without_control(void **state)
{
	static const char request[] = "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n";
	struct site *site = site_create(false);
	int fd = http_connect(site);
	char part[512];

	(void)state;
	assert_int_equal(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), sizeof(request) - 1);
	for (int i = 0; i < 2; i++) { /* what is answered later says that the first was read */
		struct reply reply = http_get(site, "/healthz");

		assert_int_equal(reply.status, 200);
		reply_done(&reply);
	}
	api_stop(site->api);
	while (recv(fd, part, sizeof(part), 0) > 0)
		;
	close(fd);
	site_destroy(site);
}

static void test_bad_addresses(void **state)
{
	static const struct {
		const char *address;
		int rc;
	} cases[] = { { "localhost:8260", -22 }, { "127.0.0.1:99999", -22 }, { "192.0.2.1:0", -99 } };
	struct site *site = *state;

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const char *const listen[] = { "127.0.0.1:0", cases[i].address };
		struct api *api = api_create(&(struct api_config){ listen, 2, site->gateway });
		char text[NET_ADDRESS_MAX];

		assert_int_equal(api_start(api), cases[i].rc);
		assert_int_equal(api_address(api, 0, text), -2); /* all or none */
		api_destroy(api);
	}
	api_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parallel_requests), cmocka_unit_test(test_stream),
		cmocka_unit_test(test_stream_heartbeat),  cmocka_unit_test(test_too_many_streams),
		cmocka_unit_test(test_stop_under_load),   cmocka_unit_test(test_stop_without_control),
		cmocka_unit_test(test_bad_addresses),
	};

	return cmocka_run_group_tests(tests, site_setup, site_teardown);
}
