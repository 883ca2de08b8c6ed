/* claims.c - braidctl claim, claims, unclaim. */
#include "api/ctl/command.h"
#include "api/ctl/text.h"
#include "api/uri.h"
#include "gateway/base/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CLAIMS "/api/v1/claims"

/* The body that asks for it; NULL: the device is not known, which was said. */
static json_t *claim_body(struct ctl *ctl, const char *what)
{
	json_t *device, *body;

	if (what && strcmp(what, "all") == 0)
		return json_pack("{s:b}", "all", 1);
	if (what)
		return json_pack("{s:s}", "hardware_id", what);
	device = ctl_find_device(ctl, ctl->options->device);
	if (!device)
		return NULL;
	body = json_pack("{s:O}", "device", json_object_get(device, "id"));
	json_decref(device);
	return body;
}

int command_claim(struct ctl *ctl, char **arguments, int count)
{
	json_t *body, *answer;
	int rc;

	if ((count == 1) == !!ctl->options->device) {
		fprintf(stderr, "braidctl: claim takes one of: all, a hardware ID, --device DEVICE\n");
		return CTL_USAGE;
	}
	body = claim_body(ctl, count ? arguments[0] : NULL);
	if (!body)
		return CTL_FAILED;
	rc = client_request(ctl->client, "POST", CLAIMS, body, &answer);
	json_decref(body);
	if (rc < 0)
		return CTL_FAILED;
	if (ctl->options->json)
		return ctl_print_json(ctl, answer);
	terminal_print(&ctl->terminal, COLOUR_NONE, "Claim %s covers %" PRIu64 " devices.", text_member(answer, "id"),
		       number_member(answer, "devices"));
	fputc('\n', ctl->terminal.out);
	json_decref(answer);
	return CTL_OK;
}

static void add_claim(struct table *table, const json_t *claim)
{
	bool from_config = json_is_true(json_object_get(claim, "from_config"));

	table_cell(table, COLOUR_NONE, "%s", text_member(claim, "id"));
	table_cell(table, COLOUR_NONE, "%s", text_member(claim, "kind"));
	table_cell(table, COLOUR_NONE, "%s", text_member(claim, "value"));
	table_cell(table, COLOUR_NONE, "%s", from_config ? "configuration" : "command");
	table_cell(table, COLOUR_NONE, "%" PRIu64, number_member(claim, "devices"));
}

int command_claims(struct ctl *ctl, char **arguments, int count)
{
	static const struct table_column columns[] = {
		{ "CLAIM", .cut = CUT_MIDDLE }, { "KIND", .cut = CUT_NEVER }, { "VALUE", .cut = CUT_MIDDLE },
		{ "FROM", .cut = CUT_NEVER },   { "DEVICES", .right = true },
	};
	static const struct listing listing = {
		.path = CLAIMS,
		.member = "claims",
		.columns = columns,
		.column_count = sizeof(columns) / sizeof(columns[0]),
		.add = add_claim,
		.empty = "Nothing is claimed.",
	};

	(void)arguments;
	(void)count;
	return ctl_list(ctl, &listing);
}

int command_unclaim(struct ctl *ctl, char **arguments, int count)
{
	char *id = uri_escape(arguments[0]);
	char *path = xasprintf(CLAIMS "/%s%s", id, ctl->options->force ? "?force=true" : "");
	json_t *answer;
	int rc = client_request(ctl->client, "DELETE", path, NULL, &answer);

	(void)count;
	json_decref(answer);
	free(path);
	free(id);
	return rc < 0 ? CTL_FAILED : CTL_OK;
}
