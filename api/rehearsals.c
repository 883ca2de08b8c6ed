/* rehearsals.c - POST and GET /api/v1/links/{id}/rehearse. */
#include "api/body.h"
#include "api/member.h"
#include "api/resources.h"

#define SECONDS 5

static json_t *row_json(const struct rehearsal_device_view *view)
{
	json_t *json = json_object();

	member_text(json, "id", view->id);
	member_uint(json, "inflight", view->inflight);
	member_uint(json, "moved", view->moved);
	member_uint(json, "fenced", view->fenced);
	member_text(json, "fence", view->fence);
	member_uint(json, "held", view->held);
	member_uint(json, "failed", view->failed);
	member_uint(json, "commands", view->commands);
	member_uint(json, "longest_us", view->longest_us);
	return json;
}

static json_t *rehearsal_json(const struct rehearsal_view *view)
{
	json_t *json = json_object(), *devices = json_array();

	for (size_t i = 0; i < view->device_count; i++)
		json_array_append_new(devices, row_json(&view->devices[i]));
	member_text(json, "link", view->link);
	member_text(json, "how", view->how);
	member_uint(json, "seconds", view->seconds);
	member_text(json, "state", view->state);
	member_uint(json, "time_us", view->time_us);
	member_uint_or_null(json, "lost_after_us", view->lost_after_us, view->lost);
	member_uint_or_null(json, "back_after_us", view->back_after_us, view->back);
	member_uint(json, "longest_us", view->longest_us);
	member_json(json, "devices", devices);
	return json;
}

void rehearsals_get(struct request *request, struct gateway *gateway)
{
	struct rehearsal_view view;

	if (control_rehearsal(gateway, request->id, &view))
		request->output = rehearsal_json(&view);
	else
		problem_set(&request->problem, 404, "", "No rehearsal",
			    "The latest rehearsal was not of link \"%.200s\".", request->id);
}

void rehearsals_post(struct request *request, struct gateway *gateway)
{
	static const char *const names[] = { "seconds", "how", NULL };
	struct problem *problem = &request->problem;
	const char *how = NULL;
	int64_t seconds = SECONDS;
	bool force;

	if (!request_flag(request, "force", &force) || !body_is_object(request->body, "", names, problem) ||
	    !body_integer(request->body, "", "seconds", 1, REHEARSAL_SECONDS_MAX, &seconds, problem) ||
	    !body_text(request->body, "", "how", false, &how, problem))
		return;
	if (control_rehearse(gateway, request->id, how ? how : "cut", (unsigned)seconds, force, problem) < 0)
		return;
	rehearsals_get(request, gateway);
	request->status = 202;
}
