/* braidd: reads its options, builds loops, gateway and API, runs, and takes them down again. */
#include "api/api.h"
#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "gateway/demo.h"
#include "gateway/gateway.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define CONFIG_DEFAULT "/etc/braid/braid.json"
#define WORKERS_MAX 64

struct daemon {
	const struct config *config;
	const char *config_file; /* NULL: demo */
	struct loop *control, *workers[WORKERS_MAX];
	unsigned worker_count, workers_started;
	struct gateway *gateway;
	struct api *api;
	struct event *signals[3];
};

static const char usage_text[] =
	"Usage: braidd [--config FILE | --demo] [--check-config] [--log-level LEVEL]\n"
	"\n"
	"Braid presents disks that it reaches over several iSCSI paths as disks of one iSCSI target.\n"
	"\n"
	"  --config FILE      configuration (default " CONFIG_DEFAULT ")\n"
	"  --check-config     only check it: every error with its JSON path; exit 0 or 1\n"
	"  --help-config      all configuration options with type, default and meaning\n"
	"  --demo             run with two embedded arrays of four portals each; no configuration, no root\n"
	"  --log-level LEVEL  error, warn, info (default) or debug\n"
	"  --version, --help\n";

static void on_config_error(void *arg, const char *path, const char *message)
{
	fprintf(stderr, "%s: %s%s%s\n", (const char *)arg, path, *path ? ": " : "", message);
}

/* ---- signals ----------------------------------------------------------------------------------------------------- */

static void on_stopped(void *arg)
{
	struct daemon *daemon = arg;

	loop_stop(daemon->control);
}

static void on_terminate(evutil_socket_t signal, short what, void *arg)
{
	struct daemon *daemon = arg;

	(void)what;
	log_info("main", "signal=%s drains and ends", strsignal((int)signal));
	sd_notify(0, "STOPPING=1");
	gateway_stop(daemon->gateway, on_stopped, daemon);
}

static void on_hangup(evutil_socket_t signal, short what, void *arg)
{
	struct daemon *daemon = arg;
	struct config *fresh;

	(void)signal;
	(void)what;
	if (!daemon->config_file) {
		log_warn("main", "there is no configuration file to reload");
		return;
	}
	fresh = config_load(daemon->config_file, on_config_error, (void *)(uintptr_t)daemon->config_file);
	if (!fresh) {
		log_error("main", "file=%s has errors; the running configuration stays", daemon->config_file);
		return;
	}
	gateway_reload(daemon->gateway, fresh);
}

static void watch_signals(struct daemon *daemon)
{
	static const struct {
		int signal;
		event_callback_fn fn;
	} table[] = { { SIGTERM, on_terminate }, { SIGINT, on_terminate }, { SIGHUP, on_hangup } };

	for (unsigned i = 0; i < 3; i++) {
		daemon->signals[i] = evsignal_new(loop_base(daemon->control), table[i].signal, table[i].fn, daemon);
		event_add(daemon->signals[i], NULL);
	}
}

/* ---- building and taking down --------------------------------------------------------------------------------- */

static void build_loops(struct daemon *daemon)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned wanted = daemon->config->workers ? daemon->config->workers : (unsigned)(cores > 0 ? cores : 1);
	char name[16];

	daemon->worker_count = wanted < WORKERS_MAX ? wanted : WORKERS_MAX;
	daemon->control = loop_create("control");
	for (unsigned w = 0; w < daemon->worker_count; w++) {
		snprintf(name, sizeof(name), "worker-%u", w % WORKERS_MAX);
		daemon->workers[w] = loop_create(name);
	}
}

static int start_workers(struct daemon *daemon)
{
	int rc = 0;

	while (daemon->workers_started < daemon->worker_count && rc == 0) {
		rc = loop_start(daemon->workers[daemon->workers_started]);
		daemon->workers_started += rc == 0;
	}
	return rc;
}

