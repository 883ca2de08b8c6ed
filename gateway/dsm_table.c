#include "gateway/dsm_table.h"

#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "gateway/config/config.h"
#include "gateway/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- entries ----------------------------------------------------------------------------------------------------- */

static struct dsm_entry *add_entry(struct dsm_table *table, const char *file)
{
	struct dsm_entry *entry = xcalloc(1, sizeof(*entry));

	entry->file = file;
	list_add_tail(&table->entries, &entry->link);
	return entry;
}

static struct dsm_entry *find_entry(struct dsm_table *table, const char *name)
{
	struct dsm_entry *entry;

	list_for_each(entry, &table->entries, link)
		if (entry->ops.name && strcmp(entry->ops.name, name) == 0)
			return entry;
	return NULL;
}

static void add_builtins(struct dsm_table *table)
{
	for (unsigned i = 0; i < MODULE_BUILTINS; i++) {
		struct dsm_entry *entry = add_entry(table, NULL);

		module_check(module_builtins[i], &entry->ops, entry->reason);
	}
}

/* A name that is taken already belongs to whoever came first; built in ones come before all. */
static bool has_own_name(struct dsm_table *table, const struct dsm_ops *ops, char reason[MODULE_REASON_MAX])
{
	const struct dsm_entry *other = find_entry(table, ops->name);

	if (!other)
		return true;
	snprintf(reason, MODULE_REASON_MAX, "its name \"%s\" is that of %s", ops->name,
		 other->file ? other->file : "a module of this build");
	return false;
}

static void add_plugin(struct dsm_table *table, const char *file, struct journal *journal)
{
	char reason[MODULE_REASON_MAX] = "";
	struct dsm_ops ops = { 0 };
	struct dsm_entry *entry;
	void *handle;

	if (module_open(file, &handle, &ops, reason) && !has_own_name(table, &ops, reason)) {
		module_close(handle);
		handle = NULL;
	}
	entry = add_entry(table, file);
	if (handle) {
		entry->ops = ops;
		entry->handle = handle;
		journal_add(journal, "info", "dsm-loaded", ops.name, "version %s, from %s", ops.version, file);
		return;
	}
	str_copy(entry->reason, sizeof(entry->reason), reason);
	journal_add(journal, "error", "dsm-refused", NULL, "the module %s is not used: %s", file, reason);
}

/* ---- order ------------------------------------------------------------------------------------------------------- */

static bool is_named(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->dsm_order_count; i++)
		if (strcmp(config->dsm_order[i], name) == 0)
			return true;
	return false;
}

static void put_in_order(struct dsm_table *table, const struct config *config, struct journal *journal)
{
	struct list rest;
	struct list *link;
	struct dsm_entry *entry;
	unsigned order = 0;

	list_for_each(entry, &table->entries, link)
		if (entry->handle && !is_named(config, entry->ops.name))
			entry->order = ++order;
	for (size_t i = 0; i < config->dsm_order_count; i++) {
		entry = find_entry(table, config->dsm_order[i]);
		if (entry)
			entry->order = ++order;
		else
			journal_add(journal, "warning", "dsm-unknown", config->dsm_order[i],
				    "dsms.order names this module, but none was loaded that is called so");
	}
	list_init(&rest);
	list_splice_tail(&rest, &table->entries);
	for (unsigned n = 1; n <= order; n++)
		list_for_each(entry, &rest, link)
			if (entry->order == n) {
				list_del(&entry->link);
				list_add_tail(&table->entries, &entry->link);
				break;
			}
	while ((link = list_pop(&rest)))
		list_add_tail(&table->entries, link);
}

struct dsm_table *dsm_table_create(const struct config *config, struct journal *journal)
{
	struct dsm_table *table = xcalloc(1, sizeof(*table));

	list_init(&table->entries);
	add_builtins(table);
	for (size_t i = 0; i < config->dsm_plugin_count; i++)
		add_plugin(table, config->dsm_plugins[i], journal);
	put_in_order(table, config, journal);
	return table;
}

void dsm_table_destroy(struct dsm_table *table)
{
	struct list *link;

	if (!table)
		return;
	while ((link = list_pop(&table->entries))) {
		struct dsm_entry *entry = list_entry(link, struct dsm_entry, link);

		module_close(entry->handle);
		free(entry);
	}
	free(table);
}

/* ---- whose device ------------------------------------------------------------------------------------------------ */

/* A module's word is bounded like the administrator's. */
static uint32_t bounded(uint32_t value, enum timer_id timer)
{
	return value < timer_table[timer].max ? value : timer_table[timer].max;
}

static bool try_entry(const struct dsm_entry *entry, const struct dsm_inquiry *inquiry, struct device_core *core)
{
	struct dsm_traits traits = { 0 };
	void *ctx;
	int rc = 0;

	if (!module_matches(&entry->ops, inquiry))
		return false;
	ctx = entry->ops.ctx_bytes ? xcalloc(1, entry->ops.ctx_bytes) : NULL;
	if (entry->ops.attach)
		rc = entry->ops.attach(ctx, inquiry, &traits);
	if (rc < 0) {
		log_warn("dsm", "module=%s device=%s attach=%s", entry->ops.name, core->id, strerror(-rc));
		free(ctx);
		return false;
	}
	core->dsm = &entry->ops;
	core->dsm_ctx = ctx;
	traits.retry_count = bounded(traits.retry_count, TIMER_retry_count);
	traits.hold_s = bounded(traits.hold_s, TIMER_pdo_remove_period);
	traits.settle_s = bounded(traits.settle_s, TIMER_pdo_remove_period);
	core->dsm_traits = traits;
	return true;
}

void dsm_table_own(const struct dsm_table *table, const struct dsm_inquiry *inquiry, struct device_core *core)
{
	const struct dsm_entry *entry;

	list_for_each(entry, &table->entries, link)
		if (entry->order && try_entry(entry, inquiry, core))
			return; /* the generic one, at the latest: it is always in dsms.order, and takes every device */
}

void dsm_disown(struct device_core *core)
{
	if (core->dsm && core->dsm->detach)
		core->dsm->detach(core->dsm_ctx);
	free(core->dsm_ctx);
	core->dsm = NULL;
	core->dsm_ctx = NULL;
}
