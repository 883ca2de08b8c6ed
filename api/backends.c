/* backends.c - GET and POST /api/v1/backends, GET and DELETE /api/v1/backends/{id}. */
#include "api/member.h"
#include "api/paging.h"
#include "api/resources.h"
#include "gateway/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* As it would stand in the configuration, and how it fares. */
static json_t *backend_json(const struct backend_view *view)
{
	json_t *json = json_deep_copy(view->document);

	member_bool(json, "from_config", view->from_config);
	member_text(json, "state", view->state);
	member_text(json, "reason", view->reason);
	member_uint(json, "links", view->links);
	member_uint(json, "links_up", view->links_up);
	member_uint(json, "paths", view->paths);
	return json;
}

static bool take_backend(const struct backend_view *view, void *arg)
{
	struct paging *paging = arg;

	if (paging_wants(paging, view->name))
		paging_add(paging, backend_json(view));
	return !paging->more;
}

void backends_list(struct request *request, struct gateway *gateway)
{
	struct paging paging;

	if (!paging_begin(&paging, request))
		return;
	control_each_backend(gateway, take_backend, &paging);
	paging_end(&paging, request, "backends");
}

struct backend_search {
	const char *name;
	json_t *found;
};

static bool match_backend(const struct backend_view *view, void *arg)
{
	struct backend_search *search = arg;

	if (strcmp(view->name, search->name) == 0)
		search->found = backend_json(view);
	return !search->found;
}

static json_t *backend_by_name(struct gateway *gateway, const char *name)
{
	struct backend_search search = { .name = name };

	control_each_backend(gateway, match_backend, &search);
	return search.found;
}

void backends_get(struct request *request, struct gateway *gateway)
{
	request->output = backend_by_name(gateway, request->id);
	if (!request->output)
		problem_set(&request->problem, 404, "", "No such object", "There is no backend \"%.200s\".",
			    request->id);
}

void backends_post(struct request *request, struct gateway *gateway)
{
	const char *name = NULL;
	bool created = false;

	if (control_add_backend(gateway, request->body, &name, &created, &request->problem) < 0)
		return;
	char *escaped = uri_escape(name);

	request->status = created ? MHD_HTTP_CREATED : MHD_HTTP_OK;
	request->location = xasprintf("/api/v1/backends/%s", escaped);
	request->output = backend_by_name(gateway, name);
	free(escaped);
}

void backends_delete(struct request *request, struct gateway *gateway)
{
	bool force;

	if (request_flag(request, "force", &force))
		control_remove_backend(gateway, request->id, force, &request->problem);
}
