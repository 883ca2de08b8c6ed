#include "gateway/config/config_table.h"

#include "gateway/config/config.h"
#include "gateway/config/config_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ISCSI_PORT 3260
#define API_PORT 8260
#define PORTALS_MAX 64
#define NAME_BYTES_MAX 64
#define TEXT_BYTES_MAX 4096
#define CHAP_NAME_BYTES_MAX 255 /* libiscsi cuts what is longer */

/* A table reads as rows, so it keeps its own layout. */
/* clang-format off */
#define TIMER_IS_BOOLEAN(unit) (__builtin_strcmp((unit), "boolean") == 0)
#define TIMER_ROW(name, scope, preset_, min_, max_, unit_, help_)                                                             \
	{ .path = "timers." #name,                                                                                     \
	  .type = TIMER_IS_BOOLEAN(unit_) ? CONFIG_BOOLEAN : CONFIG_INTEGER,                                           \
	  .preset = !TIMER_IS_BOOLEAN(unit_) ? #preset_ : (preset_) ? "true" : "false",                                \
	  .min = (min_), .max = (max_), .unit = (unit_), .reloadable = true, .help = (help_) },

/* What a DSM's devices can have of their own. */
#define TIMER_DSM_LINK(name, min_, max_, unit_)
#define TIMER_DSM_DEVICE(name, min_, max_, unit_)                                                                      \
	{ .path = "dsms.timers.*." #name,                                                                              \
	  .type = TIMER_IS_BOOLEAN(unit_) ? CONFIG_BOOLEAN : CONFIG_INTEGER, .preset = "null",                         \
	  .min = (min_), .max = (max_), .unit = (unit_), .help = "as timers." #name ", for the devices of that DSM" },
#define TIMER_DSM_ROW(name, scope, preset_, min_, max_, unit_, help_) TIMER_DSM_##scope(name, min_, max_, unit_)

/* CHAP of one side. preset_ is that of name and secret: NULL where they must be given. */
#define CHAP_ROWS(group, preset_)                                                                                      \
	{ group ".name", CONFIG_TEXT, preset_, .help = "CHAP name that is presented at login",                         \
	  .max = CHAP_NAME_BYTES_MAX },                                                                                \
	{ group ".secret_file", CONFIG_TEXT, preset_,                                                                  \
	  .help = "file (mode 0600 or stricter) with the secret of 12 bytes or more, relative to this configuration",  \
	  .max = TEXT_BYTES_MAX },                                                                                     \
	{ group ".mutual_name", CONFIG_TEXT, "null", .help = "CHAP name with which the target proves itself in turn",  \
	  .max = CHAP_NAME_BYTES_MAX },                                                                                \
	{ group ".mutual_secret_file", CONFIG_TEXT, "null",                                                            \
	  .help = "file with the target's secret, which must be another one", .max = TEXT_BYTES_MAX }

const struct config_option config_table[] = {
	{ "", CONFIG_GROUP, "{}", .help = "the configuration" },

	{ "target", CONFIG_GROUP, "{}", .help = "what the hosts see" },
	{ "target.iqn", CONFIG_TEXT, "\"iqn.2026-11.org.example:braid\"", .help = "iSCSI name of the gateway's target",
	  .max = TEXT_BYTES_MAX, .check = config_value_iscsi_name },
	{ "target.portals", CONFIG_LIST, "[\"0.0.0.0:3260\"]", .help = "where the target listens", .min = 1,
	  .max = PORTALS_MAX, .unique = true },
	{ "target.portals[]", CONFIG_PORTAL, .help = "numeric address:port", .port = ISCSI_PORT },
	{ "target.auth", CONFIG_GROUP, "{}", .help = "how hosts log in" },
	{ "target.auth.method", CONFIG_TEXT, "\"none\"", .help = "whether hosts must prove who they are",
	  .max = TEXT_BYTES_MAX, .choices = "none|chap" },
	{ "target.auth.users", CONFIG_LIST, "[]", .help = "who may log in, with method chap", .max = 1024,
	  .unique = true },
	{ "target.auth.users[]", CONFIG_GROUP, .help = "one CHAP user" },
	CHAP_ROWS("target.auth.users[]", NULL),
	{ "target.hosts", CONFIG_LIST, "[]", .help = "which hosts may log in, and what they see; empty: all, everything",
	  .max = 4096, .reloadable = true },
	{ "target.hosts[]", CONFIG_GROUP, .help = "one host, or some; the first entry that fits decides" },
	{ "target.hosts[].iqn", CONFIG_TEXT, NULL, .help = "name of the initiator; a \"*\" at its end stands for any rest",
	  .max = TEXT_BYTES_MAX, .check = config_value_host_name },
	{ "target.hosts[].addresses", CONFIG_LIST, "[]", .help = "where it may come from; empty: from anywhere",
	  .max = 64, .unique = true },
	{ "target.hosts[].addresses[]", CONFIG_TEXT, .help = "an address, or a network as 10.0.0.0/8",
	  .max = NAME_BYTES_MAX, .check = config_value_network },
	{ "target.hosts[].user", CONFIG_TEXT, "null", .help = "the CHAP name that it must log in with; null: any",
	  .max = CHAP_NAME_BYTES_MAX },
	{ "target.hosts[].luns", CONFIG_TEXT, "\"all\"",
	  .help = "what it sees: all, or LUNs as 0,4-7,0=12 (its 0 is the gateway's 12); behind each, :ro for read-only",
	  .max = TEXT_BYTES_MAX, .check = config_value_luns },

	{ "backends", CONFIG_LIST, "[]", .help = "the arrays", .max = 256, .unique = true, .reloadable = true },
	{ "backends[]", CONFIG_GROUP, .help = "one array" },
	{ "backends[].name", CONFIG_TEXT, NULL, .help = "name in the API and in events", .max = NAME_BYTES_MAX,
	  .check = config_value_name },
	{ "backends[].portals", CONFIG_LIST, NULL, .help = "portals that are asked for the array's targets", .min = 1,
	  .max = PORTALS_MAX, .unique = true },
	{ "backends[].portals[]", CONFIG_PORTAL, .help = "numeric address:port", .port = ISCSI_PORT,
	  .check = config_value_array_portal },
	{ "backends[].iqns", CONFIG_LIST, "[]", .help = "only these targets; empty: all that the array lists",
	  .max = 256, .unique = true },
	{ "backends[].iqns[]", CONFIG_TEXT, .help = "iSCSI name", .max = TEXT_BYTES_MAX,
	  .check = config_value_iscsi_name },
	{ "backends[].fence", CONFIG_TEXT, "\"auto\"", .help = "how a write that was lost with its link is kept from landing "
	  "late: auto is the strongest form that the array has, with persistent reservations first; lu-reset is for "
	  "arrays that are known to be one",
	  .max = TEXT_BYTES_MAX, .choices = "auto|session|lu-reset|wait|none" },
	{ "backends[].chap", CONFIG_GROUP, "{}", .help = "how the gateway logs in there; empty: without CHAP" },
	CHAP_ROWS("backends[].chap", "null"),

	{ "claims", CONFIG_LIST, "[]", .help = "which devices the gateway takes", .max = 1024, .unique = true,
	  .reloadable = true },
	{ "claims[]", CONFIG_TEXT, .help = "hardware ID, a prefix of one, or \"all\"", .max = NAME_BYTES_MAX,
	  .check = config_value_hardware_id },

	{ "policies", CONFIG_GROUP, "{}", .help = "load balancing" },
	{ "policies.default", CONFIG_POLICY, "null",
	  .help = "for every device; null: round-robin, or round-robin-subset where paths are asymmetric",
	  .reloadable = true },
	{ "policies.sequential", CONFIG_BOOLEAN, "true",
	  .help = "least-blocks keeps a command on the path where it continues another", .reloadable = true },
	{ "policies.dsm", CONFIG_MAP, "{}", .help = "for the devices of a DSM", .max = 64, .check = config_value_name,
	  .reloadable = true },
	{ "policies.dsm.*", CONFIG_POLICY, "null", .help = "name, short name, or number 1 to 7" },
	{ "policies.hardware_id", CONFIG_MAP, "{}", .help = "for the devices of a hardware ID", .max = 1024,
	  .check = config_value_hardware_id, .reloadable = true },
	{ "policies.hardware_id.*", CONFIG_POLICY, "null", .help = "name, short name, or number 1 to 7" },

	{ "timers", CONFIG_GROUP, "{}", .help = "when things are checked, repeated and given up" },
	TIMER_TABLE(TIMER_ROW)

	{ "dsms", CONFIG_GROUP, "{}", .help = "device-specific modules" },
	{ "dsms.order", CONFIG_LIST, "[\"active-passive\",\"families\",\"generic\"]",
	  .help = "in which order they are asked whose a device is; generic is the last",
	  .min = 1, .max = 64, .unique = true },
	{ "dsms.order[]", CONFIG_TEXT, .help = "name of a DSM", .max = NAME_BYTES_MAX, .check = config_value_name },
	{ "dsms.plugins", CONFIG_LIST, "[]", .max = 64, .unique = true,
	  .help = "shared objects with further DSMs; what dsms.order does not name is asked first" },
	{ "dsms.plugins[]", CONFIG_TEXT, .help = "absolute path of a file that only root or the gateway's user may write",
	  .max = TEXT_BYTES_MAX, .check = config_value_absolute_path },
	{ "dsms.timers", CONFIG_MAP, "{}", .help = "for the devices of a DSM: timers that differ from the gateway's",
	  .max = 64, .check = config_value_name, .reloadable = true },
	{ "dsms.timers.*", CONFIG_GROUP, .help = "of one DSM; null: as the gateway's" },
	TIMER_TABLE(TIMER_DSM_ROW)

	{ "api", CONFIG_GROUP, "{}", .help = "management" },
	{ "api.listen", CONFIG_LIST, "[\"127.0.0.1:8260\"]", .help = "where the API listens; empty: nowhere",
	  .max = PORTALS_MAX, .unique = true },
	{ "api.listen[]", CONFIG_PORTAL, .help = "numeric loopback address:port", .port = API_PORT,
	  .check = config_value_loopback_portal },
	{ "api.tls", CONFIG_GROUP, "{}", .help = "encryption of the API", .unavailable = true },
	{ "api.tokens_file", CONFIG_TEXT, "null", .help = "access tokens of the API", .unavailable = true },

	{ "workers", CONFIG_INTEGER, "0", .help = "threads that carry I/O; 0: one a core", .max = 64 },
	{ "state_dir", CONFIG_TEXT, "\"/var/lib/braid\"", .help = "where LUN numbers and what the API changed are kept",
	  .max = TEXT_BYTES_MAX, .check = config_value_absolute_path },
};
/* clang-format on */

const size_t config_table_rows = sizeof(config_table) / sizeof(config_table[0]);

const struct config_option *config_table_root(void)
{
	return &config_table[0];
}

/* What the row's path has beyond the container's; NULL when it does not lie in it. */
static const char *path_below(const struct config_option *option, const struct config_option *container)
{
	size_t len = strlen(container->path);

	return option != container && strncmp(option->path, container->path, len) == 0 ? option->path + len : NULL;
}

static bool is_member(const struct config_option *option, const struct config_option *group)
{
	const char *rest = path_below(option, group);

	if (!rest || (group->path[0] && *rest++ != '.'))
		return false;
	return rest[strcspn(rest, ".[*")] == '\0';
}

const struct config_option *config_table_next_member(const struct config_option *group,
						     const struct config_option *previous)
{
	const struct config_option *end = config_table + config_table_rows;

	for (const struct config_option *option = previous ? previous + 1 : config_table; option < end; option++)
		if (is_member(option, group))
			return option;
	return NULL;
}

const struct config_option *config_table_member(const struct config_option *group, const char *key)
{
	const struct config_option *member = NULL;

	while ((member = config_table_next_member(group, member)))
		if (strcmp(config_table_key(member), key) == 0)
			return member;
	return NULL;
}

const struct config_option *config_table_element(const struct config_option *container)
{
	const char *suffix = container->type == CONFIG_LIST ? "[]" : ".*";

	for (size_t i = 0; i < config_table_rows; i++) {
		const char *rest = path_below(&config_table[i], container);

		if (rest && strcmp(rest, suffix) == 0)
			return &config_table[i];
	}
	return NULL;
}

const char *config_table_key(const struct config_option *member)
{
	const char *dot = strrchr(member->path, '.');

	return dot ? dot + 1 : member->path;
}

bool config_table_is_single(const struct config_option *option)
{
	return option->path[strcspn(option->path, "[*")] == '\0';
}

static const char *type_name(const struct config_option *option)
{
	static const char *const names[] = {
		[CONFIG_GROUP] = "object",    [CONFIG_MAP] = "object",      [CONFIG_LIST] = "list",
		[CONFIG_TEXT] = "text",       [CONFIG_PORTAL] = "text",     [CONFIG_POLICY] = "policy",
		[CONFIG_INTEGER] = "integer", [CONFIG_BOOLEAN] = "boolean",
	};

	return option->choices ? option->choices : names[option->type];
}

/* Rows of elements end in "[]" or ".*"; they have no default and are not asked for either. */
static bool is_element(const struct config_option *option)
{
	return strchr("]*", option->path[strlen(option->path) - 1]) != NULL;
}

static void print_option(const struct config_option *option)
{
	printf("%s: %s", option->path, type_name(option));
	if (option->type == CONFIG_INTEGER)
		printf(" %" PRId64 "..%" PRId64 "%s%s", option->min, option->max, option->unit && *option->unit ? " " : "",
		       option->unit ? option->unit : "");
	if (option->unavailable)
		printf(", not available in this version");
	else if (!option->preset && !is_element(option))
		printf(", required");
	else if (option->type != CONFIG_GROUP && !is_element(option))
		printf(", default %s", option->preset);
	if (option->type != CONFIG_GROUP && config_table_is_single(option))
		printf(", %s", option->reloadable ? "reloadable" : "needs a restart");
	printf("\n\t%s\n", option->help);
}

void config_print_options(void)
{
	for (size_t i = 1; i < config_table_rows; i++)
		print_option(&config_table[i]);
}
