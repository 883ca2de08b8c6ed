/*
 * registry.h - from what the lanes find to devices, and from claims to pseudo-LUNs (rows D2-D4, D8-D10).
 *
 * The one place that judges identity: a path carries I/O only after its LU has been found, in the latest probe of its
 * lane, to be the device. Control loop.
 */
#ifndef BRAID_REGISTRY_H
#define BRAID_REGISTRY_H

#include "gateway/gateway.h"

/* A lane has been probed. */
void registry_inventory(struct gateway *gateway, struct link *link, unsigned worker, uint64_t generation,
			const struct inventory *inventory);

/* Makes claims true: presents what is claimed now, withdraws what is not. Saves first what must survive. */
void registry_apply_claims(struct gateway *gateway);

/* The array has told new access states. */
void registry_access(struct gateway *gateway, struct device_core *core);

/* No worker has anything of that link any more: its paths leave their devices. */
void registry_link_left(struct gateway *gateway, const struct link *link);

/* A worker's disk of that device is gone. */
void registry_disk_left(struct gateway *gateway, struct device_core *core);

/* The capacity that the path tells now, when it carries no I/O because that is not the device's; else 0. */
uint64_t registry_other_blocks(const struct device *device, const struct path_core *path);

#endif
