/*
 * pseudo_lun.h - claimed devices as logical units of the target (row D9): between scsi_cmd and io.
 *
 * Every command goes to the array that the hosts' reservations permit (host_reservation.h), but for those that belong
 * to a nexus there (command.h: COMMAND_REFUSE); INQUIRY answers are rewritten on their way back. Worker threads.
 */
#ifndef BRAID_PSEUDO_LUN_H
#define BRAID_PSEUDO_LUN_H

#include "target/target.h"

struct worker;

/* What the target's user pointer is. Constant while the target lives. */
struct pseudo_luns {
	struct worker **workers;
	const char *iqn;
	size_t transfer_bytes; /* target_limits.transfer_bytes */
};

/* find_lu, list_luns and cmd_ctx_bytes; the event member is for the owner to fill in. */
extern const struct target_ops pseudo_lun_ops;
extern const struct lu_ops pseudo_lun_lu_ops;

#endif
