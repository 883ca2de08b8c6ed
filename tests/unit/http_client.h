/*
 * http_client.h - the API in front of a fake gateway, and a client that asks it: through libcurl, or byte by byte.
 */
#ifndef BRAID_HTTP_CLIENT_H
#define BRAID_HTTP_CLIENT_H

#include "api/api.h"
#include "gateway/control.h"

#include <curl/curl.h>
#include <jansson.h>

struct site {
	struct gateway *gateway;
	struct api *api;
	char address[NET_ADDRESS_MAX]; /* "127.0.0.1:port" */
};

/* Fixtures of cmocka: *state gets the site. */
int site_setup(void **state);
int site_teardown(void **state);
struct site *site_create(bool run); /* run: whether the control loop does */
void site_destroy(struct site *site);

struct reply {
	long status; /* 0: the connection ended without an answer */
	char *head; /* the header section */
	char *text;
	size_t len;
	json_t *json; /* NULL: the body is not JSON */
};

/* body NULL: none. A body is sent as application/json unless a header says otherwise. headers: NULL-terminated, or
 * NULL. */
struct reply http_request(const struct site *site, const char *method, const char *path, const char *body,
			  const char *const *headers);
struct reply http_get(const struct site *site, const char *path);
void reply_done(struct reply *reply);

/* Sends these bytes on a connection of its own and reads until it is closed. Only status and text (with the header
 * section) are set. */
struct reply http_raw(const struct site *site, const char *bytes, size_t len);
int http_connect(const struct site *site); /* a socket with a time limit */

/* The text member at a dotted path, or "". */
const char *reply_text(const struct reply *reply, const char *path);

/* Asserts a problem document with that status, and pointer (NULL: none); releases the reply. */
void assert_problem(struct reply reply, long status, const char *pointer);

#endif
