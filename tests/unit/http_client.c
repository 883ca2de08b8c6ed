#include "tests/unit/http_client.h"

#include "api/member.h"
#include "gateway/base/memory.h"
#include "tests/unit/fake_gateway.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct text {
	char *bytes;
	size_t len;
};

struct site *site_create(bool run)
{
	const char *const listen[] = { "127.0.0.1:0" };
	struct site *site = xcalloc(1, sizeof(*site));

	site->gateway = fake_gateway_create(run);
	site->api = api_create(&(struct api_config){ listen, 1, site->gateway });
	assert_int_equal(api_start(site->api), 0);
	assert_int_equal(api_address(site->api, 0, site->address), 0);
	return site;
}

void site_destroy(struct site *site)
{
	api_destroy(site->api);
	fake_gateway_destroy(site->gateway);
	free(site);
}

int site_setup(void **state)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	*state = site_create(true);
	return 0;
}

int site_teardown(void **state)
{
	site_destroy(*state);
	curl_global_cleanup();
	return 0;
}

static size_t on_text(char *data, size_t size, size_t count, void *arg)
{
	struct text *text = arg;

	text->bytes = xrealloc(text->bytes, text->len + size * count + 1);
	memcpy(text->bytes + text->len, data, size * count);
	text->len += size * count;
	text->bytes[text->len] = '\0';
	return size * count;
}

static struct curl_slist *header_list(const char *body, const char *const *headers)
{
	struct curl_slist *list = body ? curl_slist_append(NULL, "Content-Type: application/json") : NULL;

	for (; headers && *headers; headers++) {
		if (body && strncasecmp(*headers, "Content-Type", 12) == 0) {
			curl_slist_free_all(list);
			list = NULL;
		}
		list = curl_slist_append(list, *headers);
	}
	return list;
}

struct reply http_request(const struct site *site, const char *method, const char *path, const char *body,
			  const char *const *headers)
{
	CURL *curl = curl_easy_init();
	struct curl_slist *list = header_list(body, headers);
	struct text head = { xstrdup(""), 0 }, text = { xstrdup(""), 0 };
	struct reply reply = { 0 };
	char *url = xasprintf("http://%s%s", site->address, path);

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	if (strcmp(method, "HEAD") == 0)
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_text);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, &head);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_text);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &text);
	if (body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
	reply.head = head.bytes;
	reply.text = text.bytes;
	reply.len = text.len;
	reply.json = json_loadb(text.bytes, text.len, 0, NULL);
	curl_slist_free_all(list);
	curl_easy_cleanup(curl);
	free(url);
	return reply;
}

struct reply http_get(const struct site *site, const char *path)
{
	return http_request(site, "GET", path, NULL, NULL);
}

void reply_done(struct reply *reply)
{
	json_decref(reply->json);
	free(reply->head);
	free(reply->text);
	*reply = (struct reply){ 0 };
}

int http_connect(const struct site *site)
{
	struct timeval limit = { .tv_sec = 20 };
	struct net_address address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(net_parse(site->address, 0, &address), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(fd, (struct sockaddr *)&address.storage, address.len), 0);
	return fd;
}

struct reply http_raw(const struct site *site, const char *bytes, size_t len)
{
	struct text text = { xstrdup(""), 0 };
	struct reply reply = { 0 };
	char part[4096];
	int fd = http_connect(site);
	ssize_t n;

	for (size_t sent = 0; sent < len; sent += (size_t)n) {
		n = send(fd, bytes + sent, len - sent, MSG_NOSIGNAL);
		if (n <= 0)
			break; /* refused meanwhile: the answer may be there */
	}
	while ((n = recv(fd, part, sizeof(part), 0)) > 0)
		on_text(part, 1, (size_t)n, &text);
	close(fd);
	if (strncmp(text.bytes, "HTTP/1.", 7) == 0)
		reply.status = atol(text.bytes + 9);
	reply.text = text.bytes;
	reply.len = text.len;
	return reply;
}

const char *reply_text(const struct reply *reply, const char *path)
{
	const char *text = json_string_value(member_at(reply->json, path));

	return text ? text : "";
}

void assert_problem(struct reply reply, long status, const char *pointer)
{
	assert_int_equal(reply.status, status);
	assert_non_null(strcasestr(reply.head, "content-type: application/problem+json"));
	assert_int_equal(json_integer_value(json_object_get(reply.json, "status")), status);
	assert_string_not_equal(reply_text(&reply, "title"), "");
	assert_string_not_equal(reply_text(&reply, "type"), "");
	assert_string_equal(reply_text(&reply, "pointer"), pointer ? pointer : "");
	reply_done(&reply);
}
