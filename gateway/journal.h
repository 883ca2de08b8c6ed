/*
 * journal.h - what happened: the last events, for the API, and one log line each. Control loop.
 */
#ifndef BRAID_JOURNAL_H
#define BRAID_JOURNAL_H

#include "gateway/control.h"

#define JOURNAL_EVENTS 4096 /* older ones are forgotten */

struct journal;

struct journal *journal_create(void);
void journal_destroy(struct journal *journal); /* takes NULL */

/* severity and type are literals; subject may be NULL. */
void journal_add(struct journal *journal, const char *severity, const char *type, const char *subject, const char *fmt,
		 ...) __attribute__((format(printf, 5, 6)));

/* As control_each_event. */
uint64_t journal_each(const struct journal *journal, uint64_t since,
		      bool (*fn)(const struct event_view *view, void *arg), void *arg);

#endif
