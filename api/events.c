/* events.c - GET /api/v1/events as a list; stream.c has the same as a stream. */
#include "api/member.h"
#include "api/paging.h"
#include "api/resources.h"
#include "api/stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

json_t *event_json(const struct event_view *view)
{
	json_t *json = json_object();

	member_uint(json, "id", view->id);
	member_uint(json, "time_us", view->time_us);
	member_text(json, "severity", view->severity);
	member_text(json, "type", view->type);
	member_text(json, "subject", view->subject);
	member_text(json, "message", view->message);
	member_json(json, "detail", json_deep_copy(view->detail)); /* the original stays on the control loop */
	return json;
}

static bool take_event(const struct event_view *view, void *arg)
{
	struct paging *paging = arg;
	char id[24];

	snprintf(id, sizeof(id), "%" PRIu64, view->id);
	if (paging_wants(paging, id))
		paging_add(paging, event_json(view));
	return !paging->more;
}

/* "next" is what to give as since for the page that follows; "last" is the newest event there is. */
void events_list(struct request *request, struct gateway *gateway)
{
	struct paging paging;
	uint64_t since, last;

	if (!request_number(request, "since", 0, 0, INT64_MAX, &since) || !paging_begin(&paging, request))
		return;
	last = control_each_event(gateway, since, take_event, &paging);
	paging_end(&paging, request, "events");
	member_uint(request->output, "last", last);
}

/* Where the stream starts: behind the last event that the client has seen, if it says so. */
static bool read_start(struct request *request, uint64_t *since)
{
	const char *last_id = request->head.last_event_id;

	if (!last_id || !*last_id)
		return request_number(request, "since", 0, 0, INT64_MAX, since);
	if (request_parse_number(last_id, since) == 0)
		return true;
	problem_set(&request->problem, 400, "", "Bad Last-Event-ID", "It must be the id of an event.");
	return false;
}

void events_stream(struct request *request)
{
	uint64_t since;

	if (!request->head.accept || !strcasestr(request->head.accept, STREAM_TYPE) || !read_start(request, &since))
		return;
	request->response = stream_response(request->context->streams, request->connection, since);
	if (!request->response)
		problem_set(&request->problem, 503, "", "Too many streams", "At most %d streams can be open.",
			    STREAMS_MAX);
}
