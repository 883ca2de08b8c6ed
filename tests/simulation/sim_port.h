/*
 * sim_port.h - asymmetric access at a simulated array: target port groups, their states, and who may change them.
 *
 * A portal belongs to one group, at first that of its tag, and every logical unit with tpgs shares the groups' states.
 */
#ifndef BRAID_SIM_PORT_H
#define BRAID_SIM_PORT_H

#include "gateway/base/clock.h"
#include "target/scsi_cmd.h"
#include "tests/simulation/sim_lu.h"

#define SIM_GROUPS_MAX 8
#define SIM_OPTIMIZED 0x0 /* SPC-4 table 293 */
#define SIM_NON_OPTIMIZED 0x1
#define SIM_STANDBY 0x2
#define SIM_UNAVAILABLE 0x3
#define SIM_TRANSITIONING 0xf

struct sim_array;
struct sim_portal;

struct sim_groups {
	struct {
		uint16_t id;
		uint8_t state;
		bool preferred;
	} group[SIM_GROUPS_MAX];
	unsigned count;
	bool extended_refused; /* REPORT TARGET PORT GROUPS knows one header format only */
	uint8_t transition_s; /* IMPLICIT TRANSITION TIME, in the extended header */
	bool mute; /* changes of state raise no unit attention */
	uint64_t transition_us; /* of SET TARGET PORT GROUPS, in which its group is transitioning */
	unsigned questions, orders; /* RTPG, STPG carried out */

	/* of the order under way */
	struct sim_array *array;
	struct timer done;
	uint16_t wanted;
};

void sim_port_init(struct sim_array *array);
void sim_port_done(struct sim_array *array);

/* The group exists from then on, active/optimized. */
void sim_port_join(struct sim_portal *portal, uint16_t group);

/* As the array decides by itself; unit attention 2A/06 on every session. */
void sim_port_set(struct sim_array *array, uint16_t group, uint8_t state);
uint8_t sim_port_state(const struct sim_portal *portal);

/* Whether the command is one of this file's, or is refused for the state of the port: it is answered then. */
bool sim_port_answers(struct sim_portal *portal, const struct sim_lu *lu, const uint8_t *cdb, uint8_t *data,
		      uint32_t len, struct sim_answer *answer);

/* Adds the port's group to page 83h, which has been answered. */
void sim_port_designate(const struct sim_portal *portal, uint8_t *data, uint32_t len, struct sim_answer *answer);

#endif
