/*
 * reserve.h - where the hosts' reservations of each device (engine/host_reservation.h) meet the gateway: its state
 * document, its sessions, its resets. Control loop, unless it says otherwise.
 */
#ifndef BRAID_RESERVE_H
#define BRAID_RESERVE_H

#include "gateway/gateway.h"

/* A device is new: nothing is reserved. */
void reserve_attach(struct gateway *gateway, struct device *device);

/* Registrations go: no host sees the device any more, or the administrator wants it. */
void reserve_forget(struct device *device);

/* What is kept over a loss of power, as hexadecimal text, the caller's; NULL: nothing. / Takes it up: 0, or -EINVAL. */
char *reserve_save(const struct device *device);
int reserve_load(struct device *device, const char *text);

/* The session of that host has ended. */
void reserve_nexus_lost(struct gateway *gateway, const struct target_nexus *nexus);

/* target_ops.reset; user is gateway.luns. Worker thread. */
void reserve_reset(void *user, unsigned worker, uint16_t lun, void (*done)(void *arg), void *arg);

#endif
