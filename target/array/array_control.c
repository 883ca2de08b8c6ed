#include "target/array/array_control.h"

#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "target/array/array.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_BYTES_MAX 4096
#define CLIENTS_MAX 64

struct array_control {
	struct array *array;
	struct loop *loop;
	char *path;
	int fd; /* -1: not listening */
	struct event *readable;
	struct list clients;
	size_t client_count;
};

struct client {
	struct list link;
	struct array_control *control;
	struct bufferevent *stream;
	bool busy; /* its command is under way */
	bool closing; /* nothing more will come from it */
	bool lost; /* nothing can go to it either */
};

static int unix_address(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return str_copy(address->sun_path, sizeof(address->sun_path), path) < sizeof(address->sun_path) ? 0
													: -ENAMETOOLONG;
}

/* What has not been sent yet is offered to the socket once more. */
static void client_destroy(struct client *client)
{
	struct evbuffer *output = bufferevent_get_output(client->stream);

	if (evbuffer_get_length(output)) {
		evbuffer_unfreeze(output, 1); /* the stream keeps others from its head */
		evbuffer_write(output, bufferevent_getfd(client->stream));
	}
	list_del(&client->link);
	client->control->client_count--;
	bufferevent_free(client->stream);
	free(client);
}

static void client_next(struct client *client);

static void client_answer(void *arg, struct evbuffer *text, const char *error)
{
	struct client *client = arg;

	client->busy = false;
	bufferevent_write_buffer(client->stream, text);
	evbuffer_add_printf(bufferevent_get_output(client->stream), error ? "error: %s\n" : "ok\n", error);
	client_next(client);
}

/* Starts the next command that is complete. Ends the client when it is gone and has all its answers. */
static void client_next(struct client *client)
{
	struct evbuffer *input = bufferevent_get_input(client->stream);
	struct evbuffer *output = bufferevent_get_output(client->stream);
	char *line;

	if (client->busy)
		return;
	if (client->lost)
		evbuffer_drain(output, evbuffer_get_length(output));
	line = evbuffer_readln(input, NULL, EVBUFFER_EOL_CRLF);
	if (line) {
		client->busy = true;
		array_command(client->control->array, line, client_answer, client);
		free(line);
	} else if (evbuffer_get_length(input) > LINE_BYTES_MAX || (client->closing && !evbuffer_get_length(output))) {
		client_destroy(client);
	}
}

static void client_on_data(struct bufferevent *stream, void *arg)
{
	(void)stream;
	client_next(arg);
}

/* The end of the input: what was asked before it is answered all the same. */
static void client_on_event(struct bufferevent *stream, short what, void *arg)
{
	struct client *client = arg;

	(void)stream;
	client->closing = true;
	client->lost |= what & BEV_EVENT_ERROR;
	client_next(client);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct array_control *control = arg;
	int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *client;

	(void)what;
	if (peer < 0)
		return;
	if (control->client_count == CLIENTS_MAX) {
		close(peer);
		return;
	}
	client = xcalloc(1, sizeof(*client));
	client->control = control;
	client->stream = bufferevent_socket_new(loop_base(control->loop), peer, BEV_OPT_CLOSE_ON_FREE);
	if (!client->stream) {
		close(peer);
		free(client);
		return;
	}
	list_add_tail(&control->clients, &client->link);
	control->client_count++;
	bufferevent_setwatermark(client->stream, EV_READ, 0, 2 * LINE_BYTES_MAX);
	bufferevent_setcb(client->stream, client_on_data, client_on_data, client_on_event, client);
	bufferevent_enable(client->stream, EV_READ | EV_WRITE);
}

struct array_control *array_control_create(struct array *array, struct loop *loop, const char *path)
{
	struct array_control *control = xcalloc(1, sizeof(*control));

	control->array = array;
	control->loop = loop;
	control->path = xstrdup(path);
	control->fd = -1;
	list_init(&control->clients);
	return control;
}

/* Removes a socket nobody listens on, and nothing else. */
static void remove_dead(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) && errno == ECONNREFUSED)
		unlink(address->sun_path);
	close(fd);
}

/* The descriptor or -errno. Only the owner may connect. */
static int listen_on(const char *path)
{
	struct sockaddr_un address;
	int err = unix_address(path, &address), fd;

	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	remove_dead(&address);
	if (!fchmod(fd, 0600) && !bind(fd, (struct sockaddr *)&address, sizeof(address)) && !listen(fd, CLIENTS_MAX))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int array_control_listen(struct array_control *control)
{
	int fd = listen_on(control->path);

	if (fd < 0) {
		log_error("array", "control=%s error=\"%s\"", control->path, strerror(-fd));
		return fd;
	}
	control->fd = fd;
	control->readable = event_new(loop_base(control->loop), fd, EV_READ | EV_PERSIST, on_accept, control);
	if (control->readable && !event_add(control->readable, NULL))
		return 0;
	array_control_close(control);
	return -ENOMEM;
}

void array_control_close(struct array_control *control)
{
	struct client *client;

	if (!control || control->fd < 0)
		return;
	if (control->readable)
		event_free(control->readable);
	control->readable = NULL;
	unlink(control->path);
	close(control->fd);
	control->fd = -1;
	list_for_each(client, &control->clients, link) {
		struct evbuffer *input = bufferevent_get_input(client->stream);

		bufferevent_disable(client->stream, EV_READ);
		evbuffer_drain(input, evbuffer_get_length(input));
	}
}

void array_control_destroy(struct array_control *control)
{
	struct client *client;

	if (!control)
		return;
	array_control_close(control);
	list_for_each(client, &control->clients, link)
		client_destroy(client);
	free(control->path);
	free(control);
}

/* Prints lines up to the last one of the answer. */
static int print_answer(FILE *stream)
{
	static const char error[] = "error: ";
	char line[LINE_BYTES_MAX];

	while (fgets(line, sizeof(line), stream)) {
		if (!strcmp(line, "ok\n"))
			return 0;
		if (!strncmp(line, error, sizeof(error) - 1)) {
			fprintf(stderr, "braid-array: %s", line + sizeof(error) - 1);
			return -1;
		}
		fputs(line, stdout);
	}
	fprintf(stderr, "braid-array: the connection was closed before the answer\n");
	return -1;
}

int array_control_send(const char *path, const char *command)
{
	struct sockaddr_un address;
	int fd = -1, err = unix_address(path, &address);
	FILE *stream = NULL;

	if (!err) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		err = fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
	}
	if (!err) {
		stream = fdopen(fd, "r+");
		err = !stream || fprintf(stream, "%s\n", command) < 0 || fflush(stream) ? -errno : 0;
	}
	if (err)
		fprintf(stderr, "braid-array: %s: %s\n", path, strerror(-err));
	else
		err = print_answer(stream);
	if (stream)
		fclose(stream);
	else if (fd >= 0)
		close(fd);
	return err ? -1 : 0;
}
