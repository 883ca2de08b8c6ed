/*
 * levels.h - which settings rule a device, when several levels have some (rows P8, L1).
 *
 * A policy: the device's own, its hardware ID's (the longest that fits), its DSM's, the default. A timer: the device's
 * own, its DSM's, the gateway's, what its module says of such devices, the built-in one. At one level what the API has
 * set comes before what the configuration file says, which comes back when the API's is cleared. Control loop.
 */
#ifndef BRAID_LEVELS_H
#define BRAID_LEVELS_H

#include "gateway/gateway.h"

/* What the API has set for the devices of one DSM, which need not be loaded now, or of one hardware ID. */
struct level {
	struct list link; /* gateway.levels */
	enum level_kind kind; /* LEVEL_DSM, LEVEL_HARDWARE_ID */
	char *name; /* a hardware ID: as it was given first */
	struct hardware_id hardware_id;
	enum policy_id policy; /* POLICY_INHERIT: none */
	struct settings settings; /* of a DSM */
};

/* NULL: nothing is set there. A hardware ID in any of its spellings. */
struct level *levels_find(const struct gateway *gateway, enum level_kind kind, const char *name);
/* NULL: it is no hardware ID. */
struct level *levels_add(struct gateway *gateway, enum level_kind kind, const char *name);
bool levels_is_empty(const struct level *level);
void levels_drop(struct level *level);

/* What the configuration file has for that level (name: not of the gateway); NULL, POLICY_INHERIT: nothing. */
const struct timers_level *levels_timers_of_file(const struct config *config, const char *dsm);
enum policy_id levels_policy_of_file(const struct config *config, enum level_kind kind, const char *name);

/* Whether the device has its policy from there. */
bool levels_rules(const struct gateway *gateway, enum level_kind kind, const char *name, const struct device *device);

/* What this policy is for this device: its module's own for "vendor". NULL: there is no such policy. */
const struct policy_ops *levels_policy(const struct device *device, enum policy_id id);

/* The timers in force and where they come from: of a device; of the devices of a DSM as a whole (device NULL); of the
 * gateway (both NULL). Those of links have no source but at the gateway. */
void levels_timers(const struct gateway *gateway, const struct device *device, const char *dsm,
		   struct timer_value values[TIMER_COUNT]);

/* The device's own, else its DSM's; of the devices of a DSM, with device NULL. *source: "device", "dsm"; NULL: none. */
struct throttle_limits levels_throttle(const struct gateway *gateway, const struct device *device, const char *dsm,
				       const char **source);

/* Tells the workers, which have just got the device. */
void levels_give_throttle(const struct gateway *gateway, struct device *device);

/* Decides anew, builds the setup in force, and gives it to the workers when the device is claimed. */
void levels_apply(struct gateway *gateway, struct device *device);

/* Timers and throttles, of the gateway and of all its devices / their policies, too. */
void levels_apply_settings(struct gateway *gateway);
void levels_apply_all(struct gateway *gateway);

#endif
