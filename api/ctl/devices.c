/* devices.c - braidctl devices, device, paths. */
#include "api/ctl/command.h"
#include "api/ctl/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES "/api/v1/devices"

static void number_cell(struct table *table, const json_t *value)
{
	if (json_is_integer(value))
		table_cell(table, COLOUR_NONE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		table_cell(table, COLOUR_DIM, "-");
}

static void state_cell(struct table *table, const json_t *object)
{
	const char *state = text_member(object, "state");

	table_cell(table, ctl_state_colour(state), "%s", state);
}

static void paths_cell(struct table *table, const json_t *device)
{
	const json_t *paths = json_object_get(device, "paths"), *path;
	size_t i, up = 0;

	json_array_foreach(paths, i, path)
		up += strcmp(text_member(path, "state"), "up") == 0;
	table_cell(table, up == i ? COLOUR_NONE : COLOUR_YELLOW, "%zu/%zu", up, i);
}

static void add_device(struct table *table, const json_t *device)
{
	char size[TEXT_MAX];

	number_cell(table, json_object_get(device, "lun"));
	table_cell(table, COLOUR_NONE, "%s", text_member(device, "id"));
	table_cell(table, COLOUR_NONE, "%s", text_member(device, "hardware_id"));
	table_cell(table, COLOUR_NONE, "%s", text_bytes(number_member(device, "size_bytes"), size));
	state_cell(table, device);
	paths_cell(table, device);
	table_cell(table, COLOUR_NONE, "%s", text_member(device, "policy"));
	table_cell(table, COLOUR_NONE, "%s", text_member(device, "dsm"));
}

int command_devices(struct ctl *ctl, char **arguments, int count)
{
	static const struct table_column columns[] = {
		{ "LUN", .right = true },     { "DEVICE", .cut = CUT_MIDDLE }, { "HARDWARE ID", .cut = CUT_END },
		{ "SIZE", .right = true },    { "STATE", .cut = CUT_NEVER },   { "PATHS", .right = true },
		{ "POLICY", .cut = CUT_END }, { "DSM", .cut = CUT_END },
	};
	static const struct listing listing = {
		.path = DEVICES,
		.member = "devices",
		.columns = columns,
		.column_count = sizeof(columns) / sizeof(columns[0]),
		.add = add_device,
		.empty = "No devices.",
	};

	(void)arguments;
	(void)count;
	return ctl_list(ctl, &listing);
}

/* ---- paths ---- */

static const struct table_column path_columns[] = {
	{ "LUN", .right = true },      { "PATH", .cut = CUT_NEVER }, { "LINK", .cut = CUT_MIDDLE },
	{ "STATE", .cut = CUT_NEVER }, { "ALUA", .cut = CUT_END },   { "TPG", .right = true },
	{ "ROLE", .cut = CUT_NEVER },  { "WEIGHT", .right = true },  { "QUEUE", .right = true },
	{ "LATENCY", .right = true },  { "READ", .right = true },    { "WRITTEN", .right = true },
	{ "FAILURES", .right = true },
};

static struct table *paths_table(void)
{
	return table_create(path_columns, sizeof(path_columns) / sizeof(path_columns[0]));
}

static void add_paths(struct table *table, const json_t *device)
{
	const json_t *path;
	size_t i;

	json_array_foreach(json_object_get(device, "paths"), i, path) {
		const json_t *stats = json_object_get(path, "stats");
		bool is_slow = json_is_true(json_object_get(path, "slow"));
		char latency[TEXT_MAX], read[TEXT_MAX], written[TEXT_MAX];

		number_cell(table, json_object_get(device, "lun"));
		table_cell(table, COLOUR_NONE, "%s", text_member(path, "id"));
		table_cell(table, COLOUR_NONE, "%s", text_member(path, "link"));
		state_cell(table, path);
		table_cell(table, COLOUR_NONE, "%s", text_member(path, "alua_state"));
		number_cell(table, json_object_get(path, "tpg"));
		table_cell(table, COLOUR_NONE, "%s%s", text_member(path, "role"),
			   json_is_true(json_object_get(path, "preferred")) ? " *" : "");
		number_cell(table, json_object_get(path, "weight"));
		number_cell(table, json_object_get(path, "inflight"));
		table_cell(table, is_slow ? COLOUR_YELLOW : COLOUR_NONE, "%s%s",
			   text_latency(number_member(path, "latency_us"), latency), is_slow ? " slow" : "");
		table_cell(table, COLOUR_NONE, "%s", text_bytes(number_member(stats, "read_bytes"), read));
		table_cell(table, COLOUR_NONE, "%s", text_bytes(number_member(stats, "written_bytes"), written));
		number_cell(table, json_object_get(stats, "path_failures"));
	}
}

int command_paths(struct ctl *ctl, char **arguments, int count)
{
	static const struct listing listing = {
		.path = DEVICES,
		.member = "devices",
		.columns = path_columns,
		.column_count = sizeof(path_columns) / sizeof(path_columns[0]),
		.add = add_paths,
		.empty = "No paths.",
	};

	(void)arguments;
	(void)count;
	return ctl_list(ctl, &listing);
}

/* ---- one device ---- */

static void print_member(struct ctl *ctl, const char *label, const char *value)
{
	terminal_print(&ctl->terminal, COLOUR_DIM, "%-12s", label);
	terminal_print(&ctl->terminal, COLOUR_NONE, "%s", value);
	fputc('\n', ctl->terminal.out);
}

static void print_device_state(struct ctl *ctl, const json_t *device)
{
	const char *state = text_member(device, "state");

	terminal_print(&ctl->terminal, COLOUR_DIM, "%-12s", "State");
	terminal_print(&ctl->terminal, ctl_state_colour(state), "%s", state);
	if (json_is_string(json_object_get(device, "reason")))
		terminal_print(&ctl->terminal, COLOUR_NONE, " - %s", text_member(device, "reason"));
	fputc('\n', ctl->terminal.out);
}

static void print_device(struct ctl *ctl, const json_t *device)
{
	const struct terminal *terminal = &ctl->terminal;
	const json_t *lun = json_object_get(device, "lun");
	struct table *table = paths_table();
	char size[TEXT_MAX];

	terminal_print(terminal, COLOUR_BOLD, "%s", text_member(device, "name"));
	if (json_is_integer(lun))
		fprintf(terminal->out, ", LUN %" JSON_INTEGER_FORMAT, json_integer_value(lun));
	fputc('\n', terminal->out);
	print_member(ctl, "Device", text_member(device, "id"));
	print_member(ctl, "Hardware ID", text_member(device, "hardware_id"));
	print_member(ctl, "Serial", text_member(device, "serial"));
	terminal_print(terminal, COLOUR_DIM, "%-12s", "Size");
	fprintf(terminal->out, "%s in blocks of %" PRIu64 " bytes\n",
		text_bytes(number_member(device, "size_bytes"), size), number_member(device, "block_size"));
	print_device_state(ctl, device);
	print_member(ctl, "Claimed by", text_member(device, "claimed_by"));
	print_member(ctl, "DSM", text_member(device, "dsm"));
	terminal_print(terminal, COLOUR_DIM, "%-12s", "Policy");
	terminal_print(terminal, COLOUR_NONE, "%s (from: %s)", text_member(device, "policy"),
		       text_member(device, "policy_source"));
	fputc('\n', terminal->out);
	print_member(ctl, "ALUA", text_member(device, "alua"));
	print_member(ctl, "Fence", text_member(device, "fence"));
	terminal_print(terminal, COLOUR_DIM, "%-12s", "Stall");
	fprintf(terminal->out, "at most %" PRIu64 " s: ", number_member(device, "worst_stall_s"));
	ctl_print_stall(terminal, json_object_get(device, "worst_stall"));
	fputc('\n', terminal->out);
	add_paths(table, device);
	table_print(table, terminal, "No paths.");
	table_destroy(table);
}

int command_device(struct ctl *ctl, char **arguments, int count)
{
	json_t *device = ctl_find_device(ctl, arguments[0]);

	(void)count;
	if (!device)
		return CTL_FAILED;
	if (ctl->options->json)
		return ctl_print_json(ctl, device);
	print_device(ctl, device);
	json_decref(device);
	return CTL_OK;
}

/* ---- which device is meant ---- */

static bool is_number(const char *name)
{
	return *name && strspn(name, "0123456789") == strlen(name);
}

static const json_t *device_by_lun(const json_t *devices, const char *name)
{
	const json_t *device;
	size_t i;

	if (!is_number(name))
		return NULL;
	json_array_foreach(devices, i, device) {
		const json_t *lun = json_object_get(device, "lun");

		if (json_is_integer(lun) && json_integer_value(lun) == strtoll(name, NULL, 10))
			return device;
	}
	return NULL;
}

/* Exactly, or else by a prefix; *matches counts the latter. */
static const json_t *device_by_id(const json_t *devices, const char *name, size_t *matches)
{
	const json_t *device, *found = NULL;
	size_t i;

	*matches = 0;
	json_array_foreach(devices, i, device) {
		const char *id = text_member(device, "id");

		if (strcmp(id, name) == 0) {
			*matches = 1;
			return device;
		}
		if (strncmp(id, name, strlen(name)) == 0) {
			found = device;
			++*matches;
		}
	}
	return *matches == 1 ? found : NULL;
}

json_t *ctl_find_device(struct ctl *ctl, const char *name)
{
	json_t *answer = client_list(ctl->client, DEVICES, "devices"), *copy = NULL;
	const json_t *devices = json_object_get(answer, "devices"), *device;
	size_t matches = 0;

	if (!answer)
		return NULL;
	device = device_by_lun(devices, name);
	if (!device)
		device = device_by_id(devices, name, &matches);
	if (device)
		copy = json_deep_copy(device);
	else if (matches > 1)
		fprintf(stderr, "braidctl: %zu devices have an id that starts with \"%s\"; give more of it\n", matches,
			name);
	else
		fprintf(stderr, "braidctl: no device has the LUN or the id \"%s\"; see braidctl devices\n", name);
	json_decref(answer);
	return copy;
}
