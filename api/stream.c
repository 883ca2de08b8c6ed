#include "api/stream.h"

#include "api/handover.h"
#include "api/resources.h"
#include "gateway/base/list.h"
#include "gateway/base/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EVENTS_A_TICK 256 /* for one stream: what it takes at a time bounds its memory */

struct streams {
	struct handover *handover;
	pthread_t ticker;
	bool ticking; /* the thread exists */
	pthread_mutex_t lock; /* for everything below, and for the streams */
	pthread_cond_t wake; /* the ticker's: a first stream, or the end */
	struct list open;
	unsigned count;
	bool away, stopped; /* away: the errand is at the control loop */
};

struct stream {
	struct list link;
	struct streams *streams;
	struct MHD_Connection *connection;
	int fd; /* the connection's, for a look whether the client is there */
	bool suspended, gone;
	uint64_t last_id; /* collected so far */
	uint64_t quiet_ticks; /* since something was sent */
	json_t *fresh; /* collected, not yet text; NULL: none */

	/* The connection's thread only. */
	char *text;
	size_t len, sent;
};

/* ---- on the control loop ---- */

static bool collect_event(const struct event_view *view, void *arg)
{
	struct stream *stream = arg;

	if (!stream->fresh)
		stream->fresh = json_array();
	json_array_append_new(stream->fresh, event_json(view));
	stream->last_id = view->id;
	return json_array_size(stream->fresh) < EVENTS_A_TICK;
}

static void streams_collect(struct gateway *gateway, void *arg)
{
	struct streams *streams = arg;
	struct stream *stream;

	pthread_mutex_lock(&streams->lock);
	list_for_each(stream, &streams->open, link) {
		if (stream->fresh)
			continue; /* a slow reader */
		if (control_each_event(gateway, stream->last_id, collect_event, stream) < stream->last_id)
			stream->last_id = 0;
	}
	pthread_mutex_unlock(&streams->lock);
}

/* ---- the ticker ---- */

static void stream_resume(struct stream *stream)
{
	if (!stream->suspended)
		return;
	stream->suspended = false;
	MHD_resume_connection(stream->connection);
}

/* Nobody reads a suspended connection: that its client has gone is for us to notice. */
static bool stream_is_left(const struct stream *stream)
{
	struct pollfd look = { .fd = stream->fd, .events = POLLRDHUP };

	return poll(&look, 1, 0) > 0;
}

static void stream_tick(struct stream *stream)
{
	if (!stream->suspended)
		return; /* it has something to send already */
	stream->gone = stream_is_left(stream);
	if (stream->gone || stream->fresh || ++stream->quiet_ticks >= STREAM_HEARTBEAT_MS / STREAM_TICK_MS)
		stream_resume(stream);
}

static void streams_back(void *arg, bool ran)
{
	struct streams *streams = arg;
	struct stream *stream;

	(void)ran;
	pthread_mutex_lock(&streams->lock);
	streams->away = false;
	list_for_each(stream, &streams->open, link)
		stream_tick(stream);
	pthread_mutex_unlock(&streams->lock);
}

/* With the lock held: sleeps for a tick, or until the end. */
static void ticker_sleep(struct streams *streams)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += STREAM_TICK_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!streams->stopped && pthread_cond_timedwait(&streams->wake, &streams->lock, &until) != ETIMEDOUT)
		;
}

static void *ticker_main(void *arg)
{
	struct streams *streams = arg;

	pthread_mutex_lock(&streams->lock);
	while (!streams->stopped) {
		if (list_empty(&streams->open)) {
			pthread_cond_wait(&streams->wake, &streams->lock);
			continue;
		}
		if (!streams->away) {
			streams->away = true;
			pthread_mutex_unlock(&streams->lock); /* the handover's lock goes before ours, never after */
			handover_post(streams->handover, streams_collect, streams_back, streams);
			pthread_mutex_lock(&streams->lock);
		}
		ticker_sleep(streams);
	}
	pthread_mutex_unlock(&streams->lock);
	return NULL;
}

/* ---- on the connection's thread ---- */

/* Text of the events collected, or of a heartbeat; what was there has been sent. */
static void stream_format(struct stream *stream, json_t *events)
{
	FILE *out;
	size_t i;
	json_t *event;

	free(stream->text);
	stream->text = NULL;
	stream->sent = stream->len = 0;
	out = open_memstream(&stream->text, &stream->len);
	if (!out)
		return;
	if (!events)
		fputs(": still here\n\n", out);
	json_array_foreach(events, i, event) {
		fprintf(out, "id: %" JSON_INTEGER_FORMAT "\ndata: ", json_integer_value(json_object_get(event, "id")));
		json_dumpf(event, out, JSON_COMPACT);
		fputs("\n\n", out);
	}
	fclose(out);
}

