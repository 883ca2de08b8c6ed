/*
 * main.c - the program braid-array.
 */
#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "target/array/array.h"
#include "target/array/array_control.h"
#include "target/array/array_spec.h"
#include "target/array/number.h"

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define DRAIN_GRACE_US (2 * US_PER_S)
#define LUS_MAX 256
#define USERS_MAX 16

struct options {
	struct array_config array;
	struct array_portal_config portals[ARRAY_PORTALS_MAX];
	struct array_lu_config lus[LUS_MAX];
	struct target_user users[USERS_MAX];
	uint16_t next_lun;
	uint64_t ready_fd; /* 0: none */
	bool exit_with_parent;
	const char *send_path;
};

/* Each takes the value of an option; returns NULL or what is wrong with it. */
typedef const char *option_take(struct options *options, char *value);

static const char *take_iqn(struct options *options, char *value)
{
	options->array.iqn = value;
	return NULL;
}

static const char *take_portal(struct options *options, char *value)
{
	if (options->array.portal_count == ARRAY_PORTALS_MAX)
		return "too many portals";
	return array_spec_portal(value, &options->portals[options->array.portal_count++]);
}

static const char *take_lu(struct options *options, char *value)
{
	struct array_lu_config *lu = &options->lus[options->array.lu_count];
	const char *wrong;

	if (options->array.lu_count == LUS_MAX)
		return "too many logical units";
	lu->lun = options->next_lun;
	wrong = array_spec_lu(value, lu);
	options->array.lu_count++;
	options->next_lun = (uint16_t)(lu->lun + 1);
	return wrong;
}

static const char *take_chap(struct options *options, char *value)
{
	if (options->array.user_count == USERS_MAX)
		return "too many users";
	return array_spec_user(value, &options->users[options->array.user_count++]);
}

static const char *take_serial(struct options *options, char *value)
{
	options->array.serial = value;
	return *value && strlen(value) < 48 ? NULL : "1..47 characters";
}

static const char *take_vendor(struct options *options, char *value)
{
	options->array.vendor = value;
	return strlen(value) <= 8 ? NULL : "at most 8 characters";
}

static const char *take_product(struct options *options, char *value)
{
	options->array.product = value;
	return strlen(value) <= 16 ? NULL : "at most 16 characters";
}

static const char *take_alua(struct options *options, char *value)
{
	static const char *const modes[] = { "none", "implicit", "explicit", "both" };

	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (!strcmp(modes[i], value)) {
			options->array.tpgs = (enum ports_tpgs)i;
			return NULL;
		}
	}
	return "none, implicit, explicit or both";
}

static const char *take_transition(struct options *options, char *value)
{
	uint64_t seconds;

	if (number_parse(value, UINT8_MAX, &seconds))
		return "0..255";
	options->array.transition_s = (uint8_t)seconds;
	return NULL;
}

static const char *take_control(struct options *options, char *value)
{
	options->array.control_path = value;
	return NULL;
}

static const char *take_ready_fd(struct options *options, char *value)
{
	return number_parse(value, INT32_MAX, &options->ready_fd) || !options->ready_fd ? "not a descriptor" : NULL;
}

static const char *take_parent(struct options *options, char *value)
{
	(void)value;
	options->exit_with_parent = true;
	return NULL;
}

static const char *take_log_level(struct options *options, char *value)
{
	enum log_level level;

	(void)options;
	if (log_level_parse(value, &level))
		return "error, warn, info or debug";
	log_set_level(level);
	return NULL;
}

static const char *take_send(struct options *options, char *value)
{
	options->send_path = value;
	return NULL;
}

static option_take take_help, take_version;

static const struct {
	const char *name, *value; /* value NULL: takes none */
	option_take *take;
	const char *help;
} table[] = {
	{ "iqn", "IQN", take_iqn, "the target's name (default iqn.2026-11.org.example:array)" },
	{ "portal", "ADDRESS:PORT[,TPGT[,GROUP]]", take_portal,
	  "listen there; may be repeated (default 127.0.0.1:3261).\n"
	  "TPGT: the portal group tag (default: 1 for the first portal, and so on).\n"
	  "GROUP: the target port group (default: the same number)" },
	{ "lu", "ram:SIZE[:OPTION...] | file:PATH[:OPTION...]", take_lu,
	  "a logical unit; may be repeated. LUNs count from 0, or on from the last.\n"
	  "Options: size=SIZE (a file is made or extended), block=512|4096, lun=N,\n"
	  "serial=TEXT, name=TEXT, thick. Sizes may end in K, M, G or T" },
	{ "serial", "TEXT", take_serial,
	  "the array's serial number (default: derived from the IQN). Two arrays\n"
	  "with the same one and the same LUNs are two controllers of one array" },
	{ "vendor", "TEXT", take_vendor, "vendor in INQUIRY data (default BRAID)" },
	{ "product", "TEXT", take_product, "product in INQUIRY data (default RAM-DISK or FILE-DISK)" },
	{ "alua", "none|implicit|explicit|both", take_alua, "asymmetric access (default none)" },
	{ "transition-time", "SECONDS", take_transition, "implicit transition time that is reported" },
	{ "chap", "NAME:SECRET[:NAME:SECRET]", take_chap,
	  "require CHAP; the second pair is the array's own. For tests only: others\n"
	  "can read a command line" },
	{ "control", "PATH", take_control, "unix socket for commands" },
	{ "send", "PATH", take_send, "send the remaining words as a command to that socket, print the answer" },
	{ "ready-fd", "N", take_ready_fd, "write a line \"ready\" to descriptor N when the portals listen" },
	{ "exit-with-parent", NULL, take_parent, "end when the parent process does" },
	{ "log-level", "error|warn|info|debug", take_log_level, "default info" },
	{ "help", NULL, take_help, "this text" },
	{ "version", NULL, take_version, "the version" },
};

