/* timers.c - GET and PATCH /api/v1/timers, PATCH /api/v1/timers/dsm/{id}; and the timers of a device. */
#include "api/body.h"
#include "api/member.h"
#include "api/resources.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static json_t *value_json(enum timer_id id, uint32_t value)
{
	return timer_table[id].is_boolean ? json_boolean(value) : json_integer(value);
}

json_t *timers_json(const struct timer_value *values)
{
	json_t *json = json_object();

	for (enum timer_id id = 0; id < TIMER_COUNT; id++) {
		const struct timer_info *info = &timer_table[id];
		json_t *timer;

		if (!values[id].source)
			continue;
		timer = json_object();
		member_json(timer, "value", value_json(id, values[id].value));
		member_text(timer, "unit", info->is_boolean || !*info->unit ? NULL : info->unit);
		member_json(timer, "default", value_json(id, info->preset));
		member_text(timer, "source", values[id].source);
		member_json(json, info->name, timer);
	}
	return json;
}

json_t *stall_json(const struct stall *stall)
{
	json_t *json = json_object();

#define STALL_MEMBER_JSON(term) member_uint(json, #term "_s", stall->term##_s);
	STALL_TABLE(STALL_MEMBER_JSON)
#undef STALL_MEMBER_JSON
	return json;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool read_timer(const json_t *object, const char *pointer, enum timer_id id, struct level_change *change,
		       struct problem *problem)
{
	const struct timer_info *info = &timer_table[id];
	int64_t number = 0;
	int flag = 0;

	if (json_is_null(json_object_get(object, info->name))) {
		change->timers_cleared |= 1u << id;
		return true;
	}
	if (info->is_boolean ? !body_boolean(object, pointer, info->name, &flag, problem)
			     : !body_integer(object, pointer, info->name, info->min, info->max, &number, problem))
		return false;
	*timers_at(&change->timers.values, id) = info->is_boolean ? (uint32_t)flag : (uint32_t)number;
	change->timers.set |= 1u << id;
	return true;
}

bool timers_read(const json_t *object, const char *pointer, bool of_gateway, struct level_change *change,
		 struct problem *problem)
{
	const char *name;
	json_t *value;

	if (!json_is_object(object))
		return body_refuse(problem, pointer, "", "Wrong type", "An object is wanted here.");
	json_object_foreach((json_t *)(uintptr_t)object, name, value) {
		int id = timer_find(name);

		if (id < 0)
			return body_refuse(problem, pointer, name, "Unknown timer", "No timer is called so.");
		if (!of_gateway && timer_table[id].scope == TIMER_SCOPE_LINK)
			return body_refuse(problem, pointer, name, "Timer of links",
					   "Devices share their links: only the gateway has this timer.");
		if (!read_timer(object, pointer, (enum timer_id)id, change, problem))
			return false;
	}
	return true;
}

/* ---- routes ------------------------------------------------------------------------------------------------------ */

static json_t *level_json(const struct level_view *view)
{
	json_t *json = json_object();

	member_text(json, "dsm", view->name);
	member_bool(json, "loaded", view->loaded);
	member_json(json, "timers", timers_json(view->timers));
	return json;
}

static bool take_level(const struct level_view *view, void *arg)
{
	json_array_append_new(arg, level_json(view));
	return true;
}

void timers_get_all(struct request *request, struct gateway *gateway)
{
	json_t *dsms = json_array();
	struct level_view view;

	control_level(gateway, LEVEL_GATEWAY, NULL, &view);
	control_each_level(gateway, LEVEL_DSM, take_level, dsms);
	request->output = json_object();
	member_json(request->output, "timers", timers_json(view.timers));
	member_json(request->output, "dsms", dsms);
}

void timers_patch(struct request *request, struct gateway *gateway)
{
	struct level_change change = { 0 };

	if (timers_read(request->body, "", true, &change, &request->problem) &&
	    control_change_level(gateway, LEVEL_GATEWAY, NULL, &change, &request->problem) == 0)
		timers_get_all(request, gateway);
}

void timers_patch_dsm(struct request *request, struct gateway *gateway)
{
	struct level_change change = { 0 };
	struct level_view view;

	if (!timers_read(request->body, "", false, &change, &request->problem) ||
	    control_change_level(gateway, LEVEL_DSM, request->id, &change, &request->problem) < 0)
		return;
	control_level(gateway, LEVEL_DSM, request->id, &view);
	request->output = level_json(&view);
}
