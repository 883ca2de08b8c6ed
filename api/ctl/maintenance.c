/* maintenance.c - braidctl drain, resume, reconnect. */
#include "api/ctl/command.h"
#include "api/ctl/text.h"
#include "api/uri.h"
#include "gateway/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* The collection of the API that has objects of this kind; NULL: there is none. */
static const char *collection_of(const char *kind)
{
	static const char *const kinds[][2] = { { "link", "links" }, { "path", "paths" }, { "backend", "backends" } };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i][0], kind) == 0)
			return kinds[i][1];
	return NULL;
}

static int order(struct ctl *ctl, const char *action, char **arguments)
{
	const char *collection = collection_of(arguments[0]);
	char *id, *path;
	json_t *answer;
	int rc;

	if (!collection) {
		fprintf(stderr, "braidctl: %s takes one of: link, path, backend\n", action);
		return CTL_USAGE;
	}
	id = uri_escape(arguments[1]);
	path = xasprintf("/api/v1/%s/%s/%s%s", collection, id, action, ctl->options->force ? "?force=true" : "");
	rc = client_request(ctl->client, "POST", path, NULL, &answer);
	free(path);
	free(id);
	if (rc < 0)
		return CTL_FAILED;
	if (ctl->options->json)
		return ctl_print_json(ctl, answer);
	terminal_print(&ctl->terminal, COLOUR_NONE, "%s %s: %s", arguments[0], text_member(answer, "id"),
		       text_member(answer, "state"));
	fputc('\n', ctl->terminal.out);
	json_decref(answer);
	return CTL_OK;
}

int command_drain(struct ctl *ctl, char **arguments, int count)
{
	(void)count;
	return order(ctl, "drain", arguments);
}

int command_resume(struct ctl *ctl, char **arguments, int count)
{
	(void)count;
	return order(ctl, "resume", arguments);
}

int command_reconnect(struct ctl *ctl, char **arguments, int count)
{
	(void)count;
	return order(ctl, "reconnect", arguments);
}
