/*
 * worker.h - what one session does: chooses I/Os, keeps `depth` of them in flight, judges what comes back.
 *
 * An I/O holds the lock on its blocks from its issue to its end. A write whose connection was lost keeps it until the
 * session has logged in again: until then its late copy may land, and nobody can say what the block holds.
 */
#ifndef BRAID_LOAD_WORKER_H
#define BRAID_LOAD_WORKER_H

#include "tests/load/load.h"
#include "tests/load/session.h"

struct worker *worker_create(struct load *load, unsigned index);
void worker_destroy(struct worker *worker); /* takes NULL; what is in flight gets an unknown outcome */

/* Issues what the phase asks for, retries, and looks for I/Os that take too long. */
void worker_tick(struct worker *worker);

bool worker_is_up(const struct worker *worker);
bool worker_has_ended(const struct worker *worker);

/* I/Os issued and not ended, those that wait for the next login included. */
unsigned worker_busy(const struct worker *worker);
void worker_close(struct worker *worker);
const struct session_counters *worker_counters(const struct worker *worker);

#endif
