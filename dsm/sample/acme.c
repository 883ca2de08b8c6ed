/*
 * acme.c - a sample module: what a vendor writes for an array of its own. It stands outside Braid's sources and uses
 * nothing of them but the installed <braid/dsm.h>.
 *
 * The ACME ARRAY 3000 has two controllers, each of which serves every disk. It is an ordinary SPC-4 array, but for
 * three habits, and those are all that this module has to know:
 *
 * - while its write cache is mirrored to a new controller it answers 02/04/80: a moment later it works, on that path;
 * - a controller that is about to be serviced answers 06/8F/01: everything goes to the other controller;
 * - it stripes its disks over the controllers, STRIPE bytes each in turn: who sends a command to the controller that
 *   has the stripe saves it a way inside the array. This is its own policy.
 */
#include <braid/dsm.h>

#include <errno.h>
#include <stdatomic.h>

#define CHECK_CONDITION 0x02
#define KEY_NOT_READY 0x2
#define KEY_UNIT_ATTENTION 0x6
#define STRIPE (UINT64_C(1) << 20)

/* ---- which devices ----------------------------------------------------------------------------------------------- */

static const struct dsm_hardware hardware[] = {
	{ "ACME", "ARRAY 3000" },
	{ "ACME", "ARRAY 3100" },
};

/* Firmware 1 stripes otherwise: the generic module is better for it. */
static bool match(const struct dsm_inquiry *inquiry)
{
	return inquiry->revision[0] != '1';
}

/* ---- a device ---------------------------------------------------------------------------------------------------- */

/* Zeroed by the gateway. Workers share it, so it is atomic. */
struct acme_device {
	_Atomic unsigned mirrorings; /* seen in a debugger; a real module would keep what it needs for interpret */
};

static int attach(void *ctx, const struct dsm_inquiry *inquiry, struct dsm_traits *traits)
{
	(void)ctx;
	if (inquiry->vpd83_len == 0)
		return -ENODEV; /* no identifier: not one of ours after all */
	traits->policy = "vendor";
	traits->hold_s = 60; /* a restart of both controllers takes no longer */
	traits->settle_s = 15;
	return 0;
}

/* ---- what an error means ----------------------------------------------------------------------------------------- */

static bool is_sense(const struct dsm_result *result, uint8_t key, uint8_t asc, uint8_t ascq)
{
	return result->status == CHECK_CONDITION && result->has_sense && result->sense_key == key &&
	       result->asc == asc && result->ascq == ascq;
}

static struct dsm_verdict interpret(void *ctx, const struct dsm_path *path, const struct dsm_result *result)
{
	struct acme_device *device = ctx;

	(void)path;
	if (is_sense(result, KEY_NOT_READY, 0x04, 0x80)) {
		atomic_fetch_add_explicit(&device->mirrorings, 1, memory_order_relaxed);
		return (struct dsm_verdict){ DSM_RETRY_SAME, DSM_PATH_KEEP, DSM_DELAYED };
	}
	if (is_sense(result, KEY_UNIT_ATTENTION, 0x8f, 0x01))
		return (struct dsm_verdict){ DSM_RETRY_GROUP, DSM_PATH_PASSIVE, DSM_DELAYED };
	return (struct dsm_verdict){ .next = DSM_GENERIC };
}

/* ---- its own policy ---------------------------------------------------------------------------------------------- */

static struct policy_path *by_stripe(void *ctx, void *shared, const struct path_set *usable, const struct policy_io *io)
{
	uint64_t block_size = io->blocks ? io->bytes / io->blocks : 512;

	(void)ctx;
	(void)shared;
	return usable->path[io->lba * block_size / STRIPE % usable->count];
}

static const struct policy_ops policy = {
	.name = "acme-stripe",
	.summary = "the path to the controller that has the stripe",
	.select = by_stripe,
};

/* ---- the module -------------------------------------------------------------------------------------------------- */

const struct dsm_ops braid_dsm = {
	.abi = DSM_ABI,
	.size = sizeof(struct dsm_ops),
	.name = "acme",
	.summary = "ACME ARRAY 3000 and 3100",
	.version = "1.0",
	.hardware = hardware,
	.hardware_count = sizeof(hardware) / sizeof(hardware[0]),
	.match = match,
	.ctx_bytes = sizeof(struct acme_device),
	.attach = attach,
	.interpret = interpret,
	.policy = &policy,
};
