/* The resources of the API, asked over HTTP: what they answer, and what they refuse. */
#include "api/member.h"
#include "gateway/base/memory.h"
#include "tests/unit/fake_gateway.h"
#include "tests/unit/http_client.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_int_t number_at(const struct reply *reply, const char *path)
{
	return json_integer_value(member_at(reply->json, path));
}

static void test_status(void **state)
{
	struct reply reply = http_get(*state, "/api/v1/status");

	assert_int_equal(reply.status, 200);
	assert_string_equal(reply_text(&reply, "version"), "0.0.test");
	assert_int_equal(number_at(&reply, "uptime_us"), 8040500000);
	assert_true(json_is_true(member_at(reply.json, "healthy")));
	assert_int_equal(json_array_size(member_at(reply.json, "reasons")), 0);
	assert_int_equal(number_at(&reply, "counts.paths"), 12);
	assert_int_equal(number_at(&reply, "counts.paths_up"), 11);
	assert_int_equal(number_at(&reply, "worst_stall_us"), 25000000);
	assert_int_equal(number_at(&reply, "stats.writes"), INT64_MAX); /* larger does not fit JSON integers */
	assert_true(json_is_null(member_at(reply.json, "stats.offline_since_us")));
	reply_done(&reply);
}

static void test_devices(void **state)
{
	struct reply reply = http_get(*state, "/api/v1/devices");
	const json_t *devices = json_object_get(reply.json, "devices"), *device = json_array_get(devices, 1);
	const json_t *path = json_array_get(json_object_get(device, "paths"), 3);

	assert_int_equal(json_array_size(devices), 3);
	assert_true(json_is_null(json_object_get(reply.json, "next")));
	assert_string_equal(json_string_value(json_object_get(device, "id")), "naa.1");
	assert_string_equal(json_string_value(json_object_get(device, "hardware_id")), "IET     VIRTUAL-DISK    ");
	assert_string_equal(json_string_value(json_object_get(device, "serial")), "S\"1\\\n");
	assert_string_equal(json_string_value(json_object_get(device, "policy")), "round-robin");
	assert_string_equal(json_string_value(json_object_get(device, "policy_source")), "default");
	assert_string_equal(json_string_value(json_object_get(device, "alua")), "asymmetric");
	assert_int_equal(json_integer_value(json_object_get(device, "lun")), 1);
	assert_string_equal(json_string_value(json_object_get(path, "state")), "down");
	assert_true(json_is_null(json_object_get(path, "tpg")));
	device = json_array_get(devices, 2);
	assert_true(json_is_null(json_object_get(device, "lun")));
	assert_true(json_is_null(json_object_get(device, "policy")));
	assert_true(json_is_null(json_object_get(device, "dsm")));
	assert_string_equal(json_string_value(json_object_get(device, "serial")), "S?");
	reply_done(&reply);
}

static void test_device(void **state)
{
	struct reply reply = http_get(*state, "/api/v1/devices/naa%2E1");

	assert_int_equal(reply.status, 200);
	assert_string_equal(reply_text(&reply, "id"), "naa.1");
	assert_string_equal(reply_text(&reply, "reason"), "Path p3 is down.");
	reply_done(&reply);
	assert_problem(http_get(*state, "/api/v1/devices/naa"), 404, NULL);
	assert_problem(http_get(*state, "/api/v1/devices/"), 404, NULL);
}

/* row: R1 */
static void test_reservations(void **state)
{
	struct reply reply = http_get(*state, "/api/v1/devices/naa.1/reservations");
	const json_t *row = json_array_get(json_object_get(reply.json, "registrations"), 0);

	assert_string_equal(reply_text(&reply, "type"), "write-exclusive-registrants-only");
	assert_true(json_is_null(json_object_get(reply.json, "reserved_by")));
	assert_string_equal(json_string_value(json_object_get(row, "key")), "0x00000000000000a1");
	assert_string_equal(json_string_value(json_object_get(row, "isid")), "80000000000a");
	assert_true(json_is_true(json_object_get(row, "holder")));
	reply_done(&reply);
	reply = http_request(*state, "DELETE", "/api/v1/devices/naa.1/reservations", NULL, NULL);
	assert_int_equal(reply.status, 204);
	reply_done(&reply);
	assert_problem(http_get(*state, "/api/v1/devices/naa.9/reservations"), 404, NULL);
}

