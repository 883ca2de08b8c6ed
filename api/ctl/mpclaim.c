/*
 * mpclaim.c - braidctl mpclaim, and the link named mpclaim: the vocabulary of Windows's tool (mpio-semantics, section
 *7).
 *
 *	mpclaim [-r|-n] -i|-u -d "HARDWARE-ID"... | -a ""     claim, unclaim
 *	mpclaim -s -d [DISK] | -s -m                          show
 *	mpclaim -l -m POLICY | -l -t "HARDWARE-ID" POLICY | -l -d DISK POLICY
 *	mpclaim -h | -e | -v [FILE]
 *
 * DISK is a LUN. POLICY is a number, 0 to 7 (0 clears), a name, or a short name. Letters may be capitals.
 */
#include "api/ctl/command.h"
#include "api/ctl/text.h"
#include "api/uri.h"
#include "gateway/base/memory.h"
#include "gateway/identity.h"
#include "gateway/policy_name.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define V1 "/api/v1"

/* Policies are set for all devices of a module: Windows's own module is, here, the one that takes any array. */
#define GENERIC_DSM "generic"

static int wrong_usage(const char *what)
{
	fprintf(stderr, "mpclaim: %s\nTry \"braidctl mpclaim --help\".\n", what);
	return CTL_USAGE;
}

/* The letter of a switch, in lower case; 0: it is none. */
static char switch_of(const char *word)
{
	if (!word || (word[0] != '-' && word[0] != '/') || !word[1] || word[2])
		return 0;
	return (char)tolower((unsigned char)word[1]);
}

static const char *short_name(const json_t *policy)
{
	const char *name = json_string_value(policy);
	enum policy_id id;

	return name && policy_parse(name, &id) == 0 && id != POLICY_INHERIT ? policy_short_name(id) : "-";
}

/* ---- claims ------------------------------------------------------------------------------------------------------ */

static int claim(struct ctl *ctl, json_t *body)
{
	json_t *answer = NULL;
	int rc = client_request(ctl->client, "POST", V1 "/claims", body, &answer);

	json_decref(body);
	if (rc == 0)
		fprintf(ctl->terminal.out, "Claimed: %s\n", text_member(answer, "value"));
	json_decref(answer);
	return rc;
}

static int delete_claim(struct ctl *ctl, const char *id)
{
	char *escaped = uri_escape(id),
	     *path = xasprintf(V1 "/claims/%s%s", escaped, ctl->options->force ? "?force=true" : "");
	json_t *answer = NULL;
	int rc = client_request(ctl->client, "DELETE", path, NULL, &answer);

	json_decref(answer);
	free(path);
	free(escaped);
	return rc;
}

/* The claim of that hardware ID, however it is spelt. */
static int unclaim(struct ctl *ctl, const char *text)
{
	json_t *answer = client_list(ctl->client, V1 "/claims", "claims");
	struct hardware_id wanted, have;
	const json_t *row;
	size_t i;
	int rc = -1;

	if (!answer)
		return -1;
	json_array_foreach(json_object_get(answer, "claims"), i, row) {
		const char *value = json_string_value(json_object_get(row, "value"));

		if (strcmp(text_member(row, "kind"), "device") == 0 || !value || hardware_id_parse(value, &have) < 0 ||
		    hardware_id_parse(text, &wanted) < 0 || !hardware_id_equal(&have, &wanted))
			continue;
		rc = delete_claim(ctl, text_member(row, "id"));
		if (rc == 0)
			fprintf(ctl->terminal.out, "No longer claimed: %s\n", value);
		json_decref(answer);
		return rc;
	}
	fprintf(stderr, "mpclaim: nothing is claimed by \"%s\"; mpclaim -h lists what is\n", text);
	json_decref(answer);
	return rc;
}

static int do_claims(struct ctl *ctl, char **words, int count)
{
	bool claims = switch_of(words[0]) == 'i';
	char how = count > 1 ? switch_of(words[1]) : 0;
	int failed = 0;

	if (how == 'a' && (count == 2 || (count == 3 && !*words[2])))
		failed = claims ? claim(ctl, json_pack("{s:b}", "all", 1)) : delete_claim(ctl, "all");
	else if (how == 'd' && count > 2)
		for (int i = 2; i < count; i++)
			failed |= claims ? claim(ctl, json_pack("{s:s}", "hardware_id", words[i]))
					 : unclaim(ctl, words[i]);
	else
		return wrong_usage("-i and -u take -d with hardware IDs, or -a \"\"");
	return failed ? CTL_FAILED : CTL_OK;
}

