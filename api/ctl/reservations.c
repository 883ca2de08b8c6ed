/* reservations.c - braidctl reservations, clear-reservations. */
#include "api/ctl/command.h"
#include "api/ctl/text.h"
#include "api/uri.h"
#include "gateway/base/memory.h"

#include <stdlib.h>

/* 0, or a request that failed. *answer may be NULL when there is none. */
static int ask(struct ctl *ctl, const char *method, const char *name, json_t **answer)
{
	json_t *device = ctl_find_device(ctl, name);
	char *id, *path;
	int rc;

	if (!device)
		return -1;
	id = uri_escape(text_member(device, "id"));
	path = xasprintf("/api/v1/devices/%s/reservations", id);
	rc = client_request(ctl->client, method, path, NULL, answer);
	free(path);
	free(id);
	json_decref(device);
	return rc;
}

static void print_registrations(struct ctl *ctl, const json_t *answer)
{
	static const struct table_column columns[] = {
		{ "INITIATOR", .cut = CUT_MIDDLE },
		{ "ISID", .cut = CUT_NEVER },
		{ "KEY", .cut = CUT_NEVER },
		{ "HOLDER", .cut = CUT_NEVER },
	};
	struct table *table = table_create(columns, sizeof(columns) / sizeof(columns[0]));
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(answer, "registrations"), i, row) {
		table_cell(table, COLOUR_NONE, "%s", text_member(row, "initiator"));
		table_cell(table, COLOUR_NONE, "%s", text_member(row, "isid"));
		table_cell(table, COLOUR_NONE, "%s", text_member(row, "key"));
		table_cell(table, COLOUR_NONE, "%s", json_is_true(json_object_get(row, "holder")) ? "yes" : "");
	}
	table_print(table, &ctl->terminal, "No host is registered.");
	table_destroy(table);
}

int command_reservations(struct ctl *ctl, char **arguments, int count)
{
	json_t *answer;
	const char *reserver;

	(void)count;
	if (ask(ctl, "GET", arguments[0], &answer) < 0)
		return CTL_FAILED;
	if (ctl->options->json)
		return ctl_print_json(ctl, answer);
	reserver = json_string_value(json_object_get(answer, "reserved_by"));
	terminal_print(&ctl->terminal, COLOUR_NONE, "reservation: %s%s",
		       reserver ? "SPC-2, of " : text_member(answer, "type"), reserver ? reserver : "");
	if (json_is_true(json_object_get(answer, "persists")))
		terminal_print(&ctl->terminal, COLOUR_NONE, ", kept over a restart");
	fputc('\n', ctl->terminal.out);
	print_registrations(ctl, answer);
	json_decref(answer);
	return CTL_OK;
}

int command_clear_reservations(struct ctl *ctl, char **arguments, int count)
{
	json_t *answer = NULL;
	int rc = ask(ctl, "DELETE", arguments[0], &answer);

	(void)count;
	json_decref(answer);
	return rc < 0 ? CTL_FAILED : CTL_OK;
}
