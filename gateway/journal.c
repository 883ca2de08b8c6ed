#include "gateway/journal.h"

#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "gateway/engine/figures.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct journal_event {
	uint64_t time_us;
	const char *severity, *type;
	char *subject, *message;
};

struct journal {
	uint64_t last; /* id of the newest; event n stands at n % JOURNAL_EVENTS */
	struct journal_event events[JOURNAL_EVENTS];
};

struct journal *journal_create(void)
{
	return xcalloc(1, sizeof(struct journal));
}

void journal_destroy(struct journal *journal)
{
	if (!journal)
		return;
	for (unsigned i = 0; i < JOURNAL_EVENTS; i++) {
		free(journal->events[i].subject);
		free(journal->events[i].message);
	}
	free(journal);
}

void journal_add(struct journal *journal, const char *severity, const char *type, const char *subject, const char *fmt,
		 ...)
{
	struct journal_event *event = &journal->events[++journal->last % JOURNAL_EVENTS];
	enum log_level level = LOG_LEVEL_INFO;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (strcmp(severity, "error") == 0)
		level = LOG_LEVEL_ERROR;
	else if (strcmp(severity, "warning") == 0)
		level = LOG_LEVEL_WARN;
	log_write(level, "event", "type=%s subject=%s message=\"%s\"", type, subject ? subject : "-", text);
	free(event->subject);
	free(event->message);
	*event = (struct journal_event){
		.time_us = unix_time_us(),
		.severity = severity,
		.type = type,
		.subject = subject ? xstrdup(subject) : NULL,
		.message = xstrdup(text),
	};
}

uint64_t journal_each(const struct journal *journal, uint64_t since,
		      bool (*fn)(const struct event_view *view, void *arg), void *arg)
{
	uint64_t oldest = journal->last > JOURNAL_EVENTS ? journal->last - JOURNAL_EVENTS + 1 : 1;

	if (since > journal->last)
		since = journal->last;
	for (uint64_t id = since >= oldest ? since + 1 : oldest; id <= journal->last; id++) {
		const struct journal_event *event = &journal->events[id % JOURNAL_EVENTS];
		struct event_view view = {
			.id = id,
			.time_us = event->time_us,
			.severity = event->severity,
			.type = event->type,
			.subject = event->subject,
			.message = event->message,
		};

		if (!fn(&view, arg))
			break;
	}
	return journal->last;
}
