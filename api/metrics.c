#include "api/metrics.h"

#include "api/member.h"
#include "api/resources.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum scope { GATEWAY, DEVICE, PATH, LINK, SCOPE_COUNT };

/* What a sample is about: the objects of that list, told apart by these members. */
static const struct {
	const char *list;
	struct {
		const char *label, *member;
	} labels[3];
} scopes[SCOPE_COUNT] = {
	[GATEWAY] = { "gateway", { { NULL, NULL } } },
	[DEVICE] = { "device", { { "device", "id" } } },
	[PATH] = { "path", { { "device", "device" }, { "path", "id" }, { "link", "link" } } },
	[LINK] = { "link", { { "link", "id" }, { "backend", "backend" }, { "portal", "portal" } } },
};

enum form {
	COUNTER, /* an integer that only grows */
	GAUGE, /* an integer, or a boolean as 0 and 1 */
	SECONDS, /* microseconds, shown in seconds */
	STATES, /* one of the words: a sample for each, 1 for the one that holds */
	INFO, /* 1, with the members named in words as labels */
};

struct metric {
	const char *name;
	enum scope scope;
	enum form form;
	const char *member, *words, *help;
};

/* clang-format off */
#define FIGURES(scope, prefix, of)                                                                                     \
	{ prefix "_reads_total", scope, COUNTER, "stats.reads", NULL, "Reads completed " of "." },                     \
	{ prefix "_writes_total", scope, COUNTER, "stats.writes", NULL, "Writes completed " of "." },                  \
	{ prefix "_read_bytes_total", scope, COUNTER, "stats.read_bytes", NULL, "Bytes read " of "." },                \
	{ prefix "_written_bytes_total", scope, COUNTER, "stats.written_bytes", NULL, "Bytes written " of "." },       \
	{ prefix "_retries_total", scope, COUNTER, "stats.retries", NULL, "Commands sent again " of "." },             \
	{ prefix "_io_errors_total", scope, COUNTER, "stats.io_errors", NULL, "Commands that failed " of "." },        \
	{ prefix "_path_failures_total", scope, COUNTER, "stats.path_failures", NULL, "Path failures " of "." },       \
	{ prefix "_last_failure_timestamp_seconds", scope, SECONDS, "stats.last_failure_us", NULL,                     \
	  "Unix time of the last failure " of "; absent: there was none." }
/* clang-format on */

static const struct metric metrics[] = {
	{ "braid_build_info", GATEWAY, INFO, NULL, "version", "The version that runs." },
	{ "braid_uptime_seconds", GATEWAY, SECONDS, "uptime_us", NULL, "Time since the start." },
	{ "braid_healthy", GATEWAY, GAUGE, "healthy", NULL, "1 while nothing is wrong." },
	{ "braid_ready", GATEWAY, GAUGE, "ready", NULL, "1 while the target listens." },
	{ "braid_devices", GATEWAY, GAUGE, "counts.devices", NULL, "Devices seen." },
	{ "braid_claimed_devices", GATEWAY, GAUGE, "counts.claimed_devices", NULL, "Devices claimed." },
	{ "braid_paths", GATEWAY, GAUGE, "counts.paths", NULL, "Paths known." },
	{ "braid_paths_up", GATEWAY, GAUGE, "counts.paths_up", NULL, "Paths that are up." },
	{ "braid_links", GATEWAY, GAUGE, "counts.links", NULL, "I_T nexuses to arrays." },
	{ "braid_links_up", GATEWAY, GAUGE, "counts.links_up", NULL, "I_T nexuses that are up." },
	{ "braid_sessions", GATEWAY, GAUGE, "counts.sessions", NULL, "Sessions of hosts." },
	{ "braid_backends", GATEWAY, GAUGE, "counts.backends", NULL, "Arrays configured." },
	{ "braid_workers", GATEWAY, GAUGE, "counts.workers", NULL, "Worker threads." },
	{ "braid_worst_stall_seconds", GATEWAY, SECONDS, "worst_stall_us", NULL,
	  "Longest stall of a command that the timers add up to." },
	FIGURES(GATEWAY, "braid", "by the gateway"),
	{ "braid_device_info", DEVICE, INFO, NULL, "name hardware_id serial lun policy dsm fence",
	  "What the device is." },
	{ "braid_device_state", DEVICE, STATES, "state", "normal degraded failover no-paths unclaimed conflict",
	  "1 for the state that the device is in." },
	{ "braid_device_size_bytes", DEVICE, GAUGE, "size_bytes", NULL, "Capacity." },
	{ "braid_device_held_commands", DEVICE, GAUGE, "held", NULL, "Commands that wait for a path." },
	FIGURES(DEVICE, "braid_device", "on the device"),
	{ "braid_path_state", PATH, STATES, "state", "up down verifying draining failed conflict probation",
	  "1 for the state that the path is in." },
	{ "braid_path_inflight_commands", PATH, GAUGE, "inflight", NULL, "Commands at the array." },
	{ "braid_path_latency_seconds", PATH, SECONDS, "latency_us", NULL, "Moving average of the service time." },
	{ "braid_path_slow", PATH, GAUGE, "slow", NULL, "1 while it takes several times as long as the others." },
	FIGURES(PATH, "braid_path", "on the path"),
	{ "braid_link_state", LINK, STATES, "state", "up connecting probing down degraded probation",
	  "1 for the state that the link is in." },
	{ "braid_link_inflight_commands", LINK, GAUGE, "inflight", NULL, "Commands at the array." },
	{ "braid_link_latency_seconds", LINK, SECONDS, "latency_us", NULL, "Moving average of the service time." },
	{ "braid_link_reconnects_total", LINK, COUNTER, "reconnects", NULL, "Logins after the first." },
	FIGURES(LINK, "braid_link", "on the link"),
};

