#include "api/routes.h"

#include "api/metrics.h"
#include "api/resources.h"

#include <stdio.h>
#include <string.h>

#define V1 "/api/v1"
#define PAGED "limit after"

const struct route routes[] = {
	{ "GET", V1 "/status", "Version, health, counts and totals of the gateway", .run = status_get },
	{ "GET", V1 "/devices", "All devices with their paths", PAGED, .run = devices_list },
	{ "GET", V1 "/devices/{id}", "One device with its paths", .run = devices_get },
	{ "GET", V1 "/devices/{id}/commands", "Why its latest commands took the paths that they took",
	  PAGED " remarkable", .run = commands_list },
	{ "PATCH", V1 "/devices/{id}", "Change or clear timers and throttle of a device", .takes_body = true,
	  .run = devices_patch },
	{ "PUT", V1 "/devices/{id}/policy", "Set or clear the load-balance policy of a device", .takes_body = true,
	  .run = policies_put_device },
	{ "GET", V1 "/devices/{id}/reservations", "The hosts' reservations of a device", .run = reservations_get },
	{ "DELETE", V1 "/devices/{id}/reservations", "All of them go, and the hosts are told",
	  .run = reservations_delete },
	{ "GET", V1 "/links", "The I_T nexuses to the arrays", PAGED, .run = links_list },
	{ "POST", V1 "/links/{id}/drain", "No new I/O on a link; what is in flight finishes", "force",
	  .run = links_drain },
	{ "POST", V1 "/links/{id}/resume", "I/O on it again", .run = links_resume },
	{ "POST", V1 "/links/{id}/reconnect", "The next attempt to log in is made now", .run = links_reconnect },
	{ "POST", V1 "/links/{id}/rehearse", "Take it away for a while, as a failure would", "force", .takes_body = true,
	  .run = rehearsals_post },
	{ "GET", V1 "/links/{id}/rehearse", "What that does, or did", .run = rehearsals_get },
	{ "POST", V1 "/paths/{id}/drain", "The same for one path", "force", .run = paths_drain },
	{ "POST", V1 "/paths/{id}/resume", "I/O on it again", .run = paths_resume },
	{ "POST", V1 "/paths/{id}/reconnect", "The same for its link", .run = paths_reconnect },
	{ "GET", V1 "/backends", "The arrays, as configured and as they fare", PAGED, .run = backends_list },
	{ "POST", V1 "/backends", "Add an array, at run time", .takes_body = true, .run = backends_post },
	{ "GET", V1 "/backends/{id}", "One array", .run = backends_get },
	{ "DELETE", V1 "/backends/{id}", "Remove an array; I/O in flight finishes first", "force", .run = backends_delete },
	{ "POST", V1 "/backends/{id}/drain", "The same for all links of an array", "force", .run = backends_drain },
	{ "POST", V1 "/backends/{id}/resume", "I/O on it again", .run = backends_resume },
	{ "POST", V1 "/backends/{id}/reconnect", "The next attempts to log in are made now",
	  .run = backends_reconnect },
	{ "GET", V1 "/sessions", "The hosts that are logged in", PAGED, .run = sessions_list },
	{ "GET", V1 "/claims", "What is claimed, and by which entry", PAGED, .run = claims_list },
	{ "POST", V1 "/claims", "Claim by hardware ID, one device, or all", .takes_body = true, .run = claims_post },
	{ "DELETE", V1 "/claims/{id}", "Remove a claim", "force", .run = claims_delete },
	{ "GET", V1 "/policies", "The policies that are not of one device, by level", .run = policies_get },
	{ "PUT", V1 "/policies/dsm/{id}", "Set or clear the policy of a DSM's devices", .takes_body = true,
	  .run = policies_put_dsm },
	{ "PUT", V1 "/policies/hardware-id/{id}", "The same for the devices of a hardware ID", .takes_body = true,
	  .run = policies_put_hardware_id },
	{ "GET", V1 "/timers", "The timers in force, of the gateway and of each DSM's devices", .run = timers_get_all },
	{ "PATCH", V1 "/timers", "Change or clear timers of the gateway", .takes_body = true, .run = timers_patch },
	{ "PATCH", V1 "/timers/dsm/{id}", "The same for the devices of a DSM", .takes_body = true,
	  .run = timers_patch_dsm },
	{ "GET", V1 "/dsms", "The device-specific modules, in the order in which they are asked", PAGED,
	  .run = dsms_list },
	{ "PATCH", V1 "/dsms/{id}", "Throttle the devices of a DSM, each of them, or no longer", .takes_body = true,
	  .run = dsms_patch },
	{ "GET", V1 "/events", "What happened; as text/event-stream: what happens", "since limit",
	  .local = events_stream, .run = events_list },
	{ "GET", V1 "/config", "The running configuration without secrets", .run = config_get },
	{ "GET", "/metrics", "Figures for Prometheus", .run = metrics_collect, .render = metrics_render,
	  .type = METRICS_TYPE },
	{ "GET", "/healthz", "200 while the process serves", .local = health_live },
	{ "GET", "/readyz", "200 when the target serves hosts, else 503", .run = health_ready },
	{ "GET", "/", "The page", .local = page_get },
	{ "GET", "/app.js", "Its script", .local = page_get },
	{ "GET", "/app.css", "Its style sheet", .local = page_get },
	{ "GET", "/favicon.svg", "Its icon", .local = page_get },
	{ .method = NULL },
};

/* Does the path fit? *id gets the segment that "{id}" stands for. */
static bool path_matches(const char *path, const struct uri *uri, const char **id)
{
	size_t i = 0;

	*id = NULL;
	path++; /* every path starts with a slash */
	while (*path) {
		size_t len = strcspn(path, "/");

		if (i == uri->segment_count)
			return false;
		if (len == 4 && memcmp(path, "{id}", 4) == 0) {
			if (!*uri->segments[i])
				return false;
			*id = uri->segments[i];
		} else if (strlen(uri->segments[i]) != len || memcmp(uri->segments[i], path, len) != 0) {
			return false;
		}
		i++;
		path += len + (path[len] == '/');
	}
	return i == uri->segment_count;
}

int route_find(const char *method, const struct uri *uri, const struct route **route, const char **id, char *allow,
	       size_t allow_size)
{
	size_t len = 0;

	*route = NULL;
	*allow = '\0';
	for (const struct route *candidate = routes; candidate->method; candidate++) {
		if (!path_matches(candidate->path, uri, id))
			continue;
		if (strcmp(candidate->method, method) == 0) {
			*route = candidate;
			return 0;
		}
		if (!strstr(allow, candidate->method) && len < allow_size)
			len += (size_t)snprintf(allow + len, allow_size - len, "%s%s", candidate->method,
						strcmp(candidate->method, "GET") == 0 ? ", HEAD, " : ", ");
	}
	*id = NULL;
	if (len == 0)
		return 404;
	if (len < allow_size)
		snprintf(allow + len, allow_size - len, "OPTIONS");
	return 405;
}

bool route_takes_argument(const struct route *route, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = route->arguments; at && *at; at += strcspn(at, " "), at += strspn(at, " "))
		if (strcspn(at, " ") == len && memcmp(at, name, len) == 0)
			return true;
	return false;
}
