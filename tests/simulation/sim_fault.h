/*
 * sim_fault.h - what goes wrong with a command at a simulated array.
 */
#ifndef BRAID_SIM_FAULT_H
#define BRAID_SIM_FAULT_H

#include "gateway/base/list.h"

#include <stdint.h>

#define SIM_ANY (-1)

enum sim_fault_kind {
	SIM_FAULT_STATUS, /* it is not carried out and ends with `status` */
	SIM_FAULT_SENSE, /* it is not carried out and ends with CHECK CONDITION, `key`, `asc` */
	SIM_FAULT_REJECT, /* it is not carried out and ends with an iSCSI Reject */
	SIM_FAULT_HANG, /* it stays inside until it is released, and is carried out then */
	SIM_FAULT_MUTE, /* it is carried out, but its answer is lost */
	SIM_FAULT_RESET, /* it is carried out, and instead of an answer the connection is reset */
};

struct sim_fault {
	struct list link;
	enum sim_fault_kind kind;
	int portal, lun, opcode; /* index, number, byte; SIM_ANY */
	unsigned count; /* of commands that it still meets */
	unsigned hits;
	uint8_t status, key;
	uint16_t asc;
};

#endif
