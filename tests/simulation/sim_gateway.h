/*
 * sim_gateway.h - the whole gateway on virtual loops, with the simulated arrays as its backends.
 *
 * Its target exists but does not listen: commands go straight to the disks (sim_io.h).
 */
#ifndef BRAID_SIM_GATEWAY_H
#define BRAID_SIM_GATEWAY_H

#include "gateway/engine/disk.h"
#include "gateway/engine/lane.h"
#include "gateway/gateway.h"
#include "tests/simulation/sim_array.h"
#include "tests/simulation/sim_io.h"

struct sim_gateway {
	struct sim *sim;
	struct config *config;
	struct gateway *gateway;
	bool stopped;
};

/* options: configuration as JSON with ' for ", over the defaults; NULL: none. By default every device is claimed, and
 * each array is a backend that is asked through its first portal. Ends the process when it cannot be started. */
struct sim_gateway *sim_gateway_create(struct sim *sim, const char *options);

/* An orderly end, in simulated time. False: it did not end within minutes; nothing is freed. Takes NULL. */
bool sim_gateway_destroy(struct sim_gateway *g);

/* NULL: nothing has that number there. */
struct disk *sim_gateway_disk(const struct sim_gateway *g, unsigned worker, uint16_t lun);

/* The lane of that worker to the portal with this address, the link, and a path over it; NULL: none. */
struct link *sim_gateway_link(const struct sim_gateway *g, const char *address);
struct lane *sim_gateway_lane(const struct sim_gateway *g, unsigned worker, const char *address);
struct path *sim_gateway_path(const struct sim_gateway *g, unsigned worker, uint16_t lun, const char *address);

/* How many paths of a disk are in that state. */
unsigned sim_disk_paths(const struct disk *disk, enum path_state state);

/* Runs until every path that there is on every worker is up; false: not within limit_us. */
bool sim_gateway_settles(struct sim_gateway *g, uint64_t limit_us);

/* How many events of that type the journal has. */
unsigned sim_gateway_events(const struct sim_gateway *g, const char *type);

#endif
