/*
 * levels.h - which policy rules a device (row P8): the device's own, its hardware ID's, its DSM's, the default.
 */
#ifndef BRAID_LEVELS_H
#define BRAID_LEVELS_H

#include "gateway/gateway.h"

/* What this policy is for this device: its module's own for "vendor". NULL: there is no such policy. */
const struct policy_ops *levels_policy(const struct device *device, enum policy_id id);

/* Decides anew, builds the setup in force, and gives it to the workers when the device is claimed. */
void levels_apply(struct gateway *gateway, struct device *device);

#endif
