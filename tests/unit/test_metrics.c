/* The Prometheus text: escaping, units, states, and the rules of the format that hold for every line. */
#include "api/metrics.h"
#include "tests/unit/unit.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char document[] =
	"{\"gateway\": [{\"version\": \"1\", \"uptime_us\": 1500001, \"healthy\": true, \"ready\": false,"
	"  \"counts\": {\"devices\": 2}, \"stats\": {\"reads\": 9223372036854775807, \"last_failure_us\": null}}],"
	" \"device\": [{\"id\": \"a\\\"b\\\\c\\nd\", \"lun\": null, \"state\": \"no-paths\", \"size_bytes\": 7}],"
	" \"path\": [{\"device\": \"x\", \"id\": \"p0\", \"link\": \"l\", \"state\": \"odd\", \"latency_us\": 42}],"
	" \"link\": []}";

static char *render(void)
{
	json_t *output = json_loads(document, 0, NULL);
	size_t len;
	char *text;

	assert_non_null(output);
	text = metrics_render(output, &len);
	assert_int_equal(strlen(text), len);
	json_decref(output);
	return text;
}

static void assert_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = text; at && *at; at = strchr(at, '\n'), at += at ? 1 : 0)
		if (strncmp(at, line, len) == 0 && at[len] == '\n')
			return;
	fail_msg("missing: %s", line);
}

static void test_samples(void **state)
{
	char *text = render();

	(void)state;
	assert_line(text, "braid_build_info{version=\"1\"} 1");
	assert_line(text, "braid_uptime_seconds 1.500001");
	assert_line(text, "braid_healthy 1");
	assert_line(text, "braid_ready 0");
	assert_line(text, "braid_devices 2");
	assert_line(text, "braid_reads_total 9223372036854775807");
	assert_line(text, "braid_device_size_bytes{device=\"a\\\"b\\\\c\\nd\"} 7");
	assert_line(text, "braid_device_state{device=\"a\\\"b\\\\c\\nd\",state=\"no-paths\"} 1");
	assert_line(text, "braid_device_state{device=\"a\\\"b\\\\c\\nd\",state=\"normal\"} 0");
	assert_line(text, "braid_path_state{device=\"x\",path=\"p0\",link=\"l\",state=\"up\"} 0");
	assert_line(text, "braid_path_latency_seconds{device=\"x\",path=\"p0\",link=\"l\"} 0.000042");
	assert_null(strstr(text, "\nbraid_last_failure_timestamp_seconds ")); /* null: no sample */
	assert_null(strstr(text, "\nbraid_link_state{"));
	free(text);
}

/* "# HELP name text", "# TYPE name type", then samples of that name only; counters end in _total. */
static void test_format(void **state)
{
	char *text = render(), *rest = text, *line, name[128] = "";

	(void)state;
	while ((line = strsep(&rest, "\n")) && *line) {
		char type[16];

		if (strncmp(line, "# HELP ", 7) == 0) {
			assert_int_equal(sscanf(line + 7, "%127s", name), 1);
			assert_int_equal(strncmp(name, "braid_", 6), 0);
		} else if (strncmp(line, "# TYPE ", 7) == 0) {
			assert_int_equal(strncmp(line + 7, name, strlen(name)), 0);
			assert_int_equal(sscanf(line + 7 + strlen(name), " %15s", type), 1);
			assert_int_equal(strcmp(type, "counter") == 0, !!strstr(name, "_total"));
		} else {
			assert_int_equal(strncmp(line, name, strlen(name)), 0);
			assert_true(line[strlen(name)] == '{' || line[strlen(name)] == ' ');
			assert_true(isdigit((unsigned char)line[strlen(line) - 1]));
		}
	}
	assert_null(rest); /* one empty line, at the end */
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_samples), cmocka_unit_test(test_format) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
