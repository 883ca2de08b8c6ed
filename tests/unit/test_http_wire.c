/* What the API does about methods, headers and messages that it should not take. */
#include "gateway/base/memory.h"
#include "tests/unit/http_client.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define CLAIM "{\"all\":true}"
#define CLAIM_LEN "12"

static struct reply raw(const struct site *site, const char *bytes)
{
	return http_raw(site, bytes, strlen(bytes));
}

static void assert_raw_status(const struct site *site, const char *bytes, long status)
{
	struct reply reply = raw(site, bytes);

	if (reply.status != status)
		print_message("%s\n-> %s\n", bytes, reply.text);
	assert_int_equal(reply.status, status);
	reply_done(&reply);
}

static void test_unknown_path(void **state)
{
	assert_problem(http_get(*state, "/api/v1/nothing"), 404, NULL);
	assert_problem(http_get(*state, "/api/v1"), 404, NULL);
	assert_problem(http_get(*state, "//"), 404, NULL);
	assert_problem(http_get(*state, "/api/v1/devices/../status"), 404, NULL);
	assert_problem(http_get(*state, "/a/b/c/d/e/f/g/h/i/j"), 400, NULL);
	assert_problem(http_get(*state, "/api/v1/devices/%00"), 400, NULL);
	assert_problem(http_get(*state, "/api/v1/devices/%4"), 400, NULL);
}

static void test_wrong_method(void **state)
{
	struct reply reply = http_request(*state, "PUT", "/api/v1/claims", CLAIM, NULL);

	assert_non_null(strstr(reply.head, "Allow: GET, HEAD, POST, OPTIONS\r\n"));
	assert_problem(reply, 405, NULL);
	assert_problem(http_request(*state, "DELETE", "/metrics", NULL, NULL), 405, NULL);
	assert_problem(http_request(*state, "BREW", "/api/v1/status", NULL, NULL), 405, NULL);
	reply = http_request(*state, "OPTIONS", "/api/v1/claims/x", NULL, NULL);
	assert_int_equal(reply.status, 204);
	assert_non_null(strstr(reply.head, "Allow: DELETE, OPTIONS\r\n"));
	reply_done(&reply);
}

static void test_head(void **state)
{
	struct reply reply = http_request(*state, "HEAD", "/api/v1/devices", NULL, NULL);

	assert_int_equal(reply.status, 200);
	assert_int_equal(reply.len, 0);
	assert_non_null(strstr(reply.head, "Content-Length: "));
	reply_done(&reply);
}

