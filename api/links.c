/* links.c - GET /api/v1/links. */
#include "api/member.h"
#include "api/paging.h"
#include "api/resources.h"

json_t *link_json(const struct link_view *view)
{
	json_t *json = json_object();

	member_text(json, "id", view->id);
	member_text(json, "backend", view->backend);
	member_text(json, "iqn", view->iqn);
	member_text(json, "portal", view->portal);
	member_uint_or_null(json, "tpgt", (uint64_t)view->tpgt, view->tpgt >= 0);
	member_text(json, "state", view->state);
	member_text(json, "reason", view->reason);
	member_uint(json, "workers", view->workers);
	member_uint(json, "workers_up", view->workers_up);
	member_uint(json, "paths", view->paths);
	member_uint_or_null(json, "retry_in_us", view->retry_in_us, view->retry_in_us);
	member_uint(json, "inflight", view->inflight);
	member_uint(json, "queue_depth", view->queue_depth);
	member_uint(json, "latency_us", view->latency_us);
	member_uint(json, "reconnects", view->reconnects);
	member_figures(json, &view->figures);
	return json;
}

static bool take_link(const struct link_view *view, void *arg)
{
	struct paging *paging = arg;

	if (paging_wants(paging, view->id))
		paging_add(paging, link_json(view));
	return !paging->more;
}

void links_list(struct request *request, struct gateway *gateway)
{
	struct paging paging;

	if (!paging_begin(&paging, request))
		return;
	control_each_link(gateway, take_link, &paging);
	paging_end(&paging, request, "links");
}
