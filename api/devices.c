/* devices.c - GET /api/v1/devices, GET and PATCH /api/v1/devices/{id}. */
#include "api/body.h"
#include "api/member.h"
#include "api/paging.h"
#include "api/resources.h"

#include <string.h>

static json_t *path_json(const struct path_view *view)
{
	json_t *json = json_object();

	member_text(json, "id", view->id);
	member_text(json, "link", view->link);
	member_uint(json, "array_lun", view->array_lun);
	member_text(json, "state", view->state);
	member_text(json, "reason", view->reason);
	member_text(json, "alua_state", view->alua_state);
	member_uint_or_null(json, "tpg", (uint64_t)view->tpg, view->tpg >= 0);
	member_uint(json, "weight", view->weight);
	member_bool(json, "preferred", view->preferred);
	member_text(json, "role", view->role);
	member_uint(json, "inflight", view->inflight);
	member_uint(json, "latency_us", view->latency_us);
	member_bool(json, "slow", view->slow);
	member_json(json, "slow_ratio", view->slow_tenths ? json_real(view->slow_tenths / 10.0) : NULL);
	member_figures(json, &view->figures);
	return json;
}

/* "none": no path reports it; "symmetric": all paths are in the same state; "asymmetric". */
static const char *alua_of(const struct device_view *view)
{
	const char *first = NULL;

	for (size_t i = 0; i < view->path_count; i++) {
		const char *state = view->paths[i].alua_state;

		if (!state)
			continue;
		if (first && strcmp(first, state) != 0)
			return "asymmetric";
		first = state;
	}
	return first ? "symmetric" : "none";
}

static json_t *failback_json(const struct device_view *view)
{
	if (!view->fails_back)
		return NULL;
	if (view->failback_s == CONTROL_FAILBACK_MANUAL)
		return json_string("manual");
	return view->failback_s ? json_integer(view->failback_s) : json_string("immediate");
}

json_t *device_json(const struct device_view *view)
{
	json_t *json = json_object(), *paths = json_array();

	for (size_t i = 0; i < view->path_count; i++)
		json_array_append_new(paths, path_json(&view->paths[i]));
	member_text(json, "id", view->id);
	member_text(json, "name", view->name);
	member_text(json, "hardware_id", view->hardware_id);
	member_text(json, "vendor", view->vendor);
	member_text(json, "product", view->product);
	member_text(json, "revision", view->revision);
	member_text(json, "serial", view->serial);
	member_uint(json, "size_bytes", view->size_bytes);
	member_uint(json, "block_size", view->block_size);
	member_bool(json, "claimed", view->claimed);
	member_text(json, "claimed_by", view->claimed_by);
	member_uint_or_null(json, "lun", (uint64_t)view->lun, view->lun >= 0);
	member_text(json, "dsm", view->dsm);
	member_text(json, "policy", view->policy == POLICY_INHERIT ? NULL : policy_name(view->policy));
	member_text(json, "policy_source", view->policy_from);
	member_json(json, "failback", failback_json(view));
	member_text(json, "alua", alua_of(view));
	member_text(json, "fence", view->fence);
	member_text(json, "state", view->state);
	member_text(json, "reason", view->reason);
	member_uint(json, "held", view->held);
	member_json(json, "throttle", throttle_json(&view->throttle, view->throttle_source));
	member_uint(json, "throttled", view->throttled);
	member_json(json, "timers", timers_json(view->timers));
	member_uint(json, "worst_stall_s", view->stall_s);
	member_json(json, "worst_stall", stall_json(&view->stall));
	member_figures(json, &view->figures);
	member_json(json, "paths", paths);
	return json;
}

static bool take_device(const struct device_view *view, void *arg)
{
	struct paging *paging = arg;

	if (paging_wants(paging, view->id))
		paging_add(paging, device_json(view));
	return !paging->more;
}

void devices_list(struct request *request, struct gateway *gateway)
{
	struct paging paging;

	if (!paging_begin(&paging, request))
		return;
	control_each_device(gateway, take_device, &paging);
	paging_end(&paging, request, "devices");
}

struct search {
	const char *id;
	json_t *found;
};

static bool match_device(const struct device_view *view, void *arg)
{
	struct search *search = arg;

	if (strcmp(view->id, search->id) == 0)
		search->found = device_json(view);
	return !search->found;
}

json_t *device_json_by_id(struct gateway *gateway, const char *id)
{
	struct search search = { .id = id };

	control_each_device(gateway, match_device, &search);
	return search.found;
}

void devices_get(struct request *request, struct gateway *gateway)
{
	request->output = device_json_by_id(gateway, request->id);
	if (!request->output)
		problem_set(&request->problem, 404, "", "Unknown device", "There is no device \"%.200s\".",
			    request->id);
}

void devices_patch(struct request *request, struct gateway *gateway)
{
	static const char *const names[] = { "timers", "throttle", NULL };
	const json_t *timers = json_object_get(request->body, "timers");
	struct level_change change = { 0 };

	if (body_is_object(request->body, "", names, &request->problem) &&
	    (!timers || timers_read(timers, "/timers", false, &change, &request->problem)) &&
	    throttle_read(request->body, &change, &request->problem) &&
	    control_change_level(gateway, LEVEL_DEVICE, request->id, &change, &request->problem) == 0)
		request->output = device_json_by_id(gateway, request->id);
}
