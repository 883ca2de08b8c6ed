/*
 * array_client.h - one connection to the control socket of a braid-array, for as many commands as are wanted.
 */
#ifndef BRAID_LOAD_ARRAY_CLIENT_H
#define BRAID_LOAD_ARRAY_CLIENT_H

#include <stdio.h>

#define ARRAY_ANSWER_BYTES 8192

struct array_client {
	FILE *to, *from; /* NULL: not connected */
	char answer[ARRAY_ANSWER_BYTES]; /* to the last command, without its `ok`; cut off when it is longer */
};

/* 0 or -errno. */
int array_client_open(struct array_client *client, const char *path);
void array_client_close(struct array_client *client);

/* A line to the array. 0, or -EIO: it was refused, the answer says why, or the array is gone. */
int array_client_send(struct array_client *client, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
