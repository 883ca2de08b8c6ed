#include "gateway/state.h"

#include "gateway/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_FILE "state.json"
#define STATE_TEMPORARY STATE_FILE ".tmp"
#define STATE_BAD STATE_FILE ".bad"

/* A new directory survives a power loss only when the one above it is on disk too. */
static int sync_parent(int dir)
{
	int parent = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (parent < 0)
		return -errno;
	rc = fsync(parent) < 0 ? -errno : 0;
	close(parent);
	return rc;
}

/* A descriptor of state_dir, which is made when it is missing; or -errno. */
static int open_dir(const char *state_dir)
{
	bool made = mkdir(state_dir, 0700) == 0;
	int dir, rc;

	if (!made && errno != EEXIST)
		return -errno;
	dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	rc = made ? sync_parent(dir) : 0;
	if (rc < 0) {
		close(dir);
		return rc;
	}
	return dir;
}

/* The document in *root. -ENOENT: there is none; -EILSEQ: not JSON, or not an object, with the place in *where. */
static int read_document(int dir, json_t **root, json_error_t *where)
{
	int fd = openat(dir, STATE_FILE, O_RDONLY | O_CLOEXEC), rc = 0;
	FILE *file;

	*root = NULL;
	if (fd < 0)
		return -errno;
	file = fdopen(fd, "r");
	if (!file) {
		rc = -errno;
		close(fd);
		return rc;
	}
	*root = json_loadf(file, JSON_REJECT_DUPLICATES, where);
	if (*root && !json_is_object(*root)) {
		snprintf(where->text, sizeof(where->text), "not an object");
		json_decref(*root);
		*root = NULL;
	}
	if (!*root)
		rc = ferror(file) ? -EIO : -EILSEQ;
	fclose(file);
	return rc;
}

int state_load(const char *state_dir, json_t **root)
{
	json_error_t where = { 0 };
	int dir = open_dir(state_dir), rc;

	*root = NULL;
	if (dir < 0)
		return dir;
	rc = read_document(dir, root, &where);
	close(dir);
	if (rc == -ENOENT) {
		*root = json_object();
		rc = *root ? 0 : -ENOMEM;
	}
	if (rc == -EILSEQ)
		log_error("state", "cannot be parsed file=%s/" STATE_FILE " line=%d column=%d reason=\"%s\"", state_dir,
			  where.line, where.column, where.text);
	return rc;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The text, complete and on disk under the temporary name. */
static int write_temporary(int dir, const char *text)
{
	int fd = openat(dir, STATE_TEMPORARY, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc;

	if (fd < 0)
		return -errno;
	rc = write_all(fd, text, strlen(text));
	if (rc == 0)
		rc = write_all(fd, "\n", 1);
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	return rc;
}

/* A file that cannot be parsed gets a second name before the first is given to another: at no moment does
 * state.json go missing, which would pass for "nothing was ever kept". */
static int keep_bad(int dir)
{
	json_error_t where;
	json_t *root;
	int rc = read_document(dir, &root, &where);

	json_decref(root);
	if (rc != -EILSEQ)
		return rc == -ENOENT ? 0 : rc;
	if (unlinkat(dir, STATE_BAD, 0) < 0 && errno != ENOENT)
		return -errno;
	return linkat(dir, STATE_FILE, dir, STATE_BAD, 0) < 0 ? -errno : 0;
}

static int replace(int dir, const char *text)
{
	int rc = keep_bad(dir);

	if (rc < 0)
		return rc;
	rc = write_temporary(dir, text);
	if (rc == 0 && renameat(dir, STATE_TEMPORARY, dir, STATE_FILE) < 0)
		rc = -errno;
	if (rc < 0) {
		unlinkat(dir, STATE_TEMPORARY, 0);
		return rc;
	}
	return fsync(dir) < 0 ? -errno : 0;
}

int state_save(const char *state_dir, const json_t *root)
{
	char *text = json_dumps(root, JSON_INDENT(2) | JSON_SORT_KEYS);
	int dir, rc;

	if (!text)
		return -EINVAL;
	dir = open_dir(state_dir);
	rc = dir < 0 ? dir : replace(dir, text);
	if (dir >= 0)
		close(dir);
	free(text);
	return rc;
}
