#include "gateway/config/config_secret.h"

#include "gateway/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A descriptor of the file, checked to be private; -1 with the reason in why. */
static int open_private(const char *base_dir, const char *file, char *why, size_t why_size)
{
	char *path = file[0] == '/' ? xstrdup(file) : xasprintf("%s/%s", base_dir, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a FIFO must not hold up the start */
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		snprintf(why, why_size, "cannot read %s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		snprintf(why, why_size, "%s must be a regular file", path);
	else if (st.st_mode & (S_IRWXG | S_IRWXO))
		snprintf(why, why_size, "%s has mode %04o: it must be 0600 or stricter", path,
			 (unsigned)(st.st_mode & 07777));
	else {
		free(path);
		return fd;
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return -1;
}

/* Reads up to size bytes, to the end of the file. The number of bytes, or -errno. */
static ssize_t read_all(int fd, char *buffer, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, buffer + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* NULL: the bytes are fit for a secret. */
static const char *check_bytes(const char *bytes, size_t len)
{
	if (len < CONFIG_SECRET_MIN)
		return "the secret must have 12 bytes or more";
	if (len > CONFIG_SECRET_MAX)
		return "the secret must not have more than 255 bytes";
	if (memchr(bytes, '\n', len) || memchr(bytes, '\0', len))
		return "the secret must be a single line of text";
	return NULL;
}

char *config_secret_read(const char *base_dir, const char *file, char *why, size_t why_size)
{
	char buffer[CONFIG_SECRET_MAX + 3]; /* one byte too many, and CR LF */
	int fd = open_private(base_dir, file, why, why_size);
	char *secret = NULL;
	const char *wrong;
	ssize_t len;

	if (fd < 0)
		return NULL;
	len = read_all(fd, buffer, sizeof(buffer));
	close(fd);
	if (len < 0) {
		snprintf(why, why_size, "cannot read %s: %s", file, strerror((int)-len));
		goto out;
	}
	if (len > 0 && buffer[len - 1] == '\n')
		len -= len > 1 && buffer[len - 2] == '\r' ? 2 : 1;
	wrong = check_bytes(buffer, (size_t)len);
	if (wrong) {
		snprintf(why, why_size, "%s", wrong);
		goto out;
	}
	secret = xmalloc((size_t)len + 1);
	memcpy(secret, buffer, (size_t)len);
	secret[len] = '\0';
out:
	explicit_bzero(buffer, sizeof(buffer));
	return secret;
}

void config_secret_destroy(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}
