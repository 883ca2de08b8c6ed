/*
 * conn.h - one TCP connection: PDUs in, PDUs out.
 *
 * Receive: bytes go through a 64 KiB buffer; a data segment for which the owner names a place is read straight into
 * it. At most CONN_TURN_PDUS are handed to the owner in a turn, the rest in the next one.
 *
 * Send: the queue holds sources (struct tx), not PDUs. At the end of a turn sources are asked for PDUs as long as
 * there are slots, and all of them leave in one sendmsg(). Write readiness is waited for only after EAGAIN. What a
 * source sends must stay where it is until the source is idle.
 *
 * A connection belongs to one loop at a time. conn_detach() and conn_attach() move it, with what it has received and
 * has not sent, to another one. Failure is always deferred: conn_fail() and conn_finish() return, and ops->closed is
 * called at the end of the turn; the owner then destroys the connection.
 */
#ifndef BRAID_CONN_H
#define BRAID_CONN_H

#include "gateway/base/loop.h"
#include "target/pdu.h"

#define CONN_RX_BYTES 65536
#define CONN_INLINE_MAX 16384 /* longer data segments without a place are dropped */
#define CONN_SLOTS 64
#define CONN_TURN_PDUS 20
#define CONN_TURN_BYTES (1u << 20)
#define CONN_QUEUE_BYTES 262144 /* queued by conn_send(): beyond this the connection is not read */

struct conn;

/* A received PDU; valid during the call that hands it over. */
struct pdu {
	uint8_t bhs[BHS_LEN];
	uint16_t ahs_len;
	uint32_t data_len;
	const uint8_t *data; /* NULL when there is none, or when it was dropped */
	bool digest_error; /* of the data segment */
};

/* A PDU to send. The source fills in bhs (zeroed) and data; lengths, padding and digests are the connection's. */
struct tx_slot {
	uint8_t bhs[BHS_LEN + PDU_DIGEST_LEN];
	uint8_t tail[4 + PDU_DIGEST_LEN]; /* padding, data digest */
	const uint8_t *data;
	uint32_t data_len;
	struct tx *tx;
};

enum tx_more { TX_LAST, TX_MORE };

/* A source of PDUs. */
struct tx {
	struct list link;
	unsigned slots; /* PDUs on their way */
	/* Fills in one PDU. TX_LAST takes the source off the queue. */
	enum tx_more (*next)(struct tx *tx, struct tx_slot *slot);
	/* Off the queue, and nothing of it on its way any more: sent, or the connection is gone. */
	void (*idle)(struct tx *tx);
};

struct conn_ops {
	/* A header is complete: where shall its data_len bytes go? NULL: into the receive buffer. */
	uint8_t *(*header)(void *owner, const struct pdu *pdu);
	void (*received)(void *owner, const struct pdu *pdu);
	/* The sequence numbers of a PDU that is about to go. */
	void (*stamp)(void *owner, uint8_t *bhs);
	void (*closed)(void *owner, const char *reason);
};

struct conn *conn_create(int fd); /* takes the descriptor */
void conn_destroy(struct conn *conn); /* takes NULL; closes; every queued source becomes idle */

void conn_attach(struct conn *conn, struct loop *loop, const struct conn_ops *ops, void *owner);
void conn_detach(struct conn *conn);

/* The longest data segment that is accepted; more ends the connection. */
void conn_set_limit(struct conn *conn, uint32_t max_data_len);
/* From the next PDU received on, and for everything sent but login responses. */
void conn_set_digests(struct conn *conn, bool header, bool data);

/* Stops handing over PDUs until conn_resume(). */
void conn_pause(struct conn *conn);
void conn_resume(struct conn *conn);

/* Neither reads nor sends, and says so to nobody, until it is told otherwise: a port that has fallen silent. */
void conn_silence(struct conn *conn, bool silent);

void tx_init(struct tx *tx, enum tx_more (*next)(struct tx *, struct tx_slot *), void (*idle)(struct tx *));
/* Puts a source at the end of the queue; on it already: no effect. */
void conn_queue(struct conn *conn, struct tx *tx);

/* Queues a copy of one PDU: header and data. */
void conn_send(struct conn *conn, const uint8_t *bhs, const void *data, size_t len);

/* reason: a constant string. The first one counts. */
void conn_fail(struct conn *conn, const char *reason); /* now */
void conn_finish(struct conn *conn, const char *reason); /* when all that is queued has been sent */

bool conn_sending(const struct conn *conn);
uint64_t conn_sent_bytes(const struct conn *conn); /* since it was created */
uint64_t conn_received_bytes(const struct conn *conn);

#endif
