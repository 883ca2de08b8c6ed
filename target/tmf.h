/*
 * tmf.h - task management (RFC 7143 11.5, 11.6).
 *
 * A function that ends tasks becomes a sweep on every worker that may have some: it aborts what matches and waits
 * until the last of them is gone. When all sweeps are through, the response is sent. Sweeps on other workers are calls
 * there and back.
 */
#ifndef BRAID_TMF_H
#define BRAID_TMF_H

#include "target/session.h"

/* A Task Management Request, in its turn. */
void tmf_request(struct session *session, const struct pdu *pdu);

/* An aborted task of this worker is gone. */
void tmf_task_gone(struct worker *worker);

#endif
