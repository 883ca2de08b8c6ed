/*
 * device_core.h - what all workers and the control loop share of one claimed device.
 *
 * Constant but for figures and atomics. Created and destroyed by the control loop, which outlives every worker's disk
 * made from it.
 */
#ifndef BRAID_DEVICE_CORE_H
#define BRAID_DEVICE_CORE_H

#include "gateway/engine/figures.h"
#include "gateway/engine/lu_reset.h"
#include "gateway/engine/news.h"
#include "gateway/engine/path.h"
#include "gateway/engine/throttle.h"
#include "gateway/identity.h"

/* A policy in force and its settings; each disk that uses it holds a reference. Constant once published. */
struct policy_setup {
	_Atomic unsigned references;
	const struct policy_ops *ops;
	void *shared; /* policy_ops.shared_bytes, all workers'; of `origin` if there is one */
	struct policy_setup *origin; /* the first setup with this policy */
	bool scattered; /* as in policy_io */
	bool by_hand; /* the administrator gave the paths their roles */
	unsigned times_set; /* how often the administrator has set it at the device: what was lost is then preferred
			       anew */
	uint32_t failback_s; /* until a preferred path that is back is preferred again; CONTROL_FAILBACK_MANUAL */
	struct {
		enum policy_role role;
		uint32_t weight;
		bool preferred;
	} paths[DSM_PATHS_MAX]; /* by index */
};

/* One reference; all paths active, weight 0. With the same policy before, what it has learned is shared with it. */
struct policy_setup *policy_setup_create(const struct policy_ops *ops, struct policy_setup *before);
struct policy_setup *policy_setup_get(struct policy_setup *setup);
void policy_setup_put(struct policy_setup *setup); /* takes NULL */

struct device_core {
	char id[IDENTITY_TEXT_MAX];
	/* Constant from before the first path is up: see registry.c. */
	const struct dsm_ops *dsm;
	void *dsm_ctx;
	struct dsm_traits dsm_traits;
	_Atomic uint32_t transition_s; /* the array's own limit for an ALUA transition (SPC-4 6.37); 0: it tells none */
	unsigned tpgs; /* of its standard inquiry data */

	const char *target_iqn; /* for designators */
	uint32_t block_size; /* bytes */
	uint32_t transfer_blocks; /* the most that one command may move */
	struct figure_cell *cells; /* one a worker */
	_Atomic unsigned *held; /* commands waiting for a path, one a worker */
	_Atomic unsigned *fenced; /* commands behind a fence, one a worker */
	_Atomic unsigned *throttled; /* commands that the throttle keeps back, one a worker */
	struct throttle_bucket throttle;
	struct news news;
	struct lu_resets resets;
	struct host_reservations *reservations; /* of the hosts */
};

/* The longest that a failover inside the array takes, by its module or by its own word; 0: unknown. Any thread. */
uint32_t device_core_settle_s(const struct device_core *core);

#endif
