/* policies.c - GET /api/v1/policies, PUT /api/v1/policies/{dsm,hardware-id}/{id}, PUT /api/v1/devices/{id}/policy. */
#include "api/body.h"
#include "api/member.h"
#include "api/resources.h"
#include "gateway/base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATHS_MAX 32 /* row D10 */

/* By name, by number, or null for "inherit". */
static bool read_policy(const json_t *body, enum policy_id *policy, struct problem *problem)
{
	const json_t *member = json_object_get(body, "policy");
	char number[24];
	const char *text = number;

	if (!member)
		return body_refuse(problem, "", "policy", "Member missing", "This member must be given.");
	if (json_is_null(member))
		text = "";
	else if (json_is_integer(member))
		snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(member));
	else if (json_is_string(member))
		text = json_string_value(member);
	else
		return body_refuse(problem, "", "policy", "Wrong type", "A policy's name, its number, or null.");
	return policy_parse(text, policy) == 0 ||
	       body_refuse(problem, "", "policy", "Unknown policy",
			   "The policies are fail-over-only, round-robin, round-robin-subset, least-queue-depth, "
			   "weighted-paths, least-blocks, latency, vendor, the numbers 1 to 7, and null.");
}

static bool read_path(const json_t *row, size_t index, struct path_setting *path, struct problem *problem)
{
	static const char *const names[] = { "id", "role", "weight", "preferred", NULL };
	char pointer[32];

	*path = (struct path_setting){ .weight = -1, .preferred = -1 };
	snprintf(pointer, sizeof(pointer), "/paths/%zu", index);
	if (!body_is_object(row, pointer, names, problem) || !body_text(row, pointer, "id", true, &path->id, problem) ||
	    !body_text(row, pointer, "role", false, &path->role, problem) ||
	    !body_integer(row, pointer, "weight", 0, UINT32_MAX, &path->weight, problem) ||
	    !body_boolean(row, pointer, "preferred", &path->preferred, problem))
		return false;
	if (path->role && strcmp(path->role, "active") != 0 && strcmp(path->role, "standby") != 0)
		return body_refuse(problem, pointer, "role", "Value out of range", "A role is active or standby.");
	return true;
}

/* "immediate", "manual", or seconds. */
static bool read_failback(const json_t *body, struct policy_setting *setting, struct problem *problem)
{
	const json_t *member = json_object_get(body, "failback");
	const char *text = json_string_value(member);
	int64_t seconds = 0;

	if (!member)
		return true;
	setting->has_failback = true;
	if (text && (strcmp(text, "immediate") == 0 || strcmp(text, "manual") == 0)) {
		setting->failback_s = *text == 'm' ? CONTROL_FAILBACK_MANUAL : 0;
		return true;
	}
	if (!json_is_integer(member))
		return body_refuse(problem, "", "failback", "Wrong type", "Immediate, manual, or a number of seconds.");
	if (!body_integer(body, "", "failback", 0, CONTROL_FAILBACK_MAX, &seconds, problem))
		return false;
	setting->failback_s = (uint32_t)seconds;
	return true;
}

static bool read_setting(const json_t *body, struct policy_setting *setting, struct path_setting *paths,
			 struct problem *problem)
{
	static const char *const names[] = { "policy", "paths", "failback", NULL };
	const json_t *rows = json_object_get(body, "paths");

	if (!body_is_object(body, "", names, problem) || !read_policy(body, &setting->policy, problem) ||
	    !read_failback(body, setting, problem))
		return false;
	if (rows && !json_is_array(rows))
		return body_refuse(problem, "", "paths", "Wrong type", "An array is wanted here.");
	if (json_array_size(rows) > PATHS_MAX)
		return body_refuse(problem, "", "paths", "Value out of range", "A device has at most 32 paths.");
	setting->paths = paths;
	setting->path_count = json_array_size(rows);
	for (size_t i = 0; i < setting->path_count; i++)
		if (!read_path(json_array_get(rows, i), i, &paths[i], problem))
			return false;
	return true;
}

void policies_put_device(struct request *request, struct gateway *gateway)
{
	struct path_setting paths[PATHS_MAX];
	struct policy_setting setting = { 0 };

	if (!read_setting(request->body, &setting, paths, &request->problem) ||
	    control_set_device_policy(gateway, request->id, &setting, &request->problem) < 0)
		return;
	request->output = device_json_by_id(gateway, request->id);
}

/* ---- levels ------------------------------------------------------------------------------------------------------ */

static const char *name_or_null(enum policy_id policy)
{
	return policy == POLICY_INHERIT ? NULL : policy_name(policy);
}

static json_t *level_json(const struct level_view *view)
{
	json_t *json = json_object();

	if (view->kind != LEVEL_GATEWAY)
		member_text(json, view->kind == LEVEL_DSM ? "dsm" : "hardware_id", view->name);
	if (view->kind == LEVEL_DSM)
		member_bool(json, "loaded", view->loaded);
	member_text(json, "policy", name_or_null(view->policy));
	member_text(json, "source", view->policy_source);
	member_text(json, "config_policy", name_or_null(view->policy_of_file));
	member_uint(json, "devices", view->devices);
	return json;
}

static bool take_level(const struct level_view *view, void *arg)
{
	json_array_append_new(arg, level_json(view));
	return true;
}

void policies_get(struct request *request, struct gateway *gateway)
{
	json_t *dsms = json_array(), *hardware_ids = json_array();
	struct level_view view;

	control_level(gateway, LEVEL_GATEWAY, NULL, &view);
	control_each_level(gateway, LEVEL_DSM, take_level, dsms);
	control_each_level(gateway, LEVEL_HARDWARE_ID, take_level, hardware_ids);
	request->output = json_object();
	member_json(request->output, "default", level_json(&view));
	member_json(request->output, "dsm", dsms);
	member_json(request->output, "hardware_id", hardware_ids);
}

static void put_level(struct request *request, struct gateway *gateway, enum level_kind kind)
{
	static const char *const names[] = { "policy", NULL };
	struct level_view view;
	enum policy_id policy;

	if (!body_is_object(request->body, "", names, &request->problem) ||
	    !read_policy(request->body, &policy, &request->problem) ||
	    control_set_level_policy(gateway, kind, request->id, policy, &request->problem) < 0)
		return;
	control_level(gateway, kind, request->id, &view);
	request->output = level_json(&view);
}

void policies_put_dsm(struct request *request, struct gateway *gateway)
{
	put_level(request, gateway, LEVEL_DSM);
}

void policies_put_hardware_id(struct request *request, struct gateway *gateway)
{
	put_level(request, gateway, LEVEL_HARDWARE_ID);
}
