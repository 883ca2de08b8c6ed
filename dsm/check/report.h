/*
 * report.h - one line for each check: `NAME  ok|WRONG|skipped  what`, and under a wrong one what was wrong with it.
 *
 * A check runs in a process of its own, so that a module that crashes or hangs fails that check and no other.
 */
#ifndef BRAID_CHECK_REPORT_H
#define BRAID_CHECK_REPORT_H

#include <stdbool.h>

#define CHECK_SECONDS 20 /* for one check */

/* Says what is wrong; only inside a check. */
void report_wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Runs the check: wrong when fn calls report_wrong, crashes, or does not come back. Returns whether it is fine. */
bool report_check(const char *name, const char *what, void (*fn)(const void *arg), const void *arg);

void report_skipped(const char *name, const char *what, const char *why);

#endif
