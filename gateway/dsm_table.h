/*
 * dsm_table.h - the modules of this process in the order in which they are asked for a device (row D7): those built in,
 * and those of dsms.plugins. Made once, at the start; control loop.
 *
 * Order: plugins that dsms.order does not name come first, as they stand in dsms.plugins, then what dsms.order names.
 * What is built in and not named there is not asked. A plugin that cannot be used is kept with the reason: the gateway
 * comes up without it, and the next module that takes its devices gets them.
 */
#ifndef BRAID_DSM_TABLE_H
#define BRAID_DSM_TABLE_H

#include "dsm/module.h"
#include "gateway/base/list.h"
#include "gateway/engine/device_core.h"

struct config;
struct journal;

struct dsm_entry {
	struct list link; /* dsm_table.entries */
	struct dsm_ops ops; /* whole, also of an older module; of a refused one all zeros */
	const char *file; /* as configured; NULL: built in */
	void *handle;
	unsigned order; /* 1 is asked first; 0: not asked */
	char reason[MODULE_REASON_MAX]; /* why it was refused; "": it was not */
};

struct dsm_table {
	struct list entries; /* struct dsm_entry: by order, then those that are not asked, then those refused */
};

/* Tells the journal what was loaded, refused, or named without being there. config outlives the table. */
struct dsm_table *dsm_table_create(const struct config *config, struct journal *journal);
void dsm_table_destroy(struct dsm_table *table); /* takes NULL; no device has one of its modules */

/* Gives the device the first module that takes it: dsm, dsm_ctx and dsm_traits. The device had none. */
void dsm_table_own(const struct dsm_table *table, const struct dsm_inquiry *inquiry, struct device_core *core);

/* Takes it away again; no worker has a path of the device. */
void dsm_disown(struct device_core *core);

#endif
