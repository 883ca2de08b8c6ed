/*
 * contract.h - what dsm.h promises the gateway, whatever the array sends.
 */
#ifndef BRAID_CHECK_CONTRACT_H
#define BRAID_CHECK_CONTRACT_H

#include "dsm/check/device.h"

/* How many checks are wrong. */
unsigned contract_check(const struct subject *subject);

#endif
