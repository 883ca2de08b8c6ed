/*
 * resources.h - the handlers of the resources (status.c, devices.c, ...), and the JSON that several of them share.
 *
 * A handler with a struct gateway runs on the control loop; one without, on the API's thread (routes.h).
 */
#ifndef BRAID_API_RESOURCES_H
#define BRAID_API_RESOURCES_H

#include "api/request.h"

void status_get(struct request *request, struct gateway *gateway);
void devices_list(struct request *request, struct gateway *gateway);
void devices_get(struct request *request, struct gateway *gateway);
void commands_list(struct request *request, struct gateway *gateway);
void devices_patch(struct request *request, struct gateway *gateway);
void policies_get(struct request *request, struct gateway *gateway);
void policies_put_dsm(struct request *request, struct gateway *gateway);
void policies_put_hardware_id(struct request *request, struct gateway *gateway);
void policies_put_device(struct request *request, struct gateway *gateway);
void reservations_get(struct request *request, struct gateway *gateway);
void reservations_delete(struct request *request, struct gateway *gateway);
void links_list(struct request *request, struct gateway *gateway);
void links_drain(struct request *request, struct gateway *gateway);
void links_resume(struct request *request, struct gateway *gateway);
void links_reconnect(struct request *request, struct gateway *gateway);
void rehearsals_post(struct request *request, struct gateway *gateway);
void rehearsals_get(struct request *request, struct gateway *gateway);
void paths_drain(struct request *request, struct gateway *gateway);
void paths_resume(struct request *request, struct gateway *gateway);
void paths_reconnect(struct request *request, struct gateway *gateway);
void backends_list(struct request *request, struct gateway *gateway);
void backends_get(struct request *request, struct gateway *gateway);
void backends_post(struct request *request, struct gateway *gateway);
void backends_delete(struct request *request, struct gateway *gateway);
void backends_drain(struct request *request, struct gateway *gateway);
void backends_resume(struct request *request, struct gateway *gateway);
void backends_reconnect(struct request *request, struct gateway *gateway);
void sessions_list(struct request *request, struct gateway *gateway);
void claims_list(struct request *request, struct gateway *gateway);
void claims_post(struct request *request, struct gateway *gateway);
void claims_delete(struct request *request, struct gateway *gateway);
void timers_get_all(struct request *request, struct gateway *gateway);
void timers_patch(struct request *request, struct gateway *gateway);
void timers_patch_dsm(struct request *request, struct gateway *gateway);
void dsms_list(struct request *request, struct gateway *gateway);
void dsms_patch(struct request *request, struct gateway *gateway);
void events_list(struct request *request, struct gateway *gateway);
void events_stream(struct request *request);
void config_get(struct request *request, struct gateway *gateway);
void health_live(struct request *request);
void health_ready(struct request *request, struct gateway *gateway);
void page_get(struct request *request);

/* Objects as the API shows them; the caller owns them. Control loop. */
json_t *status_json(struct gateway *gateway);
json_t *device_json(const struct device_view *view);
json_t *device_json_by_id(struct gateway *gateway, const char *id); /* NULL: there is none */
json_t *link_json(const struct link_view *view);
json_t *timers_json(const struct timer_value *values); /* of TIMER_COUNT; those without a source are left out */
json_t *stall_json(const struct stall *stall);
json_t *event_json(const struct event_view *view);

/* NULL: no limit. source may be NULL. */
json_t *throttle_json(const struct throttle_limits *limits, const char *source);

/* The member "throttle" of a body, if it is there: limits, or null for none. False with a problem. */
bool throttle_read(const json_t *body, struct level_change *change, struct problem *problem);

/* An object of timers, each with its new value, or null to clear it. False with a problem. */
bool timers_read(const json_t *object, const char *pointer, bool of_gateway, struct level_change *change,
		 struct problem *problem);

#endif
