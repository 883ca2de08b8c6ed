/*
 * loop.h - one thread's event loop: descriptors, a clock, a mailbox, and work for the end of a turn.
 *
 * A turn: descriptors that are ready, due timers, messages from other threads, then the end-of-turn hooks (that is
 * where sockets are flushed, once, however much was queued). libevent underneath (EVENT_BASE_FLAG_NOLOCK), level
 * triggered. Everything here belongs to the loop's own thread except loop_post() and loop_stop().
 *
 * Life: create -> (loop_run | loop_start, loop_join) -> destroy. With loop_create_virtual() nothing runs by itself and
 * the clock stands still: a test moves both with loop_advance().
 */
#ifndef BRAID_LOOP_H
#define BRAID_LOOP_H

#include "gateway/base/clock.h"
#include "gateway/base/list.h"

#include <event2/event.h>

struct loop;

/* A message to a loop: embedded in what it carries; owned by the mailbox from loop_post() until fn is called. */
struct message {
	struct list link;
	void (*fn)(struct message *message);
};

/* Runs once at the end of the turn in which it was scheduled. Initialise with loop_hook_init(). */
struct loop_hook {
	struct list link;
	void (*fn)(void *arg);
	void *arg;
};

struct loop *loop_create(const char *name);
struct loop *loop_create_virtual(const char *name);
void loop_destroy(struct loop *loop); /* takes NULL; messages not yet delivered are delivered first */

/* Runs turns until loop_stop(). */
void loop_run(struct loop *loop);

/* The same in a thread of its own, named as the loop. 0 or -errno. */
int loop_start(struct loop *loop);
void loop_join(struct loop *loop);

/* Any thread, and signal handlers of libevent. The turn under way is finished. */
void loop_stop(struct loop *loop);

/* Any thread. Messages of one sender arrive in the order in which they were sent. */
void loop_post(struct loop *loop, struct message *message);

/* Any thread. Calls fn(ctx, arg) on the loop: a message that carries nothing else. Not for the I/O path: it allocates.
 */
void loop_call(struct loop *loop, void (*fn)(void *ctx, void *arg), void *ctx, void *arg);

struct clock *loop_clock(struct loop *loop);
struct event_base *loop_base(struct loop *loop);
bool loop_is_current(const struct loop *loop);

void loop_hook_init(struct loop_hook *hook, void (*fn)(void *arg), void *arg);
void loop_at_turn_end(struct loop *loop, struct loop_hook *hook); /* again in the same turn: no effect */
void loop_hook_cancel(struct loop_hook *hook);

/* When the loop does not run: delivers the messages that wait. True: there were some. */
bool loop_settle(struct loop *loop);

/* Virtual loops: delivers messages, runs timers up to now + delta_us, polls descriptors, runs hooks. One turn. */
void loop_advance(struct loop *loop, uint64_t delta_us);

#endif
