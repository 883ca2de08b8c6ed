/* throttle.c - braidctl throttle: a disk, or the disks of a module, slowed down. */
#include "api/ctl/command.h"
#include "api/ctl/text.h"
#include "api/uri.h"
#include "gateway/base/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* "iops=100 bytes_per_second=1000000", or "none". NULL: it is neither, which was said. */
static json_t *limits_of(char **arguments, int count)
{
	json_t *limits = json_object();

	if (count == 1 && strcmp(arguments[0], "none") == 0) {
		json_decref(limits);
		return json_null();
	}
	for (int i = 0; i < count; i++) {
		char *name = xstrdup(arguments[i]), *value = strchr(name, '='), *end = NULL;
		long long number = 0;

		if (value) {
			*value++ = '\0';
			errno = 0;
			number = strtoll(value, &end, 10);
		}
		if (!value || !*value || *end || errno || json_object_get(limits, name) ||
		    json_object_set_new(limits, name, json_integer(number)) < 0) {
			fprintf(stderr, "braidctl: \"%s\" is no limit; as iops=N, bytes_per_second=N, or none\n",
				arguments[i]);
			json_decref(limits);
			limits = NULL;
		}
		free(name);
		if (!limits)
			return NULL;
	}
	return limits;
}

static json_t *change(struct ctl *ctl, const char *place, const char *name, json_t *limits)
{
	char *escaped = uri_escape(name), *path = xasprintf("/api/v1/%s/%s", place, escaped);
	json_t *body = json_pack("{s:O}", "throttle", limits), *answer = NULL;

	client_request(ctl->client, "PATCH", path, body, &answer);
	json_decref(body);
	free(path);
	free(escaped);
	return answer;
}

static void print_throttle(struct ctl *ctl, const char *name, const json_t *throttle)
{
	uint64_t iops = number_member(throttle, "iops"), rate = number_member(throttle, "bytes_per_second");
	char text[TEXT_MAX];

	terminal_print(&ctl->terminal, COLOUR_NONE, "%s:", name);
	if (iops)
		fprintf(ctl->terminal.out, " %" PRIu64 " reads and writes a second", iops);
	if (rate)
		fprintf(ctl->terminal.out, "%s %s a second", iops ? "," : "", text_bytes(rate, text));
	if (json_is_string(json_object_get(throttle, "source")))
		fprintf(ctl->terminal.out, " (from: %s)", text_member(throttle, "source"));
	fprintf(ctl->terminal.out, "%s\n", json_is_object(throttle) ? "" : " no limit");
}

static json_t *throttle_device(struct ctl *ctl, const char *name, json_t *limits)
{
	json_t *device = ctl_find_device(ctl, name), *answer;

	if (!device || (json_is_object(limits) && !json_object_size(limits)))
		return device;
	answer = change(ctl, "devices", text_member(device, "id"), limits);
	json_decref(device);
	return answer;
}

int command_throttle(struct ctl *ctl, char **arguments, int count)
{
	const char *dsm = ctl->options->dsm;
	int first = dsm ? 0 : 1;
	json_t *limits, *answer;

	if (count < 1) {
		fprintf(stderr, "braidctl: %s\n",
			dsm ? "throttle --dsm needs LIMIT=N or none" : "throttle needs DEVICE, or --dsm NAME");
		return CTL_USAGE;
	}
	limits = limits_of(arguments + first, count - first);
	if (!limits)
		return CTL_USAGE;
	answer = dsm ? change(ctl, "dsms", dsm, limits) : throttle_device(ctl, arguments[0], limits);
	json_decref(limits);
	if (!answer)
		return CTL_FAILED;
	if (ctl->options->json)
		return ctl_print_json(ctl, answer);
	print_throttle(ctl, text_member(answer, dsm ? "name" : "id"), json_object_get(answer, "throttle"));
	json_decref(answer);
	return CTL_OK;
}
