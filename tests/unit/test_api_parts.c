/* The parts of the API that need no connection: targets, header fields, routes, members, problems. */
#include "api/body.h"
#include "api/head.h"
#include "api/member.h"
#include "api/problem.h"
#include "api/routes.h"
#include "api/uri.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void test_uri(void **state)
{
	char text[] = "/api/v1/claims/a%2Fb%20c?force=true&x&after=%41+b&";
	struct uri uri;

	(void)state;
	assert_int_equal(uri_parse(text, &uri), 0);
	assert_int_equal(uri.segment_count, 4);
	assert_string_equal(uri.segments[3], "a/b c");
	assert_int_equal(uri.argument_count, 3);
	assert_string_equal(uri_argument(&uri, "force"), "true");
	assert_string_equal(uri_argument(&uri, "x"), "");
	assert_string_equal(uri_argument(&uri, "after"), "A b");
	assert_null(uri_argument(&uri, "missing"));
}

static void test_uri_forms(void **state)
{
	static const struct {
		const char *target;
		int rc;
		size_t segments;
	} cases[] = {
		{ "/", 0, 0 },
		{ "/?a=b", 0, 0 },
		{ "/a", 0, 1 },
		{ "/a/", 0, 2 },
		{ "//", 0, 2 },
		{ "/a+b", 0, 1 },
		{ "http://host:80/a/b?c", 0, 2 },
		{ "HTTPS://host/", 0, 0 },
		{ "/1/2/3/4/5/6/7/8", 0, 8 },
		{ "/1/2/3/4/5/6/7/8/9", -E2BIG, 0 },
		{ "/?1&2&3&4&5&6&7&8&9", -E2BIG, 0 },
		{ "", -EINVAL, 0 },
		{ "*", -EINVAL, 0 },
		{ "a/b", -EINVAL, 0 },
		{ "http://host", -EINVAL, 0 },
		{ "http://host?a", -EINVAL, 0 },
		{ "/%", -EINVAL, 0 },
		{ "/%4", -EINVAL, 0 },
		{ "/%4g", -EINVAL, 0 },
		{ "/%00", -EINVAL, 0 },
		{ "/?a=%zz", -EINVAL, 0 },
		{ "/?a=1&b=2&a=3", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char *text = strdup(cases[i].target);
		struct uri uri;

		assert_int_equal(uri_parse(text, &uri), cases[i].rc);
		if (cases[i].rc == 0)
			assert_int_equal(uri.segment_count, cases[i].segments);
		free(text);
	}
}

static void test_uri_escape(void **state)
{
	char *text = uri_escape("A-z_9.~ /%\xc3\xa4");

	(void)state;
	assert_string_equal(text, "A-z_9.~%20%2F%25%C3%A4");
	free(text);
}

static void test_framing(void **state)
{
	static const struct {
		const char *fields[3][2];
		bool good;
	} cases[] = {
		{ { { "Content-Length", "12" } }, true },
		{ { { "content-length", "12" }, { "CONTENT-LENGTH", "12" } }, false },
		{ { { "Transfer-Encoding", "Chunked" } }, true },
		{ { { "Transfer-Encoding", "chunked" }, { "Content-Length", "0" } }, false },
		{ { { "Transfer-Encoding", "chunked" }, { "Transfer-Encoding", "chunked" } }, false },
		{ { { "Transfer-Encoding", "gzip, chunked" } }, false },
		{ { { "Content-Length", "+1" } }, false },
		{ { { "Host", "a" }, { "Host", "b" } }, false },
		{ { { "Accept", "a" }, { "Accept", "b" }, { "X-Any", NULL } }, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct problem problem = { 0 };
		struct head head = { 0 };

		for (size_t n = 0; n < 3 && cases[i].fields[n][0]; n++)
			head_add(&head, cases[i].fields[n][0], cases[i].fields[n][1]);
		assert_int_equal(head_check_framing(&head, &problem), cases[i].good);
		assert_int_equal(problem.status, cases[i].good ? 0 : 400);
	}
}

static void test_access(void **state)
{
	static const struct {
		struct head head;
		bool loopback, changes;
		int status;
	} cases[] = {
		{ { .host = "evil.example.com" }, true, false, 403 },
		{ { .host = "evil.example.com" }, false, false, 0 },
		{ { .host = "localhost:1" }, true, true, 0 },
		{ { .host = "[::1]" }, true, false, 0 },
		{ { .host = "localhostess" }, true, false, 403 },
		{ { .host = NULL }, true, false, 0 }, /* HTTP/1.0: no browser */
		{ { .host = "gw:8260", .origin = "https://GW:8260" }, false, true, 0 },
		{ { .host = "gw:8260", .origin = "https://gw" }, false, true, 403 },
		{ { .host = "gw", .origin = "null" }, false, true, 403 },
		{ { .host = NULL, .origin = "http://gw" }, false, true, 403 },
		{ { .host = "gw", .origin = "http://other" }, false, false, 0 },
		{ { .host = "gw", .content_length = "1" }, false, true, 415 },
		{ { .host = "gw", .content_length = "0" }, false, true, 0 },
		{ { .host = "gw", .transfer_encoding = "chunked", .content_type = "text/json" }, false, true, 415 },
		{ { .host = "gw", .content_length = "1", .content_type = "application/json" }, false, true, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct problem problem = { 0 };

		head_check_access(&cases[i].head, cases[i].loopback, cases[i].changes, &problem);
		assert_int_equal(problem.status, cases[i].status);
	}
}

static int find(const char *method, const char *target, const char **id, char *allow, size_t size)
{
	static char text[256]; /* *id points into it */
	const struct route *route;
	struct uri uri;

	strcpy(text, target);
	assert_int_equal(uri_parse(text, &uri), 0);
	return route_find(method, &uri, &route, id, allow, size);
}

static void test_routes(void **state)
{
	char allow[64];
	const char *id;

	(void)state;
	assert_int_equal(find("GET", "/", &id, allow, sizeof(allow)), 0);
	assert_null(id);
	assert_int_equal(find("PUT", "/api/v1/devices/x%2Fy/policy", &id, allow, sizeof(allow)), 0);
	assert_string_equal(id, "x/y");
	assert_int_equal(find("GET", "/api/v1/devices/x/policy", &id, allow, sizeof(allow)), 405);
	assert_string_equal(allow, "PUT, OPTIONS");
	assert_int_equal(find("PATCH", "/api/v1/claims", &id, allow, sizeof(allow)), 405);
	assert_string_equal(allow, "GET, HEAD, POST, OPTIONS");
	assert_int_equal(find("GET", "/api/v1/device", &id, allow, sizeof(allow)), 404);
	assert_int_equal(find("GET", "/api/v1/devices/", &id, allow, sizeof(allow)), 404);
	assert_int_equal(find("GET", "/api/v1/status/x", &id, allow, sizeof(allow)), 404);
}

/* Every route can be served, and says what it is for. */
static void test_route_table(void **state)
{
	(void)state;
	for (const struct route *route = routes; route->method; route++) {
		assert_int_equal(route->path[0], '/');
		assert_non_null(route->summary);
		assert_true(route->run || route->local);
		assert_int_equal(!route->render, !route->type);
	}
	assert_true(route_takes_argument(&(struct route){ .arguments = "limit after" }, "after"));
	assert_false(route_takes_argument(&(struct route){ .arguments = "limit after" }, "aft"));
	assert_false(route_takes_argument(&(struct route){ .arguments = "limit after" }, ""));
	assert_false(route_takes_argument(&(struct route){ .arguments = NULL }, "after"));
}

static void test_problem(void **state)
{
	struct problem problem = { 0 };
	json_t *json;

	(void)state;
	problem_set(&problem, 404, "", "Not Found", "Gone \xff.");
	json = problem_json(&problem);
	assert_string_equal(json_string_value(json_object_get(json, "type")), "about:blank");
	assert_string_equal(json_string_value(json_object_get(json, "detail")), "Gone ?.");
	assert_null(json_object_get(json, "pointer"));
	json_decref(json);
	problem_set(&problem, 422, "/paths/0/id", "Unknown path, here", "x");
	json = problem_json(&problem);
	assert_string_equal(json_string_value(json_object_get(json, "type")),
			    "tag:braid.example.org,2026-11:unknown-path-here");
	assert_string_equal(json_string_value(json_object_get(json, "pointer")), "#/paths/0/id");
	json_decref(json);
}

/* A member's name of any length and script ends up in a pointer that is valid UTF-8. */
static void test_long_pointer(void **state)
{
	static const char *const none[] = { NULL };
	struct problem problem = { 0 };
	char name[300];
	json_t *object = json_object(), *json;

	(void)state;
	for (size_t i = 0; i + 2 < sizeof(name); i += 2)
		memcpy(name + i, "\xc3\xa4", 3);
	json_object_set_new(object, name, json_true());
	assert_false(body_is_object(object, "", none, &problem));
	assert_int_equal(problem.status, 422);
	json = problem_json(&problem);
	assert_null(strchr(json_string_value(json_object_get(json, "pointer")), '?'));
	json_decref(json);
	json_decref(object);
}

static void test_member_at(void **state)
{
	json_t *json = json_pack("{s:{s:i}, s:[]}", "stats", "reads", 7, "paths");

	(void)state;
	assert_int_equal(json_integer_value(member_at(json, "stats.reads")), 7);
	assert_null(member_at(json, "stats.writes"));
	assert_null(member_at(json, "stats.reads.more"));
	assert_null(member_at(json, "none.reads"));
	assert_null(member_at(NULL, "stats"));
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uri),          cmocka_unit_test(test_uri_forms),
		cmocka_unit_test(test_uri_escape),   cmocka_unit_test(test_framing),
		cmocka_unit_test(test_access),       cmocka_unit_test(test_routes),
		cmocka_unit_test(test_route_table),  cmocka_unit_test(test_problem),
		cmocka_unit_test(test_long_pointer), cmocka_unit_test(test_member_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
