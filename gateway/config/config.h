/*
 * config.h - the configuration file, read and checked.
 *
 * JSON; every option stands once in config_table.c with its type, range, default, unit, whether a running
 * gateway can take a new value, and its help. Unknown keys, wrong types and values out of range are errors that name
 * the JSON path; all of them are reported, not just the first. A struct config is immutable once loaded; whoever
 * loaded or shares it has it until config_destroy(). Control thread (and main before it).
 */
#ifndef BRAID_CONFIG_H
#define BRAID_CONFIG_H

#include "gateway/identity.h"
#include "gateway/policy_name.h"
#include "gateway/timers.h"

#include <jansson.h>

struct config_user {
	char *name, *secret; /* secret: read from secret_file, whose mode must be 0600 or stricter */
	char *mutual_name, *mutual_secret; /* NULL: one-way */
};

struct config_host {
	char *iqn; /* may end with "*" */
	char **addresses; /* networks; none: any */
	size_t address_count;
	char *user; /* NULL: any */
	char *luns; /* as host_scope_parse() takes it */
};

struct config_backend {
	char *name;
	char **portals; /* numeric "address:port"; the port defaults to 3260 */
	size_t portal_count;
	char **iqns; /* only these targets; none: all that SendTargets lists */
	size_t iqn_count;
	char *fence; /* "auto", "session", "lu-reset", "wait", "none" */
	struct config_user chap; /* name NULL: none */
};

struct config_level_policy { /* of a DSM or a hardware ID */
	char *key;
	enum policy_id policy;
};

struct config_level_timers { /* of a DSM */
	char *key;
	struct timers_level timers;
};

struct config {
	unsigned references;
	struct {
		char *iqn;
		char **portals;
		size_t portal_count;
		struct config_user *users; /* auth.method none: none */
		size_t user_count;
		struct config_host *hosts; /* none: everybody */
		size_t host_count;
	} target;
	struct config_backend *backends;
	size_t backend_count;
	char **claims; /* hardware IDs, or "all" */
	size_t claim_count;
	struct {
		enum policy_id preset; /* "default"; POLICY_INHERIT: Braid's own choice (row P8) */
		struct config_level_policy *dsms, *hardware_ids;
		size_t dsm_count, hardware_id_count;
		bool sequential; /* row P6: its sequential rule is on */
	} policies;
	struct timers_level timers; /* every value, with its default; `set`: what the file has */
	char **dsm_order;
	size_t dsm_order_count;
	char **dsm_plugins; /* absolute paths */
	size_t dsm_plugin_count;
	struct config_level_timers *dsm_timers;
	size_t dsm_timer_count;
	char **api_listen;
	size_t api_listen_count;
	unsigned workers; /* 0: one a core */
	char *state_dir;
	json_t *document; /* the same as JSON, every default filled in, secrets left in their files */
};

/* Called for each error: path as "backends[0].portals[1]" ("" for the document itself), and a sentence. */
typedef void config_report(void *arg, const char *path, const char *message);

/* NULL when there was any error (each reported). */
struct config *config_load(const char *file, config_report *report, void *arg);
struct config *config_parse(const json_t *root, const char *base_dir, config_report *report, void *arg);
/* The same once more: each is given back with config_destroy(), and the last one wipes the secrets. */
const struct config *config_share(const struct config *config);
void config_destroy(const struct config *config); /* takes NULL */

/* One element of "backends", by itself: a configuration with that backend alone. It is checked as if it stood behind
 * `others` (a list of such elements) in the file; errors name the place in the element ("portals[1]"). Secret files
 * have absolute paths. NULL when there was any error (each reported). */
struct config *config_parse_backend(const json_t *element, const json_t *others, config_report *report, void *arg);

/* The whole configuration as JSON without secrets (files are named, contents left out). The caller owns it. */
json_t *config_snapshot(const struct config *config);

/* One of its backends as JSON, every default filled in, secrets left in their files. Borrowed. */
const json_t *config_backend_document(const struct config *config, size_t index);

/* The secrets of both are the same. */
bool config_backend_same_secrets(const struct config_backend *a, const struct config_backend *b);

/* Which top-level options differ between two configurations, for a reload: calls report with the path and either
 * "reloaded" or "needs a restart" for each. */
void config_compare(const struct config *old, const struct config *fresh, config_report *report, void *arg);

/* The option table as text, for `braidd --help-config` and the docs. */
void config_print_options(void);

#endif