/* Gets what there is to send, or suspends the connection. False: the stream has ended. */
static bool stream_refill(struct stream *stream)
{
	struct streams *streams = stream->streams;
	json_t *events;
	bool ended, beat;

	pthread_mutex_lock(&streams->lock);
	events = stream->fresh;
	ended = streams->stopped || stream->gone;
	stream->fresh = NULL;
	beat = stream->quiet_ticks >= STREAM_HEARTBEAT_MS / STREAM_TICK_MS;
	if (events || beat) {
		stream->quiet_ticks = 0;
	} else if (!ended) {
		stream->suspended = true;
		MHD_suspend_connection(stream->connection);
	}
	pthread_mutex_unlock(&streams->lock);
	if (events || beat)
		stream_format(stream, events);
	json_decref(events);
	return !ended;
}

static ssize_t stream_read(void *arg, uint64_t pos, char *buffer, size_t size)
{
	struct stream *stream = arg;
	size_t len;

	(void)pos;
	if (stream->sent == stream->len && !stream_refill(stream))
		return MHD_CONTENT_READER_END_OF_STREAM;
	len = stream->len - stream->sent < size ? stream->len - stream->sent : size;
	if (len)
		memcpy(buffer, stream->text + stream->sent, len);
	stream->sent += len;
	return (ssize_t)len;
}

static void stream_free(void *arg)
{
	struct stream *stream = arg;
	struct streams *streams = stream->streams;

	pthread_mutex_lock(&streams->lock);
	list_del(&stream->link);
	streams->count--;
	pthread_mutex_unlock(&streams->lock);
	json_decref(stream->fresh);
	free(stream->text);
	free(stream);
}

static struct stream *stream_open(struct streams *streams, struct MHD_Connection *connection, uint64_t since)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct stream *stream = NULL;

	pthread_mutex_lock(&streams->lock);
	if (!streams->stopped && streams->count < STREAMS_MAX) {
		stream = xcalloc(1, sizeof(*stream));
		stream->streams = streams;
		stream->connection = connection;
		stream->fd = info ? info->connect_fd : -1; /* poll(2) passes over -1 */
		stream->last_id = since;
		list_add_tail(&streams->open, &stream->link);
		if (streams->count++ == 0)
			pthread_cond_signal(&streams->wake);
	}
	pthread_mutex_unlock(&streams->lock);
	return stream;
}

struct MHD_Response *stream_response(struct streams *streams, struct MHD_Connection *connection, uint64_t since)
{
	static const char greeting[] = "retry: 2000\n\n"; /* milliseconds until a client connects again */
	struct stream *stream = stream_open(streams, connection, since);
	struct MHD_Response *response;

	if (!stream)
		return NULL;
	stream->text = xstrdup(greeting);
	stream->len = sizeof(greeting) - 1;
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, stream_read, stream, stream_free);
	if (!response) {
		stream_free(stream);
		return NULL;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, STREAM_TYPE);
	return response;
}

/* ---- life ---- */

struct streams *streams_create(struct handover *handover)
{
	struct streams *streams = xcalloc(1, sizeof(*streams));
	pthread_condattr_t attr;

	streams->handover = handover;
	list_init(&streams->open);
	pthread_mutex_init(&streams->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&streams->wake, &attr);
	pthread_condattr_destroy(&attr);
	return streams;
}

void streams_destroy(struct streams *streams)
{
	if (!streams)
		return;
	pthread_cond_destroy(&streams->wake);
	pthread_mutex_destroy(&streams->lock);
	free(streams);
}

int streams_start(struct streams *streams)
{
	int rc = pthread_create(&streams->ticker, NULL, ticker_main, streams);

	streams->ticking = rc == 0;
	if (streams->ticking)
		pthread_setname_np(streams->ticker, "api-ticker");
	return -rc;
}

void streams_stop(struct streams *streams)
{
	struct stream *stream;

	pthread_mutex_lock(&streams->lock);
	streams->stopped = true;
	list_for_each(stream, &streams->open, link)
		stream_resume(stream);
	pthread_cond_signal(&streams->wake);
	pthread_mutex_unlock(&streams->lock);
	if (streams->ticking)
		pthread_join(streams->ticker, NULL);
	streams->ticking = false;
}
