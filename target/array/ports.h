/*
 * ports.h - the array's target ports and target port groups (SPC-4, asymmetric logical unit access).
 *
 * A SCSI target port is an iSCSI portal group (RFC 7143 4.4.1), so portals that share a tag are one port; the tag is
 * also its relative target port identifier. A target port group is a set of ports that share an access state, for all
 * logical units of the array alike. Worker thread; constant but for the states.
 */
#ifndef BRAID_ARRAY_PORTS_H
#define BRAID_ARRAY_PORTS_H

#include "target/scsi_cmd.h"

#define PORTS_MAX 32

/* ASYMMETRIC ACCESS STATE of REPORT TARGET PORT GROUPS; the numbers are those of the wire */
enum port_state {
	PORT_OPTIMIZED = 0x0,
	PORT_NONOPTIMIZED = 0x1,
	PORT_STANDBY = 0x2,
	PORT_UNAVAILABLE = 0x3,
	PORT_OFFLINE = 0xe,
	PORT_TRANSITIONING = 0xf,
};

/* The TPGS field of standard INQUIRY data (SPC-4 6.6.2) */
enum ports_tpgs { TPGS_NONE = 0, TPGS_IMPLICIT = 1, TPGS_EXPLICIT = 2, TPGS_BOTH = 3 };

/* Why a group is in its state (STATUS CODE of the same) */
enum port_reason { PORT_REASON_NONE = 0, PORT_REASON_EXPLICIT = 1, PORT_REASON_IMPLICIT = 2 };

struct port_group {
	uint16_t id;
	enum port_state state;
	enum port_reason reason;
	bool preferred;
};

struct ports {
	enum ports_tpgs tpgs;
	uint8_t transition_s; /* IMPLICIT TRANSITION TIME; 0: not said */
	size_t portal_count, group_count;
	struct {
		uint16_t tpgt;
		uint16_t group; /* its id */
	} portal[PORTS_MAX];
	struct port_group group[PORTS_MAX];
};

/* Adds the next portal; its group is created as optimized when it is new. 0, -ENOSPC, or -EEXIST: the same tag is in
 * another group already. */
int ports_add(struct ports *ports, uint16_t tpgt, uint16_t group);

/* NULL: no such group. */
struct port_group *ports_group(struct ports *ports, uint16_t id);
const struct port_group *ports_group_of(const struct ports *ports, unsigned portal);

/* True when no earlier portal has the tag of portal i: visits every target port once. */
bool ports_is_first(const struct ports *ports, size_t i);

/* The sense of a medium access command on a port in that state; 0: it is let through. */
scsi_asc ports_state_asc(enum port_state state);

/* 0 or -EINVAL: none of optimized, nonoptimized, standby, unavailable, offline, transitioning. */
int ports_state_parse(const char *name, enum port_state *state);
const char *ports_state_name(enum port_state state);

#endif
