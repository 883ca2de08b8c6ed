/*
 * routes.h - the table of what the API serves.
 */
#ifndef BRAID_API_ROUTES_H
#define BRAID_API_ROUTES_H

#include "api/request.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct route {
	const char *method, *path; /* the path has literal parts and at most one "{id}" */
	const char *summary;
	const char *arguments; /* names of the query arguments, space-separated; NULL: none */
	bool takes_body; /* JSON, required */

	/* On the API's thread, with the request complete. Sets response or problem, or neither: then run follows.
	 * NULL: nothing to do there. */
	void (*local)(struct request *request);
	/* On the control loop. Sets output, or problem. */
	void (*run)(struct request *request, struct gateway *gateway);
	/* On the API's thread: makes text of the output (malloc), when the answer is not the output as JSON. */
	char *(*render)(const json_t *output, size_t *len);
	const char *type; /* of that text */
};

/* Every route, ended by one without a method. */
extern const struct route routes[];

/* 0 with *route and *id; 404: no route has this path; 405: some have, but not by this method: `allow` lists which
 * ("GET, HEAD, OPTIONS"). */
int route_find(const char *method, const struct uri *uri, const struct route **route, const char **id, char *allow,
	       size_t allow_size);

bool route_takes_argument(const struct route *route, const char *name);

#endif
