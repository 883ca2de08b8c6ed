/*
 * sim_reservation.h - persistent reservations at a simulated array, as far as a gateway needs them for its fence
 * (SPC-4 5.13): REGISTER AND IGNORE, RESERVE, PREEMPT AND ABORT, READ KEYS, READ RESERVATION.
 *
 * Registrations belong to I_T nexuses and outlive their sessions. What an array can lack is a member each.
 */
#ifndef BRAID_SIM_RESERVATION_H
#define BRAID_SIM_RESERVATION_H

#include "target/scsi_cmd.h"

#include <stdbool.h>

#define SIM_KEYS_MAX 1100
#define SIM_WRITE_EXCLUSIVE_REGISTRANTS_ONLY 0x5

struct sim_answer;
struct sim_lu;
struct sim_session;

struct sim_key {
	char initiator_name[224];
	uint8_t isid[6];
	uint16_t tpgt;
	uint64_t key;
};

struct sim_reservations {
	bool enabled; /* else the commands are unknown: 20/00 */
	bool no_preempt_and_abort; /* 24/00 */
	bool unshared; /* a controller (portal group) knows only what came over its own portals */
	struct sim_key keys[SIM_KEYS_MAX];
	unsigned count;
	int holder; /* index of its key; -1: nothing is reserved */
	uint8_t type;
	uint32_t generation;
	unsigned conflicts, preempted, aborted; /* commands refused; keys taken away; commands ended with them */
};

void sim_reservation_init(struct sim_lu *lu);

/* A registration of nobody here, which reserves; type 0: it only registers. */
void sim_reservation_foreign(struct sim_lu *lu, uint64_t key, uint8_t type);

/* Every registration and the reservation are gone, without a word. */
void sim_reservation_forget(struct sim_lu *lu);

/* Takes the key of that session away, without a word. Whether it had one. */
bool sim_reservation_take(struct sim_lu *lu, const struct sim_session *session);
bool sim_reservation_has(const struct sim_lu *lu, const struct sim_session *session);

/* Whether the command is one of this file's, or meets a conflict: it is answered then. */
bool sim_reservation_answers(struct sim_session *session, struct sim_lu *lu, const uint8_t *cdb, uint8_t *data,
			     uint32_t len, struct sim_answer *answer);

#endif
