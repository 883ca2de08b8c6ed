/*
 * host_scope.h - which LUNs a host sees, under which numbers, and which of them it may only read.
 *
 * Written as "all", or as items: "0", "4-7", "0=12" (the host's LUN 0 is the gateway's 12), each, and "all" too, with
 * ":ro" behind it for read-only; separated by commas. Pure; constant once it is made. Any thread.
 */
#ifndef BRAID_HOST_SCOPE_H
#define BRAID_HOST_SCOPE_H

#include "target/target.h"

#define HOST_SCOPE_NONE 0xffff

struct host_scope {
	bool all; /* every LUN under its own number */
	uint16_t lun[TARGET_LUNS_MAX]; /* by the host's number: the gateway's, or HOST_SCOPE_NONE */
	uint64_t read_only[TARGET_LUNS_MAX / 64]; /* bit by the gateway's number */
};

/* NULL; or what is wrong, as the end of a sentence that begins with the option. */
const char *host_scope_parse(struct host_scope *scope, const char *text);

/* The gateway's number for the host's, or HOST_SCOPE_NONE. scope NULL: all. */
static inline uint16_t host_scope_lun(const struct host_scope *scope, uint16_t number)
{
	return !scope || scope->all ? number : scope->lun[number];
}

static inline bool host_scope_read_only(const struct host_scope *scope, uint16_t lun)
{
	return scope && scope->read_only[lun / 64] >> (lun % 64) & 1;
}

#endif
