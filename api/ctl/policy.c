/* policy.c - braidctl policy, policies: the load-balance policy of a device, with what it needs to know of the paths,
 * and of the levels above. */
#include "api/ctl/command.h"
#include "api/ctl/text.h"
#include "api/uri.h"
#include "gateway/base/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The row of path `id`, made when it is the first word about it. */
static json_t *path_row(json_t *rows, const char *id)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (strcmp(text_member(row, "id"), id) == 0)
			return row;
	row = json_pack("{s:s}", "id", id);
	json_array_append_new(rows, row);
	return row;
}

static int set_role(json_t *rows, const char *path, const char *role)
{
	json_t *row = path_row(rows, path);

	if (json_object_get(row, "role")) {
		fprintf(stderr, "braidctl: path %s is named twice\n", path);
		return -EINVAL;
	}
	return json_object_set_new(row, "role", json_string(role)) < 0 ? -EINVAL : 0;
}

static int set_active(json_t *rows, char *path)
{
	return set_role(rows, path, "active");
}

static int set_standby(json_t *rows, char *path)
{
	return set_role(rows, path, "standby");
}

static int set_preferred(json_t *rows, char *path)
{
	return json_object_set_new(path_row(rows, path), "preferred", json_true());
}

/* "p1=3" */
static int set_weight(json_t *rows, char *setting)
{
	char *number = strchr(setting, '='), *end;
	long long weight;

	if (!number || number == setting) {
		fprintf(stderr, "braidctl: a weight is given as PATH=N, not as \"%s\"\n", setting);
		return -EINVAL;
	}
	*number++ = '\0';
	errno = 0;
	weight = strtoll(number, &end, 10);
	if (!*number || *end || errno) {
		fprintf(stderr, "braidctl: \"%s\" is not a number\n", number);
		return -EINVAL;
	}
	return json_object_set_new(path_row(rows, setting), "weight", json_integer(weight));
}

/* Calls fn for each of the comma-separated parts; NULL: there are none. */
static int each_part(const char *list, json_t *rows, int (*fn)(json_t *rows, char *part))
{
	char *copy = xstrdup(list ? list : ""), *rest = copy, *part;
	int rc = 0;

	while (rc == 0 && (part = strsep(&rest, ",")))
		if (*part)
			rc = fn(rows, part);
	free(copy);
	return rc;
}

/* A number is one of seconds. */
static json_t *failback_of(const char *text)
{
	char *end;
	long long seconds = strtoll(text, &end, 10);

	return *text && !*end ? json_integer(seconds) : json_string(text);
}

/* NULL: the options were wrong, which was said. */
static json_t *policy_body(const struct options *options, const char *policy)
{
	bool inherit = strcasecmp(policy, "inherit") == 0;
	json_t *body = json_pack("{s:o}", "policy", inherit ? json_null() : json_string(policy));
	json_t *rows = json_array();

	if (each_part(options->active, rows, set_active) < 0 || each_part(options->standby, rows, set_standby) < 0 ||
	    each_part(options->weight, rows, set_weight) < 0 ||
	    each_part(options->preferred, rows, set_preferred) < 0) {
		json_decref(rows);
		json_decref(body);
		return NULL;
	}
	if (json_array_size(rows))
		json_object_set(body, "paths", rows);
	if (options->failback)
		json_object_set_new(body, "failback", failback_of(options->failback));
	json_decref(rows);
	return body;
}

static int put_policy(struct ctl *ctl, const json_t *device, const json_t *body, json_t **answer)
{
	char *id = uri_escape(text_member(device, "id"));
	char *path = xasprintf("/api/v1/devices/%s/policy", id);
	int rc = client_request(ctl->client, "PUT", path, body, answer);

	free(path);
	free(id);
	return rc;
}

