/*
 * main.c - braidctl: the table of its commands, and the way to them.
 *
 * Exit status 0: done; 1: the request failed; 2: wrong usage.
 */
#include "api/ctl/command.h"

#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_OPTIONS (OPTION_ACTIVE | OPTION_STANDBY | OPTION_WEIGHT | OPTION_PREFERRED | OPTION_FAILBACK)
#define CHAP_OPTIONS (OPTION_USER | OPTION_SECRET_FILE | OPTION_MUTUAL_USER | OPTION_MUTUAL_SECRET_FILE)
#define BACKEND_OPTIONS (OPTION_IQN | OPTION_FENCE | CHAP_OPTIONS | OPTION_FORCE)

static const struct command commands[] = {
	{ "status", "", "the gateway at a glance", 0, 0, 0, command_status },
	{ "devices", "", "all devices, claimed or not", 0, 0, 0, command_devices },
	{ "device", "DEVICE", "one device with its paths", 0, 1, 1, command_device },
	{ "why", "DEVICE", "why its latest commands took the paths that they took", OPTION_REMARKABLE | OPTION_LIMIT, 1,
	  1, command_why },
	{ "paths", "", "the paths of all devices", 0, 0, 0, command_paths },
	{ "links", "", "the sessions with the arrays", 0, 0, 0, command_links },
	{ "backends", "", "the arrays", 0, 0, 0, command_backends },
	{ "backend", "add NAME PORTAL... | remove NAME", "add an array, or remove one", BACKEND_OPTIONS, 1, 65,
	  command_backend },
	{ "sessions", "", "the hosts that are logged in", 0, 0, 0, command_sessions },
	{ "claims", "", "what is claimed", 0, 0, 0, command_claims },
	{ "claim", "all | HARDWARE-ID | --device DEVICE", "claim devices", OPTION_DEVICE, 0, 1, command_claim },
	{ "unclaim", "CLAIM", "remove a claim", OPTION_FORCE, 1, 1, command_unclaim },
	{ "policies", "", "the policies that are not of one device", 0, 0, 0, command_policies },
	{ "policy", "DEVICE POLICY | --dsm NAME POLICY | --hardware-id ID POLICY",
	  "set a load-balance policy; \"inherit\" clears it", PATH_OPTIONS | OPTION_DSM | OPTION_HARDWARE_ID, 1, 2,
	  command_policy },
	{ "reservations", "DEVICE", "who has reserved a device, and who is registered", 0, 1, 1, command_reservations },
	{ "clear-reservations", "DEVICE", "all reservations and registrations of hosts go", 0, 1, 1,
	  command_clear_reservations },
	{ "throttle", "DEVICE|--dsm NAME [LIMIT=N]...|none", "slow a device down: iops, bytes_per_second", OPTION_DSM,
	  0, 3, command_throttle },
	{ "timers", "[DEVICE | --dsm NAME] [TIMER=VALUE]...", "timers in force, or new ones; \"inherit\" clears one",
	  OPTION_DSM, 0, 64, command_timers },
	{ "drain", "link|path|backend ID", "no new I/O there; what is in flight finishes", OPTION_FORCE, 2, 2,
	  command_drain },
	{ "resume", "link|path|backend ID", "I/O there again", 0, 2, 2, command_resume },
	{ "reconnect", "link|path|backend ID", "log in again now, not at the end of the wait", 0, 2, 2,
	  command_reconnect },
	{ "rehearse", "LINK", "take a link away for a while, and see what that does",
	  OPTION_SECONDS | OPTION_SILENT | OPTION_FORCE, 1, 1, command_rehearse },
	{ "dsms", "", "the device-specific modules and their order", 0, 0, 0, command_dsms },
	{ "events", "", "what happened", OPTION_FOLLOW, 0, 0, command_events },
	{ "mpclaim", "SWITCH...", "the switches of Windows's tool; also by a link of that name", 0, 0, INT_MAX,
	  command_mpclaim },
	{ "config", "snapshot", "the running configuration, without secrets", 0, 1, 1, command_config },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))
#define ARGUMENTS_WIDTH 38 /* of their column in the help */

