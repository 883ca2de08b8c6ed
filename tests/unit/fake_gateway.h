/*
 * fake_gateway.h - a gateway for the API's tests: gateway/control.h on a loop of its own, with two arrays of two
 * portals each, three devices with four paths, two sessions, and claims and policies that can be changed.
 *
 * Devices: "naa.0" LUN 0, "naa.1" LUN 1, "t10.free" not claimed. Claims: "all" from the configuration.
 */
#ifndef BRAID_FAKE_GATEWAY_H
#define BRAID_FAKE_GATEWAY_H

#include "gateway/control.h"

#include <stdbool.h>

/* With `run`, its loop runs in a thread; without, what is posted stays in the mailbox until fake_gateway_destroy. */
struct gateway *fake_gateway_create(bool run);
void fake_gateway_destroy(struct gateway *gateway);

/* Any thread. */
void fake_gateway_set_ready(struct gateway *gateway, bool ready);
void fake_gateway_call(struct gateway *gateway, void (*fn)(struct gateway *gateway, void *arg), void *arg);
void fake_gateway_add_event(struct gateway *gateway, const char *message);

#endif