static int policy_of_device(struct ctl *ctl, const char *name, const json_t *body)
{
	json_t *device = ctl_find_device(ctl, name), *answer = NULL;
	int rc = device ? put_policy(ctl, device, body, &answer) : -1;

	json_decref(device);
	if (rc < 0)
		return CTL_FAILED;
	if (ctl->options->json)
		return ctl_print_json(ctl, answer);
	terminal_print(&ctl->terminal, COLOUR_NONE, "%s: %s (from: %s)", text_member(answer, "id"),
		       text_member(answer, "policy"), text_member(answer, "policy_source"));
	fputc('\n', ctl->terminal.out);
	json_decref(answer);
	return CTL_OK;
}

/* ---- levels ------------------------------------------------------------------------------------------------------ */

static int policy_of_level(struct ctl *ctl, const char *kind, const char *name, const json_t *body)
{
	char *escaped = uri_escape(name), *path = xasprintf("/api/v1/policies/%s/%s", kind, escaped);
	json_t *answer = NULL;
	int rc = client_request(ctl->client, "PUT", path, body, &answer);

	free(path);
	free(escaped);
	if (rc < 0)
		return CTL_FAILED;
	if (ctl->options->json)
		return ctl_print_json(ctl, answer);
	terminal_print(&ctl->terminal, COLOUR_NONE, "%s:", name);
	if (json_is_string(json_object_get(answer, "policy")))
		fprintf(ctl->terminal.out, " %s (from: %s), %" PRIu64 " devices\n", text_member(answer, "policy"),
			text_member(answer, "source"), number_member(answer, "devices"));
	else
		fputs(" no policy from this level\n", ctl->terminal.out);
	json_decref(answer);
	return CTL_OK;
}

static void add_level(struct table *table, const char *level, const char *name, const json_t *entry)
{
	table_cell(table, COLOUR_NONE, "%s", level);
	table_cell(table, COLOUR_NONE, "%s", name);
	table_cell(table, COLOUR_NONE, "%s", text_member(entry, "policy"));
	table_cell(table, COLOUR_NONE, "%s", text_member(entry, "source"));
	table_cell(table, COLOUR_NONE, "%" PRIu64, number_member(entry, "devices"));
}

int command_policies(struct ctl *ctl, char **arguments, int count)
{
	static const struct table_column columns[] = {
		{ "LEVEL", .cut = CUT_NEVER }, { "NAME", .cut = CUT_END },   { "POLICY", .cut = CUT_END },
		{ "FROM", .cut = CUT_NEVER },  { "DEVICES", .right = true },
	};
	json_t *answer = client_get(ctl->client, "/api/v1/policies");
	struct table *table;
	const json_t *entry;
	size_t i;

	(void)arguments;
	(void)count;
	if (!answer)
		return CTL_FAILED;
	if (ctl->options->json)
		return ctl_print_json(ctl, answer);
	table = table_create(columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(json_object_get(answer, "hardware_id"), i, entry)
		add_level(table, "hardware ID", text_member(entry, "hardware_id"), entry);
	json_array_foreach(json_object_get(answer, "dsm"), i, entry)
		add_level(table, "DSM", text_member(entry, "dsm"), entry);
	add_level(table, "default", "", json_object_get(answer, "default"));
	table_print(table, &ctl->terminal, "");
	table_destroy(table);
	json_decref(answer);
	return CTL_OK;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

int command_policy(struct ctl *ctl, char **arguments, int count)
{
	const struct options *options = ctl->options;
	bool of_level = options->dsm || options->hardware_id;
	json_t *body;
	int rc;

	if (count != (of_level ? 1 : 2) || (options->dsm && options->hardware_id)) {
		fprintf(stderr,
			"braidctl: policy takes a POLICY, and DEVICE, --dsm NAME or --hardware-id ID before it\n");
		return CTL_USAGE;
	}
	body = policy_body(options, arguments[count - 1]);
	if (!body)
		return CTL_USAGE;
	if (options->dsm)
		rc = policy_of_level(ctl, "dsm", options->dsm, body);
	else if (options->hardware_id)
		rc = policy_of_level(ctl, "hardware-id", options->hardware_id, body);
	else
		rc = policy_of_device(ctl, arguments[0], body);
	json_decref(body);
	return rc;
}
