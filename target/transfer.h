/*
 * transfer.h - a task's data: unsolicited and solicited Data-Out, R2T, Data-In and the response (RFC 7143 4.2.5.2,
 * 11.7, 11.8, 11.4). Worker thread.
 *
 * DataPDUInOrder and DataSequenceInOrder are always Yes, so write data arrives in the order of its offsets, and
 * `received` bytes are the first ones.
 */
#ifndef BRAID_TRANSFER_H
#define BRAID_TRANSFER_H

#include "target/task.h"

/* A Data-Out's header: the place of its data. Sets session->rx_task, or leaves it NULL: it is dropped. */
uint8_t *transfer_header(struct session *session, const struct pdu *pdu);
/* The whole PDU is in. */
void transfer_received(struct session *session, const struct pdu *pdu);

/* R2Ts that may be sent now. */
bool transfer_wants_r2t(const struct task *task);

/* Starts TASK_SENDING. */
void transfer_respond(struct task *task);

/* tx.next of a task. */
enum tx_more transfer_next(struct tx *tx, struct tx_slot *slot);

#endif
