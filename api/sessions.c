/* sessions.c - GET /api/v1/sessions. */
#include "api/member.h"
#include "api/paging.h"
#include "api/resources.h"

#include <inttypes.h>
#include <stdio.h>

static json_t *session_json(const struct session_view *view)
{
	json_t *json = json_object(), *stats = json_object();

	member_uint(json, "id", view->id);
	member_text(json, "initiator", view->initiator);
	member_text(json, "isid", view->isid);
	member_text(json, "remote", view->remote);
	member_text(json, "local", view->local);
	member_bool(json, "discovery", view->discovery);
	member_uint(json, "worker", view->worker);
	member_uint(json, "tasks", view->tasks);
	member_uint(json, "age_us", view->age_us);
	member_uint(stats, "commands", view->commands);
	member_uint(stats, "reads", view->reads);
	member_uint(stats, "writes", view->writes);
	member_uint(stats, "read_bytes", view->read_bytes);
	member_uint(stats, "written_bytes", view->written_bytes);
	member_json(json, "stats", stats);
	return json;
}

static bool take_session(const struct session_view *view, void *arg)
{
	struct paging *paging = arg;
	char id[16];

	snprintf(id, sizeof(id), "%" PRIu32, view->id);
	if (paging_wants(paging, id))
		paging_add(paging, session_json(view));
	return !paging->more;
}

void sessions_list(struct request *request, struct gateway *gateway)
{
	struct paging paging;

	if (!paging_begin(&paging, request))
		return;
	control_each_session(gateway, take_session, &paging);
	paging_end(&paging, request, "sessions");
}
