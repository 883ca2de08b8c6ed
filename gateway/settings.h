/*
 * settings.h - what the API can set at each level: for the gateway, for the devices of a DSM, for one device (row L1).
 */
#ifndef BRAID_SETTINGS_H
#define BRAID_SETTINGS_H

#include "gateway/timers.h"

struct settings {
	struct timers_level timers;
};

#endif
