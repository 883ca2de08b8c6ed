/*
 * sim_world.h - the usual scene of a test: an array with two target portal groups of two portals each and two disks,
 * and a gateway in front of it.
 */
#ifndef BRAID_SIM_WORLD_H
#define BRAID_SIM_WORLD_H

#include "tests/simulation/sim_gateway.h"
#include "tests/simulation/sim_session.h"

#define WORLD_IQN "iqn.2026-11.org.example:array"
#define WORLD_BLOCKS 1024

/* Portals by group and number within it. */
#define PORTAL_1A "10.0.1.1:3260"
#define PORTAL_1B "10.0.1.2:3260"
#define PORTAL_2A "10.0.2.1:3260"
#define PORTAL_2B "10.0.2.2:3260"

struct world {
	struct sim *sim;
	struct sim_array *array;
	struct sim_portal *portals[4]; /* 1A, 1B, 2A, 2B */
	struct sim_lu *lus[2];
	struct sim_gateway *g;
};

/* The array alone. */
struct world *world_create(unsigned workers);

/* The gateway in front of it, every path up. options as sim_gateway_create(). */
struct world *world_create_ready(unsigned workers, const char *options);
void world_start(struct world *world, const char *options);

/* Ends the gateway in order, if there is one. */
void world_destroy(struct world *world);

/* The next `count` commands with that opcode end with this sense data. */
struct sim_fault *world_sense(struct world *world, unsigned count, uint8_t opcode, uint8_t key, uint16_t asc);

/* Every portal. */
void world_down(struct world *world, bool down);

/* The disk of the array's LUN 0 on worker 0, whose I/O goes over that portal while it can. Policy weighted-paths. */
struct disk *world_prefer(struct world *world, const char *address);

/* How many events of that type the journal has whose message holds the text. */
unsigned world_events(const struct world *world, const char *type, const char *text);

/* On worker 0. */
struct disk *world_disk(const struct world *world, uint16_t lun);
struct lane *world_lane(const struct world *world, const char *address);

/* The session that worker 0 has, or had last, at that portal; NULL: none. */
struct sim_session *world_session(const struct world *world, const char *address);

#endif
