#include "tests/load/array_client.h"

#include "gateway/base/memory.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int array_client_open(struct array_client *client, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	*client = (struct array_client){ .to = NULL };
	if (str_copy(address.sun_path, sizeof(address.sun_path), path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address))) {
		int err = -errno;

		close(fd);
		return err;
	}
	client->to = fdopen(fd, "w");
	client->from = fdopen(dup(fd), "r");
	return client->to && client->from ? 0 : -ENOMEM;
}

void array_client_close(struct array_client *client)
{
	if (client->to)
		fclose(client->to);
	if (client->from)
		fclose(client->from);
	*client = (struct array_client){ .to = NULL };
}

static int read_answer(struct array_client *client)
{
	char line[1024];
	size_t used = 0;

	while (fgets(line, sizeof(line), client->from)) {
		if (strcmp(line, "ok\n") == 0)
			return 0;
		used += str_copy(client->answer + used, sizeof(client->answer) - used, line);
		if (used >= sizeof(client->answer))
			used = sizeof(client->answer) - 1;
		if (strncmp(line, "error:", 6) == 0)
			return -EIO;
	}
	str_copy(client->answer, sizeof(client->answer), "the array has closed the connection");
	return -EIO;
}

int array_client_send(struct array_client *client, const char *fmt, ...)
{
	va_list ap;

	client->answer[0] = '\0';
	va_start(ap, fmt);
	vfprintf(client->to, fmt, ap);
	va_end(ap);
	if (fputc('\n', client->to) == EOF || fflush(client->to))
		return -EIO;
	return read_answer(client);
}
