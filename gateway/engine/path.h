/*
 * path.h - one LU seen over one lane: a disk's way to the array, on one worker.
 */
#ifndef BRAID_PATH_H
#define BRAID_PATH_H

#include "dsm/dsm.h"
#include "gateway/engine/figures.h"
#include "gateway/engine/link.h"
#include "gateway/engine/news.h"
#include "gateway/engine/pace.h"
#include "gateway/engine/registration.h"

struct disk;
struct lane;

enum path_state {
	PATH_DOWN, /* its link has no session */
	PATH_IDENTIFY, /* the link is up, what is behind it is not yet known to be this device (row D4) */
	PATH_UP,
	PATH_REGISTERING, /* its key is not at the array yet (row F4) */
	PATH_VERIFYING, /* an error made it suspect: rests until it has been verified (row L2) */
};

const char *path_state_name(enum path_state state);

/* What all workers and the control loop share of one path. Constant but for the figures. Outlives the workers' paths.
 */
struct path_core {
	char id[16]; /* "p7" */
	unsigned index; /* within the device */
	struct link *link;
	uint16_t lun; /* LUN at the array */
	struct figure_cell *cells; /* one a worker */
	_Atomic int *states; /* enum path_state, one a worker, written by it */
	_Atomic bool *registered; /* holds a key: one a worker, written by it */
	_Atomic int *access; /* enum dsm_access, one a worker, written by it */
	_Atomic unsigned group; /* target port group at the array; 0: unknown. Written by the control loop */
	_Atomic bool drained; /* maintenance (row L5): no new I/O */
	struct probation probation;

	/* control loop only */
	unsigned tpgs; /* as this port's standard inquiry data tell it */
	bool mixed; /* refused, since it tells of ALUA otherwise than the device's other paths */
	uint64_t *seen; /* one a worker: the probe that last found the LU here; 0: it is not here now */
	struct pace pace;
	uint64_t suspicions; /* that have been judged: see figure_cell */
	uint64_t *blocks; /* one a worker: the capacity that it told then; UINT64_MAX: it is passive and tells none */
};

struct path {
	struct policy_path policy; /* what a policy sees */
	struct list lane_link; /* lane.paths */
	struct disk *disk;
	struct lane *lane;
	struct path_core *core;
	struct figure_cell *cell; /* this worker's */
	enum path_state state;
	enum dsm_access access;
	bool group_preferred; /* the array's own wish (SPC-4 6.37) */
	struct news_heard heard;
	struct timer verify; /* until the next step of registering or verifying */
	bool verify_sent;
	struct dsm_command verify_command;
	uint8_t verify_data[DSM_DATA_MAX];
	struct registration *registration;
	bool registered;
	bool keyless; /* it is not registered, but may be once more is tried */
	unsigned timeouts; /* times in a row that the array did not answer commands and had to abort them */
	uint64_t timed_out_us; /* the last one */
	bool fencing; /* its old session's key is being taken away over another path */
	unsigned fence_tried; /* paths asked so far, by index */
	struct timer fence_again;
	bool resigned; /* it leaves: no other path has to take its key away any more */
};

/* The administrator lets no new I/O onto it: drained itself, or its link is. */
bool path_core_drained(const struct path_core *path);

/* It has failed too often of late, or its link has: it is used when nothing better is left (row L6). */
bool path_core_on_probation(const struct path_core *path);

/* A path of the disk, down. It belongs to the disk and to the lane's list. */
struct path *path_create(struct disk *disk, struct path_core *core, struct lane *lane);
void path_destroy(struct path *path); /* no command is on it; registrations of the disk's paths do not use it */

/* What is behind the lane is read again / this LU was found to be the device / was not found (row D4). */
void path_identify(struct path *path);
void path_identified(struct path *path);
void path_not_found(struct path *path);

/* The lane has failed. */
void path_lost(struct path *path);

/* After path_lost: lets another path take the key of the dead session away; fence_release() follows if it could. */
void path_fence(struct path *path);

/* Asks whether the path still works, now (row L2). False: nothing can be sent now. */
bool path_verify(struct path *path);

/* An error of a command casts doubt on the path: it rests until it has been verified. */
void path_suspect(struct path *path);

/* The array did not answer a command, sent at `sent_us`, and had to abort it (row E4): the path is suspect. When that
 * happens again before a command has succeeded it rests, longer each time, for path_recovery_interval at most. */
void path_timed_out(struct path *path, uint64_t sent_us);

/* A command met a reservation conflict. True: the path lacks its key, which is being put back. */
bool path_conflict(struct path *path);

/* True: this is a unit attention after which its key may be gone, and it rests until it has registered again. */
bool path_check_key(struct path *path, const struct dsm_result *result);

/* Gives the key back: 1, done is called once; 0: there is none; -EBUSY: not now, its registration is at work. */
int path_withdraw(struct path *path, void (*done)(struct path *path, enum registration_outcome outcome));

/* Its link is removed; no command is on it. Another path of the disk takes its key away, and with it the reservation
 * that the key may hold; the last path gives it back itself. True: nothing of that is going on, or left to do. */
bool path_leave(struct path *path);

void path_timers_changed(struct path *path); /* disk.timers are new */

/* An answer has said that the array does not serve the disk over it now: `access` until something newer is known. */
void path_passive(struct path *path, enum dsm_access access);

/* What the array says of the way to this disk over this port; disk_refresh() is the caller's. True: it is news. */
bool path_set_access(struct path *path, enum dsm_access access);

/* As a module sees it. */
struct dsm_path path_view_of(const struct path *path);

struct xfer;
struct dsm_result path_result(const struct xfer *xfer);

/* What the device's module says of it. */
struct dsm_verdict path_verdict(const struct path *path, const struct dsm_result *result);

/* Whether the hosts have to hear of this unit attention; then all but the one of session `except` do. */
bool path_tell_hosts(struct path *path, const struct dsm_result *result, uint32_t except);

/* A command of the gateway's own has ended so. True: with a unit attention, which no other command will meet: what it
 * asks for is done here. */
bool path_met_attention(struct path *path, const struct dsm_result *result);

#endif
