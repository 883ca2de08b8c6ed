/*
 * maintenance.h - what else than maintenance has to know before something is taken away. Control loop.
 */
#ifndef BRAID_MAINTENANCE_H
#define BRAID_MAINTENANCE_H

struct device;
struct gateway;

/* A claimed device that would have no path any more without this path, link or backend (kind and id as in
 * control_drain); NULL: none. */
const struct device *maintenance_left_alone(struct gateway *gateway, const char *kind, const char *id);

#endif
