/*
 * gateway.h - the object graph: configuration, workers, backends, devices, claims, journal, target. Control loop.
 *
 * gateway.c builds it, starts it, takes the workers' reports and ends it; the nouns around it (backend.c, registry.c,
 * policy.c, persist.c, control.c) each look after their own part of it.
 *
 * Life: gateway_create -> gateway_start -> ... -> gateway_stop -> stopped() -> (loops joined) -> gateway_destroy.
 */
#ifndef BRAID_GATEWAY_H
#define BRAID_GATEWAY_H

#include "gateway/claim.h"
#include "gateway/config/config.h"
#include "gateway/control.h"
#include "gateway/device.h"
#include "gateway/engine/pseudo_lun.h"
#include "gateway/engine/worker.h"
#include "gateway/journal.h"

struct gateway {
	const struct config *config; /* as started with */
	const struct config *live; /* what is reloadable: as reloaded last; what the API has set comes before */
	struct loop *control;
	struct worker **workers;
	unsigned worker_count;
	const struct initiator_ops *transport;
	struct target *target;
	struct pseudo_luns luns;
	struct target_ops target_ops;

	struct journal *journal;
	struct dsm_table *dsms;
	struct host_table *hosts;
	struct list backends; /* struct backend */
	json_t *kept_backends; /* those that the API added: name and element of "backends"; see backends.h */
	struct list devices; /* struct device */
	struct list claims; /* struct claim */
	struct list recalls; /* struct recall: questions that the workers are answering */
	uint64_t questions; /* asked of the workers so far */
	struct rehearsal *rehearsal; /* the latest; NULL: none */
	struct list levels; /* struct level: what the API has set for DSMs and hardware IDs */
	struct settings settings; /* what the API has set for the whole gateway */
	struct timers timers; /* in force, where neither a DSM nor a device has its own */
	bool recovery_late; /* path_recovery_interval is not below some pdo_remove_period */
	struct timer checkup;
	uint64_t id; /* random, kept in the state: what ISIDs are made from */
	char initiator_name[224];
	unsigned next_link, next_path;
	uint64_t started_us; /* of the control loop's clock */
	bool ready, stopping;
	bool full; /* as many devices as there may be */
	char **portal_texts; /* bound addresses, NULL-terminated */

	unsigned workers_shut;
	void (*stopped)(void *arg);
	void *stopped_arg;
};

/* Loops are the caller's and outlive the gateway; so does config. NULL: the state or the target could not be set up
 * (logged). */
struct gateway *gateway_create(const struct config *config, struct loop *control, struct loop *const *worker_loops,
			       unsigned worker_count, const struct initiator_ops *transport);

/* Listens, and begins to discover. 0 or -errno (logged). */
int gateway_start(struct gateway *gateway);

/* Takes over `fresh`: what a running gateway can change is changed, what needs a restart is logged. */
void gateway_reload(struct gateway *gateway, struct config *fresh);

/* Lets hosts go, lets commands finish, closes every link; then calls stopped on the control loop. */
void gateway_stop(struct gateway *gateway, void (*stopped)(void *arg), void *arg);
void gateway_destroy(struct gateway *gateway); /* takes NULL; no loop runs any more */

struct device *gateway_device(struct gateway *gateway, const char *id);

#endif