/* What it does stands in the third column, if need be on a line of its own. */
static void print_command(const struct command *command)
{
	if (strlen(command->arguments) <= ARGUMENTS_WIDTH)
		printf("  %-18s %-*s %s\n", command->name, ARGUMENTS_WIDTH, command->arguments, command->summary);
	else
		printf("  %-18s %s\n%*s %s\n", command->name, command->arguments, 2 + 18 + 1 + ARGUMENTS_WIDTH, "",
		       command->summary);
}

static void print_help(void)
{
	printf("Usage: braidctl [OPTION]... COMMAND [ARGUMENT]...\n"
	       "Watches and commands a Braid gateway through its REST API.\n\nCommands:\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		print_command(&commands[i]);
	printf("\nDEVICE is a LUN number, a device's id, or as much of its start as is unambiguous.\n\nOptions:\n");
	options_print(~0u);
	printf("\nExit status: 0 done, 1 the request failed, 2 wrong usage.\n");
}

static void print_command_help(const struct command *command)
{
	printf("Usage: braidctl %s%s%s%s\n%s\n\nOptions:\n", command->name, command->options ? " [OPTION]..." : "",
	       *command->arguments ? " " : "", command->arguments, command->summary);
	options_print(command->options | OPTION_COMMON);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int wrong_usage(const struct command *command)
{
	fprintf(stderr, "Try \"braidctl %s%s--help\".\n", command ? command->name : "", command ? " " : "");
	return CTL_USAGE;
}

static int check_usage(const struct command *command, const struct options *options, int count)
{
	unsigned foreign = options->given & ~(command->options | OPTION_COMMON);

	if (foreign)
		fprintf(stderr, "braidctl: %s does not take --%s\n", command->name, options_name(foreign));
	else if (count < command->min_arguments)
		fprintf(stderr, "braidctl: %s needs %s\n", command->name, command->arguments);
	else if (count > command->max_arguments)
		fprintf(stderr, "braidctl: %s takes %s\n", command->name,
			*command->arguments ? command->arguments : "no argument");
	else
		return CTL_OK;
	return wrong_usage(command);
}

static int run(const struct command *command, const struct options *options, char **arguments, int count)
{
	const char *from_environment = getenv("BRAID_URL");
	struct ctl ctl = { .options = options };
	const char *url = CLIENT_DEFAULT_URL;
	int rc;

	if (options->url)
		url = options->url;
	else if (from_environment && *from_environment)
		url = from_environment;
	terminal_init(&ctl.terminal, stdout);
	ctl.client = client_create(url);
	rc = command->run(&ctl, arguments, count);
	client_destroy(ctl.client);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "braidctl: cannot write the output\n");
		return CTL_FAILED;
	}
	return rc;
}

/* The words after "mpclaim", whose switches are its own: where they begin, or 0 when it is not that command. */
static int mpclaim_words(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');

	if (strcmp(slash ? slash + 1 : argv[0], "mpclaim") == 0)
		return 1;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "mpclaim") == 0)
			return i + 1;
		if (argv[i][0] != '-')
			return 0;
		i += strcmp(argv[i], "-u") == 0 || strcmp(argv[i], "--url") == 0;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct command *command;
	struct options options;
	int first, rc, words = mpclaim_words(argc, argv);

	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_DFL); /* `braidctl events -f | head` ends */
	if (options_parse(&options, words ? words : argc, argv, &first) < 0)
		return wrong_usage(NULL);
	if (words && !options.help && !options.version)
		return run(find_command("mpclaim"), &options, argv + words, argc - words);
	if (options.version) {
		printf("braidctl %s\n", BRAID_VERSION);
		return CTL_OK;
	}
	if (first == argc) {
		if (options.help) {
			print_help();
			return CTL_OK;
		}
		fprintf(stderr, "braidctl: a command is missing\n");
		return wrong_usage(NULL);
	}
	command = find_command(argv[first]);
	if (!command) {
		fprintf(stderr, "braidctl: there is no command \"%s\"\n", argv[first]);
		return wrong_usage(NULL);
	}
	if (options.help) {
		print_command_help(command);
		return CTL_OK;
	}
	rc = check_usage(command, &options, argc - first - 1);
	return rc == CTL_OK ? run(command, &options, argv + first + 1, argc - first - 1) : rc;
}