/* ---- show -------------------------------------------------------------------------------------------------------- */

static void add_disk(struct table *table, const json_t *device)
{
	if (!json_is_integer(json_object_get(device, "lun")))
		return;
	table_cell(table, COLOUR_NONE, "MPIO Disk%d", (int)number_member(device, "lun"));
	table_cell(table, COLOUR_NONE, "%s", short_name(json_object_get(device, "policy")));
	table_cell(table, COLOUR_NONE, "%s", text_member(device, "dsm"));
	table_cell(table, ctl_state_colour(text_member(device, "state")), "%s", text_member(device, "state"));
	table_cell(table, COLOUR_NONE, "%s", text_member(device, "id"));
}

static int show_disks(struct ctl *ctl)
{
	static const struct table_column columns[] = {
		{ "MPIO DISK", .cut = CUT_NEVER }, { "LB POLICY", .cut = CUT_NEVER }, { "DSM NAME", .cut = CUT_END },
		{ "STATE", .cut = CUT_NEVER },     { "DEVICE", .cut = CUT_MIDDLE },
	};
	static const struct listing listing = {
		.path = V1 "/devices",
		.member = "devices",
		.columns = columns,
		.column_count = sizeof(columns) / sizeof(columns[0]),
		.add = add_disk,
		.empty = "There is no MPIO disk.",
	};

	return ctl_list(ctl, &listing);
}

static void add_path(struct table *table, const json_t *path)
{
	const json_t *group = json_object_get(path, "tpg");

	table_cell(table, COLOUR_NONE, "%s", text_member(path, "id"));
	table_cell(table, ctl_state_colour(text_member(path, "state")), "%s", text_member(path, "state"));
	table_cell(table, COLOUR_NONE, "%s", text_member(path, "role"));
	table_cell(table, COLOUR_NONE, "%s", text_member(path, "alua_state"));
	table_cell(table, COLOUR_NONE, "%s LUN %d", text_member(path, "link"), (int)number_member(path, "array_lun"));
	table_cell(table, COLOUR_NONE, "%d", (int)number_member(path, "weight"));
	if (json_is_integer(group))
		table_cell(table, COLOUR_NONE, "%d", (int)json_integer_value(group));
	else
		table_cell(table, COLOUR_NONE, "-");
}