/* The answer that the control loop has to wait for itself; the sentence of the whole story. */
static void test_commands(void **state)
{
	struct reply reply = http_get(*state, "/api/v1/devices/naa.0/commands");
	const json_t *command = json_array_get(json_object_get(reply.json, "commands"), 0), *attempt;

	assert_int_equal(reply.status, 200);
	assert_true(json_is_true(json_object_get(reply.json, "complete")));
	assert_int_equal(json_array_size(json_object_get(reply.json, "commands")), 2);
	assert_string_equal(json_string_value(json_object_get(command, "sentence")),
			    "WRITE(10) lba 2048 +8: 4 paths, p2 standby by role, p3 down; least-queue-depth chose p0; "
			    "02/04/0b after 0.3 ms: retry in another group; least-queue-depth chose p1; its link was "
			    "lost after 0.2 ms (connection reset), fenced for 2.0 ms (form session); the policy chose "
			    "p1; GOOD after 2.8 ms");
	attempt = json_array_get(json_object_get(command, "attempts"), 0);
	assert_int_equal(json_array_size(json_object_get(attempt, "candidates")), 2);
	assert_int_equal(json_array_size(json_object_get(attempt, "excluded")), 2);
	reply_done(&reply);
	reply = http_get(*state, "/api/v1/devices/naa.0/commands?remarkable=true");
	assert_int_equal(json_array_size(json_object_get(reply.json, "commands")), 1);
	reply_done(&reply);
	reply = http_get(*state, "/api/v1/devices/naa.0/commands?limit=1");
	assert_string_equal(reply_text(&reply, "next"), "0-2");
	reply_done(&reply);
	reply = http_get(*state, "/api/v1/devices/naa.1/commands?after=0-2");
	assert_int_equal(json_array_size(json_object_get(reply.json, "commands")), 1);
	assert_true(json_is_false(json_object_get(reply.json, "complete"))); /* a worker did not answer */
	reply_done(&reply);
	assert_problem(http_get(*state, "/api/v1/devices/t10.free/commands"), 404, NULL);
	assert_problem(http_get(*state, "/api/v1/devices/naa.0/commands?after=gone"), 410, NULL);
	assert_problem(http_get(*state, "/api/v1/devices/naa.0/commands?limit=0"), 400, NULL);
	assert_problem(http_get(*state, "/api/v1/devices/naa.0/commands?remarkable=perhaps"), 400, NULL);
}

static void test_rehearsals(void **state)
{
	struct reply reply =
		http_request(*state, "POST", "/api/v1/links/l0/rehearse", "{\"seconds\": 5, \"how\": \"cut\"}", NULL);

	assert_int_equal(reply.status, 202);
	assert_string_equal(reply_text(&reply, "state"), "over");
	assert_int_equal(json_array_size(json_object_get(reply.json, "devices")), 1);
	reply_done(&reply);
	reply = http_get(*state, "/api/v1/links/l2/rehearse");
	assert_string_equal(reply_text(&reply, "state"), "away");
	assert_true(json_is_null(json_object_get(reply.json, "back_after_us")));
	assert_true(json_is_integer(json_object_get(reply.json, "lost_after_us")));
	reply_done(&reply);
	reply = http_request(*state, "POST", "/api/v1/links/l1/rehearse?force=true", "{}", NULL);
	assert_int_equal(reply.status, 202);
	reply_done(&reply);
	assert_problem(http_get(*state, "/api/v1/links/l9/rehearse"), 404, NULL);
	assert_problem(http_request(*state, "POST", "/api/v1/links/l1/rehearse", "{}", NULL), 409, NULL);
	assert_problem(http_request(*state, "POST", "/api/v1/links/l0/rehearse", "{\"how\": \"fire\"}", NULL), 422,
		       "#/how");
	assert_problem(http_request(*state, "POST", "/api/v1/links/l0/rehearse", "{\"seconds\": 0}", NULL), 422,
		       "#/seconds");
	assert_problem(http_request(*state, "POST", "/api/v1/links/l0/rehearse", "{\"seconds\": 61}", NULL), 422,
		       "#/seconds");
	assert_problem(http_request(*state, "POST", "/api/v1/links/l0/rehearse", "{\"for\": 5}", NULL), 422, "#/for");
}

