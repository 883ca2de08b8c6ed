/*
 * registration.h - the fence in its form *reservation* (row F1): every path holds a key of its own at the array, under
 * one Write Exclusive - Registrants Only reservation of the logical unit.
 *
 * A path registers before its first I/O (row F4: new links first). When its link dies with writes outstanding, another
 * path takes that key away with PREEMPT AND ABORT: what the array still has of them is aborted, and what reaches it
 * later meets a reservation conflict. Keys stay the same over restarts, so a crashed gateway's are its successor's.
 *
 * An array without persistent reservations, or one whose controllers do not share them (a key that was registered over
 * one path is not seen over another), is left to the other forms. One worker's thread; SPC-4 5.13.
 */
#ifndef BRAID_REGISTRATION_H
#define BRAID_REGISTRATION_H

#include <stdbool.h>
#include <stdint.h>

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

/* The key of a lane: constant over restarts, recognisable as a gateway's. Never 0. */
uint64_t registration_key(const struct link *link, unsigned worker);

/* Registers the path's key and sees to the reservation. done is called from the loop, once. Not while busy. */
void registration_begin(struct registration *registration,
			void (*done)(struct path *path, enum registration_outcome outcome));

/* Gives the key back: the last one takes the reservation with it. done as above. */
void registration_withdraw(struct registration *registration,
			   void (*done)(struct path *path, enum registration_outcome outcome));

bool registration_busy(const struct registration *registration);

/* Over this path, which is registered: takes `victim`'s key away and makes sure that it is gone. fenced is called from
 * the loop, once: false when the key was not there before (the array does not share keys between its controllers), or
 * could not be taken. False at once: an operation is under way, or no command can be sent. */
bool registration_preempt(struct registration *registration, uint64_t victim, void (*fenced)(void *arg, bool success),
			  void *arg);

/* The path's link has failed: nothing under way will be answered. Callbacks are made (REGISTRATION_LOST, false). */
void registration_lost(struct registration *registration);

#endif
