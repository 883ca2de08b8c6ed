/*
 * backend.h - an array as the administrator named it: portals to ask, targets and portals found there (row D1).
 *
 * Every configured portal is asked with SendTargets, again and again: soon while it fails, now and then once it
 * answered, so that new targets and portals are found while running. Control loop.
 */
#ifndef BRAID_BACKEND_H
#define BRAID_BACKEND_H

#include "gateway/config/config.h"
#include "gateway/engine/link.h"

struct gateway;

struct backend {
	struct list link; /* gateway.backends */
	struct gateway *gateway;
	const struct config_backend *config;
	struct list links; /* struct link */
	struct discovery *discoveries; /* one a configured portal */
	unsigned discovery_count;
};

struct backend *backend_create(struct gateway *gateway, const struct config_backend *config);
void backend_stop(struct backend *backend); /* no further discovery */
void backend_destroy(struct backend *backend); /* no worker has a lane on its links */

/* Why not all of its portals could be asked; NULL: all answered, or none was asked yet. */
const char *backend_problem(const struct backend *backend);

#endif
