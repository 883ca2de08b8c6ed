/*
 * config_errors.h - where the errors of one configuration go: to the caller's report, and counted.
 */
#ifndef BRAID_CONFIG_ERRORS_H
#define BRAID_CONFIG_ERRORS_H

#include "gateway/config/config.h"

struct config_errors {
	config_report *report; /* NULL: only counted */
	void *arg;
	size_t count;
};

void config_errors_add(struct config_errors *errors, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
