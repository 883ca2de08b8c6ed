/* dsms.c - braidctl dsms. */
#include "api/ctl/command.h"
#include "api/ctl/text.h"

#include <inttypes.h>
#include <stdio.h>

/* One hardware ID, and how many more there are. */
static void hardware_cell(struct table *table, const json_t *dsm)
{
	const json_t *ids = json_object_get(dsm, "hardware_ids");
	size_t count = json_array_size(ids);

	if (!count)
		table_cell(table, COLOUR_NONE, "%s", json_is_true(json_object_get(dsm, "any_hardware")) ? "any" : "-");
	else if (count == 1)
		table_cell(table, COLOUR_NONE, "%s", json_string_value(json_array_get(ids, 0)));
	else
		table_cell(table, COLOUR_NONE, "%s and %zu more", json_string_value(json_array_get(ids, 0)), count - 1);
}

static void add_dsm(struct table *table, const json_t *dsm)
{
	const json_t *order = json_object_get(dsm, "order"), *reason = json_object_get(dsm, "reason");
	bool has_file = json_is_string(json_object_get(dsm, "file"));

	if (json_is_integer(order))
		table_cell(table, COLOUR_NONE, "%" JSON_INTEGER_FORMAT, json_integer_value(order));
	else
		table_cell(table, COLOUR_DIM, "-");
	table_cell(table, COLOUR_NONE, "%s", text_member(dsm, "name"));
	table_cell(table, COLOUR_NONE, "%s", text_member(dsm, "version"));
	table_cell(table, json_is_string(reason) ? COLOUR_RED : COLOUR_NONE, "%s", text_member(dsm, "state"));
	table_cell(table, COLOUR_NONE, "%" PRIu64, number_member(dsm, "devices"));
	hardware_cell(table, dsm);
	table_cell(table, COLOUR_NONE, "%s", text_member(dsm, has_file ? "file" : "source"));
	table_cell(table, COLOUR_NONE, "%s", text_member(dsm, json_is_string(reason) ? "reason" : "summary"));
}

int command_dsms(struct ctl *ctl, char **arguments, int count)
{
	static const struct table_column columns[] = {
		{ "ORDER", .right = true },      { "DSM", .cut = CUT_NEVER },   { "VERSION", .cut = CUT_END },
		{ "STATE", .cut = CUT_NEVER },   { "DEVICES", .right = true },  { "HARDWARE IDS", .cut = CUT_END },
		{ "SOURCE", .cut = CUT_MIDDLE }, { "SUMMARY", .cut = CUT_END },
	};
	static const struct listing listing = {
		.path = "/api/v1/dsms",
		.member = "dsms",
		.columns = columns,
		.column_count = sizeof(columns) / sizeof(columns[0]),
		.add = add_dsm,
		.empty = "No modules.",
	};

	(void)arguments;
	(void)count;
	return ctl_list(ctl, &listing);
}
