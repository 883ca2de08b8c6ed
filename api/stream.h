/*
 * stream.h - events as they happen: server-sent events (WHATWG HTML, section 9.2).
 *
 * A stream is a response without end. Its connection is suspended while there is nothing to say. While streams are
 * open, a ticker sends an errand to the control loop four times a second, which collects what is new for each and
 * resumes those that have something, or whose client has hung up. After ten quiet seconds a comment is sent, which
 * keeps proxies patient and finds out clients that have vanished.
 */
#ifndef BRAID_API_STREAM_H
#define BRAID_API_STREAM_H

#include <microhttpd.h>
#include <stdint.h>

#define STREAM_TYPE "text/event-stream"
#define STREAMS_MAX 64
#define STREAM_TICK_MS 250
#define STREAM_HEARTBEAT_MS 10000

struct handover;
struct streams;

struct streams *streams_create(struct handover *handover);
void streams_destroy(struct streams *streams); /* takes NULL; after the daemons are gone */

int streams_start(struct streams *streams); /* 0 or -errno */

/* Every stream ends, every connection is resumed, and no new stream begins. */
void streams_stop(struct streams *streams);

/* A response that sends the events with id > since, for `connection` alone. When the gateway has not come as far as
 * `since` (it has restarted), all events are sent. NULL: too many streams, or the API is going down. On the thread of
 * the connection. */
struct MHD_Response *stream_response(struct streams *streams, struct MHD_Connection *connection, uint64_t since);

#endif
