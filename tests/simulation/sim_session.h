/*
 * sim_session.h - a session at a simulated array, and the commands on their way through it.
 *
 * A command travels, works (or hangs), and its answer travels back. Behind a black hole it stands still where it is.
 * When the initiator has gone the session lingers: what had been sent still arrives and is carried out, until the
 * session is reinstated or its time is over.
 */
#ifndef BRAID_SIM_SESSION_H
#define BRAID_SIM_SESSION_H

#include "gateway/engine/initiator.h"
#include "tests/simulation/sim_array.h"

#define SIM_ATTENTIONS_MAX 64

struct sim_session {
	struct list link; /* sim_array.sessions */
	struct sim_array *array;
	struct sim_portal *portal;
	char initiator_name[224];
	uint8_t isid[6];
	struct initiator *initiator; /* NULL: its connection is gone */
	struct list tasks; /* struct sim_task */
	struct timer expiry;
	struct {
		uint16_t lun, asc;
	} attentions[SIM_ATTENTIONS_MAX];
	unsigned attention_count;
};

/* A login: the session that held this name and ISID in the portal's group is over. */
struct sim_session *sim_session_login(struct sim_portal *portal, const char *initiator_name, const uint8_t isid[6],
				      struct initiator *initiator);
void sim_session_destroy(struct sim_session *session); /* with its commands */

/* The connection is gone, whoever ended it. */
void sim_session_lost(struct sim_session *session);

/* A command is put on the wire. Its write data is taken along; xfer is answered unless the connection goes first. */
void sim_session_submit(struct sim_session *session, struct xfer *xfer, uint64_t tag);

/* ABORT TASK of the command with that tag. */
void sim_session_abort_task(struct sim_session *session, uint64_t tag);

/* LOGICAL UNIT RESET. */
void sim_session_reset_lu(struct sim_session *session, uint16_t lun);

void sim_session_attention(struct sim_session *session, uint16_t lun, uint16_t asc);
unsigned sim_session_release(struct sim_session *session); /* hung commands go on; how many */
unsigned sim_session_abort(struct sim_session *session, uint16_t lun); /* commands that have arrived; how many */
void sim_session_resume(struct sim_session *session); /* the black hole is gone */

#endif
