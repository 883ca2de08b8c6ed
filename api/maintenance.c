/* maintenance.c - POST /api/v1/{links,paths,backends}/{id}/{drain,resume,reconnect}. */
#include "api/member.h"
#include "api/resources.h"

static void answer(struct request *request, int rc, const char *state)
{
	if (rc < 0)
		return;
	request->status = 200;
	request->output = json_object();
	member_text(request->output, "id", request->id);
	member_text(request->output, "state", state);
}

static void drain(struct request *request, struct gateway *gateway, const char *kind)
{
	bool force;

	if (request_flag(request, "force", &force))
		answer(request, control_drain(gateway, kind, request->id, true, force, &request->problem), "draining");
}

static void resume(struct request *request, struct gateway *gateway, const char *kind)
{
	answer(request, control_drain(gateway, kind, request->id, false, false, &request->problem), "resumed");
}

static void reconnect(struct request *request, struct gateway *gateway, const char *kind)
{
	answer(request, control_reconnect(gateway, kind, request->id, &request->problem), "reconnecting");
}

#define HANDLER(name, action, kind)                                                                                    \
	void name(struct request *request, struct gateway *gateway)                                                    \
	{                                                                                                              \
		action(request, gateway, kind);                                                                        \
	}

HANDLER(paths_drain, drain, "path")
HANDLER(paths_resume, resume, "path")
HANDLER(paths_reconnect, reconnect, "path")
HANDLER(links_drain, drain, "link")
HANDLER(links_resume, resume, "link")
HANDLER(links_reconnect, reconnect, "link")
HANDLER(backends_drain, drain, "backend")
HANDLER(backends_resume, resume, "backend")
HANDLER(backends_reconnect, reconnect, "backend")
