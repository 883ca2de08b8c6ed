/*
 * call.h - calls into a module, with what holds for any array where the module has nothing of its own, and with its
 * answers brought into range: a module cannot make the gateway do what is not in the contract. Any thread.
 */
#ifndef BRAID_CALL_H
#define BRAID_CALL_H

#include "dsm/dsm.h"

/* Status and sense bytes, in fixed or descriptor format and of any length, into `result` (data apart). */
void call_decode(uint8_t status, const uint8_t *sense, size_t sense_len, struct dsm_result *result);

struct dsm_verdict call_interpret(const struct dsm_ops *ops, void *ctx, const struct dsm_path *path,
				  const struct dsm_result *result);

/* The command that verifies this path, and what its answer says; never DSM_HEALTH_DEFAULT. */
void call_verify(const struct dsm_ops *ops, const struct dsm_path *path, struct dsm_command *command);
enum dsm_health call_judge(const struct dsm_ops *ops, void *ctx, const struct dsm_path *path,
			   const struct dsm_result *result);

#define CALL_STEPS_MAX 16

/* As dsm_ops.activate. */
enum dsm_step call_activate(const struct dsm_ops *ops, void *ctx, const struct dsm_path *path, unsigned step,
			    const struct dsm_result *previous, struct dsm_command *command);

#endif
