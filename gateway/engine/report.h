/*
 * report.h - what the gateway's target says of itself where an array would speak of its own: its port group, its task
 * management functions, and the commands that the gateway takes over from the array or refuses.
 *
 * REPORT TARGET PORT GROUPS and REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS are answered whole. REPORT SUPPORTED
 * OPERATION CODES is the array's answer, in which the gateway's own commands are put right. Pure functions. Any thread.
 */
#ifndef BRAID_REPORT_H
#define BRAID_REPORT_H

#include "target/scsi_cmd.h"

#define REPORT_BUFFER_MIN 4096 /* for the list of all commands */

/* Answers cmd, if it is one of those that need no array: true. tpgt: of the portal through which it came. */
bool report_answer(struct scsi_cmd *cmd, uint16_t tpgt);

/* Is it REPORT SUPPORTED OPERATION CODES for all commands? Then array_cdb asks for a list of *alloc bytes. */
bool report_wants_list(const struct scsi_cmd *cmd, uint8_t array_cdb[SCSI_CDB_MAX], uint32_t *alloc);

/* Puts the array's list of `len` bytes right, in place (REPORT_BUFFER_MIN bytes); returns its new length, before the
 * cut at the host's allocation length. */
size_t report_list(const uint8_t *host_cdb, uint8_t *data, size_t len);

#endif
