/*
 * sim_transport.h - the simulated transport: initiator_ops between lanes and simulated arrays.
 *
 * It keeps the contract of initiator.h, and checks that its user does: a transfer is submitted once at a time, nothing
 * is submitted before the login, a connection is closed once.
 */
#ifndef BRAID_SIM_TRANSPORT_H
#define BRAID_SIM_TRANSPORT_H

#include "gateway/engine/initiator.h"
#include "tests/simulation/sim.h"

extern const struct initiator_ops sim_transport;

/* The world that it connects to: initiator_ops.open has no argument to say so. */
void sim_transport_world(struct sim *sim);

/* From the array: an answer to a command; one to an ABORT TASK; the end of the connection, reported in a turn of its
 * own. */
void sim_transport_done(struct initiator *initiator, struct xfer *xfer);
bool sim_transport_muted(const struct initiator *initiator); /* takes NULL */
void sim_transport_managed(struct initiator *initiator, uint8_t response);
void sim_transport_lost(struct initiator *initiator, const char *reason);
void sim_transport_dismissed(struct initiator *initiator, uint64_t wait_us); /* as lost, with Time2Wait */

#endif