static int build(struct daemon *daemon)
{
	struct api_config api_config = {
		.listen = (const char *const *)daemon->config->api_listen,
		.listen_count = daemon->config->api_listen_count,
	};
	int rc;

	build_loops(daemon);
	daemon->gateway = gateway_create(daemon->config, daemon->control, daemon->workers, daemon->worker_count,
					 &initiator_libiscsi);
	if (!daemon->gateway)
		return -EINVAL;
	api_config.control = daemon->gateway;
	daemon->api = api_create(&api_config);
	rc = api_start(daemon->api);
	if (rc < 0)
		return rc;
	rc = start_workers(daemon);
	if (rc < 0)
		return rc;
	watch_signals(daemon);
	return gateway_start(daemon->gateway);
}

/* Delivers what the loops still have for each other: it carries memory. */
static void settle_loops(struct daemon *daemon)
{
	bool again = true;

	while (again) {
		again = loop_settle(daemon->control);
		for (unsigned w = 0; w < daemon->worker_count; w++)
			again |= loop_settle(daemon->workers[w]);
	}
}

static void take_down(struct daemon *daemon)
{
	for (unsigned w = 0; w < daemon->workers_started; w++)
		loop_stop(daemon->workers[w]);
	for (unsigned w = 0; w < daemon->workers_started; w++)
		loop_join(daemon->workers[w]);
	if (daemon->api)
		api_stop(daemon->api);
	settle_loops(daemon);
	api_destroy(daemon->api);
	gateway_destroy(daemon->gateway);
	for (unsigned i = 0; i < 3; i++)
		if (daemon->signals[i])
			event_free(daemon->signals[i]);
	for (unsigned w = 0; w < daemon->worker_count; w++)
		loop_destroy(daemon->workers[w]);
	loop_destroy(daemon->control);
}

static int run(const struct config *config, const char *config_file)
{
	struct daemon daemon = { .config = config, .config_file = config_file };
	int rc = build(&daemon);

	if (rc == 0) {
		log_info("main", "version=%s workers=%u target=%s ready", BRAID_VERSION, daemon.worker_count,
			 config->target.iqn);
		sd_notify(0, "READY=1");
		loop_run(daemon.control);
	} else {
		log_error("main", "the gateway could not be started");
	}
	take_down(&daemon);
	return rc == 0 ? 0 : 1;
}

static int run_demo(void)
{
	struct demo *demo = demo_start();
	int rc = demo ? run(demo_config(demo), NULL) : 1;

	demo_stop(demo);
	return rc;
}

static int run_configured(const char *file, bool check_only)
{
	struct config *config = config_load(file, on_config_error, (void *)(uintptr_t)file);
	int rc = config ? 0 : 1;

	if (check_only && config)
		printf("%s: ok\n", file);
	if (config && !check_only)
		rc = run(config, file);
	config_destroy(config);
	return rc;
}

/* libiscsi takes settings from LIBISCSI_*: ours alone count. */
static void clear_environment(void)
{
	for (size_t i = 0; environ[i];) {
		char name[64];
		size_t len = strcspn(environ[i], "=");

		if (strncmp(environ[i], "LIBISCSI_", 9) != 0 || len >= sizeof(name)) {
			i++;
			continue;
		}
		memcpy(name, environ[i], len);
		name[len] = '\0';
		unsetenv(name); /* moves the rest up */
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, 'k' },
		{ "help-config", no_argument, NULL, 'o' },
		{ "demo", no_argument, NULL, 'd' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *config_file = CONFIG_DEFAULT;
	bool check_only = false, demo = false;
	enum log_level level;
	int option;

	signal(SIGPIPE, SIG_IGN);
	clear_environment();
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			config_file = optarg;
			break;
		case 'k':
			check_only = true;
			break;
		case 'o':
			config_print_options();
			return 0;
		case 'd':
			demo = true;
			break;
		case 'l':
			if (log_level_parse(optarg, &level) < 0) {
				fprintf(stderr, "braidd: --log-level takes error, warn, info or debug\n");
				return 2;
			}
			log_set_level(level);
			break;
		case 'v':
			printf("braidd %s\n", BRAID_VERSION);
			return 0;
		case 'h':
			fputs(usage_text, stdout);
			return 0;
		default:
			fputs(usage_text, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fputs(usage_text, stderr);
		return 2;
	}
	return demo ? run_demo() : run_configured(config_file, check_only);
}
