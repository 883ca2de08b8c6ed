#include "api/request.h"

#include "api/api.h"
#include "api/body.h"
#include "api/handover.h"
#include "api/problem.h"
#include "api/routes.h"
#include "gateway/base/memory.h"
#include "gateway/base/net.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DISCARD_MAX (2 * API_BODY_MAX) /* a body that is too long is read this far before the connection is cut */

struct request *request_create(const struct request_context *context, const char *target)
{
	size_t len = strlen(target) + 1;
	struct request *request = xcalloc(1, sizeof(*request) + len);

	request->context = context;
	request->status = MHD_HTTP_OK;
	memcpy(request->target, target, len);
	request->target_bad = uri_parse(request->target, &request->uri) < 0;
	return request;
}

void request_destroy(struct request *request)
{
	if (!request)
		return;
	json_decref(request->body);
	json_decref(request->output);
	if (request->response)
		MHD_destroy_response(request->response);
	free(request->location);
	free(request->text);
	free(request);
}

void request_answer_static(struct request *request, unsigned status, const char *type, const void *data, size_t len)
{
	request->status = status;
	request->response = MHD_create_response_from_buffer(len, (void *)(uintptr_t)data, MHD_RESPMEM_PERSISTENT);
	if (request->response)
		MHD_add_response_header(request->response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
}

int request_parse_number(const char *text, uint64_t *value)
{
	if (!*text || strspn(text, "0123456789") != strlen(text))
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, NULL, 10);
	return errno ? -EINVAL : 0;
}

bool request_number(struct request *request, const char *name, uint64_t preset, uint64_t min, uint64_t max,
		    uint64_t *value)
{
	const char *text = uri_argument(&request->uri, name);

	*value = preset;
	if (!text || (request_parse_number(text, value) == 0 && *value >= min && *value <= max))
		return true;
	problem_set(&request->problem, 400, "", "Bad query argument",
		    "%s must be a number from %" PRIu64 " to %" PRIu64 ".", name, min, max);
	return false;
}

bool request_flag(struct request *request, const char *name, bool *value)
{
	const char *text = uri_argument(&request->uri, name);

	*value = text && strcmp(text, "true") == 0;
	if (!text || *value || strcmp(text, "false") == 0)
		return true;
	problem_set(&request->problem, 400, "", "Bad query argument", "%s must be true or false.", name);
	return false;
}

/* ---- the answer ---- */

/* In every answer: the page runs its own files only, nobody frames it, and no type is guessed. */
static const struct {
	const char *name, *value;
} headers[] = {
	{ "Content-Security-Policy",
	  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
	  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "Referrer-Policy", "no-referrer" },
	{ "X-Frame-Options", "DENY" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Cache-Control", "no-store" },
};

static struct MHD_Response *text_response(char *text, size_t len, const char *type)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);

	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	else
		free(text);
	return response;
}

static struct MHD_Response *json_response(const json_t *json, const char *type)
{
	size_t len = json_dumpb(json, NULL, 0, JSON_COMPACT);
	char *text = xmalloc(len + 1);

	json_dumpb(json, text, len, JSON_COMPACT);
	text[len] = '\n';
	return text_response(text, len + 1, type);
}

static struct MHD_Response *problem_response(struct request *request)
{
	json_t *json = problem_json(&request->problem);
	struct MHD_Response *response = json_response(json, PROBLEM_TYPE);

	json_decref(json);
	request->status = (unsigned)request->problem.status;
	return response;
}

static struct MHD_Response *output_response(struct request *request)
{
	const struct route *route = request->route;
	char *text;
	size_t len;

	if (!request->output) {
		if (request->status == MHD_HTTP_OK)
			request->status = MHD_HTTP_NO_CONTENT;
		return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	}
	if (!route->render)
		return json_response(request->output, "application/json");
	text = route->render(request->output, &len);
	return text ? text_response(text, len, route->type) : NULL;
}

static void add_headers(struct request *request, struct MHD_Response *response)
{
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		MHD_add_response_header(response, headers[i].name, headers[i].value);
	if (request->allow[0])
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, request->allow);
	if (request->location && !request->problem.status)
		MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, request->location);
	if (request->status == MHD_HTTP_SERVICE_UNAVAILABLE)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	if (request->close)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

static enum MHD_Result request_send(struct request *request)
{
	struct MHD_Response *response = request->response;
	enum MHD_Result rc;

	request->response = NULL;
	if (request->problem.status)
		response = problem_response(request);
	else if (!response)
		response = output_response(request);
	if (!response)
		return MHD_NO; /* out of memory: the connection ends */
	add_headers(request, response);
	rc = MHD_queue_response(request->connection, request->status, response);
	MHD_destroy_response(response);
	return rc;
}

/* ---- the way in ---- */

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	head_add(arg, name, value);
	return MHD_YES;
}

static bool came_by_loopback(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct net_address local;

	return info && net_local(info->connect_fd, &local) == 0 && net_is_loopback(&local);
}

/* The method by which a route is found: HEAD is a GET whose body libmicrohttpd leaves out. */
static const char *routed_method(const char *method)
{
	return strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 ? MHD_HTTP_METHOD_GET : method;
}

