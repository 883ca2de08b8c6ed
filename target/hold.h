/*
 * hold.h - commands of a session that arrived before their turn in CmdSN order (RFC 7143 4.2.2.1). Worker thread.
 */
#ifndef BRAID_HOLD_H
#define BRAID_HOLD_H

#include "gateway/base/list.h"

#include <stdint.h>

struct session;

/* Embedded in what waits. */
struct hold {
	struct list link;
	uint32_t cmd_sn;
	void (*run)(struct session *session, struct hold *hold); /* its turn has come */
	void (*discard)(struct session *session, struct hold *hold); /* the session ends */
};

#endif
