/*
 * client.h - asks a gateway through its REST API (libcurl).
 *
 * What goes wrong is said on standard error, with the problem details that the gateway gave; the caller only has to
 * give up. One thread.
 */
#ifndef BRAID_CTL_CLIENT_H
#define BRAID_CTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define CLIENT_DEFAULT_URL "http://127.0.0.1:8260"

struct client;

struct client *client_create(const char *url); /* "http://address:port", also with a path in front of /api */
void client_destroy(struct client *client); /* takes NULL */

/* One request; body NULL: none. *answer gets what was answered (NULL for an answer without content), for the caller to
 * own. 0 for a 2xx status, otherwise -1. */
int client_request(struct client *client, const char *method, const char *path, const json_t *body, json_t **answer);

/* GET of the object at `path`; NULL when it failed. */
json_t *client_get(struct client *client, const char *path);

/* GET of a whole list, page after page, as { name: [items] }; NULL when it failed. */
json_t *client_list(struct client *client, const char *path, const char *name);

/* Follows the event stream: fn for each event with id > *since, which moves along. Returns when the stream ends or
 * breaks: 0 when it had been open, -1 when it could not be opened. */
int client_follow(struct client *client, const char *path, uint64_t *since, void (*fn)(const json_t *event, void *arg),
		  void *arg);

#endif
