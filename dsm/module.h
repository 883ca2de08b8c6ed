/*
 * module.h - the modules: those of this build by name, and those in shared objects. The gateway's side of dsm.h.
 *
 * A module is only used after module_check has found it sound, and through a copy of its ops that is as long as this
 * build's: what an older module does not have is NULL there. Any thread.
 */
#ifndef BRAID_MODULE_H
#define BRAID_MODULE_H

#include "dsm/dsm.h"

extern const struct dsm_ops dsm_generic, dsm_families, dsm_active_passive;

/* Those of this build, generic last. */
#define MODULE_BUILTINS 3
extern const struct dsm_ops *const module_builtins[MODULE_BUILTINS];

#define MODULE_REASON_MAX 200

/* Whether ops keep the contract, as far as can be seen without calling them. Copies them. False with the reason, a
 * clause as "it is made for ABI 3, this gateway has 1". */
bool module_check(const struct dsm_ops *ops, struct dsm_ops *copy, char reason[MODULE_REASON_MAX]);

/* Loads a shared object: an absolute path of a regular file that belongs to root or to this user, and that nobody else
 * may write, nor the folder it is in. *handle is for module_close, after the last use of ops. */
bool module_open(const char *file, void **handle, struct dsm_ops *ops, char reason[MODULE_REASON_MAX]);
void module_close(void *handle); /* takes NULL */

/* Whether the module is for that device: its hardware list, then its match. */
bool module_matches(const struct dsm_ops *ops, const struct dsm_inquiry *inquiry);

#endif
