/* health.c - GET /healthz and GET /readyz, for whoever watches the process. */
#include "api/member.h"
#include "api/resources.h"

#include <stdio.h>
#include <string.h>

/* Does not ask the control loop: an API that answers is alive. */
void health_live(struct request *request)
{
	static const char text[] = "{\"alive\":true}\n";

	request_answer_static(request, MHD_HTTP_OK, "application/json", text, sizeof(text) - 1);
}

void health_ready(struct request *request, struct gateway *gateway)
{
	struct control_status status = { 0 };
	char detail[sizeof(request->problem.detail)] = "The target does not listen yet.";
	size_t len = 0;

	control_status(gateway, &status);
	if (status.ready) {
		request->output = json_object();
		member_bool(request->output, "ready", true);
		return;
	}
	for (size_t i = 0; i < sizeof(status.reasons) / sizeof(status.reasons[0]) && status.reasons[i]; i++)
		if (len < sizeof(detail))
			len += (size_t)snprintf(detail + len, sizeof(detail) - len, "%s%s", i ? " " : "",
						status.reasons[i]);
	problem_set(&request->problem, 503, "", "Not ready", "%s", detail);
}
