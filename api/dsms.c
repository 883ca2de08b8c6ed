/* dsms.c - GET /api/v1/dsms. */
#include "api/member.h"
#include "api/paging.h"
#include "api/resources.h"

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
