/*
 * persist.h - the gateway's part of the state document: its id, devices with their LUNs and settings, claims, arrays,
 * settings of the gateway and of DSMs.
 */
#ifndef BRAID_PERSIST_H
#define BRAID_PERSIST_H

#include "gateway/gateway.h"

/* Fills a fresh gateway from state_dir. 0 or -errno (logged). */
int persist_load(struct gateway *gateway);

/* 0 or -errno (logged, and an event). */
int persist_save(struct gateway *gateway);

#endif