static void test_pages(void **state)
{
	struct reply reply = http_get(*state, "/api/v1/devices?limit=2");

	assert_int_equal(json_array_size(json_object_get(reply.json, "devices")), 2);
	assert_string_equal(reply_text(&reply, "next"), "naa.1");
	reply_done(&reply);
	reply = http_get(*state, "/api/v1/devices?limit=2&after=naa.1");
	assert_int_equal(json_array_size(json_object_get(reply.json, "devices")), 1);
	assert_true(json_is_null(json_object_get(reply.json, "next")));
	reply_done(&reply);
	reply = http_get(*state, "/api/v1/sessions?after=2"); /* the last one: an empty page */
	assert_int_equal(reply.status, 200);
	assert_int_equal(json_array_size(json_object_get(reply.json, "sessions")), 0);
	reply_done(&reply);
	assert_problem(http_get(*state, "/api/v1/devices?after=gone"), 410, NULL);
	assert_problem(http_get(*state, "/api/v1/devices?limit=0"), 400, NULL);
	assert_problem(http_get(*state, "/api/v1/devices?limit=1001"), 400, NULL);
	assert_problem(http_get(*state, "/api/v1/devices?limit=1x"), 400, NULL);
	assert_problem(http_get(*state, "/api/v1/devices?limit=1&limit=2"), 400, NULL);
	assert_problem(http_get(*state, "/api/v1/devices?page=2"), 400, NULL);
}

static void test_links_and_sessions(void **state)
{
	struct reply reply = http_get(*state, "/api/v1/links");
	const json_t *link = json_array_get(json_object_get(reply.json, "links"), 3);

	assert_string_equal(json_string_value(json_object_get(link, "state")), "degraded");
	assert_int_equal(json_integer_value(json_object_get(link, "workers_up")), 1);
	assert_true(json_is_null(json_object_get(link, "retry_in_us")));
	reply_done(&reply);
	reply = http_get(*state, "/api/v1/sessions");
	link = json_array_get(json_object_get(reply.json, "sessions"), 0);
	assert_string_equal(json_string_value(json_object_get(link, "initiator")), "iqn.1993-08.org.debian:01:host1");
	assert_int_equal(json_integer_value(member_at(link, "stats.reads")), 900);
	reply_done(&reply);
}

static void test_claims(void **state)
{
	const char *body = "{\"hardware_id\": \"IET     VIRTUAL-DISK    \"}";
	struct reply reply = http_request(*state, "POST", "/api/v1/claims", body, NULL);

	assert_int_equal(reply.status, 201);
	assert_string_equal(reply_text(&reply, "kind"), "hardware_id");
	assert_non_null(strstr(reply.head, "Location: /api/v1/claims/hardware_id%2FIET%20%20%20%20%20VIRTUAL-DISK%20"));
	reply_done(&reply);
	reply = http_request(*state, "POST", "/api/v1/claims", body, NULL); /* again: it is there */
	assert_int_equal(reply.status, 200);
	reply_done(&reply);
	reply = http_get(*state, "/api/v1/claims");
	assert_int_equal(json_array_size(json_object_get(reply.json, "claims")), 2);
	reply_done(&reply);

	const char *path = "/api/v1/claims/hardware_id%2FIET%20%20%20%20%20VIRTUAL-DISK%20%20%20%20";
	char *forced = xasprintf("%s?force=true", path);

	assert_problem(http_request(*state, "DELETE", path, NULL, NULL), 409, NULL);
	reply = http_request(*state, "DELETE", forced, NULL, NULL);
	assert_int_equal(reply.status, 204);
	assert_int_equal(reply.len, 0);
	reply_done(&reply);
	assert_problem(http_request(*state, "DELETE", forced, NULL, NULL), 404, NULL);
	assert_problem(http_request(*state, "DELETE", "/api/v1/claims/all?force=yes", NULL, NULL), 400, NULL);
	free(forced);
}

