/*
 * peek.h - a look at the PDU that waits in a socket, before libiscsi takes it.
 *
 * libiscsi finds the command of a Data-In or an R2T by its tag alone: one that carries the tag of a Login or a Text
 * Request ends the process. While such a request is out, each PDU is looked at first. That suffices because libiscsi
 * takes one PDU a call before it is logged in, and on a discovery session as long as nothing follows.
 */
#ifndef BRAID_PEEK_H
#define BRAID_PEEK_H

#include <stdint.h>

#define PEEK_DATA_MAX 262144 /* what libiscsi takes at most; it refuses the rest by itself */

enum peek {
	PEEK_WAIT, /* not all of it is here yet; the socket becomes readable when it is */
	PEEK_TAKE, /* it is the one PDU that was asked for, or the connection has ended */
	PEEK_WRONG, /* it is another one, or something follows that nobody has asked for */
};

/* On a connected TCP socket from whose stream whole PDUs have been read so far. */
enum peek peek_pdu(int fd, uint8_t opcode);

#endif
