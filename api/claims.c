/* claims.c - GET and POST /api/v1/claims, DELETE /api/v1/claims/{id}. */
#include "api/body.h"
#include "api/member.h"
#include "api/paging.h"
#include "api/resources.h"
#include "gateway/base/memory.h"

#include <stdlib.h>
#include <string.h>

static json_t *claim_json(const struct claim_view *view)
{
	json_t *json = json_object();

	member_text(json, "id", view->id);
	member_text(json, "kind", view->kind);
	member_text(json, "value", view->value);
	member_bool(json, "from_config", view->from_config);
	member_uint(json, "devices", view->devices);
	return json;
}

static bool take_claim(const struct claim_view *view, void *arg)
{
	struct paging *paging = arg;

	if (paging_wants(paging, view->id))
		paging_add(paging, claim_json(view));
	return !paging->more;
}

void claims_list(struct request *request, struct gateway *gateway)
{
	struct paging paging;

	if (!paging_begin(&paging, request))
		return;
	control_each_claim(gateway, take_claim, &paging);
	paging_end(&paging, request, "claims");
}

/* What a body asks to claim: exactly one of the three. */
static bool read_claim(const json_t *body, const char **kind, const char **value, struct problem *problem)
{
	static const char *const names[] = { "hardware_id", "device", "all", NULL };
	const char *hardware_id, *device;
	int all = 0;

	if (!body_is_object(body, "", names, problem) ||
	    !body_text(body, "", "hardware_id", false, &hardware_id, problem) ||
	    !body_text(body, "", "device", false, &device, problem) || !body_boolean(body, "", "all", &all, problem))
		return false;
	if (json_object_size(body) != 1)
		return body_refuse(problem, "", "", "Unclear claim",
				   "Exactly one of hardware_id, device and all must be given.");
	if (json_object_get(body, "all") && !all)
		return body_refuse(problem, "", "all", "Value out of range", "Only true can be asked for.");
	*kind = hardware_id ? "hardware_id" : device ? "device" : "all";
	*value = hardware_id ? hardware_id : device;
	return true;
}

struct claim_search {
	const char *id;
	json_t *found;
};

static bool match_claim(const struct claim_view *view, void *arg)
{
	struct claim_search *search = arg;

	if (strcmp(view->id, search->id) == 0)
		search->found = claim_json(view);
	return !search->found;
}

void claims_post(struct request *request, struct gateway *gateway)
{
	struct claim_search search = { 0 };
	const char *kind = NULL, *value = NULL;
	bool created = false;

	if (!read_claim(request->body, &kind, &value, &request->problem) ||
	    control_claim(gateway, kind, value, &search.id, &created, &request->problem) < 0)
		return;
	control_each_claim(gateway, match_claim, &search);
	char *escaped = uri_escape(search.id);

	request->status = created ? MHD_HTTP_CREATED : MHD_HTTP_OK;
	request->location = xasprintf("/api/v1/claims/%s", escaped);
	request->output = search.found;
	free(escaped);
}

void claims_delete(struct request *request, struct gateway *gateway)
{
	bool force;

	if (request_flag(request, "force", &force))
		control_unclaim(gateway, request->id, force, &request->problem);
}
