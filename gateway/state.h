/*
 * state.h - what survives: LUN numbers, claims and policies that the API changed.
 *
 * One JSON document, state_dir/state.json, replaced whole: written to a temporary file beside it, fsync, rename,
 * fsync of the directory; so a reader after kill -9 or power loss finds the old one or the new one. Control thread.
 */
#ifndef BRAID_STATE_H
#define BRAID_STATE_H

#include <jansson.h>

/* *root gets the document; an empty object when the file does not exist. A file that cannot be parsed is an error:
 * -EILSEQ, logged with line and column, and never overwritten by a later save under the same name without a copy kept
 * as state.json.bad. Otherwise 0 or -errno. Creates state_dir (mode 0700) when it is missing. */
int state_load(const char *state_dir, json_t **root);

/* 0 or -errno; the old document stays when it fails. */
int state_save(const char *state_dir, const json_t *root);

#endif
