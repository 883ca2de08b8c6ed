/* links.c - braidctl links. */
#include "api/ctl/command.h"
#include "api/ctl/text.h"

#include <inttypes.h>

static void add_link(struct table *table, const json_t *link)
{
	const char *state = text_member(link, "state");
	char latency[TEXT_MAX];

	table_cell(table, COLOUR_NONE, "%s", text_member(link, "id"));
	table_cell(table, COLOUR_NONE, "%s", text_member(link, "backend"));
	table_cell(table, COLOUR_NONE, "%s", text_member(link, "portal"));
	table_cell(table, ctl_state_colour(state), "%s", state);
	table_cell(table, COLOUR_NONE, "%" PRIu64 "/%" PRIu64, number_member(link, "workers_up"),
		   number_member(link, "workers"));
	table_cell(table, COLOUR_NONE, "%" PRIu64, number_member(link, "paths"));
	table_cell(table, COLOUR_NONE, "%" PRIu64, number_member(link, "inflight"));
	table_cell(table, COLOUR_NONE, "%s", text_latency(number_member(link, "latency_us"), latency));
	table_cell(table, COLOUR_NONE, "%" PRIu64, number_member(link, "reconnects"));
	table_cell(table, COLOUR_NONE, "%s", text_member(link, "reason"));
}

int command_links(struct ctl *ctl, char **arguments, int count)
{
	static const struct table_column columns[] = {
		{ "LINK", .cut = CUT_MIDDLE },      { "ARRAY", .cut = CUT_END },  { "PORTAL", .cut = CUT_NEVER },
		{ "STATE", .cut = CUT_NEVER },      { "WORKERS", .right = true }, { "PATHS", .right = true },
		{ "QUEUE", .right = true },         { "LATENCY", .right = true }, { "RECONNECTS", .right = true },
		{ "LAST FAILURE", .cut = CUT_END },
	};
	static const struct listing listing = {
		.path = "/api/v1/links",
		.member = "links",
		.columns = columns,
		.column_count = sizeof(columns) / sizeof(columns[0]),
		.add = add_link,
		.empty = "No links.",
	};

	(void)arguments;
	(void)count;
	return ctl_list(ctl, &listing);
}
