/*
 * sim_lu.h - a logical unit of a simulated array: what it says of itself, and its blocks in memory.
 */
#ifndef BRAID_SIM_LU_H
#define BRAID_SIM_LU_H

#include "gateway/base/list.h"
#include "target/scsi_cmd.h"
#include "tests/simulation/sim_reservation.h"

#include <stdbool.h>

#define SIM_BLOCK 512

struct sim_lu {
	struct list link; /* sim_array.lus */
	uint16_t lun;
	char vendor[9], product[17], revision[5];
	char serial[64]; /* "": page 80h is refused */
	uint8_t naa[16]; /* naa[0] 0: page 83h is refused */
	unsigned tpgs; /* as in standard inquiry data; not 0: see sim_port.h */
	struct sim_reservations reservations;
	uint64_t blocks;
	uint32_t block_size; /* as told; the medium has blocks of SIM_BLOCK */
	uint8_t *medium;
	uint64_t writes; /* carried out */
	struct list overrides;
};

struct sim_answer {
	uint8_t status, sense_len;
	uint8_t sense[18];
	uint32_t transfer; /* bytes that the CDB asks to move */
};

struct sim_lu *sim_lu_create(uint16_t lun, uint64_t number, uint64_t blocks);
void sim_lu_destroy(struct sim_lu *lu);

/* Another identity (its NAA designator and serial number are made of number). */
void sim_lu_identity(struct sim_lu *lu, uint64_t number);
void sim_lu_resize(struct sim_lu *lu, uint64_t blocks);

/* Whatever it would say: these bytes answer the command with that opcode (and, of INQUIRY, VPD page; -1: standard
 * data). bytes NULL: as before. */
void sim_lu_override(struct sim_lu *lu, uint8_t opcode, int page, const uint8_t *bytes, uint32_t len);
bool sim_lu_overrides(const struct sim_lu *lu, const uint8_t *cdb);

/* Carries a command out. data has len bytes: those of the host, or room for those of the answer, zeroed. */
void sim_lu_execute(struct sim_lu *lu, const uint8_t *cdb, uint8_t *data, uint32_t len, struct sim_answer *answer);

/* The first 8 bytes of a block, as a number. */
uint64_t sim_lu_stamp(const struct sim_lu *lu, uint64_t lba);

void sim_answer_sense(struct sim_answer *answer, uint8_t key, uint16_t asc);
/* bytes of an answer into data, as far as they go */
void sim_answer_bytes(struct sim_answer *answer, uint8_t *data, uint32_t len, const uint8_t *bytes, uint32_t count);

#endif
