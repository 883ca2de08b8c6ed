#include "api/head.h"

#include "gateway/base/net.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	size_t offset;
	bool once;
} fields[] = {
	{ "Host", offsetof(struct head, host), true },
	{ "Origin", offsetof(struct head, origin), true },
	{ "Content-Type", offsetof(struct head, content_type), true },
	{ "Content-Length", offsetof(struct head, content_length), true },
	{ "Transfer-Encoding", offsetof(struct head, transfer_encoding), true },
	{ "Accept", offsetof(struct head, accept), false },
	{ "Last-Event-ID", offsetof(struct head, last_event_id), false },
};

void head_add(struct head *head, const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strcasecmp(name, fields[i].name) != 0)
			continue;
		const char **member = (const char **)(void *)((char *)head + fields[i].offset);

		if (*member && fields[i].once)
			head->repeated = true;
		*member = value ? value : "";
	}
}

uint64_t head_body_length(const struct head *head)
{
	return head->content_length ? strtoull(head->content_length, NULL, 10) : 0;
}

bool head_has_body(const struct head *head)
{
	return head->transfer_encoding || head_body_length(head) > 0;
}

bool head_check_framing(const struct head *head, struct problem *problem)
{
	const char *what = NULL;

	if (head->repeated)
		what = "A header field that may stand once stands twice.";
	else if (head->transfer_encoding && head->content_length)
		what = "Content-Length and Transfer-Encoding exclude each other.";
	else if (head->transfer_encoding && strcasecmp(head->transfer_encoding, "chunked") != 0)
		what = "The only transfer coding that is taken is chunked.";
	else if (head->content_length && strspn(head->content_length, "0123456789") != strlen(head->content_length))
		what = "Content-Length is not a number.";
	if (what)
		problem_set(problem, 400, "", "Ambiguous message", "%s", what);
	return !what;
}

/* "localhost" or a literal address, each with or without a port. */
static bool host_is_local_name(const char *host)
{
	struct net_address address;

	if (strncasecmp(host, "localhost", 9) == 0 && (host[9] == '\0' || host[9] == ':'))
		return true;
	return net_parse(host, 80, &address) == 0;
}

/* Is `origin` (scheme "://" host [":" port], RFC 6454 section 7) the one that Host names? "null" never is. */
static bool origin_is_host(const char *origin, const char *host)
{
	const char *authority = strstr(origin, "://");

	return authority && host && strcasecmp(authority + 3, host) == 0;
}

static bool type_is_json(const char *type)
{
	static const char json[] = "application/json";
	size_t len = sizeof(json) - 1;

	if (!type || strncasecmp(type, json, len) != 0)
		return false;
	return type[len] == '\0' || type[len] == ';' || type[len] == ' ' || type[len] == '\t';
}

bool head_check_access(const struct head *head, bool loopback, bool changes, struct problem *problem)
{
	if (loopback && head->host && !host_is_local_name(head->host)) {
		problem_set(problem, 403, "", "Host not allowed",
			    "On a loopback address the Host must be localhost or a numeric address.");
		return false;
	}
	if (!changes)
		return true;
	if (head->origin && !origin_is_host(head->origin, head->host)) {
		problem_set(problem, 403, "", "Cross-origin request",
			    "A page of another origin (%.100s) may not change anything here.", head->origin);
		return false;
	}
	if (head_has_body(head) && !type_is_json(head->content_type)) {
		problem_set(problem, 415, "", "Unsupported media type",
			    "The body must be sent with Content-Type: application/json.");
		return false;
	}
	return true;
}
