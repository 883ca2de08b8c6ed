/*
 * request.h - one HTTP request, from its first line to its answer.
 *
 * It belongs to the libmicrohttpd thread of its connection, except while it is away: from handover_post until back,
 * when the control loop has it and the connection is suspended.
 *
 * What a handler (routes.h) does: read id, uri and body, then either fill problem, or set output and perhaps status
 * and location.
 */
#ifndef BRAID_API_REQUEST_H
#define BRAID_API_REQUEST_H

#include "api/head.h"
#include "api/uri.h"
#include "gateway/control.h"

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

struct handover;
struct streams;
struct route;

/* What a request needs of the API around it; constant while requests live. */
struct request_context {
	struct handover *handover;
	struct streams *streams;
};

enum request_phase {
	REQUEST_NEW, /* the target is known, the head is not */
	REQUEST_READING, /* the body is coming in */
	REQUEST_AWAY, /* at the control loop */
	REQUEST_READY, /* the answer can be sent */
};

struct request {
	const struct request_context *context;
	struct MHD_Connection *connection;
	enum request_phase phase;
	bool target_bad, close; /* close: the connection ends with the answer */
	bool streaming; /* text/event-stream: the answer is a stream of its own */
	struct uri uri;
	struct head head;
	const struct route *route;
	const char *id; /* what stands for {id} in the path, decoded; NULL: no such part */
	char allow[64]; /* methods of this path, for 405 and OPTIONS */

	char *text; /* the body as it comes in */
	size_t text_len, text_capacity;
	json_t *body; /* the same, parsed; NULL: the route takes none */

	/* The answer. */
	struct problem problem; /* status != 0: this is it */
	unsigned status;
	json_t *output; /* NULL: no content, unless a response was made */
	char *location; /* Location; freed with the request */
	struct MHD_Response *response; /* made by a local handler, instead of output */

	char target[]; /* uri points into it */
};

/* `target` as on the request line, before any header field is known. */
struct request *request_create(const struct request_context *context, const char *target);
void request_destroy(struct request *request); /* takes NULL */

/* The access handler of libmicrohttpd: called with the head, with each piece of the body, at its end, and again when
 * the connection was resumed. */
enum MHD_Result request_step(struct request *request, struct MHD_Connection *connection, const char *method,
			     const char *data, size_t *size);

/* For local handlers: the answer is this text, which must be constant. */
void request_answer_static(struct request *request, unsigned status, const char *type, const void *data, size_t len);

/* The argument `name` as an unsigned number from min to max, `preset` when it is not given. False with a problem. */
bool request_number(struct request *request, const char *name, uint64_t preset, uint64_t min, uint64_t max,
		    uint64_t *value);

/* The argument `name` as "true" or "false" (also when it is not given). False with a problem. */
bool request_flag(struct request *request, const char *name, bool *value);

/* As a text that must be an unsigned decimal number; -EINVAL. */
int request_parse_number(const char *text, uint64_t *value);

#endif
