/* sessions.c - braidctl sessions. */
#include "api/ctl/command.h"
#include "api/ctl/text.h"

#include <inttypes.h>

static void add_session(struct table *table, const json_t *session)
{
	const json_t *stats = json_object_get(session, "stats");
	char age[TEXT_MAX], read[TEXT_MAX], written[TEXT_MAX];

	table_cell(table, COLOUR_NONE, "%" PRIu64, number_member(session, "id"));
	table_cell(table, COLOUR_NONE, "%s", text_member(session, "initiator"));
	table_cell(table, COLOUR_NONE, "%s", text_member(session, "remote"));
	table_cell(table, COLOUR_NONE, "%s", text_member(session, "local"));
	table_cell(table, COLOUR_NONE, "%s",
		   json_is_true(json_object_get(session, "discovery")) ? "discovery" : "normal");
	table_cell(table, COLOUR_NONE, "%" PRIu64, number_member(session, "worker"));
	table_cell(table, COLOUR_NONE, "%" PRIu64, number_member(session, "tasks"));
	table_cell(table, COLOUR_NONE, "%s", text_duration(number_member(session, "age_us"), age));
	table_cell(table, COLOUR_NONE, "%s", text_bytes(number_member(stats, "read_bytes"), read));
	table_cell(table, COLOUR_NONE, "%s", text_bytes(number_member(stats, "written_bytes"), written));
}

int command_sessions(struct ctl *ctl, char **arguments, int count)
{
	static const struct table_column columns[] = {
		{ "ID", .right = true },      { "INITIATOR", .cut = CUT_MIDDLE }, { "FROM", .cut = CUT_NEVER },
		{ "TO", .cut = CUT_END },     { "TYPE", .cut = CUT_NEVER },       { "WORKER", .right = true },
		{ "TASKS", .right = true },   { "AGE", .right = true },           { "READ", .right = true },
		{ "WRITTEN", .right = true },
	};
	static const struct listing listing = {
		.path = "/api/v1/sessions",
		.member = "sessions",
		.columns = columns,
		.column_count = sizeof(columns) / sizeof(columns[0]),
		.add = add_session,
		.empty = "No host is logged in.",
	};

	(void)arguments;
	(void)count;
	return ctl_list(ctl, &listing);
}
