/* status.c - GET /api/v1/status. */
#include "api/member.h"
#include "api/resources.h"

static json_t *counts_json(const struct control_status *status)
{
	json_t *counts = json_object();

	member_uint(counts, "devices", status->devices);
	member_uint(counts, "claimed_devices", status->claimed_devices);
	member_uint(counts, "paths", status->paths);
	member_uint(counts, "paths_up", status->paths_up);
	member_uint(counts, "links", status->links);
	member_uint(counts, "links_up", status->links_up);
	member_uint(counts, "sessions", status->sessions);
	member_uint(counts, "backends", status->backends);
	member_uint(counts, "workers", status->workers);
	return counts;
}

json_t *status_json(struct gateway *gateway)
{
	struct control_status status = { 0 };
	json_t *json = json_object(), *target = json_object();

	control_status(gateway, &status);
	member_text(json, "version", status.version);
	member_uint(json, "uptime_us", status.uptime_us);
	member_bool(json, "healthy", status.healthy);
	member_bool(json, "ready", status.ready);
	member_texts(json, "reasons", status.reasons);
	member_json(json, "counts", counts_json(&status));
	member_uint(json, "worst_stall_us", status.worst_stall_us);
	member_text(json, "worst_stall_device", status.worst_stall_device);
	member_json(json, "worst_stall", stall_json(&status.worst_stall));
	member_text(target, "iqn", status.target_iqn);
	member_texts(target, "portals", status.portals);
	member_json(json, "target", target);
	member_figures(json, &status.figures);
	return json;
}

void status_get(struct request *request, struct gateway *gateway)
{
	request->output = status_json(gateway);
}
