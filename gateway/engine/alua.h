/*
 * alua.h - asymmetric logical unit access as arrays tell it: REPORT TARGET PORT GROUPS (SPC-4 6.37) and the target port
 * group designator of VPD page 83h. Pure functions on bytes that an array sent. Any thread.
 */
#ifndef BRAID_ALUA_H
#define BRAID_ALUA_H

#include "dsm/dsm.h"

#define ALUA_GROUPS_MAX 64

struct alua {
	struct {
		uint16_t id;
		enum dsm_access access;
		bool preferred;
	} groups[ALUA_GROUPS_MAX];
	unsigned count;
	uint32_t transition_s; /* the array's limit for a transition; 0: it has not told */
};

/* Both header formats. 0, or -EINVAL: no answer of that command. Groups beyond ALUA_GROUPS_MAX are passed over. */
int alua_parse(const uint8_t *data, size_t len, struct alua *alua);

/* The group of the port that answered, by its page 83h; 0: it does not say. */
uint16_t alua_port_group(const uint8_t *vpd83, size_t len);

/* "active/optimized", "standby", ...; NULL for DSM_ACCESS_UNKNOWN. */
const char *alua_access_name(enum dsm_access access);

#endif
