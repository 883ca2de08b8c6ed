/*
 * inventory.h - what a probe found behind a link: the logical units and what identifies them.
 *
 * Made on a worker, handed to the control loop, which owns it then.
 */
#ifndef BRAID_INVENTORY_H
#define BRAID_INVENTORY_H

#include "gateway/identity.h"

#define INVENTORY_LUNS_MAX 1024
#define LU_STANDARD_MAX 96
#define LU_VPD83_MAX 1024

struct lu_info {
	uint16_t lun;
	uint8_t standard[LU_STANDARD_MAX]; /* standard inquiry data */
	unsigned standard_len;
	uint8_t vpd83[LU_VPD83_MAX]; /* page 83h, as far as it was read */
	unsigned vpd83_len; /* 0: there is none */
	char vendor[9], product[17], revision[5]; /* trimmed of padding */
	char serial[64];
	unsigned tpgs;
	uint16_t port_group; /* of the array's port; 0: it does not say */
	struct identity identity; /* IDENTITY_NONE: see problem */
	uint64_t blocks;
	uint32_t block_size; /* 0: no capacity could be read */
	bool is_passive; /* its port does not tell the capacity in its present access state */
	const char *problem; /* why it cannot be claimed; NULL */
};

struct inventory {
	struct lu_info *lus; /* disks only (peripheral device type 0), by ascending LUN */
	unsigned count;
	bool incomplete; /* something was not ready to answer: worth another probe before long */
};

struct inventory *inventory_create(void);
void inventory_destroy(struct inventory *inventory); /* takes NULL */

/* A zeroed entry at the end; valid until the next call. */
struct lu_info *inventory_add(struct inventory *inventory);

#endif
