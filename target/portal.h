/*
 * portal.h - one address on which the target listens. Control loop.
 */
#ifndef BRAID_PORTAL_H
#define BRAID_PORTAL_H

#include "gateway/base/net.h"
#include "target/target.h"

struct portal;

/* NULL with errno EINVAL: not a numeric address, or no valid group tag. */
struct portal *portal_create(struct target *target, unsigned index, const struct target_portal *config);
void portal_destroy(struct portal *portal); /* takes NULL */

/* 0 or -errno. The port that is got is kept for the next time. */
int portal_open(struct portal *portal);
void portal_close(struct portal *portal);

void portal_silence(struct portal *portal, bool silent); /* it is open: connections are made, and not answered */
bool portal_is_open(const struct portal *portal);
const struct net_address *portal_address(const struct portal *portal);
uint16_t portal_tpgt(const struct portal *portal);

#endif
