#include "api/paging.h"

#include "api/member.h"
#include "gateway/base/memory.h"

#include <string.h>

bool paging_begin(struct paging *paging, struct request *request)
{
	*paging = (struct paging){ .after = uri_argument(&request->uri, "after") };
	if (!request_number(request, "limit", PAGING_LIMIT, 1, PAGING_LIMIT, &paging->limit))
		return false;
	paging->items = json_array();
	return true;
}

bool paging_wants(struct paging *paging, const char *id)
{
	if (paging->after) {
		if (strcmp(id, paging->after) == 0)
			paging->after = NULL;
		return false;
	}
	paging->more = json_array_size(paging->items) == paging->limit;
	if (paging->more)
		return false;
	str_copy(paging->last, sizeof(paging->last), id);
	return true;
}

void paging_add(struct paging *paging, json_t *item)
{
	json_array_append_new(paging->items, item);
}

void paging_end(struct paging *paging, struct request *request, const char *name)
{
	if (paging->after) {
		json_decref(paging->items);
		problem_set(&request->problem, 410, "", "Page is gone",
			    "The item that \"after\" names is no longer listed; read the list from its start.");
		return;
	}
	request->output = json_object();
	member_json(request->output, name, paging->items);
	member_text(request->output, "next", paging->more ? paging->last : NULL);
}
