/*
 * registration.h - the fence in its form *reservation* (row F1): every path holds a key of its own at the array, under
 * one Write Exclusive - Registrants Only reservation of the logical unit.
 *
 * A path registers before its first I/O (row F4: new links first). When its link dies with writes outstanding, another
 * path takes that key away with PREEMPT AND ABORT: what the array still has of them is aborted, and what reaches it
 * later meets a reservation conflict. Keys stay the same over restarts, so a crashed gateway's are its successor's.
 *
 * Other gateways at the same logical unit do the same beside it: one of them all holds the reservation, each of their
 * registrants may write, and none touches another's keys. When the holder goes, one of the others reserves again.
 *
 * An array without persistent reservations, or one whose controllers do not share them (a key that was registered over
 * one path is not seen over another), is left to the other forms. One worker's thread; SPC-4 5.13.
 */
#ifndef BRAID_REGISTRATION_H
#define BRAID_REGISTRATION_H

#include <stdbool.h>
#include <stdint.h>

struct lane;
struct path;
struct link;

enum registration_outcome {
	REGISTRATION_DONE,
	REGISTRATION_UNSUPPORTED, /* the array has no such reservations, or somebody else reserved the logical unit */
	REGISTRATION_NOT_NOW, /* the array had another answer than either: a later attempt may succeed */
	REGISTRATION_LOST, /* the link failed meanwhile */
};

struct registration; /* of one path; one operation at a time */

struct registration *registration_create(struct path *path);
void registration_destroy(struct registration *registration); /* takes NULL; no answer is awaited any more */

/* The key of a lane: constant over restarts, recognisable as this gateway's. Never 0. */
uint64_t registration_key(const struct link *link, unsigned worker);

/* Whether a key is of the gateway that has the key `own`. */
bool registration_is_same_gateway(uint64_t key, uint64_t own);

/* Registers the path's key and sees to the reservation. done is called from the loop, once. Not while busy. */
void registration_begin(struct registration *registration,
			void (*done)(struct path *path, enum registration_outcome outcome));

/* Gives the key back: the last one takes the reservation with it. done as above. */
void registration_withdraw(struct registration *registration,
			   void (*done)(struct path *path, enum registration_outcome outcome));

/* A unit attention: keys or the reservation may be gone (SPC-4 5.13.5, 5.13.11). */
struct dsm_result;
bool registration_is_lost(const struct dsm_result *result);

/* Such a one has come: what is being registered now is registered once more. */
void registration_doubt(struct registration *registration);

bool registration_busy(const struct registration *registration);

/* Over this path, which is registered: takes `victim`'s key away and makes sure that it is gone. fenced is called from
 * the loop, once: false when the key was not there before (the array does not share keys between its controllers), or
 * could not be taken, or no reservation stands. False at once: an operation is under way, or no command can be sent. */
bool registration_preempt(struct registration *registration, uint64_t victim, void (*fenced)(void *arg, bool success),
			  void *arg);

/* Over this path: the keys at the logical unit; none when they cannot be read. From the loop, once. Not while busy. */
void registration_read_keys(struct registration *registration,
			    void (*listed)(void *arg, const uint64_t *keys, unsigned count), void *arg);

/* Gives back whatever key the lane's nexus has at that logical unit, of which there is no disk here. */
void registration_disown(struct lane *lane, uint16_t lun);

/* The path's link has failed: nothing under way will be answered. Callbacks are made (REGISTRATION_LOST, false). */
void registration_lost(struct registration *registration);

#endif
