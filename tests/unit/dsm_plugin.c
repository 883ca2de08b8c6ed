/*
 * A module in a shared object, sound or wrong in one way, by the macro VARIANT_...: what test_dsm_table.c loads and
 * what braid-dsm-check has to find.
 */
#include "dsm/dsm.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#ifndef VARIANT_NO_MATCH
static const struct dsm_hardware hardware[] = { { "BRAID", "" } };
#endif

struct device {
	_Atomic int *memory;
};

static int attach(void *ctx, const struct dsm_inquiry *inquiry, struct dsm_traits *traits)
{
	struct device *device = ctx;

	(void)inquiry;
#ifdef VARIANT_REFUSES
	(void)device;
	(void)traits;
	return -ENODEV;
#else
	device->memory = calloc(1, sizeof(*device->memory));
	traits->policy = "weighted-paths";
	return device->memory ? 0 : -ENOMEM;
#endif
}

static void detach(void *ctx)
{
	struct device *device = ctx;

	free(device->memory);
}

static struct dsm_verdict interpret(void *ctx, const struct dsm_path *path, const struct dsm_result *result)
{
	struct device *device = ctx;

	(void)path;
	atomic_fetch_add_explicit(device->memory, 1, memory_order_relaxed);
#ifdef VARIANT_WRONG_ROW
	if (result->status == 0x18) /* a reservation conflict is the host's business */
		return (struct dsm_verdict){ DSM_RETRY_OTHER, DSM_PATH_FAILED, DSM_COUNTED };
#endif
#ifdef VARIANT_READS_BEYOND
	if (result->sense && result->sense[17] == 1)
		return (struct dsm_verdict){ .next = DSM_RETURN };
#endif
	if (result->has_sense && result->sense_key == 0x9) /* vendor-specific: this array means "once more" */
		return (struct dsm_verdict){ DSM_RETRY_SAME, DSM_PATH_KEEP, DSM_COUNTED };
	return (struct dsm_verdict){ .next = DSM_GENERIC };
}

static struct policy_path *select_last(void *ctx, void *shared, const struct path_set *usable,
				       const struct policy_io *io)
{
	(void)ctx;
	(void)shared;
	(void)io;
	return usable->path[usable->count - 1];
}

static const struct policy_ops policy = { .name = "last", .summary = "the last usable path", .select = select_last };

#ifndef VARIANT_NAME
#define VARIANT_NAME "simulated"
#endif
#ifndef VARIANT_ABI
#define VARIANT_ABI DSM_ABI
#endif
#ifndef VARIANT_SIZE
#define VARIANT_SIZE sizeof(struct dsm_ops)
#endif
#ifndef VARIANT_SYMBOL
#define VARIANT_SYMBOL "braid_dsm"
#endif
#ifndef VARIANT_UNKNOWN
#define VARIANT_UNKNOWN NULL
#endif

/* As a module of a later version of the contract would be: the size says whether `unknown` belongs to it. */
struct later_ops {
	struct dsm_ops ops;
	const void *unknown;
};

extern const struct later_ops module __asm__(VARIANT_SYMBOL);
const struct later_ops module = {
	.ops = {
		.abi = VARIANT_ABI,
		.size = VARIANT_SIZE,
		.name = VARIANT_NAME,
		.summary = "arrays of the simulation",
		.version = "3",
#ifndef VARIANT_NO_MATCH
		.hardware = hardware,
		.hardware_count = 1,
#endif
		.ctx_bytes = sizeof(struct device),
		.attach = attach,
		.detach = detach,
		.interpret = interpret,
		.policy = &policy,
	},
	.unknown = VARIANT_UNKNOWN,
};
