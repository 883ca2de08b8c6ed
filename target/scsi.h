/*
 * scsi.h - what the target itself answers: REPORT LUNS, unit attentions, absent logical units (SPC-4, SAM-5).
 * Everything else goes to the logical unit. Worker thread.
 */
#ifndef BRAID_SCSI_H
#define BRAID_SCSI_H

#include "target/session.h"

/* The eight bytes of a LUN field (SAM-5 4.7); SCSI_LUN_NONE: no such LUN can exist. */
uint16_t scsi_lun_decode(const uint8_t *lun);
/* The owner's number for the one that the host uses. */
uint16_t scsi_lun_resolve(const struct session *session, uint16_t number);
void scsi_lun_encode(uint8_t *lun, uint16_t number);

/* Executes cmd: answers it, or submits it to its logical unit, which is returned (NULL: answered). */
struct lu *scsi_route(struct session *session, struct scsi_cmd *cmd);

#endif
