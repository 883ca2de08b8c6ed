/* dsms.c - GET /api/v1/dsms, PATCH /api/v1/dsms/{id}. */
#include "api/body.h"
#include "api/member.h"
#include "api/paging.h"
#include "api/resources.h"

#include <string.h>

static json_t *dsm_json(const struct dsm_view *view)
{
	json_t *json = json_object();

	member_text(json, "name", view->name);
	member_text(json, "version", view->version);
	member_text(json, "summary", view->summary);
	member_text(json, "state", view->reason ? "refused" : view->order ? "asked" : "not-asked");
	member_text(json, "reason", view->reason);
	member_uint_or_null(json, "order", view->order, view->order);
	member_text(json, "source", view->file ? "file" : "built-in");
	member_text(json, "file", view->file);
	member_bool(json, "any_hardware", view->any_hardware);
	member_texts(json, "hardware_ids", view->hardware_ids);
	member_text(json, "vendor_policy", view->policy);
	member_text(json, "verify", view->verify);
	member_uint(json, "devices", view->devices);
	member_json(json, "throttle", throttle_json(&view->throttle, NULL));
	return json;
}

static bool take_dsm(const struct dsm_view *view, void *arg)
{
	struct paging *paging = arg;

	if (paging_wants(paging, view->reason ? view->file : view->name))
		paging_add(paging, dsm_json(view));
	return !paging->more;
}

void dsms_list(struct request *request, struct gateway *gateway)
{
	struct paging paging;

	if (!paging_begin(&paging, request))
		return;
	control_each_dsm(gateway, take_dsm, &paging);
	paging_end(&paging, request, "dsms");
}

struct dsm_search {
	const char *name;
	json_t *found;
};

static bool match_dsm(const struct dsm_view *view, void *arg)
{
	struct dsm_search *search = arg;

	if (view->name && strcmp(view->name, search->name) == 0)
		search->found = dsm_json(view);
	return !search->found;
}

void dsms_patch(struct request *request, struct gateway *gateway)
{
	static const char *const names[] = { "throttle", NULL };
	struct dsm_search search = { .name = request->id };
	struct level_change change = { 0 };

	if (!body_is_object(request->body, "", names, &request->problem) ||
	    !throttle_read(request->body, &change, &request->problem) ||
	    control_change_level(gateway, LEVEL_DSM, request->id, &change, &request->problem) < 0)
		return;
	control_each_dsm(gateway, match_dsm, &search);
	request->output = search.found; /* nothing, when that of a module that is gone was cleared */
}
