/* timers.c - braidctl timers: what is in force at a level, and where it comes from; and changes there. */
#include "api/ctl/command.h"
#include "api/ctl/text.h"
#include "api/uri.h"
#include "gateway/base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "5", "true", "inherit"; what else it may be is the gateway's to refuse. */
static json_t *value_of(const char *text)
{
	char *end;
	long long number;

	if (strcmp(text, "inherit") == 0)
		return json_null();
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		return json_boolean(*text == 't');
	errno = 0;
	number = strtoll(text, &end, 10);
	return *text && !*end && !errno ? json_integer(number) : json_string(text);
}

/* NAME=VALUE, each once; NULL: one of them is not, which was said. */
static json_t *changes_of(char **arguments, int count)
{
	json_t *changes = json_object();

	for (int i = 0; i < count; i++) {
		char *name = xstrdup(arguments[i]), *value = strchr(name, '=');
		bool sound = value && value != name;

		if (sound)
			*value++ = '\0';
		if (!sound)
			fprintf(stderr, "braidctl: a timer is given as NAME=VALUE, not as \"%s\"\n", arguments[i]);
		else if (json_object_get(changes, name))
			fprintf(stderr, "braidctl: %s is given twice\n", name);
		sound = sound && !json_object_get(changes, name) &&
			json_object_set_new(changes, name, value_of(value)) == 0;
		free(name);
		if (!sound) {
			json_decref(changes);
			return NULL;
		}
	}
	return changes;
}

/* ---- levels: each answer has its timers in a member of that name ------------------------------------------------- */

static json_t *level_of_dsm(struct ctl *ctl, const char *name)
{
	json_t *all = client_get(ctl->client, "/api/v1/timers"), *level, *found = NULL;
	size_t i;

	json_array_foreach(json_object_get(all, "dsms"), i, level)
		if (strcmp(text_member(level, "dsm"), name) == 0)
			found = json_incref(level);
	if (all && !found)
		fprintf(stderr, "braidctl: there is no module \"%s\"; see braidctl dsms\n", name);
	json_decref(all);
	return found;
}

static json_t *patch(struct ctl *ctl, const char *place, const char *name, const json_t *body)
{
	char *escaped = uri_escape(name), *path = xasprintf("%s%s", place, escaped);
	json_t *answer = NULL;

	client_request(ctl->client, "PATCH", path, body, &answer);
	free(path);
	free(escaped);
	return answer;
}

static json_t *timers_of_device(struct ctl *ctl, const char *name, const json_t *changes)
{
	json_t *device = ctl_find_device(ctl, name), *body, *answer;

	if (!device || !json_object_size(changes))
		return device;
	body = json_pack("{s:O}", "timers", changes);
	answer = patch(ctl, "/api/v1/devices/", text_member(device, "id"), body);
	json_decref(body);
	json_decref(device);
	return answer;
}

static json_t *timers_of(struct ctl *ctl, const char *device, const json_t *changes)
{
	const char *dsm = ctl->options->dsm;

	if (device)
		return timers_of_device(ctl, device, changes);
	if (json_object_size(changes))
		return dsm ? patch(ctl, "/api/v1/timers/dsm/", dsm, changes)
			   : patch(ctl, "/api/v1/timers", "", changes);
	return dsm ? level_of_dsm(ctl, dsm) : client_get(ctl->client, "/api/v1/timers");
}

/* ---- output ------------------------------------------------------------------------------------------------------ */

static void value_cell(struct table *table, const json_t *timer, const char *member)
{
	const json_t *value = json_object_get(timer, member), *unit = json_object_get(timer, "unit");

	if (json_is_boolean(value))
		table_cell(table, COLOUR_NONE, "%s", json_is_true(value) ? "true" : "false");
	else
		table_cell(table, COLOUR_NONE, "%" JSON_INTEGER_FORMAT "%s%s", json_integer_value(value),
			   json_is_string(unit) ? " " : "", json_is_string(unit) ? json_string_value(unit) : "");
}

static void print_timers(struct ctl *ctl, const json_t *timers)
{
	static const struct table_column columns[] = {
		{ "TIMER", .cut = CUT_NEVER },
		{ "VALUE", .right = true },
		{ "FROM", .cut = CUT_NEVER },
		{ "DEFAULT", .right = true },
	};
	struct table *table = table_create(columns, sizeof(columns) / sizeof(columns[0]));
	const char *name;
	json_t *timer;

	json_object_foreach((json_t *)(uintptr_t)timers, name, timer) {
		table_cell(table, COLOUR_NONE, "%s", name);
		value_cell(table, timer, "value");
		table_cell(table, COLOUR_NONE, "%s", text_member(timer, "source"));
		value_cell(table, timer, "default");
	}
	table_print(table, &ctl->terminal, "No timers.");
	table_destroy(table);
}

int command_timers(struct ctl *ctl, char **arguments, int count)
{
	const char *device = count && !strchr(arguments[0], '=') ? arguments[0] : NULL;
	json_t *changes, *answer;

	if (device && ctl->options->dsm) {
		fprintf(stderr, "braidctl: either a device or --dsm\n");
		return CTL_USAGE;
	}
	changes = changes_of(arguments + (device != NULL), count - (device != NULL));
	if (!changes)
		return CTL_USAGE;
	answer = timers_of(ctl, device, changes);
	json_decref(changes);
	if (!answer)
		return CTL_FAILED;
	if (ctl->options->json)
		return ctl_print_json(ctl, answer);
	print_timers(ctl, json_object_get(answer, "timers"));
	json_decref(answer);
	return CTL_OK;
}