#define OPTION_COUNT (sizeof(table) / sizeof(table[0]))

static const char *take_help(struct options *options, char *value)
{
	(void)options;
	(void)value;
	printf("usage: braid-array [OPTION...] --lu SPEC...\n"
	       "       braid-array --send PATH COMMAND\n"
	       "A small iSCSI disk array for demos and tests.\n\n");
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		printf("  --%s%s%s\n\t", table[i].name, table[i].value ? " " : "",
		       table[i].value ? table[i].value : "");
		for (const char *p = table[i].help; *p; p++)
			printf(*p == '\n' ? "\n\t" : "%c", *p);
		printf("\n");
	}
	printf("\n`braid-array --send PATH help` lists the commands.\n");
	exit(EXIT_SUCCESS);
}

static const char *take_version(struct options *options, char *value)
{
	(void)options;
	(void)value;
	printf("braid-array %s\n", BRAID_VERSION);
	exit(EXIT_SUCCESS);
}

static void __attribute__((noreturn)) wrong_usage(const char *subject, const char *what)
{
	fprintf(stderr, "braid-array: %s: %s\nTry 'braid-array --help'.\n", subject, what);
	exit(EXIT_USAGE);
}

static void parse_options(struct options *options, int argc, char **argv)
{
	struct option list[OPTION_COUNT + 1] = { 0 };
	int index, found;

	for (size_t i = 0; i < OPTION_COUNT; i++)
		list[i] = (struct option){ .name = table[i].name,
					   .has_arg = table[i].value ? required_argument : no_argument };
	/* '+': the words of --send may look like options. */
	while ((found = getopt_long(argc, argv, "+", list, &index)) != -1) {
		const char *wrong;
		char subject[32];

		if (found == '?')
			exit(EXIT_USAGE); /* getopt has said why */
		wrong = table[index].take(options, optarg);
		snprintf(subject, sizeof(subject), "--%s", table[index].name);
		if (wrong)
			wrong_usage(subject, wrong);
	}
	if (options->send_path ? optind == argc : optind < argc)
		wrong_usage(options->send_path ? "--send" : argv[optind],
			    options->send_path ? "the command is missing" : "not an option");
	if (!options->send_path && !options->array.lu_count)
		wrong_usage("--lu", "at least one logical unit is needed");
}

static int send_command(const char *path, char **words, int count)
{
	char *line = xstrdup(words[0]);
	int err;

	for (int i = 1; i < count; i++) {
		char *longer = xasprintf("%s %s", line, words[i]);

		free(line);
		line = longer;
	}
	err = array_control_send(path, line);
	free(line);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The program while it serves; control loop. */
struct service {
	struct loop *control, *worker;
	struct array *array;
	struct event *signals[2];
	bool draining;
};

static void on_drained(void *arg)
{
	struct service *service = arg;

	loop_stop(service->control);
}

static void drain(void *arg)
{
	struct service *service = arg;

	if (service->draining)
		return;
	service->draining = true;
	array_drain(service->array, DRAIN_GRACE_US, on_drained, service);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	(void)what;
	log_info("array", "signal=%d", (int)number);
	drain(arg);
}

static void catch_signals(struct service *service)
{
	static const int numbers[] = { SIGTERM, SIGINT };

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < 2; i++) {
		service->signals[i] =
			event_new(loop_base(service->control), numbers[i], EV_SIGNAL | EV_PERSIST, on_signal, service);
		event_add(service->signals[i], NULL);
	}
}

static void say_ready(uint64_t fd)
{
	if (!fd)
		return;
	if (write((int)fd, "ready\n", 6) != 6)
		log_warn("array", "ready-fd=%d error=\"could not write\"", (int)fd);
	close((int)fd);
}

static int serve(struct options *options)
{
	struct service service = { .control = loop_create("control"), .worker = loop_create("worker") };
	int status = EXIT_FAILURE;

	catch_signals(&service);
	options->array.quit = drain;
	options->array.arg = &service;
	service.array = array_create(&options->array, service.control, service.worker);
	if (service.array && !loop_start(service.worker)) {
		if (!array_listen(service.array)) {
			say_ready(options->ready_fd);
			loop_run(service.control);
			status = EXIT_SUCCESS;
		}
		loop_stop(service.worker);
		loop_join(service.worker);
	}
	array_destroy(service.array);
	for (size_t i = 0; i < 2; i++)
		event_free(service.signals[i]);
	loop_destroy(service.worker);
	loop_destroy(service.control);
	return status;
}

int main(int argc, char **argv)
{
	static struct options options = { .array.iqn = "iqn.2026-11.org.example:array" };
	pid_t parent = getppid();

	parse_options(&options, argc, argv);
	if (options.send_path)
		return send_command(options.send_path, argv + optind, argc - optind);
	if (options.exit_with_parent) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent) /* it was faster */
			return EXIT_SUCCESS;
	}
	if (!options.array.portal_count)
		options.portals[options.array.portal_count++].address = "127.0.0.1:3261";
	options.array.portals = options.portals;
	options.array.lus = options.lus;
	options.array.users = options.users;
	return serve(&options);
}
