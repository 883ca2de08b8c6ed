#include "api/api.h"

#include "api/handover.h"
#include "api/request.h"
#include "api/stream.h"
#include "gateway/base/log.h"
#include "gateway/base/memory.h"

#include <errno.h>
#include <jansson.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS_MAX 512u
#define CONNECTIONS_PER_ADDRESS 128u
#define CONNECTION_TIMEOUT_S 30u
#define CONNECTION_MEMORY ((size_t)32 << 10) /* bounds the header section */
#define LISTEN_BACKLOG 128

struct listener {
	char *text;
	struct MHD_Daemon *daemon; /* NULL: not started */
	struct net_address address;
};

struct api {
	struct handover *handover;
	struct streams *streams;
	struct request_context context;
	struct listener listeners[API_LISTEN_MAX];
	size_t listener_count;
};

/* ---- called by libmicrohttpd, on a listener's thread ---- */

static void *on_target(void *arg, const char *target, struct MHD_Connection *connection)
{
	const struct api *api = arg;

	(void)connection;
	return request_create(&api->context, target);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
				  const char *version, const char *data, size_t *size, void **request)
{
	(void)arg;
	(void)url;
	(void)version;
	return request_step(*request, connection, method, data, size);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **request,
			 enum MHD_RequestTerminationCode code)
{
	(void)arg;
	(void)connection;
	(void)code;
	request_destroy(*request);
	*request = NULL;
}

static void on_log(void *arg, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Mostly about what clients did, who must not be able to fill the log. */
static void on_log(void *arg, const char *fmt, va_list ap)
{
	char text[256];

	(void)arg;
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_debug("api", "http library says=\"%s\"", text);
}

/* ---- life ---- */

struct api *api_create(const struct api_config *config)
{
	struct api *api = xcalloc(1, sizeof(*api));

	json_object_seed(0); /* before there are threads that would race to do it */
	api->handover = handover_create(config->control);
	api->streams = streams_create(api->handover);
	api->context = (struct request_context){ .handover = api->handover, .streams = api->streams };
	for (size_t i = 0; i < config->listen_count && i < API_LISTEN_MAX; i++)
		api->listeners[api->listener_count++].text = xstrdup(config->listen[i]);
	return api;
}

/* The listening socket of "address[:port]", or -errno. */
static int listener_open(struct listener *listener)
{
	int fd;

	if (net_parse(listener->text, API_PORT, &listener->address) < 0 &&
	    net_parse(listener->text, 0, &listener->address) < 0) /* ":0" is refused beside a default */
		return -EINVAL;
	fd = net_listen(&listener->address, LISTEN_BACKLOG);
	if (fd >= 0)
		net_local(fd, &listener->address);
	return fd;
}

static int listener_start(struct listener *listener, struct api *api)
{
	char text[NET_ADDRESS_MAX];
	int fd = listener_open(listener);

	if (fd < 0)
		return fd;
	listener->daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request,
		api, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_URI_LOG_CALLBACK, on_target, api, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
		MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_TIMEOUT_S, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, CONNECTIONS_PER_ADDRESS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (!listener->daemon) {
		close(fd);
		return -EIO;
	}
	log_info("api", "listening address=%s", net_format(&listener->address, text));
	return 0;
}

int api_start(struct api *api)
{
	int rc = streams_start(api->streams);

	for (size_t i = 0; rc == 0 && i < api->listener_count; i++) {
		rc = listener_start(&api->listeners[i], api);
		if (rc < 0)
			log_error("api", "cannot listen address=%s error=%s", api->listeners[i].text, strerror(-rc));
	}
	if (rc < 0)
		api_stop(api);
	return rc;
}

/* Nothing may be suspended when a daemon stops: first everything that waits is sent back. */
void api_stop(struct api *api)
{
	streams_stop(api->streams);
	handover_stop(api->handover);
	for (size_t i = 0; i < api->listener_count; i++) {
		if (api->listeners[i].daemon)
			MHD_stop_daemon(api->listeners[i].daemon);
		api->listeners[i].daemon = NULL;
	}
}

void api_destroy(struct api *api)
{
	if (!api)
		return;
	api_stop(api);
	streams_destroy(api->streams);
	handover_release(api->handover);
	for (size_t i = 0; i < api->listener_count; i++)
		free(api->listeners[i].text);
	free(api);
}

int api_address(const struct api *api, size_t index, char *text)
{
	if (index >= api->listener_count || !api->listeners[index].daemon)
		return -ENOENT;
	net_format(&api->listeners[index].address, text);
	return 0;
}
