/*
 * head.h - the header fields of a request that matter, and what must hold between them.
 *
 * A browser on an administrator's desk can be made to send requests here by any page it shows. Three checks keep them
 * out: a loopback listener takes only Host names that no foreign DNS can own (DNS rebinding), a change must come from
 * our own origin, and a body must be application/json, which a cross-origin form cannot send without being asked.
 * Messages whose length could be read in two ways are refused (RFC 9112 section 6.3). Pure; any thread.
 */
#ifndef BRAID_API_HEAD_H
#define BRAID_API_HEAD_H

#include "gateway/control.h"

#include <stdbool.h>
#include <stdint.h>

struct head {
	const char *host, *origin, *content_type, *accept, *last_event_id; /* NULL: not sent */
	const char *content_length, *transfer_encoding;
	bool repeated; /* a field came twice that may come once */
};

/* Takes one header field. The strings are kept. */
void head_add(struct head *head, const char *name, const char *value);

/* The announced length of the body; 0: none, or it is chunked. */
uint64_t head_body_length(const struct head *head);
bool head_has_body(const struct head *head);

/* Can the end of this message be read in one way only? False with a problem of status 400. */
bool head_check_framing(const struct head *head, struct problem *problem);

/* May this request be made? `loopback`: it came to a loopback address; `changes`: its method is not a safe one. False
 * with a problem of status 403 or 415. */
bool head_check_access(const struct head *head, bool loopback, bool changes, struct problem *problem);

#endif