static void test_backends(void **state)
{
	const char *body = "{\"name\": \"array-c\", \"portals\": [\"10.0.0.3\"]}";
	struct reply reply = http_request(*state, "POST", "/api/v1/backends", body, NULL);
	const json_t *backend;

	assert_int_equal(reply.status, 201);
	assert_string_equal(reply_text(&reply, "state"), "discovering");
	assert_non_null(strstr(reply.head, "Location: /api/v1/backends/array-c"));
	reply_done(&reply);
	reply = http_request(*state, "POST", "/api/v1/backends", body, NULL);
	assert_int_equal(reply.status, 200);
	reply_done(&reply);
	reply = http_get(*state, "/api/v1/backends");
	assert_int_equal(json_array_size(json_object_get(reply.json, "backends")), 3);
	backend = json_array_get(json_object_get(reply.json, "backends"), 0);
	assert_true(json_is_true(json_object_get(backend, "from_config")));
	assert_string_equal(json_string_value(json_object_get(backend, "fence")), "auto");
	assert_int_equal(json_integer_value(json_object_get(backend, "links_up")), 2);
	reply_done(&reply);
	reply = http_get(*state, "/api/v1/backends/array-c");
	assert_string_equal(reply_text(&reply, "name"), "array-c");
	reply_done(&reply);
	assert_problem(http_request(*state, "POST", "/api/v1/backends", "{\"name\": \"x\"}", NULL), 422, "#/name");
	assert_problem(http_request(*state, "DELETE", "/api/v1/backends/array-c", NULL, NULL), 409, NULL);
	reply = http_request(*state, "DELETE", "/api/v1/backends/array-c?force=true", NULL, NULL);
	assert_int_equal(reply.status, 204);
	reply_done(&reply);
	assert_problem(http_get(*state, "/api/v1/backends/array-c"), 404, NULL);
}

