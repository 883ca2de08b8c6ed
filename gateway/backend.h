/*
 * backend.h - an array as the administrator named it: portals to ask, targets and portals found there (row D1).
 *
 * Every configured portal is asked with SendTargets, again and again: soon while it fails, now and then once it
 * answered, so that new targets and portals are found while running. What every portal that once named it leaves out,
 * answer after answer, and has no session, is retired: its link is removed. Control loop.
 *
 * Life: backend_create -> backend_remove (its links are removed, then it is gone) or, when no loop runs any more,
 * backend_destroy.
 */
#ifndef BRAID_BACKEND_H
#define BRAID_BACKEND_H

#include "gateway/config/config.h"
#include "gateway/engine/link.h"

struct gateway;
struct kinship;

struct backend {
	struct list link; /* gateway.backends */
	struct gateway *gateway;
	const struct config *source; /* config stands in it */
	size_t index;
	const struct config_backend *config;
	bool from_config; /* stands in the configuration file */
	bool removing;
	struct list links; /* struct link */
	struct discovery *discoveries; /* one a configured portal */
	unsigned discovery_count;
	struct kinship *kinship;
};

/* The backend `index` of source. */
struct backend *backend_create(struct gateway *gateway, const struct config *source, size_t index, bool from_config);

/* Its commands end, its sessions are closed, its paths leave their devices; then it is gone, which may be at once. */
void backend_remove(struct backend *backend);

/* Of a link that is being removed no worker has anything any more, and no device a path: it is gone. */
void backend_link_left(struct link *link);
void backend_stop(struct backend *backend); /* no further discovery, nor experiment */
void backend_destroy(struct backend *backend); /* no worker has a lane on its links */

/* As an element of "backends", every default filled in. */
const json_t *backend_document(const struct backend *backend);

/* "discovering" (no answer yet), "up", "degraded" (not all links), "down", "removing" */
const char *backend_state_name(const struct backend *backend);

/* Why not all of its portals could be asked; NULL: all answered, or none was asked yet. */
const char *backend_problem(const struct backend *backend);

#endif
