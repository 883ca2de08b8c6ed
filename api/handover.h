/*
 * handover.h - errands from the API's threads to the control loop and back.
 *
 * handover_post sends one; the control loop calls run(arg) and then back(arg, true). When the API stops, errands that
 * the loop has not begun are called back at once, by the stopping thread, with false; their run is never called.
 * Either way back is called exactly once and arg is not touched after it, so back is where arg's owner goes on:
 * it resumes a connection, and must not post, wait or take long (a lock is held).
 *
 * An errand whose answer takes longer than its run defers its end: handover_defer() inside run, and handover_resume()
 * on the control loop when the answer is there. Should the API stop in between, it is called back with false as well.
 *
 * The handover itself lives until it is released, the last errand has left the loop's mailbox, and each errand that was
 * deferred has been resumed.
 */
#ifndef BRAID_API_HANDOVER_H
#define BRAID_API_HANDOVER_H

#include "gateway/control.h"

#include <stdbool.h>

struct handover;
struct errand;

struct handover *handover_create(struct gateway *gateway);
void handover_release(struct handover *handover); /* takes NULL; after handover_stop */

/* Any thread. 0, or -ESHUTDOWN: stopped; then neither function is called. */
int handover_post(struct handover *handover, void (*run)(struct gateway *gateway, void *arg),
		  void (*back)(void *arg, bool ran), void *arg);

/* Inside run: the errand that runs. Deferred, it does not end with its run: it is to be resumed once, and its arg may
 * not be touched before that. */
struct errand *handover_running(const struct handover *handover);
void handover_defer(struct handover *handover);
/* Control loop: then(arg, result), then back(arg, true); neither when the errand was given up meanwhile. */
void handover_resume(struct errand *errand, void (*then)(void *arg, const void *result), const void *result);

/* Nothing is posted after this, and no arg is in use when it returns. It waits for the errand that is running, if
 * any, so it may not be called inside one. */
void handover_stop(struct handover *handover);

#endif
