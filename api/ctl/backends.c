/* backends.c - braidctl backends, backend add, backend remove. */
#include "api/ctl/command.h"
#include "api/ctl/text.h"
#include "api/uri.h"
#include "gateway/base/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BACKENDS "/api/v1/backends"

static void add_row(struct table *table, const json_t *backend)
{
	const json_t *portals = json_object_get(backend, "portals");
	const char *first = json_string_value(json_array_get(portals, 0));
	size_t count = json_array_size(portals);
	const char *state = text_member(backend, "state");
	bool from_config = json_is_true(json_object_get(backend, "from_config"));

	table_cell(table, COLOUR_NONE, "%s", text_member(backend, "name"));
	table_cell(table, ctl_state_colour(state), "%s", state);
	if (count > 1)
		table_cell(table, COLOUR_NONE, "%s +%zu", first, count - 1);
	else
		table_cell(table, COLOUR_NONE, "%s", first ? first : "-");
	table_cell(table, COLOUR_NONE, "%s", text_member(backend, "fence"));
	table_cell(table, COLOUR_NONE, "%" PRIu64 "/%" PRIu64, number_member(backend, "links_up"),
		   number_member(backend, "links"));
	table_cell(table, COLOUR_NONE, "%" PRIu64, number_member(backend, "paths"));
	table_cell(table, COLOUR_NONE, "%s", from_config ? "configuration" : "command");
	table_cell(table, COLOUR_NONE, "%s", text_member(backend, "reason"));
}

int command_backends(struct ctl *ctl, char **arguments, int count)
{
	static const struct table_column columns[] = {
		{ "ARRAY", .cut = CUT_END },   { "STATE", .cut = CUT_NEVER }, { "PORTALS", .cut = CUT_NEVER },
		{ "FENCE", .cut = CUT_NEVER }, { "LINKS", .right = true },    { "PATHS", .right = true },
		{ "FROM", .cut = CUT_NEVER },  { "PROBLEM", .cut = CUT_END },
	};
	static const struct listing listing = {
		.path = BACKENDS,
		.member = "backends",
		.columns = columns,
		.column_count = sizeof(columns) / sizeof(columns[0]),
		.add = add_row,
		.empty = "There is no array.",
	};

	(void)arguments;
	(void)count;
	return ctl_list(ctl, &listing);
}

static void set_text(json_t *object, const char *member, const char *text)
{
	if (text)
		json_object_set_new(object, member, json_string(text));
}

/* A secret's file is read by the gateway: the place as seen from there, made absolute here. NULL stays NULL. */
static void set_file(json_t *object, const char *member, const char *file)
{
	char *here = file && *file != '/' ? realpath(file, NULL) : NULL;

	set_text(object, member, here ? here : file);
	free(here);
}

/* The comma-separated parts; NULL: there are none. */
static json_t *texts_of(const char *list)
{
	char *copy = xstrdup(list ? list : ""), *rest = copy, *part;
	json_t *texts = json_array();

	while ((part = strsep(&rest, ",")))
		if (*part)
			json_array_append_new(texts, json_string(part));
	free(copy);
	return texts;
}

/* NAME PORTAL... and the options, as the gateway takes them. */
static json_t *element_of(const struct options *options, char **arguments, int count)
{
	json_t *portals = json_array(), *chap = json_object();
	json_t *element = json_pack("{s:s, s:o}", "name", arguments[0], "portals", portals);

	for (int i = 1; i < count; i++)
		json_array_append_new(portals, json_string(arguments[i]));
	json_object_set_new(element, "iqns", texts_of(options->iqn));
	set_text(element, "fence", options->fence);
	set_text(chap, "name", options->user);
	set_file(chap, "secret_file", options->secret_file);
	set_text(chap, "mutual_name", options->mutual_user);
	set_file(chap, "mutual_secret_file", options->mutual_secret_file);
	json_object_set_new(element, "chap", chap);
	return element;
}

static int add_backend(struct ctl *ctl, char **arguments, int count)
{
	json_t *element, *answer;
	int rc;

	if (count < 2) {
		fprintf(stderr, "braidctl: backend add needs NAME PORTAL...\n");
		return CTL_USAGE;
	}
	element = element_of(ctl->options, arguments, count);
	rc = client_request(ctl->client, "POST", BACKENDS, element, &answer);
	json_decref(element);
	if (rc < 0)
		return CTL_FAILED;
	if (ctl->options->json)
		return ctl_print_json(ctl, answer);
	terminal_print(&ctl->terminal, COLOUR_NONE, "backend %s: %s", text_member(answer, "name"),
		       text_member(answer, "state"));
	fputc('\n', ctl->terminal.out);
	json_decref(answer);
	return CTL_OK;
}

static int remove_backend(struct ctl *ctl, char **arguments, int count)
{
	char *id, *path;
	json_t *answer;
	int rc;

	if (count != 1) {
		fprintf(stderr, "braidctl: backend remove needs NAME\n");
		return CTL_USAGE;
	}
	id = uri_escape(arguments[0]);
	path = xasprintf(BACKENDS "/%s%s", id, ctl->options->force ? "?force=true" : "");
	rc = client_request(ctl->client, "DELETE", path, NULL, &answer);
	json_decref(answer);
	free(path);
	free(id);
	return rc < 0 ? CTL_FAILED : CTL_OK;
}

int command_backend(struct ctl *ctl, char **arguments, int count)
{
	if (strcmp(arguments[0], "add") == 0)
		return add_backend(ctl, arguments + 1, count - 1);
	if (strcmp(arguments[0], "remove") == 0)
		return remove_backend(ctl, arguments + 1, count - 1);
	fprintf(stderr, "braidctl: backend takes: add, remove\n");
	return CTL_USAGE;
}
