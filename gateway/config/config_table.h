/*
 * config_table.h - the option table: every option of the configuration, once.
 *
 * A row's path names its place: members joined by '.', "[]" for every element of a list, ".*" for every value of a
 * map. Reading, the detection of unknown keys, defaults, the comparison for a reload and the help all come from it.
 * Immutable; any thread.
 */
#ifndef BRAID_CONFIG_TABLE_H
#define BRAID_CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_type {
	CONFIG_GROUP, /* object with the members that the table lists */
	CONFIG_MAP, /* object with keys of the admin's choice */
	CONFIG_LIST,
	CONFIG_TEXT,
	CONFIG_PORTAL, /* numeric address, kept as "address:port" */
	CONFIG_POLICY, /* name or number, kept as name; null: inherited */
	CONFIG_INTEGER,
	CONFIG_BOOLEAN,
};

struct config_option {
	const char *path;
	enum config_type type;
	const char *preset; /* default, as JSON; "null": may be left out; NULL: must be given */
	const char *help;
	const char *unit;
	int64_t min, max; /* of a number, the bytes of a text, the elements of a list or map */
	const char *choices; /* of a text: "a|b"; NULL: any */
	const char *(*check)(const char *text); /* of a text or portal, of the keys of a map; see config_value.h */
	uint16_t port; /* of a portal that names none */
	bool unique; /* list: no element, or "name" of one, twice */
	bool reloadable; /* a running gateway takes a new value */
	bool unavailable; /* promised for later: only empty or null is taken */
};

extern const struct config_option config_table[];
extern const size_t config_table_rows;

/* The row of the document itself. */
const struct config_option *config_table_root(void);

/* The members of a group one after the other: NULL gives the first, and comes back after the last. */
const struct config_option *config_table_next_member(const struct config_option *group,
						     const struct config_option *previous);

/* A group's member by key; NULL: no such option. */
const struct config_option *config_table_member(const struct config_option *group, const char *key);

/* The row of each element of a list or value of a map; NULL when the container is not available yet. */
const struct config_option *config_table_element(const struct config_option *container);

/* The last component of a member's path. */
const char *config_table_key(const struct config_option *member);

/* Whether the row stands for one place in the document, not one in each element of something. */
bool config_table_is_single(const struct config_option *option);

#endif
