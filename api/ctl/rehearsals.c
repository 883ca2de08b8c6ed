/* rehearsals.c - braidctl rehearse. */
#include "api/ctl/command.h"
#include "api/ctl/text.h"
#include "api/uri.h"
#include "gateway/base/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECONDS 5
#define SECONDS_MAX 60

static void number_cell(struct table *table, const json_t *device, const char *name)
{
	table_cell(table, COLOUR_NONE, "%" PRIu64, number_member(device, name));
}

static void print_devices(struct ctl *ctl, const json_t *devices)
{
	static const struct table_column columns[] = {
		{ "DEVICE", .cut = CUT_MIDDLE }, { "IN FLIGHT", .right = true }, { "MOVED", .right = true },
		{ "FENCED", .right = true },     { "FENCE", .cut = CUT_NEVER },  { "HELD", .right = true },
		{ "FAILED", .right = true },     { "LONGEST", .right = true },
	};
	struct table *table = table_create(columns, sizeof(columns) / sizeof(columns[0]));
	const json_t *device;
	char longest[TEXT_MAX];
	size_t i;

	json_array_foreach(devices, i, device) {
		table_cell(table, COLOUR_NONE, "%s", text_member(device, "id"));
		number_cell(table, device, "inflight");
		number_cell(table, device, "moved");
		number_cell(table, device, "fenced");
		table_cell(table, COLOUR_NONE, "%s", text_member(device, "fence"));
		number_cell(table, device, "held");
		table_cell(table, number_member(device, "failed") ? COLOUR_RED : COLOUR_NONE, "%" PRIu64,
			   number_member(device, "failed"));
		table_cell(table, COLOUR_NONE, "%s", text_latency(number_member(device, "longest_us"), longest));
	}
	table_print(table, &ctl->terminal, "No disk has a path on it.");
	table_destroy(table);
}

static void print_time(struct ctl *ctl, const char *words, const json_t *rehearsal, const char *name, const char *never)
{
	bool known = json_is_integer(json_object_get(rehearsal, name));
	char text[TEXT_MAX];

	fprintf(ctl->terminal.out, "%s %s\n", words,
		known ? text_duration(number_member(rehearsal, name), text) : never);
}

static bool was_good(const json_t *rehearsal)
{
	const json_t *device;
	size_t i;

	json_array_foreach(json_object_get(rehearsal, "devices"), i, device)
		if (number_member(device, "failed"))
			return false;
	return json_is_integer(json_object_get(rehearsal, "back_after_us"));
}

static int print_rehearsal(struct ctl *ctl, json_t *rehearsal)
{
	int rc = was_good(rehearsal) ? CTL_OK : CTL_FAILED;
	char longest[TEXT_MAX];

	if (ctl->options->json) {
		ctl_print_json(ctl, rehearsal);
		return rc;
	}
	fprintf(ctl->terminal.out, "link %s was taken away for %" PRIu64 " s (%s)\n", text_member(rehearsal, "link"),
		number_member(rehearsal, "seconds"), text_member(rehearsal, "how"));
	print_time(ctl, "given up after ", rehearsal, "lost_after_us", "- (nobody missed it)");
	print_time(ctl, "back after     ", rehearsal, "back_after_us", "- (it is not back yet)");
	fprintf(ctl->terminal.out, "longest command %s\n\n",
		text_latency(number_member(rehearsal, "longest_us"), longest));
	print_devices(ctl, json_object_get(rehearsal, "devices"));
	json_decref(rehearsal);
	return rc;
}

/* The report, when there is one; NULL: it could not be asked for. The gateway bounds how long it takes. */
static json_t *wait_for_end(struct ctl *ctl, const char *path)
{
	const struct timespec pause = { .tv_nsec = 200000000 };
	json_t *rehearsal = client_get(ctl->client, path);

	while (rehearsal && strcmp(text_member(rehearsal, "state"), "over") != 0) {
		json_decref(rehearsal);
		nanosleep(&pause, NULL);
		rehearsal = client_get(ctl->client, path);
	}
	return rehearsal;
}

int command_rehearse(struct ctl *ctl, char **arguments, int count)
{
	long seconds = options_number(ctl->options->seconds, "--seconds", SECONDS, SECONDS_MAX);
	json_t *body, *answer = NULL;
	char *id, *path, *post;
	int rc;

	(void)count;
	if (seconds < 0)
		return CTL_USAGE;
	id = uri_escape(arguments[0]);
	path = xasprintf("/api/v1/links/%s/rehearse", id);
	post = xasprintf("%s%s", path, ctl->options->force ? "?force=true" : "");
	body = json_pack("{s:I, s:s}", "seconds", (json_int_t)seconds, "how", ctl->options->silent ? "silent" : "cut");
	rc = client_request(ctl->client, "POST", post, body, &answer);
	json_decref(body);
	json_decref(answer);
	answer = rc < 0 ? NULL : wait_for_end(ctl, path);
	free(post);
	free(path);
	free(id);
	return answer ? print_rehearsal(ctl, answer) : CTL_FAILED;
}
