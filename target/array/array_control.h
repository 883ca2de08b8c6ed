/*
 * array_control.h - the array's control socket: a unix stream socket, one command a line.
 *
 * The answer is what the command prints, then a line "ok" or "error: reason". Commands of one connection run one after
 * the other. Control loop.
 */
#ifndef BRAID_ARRAY_ARRAY_CONTROL_H
#define BRAID_ARRAY_ARRAY_CONTROL_H

#include "gateway/base/loop.h"

struct array;
struct array_control;

struct array_control *array_control_create(struct array *array, struct loop *loop, const char *path);

/* Binds; a dead socket of that name is replaced. 0 or -errno (logged). */
int array_control_listen(struct array_control *control);

/* No new connections and no new commands; answers still go out. Takes NULL. */
void array_control_close(struct array_control *control);

/* When no command is under way any more; the last answers are sent. Takes NULL. */
void array_control_destroy(struct array_control *control);

/* The client's side, blocking: sends one command and copies what it prints to standard output, an error to standard
 * error. 0, or -1 when it failed. */
int array_control_send(const char *path, const char *command);

#endif
