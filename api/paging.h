/*
 * paging.h - a list in pages: ?limit= (1 .. 1000, default 1000) and ?after= (the "next" of the page before).
 *
 * The token is the id of the last item of a page. A list whose item has gone meanwhile is to be read again from its
 * start, and says so.
 */
#ifndef BRAID_API_PAGING_H
#define BRAID_API_PAGING_H

#include "api/request.h"
#include "gateway/identity.h"

#define PAGING_LIMIT 1000

struct paging {
	uint64_t limit;
	const char *after; /* not yet seen; NULL: items are taken */
	json_t *items;
	char last[IDENTITY_TEXT_MAX];
	bool more;
};

/* False with a problem. */
bool paging_begin(struct paging *paging, struct request *request);

/* Does the item `id` stand on this page? Then its JSON is to be given to paging_add. */
bool paging_wants(struct paging *paging, const char *id);
void paging_add(struct paging *paging, json_t *item); /* takes it over */

/* Answers { name: [items], "next": token or null }. */
void paging_end(struct paging *paging, struct request *request, const char *name);

#endif
