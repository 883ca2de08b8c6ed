/*
 * backends.h - which arrays there are: those of the configuration file, and those that the API added.
 *
 * What is wanted stands in gateway.live and gateway.kept_backends; the file comes first where both have a name. What is
 * there is made so: an array that is no longer wanted, or wanted otherwise, is removed, and one that is missing is
 * made, as soon as nothing is left of the one that had its name. Control loop.
 */
#ifndef BRAID_BACKENDS_H
#define BRAID_BACKENDS_H

#include "gateway/gateway.h"

void backends_settle(struct gateway *gateway);

struct backend *backends_find(const struct gateway *gateway, const char *name); /* NULL: none */

/* All that are wanted, as elements of "backends", but the one with this name. The caller owns the list. */
json_t *backends_wanted(const struct gateway *gateway, const char *but);

#endif