static int show_disk(struct ctl *ctl, const char *name)
{
	static const struct table_column columns[] = {
		{ "PATH ID", .cut = CUT_NEVER }, { "STATE", .cut = CUT_NEVER },        { "ROLE", .cut = CUT_NEVER },
		{ "TPG STATE", .cut = CUT_END }, { "SCSI ADDRESS", .cut = CUT_NEVER }, { "WEIGHT", .right = true },
		{ "TPG ID", .right = true },
	};
	json_t *device = ctl_find_device(ctl, name);
	const json_t *paths = json_object_get(device, "paths"), *path;
	struct table *table;
	size_t i;

	if (!device)
		return CTL_FAILED;
	if (ctl->options->json)
		return ctl_print_json(ctl, device);
	fprintf(ctl->terminal.out, "MPIO Disk%d: %zu paths, %s, %s\nDSM: %s  Serial: %s\n\n",
		(int)number_member(device, "lun"), json_array_size(paths),
		short_name(json_object_get(device, "policy")), text_member(device, "state"), text_member(device, "dsm"),
		text_member(device, "serial"));
	table = table_create(columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(paths, i, path)
		add_path(table, path);
	table_print(table, &ctl->terminal, "No paths.");
	table_destroy(table);
	json_decref(device);
	return CTL_OK;
}

static int show_modules(struct ctl *ctl)
{
	static const struct table_column columns[] = {
		{ "DSM NAME", .cut = CUT_END },
		{ "DSM-WIDE LB POLICY", .cut = CUT_NEVER },
	};
	json_t *answer = client_get(ctl->client, V1 "/policies");
	struct table *table;
	const json_t *row;
	size_t i;

	if (!answer)
		return CTL_FAILED;
	if (ctl->options->json)
		return ctl_print_json(ctl, answer);
	table = table_create(columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(json_object_get(answer, "dsm"), i, row) {
		table_cell(table, COLOUR_NONE, "%s", text_member(row, "dsm"));
		table_cell(table, COLOUR_NONE, "%s", short_name(json_object_get(row, "policy")));
	}
	table_print(table, &ctl->terminal, "No modules.");
	table_destroy(table);
	json_decref(answer);
	return CTL_OK;
}

static int do_show(struct ctl *ctl, char **words, int count)
{
	char what = count > 1 ? switch_of(words[1]) : 0;

	if (what == 'd' && count == 2)
		return show_disks(ctl);
	if (what == 'd' && count == 3)
		return show_disk(ctl, words[2]);
	if (what == 'm' && count == 2)
		return show_modules(ctl);
	return wrong_usage("-s takes -d, -d with a disk, or -m");
}

/* ---- policies ---------------------------------------------------------------------------------------------------- */

/* PUT V1/`collection`/`name``tail` */
static int put_policy(struct ctl *ctl, const char *collection, const char *name, const char *tail, const char *policy)
{
	enum policy_id id;
	char *escaped, *path;
	json_t *body, *answer = NULL;
	int rc;

	if (policy_parse(policy, &id) < 0)
		return wrong_usage("a policy is 0 to 7, a name, or FOO, RR, RRWS, LQD, WP, LB, VS");
	escaped = uri_escape(name);
	path = xasprintf(V1 "/%s/%s%s", collection, escaped, tail);
	body = json_pack("{s:o}", "policy", id == POLICY_INHERIT ? json_null() : json_string(policy_name(id)));
	rc = client_request(ctl->client, "PUT", path, body, &answer);
	if (rc == 0)
		fprintf(ctl->terminal.out, "%s: %s\n", name, short_name(json_object_get(answer, "policy")));
	json_decref(answer);
	json_decref(body);
	free(path);
	free(escaped);
	return rc < 0 ? CTL_FAILED : CTL_OK;
}

static int put_disk_policy(struct ctl *ctl, const char *disk, const char *policy)
{
	json_t *device = ctl_find_device(ctl, disk);
	int rc = device ? put_policy(ctl, "devices", text_member(device, "id"), "/policy", policy) : CTL_FAILED;

	json_decref(device);
	return rc;
}

static int do_policies(struct ctl *ctl, char **words, int count)
{
	char level = count > 1 ? switch_of(words[1]) : 0;

	if (level == 'm' && count == 3)
		return put_policy(ctl, "policies/dsm", GENERIC_DSM, "", words[2]);
	if (level == 't' && count == 4)
		return put_policy(ctl, "policies/hardware-id", words[2], "", words[3]);
	if (level == 'd' && count == 4)
		return put_disk_policy(ctl, words[2], words[3]);
	return wrong_usage("-l takes -m POLICY, -t \"HARDWARE-ID\" POLICY, or -d DISK POLICY");
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

static void add_claimed(struct table *table, const json_t *claim)
{
	table_cell(table, COLOUR_NONE, "%s", text_member(claim, "value"));
	table_cell(table, COLOUR_NONE, "%d", (int)number_member(claim, "devices"));
}

static int do_claimed(struct ctl *ctl, char **words, int count)
{
	static const struct table_column columns[] = {
		{ "TARGET H/W IDENTIFIER", .cut = CUT_MIDDLE },
		{ "DEVICES", .right = true },
	};
	static const struct listing listing = {
		.path = V1 "/claims",
		.member = "claims",
		.columns = columns,
		.column_count = sizeof(columns) / sizeof(columns[0]),
		.add = add_claimed,
		.empty = "Nothing is claimed.",
	};

	(void)words;
	return count == 1 ? ctl_list(ctl, &listing) : wrong_usage("-h takes nothing more");
}

/* A disk with a designator of page 83h is one of SPC-3 (D2); the others are known by their serial number, or not at
 * all. */
static bool is_spc3(const char *id)
{
	return strncmp(id, "serial.", 7) != 0 && strncmp(id, "unidentified.", 13) != 0;
}

static void add_found(struct table *table, const json_t *device)
{
	bool claimed = json_is_true(json_object_get(device, "claimed"));

	table_cell(table, COLOUR_NONE, "\"%s\"", text_member(device, "hardware_id"));
	table_cell(table, COLOUR_NONE, "iSCSI");
	table_cell(table, claimed ? COLOUR_NONE : COLOUR_YELLOW, claimed ? "yes" : "no");
	table_cell(table, COLOUR_NONE, is_spc3(text_member(device, "id")) ? "yes" : "no");
	table_cell(table, COLOUR_NONE, "%s", text_member(device, "id"));
}

static int do_found(struct ctl *ctl, char **words, int count)
{
	static const struct table_column columns[] = {
		{ "TARGET H/W IDENTIFIER", .cut = CUT_NEVER },
		{ "BUS TYPE", .cut = CUT_NEVER },
		{ "MPIO-ED", .cut = CUT_NEVER },
		{ "SPC-3", .cut = CUT_NEVER },
		{ "DEVICE", .cut = CUT_MIDDLE },
	};
	static const struct listing listing = {
		.path = V1 "/devices",
		.member = "devices",
		.columns = columns,
		.column_count = sizeof(columns) / sizeof(columns[0]),
		.add = add_found,
		.empty = "No devices.",
	};

	(void)words;
	return count == 1 ? ctl_list(ctl, &listing) : wrong_usage("-e takes nothing more");
}

/* What belongs together for support: configuration, devices, links; no secrets. */
static int do_snapshot(struct ctl *ctl, char **words, int count)
{
	json_t *config, *devices, *links, *all;
	int rc;

	if (count > 2)
		return wrong_usage("-v takes one file, or none");
	config = client_get(ctl->client, V1 "/config");
	devices = config ? client_list(ctl->client, V1 "/devices", "devices") : NULL;
	links = devices ? client_list(ctl->client, V1 "/links", "links") : NULL;
	if (!links) {
		json_decref(devices);
		json_decref(config);
		return CTL_FAILED;
	}
	all = json_pack("{s:o}", "configuration", config);
	json_object_update(all, devices);
	json_object_update(all, links);
	json_decref(devices);
	json_decref(links);
	if (count == 1)
		return ctl_print_json(ctl, all);
	rc = json_dump_file(all, words[1], JSON_INDENT(2));
	json_decref(all);
	if (rc < 0) {
		fprintf(stderr, "mpclaim: cannot write %s: %s\n", words[1], strerror(errno));
		return CTL_FAILED;
	}
	fprintf(ctl->terminal.out, "Written: %s\n", words[1]);
	return CTL_OK;
}

/* ---- the switches ------------------------------------------------------------------------------------------------ */

static const struct {
	char letter;
	int (*run)(struct ctl *ctl, char **words, int count);
	const char *usage, *help;
} switches[] = {
	{ 'i', do_claims, "-i -d \"HARDWARE-ID\"... | -a \"\"", "claim the disks of these hardware IDs; all" },
	{ 'u', do_claims, "-u -d \"HARDWARE-ID\"... | -a \"\"", "remove these claims; the one of all" },
	{ 's', do_show, "-s -d [DISK] | -m", "disks with policy and module; the paths of one; policies of modules" },
	{ 'l', do_policies, "-l -m POLICY | -t \"HARDWARE-ID\" POLICY | -d DISK POLICY",
	  "set a policy: of the generic module, of a hardware ID, of a disk; 0 clears" },
	{ 'h', do_claimed, "-h", "the hardware IDs that are claimed" },
	{ 'e', do_found, "-e", "the devices that were found: claimed or not, SPC-3 or not" },
	{ 'v', do_snapshot, "-v [FILE]", "configuration, devices and links, without secrets" },
};

#define SWITCH_COUNT (sizeof(switches) / sizeof(switches[0]))

static int print_usage(void)
{
	printf("Usage: mpclaim [-r | -n] SWITCH...\nThe switches of Windows's tool. No restart is ever needed: -r and "
	       "-n are "
	       "taken, and do nothing.\n\n");
	for (size_t i = 0; i < SWITCH_COUNT; i++)
		printf("  %s\n      %s\n", switches[i].usage, switches[i].help);
	printf("\nDISK is a LUN. POLICY: 1 FOO, 2 RR, 3 RRWS, 4 LQD, 5 WP, 6 LB, 7 VS; 0 clears to the inherited "
	       "one.\n");
	return CTL_OK;
}

int command_mpclaim(struct ctl *ctl, char **words, int count)
{
	char letter;

	if (count && (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-?") == 0 || strcmp(words[0], "/?") == 0))
		return print_usage();
	if (count && (switch_of(words[0]) == 'r' || switch_of(words[0]) == 'n')) {
		if (!ctl->options->json)
			fprintf(ctl->terminal.out, "No restart is needed.\n");
		words++;
		count--;
		if (!count)
			return CTL_OK;
	}
	letter = count ? switch_of(words[0]) : 0;
	for (size_t i = 0; i < SWITCH_COUNT; i++)
		if (switches[i].letter == letter)
			return switches[i].run(ctl, words, count);
	return wrong_usage(count ? "unknown switch" : "a switch is missing");
}