static void test_content_type(void **state)
{
	static const struct {
		const char *header;
		long status;
	} cases[] = {
		{ "Content-Type: text/plain", 415 },
		{ "Content-Type: application/x-www-form-urlencoded", 415 },
		{ "Content-Type: application/jsonp", 415 },
		{ "Content-Type:", 415 },
		{ "Content-Type: application/json; charset=utf-8", 200 },
		{ "Content-Type: Application/JSON", 200 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const char *const headers[] = { cases[i].header, NULL };
		struct reply reply = http_request(*state, "POST", "/api/v1/claims", CLAIM, headers);

		assert_int_equal(reply.status, cases[i].status);
		reply_done(&reply);
	}
}

/* DNS rebinding: a foreign name that leads to the loopback address. */
static void test_host(void **state)
{
	static const struct {
		const char *header;
		long status;
	} cases[] = {
		{ "Host: evil.example.com", 403 },
		{ "Host: localhost.example.com", 403 },
		{ "Host: 127.0.0.1.example.com:8260", 403 },
		{ "Host: localhost", 200 },
		{ "Host: LOCALHOST:8260", 200 },
		{ "Host: 127.0.0.1:1", 200 },
		{ "Host: [::1]:8260", 200 },
		{ "Host: 192.0.2.7", 200 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const char *const headers[] = { cases[i].header, NULL };
		struct reply reply = http_request(*state, "GET", "/api/v1/status", NULL, headers);

		assert_int_equal(reply.status, cases[i].status);
		reply_done(&reply);
	}
}

/* Cross-site request forgery: a foreign page that wants a change. */
static void test_origin(void **state)
{
	const struct site *site = *state;
	char *same = xasprintf("Origin: http://%s", site->address);
	const struct {
		const char *header;
		long status;
	} cases[] = {
		{ "Origin: http://evil.example.com", 403 },
		{ "Origin: null", 403 },
		{ "Origin: http://127.0.0.1:1", 403 },
		{ same, 200 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const char *const headers[] = { cases[i].header, NULL };
		struct reply reply = http_request(site, "POST", "/api/v1/claims", CLAIM, headers);

		assert_int_equal(reply.status, cases[i].status);
		reply_done(&reply);
	}
	const char *const foreign[] = { "Origin: http://evil.example.com", NULL };
	struct reply reply = http_request(site, "GET", "/api/v1/status", NULL, foreign);

	assert_int_equal(reply.status, 200); /* the browser keeps the answer from the page */
	reply_done(&reply);
	free(same);
}

static void test_ambiguous_length(void **state)
{
	assert_raw_status(*state,
			  "POST /api/v1/claims HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
			  "Content-Length: " CLAIM_LEN "\r\nContent-Length: " CLAIM_LEN "\r\n\r\n" CLAIM,
			  400);
	assert_raw_status(*state,
			  "POST /api/v1/claims HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
			  "Content-Length: " CLAIM_LEN "\r\nTransfer-Encoding: chunked\r\n\r\nc\r\n" CLAIM
			  "\r\n0\r\n\r\n",
			  400);
	assert_raw_status(*state,
			  "POST /api/v1/claims HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
			  "Transfer-Encoding: gzip, chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
			  400);
	assert_raw_status(*state,
			  "DELETE /api/v1/claims/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
			  "Content-Length: 7\r\n\r\nhello",
			  400);
	assert_raw_status(*state, "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400);
	assert_raw_status(*state, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400); /* no Host */
}

/* After an ambiguous message nothing that follows it on the connection is taken for a request. */
static void test_ambiguous_length_ends_the_connection(void **state)
{
	struct reply reply =
		raw(*state, "POST /api/v1/claims HTTP/1.1\r\nHost: localhost\r\n"
			    "Content-Type: application/json\r\nContent-Length: 12\r\n"
			    "Content-Length: 12\r\n\r\n" CLAIM "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");

	assert_int_equal(reply.status, 400);
	assert_null(strstr(reply.text, "alive"));
	reply_done(&reply);
}

static void test_chunked_body(void **state)
{
	assert_raw_status(*state,
			  "POST /api/v1/claims HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
			  "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\n{\"all\r\n7\r\n\":true}\r\n"
			  "0\r\n\r\n",
			  200);
}

static void test_body_too_large(void **state)
{
	static const char *const refuse_early[] = { "Expect: 100-continue", NULL };
	char *body = xmalloc(API_BODY_MAX + 2);

	memset(body, ' ', API_BODY_MAX + 1);
	body[API_BODY_MAX + 1] = '\0';
	assert_problem(http_request(*state, "POST", "/api/v1/claims", body, refuse_early), 413, NULL);
	body[API_BODY_MAX] = '\0'; /* as long as it may be, and nothing in it */
	assert_problem(http_request(*state, "POST", "/api/v1/claims", body, NULL), 400, NULL);
	free(body);
}

/* In chunks nobody announces how long it gets: a little too long is told so, endless is cut off. */
static void test_chunks_too_large(void **state)
{
	static const char head[] = "POST /api/v1/claims HTTP/1.1\r\nHost: localhost\r\n"
				   "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
	static const char chunk_head[] = "10000\r\n", last[] = "0\r\n\r\n";
	const size_t chunk = sizeof(chunk_head) - 1 + 0x10000 + 2;
	const struct {
		size_t chunks;
		long status;
	} cases[] = { { 17, 413 }, { 64, 0 } };

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		size_t len = sizeof(head) - 1;
		char *bytes = xmalloc(len + cases[i].chunks * chunk + sizeof(last));

		memcpy(bytes, head, len);
		for (size_t n = 0; n < cases[i].chunks; n++) {
			memcpy(bytes + len, chunk_head, sizeof(chunk_head) - 1);
			memset(bytes + len + sizeof(chunk_head) - 1, ' ', 0x10000);
			memcpy(bytes + len + chunk - 2, "\r\n", 2);
			len += chunk;
		}
		memcpy(bytes + len, last, sizeof(last) - 1);
		struct reply reply = http_raw(*state, bytes, len + sizeof(last) - 1);

		assert_int_equal(reply.status, cases[i].status);
		reply_done(&reply);
		free(bytes);
	}
}

/* A DELETE takes no body; one that is announced as huge must not keep the connection. */
static void test_huge_body_of_delete(void **state)
{
	assert_raw_status(*state,
			  "DELETE /api/v1/claims/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
			  "Content-Length: 99999999\r\n\r\nhello",
			  413);
}

static void test_header_too_large(void **state)
{
	size_t len = (size_t)64 << 10;
	char *bytes = xmalloc(len);
	struct reply reply;

	memset(bytes, 'a', len);
	memcpy(bytes, "GET / HTTP/1.1\r\nHost: localhost\r\nX: ", 36);
	memcpy(bytes + len - 4, "\r\n\r\n", 4);
	reply = http_raw(*state, bytes, len);
	assert_true(reply.status == 431 || reply.status == 0);
	reply_done(&reply);
	free(bytes);
}

/* Two requests on one connection, the second sent before the first is answered. */
static void test_pipelining(void **state)
{
	struct reply reply = raw(*state, "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n"
					 "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");

	assert_int_equal(reply.status, 200);
	assert_non_null(strstr(reply.text, "uptime_us"));
	assert_non_null(strstr(reply.text, "alive"));
	reply_done(&reply);
}

static void test_absolute_target(void **state)
{
	assert_raw_status(*state,
			  "GET http://localhost/api/v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
			  200);
	assert_raw_status(*state, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 204);
	assert_raw_status(*state, "GET * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown_path),
		cmocka_unit_test(test_wrong_method),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_content_type),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_origin),
		cmocka_unit_test(test_ambiguous_length),
		cmocka_unit_test(test_ambiguous_length_ends_the_connection),
		cmocka_unit_test(test_chunked_body),
		cmocka_unit_test(test_body_too_large),
		cmocka_unit_test(test_chunks_too_large),
		cmocka_unit_test(test_huge_body_of_delete),
		cmocka_unit_test(test_header_too_large),
		cmocka_unit_test(test_pipelining),
		cmocka_unit_test(test_absolute_target),
	};

	return cmocka_run_group_tests(tests, site_setup, site_teardown);
}
