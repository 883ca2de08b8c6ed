/*
 * access.h - a disk's asymmetric access states: asked for when they may have changed, one question at a time, again
 * and again while a group is in transition; and the activation of a passive path when no active one is left.
 *
 * One worker's thread; embedded in its disk.
 */
#ifndef BRAID_ACCESS_H
#define BRAID_ACCESS_H

#include "gateway/base/clock.h"
#include "gateway/engine/alua.h"

struct disk;
struct path;

struct access {
	struct disk *disk;
	struct path *via; /* the path that was asked; NULL: no question is out */
	bool again; /* what was asked may have changed since */
	bool extended_refused;
	unsigned attentions; /* questions in a row that a unit attention has met */
	struct timer poll;

	bool served; /* the array has carried out a command of a host */
	struct path *activating; /* NULL: none */
	unsigned tried; /* index of the path that was tried last */
	bool failed; /* the last one could not be made active */
	unsigned step;
	struct dsm_command command;

	uint8_t data[2048];
	uint8_t activation_data[DSM_DATA_MAX];
};

void access_init(struct access *access, struct disk *disk);
void access_done(struct access *access);

/* The states may have changed. Without ALUA, and without a path to ask, nothing happens. */
void access_refresh(struct access *access);

/* A command waits, and no path is usable: before long a passive one is made active, if the array lets us; else the
 * states are watched. */
void access_wanted(struct access *access);

/* That path's link has failed: nothing that was sent over it will be answered. */
void access_path_lost(struct access *access, const struct path *path);

#endif
