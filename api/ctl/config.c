/* config.c - braidctl config snapshot. */
#include "api/ctl/command.h"

#include <string.h>

int command_config(struct ctl *ctl, char **arguments, int count)
{
	json_t *config;

	(void)count;
	if (strcmp(arguments[0], "snapshot") != 0) {
		fprintf(stderr, "braidctl: config takes: snapshot\n");
		return CTL_USAGE;
	}
	config = client_get(ctl->client, "/api/v1/config");
	return config ? ctl_print_json(ctl, config) : CTL_FAILED;
}
