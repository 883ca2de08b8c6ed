/* config.c - GET /api/v1/config. */
#include "api/resources.h"

void config_get(struct request *request, struct gateway *gateway)
{
	request->output = control_config(gateway);
	if (!request->output)
		problem_set(&request->problem, 500, "", "Internal Server Error", "The configuration cannot be shown.");
}
