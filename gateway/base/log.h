/*
 * log.h - one line an event, `component key=value ...`, to standard error.
 *
 * Under a journal (JOURNAL_STREAM is set) each line carries its sd-daemon priority prefix and no time; elsewhere a UTC
 * time stamp with milliseconds. A line is written with one write(2) and cut at 1 KiB, so that lines of different
 * threads never mix. Secrets are never arguments of a log line, and nothing at info level is logged once per I/O.
 * Any thread.
 */
#ifndef BRAID_LOG_H
#define BRAID_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* The level from here on; starts as info. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* Returns 0, or -EINVAL when `name` is none of error, warn, info, debug. */
int log_level_parse(const char *name, enum log_level *level);

void log_write(enum log_level level, const char *component, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#define log_error(component, ...) log_write(LOG_LEVEL_ERROR, component, __VA_ARGS__)
#define log_warn(component, ...) log_write(LOG_LEVEL_WARN, component, __VA_ARGS__)
#define log_info(component, ...) log_write(LOG_LEVEL_INFO, component, __VA_ARGS__)
#define log_debug(component, ...)                                                                                      \
	do {                                                                                                           \
		if (log_get_level() >= LOG_LEVEL_DEBUG)                                                                \
			log_write(LOG_LEVEL_DEBUG, component, __VA_ARGS__);                                            \
	} while (0)

#endif
