/*
 * config_fixture.h - a folder of its own for each test, configurations written as text, and their errors collected.
 */
#ifndef BRAID_CONFIG_FIXTURE_H
#define BRAID_CONFIG_FIXTURE_H

#include "gateway/base/memory.h"
#include "gateway/config/config.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET "correct horse battery"

struct fixture {
	char dir[64];
	char reports[8192]; /* "path: message" lines */
	size_t count;
};

static inline int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	str_copy(f->dir, sizeof(f->dir), "/tmp/braid-test-config-XXXXXX");
	*state = f;
	return mkdtemp(f->dir) ? 0 : -1;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];
	int rc;

	snprintf(command, sizeof(command), "rm -r %s", f->dir);
	rc = system(command);
	free(f);
	return rc;
}

static inline void report(void *arg, const char *path, const char *message)
{
	struct fixture *f = arg;
	size_t len = strlen(f->reports);

	snprintf(f->reports + len, sizeof(f->reports) - len, "%s: %s\n", path, message);
	f->count++;
}

static inline void forget_reports(struct fixture *f)
{
	f->reports[0] = '\0';
	f->count = 0;
}

static inline void write_file(const struct fixture *f, const char *name, const char *text, mode_t mode)
{
	char *path = xasprintf("%s/%s", f->dir, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
	free(path);
}

/* Takes ' for " in the text. */
static inline json_t *json_of(const char *text)
{
	char *copy = xstrdup(text);
	json_error_t where;
	json_t *root;

	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	root = json_loads(copy, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
	if (!root)
		fail_msg("%s: %s", where.text, text);
	free(copy);
	return root;
}

static inline struct config *parse(struct fixture *f, const char *text)
{
	json_t *root = json_of(text);
	struct config *config;

	forget_reports(f);
	config = config_parse(root, f->dir, report, f);
	json_decref(root);
	assert_int_equal(config == NULL, f->count > 0);
	return config;
}

static inline struct config *parse_good(struct fixture *f, const char *text)
{
	struct config *config = parse(f, text);

	if (!config)
		fail_msg("%s\n%s", text, f->reports);
	return config;
}

/* Exactly one error, and it begins so: "path: message". */
static inline void assert_error(struct fixture *f, const char *text, const char *expected)
{
	struct config *config = parse(f, text);

	if (config || f->count != 1 || strncmp(f->reports, expected, strlen(expected)) != 0)
		fail_msg("%s\nexpected %s\ngot %s", text, expected, f->reports);
}

static inline void assert_good(struct fixture *f, const char *text)
{
	config_destroy(parse_good(f, text));
}

#endif
