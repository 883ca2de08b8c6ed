/*
 * device.h - a disk of the arrays as the control loop knows it: identity, paths, claim, LUN, policy.
 *
 * Made when an inventory, or the state file, first names it. What has a LUN number, or a policy of its own, stays for
 * ever, also without paths, so that it comes back as what it was (rows D9, D11); any other goes with its last path.
 * Control loop.
 */
#ifndef BRAID_DEVICE_H
#define BRAID_DEVICE_H

#include "gateway/engine/device_core.h"
#include "gateway/engine/inventory.h"
#include "gateway/policy_name.h"
#include "gateway/settings.h"

struct gateway;

struct device {
	struct list link; /* gateway.devices */
	struct gateway *gateway;
	struct device_core core;
	struct identity identity;
	unsigned worker_count;

	char hardware_id[HARDWARE_ID_LEN + 1];
	char vendor[9], product[17], revision[5], serial[64], name[64];
	uint64_t blocks;
	uint64_t shrunk_to; /* what the array tells instead, in the last event about that; 0: none */
	uint32_t block_size;
	char reason[160]; /* why it cannot be claimed; "" */
	bool asymmetric; /* paths were seen in different access states: it stays so (row P8) */
	bool owned; /* the modules have been asked whose it is; until then dsm is a stand-in */
	bool conflict; /* row D3: shares its identifier with a different device */

	struct path_core *paths[DSM_PATHS_MAX]; /* in the order in which they were found */
	unsigned path_count;
	uint32_t worn; /* bit n: a path that is gone had index n since the policy began to learn */
	bool crowded; /* a path was refused (row D10) */

	bool claimed;
	const char *claimed_by; /* claim id */
	unsigned leaving; /* workers whose disk has not left yet */
	int lun; /* at the target; -1: none was ever given */
	bool unsaved; /* it was given just now and is not on disk yet */
	int fence_seen, fence_told; /* by the last look; in the last event: device_fence_form(); -1: none yet */
	uint64_t pathless_since_us; /* Unix time; 0: has a path */

	struct settings own; /* what the API has set for this device */
	struct timers timers; /* in force, as the throttle */
	struct throttle_limits throttle;
	enum policy_id policy; /* asked for at this device; POLICY_INHERIT: none */
	struct policy_setting_kept *settings; /* for its paths, by link and LUN: a path's id may change */
	unsigned setting_count;
	unsigned times_set; /* the two above, since the start */
	uint32_t failback_s; /* of fail-over-only with a preferred path */
	struct policy_setup *setup; /* in force */
	enum policy_id policy_in_force;
	const char *policy_from; /* "device", "hardware-id", "dsm", "default" */
};

/* What the administrator said of one path; keeps its meaning over restarts. */
struct policy_setting_kept {
	char iqn[224], portal[NET_ADDRESS_MAX];
	uint16_t lun;
	enum policy_role role;
	uint32_t weight;
	bool preferred;
};

/* From an LU as an array showed it. */
struct device *device_create(const struct lu_info *lu, const char *id, unsigned worker_count);
void device_destroy(struct device *device); /* takes NULL; no worker has a disk of it */

/* Equal identifiers and the same hardware (row D3), capacity aside. */
bool device_same_hardware(const struct device *device, const struct lu_info *lu);

struct path_core *device_path(const struct device *device, const struct link *link, uint16_t lun);
/* NULL: it has DSM_PATHS_MAX paths already (row D10). An index that no path had before comes first. */
struct path_core *device_add_path(struct device *device, struct link *link, uint16_t lun, unsigned number);

/* No worker has a path of it any more. */
void device_remove_path(struct device *device, struct path_core *path);

/* What the administrator said of it, or what its hosts know it by, must be found again when it comes back. */
bool device_is_kept(const struct device *device);

/* Up on every worker / the worst state over the workers. */
bool path_core_up(const struct path_core *path, unsigned worker_count);
enum path_state path_core_state(const struct path_core *path, unsigned worker_count);
/* The first worker's view of what the array says of its port. */
enum dsm_access path_core_access(const struct path_core *path);
unsigned device_paths_up(const struct device *device);

/* The form of fence that would come to the aid of its writes now, if one of its links fell silent (row F1), and that of
 * its weakest path: FENCE_AUTO, reservation, where the path holds a key; session where a login through another portal
 * would end what is left; wait; none. */
enum fence_wish device_fence_form(const struct device *device);
const char *fence_form_name(enum fence_wish form); /* "reservation", "session", "wait", "none" */
const char *device_fence(const struct device *device); /* its name */

/* On some worker commands wait for a fence, or until one of the paths there are can be used: activated, or through its
 * transition. */
bool device_is_moving(const struct device *device);

/* "normal", "degraded", "failover", "no-paths", "unclaimed", "conflict" */
const char *device_state_name(const struct device *device);

#endif
