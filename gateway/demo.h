/*
 * demo.h - `braidd --demo`: two embedded arrays of four portals each, and a configuration for them.
 *
 * The arrays are braid-array processes beside braidd, in its process group; they end with it. Main thread.
 */
#ifndef BRAID_DEMO_H
#define BRAID_DEMO_H

#include "gateway/config/config.h"

struct demo;

/* Starts the arrays and waits until they listen. NULL: it could not (logged). */
struct demo *demo_start(void);
const struct config *demo_config(const struct demo *demo);

/* Ends the arrays, waits for them, removes the state. Takes NULL. */
void demo_stop(struct demo *demo);

#endif
