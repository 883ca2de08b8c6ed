/*
 * device.h - a device that a module under test is made to own, with four paths: two to each of two controllers.
 */
#ifndef BRAID_CHECK_DEVICE_H
#define BRAID_CHECK_DEVICE_H

#include "dsm/module.h"

#define DEVICE_PATHS 4
#define DEVICE_TARGET "iqn.2026-11.org.example:check"

/* What the array says of itself. */
struct profile {
	char vendor[9], product[17], revision[5];
	unsigned tpgs;
};

/* The module under test, and a profile that it takes. */
struct subject {
	const struct dsm_ops *ops;
	struct profile profile;
};

struct device {
	const struct dsm_ops *ops;
	void *ctx; /* exactly as long as the module wants it; NULL when it wants none */
	struct dsm_traits traits;
	struct dsm_path paths[DEVICE_PATHS]; /* 0, 1: controller 0, group 1; 2, 3: controller 1, group 2 */
};

/* Inquiry data of that profile, in memory that ends where it ends. vpd83_len 0: there is no such page. */
void device_inquiry(const struct profile *profile, size_t standard_len, size_t vpd83_len, struct dsm_inquiry *inquiry);
#define DEVICE_STANDARD_LEN 96
#define DEVICE_VPD83_LEN 40

/* Whether the module says that it is its own. */
bool device_matches(const struct dsm_ops *ops, const struct profile *profile);

/* 0, or what attach said. */
int device_attach(struct device *device, const struct subject *subject);
void device_detach(struct device *device);

#endif
