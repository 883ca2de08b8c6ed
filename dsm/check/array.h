/*
 * array.h - a simulated array with two controllers, as a module's own commands see it: TEST UNIT READY, REPORT and SET
 * TARGET PORT GROUPS, and, without ALUA, ownership in the RDAC way (VPD page C9h, mode page 2Ch).
 */
#ifndef BRAID_CHECK_ARRAY_H
#define BRAID_CHECK_ARRAY_H

#include "dsm/dsm.h"

struct array {
	unsigned tpgs; /* as in the inquiry data; 0: RDAC */
	unsigned owner; /* the controller that serves the device, 0 or 1 */
	uint16_t attentions[DSM_PATHS_MAX][4]; /* ASC and ASCQ, told once each, in this order; 0: none */
	uint8_t status; /* of every command, if not 0 */
	bool short_pages_only; /* RDAC: knows MODE SELECT(6) only */
	unsigned unknown; /* commands that it does not know */
};

struct array_answer {
	uint8_t status;
	uint8_t sense[18];
	uint8_t data[DSM_DATA_MAX];
	size_t data_len;
};

void array_execute(struct array *array, const struct dsm_path *path, const struct dsm_command *command,
		   struct array_answer *answer);

/* The controller behind a path. */
unsigned array_controller(const struct dsm_path *path);

#endif
