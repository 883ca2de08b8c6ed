/*
 * levels.h - which policy rules a device (row P8): the device's own, its hardware ID's, its DSM's, the default.
 */
#ifndef BRAID_LEVELS_H
#define BRAID_LEVELS_H

#include "gateway/gateway.h"

/* Decides anew, builds the setup in force, and gives it to the workers when the device is claimed. */
void levels_apply(struct gateway *gateway, struct device *device);

#endif