/* ---- on the control loop ---- */

static bool collect_device(const struct device_view *view, void *arg)
{
	json_t *output = arg, *device = device_json(view), *path;
	json_t *paths = json_object_get(output, "path");
	size_t i;

	json_array_foreach(json_object_get(device, "paths"), i, path) {
		member_text(path, "device", view->id);
		json_array_append(paths, path);
	}
	json_array_append_new(json_object_get(output, "device"), device);
	return true;
}

static bool collect_link(const struct link_view *view, void *arg)
{
	json_array_append_new(json_object_get(arg, "link"), link_json(view));
	return true;
}

void metrics_collect(struct request *request, struct gateway *gateway)
{
	request->output = json_object();
	for (size_t i = 0; i < SCOPE_COUNT; i++)
		json_object_set_new(request->output, scopes[i].list, json_array());
	json_array_append_new(json_object_get(request->output, "gateway"), status_json(gateway));
	control_each_device(gateway, collect_device, request->output);
	control_each_link(gateway, collect_link, request->output);
}

/* ---- text ---- */

/* label="value", with backslash, quote and newline escaped; a number is shown as such, null as "". */
static void print_label(FILE *out, const char *label, const json_t *value, bool *any)
{
	fprintf(out, "%s%s=\"", *any ? "," : "{", label);
	*any = true;
	if (json_is_integer(value))
		fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	for (const char *c = json_is_string(value) ? json_string_value(value) : ""; *c; c++) {
		if (*c == '\n')
			fputs("\\n", out);
		else if (*c == '"' || *c == '\\')
			fprintf(out, "\\%c", *c);
		else
			fputc(*c, out);
	}
	fputc('"', out);
}

/* The sample's name and the labels of its scope; the braces stay open when *any. */
static void print_name(FILE *out, const struct metric *metric, const json_t *object, bool *any)
{
	*any = false;
	fputs(metric->name, out);
	for (size_t i = 0; i < 3 && scopes[metric->scope].labels[i].label; i++)
		print_label(out, scopes[metric->scope].labels[i].label,
			    json_object_get(object, scopes[metric->scope].labels[i].member), any);
}

static void print_value(FILE *out, const struct metric *metric, const json_t *value)
{
	json_int_t number = json_is_integer(value) ? json_integer_value(value) : json_is_true(value);

	if (metric->form == SECONDS)
		fprintf(out, " %" PRId64 ".%06" PRId64 "\n", (int64_t)(number / 1000000), (int64_t)(number % 1000000));
	else
		fprintf(out, " %" JSON_INTEGER_FORMAT "\n", number);
}

/* The next of the space-separated words; false at the end. */
static bool next_word(const char **words, char *word, size_t size)
{
	size_t len = strcspn(*words, " ");

	if (len == 0 || len >= size)
		return false;
	memcpy(word, *words, len);
	word[len] = '\0';
	*words += len;
	*words += strspn(*words, " ");
	return true;
}

static void print_states(FILE *out, const struct metric *metric, const json_t *object)
{
	const json_t *state = member_at(object, metric->member);
	const char *words = metric->words;
	char word[32];
	bool any;

	while (next_word(&words, word, sizeof(word))) {
		print_name(out, metric, object, &any);
		fprintf(out, "%sstate=\"%s\"} %d\n", any ? "," : "{", word,
			json_is_string(state) && strcmp(json_string_value(state), word) == 0);
	}
}

static void print_info(FILE *out, const struct metric *metric, const json_t *object)
{
	const char *words = metric->words;
	char word[32];
	bool any;

	print_name(out, metric, object, &any);
	while (next_word(&words, word, sizeof(word)))
		print_label(out, word, json_object_get(object, word), &any);
	fputs(any ? "} 1\n" : " 1\n", out);
}

static void print_number(FILE *out, const struct metric *metric, const json_t *object)
{
	const json_t *value = member_at(object, metric->member);
	bool any;

	if (!value || json_is_null(value))
		return;
	print_name(out, metric, object, &any);
	if (any)
		fputc('}', out);
	print_value(out, metric, value);
}

char *metrics_render(const json_t *output, size_t *len)
{
	static void (*const print[])(FILE *, const struct metric *, const json_t *) = {
		[COUNTER] = print_number, [GAUGE] = print_number, [SECONDS] = print_number,
		[STATES] = print_states,  [INFO] = print_info,
	};
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (!out)
		return NULL;
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		const struct metric *metric = &metrics[i];
		const json_t *objects = json_object_get(output, scopes[metric->scope].list);
		const json_t *object;
		size_t at;

		fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
			metric->form == COUNTER ? "counter" : "gauge");
		json_array_foreach(objects, at, object)
			print[metric->form](out, metric, object);
	}
	fclose(out);
	return text;
}
