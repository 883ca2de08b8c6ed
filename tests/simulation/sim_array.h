/*
 * sim_array.h - a simulated array: portals, logical units, and the sessions of its initiators.
 *
 * A target portal group is a target name with a group tag: a login with the initiator name and ISID of a session of
 * the same group ends that session and its commands (RFC 7143 6.3.5), through whichever of the group's portals it
 * comes. The commands of a session whose connection is lost are carried on with for `linger_us`: that is what a fence
 * is for.
 */
#ifndef BRAID_SIM_ARRAY_H
#define BRAID_SIM_ARRAY_H

#include "tests/simulation/sim.h"
#include "tests/simulation/sim_fault.h"
#include "tests/simulation/sim_lu.h"
#include "tests/simulation/sim_port.h"

#define SIM_PORTALS_MAX 64

/* What becomes of an ABORT TASK, or of a LOGICAL UNIT RESET. */
enum sim_aborts { SIM_ABORTS_OBEYED, SIM_ABORTS_REFUSED, SIM_ABORTS_IGNORED };

struct sim_portal {
	struct sim_array *array;
	unsigned index;
	char address[64], iqn[224];
	uint16_t tpgt;
	uint16_t group; /* target port group; at first the tag; see sim_port_join() */
	uint64_t lists; /* bit n: SendTargets through it names the array's portal n */
	uint64_t latency_us; /* of a command, besides the network's */
	uint64_t travel_us; /* that a command is longer on its way there, also when its connection is lost meanwhile */

	unsigned task_set; /* commands that a session may have inside; one more meets TASK SET FULL. 0: any number */
	enum sim_aborts aborts, reset;
	bool down; /* nothing listens; set by sim_portal_down() */
	bool plain; /* its standard inquiry data tell of no ALUA, whatever the logical unit has */
	bool refuse; /* logins are refused */
	bool black_hole; /* nothing gets through, nobody is told; set by sim_portal_black_hole() */
	bool mute_discovery; /* SendTargets is not answered */
	unsigned made_up; /* portals that it lists besides, where nothing is */
	uint64_t discoveries; /* SendTargets that arrived */
	uint64_t logins;
	uint64_t commands; /* that arrived */
	unsigned aborted; /* commands, by ABORT TASK */
	unsigned resets; /* that arrived, of logical units */
	unsigned refused; /* by TASK SET FULL */
};

struct sim_array {
	struct list link; /* sim.arrays */
	struct sim *sim;
	struct sim_portal *portals[SIM_PORTALS_MAX];
	unsigned portal_count;
	struct list lus; /* struct sim_lu */
	struct list sessions; /* struct sim_session */
	struct list faults; /* struct sim_fault: the first that fits counts */
	struct sim_groups groups;
	uint64_t linger_us;
	uint64_t ended; /* commands, by resets */
	bool cheats; /* reinstatement and resets leave old commands alive: what a fence must not meet */

	/* Every command as it arrives, before any fault; NULL: nobody listens. */
	void (*heard)(void *arg, const struct sim_portal *portal, uint16_t lun, const uint8_t *cdb);
	void *heard_arg;
};

struct sim_array *sim_array_create(struct sim *sim);
void sim_array_destroy(struct sim_array *array);

/* address as "10.0.0.1:3260"; every portal lists every portal unless `lists` is changed. */
struct sim_portal *sim_array_add_portal(struct sim_array *array, const char *address, const char *iqn, uint16_t tpgt);
struct sim_lu *sim_array_add_lu(struct sim_array *array, uint16_t lun, uint64_t number, uint64_t blocks);
struct sim_lu *sim_array_lu(struct sim_array *array, uint16_t lun); /* NULL: none */
void sim_array_remove_lu(struct sim_array *array, uint16_t lun);

/* A fault of this kind for the next `count` commands that fit; more members are the caller's to fill in. */
struct sim_fault *sim_array_fault(struct sim_array *array, enum sim_fault_kind kind, unsigned count);

/* Hung commands go on; hang faults that have not met one are forgotten. Returns how many went on. */
unsigned sim_array_release(struct sim_array *array);

/* A unit attention for every session on `lun`; SIM_ANY: on all. */
void sim_array_attention(struct sim_array *array, int lun, uint16_t asc);

/* A LOGICAL UNIT RESET has come from somewhere: the commands inside are over, and every session hears of it. */
void sim_array_reset_lu(struct sim_array *array, uint16_t lun);

struct sim_portal *sim_portal_find(struct sim *sim, const char *address);
void sim_portal_down(struct sim_portal *portal, bool down); /* down: connections are reset */
void sim_portal_black_hole(struct sim_portal *portal, bool on); /* off: what was on its way goes on */
void sim_portal_reset(struct sim_portal *portal); /* every connection, once */
/* Every session is asked to log out, does, and is over with its commands; none is to come back before wait_us. */
void sim_portal_dismiss(struct sim_portal *portal, uint64_t wait_us);

#endif
