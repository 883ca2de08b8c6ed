#include "gateway/demo.h"

#include "gateway/base/log.h"
#include "gateway/base/memory.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARRAYS 2
#define PORTALS 4
#define FIRST_PORT 3261
#define READY_MS 10000

struct demo {
	pid_t arrays[ARRAYS];
	struct config *config;
	char state_dir[64];
};

/* braid-array stands beside braidd, wherever both were installed or built. */
static char *array_program(void)
{
	char self[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (len < 0)
		return xstrdup("braid-array");
	self[len] = '\0';
	slash = strrchr(self, '/');
	*slash = '\0';
	return xasprintf("%s/braid-array", self);
}

/* Where an array takes faults and tells its counters: `braid-array --send PATH help`. */
static void control_path(const struct demo *demo, unsigned n, char *path, size_t size)
{
	snprintf(path, size, "%s/array-%c.sock", demo->state_dir, 'a' + n);
}

static void run_array(const struct demo *demo, const char *program, unsigned n, int ready_fd)
{
	char iqn[64], portals[PORTALS][64], fd[16], control[128];
	const char *argv[32] = { "braid-array", "--exit-with-parent", "--log-level", "warn", "--ready-fd", fd, "--iqn",
				 iqn,           "--control",          control };
	unsigned argc = 10;

	snprintf(fd, sizeof(fd), "%d", ready_fd);
	control_path(demo, n, control, sizeof(control));
	snprintf(iqn, sizeof(iqn), "iqn.2026-11.org.example:array-%c", 'a' + n);
	for (unsigned p = 0; p < PORTALS; p++) {
		/* two controllers of two ports each */
		snprintf(portals[p], sizeof(portals[p]), "127.0.0.1:%u,%u", FIRST_PORT + n * PORTALS + p, 1 + p / 2);
		argv[argc++] = "--portal";
		argv[argc++] = portals[p];
	}
	for (unsigned lu = 0; lu < 2; lu++) {
		argv[argc++] = "--lu";
		argv[argc++] = lu ? "ram:256M:block=4096" : "ram:1G";
	}
	execv(program, (char *const *)argv);
	fprintf(stderr, "%s: %s\n", program, strerror(errno));
	_exit(127);
}

/* Waits for the line that an array writes when it listens; its end of the pipe closes when it dies: -ECHILD. */
static int await_ready(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char line[16];

	if (poll(&pfd, 1, READY_MS) != 1)
		return -ETIMEDOUT;
	return read(fd, line, sizeof(line)) > 0 ? 0 : -ECHILD;
}

static int start_array(struct demo *demo, const char *program, unsigned n)
{
	int fds[2], rc;

	if (pipe(fds) < 0)
		return -errno;
	demo->arrays[n] = fork();
	if (demo->arrays[n] == 0) {
		close(fds[0]);
		run_array(demo, program, n, fds[1]);
	}
	close(fds[1]);
	rc = demo->arrays[n] < 0 ? -errno : await_ready(fds[0]);
	close(fds[0]);
	return rc;
}

static void on_config_error(void *arg, const char *path, const char *message)
{
	(void)arg;
	log_error("demo", "%s: %s", path, message);
}

static struct config *build_config(const char *state_dir)
{
	json_t *backends = json_array(), *root;
	struct config *config;

	for (unsigned n = 0; n < ARRAYS; n++) {
		char name[16], portal[32];

		snprintf(name, sizeof(name), "array-%c", 'a' + n);
		snprintf(portal, sizeof(portal), "127.0.0.1:%u", FIRST_PORT + n * PORTALS);
		json_array_append_new(backends, json_pack("{s:s, s:[s]}", "name", name, "portals", portal));
	}
	root = json_pack("{s:{s:s, s:[s]}, s:o, s:[s], s:s}", "target", "iqn", "iqn.2026-11.org.example:braid",
			 "portals", "127.0.0.1:3260", "backends", backends, "claims", "all", "state_dir", state_dir);
	config = config_parse(root, "/", on_config_error, NULL);
	json_decref(root);
	return config;
}

struct demo *demo_start(void)
{
	struct demo *demo = xcalloc(1, sizeof(*demo));
	char *program = array_program();
	int rc = 0;

	snprintf(demo->state_dir, sizeof(demo->state_dir), "/tmp/braid-demo-XXXXXX");
	if (!mkdtemp(demo->state_dir)) {
		log_error("demo", "no place for the state error=%s", strerror(errno));
		rc = -errno;
	}
	for (unsigned n = 0; n < ARRAYS && rc == 0; n++)
		rc = start_array(demo, program, n);
	if (rc < 0)
		log_error("demo", "the arrays did not start program=%s error=\"%s\"", program,
			  rc == -ECHILD ? "it has ended; see above" : strerror(-rc));
	free(program);
	demo->config = rc == 0 ? build_config(demo->state_dir) : NULL;
	if (!demo->config) {
		demo_stop(demo);
		return NULL;
	}
	log_info("demo", "two arrays run; their control sockets are %s/array-{a,b}.sock", demo->state_dir);
	return demo;
}

const struct config *demo_config(const struct demo *demo)
{
	return demo->config;
}

void demo_stop(struct demo *demo)
{
	char state[128];

	if (!demo)
		return;
	for (unsigned n = 0; n < ARRAYS; n++)
		if (demo->arrays[n] > 0)
			kill(demo->arrays[n], SIGTERM);
	for (unsigned n = 0; n < ARRAYS; n++)
		if (demo->arrays[n] > 0)
			waitpid(demo->arrays[n], NULL, 0);
	for (unsigned n = 0; n < ARRAYS; n++) {
		control_path(demo, n, state, sizeof(state));
		unlink(state);
	}
	snprintf(state, sizeof(state), "%s/state.json", demo->state_dir);
	unlink(state);
	rmdir(demo->state_dir);
	config_destroy(demo->config);
	free(demo);
}
