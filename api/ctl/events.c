/* events.c - braidctl events: what happened, and with -f what happens. */
#include "api/ctl/command.h"
#include "api/ctl/text.h"

#include <string.h>
#include <unistd.h>

#define EVENTS "/api/v1/events"
#define RECONNECT_S 2

static enum colour severity_colour(const char *severity)
{
	if (strcmp(severity, "error") == 0)
		return COLOUR_RED;
	return strcmp(severity, "warning") == 0 ? COLOUR_YELLOW : COLOUR_NONE;
}

/* A line an event, so that it reads the same whether it comes now or later. */
static void print_event(const json_t *event, void *arg)
{
	struct ctl *ctl = arg;
	const struct terminal *terminal = &ctl->terminal;
	const char *severity = text_member(event, "severity");
	char time[TEXT_MAX];

	if (ctl->options->json) {
		json_dumpf(event, terminal->out, JSON_COMPACT);
		fputc('\n', terminal->out);
	} else {
		terminal_print(terminal, COLOUR_DIM, "%s", text_time(number_member(event, "time_us"), time));
		terminal_print(terminal, severity_colour(severity), "  %-7s", severity);
		terminal_print(terminal, COLOUR_NONE, "  %-20s  %s", text_member(event, "type"),
			       text_member(event, "message"));
		if (json_is_string(json_object_get(event, "subject")))
			terminal_print(terminal, COLOUR_DIM, "  (%s)", text_member(event, "subject"));
		fputc('\n', terminal->out);
	}
	fflush(terminal->out);
}

/* Until it is interrupted, or the reader of a pipe has gone. The gateway may restart meanwhile. */
static int follow(struct ctl *ctl)
{
	uint64_t since = 0;
	bool opened = false;

	while (!ferror(ctl->terminal.out)) {
		if (client_follow(ctl->client, EVENTS, &since, print_event, ctl) == 0)
			opened = true;
		else if (!opened)
			return CTL_FAILED;
		sleep(RECONNECT_S);
	}
	return CTL_FAILED;
}

int command_events(struct ctl *ctl, char **arguments, int count)
{
	json_t *answer, *event;
	size_t i;

	(void)arguments;
	(void)count;
	if (ctl->options->follow)
		return follow(ctl);
	answer = client_list(ctl->client, EVENTS, "events");
	if (!answer)
		return CTL_FAILED;
	if (ctl->options->json)
		return ctl_print_json(ctl, answer);
	json_array_foreach(json_object_get(answer, "events"), i, event)
		print_event(event, ctl);
	json_decref(answer);
	return CTL_OK;
}
