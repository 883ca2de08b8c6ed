/* commands.c - braidctl why. */
#include "api/ctl/command.h"
#include "api/ctl/text.h"
#include "api/uri.h"
#include "gateway/base/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT 20
#define LIMIT_MAX 1000

/* "p1 p4": the paths in the order in which they were tried; "-" for a time without one. */
static void paths_cell(struct table *table, const json_t *command)
{
	const json_t *attempts = json_object_get(command, "attempts"), *attempt;
	char text[128] = "";
	size_t i, len = 0;

	json_array_foreach(attempts, i, attempt)
		if (len < sizeof(text))
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? " " : "",
						text_member(attempt, "path"));
	table_cell(table, i > 1 ? COLOUR_YELLOW : COLOUR_NONE, "%s", text);
}

static void add_command(struct table *table, const json_t *command)
{
	const char *status = text_member(command, "status");
	bool good = strcmp(status, "GOOD") == 0;
	char text[TEXT_MAX];

	table_cell(table, COLOUR_NONE, "%s", text_time(number_member(command, "time_us"), text));
	if (json_is_string(json_object_get(command, "command")))
		table_cell(table, COLOUR_NONE, "%s", text_member(command, "command"));
	else
		table_cell(table, COLOUR_NONE, "opcode %02" PRIx64 "h", number_member(command, "opcode"));
	if (number_member(command, "blocks"))
		table_cell(table, COLOUR_NONE, "%" PRIu64 " +%" PRIu64, number_member(command, "lba"),
			   number_member(command, "blocks"));
	else
		table_cell(table, COLOUR_DIM, "-");
	paths_cell(table, command);
	table_cell(table, good ? COLOUR_GREEN : COLOUR_RED, "%s",
		   json_is_true(json_object_get(command, "ended")) ? status : "under way");
	table_cell(table, COLOUR_NONE, "%s", text_duration(number_member(command, "took_us"), text));
}

static void print_commands(struct ctl *ctl, const json_t *commands)
{
	static const struct table_column columns[] = {
		{ "TIME", .cut = CUT_NEVER }, { "COMMAND", .cut = CUT_END },  { "BLOCKS", .cut = CUT_END },
		{ "PATHS", .cut = CUT_END },  { "RESULT", .cut = CUT_NEVER }, { "TOOK", .right = true },
	};
	struct table *table = table_create(columns, sizeof(columns) / sizeof(columns[0]));
	const json_t *command;
	size_t i;

	json_array_foreach(commands, i, command)
		add_command(table, command);
	table_print(table, &ctl->terminal, "No commands.");
	table_destroy(table);
	if (json_array_size(commands))
		fputc('\n', ctl->terminal.out);
	json_array_foreach(commands, i, command) {
		terminal_print(&ctl->terminal, COLOUR_NONE, "%s", text_member(command, "sentence"));
		fputc('\n', ctl->terminal.out);
	}
}

int command_why(struct ctl *ctl, char **arguments, int count)
{
	long limit = options_number(ctl->options->limit, "--limit", LIMIT, LIMIT_MAX);
	json_t *device = limit < 0 ? NULL : ctl_find_device(ctl, arguments[0]), *answer;
	char *id, *path;

	(void)count;
	if (limit < 0)
		return CTL_USAGE;
	if (!device)
		return CTL_FAILED;
	id = uri_escape(text_member(device, "id"));
	path = xasprintf("/api/v1/devices/%s/commands?limit=%ld%s", id, limit,
			 ctl->options->remarkable ? "&remarkable=true" : "");
	answer = client_get(ctl->client, path);
	free(path);
	free(id);
	json_decref(device);
	if (!answer)
		return CTL_FAILED;
	if (ctl->options->json)
		return ctl_print_json(ctl, answer);
	if (!json_is_true(json_object_get(answer, "complete")))
		fprintf(stderr, "braidctl: a worker of the gateway did not answer in time; its commands are missing\n");
	print_commands(ctl, json_object_get(answer, "commands"));
	json_decref(answer);
	return CTL_OK;
}
