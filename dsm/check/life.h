/*
 * life.h - the module's own commands against a simulated array: how a path is verified after rows E1 to E4, and how a
 * passive path is made active.
 */
#ifndef BRAID_CHECK_LIFE_H
#define BRAID_CHECK_LIFE_H

#include "dsm/check/device.h"

/* How many checks are wrong. */
unsigned life_check(const struct subject *subject);

#endif
