/*
 * path.h - one LU seen over one lane: a disk's way to the array, on one worker.
 */
#ifndef BRAID_PATH_H
#define BRAID_PATH_H

#include "dsm/dsm.h"
#include "gateway/figures.h"
#include "gateway/link.h"
#include "gateway/news.h"

struct disk;
struct lane;

enum path_state {
	PATH_DOWN,	/* its link has no session */
	PATH_IDENTIFY,	/* the link is up, what is behind it is not yet known to be this device (row D4) */
	PATH_UP,
	PATH_VERIFYING, /* an error made it suspect: rests until it has answered TEST UNIT READY (row L2) */
};

const char *path_state_name(enum path_state state);

/* What all workers and the control loop share of one path. Constant but for the figures. Outlives the workers' paths. */
struct path_core {
	char id[16]; /* "p7" */
	unsigned index; /* within the device */
	struct link *link;
	uint16_t lun;		   /* LUN at the array */
	struct figure_cell *cells; /* one a worker */
	_Atomic int *states;	   /* enum path_state, one a worker, written by it */

	/* control loop only */
	uint64_t *seen;	  /* one a worker: the probe that last found the LU here; 0: it is not here now */
	uint64_t *blocks; /* one a worker: the capacity that it told then */
};

struct path {
	struct policy_path policy; /* what a policy sees */
	struct list lane_link;	   /* lane.paths */
	struct disk *disk;
	struct lane *lane;
	struct path_core *core;
	struct figure_cell *cell; /* this worker's */
	enum path_state state;
	struct news_heard heard;
	struct timer verify; /* until the next TEST UNIT READY */
	bool verify_sent;
};

#endif
