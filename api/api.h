/*
 * api.h - the management interface: REST under /api/v1, metrics, health, and the web page (libmicrohttpd).
 *
 * Each listen address has a thread of libmicrohttpd of its own. A request is read, checked and answered there; what
 * it wants to know or to change it does in a job on the control loop, while its connection is suspended. So the API
 * never touches a worker, and the control loop never formats JSON nor waits for a client.
 *
 * Life: api_create -> api_start -> api_stop -> api_destroy; one thread, the same for all four. The gateway must
 * outlive the API, except that jobs which api_stop had to give up may still lie in the control loop's mailbox: they do
 * nothing when they are delivered, and must be delivered (loop_destroy does) before the process counts its leaks.
 */
#ifndef BRAID_API_H
#define BRAID_API_H

#include "gateway/base/net.h"

#include <stddef.h>

#define API_PORT 8260
#define API_LISTEN_MAX 16
#define API_BODY_MAX ((size_t)1 << 20)

struct api;
struct gateway;

struct api_config {
	const char *const *listen; /* numeric "address[:port]"; the port defaults to API_PORT, 0 takes a free one */
	size_t listen_count; /* 1 .. API_LISTEN_MAX */
	struct gateway *control;
};

/* The strings of config are copied. */
struct api *api_create(const struct api_config *config);

/* 0, or -errno: -EINVAL for an address that is not numeric, what bind(2) says, -EIO when libmicrohttpd refuses. The
 * log names the address; nothing listens then. */
int api_start(struct api *api);

/* Ends every connection. Requests that wait for the control loop are answered 503, so it may be called when the loop
 * no longer runs, or on the loop's thread, but not inside a control_job. Without effect when nothing was started. */
void api_stop(struct api *api);
void api_destroy(struct api *api); /* takes NULL; stops first */

/* The address of listener `index` as bound ("127.0.0.1:8260"), NET_ADDRESS_MAX bytes. 0; -ENOENT: not listening. */
int api_address(const struct api *api, size_t index, char *text);

#endif
