/* output.c - what several commands print alike. */
#include "api/ctl/command.h"

#include <string.h>

int ctl_print_json(struct ctl *ctl, json_t *answer)
{
	json_dumpf(answer, ctl->terminal.out, JSON_INDENT(2));
	json_decref(answer);
	fputc('\n', ctl->terminal.out);
	return CTL_OK;
}

int ctl_list(struct ctl *ctl, const struct listing *listing)
{
	json_t *answer = client_list(ctl->client, listing->path, listing->member);
	struct table *table;
	const json_t *row;
	size_t i;

	if (!answer)
		return CTL_FAILED;
	if (ctl->options->json)
		return ctl_print_json(ctl, answer);
	table = table_create(listing->columns, listing->column_count);
	json_array_foreach(json_object_get(answer, listing->member), i, row)
		listing->add(table, row);
	table_print(table, &ctl->terminal, listing->empty);
	table_destroy(table);
	json_decref(answer);
	return CTL_OK;
}

enum colour ctl_state_colour(const char *state)
{
	static const struct {
		const char *state;
		enum colour colour;
	} colours[] = {
		{ "normal", COLOUR_GREEN },      { "up", COLOUR_GREEN },         { "degraded", COLOUR_YELLOW },
		{ "failover", COLOUR_YELLOW },   { "verifying", COLOUR_YELLOW }, { "draining", COLOUR_YELLOW },
		{ "connecting", COLOUR_YELLOW }, { "probing", COLOUR_YELLOW },   { "unclaimed", COLOUR_DIM },
		{ "probation", COLOUR_YELLOW },
	};

	for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
		if (strcmp(colours[i].state, state) == 0)
			return colours[i].colour;
	return COLOUR_RED; /* no-paths, down, failed, conflict, and what this version does not know */
}
