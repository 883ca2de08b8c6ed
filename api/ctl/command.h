/*
 * command.h - what a command of braidctl is, and all of them.
 *
 * A command asks the gateway through its client, prints to out, reports errors to standard error, and returns the exit
 * status of the program.
 */
#ifndef BRAID_CTL_COMMAND_H
#define BRAID_CTL_COMMAND_H

#include "api/ctl/client.h"
#include "api/ctl/options.h"
#include "api/ctl/table.h"

enum ctl_exit { CTL_OK = 0, CTL_FAILED = 1, CTL_USAGE = 2 };

struct ctl {
	const struct options *options;
	struct client *client;
	struct terminal terminal;
};

struct command {
	const char *name, *arguments, *summary;
	unsigned options; /* OPTION_* that it takes besides the common ones */
	int min_arguments, max_arguments;
	int (*run)(struct ctl *ctl, char **arguments, int count);
};

int command_status(struct ctl *ctl, char **arguments, int count);
int command_devices(struct ctl *ctl, char **arguments, int count);
int command_device(struct ctl *ctl, char **arguments, int count);
int command_why(struct ctl *ctl, char **arguments, int count);
int command_paths(struct ctl *ctl, char **arguments, int count);
int command_links(struct ctl *ctl, char **arguments, int count);
int command_backends(struct ctl *ctl, char **arguments, int count);
int command_backend(struct ctl *ctl, char **arguments, int count);
int command_sessions(struct ctl *ctl, char **arguments, int count);
int command_claim(struct ctl *ctl, char **arguments, int count);
int command_claims(struct ctl *ctl, char **arguments, int count);
int command_unclaim(struct ctl *ctl, char **arguments, int count);
int command_policies(struct ctl *ctl, char **arguments, int count);
int command_policy(struct ctl *ctl, char **arguments, int count);
int command_reservations(struct ctl *ctl, char **arguments, int count);
int command_clear_reservations(struct ctl *ctl, char **arguments, int count);
int command_throttle(struct ctl *ctl, char **arguments, int count);
int command_timers(struct ctl *ctl, char **arguments, int count);
int command_drain(struct ctl *ctl, char **arguments, int count);
int command_resume(struct ctl *ctl, char **arguments, int count);
int command_reconnect(struct ctl *ctl, char **arguments, int count);
int command_rehearse(struct ctl *ctl, char **arguments, int count);
int command_dsms(struct ctl *ctl, char **arguments, int count);
int command_events(struct ctl *ctl, char **arguments, int count);
int command_mpclaim(struct ctl *ctl, char **words, int count);
int command_config(struct ctl *ctl, char **arguments, int count);

/* A collection of the API as a table. */
struct listing {
	const char *path, *member; /* of the collection; of its rows in the answer */
	const struct table_column *columns;
	size_t column_count;
	void (*add)(struct table *table, const json_t *row); /* the cells of one, or of several rows */
	const char *empty; /* printed when there is no row */
};

/* All of it, or as JSON; an exit status. */
int ctl_list(struct ctl *ctl, const struct listing *listing);

/* Prints the answer as JSON and releases it; returns CTL_OK. */
int ctl_print_json(struct ctl *ctl, json_t *answer);

/* The device that `name` means: its LUN number, its id, or a prefix that only its id has. The caller owns it; NULL
 * when there is none or the prefix fits several, which was said. */
json_t *ctl_find_device(struct ctl *ctl, const char *name);

/* "timeouts 80 + fences 50 + ... s" */
void ctl_print_stall(const struct terminal *terminal, const json_t *stall);

/* The colour for a state of a device, path or link. */
enum colour ctl_state_colour(const char *state);

#endif
