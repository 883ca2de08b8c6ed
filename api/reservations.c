/* reservations.c - GET and DELETE /api/v1/devices/{id}/reservations. */
#include "api/member.h"
#include "api/resources.h"

#include <inttypes.h>
#include <stdio.h>

static json_t *registration_json(const struct registration_view *view)
{
	json_t *json = json_object();
	char key[19];

	snprintf(key, sizeof(key), "0x%016" PRIx64, view->key);
	member_text(json, "initiator", view->initiator);
	member_text(json, "isid", view->isid);
	member_text(json, "key", key);
	member_bool(json, "holder", view->holder);
	return json;
}

static void take(const struct reservations_view *view, void *arg)
{
	struct request *request = arg;
	json_t *registrations = json_array();

	for (size_t i = 0; i < view->registration_count; i++)
		json_array_append_new(registrations, registration_json(&view->registrations[i]));
	request->output = json_object();
	member_text(request->output, "type", view->type);
	member_text(request->output, "reserved_by", view->reserver);
	member_bool(request->output, "persists", view->persists);
	member_uint(request->output, "generation", view->generation);
	member_json(request->output, "registrations", registrations);
}

void reservations_get(struct request *request, struct gateway *gateway)
{
	control_reservations(gateway, request->id, take, request, &request->problem);
}

void reservations_delete(struct request *request, struct gateway *gateway)
{
	if (control_clear_reservations(gateway, request->id, &request->problem) == 0)
		request->status = 204;
}
