/*
 * state.h - the models of all logical units in a file, so that a later run goes on where this one ended.
 *
 * Big-endian. A head (magic, count of units), for each unit its name, geometry, identity, counter, then runs of blocks
 * {start, length, generations} ended by a run of length 0, then doubts {block, generation} ended by generation 0; at
 * the end the CRC32C of all before. A file is replaced as a whole or not at all.
 */
#ifndef BRAID_LOAD_STATE_H
#define BRAID_LOAD_STATE_H

#include "tests/load/model.h"

#define STATE_NAME_MAX 256
#define STATE_UNITS_MAX 256

struct state_unit {
	char name[STATE_NAME_MAX]; /* what tells the logical unit: its designator */
	struct model *model;
};

/* 0 or -errno. */
int state_save(const char *path, const struct state_unit *units, size_t count);

/* Fills units (room for STATE_UNITS_MAX); the models are the caller's. Returns how many, or -errno: -ENOENT, -EBADMSG
 * when the file is damaged. */
int state_load(const char *path, struct state_unit *units);

#endif
