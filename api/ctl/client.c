#include "api/ctl/client.h"

#include "api/ctl/text.h"
#include "api/uri.h"
#include "gateway/base/memory.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX ((size_t)256 << 20)
#define CONNECT_TIMEOUT_S 5L
#define ANSWER_TIMEOUT_S 60L
#define SILENCE_MAX_S 30L /* the stream has a heartbeat every ten */

struct client {
	CURL *curl;
	char *url; /* without a slash at its end */
	bool loopback;
};

struct buffer {
	char *text;
	size_t len, capacity;
};

struct stream {
	struct buffer line;
	uint64_t *since;
	void (*fn)(const json_t *event, void *arg);
	void *arg;
	CURL *curl;
	struct buffer refusal; /* the body of an answer that is not 200 */
};

static void complain(const char *what, const char *detail)
{
	char *text = xasprintf("%s%s%s", what, *detail ? ": " : "", detail);

	text_make_printable(text);
	fprintf(stderr, "braidctl: %s\n", text);
	free(text);
}

/* A proxy of the environment is not meant for this machine itself. */
static bool is_loopback(const char *url)
{
	CURLU *parts = curl_url();
	char *host = NULL;
	bool loopback = false;

	if (curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		loopback =
			strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0 || strcmp(host, "localhost") == 0;
	curl_free(host);
	curl_url_cleanup(parts);
	return loopback;
}

struct client *client_create(const char *url)
{
	struct client *client = xcalloc(1, sizeof(*client));
	size_t len;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	client->curl = curl_easy_init();
	client->url = xstrdup(url);
	for (len = strlen(client->url); len && client->url[len - 1] == '/'; len--)
		client->url[len - 1] = '\0';
	client->loopback = is_loopback(url);
	return client;
}

void client_destroy(struct client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	curl_global_cleanup();
	free(client->url);
	free(client);
}

static bool buffer_append(struct buffer *buffer, const char *data, size_t len)
{
	if (len > ANSWER_MAX - buffer->len)
		return false;
	if (buffer->len + len + 1 > buffer->capacity) {
		buffer->capacity = 2 * (buffer->len + len + 1);
		buffer->text = xrealloc(buffer->text, buffer->capacity);
	}
	memcpy(buffer->text + buffer->len, data, len);
	buffer->len += len;
	buffer->text[buffer->len] = '\0';
	return true;
}

static size_t on_answer(char *data, size_t size, size_t count, void *arg)
{
	return buffer_append(arg, data, size * count) ? size * count : 0;
}

/* What every transfer has in common. */
static void prepare(struct client *client, const char *method, const char *path, char *error)
{
	char *url = xasprintf("%s%s", client->url, path);

	curl_easy_reset(client->curl);
	error[0] = '\0';
	curl_easy_setopt(client->curl, CURLOPT_URL, url);
	curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(client->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(client->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	curl_easy_setopt(client->curl, CURLOPT_USERAGENT, "braidctl/" BRAID_VERSION);
	if (client->loopback)
		curl_easy_setopt(client->curl, CURLOPT_PROXY, "");
	free(url);
}

/* Says why the transfer did not work, or what the gateway refused. */
static int report(struct client *client, CURLcode rc, const char *error, const struct buffer *answer)
{
	long status = 0;
	char line[64];
	json_t *problem;

	if (rc != CURLE_OK) {
		char *what = xasprintf("cannot ask %s", client->url);

		complain(what, *error ? error : curl_easy_strerror(rc));
		if (rc == CURLE_COULDNT_CONNECT)
			fprintf(stderr, "Is braidd running? Another gateway is named with --url or BRAID_URL.\n");
		free(what);
		return -1;
	}
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	problem = answer->len ? json_loadb(answer->text, answer->len, 0, NULL) : NULL;
	snprintf(line, sizeof(line), "the gateway answered with status %ld", status);
	if (json_is_string(json_object_get(problem, "title")))
		complain(text_member(problem, "title"), text_member(problem, "detail"));
	else
		complain(line, "");
	if (json_is_string(json_object_get(problem, "pointer")))
		complain("the request is wrong at", text_member(problem, "pointer"));
	json_decref(problem);
	return -1;
}

static struct curl_slist *send_body(CURL *curl, const char *text)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");

	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	return headers;
}

static int read_answer(struct client *client, const struct buffer *answer, json_t **json)
{
	json_error_t error;

	if (answer->len == 0)
		return 0;
	*json = json_loadb(answer->text, answer->len, 0, &error);
	if (*json)
		return 0;
	complain(client->url, "the answer is not JSON; is this a Braid gateway?");
	return -1;
}

int client_request(struct client *client, const char *method, const char *path, const json_t *body, json_t **answer)
{
	char error[CURL_ERROR_SIZE], *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct curl_slist *headers = NULL;
	struct buffer buffer = { 0 };
	long status = 0;
	CURLcode rc;
	int result;

	*answer = NULL;
	prepare(client, method, path, error);
	curl_easy_setopt(client->curl, CURLOPT_TIMEOUT, ANSWER_TIMEOUT_S);
	curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &buffer);
	if (text)
		headers = send_body(client->curl, text);
	rc = curl_easy_perform(client->curl);
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	if (rc == CURLE_OK && status >= 200 && status < 300)
		result = read_answer(client, &buffer, answer);
	else
		result = report(client, rc, error, &buffer);
	curl_slist_free_all(headers);
	free(buffer.text);
	free(text);
	return result;
}

json_t *client_get(struct client *client, const char *path)
{
	json_t *answer;

	if (client_request(client, "GET", path, NULL, &answer) < 0)
		return NULL;
	if (json_is_object(answer))
		return answer;
	complain(client->url, "the answer is not what this version expects");
	json_decref(answer);
	return NULL;
}

json_t *client_list(struct client *client, const char *path, const char *name)
{
	json_t *whole = json_pack("{s:[]}", name), *items = json_object_get(whole, name);
	char *page = xstrdup(path);

	while (page) {
		json_t *answer = client_get(client, page);
		const char *next = json_string_value(json_object_get(answer, "next"));

		free(page);
		page = NULL;
		if (!answer) {
			json_decref(whole);
			return NULL;
		}
		json_array_extend(items, json_object_get(answer, name));
		if (next) {
			char *token = uri_escape(next);

			page = xasprintf("%s?%s=%s", path, strcmp(name, "events") == 0 ? "since" : "after", token);
			free(token);
		}
		json_decref(answer);
	}
	return whole;
}

/* ---- the event stream ---- */

/* One line of the stream. Only "data" matters: our events stand on one line, and carry their id. */
static void stream_line(struct stream *stream, const char *line)
{
	json_t *event;

	if (strncmp(line, "data:", 5) != 0)
		return;
	event = json_loads(line + 5, 0, NULL);
	if (!event)
		return;
	*stream->since = number_member(event, "id");
	stream->fn(event, stream->arg);
	json_decref(event);
}

static size_t on_stream(char *data, size_t size, size_t count, void *arg)
{
	struct stream *stream = arg;
	size_t len = size * count;
	long status = 0;

	curl_easy_getinfo(stream->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return buffer_append(&stream->refusal, data, len) ? len : 0;
	for (size_t at = 0; at < len;) {
		const char *end = memchr(data + at, '\n', len - at);
		size_t part = end ? (size_t)(end - data) - at : len - at;

		if (!buffer_append(&stream->line, data + at, part))
			return 0;
		at += part + (end ? 1 : 0);
		if (end) {
			stream_line(stream, stream->line.text);
			stream->line.len = 0;
		}
	}
	return len;
}

int client_follow(struct client *client, const char *path, uint64_t *since, void (*fn)(const json_t *event, void *arg),
		  void *arg)
{
	struct stream stream = { .since = since, .fn = fn, .arg = arg, .curl = client->curl };
	struct curl_slist *headers = curl_slist_append(NULL, "Accept: text/event-stream");
	char error[CURL_ERROR_SIZE], last[48];
	long status = 0;
	CURLcode rc;

	snprintf(last, sizeof(last), "Last-Event-ID: %" PRIu64, *since);
	headers = curl_slist_append(headers, last);
	prepare(client, "GET", path, error);
	curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(client->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(client->curl, CURLOPT_LOW_SPEED_TIME, SILENCE_MAX_S);
	curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, on_stream);
	curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &stream);
	rc = curl_easy_perform(client->curl);
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		report(client, rc, error, &stream.refusal);
	curl_slist_free_all(headers);
	free(stream.line.text);
	free(stream.refusal.text);
	return status == 200 ? 0 : -1;
}
