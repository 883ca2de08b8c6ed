/*
 * retry.h - what happens to a command that has come back: it goes to its host, or again to the array. The one place
 * that retries; counted retries and uncounted ones have their bounds here (mpio-semantics, section 4). One worker's
 * thread.
 */
#ifndef BRAID_RETRY_H
#define BRAID_RETRY_H

#include "gateway/engine/io.h"
#include "gateway/engine/reconcile.h"

struct xfer;

/* The array has answered. */
void retry_answered(struct io *io, const struct xfer *xfer);

/* It was never executed, or only reads: it is sent again. */
void retry_submit_again(struct io *io);

/* A write whose outcome will never be known, but whose old copy cannot land any more. */
void retry_outcome_unknown(struct io *io);

/* What the medium says of such a command (row F3). */
void retry_reconciled(struct io *io, enum reconciled what);

/* io, sent at `sent_us`, was aborted at the array, for its host or because it took too long (row E4). */
void retry_aborted(struct io *io, uint64_t sent_us);

/* io was ended by a reset of the logical unit. */
void retry_reset(struct io *io);

#endif