static void find_route(struct request *request, const char *method)
{
	int status;

	if (strcmp(request->target, "*") == 0 && strcmp(method, MHD_HTTP_METHOD_OPTIONS) == 0) {
		str_copy(request->allow, sizeof(request->allow), "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
		return;
	}
	if (request->target_bad) {
		problem_set(&request->problem, 400, "", "Bad request target",
			    "The path or the query is malformed, or has too many parts.");
		return;
	}
	status = route_find(routed_method(method), &request->uri, &request->route, &request->id, request->allow,
			    sizeof(request->allow));
	if (status == 404)
		problem_set(&request->problem, 404, "", "Not Found", "There is nothing at this path.");
	else if (status == 405 && strcmp(method, MHD_HTTP_METHOD_OPTIONS) != 0)
		problem_set(&request->problem, 405, "", "Method Not Allowed", "This path takes %s.", request->allow);
	if (status == 0)
		request->allow[0] = '\0';
}

static bool check_arguments(struct request *request)
{
	const struct uri *uri = &request->uri;

	for (size_t i = 0; i < uri->argument_count; i++) {
		if (route_takes_argument(request->route, uri->arguments[i].name))
			continue;
		problem_set(&request->problem, 400, "", "Unknown query argument",
			    "This path has no query argument \"%.100s\".", uri->arguments[i].name);
		return false;
	}
	return true;
}

static bool method_changes(const char *method)
{
	return strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0 &&
	       strcmp(method, MHD_HTTP_METHOD_OPTIONS) != 0;
}

/* The head is complete. A body whose end is not known for certain, or that is announced as too long, is refused before
 * it comes, and the connection ends. Whatever else is wrong is kept as the problem, and the body is read all the same,
 * so that the client gets to hear it. */
static enum MHD_Result request_begin(struct request *request, const char *method)
{
	struct problem *problem = &request->problem;

	MHD_get_connection_values(request->connection, MHD_HEADER_KIND, on_header, &request->head);
	if (head_check_framing(&request->head, problem) && head_body_length(&request->head) > API_BODY_MAX)
		problem_set(problem, 413, "", "Body too large", "A body has at most %zu bytes.", API_BODY_MAX);
	if (problem->status) {
		request->close = true;
		request->phase = REQUEST_READY;
		return request_send(request);
	}
	request->phase = REQUEST_READING;
	find_route(request, method);
	if (!problem->status &&
	    head_check_access(&request->head, came_by_loopback(request->connection), method_changes(method), problem) &&
	    request->route)
		check_arguments(request);
	return MHD_YES;
}

/* A piece of the body. */
static enum MHD_Result request_take(struct request *request, const char *data, size_t len)
{
	size_t room = API_BODY_MAX - (request->text_len < API_BODY_MAX ? request->text_len : API_BODY_MAX);
	bool wanted = !request->problem.status && request->route && request->route->takes_body;

	if (len > room && request->problem.status != 413) {
		problem_set(&request->problem, 413, "", "Body too large", "A body has at most %zu bytes.",
			    API_BODY_MAX);
		request->close = true;
	} else if (wanted && len <= room) {
		if (request->text_len + len > request->text_capacity) {
			request->text_capacity = 2 * (request->text_len + len);
			request->text = xrealloc(request->text, request->text_capacity);
		}
		memcpy(request->text + request->text_len, data, len);
	}
	request->text_len += len;
	return request->text_len <= DISCARD_MAX ? MHD_YES : MHD_NO;
}

/* ---- the way to the control loop and back ---- */

static void request_run(struct gateway *gateway, void *arg)
{
	struct request *request = arg;

	request->route->run(request, gateway);
}

static void request_back(void *arg, bool ran)
{
	struct request *request = arg;

	if (!ran)
		problem_set(&request->problem, 503, "", "Service Unavailable", "The gateway is going down.");
	request->phase = REQUEST_READY;
	MHD_resume_connection(request->connection);
}

/* Suspends first: the control loop may be done before handover_post returns. Should the API be stopping, the resumed
 * connection is seen by its own thread before that thread ends. */
static enum MHD_Result request_leave(struct request *request)
{
	request->phase = REQUEST_AWAY;
	MHD_suspend_connection(request->connection);
	if (handover_post(request->context->handover, request_run, request_back, request) < 0)
		request_back(request, false);
	return MHD_YES;
}

/* The request is complete. */
static enum MHD_Result request_dispatch(struct request *request)
{
	const struct route *route = request->route;

	request->phase = REQUEST_READY;
	if (!request->problem.status && route) {
		if (route->takes_body)
			request->body = body_parse(request->text, request->text_len, &request->problem);
		if (!request->problem.status && route->local)
			route->local(request);
		if (!request->problem.status && !request->response && route->run)
			return request_leave(request);
	}
	return request_send(request);
}

enum MHD_Result request_step(struct request *request, struct MHD_Connection *connection, const char *method,
			     const char *data, size_t *size)
{
	size_t len = *size;

	request->connection = connection;
	switch (request->phase) {
	case REQUEST_NEW:
		return request_begin(request, method);
	case REQUEST_READING:
		if (len == 0)
			return request_dispatch(request);
		*size = 0;
		return request_take(request, data, len);
	case REQUEST_READY:
		if (len == 0)
			return request_send(request);
		*size = 0;
		return MHD_YES; /* refused already: what still comes is passed over */
	case REQUEST_AWAY:
		break; /* not called while suspended */
	}
	return MHD_YES;
}
