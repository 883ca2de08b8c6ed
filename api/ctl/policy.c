/* policy.c - braidctl policy: the load-balance policy of a device, with what it needs to know of the paths. */
#include "api/ctl/command.h"
#include "api/ctl/text.h"
#include "api/uri.h"
#include "gateway/base/memory.h"

#include <errno.h>
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

int command_policy(struct ctl *ctl, char **arguments, int count)
{
	json_t *body = policy_body(ctl->options, arguments[1]), *device, *answer = NULL;
	int rc;

	(void)count;
	if (!body)
		return CTL_USAGE;
	device = ctl_find_device(ctl, arguments[0]);
	rc = device ? put_policy(ctl, device, body, &answer) : -1;
	json_decref(device);
	json_decref(body);
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
