/*
 * handover.h - errands from the API's threads to the control loop and back.
 *
 * handover_post sends one; the control loop calls run(arg) and then back(arg, true). When the API stops, errands that
 * the loop has not begun are called back at once, by the stopping thread, with false; their run is never called.
 * Either way back is called exactly once and arg is not touched after it, so back is where arg's owner goes on:
 * it resumes a connection, and must not post, wait or take long (a lock is held).
 *
 * The handover itself lives until it is released and the last errand has left the loop's mailbox.
 */
#ifndef BRAID_API_HANDOVER_H
#define BRAID_API_HANDOVER_H

#include "gateway/control.h"

#include <stdbool.h>

struct handover;

struct handover *handover_create(struct gateway *gateway);
void handover_release(struct handover *handover); /* takes NULL; after handover_stop */

/* Any thread. 0, or -ESHUTDOWN: stopped; then neither function is called. */
int handover_post(struct handover *handover, void (*run)(struct gateway *gateway, void *arg),
		  void (*back)(void *arg, bool ran), void *arg);

/* Nothing is posted after this, and no arg is in use when it returns. It waits for the errand that is running, if
 * any, so it may not be called inside one. */
void handover_stop(struct handover *handover);

#endif
