/*
 * reconcile.h - COMPARE AND WRITE whose answer was lost: the medium is asked what became of it (row F3).
 *
 * Only when no copy of the command can be executed any more. Then its blocks are read, and hold
 *
 *   what it compares with: it was not executed, and is sent again;
 *   what it writes: it was executed, and has ended well;
 *   something else: either another host's command was first and it would have miscompared, or it was executed and
 *   overwritten since. Nobody can tell, and neither GOOD nor MISCOMPARE may be said: ABORTED COMMAND, and the host has
 *   to look for itself.
 *
 * "What it writes" is taken for the trace of this very command. Another one with the same data in both halves leaves
 * the same trace; those that clusters use for locks name their host in what they write, so that there is none.
 *
 * EXTENDED COPY and PERSISTENT RESERVE OUT of hosts never reach an array (command.c).
 */
#ifndef BRAID_RECONCILE_H
#define BRAID_RECONCILE_H

#include <stdbool.h>

struct io;

enum reconciled { RECONCILED_DONE, RECONCILED_NOT_DONE, RECONCILED_UNKNOWN };

/* True: io is being reconciled, and retry_reconciled() follows. False: no other command can be. */
bool reconcile_begin(struct io *io);

#endif