static void test_claim_bodies(void **state)
{
	static const struct {
		const char *body;
		long status;
		const char *pointer;
	} cases[] = {
		{ "", 400, NULL },
		{ "{", 400, NULL },
		{ "{\"all\": true, \"all\": true}", 400, NULL },
		{ "{\"all\": true} x", 400, NULL },
		{ "[]", 422, "#" },
		{ "{}", 422, "#" },
		{ "{\"all\": true, \"device\": \"naa.0\"}", 422, "#" },
		{ "{\"all\": false}", 422, "#/all" },
		{ "{\"all\": 1}", 422, "#/all" },
		{ "{\"device\": 7}", 422, "#/device" },
		{ "{\"device\": \"\"}", 422, "#/device" },
		{ "{\"hardware_id\": null}", 422, "#/hardware_id" },
		{ "{\"a/b~c\": 1}", 422, "#/a~1b~0c" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_problem(http_request(*state, "POST", "/api/v1/claims", cases[i].body, NULL), cases[i].status,
			       cases[i].pointer);
}

static void test_malformed_json_says_where(void **state)
{
	struct reply reply = http_request(*state, "POST", "/api/v1/claims", "{\n  \"all\": tru\n}", NULL);

	assert_string_equal(reply_text(&reply, "title"), "Malformed JSON");
	assert_string_equal(reply_text(&reply, "type"), "tag:braid.example.org,2026-11:malformed-json");
	assert_non_null(strstr(reply_text(&reply, "detail"), "line 2, column 12"));
	reply_done(&reply);
}

static void test_policy(void **state)
{
	static const char *const same[] = { "\"weighted-paths\"", "\"5\"", "5", "\"WP\"" };
	struct reply reply;

	for (size_t i = 0; i < ARRAY_COUNT(same); i++) {
		char *body = xasprintf("{\"policy\": %s, \"paths\": [{\"id\": \"p0\", \"weight\": 4294967295, "
				       "\"role\": \"standby\", \"preferred\": true}]}",
				       same[i]);

		reply = http_request(*state, "PUT", "/api/v1/devices/naa.0/policy", body, NULL);
		free(body);
		assert_int_equal(reply.status, 200);
		assert_string_equal(reply_text(&reply, "policy"), "weighted-paths");
		assert_string_equal(reply_text(&reply, "policy_source"), "device");
		const json_t *path = json_array_get(json_object_get(reply.json, "paths"), 0);

		assert_int_equal(json_integer_value(json_object_get(path, "weight")), 4294967295);
		assert_string_equal(json_string_value(json_object_get(path, "role")), "standby");
		assert_true(json_is_true(json_object_get(path, "preferred")));
		reply_done(&reply);
	}
	reply = http_request(*state, "PUT", "/api/v1/devices/naa.0/policy", "{\"policy\": null}", NULL);
	assert_string_equal(reply_text(&reply, "policy_source"), "default");
	reply_done(&reply);
}

static void test_policy_bodies(void **state)
{
	static const struct {
		const char *body, *pointer;
	} cases[] = {
		{ "{}", "#/policy" },
		{ "{\"policy\": \"fastest\"}", "#/policy" },
		{ "{\"policy\": 9}", "#/policy" },
		{ "{\"policy\": -1}", "#/policy" },
		{ "{\"policy\": 2.0}", "#/policy" },
		{ "{\"policy\": 2, \"path\": []}", "#/path" },
		{ "{\"policy\": 2, \"paths\": {}}", "#/paths" },
		{ "{\"policy\": 1, \"failback\": \"soon\"}", "#/failback" },
		{ "{\"policy\": 1, \"failback\": -1}", "#/failback" },
		{ "{\"policy\": 1, \"failback\": 86401}", "#/failback" },
		{ "{\"policy\": 2, \"paths\": [7]}", "#/paths/0" },
		{ "{\"policy\": 2, \"paths\": [{\"id\": \"p0\"}, {}]}", "#/paths/1/id" },
		{ "{\"policy\": 2, \"paths\": [{\"id\": \"p0\", \"role\": \"lazy\"}]}", "#/paths/0/role" },
		{ "{\"policy\": 2, \"paths\": [{\"id\": \"p0\", \"weight\": -1}]}", "#/paths/0/weight" },
		{ "{\"policy\": 2, \"paths\": [{\"id\": \"p0\", \"weight\": 4294967296}]}", "#/paths/0/weight" },
		{ "{\"policy\": 2, \"paths\": [{\"id\": \"p0\", \"preferred\": 1}]}", "#/paths/0/preferred" },
		{ "{\"policy\": 2, \"paths\": [{\"id\": \"p0\", \"tpg\": 1}]}", "#/paths/0/tpg" },
		{ "{\"policy\": 2, \"paths\": [{\"id\": \"p0\"}, {\"id\": \"p9\"}]}", "#/paths/1/id" }, /* by control */
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_problem(http_request(*state, "PUT", "/api/v1/devices/naa.0/policy", cases[i].body, NULL), 422,
			       cases[i].pointer);
	assert_problem(http_request(*state, "PUT", "/api/v1/devices/none/policy", "{\"policy\": 2}", NULL), 404, NULL);
}

static void test_policy_paths_are_bounded(void **state)
{
	struct reply reply;
	char *rows = xstrdup("{\"id\": \"p0\"}"), *body;

	for (int i = 0; i < 32; i++) {
		char *more = xasprintf("%s, {\"id\": \"p0\"}", rows);

		free(rows);
		rows = more;
	}
	body = xasprintf("{\"policy\": 2, \"paths\": [%s]}", rows);
	reply = http_request(*state, "PUT", "/api/v1/devices/naa.0/policy", body, NULL);
	assert_problem(reply, 422, "#/paths");
	free(body);
	free(rows);
}

/* row: P8: by name or number, for a module and for a hardware ID; null clears */
static void test_policy_levels(void **state)
{
	struct reply reply =
		http_request(*state, "PUT", "/api/v1/policies/hardware-id/ACME", "{\"policy\": \"LQD\"}", NULL);

	assert_int_equal(reply.status, 200);
	assert_string_equal(reply_text(&reply, "hardware_id"), "ACME");
	assert_string_equal(reply_text(&reply, "policy"), "least-queue-depth");
	assert_string_equal(reply_text(&reply, "source"), "api");
	assert_int_equal(number_at(&reply, "devices"), 2);
	reply_done(&reply);
	reply = http_request(*state, "PUT", "/api/v1/policies/dsm/generic", "{\"policy\": 5}", NULL);
	assert_string_equal(reply_text(&reply, "dsm"), "generic");
	reply_done(&reply);
	reply = http_get(*state, "/api/v1/policies");
	assert_true(json_is_null(member_at(reply.json, "default.policy")));
	assert_string_equal(json_string_value(member_at(json_array_get(member_at(reply.json, "dsm"), 0), "policy")),
			    "weighted-paths");
	assert_int_equal(json_array_size(member_at(reply.json, "hardware_id")), 1);
	reply_done(&reply);
	reply = http_request(*state, "PUT", "/api/v1/policies/dsm/generic", "{\"policy\": null}", NULL);
	assert_true(json_is_null(member_at(reply.json, "policy")));
	assert_true(json_is_null(member_at(reply.json, "source")));
	reply_done(&reply);
	assert_problem(http_request(*state, "PUT", "/api/v1/policies/dsm/generic", "{}", NULL), 422, "#/policy");
	assert_problem(
		http_request(*state, "PUT", "/api/v1/policies/dsm/generic", "{\"policy\": 2, \"paths\": []}", NULL),
		422, "#/paths");
	assert_problem(http_request(*state, "PUT", "/api/v1/policies/dsm/none", "{\"policy\": 2}", NULL), 404, NULL);
}

static json_int_t timer_at(const struct reply *reply, const char *name)
{
	return json_integer_value(member_at(member_at(member_at(reply->json, "timers"), name), "value"));
}

/* row: L1: each level shows its timers with unit, default and source; null clears */
static void test_timers(void **state)
{
	struct reply reply = http_request(*state, "PATCH", "/api/v1/timers",
					  "{\"keepalive_timeout\": 7, \"path_verify_enabled\": true}", NULL);

	assert_int_equal(reply.status, 200);
	assert_int_equal(timer_at(&reply, "keepalive_timeout"), 7);
	assert_string_equal(reply_text(&reply, "timers.keepalive_timeout.source"), "gateway");
	assert_string_equal(reply_text(&reply, "timers.keepalive_timeout.unit"), "s");
	assert_int_equal(number_at(&reply, "timers.keepalive_timeout.default"), 5);
	assert_true(json_is_true(member_at(reply.json, "timers.path_verify_enabled.value")));
	assert_true(json_is_null(member_at(reply.json, "timers.path_verify_enabled.unit")));
	assert_null(member_at(json_array_get(member_at(reply.json, "dsms"), 0), "timers.keepalive_timeout"));
	reply_done(&reply);
	reply = http_request(*state, "PATCH", "/api/v1/timers", "{\"keepalive_timeout\": null}", NULL);
	assert_string_equal(reply_text(&reply, "timers.keepalive_timeout.source"), "default");
	reply_done(&reply);
	reply = http_request(*state, "PATCH", "/api/v1/timers/dsm/generic", "{\"retry_count\": 0}", NULL);
	assert_string_equal(reply_text(&reply, "dsm"), "generic");
	assert_string_equal(reply_text(&reply, "timers.retry_count.source"), "dsm");
	reply_done(&reply);
	reply = http_request(*state, "PATCH", "/api/v1/devices/naa.0", "{\"timers\": {\"retry_count\": 9}}", NULL);
	assert_int_equal(timer_at(&reply, "retry_count"), 9);
	assert_int_equal(number_at(&reply, "worst_stall_s"), 100);
	assert_int_equal(number_at(&reply, "worst_stall.timeouts_s"), 80);
	reply_done(&reply);
}

/* row: L1: a wrong one of several is named, and nothing has changed */
static void test_timers_bodies(void **state)
{
	static const struct {
		const char *path, *body, *pointer;
	} cases[] = {
		{ "/api/v1/timers", "[]", "#" },
		{ "/api/v1/timers", "{\"retry_count\": 5, \"no_such\": 1}", "#/no_such" },
		{ "/api/v1/timers", "{\"retry_count\": 5, \"retry_interval\": 3601}", "#/retry_interval" },
		{ "/api/v1/timers", "{\"retry_count\": -1}", "#/retry_count" },
		{ "/api/v1/timers", "{\"retry_count\": 2.0}", "#/retry_count" },
		{ "/api/v1/timers", "{\"path_verify_enabled\": 1}", "#/path_verify_enabled" },
		{ "/api/v1/timers/dsm/generic", "{\"retry_count\": 5, \"fence_wait\": 1}", "#/fence_wait" },
		{ "/api/v1/devices/naa.0", "{\"timers\": {\"keepalive_interval\": 3}}", "#/timers/keepalive_interval" },
		{ "/api/v1/devices/naa.0", "{\"timers\": 3}", "#/timers" },
		{ "/api/v1/devices/naa.0", "{\"policy\": 3}", "#/policy" },
	};
	struct reply reply = http_get(*state, "/api/v1/timers");
	json_t *before = json_incref(reply.json);

	reply_done(&reply);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_problem(http_request(*state, "PATCH", cases[i].path, cases[i].body, NULL), 422,
			       cases[i].pointer);
	assert_problem(http_request(*state, "PATCH", "/api/v1/devices/none", "{}", NULL), 404, NULL);
	assert_problem(http_request(*state, "PATCH", "/api/v1/timers/dsm/none", "{}", NULL), 404, NULL);
	reply = http_get(*state, "/api/v1/timers");
	assert_true(json_equal(before, reply.json));
	reply_done(&reply);
	json_decref(before);
}

/* row: L7 */
static void test_throttle(void **state)
{
	static const struct {
		const char *body, *pointer;
	} cases[] = {
		{ "{\"throttle\": 5}", "#/throttle" },
		{ "{\"throttle\": {}}", "#/throttle" },
		{ "{\"throttle\": {\"iops\": null}}", "#/throttle" },
		{ "{\"throttle\": {\"iops\": 0}}", "#/throttle/iops" },
		{ "{\"throttle\": {\"iops\": 5, \"bytes_per_second\": 4095}}", "#/throttle/bytes_per_second" },
		{ "{\"throttle\": {\"bytes\": 5}}", "#/throttle/bytes" },
	};
	struct reply reply =
		http_request(*state, "PATCH", "/api/v1/devices/naa.0", "{\"throttle\": {\"iops\": 50}}", NULL);

	assert_int_equal(number_at(&reply, "throttle.iops"), 50);
	assert_true(json_is_null(member_at(reply.json, "throttle.bytes_per_second")));
	assert_string_equal(reply_text(&reply, "throttle.source"), "device");
	assert_int_equal(number_at(&reply, "throttled"), 3);
	reply_done(&reply);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_problem(http_request(*state, "PATCH", "/api/v1/devices/naa.0", cases[i].body, NULL), 422,
			       cases[i].pointer);
		assert_problem(http_request(*state, "PATCH", "/api/v1/dsms/generic", cases[i].body, NULL), 422,
			       cases[i].pointer);
	}
	reply = http_request(*state, "PATCH", "/api/v1/devices/naa.0", "{\"throttle\": null}", NULL);
	assert_true(json_is_null(member_at(reply.json, "throttle")));
	reply_done(&reply);
	reply = http_request(*state, "PATCH", "/api/v1/dsms/generic", "{\"throttle\": {\"bytes_per_second\": 4096}}",
			     NULL);
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply_text(&reply, "name"), "generic");
	reply_done(&reply);
	assert_problem(http_request(*state, "PATCH", "/api/v1/dsms/none", "{\"throttle\": null}", NULL), 404, NULL);
}

static void test_events(void **state)
{
	struct site *site = *state;
	struct reply reply;

	fake_gateway_add_event(site->gateway, "Something happened.");
	reply = http_get(site, "/api/v1/events?since=0&limit=1");
	assert_int_equal(json_array_size(json_object_get(reply.json, "events")), 1);
	assert_int_equal(number_at(&reply, "last"), 2);
	assert_string_equal(reply_text(&reply, "next"), "1");
	reply_done(&reply);
	reply = http_get(site, "/api/v1/events?since=1");
	const json_t *event = json_array_get(json_object_get(reply.json, "events"), 0);

	assert_int_equal(json_integer_value(json_object_get(event, "id")), 2);
	assert_string_equal(json_string_value(json_object_get(event, "message")), "Something happened.");
	assert_string_equal(json_string_value(json_object_get(event, "severity")), "warning");
	assert_true(json_is_null(json_object_get(event, "detail")));
	reply_done(&reply);
	assert_problem(http_get(site, "/api/v1/events?since=-1"), 400, NULL);
}

static void test_config(void **state)
{
	struct reply reply = http_get(*state, "/api/v1/config");

	assert_int_equal(number_at(&reply, "workers"), 2);
	reply_done(&reply);
}

static void test_health(void **state)
{
	struct site *site = *state;
	struct reply reply = http_get(site, "/healthz");

	assert_int_equal(reply.status, 200);
	reply_done(&reply);
	reply = http_get(site, "/readyz");
	assert_int_equal(reply.status, 200);
	reply_done(&reply);
	fake_gateway_set_ready(site->gateway, false);
	reply = http_get(site, "/readyz");
	assert_non_null(strstr(reply.head, "Retry-After"));
	assert_string_equal(reply_text(&reply, "detail"), "The target does not listen.");
	assert_problem(reply, 503, NULL);
	fake_gateway_set_ready(site->gateway, true);
}

static void test_metrics(void **state)
{
	struct reply reply = http_get(*state, "/metrics");

	assert_int_equal(reply.status, 200);
	assert_non_null(strstr(reply.head, "Content-Type: text/plain; version=0.0.4"));
	assert_non_null(strstr(reply.text, "\n# TYPE braid_reads_total counter\nbraid_reads_total 10\n"));
	assert_non_null(
		strstr(reply.text, "\nbraid_path_state{device=\"naa.1\",path=\"p3\",link=\"b/2\",state=\"down\"} 1\n"));
	reply_done(&reply);
}

static void test_page(void **state)
{
	static const struct {
		const char *path, *type, *part;
	} cases[] = {
		{ "/", "text/html; charset=utf-8", "<title>Braid</title>" },
		{ "/app.js", "text/javascript; charset=utf-8", "use strict" },
		{ "/app.css", "text/css; charset=utf-8", ":root" },
		{ "/favicon.svg", "image/svg+xml", "<svg" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct reply reply = http_get(*state, cases[i].path);

		assert_int_equal(reply.status, 200);
		assert_non_null(strstr(reply.head, cases[i].type));
		assert_non_null(strstr(reply.text, cases[i].part));
		assert_null(strstr(reply.text, "<script>"));
		assert_non_null(strstr(reply.head, "Content-Security-Policy: default-src 'none'"));
		assert_non_null(strstr(reply.head, "X-Content-Type-Options: nosniff"));
		assert_non_null(strstr(reply.head, "Referrer-Policy: no-referrer"));
		assert_non_null(strstr(reply.head, "X-Frame-Options: DENY"));
		reply_done(&reply);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_device),
		cmocka_unit_test(test_reservations),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_rehearsals),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_links_and_sessions),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_backends),
		cmocka_unit_test(test_claim_bodies),
		cmocka_unit_test(test_malformed_json_says_where),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_policy_bodies),
		cmocka_unit_test(test_policy_paths_are_bounded),
		cmocka_unit_test(test_policy_levels),
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_timers_bodies),
		cmocka_unit_test(test_throttle),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_health),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_page),
	};

	return cmocka_run_group_tests(tests, site_setup, site_teardown);
}
