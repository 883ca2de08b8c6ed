/*
 * reservation_out.h - one PERSISTENT RESERVE OUT under way, shared by reservation_out.c and reservation_register.c
 * only.
 */
#ifndef BRAID_RESERVATION_OUT_H
#define BRAID_RESERVATION_OUT_H

#include "target/reservation_unit.h"

/* The parameter list: what all have, the basic form (6.16.3), REGISTER AND MOVE (6.16.4) */
enum {
	LIST_KEY = 0,
	LIST_ACTION_KEY = 8,
	LIST_BASIC_FLAGS = 20,
	LIST_BASIC_END = 24,
	LIST_IDS_LEN = 24,
	LIST_IDS = 28,
	LIST_MOVE_FLAGS = 17,
	LIST_MOVE_PORT = 18,
	LIST_MOVE_ID_LEN = 20,
	LIST_MOVE_ID = 24,
	LIST_MAX = 64 << 10, /* ours: some hundred TransportIDs */

	FLAG_APTPL = 0x01, /* at the same place in both forms */
	FLAG_UNREG = 0x02,
	FLAG_ALL_TG_PT = 0x04,
	FLAG_SPEC_I_PT = 0x08,
};

/* One command */
struct reservation_out {
	struct reservations *reservations;
	struct scsi_cmd *cmd;
	const struct reservation_action *action;
	struct reservation_nexus self;
	struct registration *own; /* the sender's; NULL: not registered */
	const uint8_t *list;
	size_t len;
	uint64_t key, action_key;
	uint8_t flags;
	unsigned scope, type;

	bool changed;
	struct list gone; /* the registrations that it removed */
	bool abort_self;
};

struct reservation_action {
	void (*run)(struct reservation_out *out);
	uint8_t traits;
};

enum {
	KEYED = 1 << 0, /* only for a registered nexus that names its key */
	IGNORES = 1 << 1, /* the key, whether registered or not */
	SPECIFIES = 1 << 2, /* SPEC_I_PT is allowed */
	MOVES = 1 << 3, /* has the other parameter list */
	PERSISTS = 1 << 4, /* APTPL is valid */
	ABORTS = 1 << 5,
};

/* ILLEGAL REQUEST with that additional sense code */
void reservation_out_refuse(struct reservation_out *out, scsi_asc asc);
/* What the action changed is in force. Before its unit attentions. */
void reservation_out_commit(struct reservation_out *out);
/* A unit attention for each of these but the sender */
void reservation_out_attention(struct reservation_out *out, const struct list *registrations, scsi_asc asc);

/* Service actions, with the parameter list and the key checked */
void reservation_register(struct reservation_out *out);
void reservation_move(struct reservation_out *out);

#endif
