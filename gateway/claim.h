/*
 * claim.h - which devices the gateway presents (rows D5, D6, D8): all, those with a hardware ID, or one device.
 *
 * A claim is a wish: it holds for devices that appear later, too. Control loop.
 */
#ifndef BRAID_CLAIM_H
#define BRAID_CLAIM_H

#include "gateway/base/list.h"
#include "gateway/identity.h"

enum claim_kind { CLAIM_ALL, CLAIM_HARDWARE_ID, CLAIM_DEVICE };

struct claim {
	struct list link;
	char id[24]; /* made from kind and value */
	enum claim_kind kind;
	char value[IDENTITY_TEXT_MAX]; /* hardware ID or device id; "" for all */
	struct hardware_id hardware_id;
	bool from_config;
};

const char *claim_kind_name(enum claim_kind kind);

/* kind by name; value as a user typed it. NULL: no such kind, or a value that is not of that kind. */
struct claim *claim_create(const char *kind, const char *value, bool from_config);
bool claim_matches(const struct claim *claim, const char *device_id, const char *hardware_id);

#endif
