/*
 * exchange.h - text requests in full feature phase: SendTargets and the few keys that may change (RFC 7143 11.10,
 * 11.11, appendix C). A request, and its answer, may take several PDUs; one negotiation at a time.
 */
#ifndef BRAID_EXCHANGE_H
#define BRAID_EXCHANGE_H

#include "target/session.h"

/* A Text Request, in its turn. */
void exchange_request(struct session *session, const struct pdu *pdu);

void exchange_free(struct exchange *exchange); /* takes NULL */

#endif
