/* status.c - braidctl status: the gateway at a glance. */
#include "api/ctl/command.h"
#include "api/ctl/text.h"

#include <inttypes.h>
#include <string.h>

static void print_line(const struct terminal *terminal, const char *label)
{
	terminal_print(terminal, COLOUR_DIM, "%-10s", label);
}

static void print_health(const struct terminal *terminal, const json_t *status)
{
	bool healthy = json_is_true(json_object_get(status, "healthy"));
	const json_t *reason;
	size_t i;

	print_line(terminal, "Health");
	terminal_print(terminal, healthy ? COLOUR_GREEN : COLOUR_RED, "%s", healthy ? "healthy" : "not healthy");
	if (!json_is_true(json_object_get(status, "ready")))
		terminal_print(terminal, COLOUR_RED, ", not ready");
	fputc('\n', terminal->out);
	json_array_foreach(json_object_get(status, "reasons"), i, reason) {
		print_line(terminal, "");
		terminal_print(terminal, COLOUR_NONE, "%s", json_string_value(reason));
		fputc('\n', terminal->out);
	}
}

static void print_target(const struct terminal *terminal, const json_t *target)
{
	const json_t *portal;
	size_t i;

	print_line(terminal, "Target");
	terminal_print(terminal, COLOUR_NONE, "%s", text_member(target, "iqn"));
	json_array_foreach(json_object_get(target, "portals"), i, portal)
		terminal_print(terminal, COLOUR_NONE, "%s%s", i ? ", " : " on ", json_string_value(portal));
	fputc('\n', terminal->out);
}

/* "Paths     30 of 32 up" */
static void print_part(const struct terminal *terminal, const char *label, const json_t *counts, const char *part,
		       const char *whole, const char *word)
{
	uint64_t some = number_member(counts, part), all = number_member(counts, whole);

	print_line(terminal, label);
	fprintf(terminal->out, "%" PRIu64 " of %" PRIu64 " %s\n", some, all, word);
}

void ctl_print_stall(const struct terminal *terminal, const json_t *stall)
{
	const char *name;
	json_t *seconds;
	bool first = true;

	json_object_foreach((json_t *)(uintptr_t)stall, name, seconds) {
		fprintf(terminal->out, "%s%.*s %" JSON_INTEGER_FORMAT, first ? "" : " + ", (int)strcspn(name, "_"),
			name, json_integer_value(seconds));
		first = false;
	}
	fprintf(terminal->out, " s\n");
}

static void print_figures(const struct terminal *terminal, const json_t *status)
{
	const json_t *stats = json_object_get(status, "stats");
	char read[TEXT_MAX], written[TEXT_MAX], stall[TEXT_MAX];

	print_line(terminal, "I/O");
	fprintf(terminal->out, "%" PRIu64 " reads (%s), %" PRIu64 " writes (%s)\n", number_member(stats, "reads"),
		text_bytes(number_member(stats, "read_bytes"), read), number_member(stats, "writes"),
		text_bytes(number_member(stats, "written_bytes"), written));
	print_line(terminal, "");
	fprintf(terminal->out, "%" PRIu64 " retries, %" PRIu64 " errors, %" PRIu64 " path failures\n",
		number_member(stats, "retries"), number_member(stats, "io_errors"),
		number_member(stats, "path_failures"));
	print_line(terminal, "Stall");
	fprintf(terminal->out, "at most %s, by the timers\n",
		text_duration(number_member(status, "worst_stall_us"), stall));
	print_line(terminal, "");
	ctl_print_stall(terminal, json_object_get(status, "worst_stall"));
}

int command_status(struct ctl *ctl, char **arguments, int count)
{
	const struct terminal *terminal = &ctl->terminal;
	json_t *status = client_get(ctl->client, "/api/v1/status");
	const json_t *counts = json_object_get(status, "counts");
	char uptime[TEXT_MAX];

	(void)arguments;
	(void)count;
	if (!status)
		return CTL_FAILED;
	if (ctl->options->json)
		return ctl_print_json(ctl, status);
	terminal_print(terminal, COLOUR_BOLD, "Braid %s", text_member(status, "version"));
	fprintf(terminal->out, ", up %s\n", text_duration(number_member(status, "uptime_us"), uptime));
	print_health(terminal, status);
	print_target(terminal, json_object_get(status, "target"));
	print_part(terminal, "Devices", counts, "claimed_devices", "devices", "claimed");
	print_part(terminal, "Paths", counts, "paths_up", "paths", "up");
	print_part(terminal, "Links", counts, "links_up", "links", "up");
	print_line(terminal, "Sessions");
	fprintf(terminal->out, "%" PRIu64 " on %" PRIu64 " workers\n", number_member(counts, "sessions"),
		number_member(counts, "workers"));
	print_figures(terminal, status);
	json_decref(status);
	return CTL_OK;
}
