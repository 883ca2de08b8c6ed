#include "gateway/base/loop.h"

#include "gateway/base/log.h"
#include "gateway/base/memory.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct loop {
	struct event_base *base;
	struct clock clock;
	struct list hooks;
	struct event *alarm; /* fires when the clock's next timer is due */
	uint64_t alarm_us; /* what `alarm` is set to; CLOCK_NEVER: not set */
	bool is_virtual;
	_Atomic bool stopping;
	pthread_t thread;
	_Atomic(pthread_t) owner; /* the thread that runs turns */
	char name[16];

	int wake_fd;
	struct event *wake;
	pthread_mutex_t mailbox_lock;
	struct list mailbox;
};

static uint64_t monotonic_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * US_PER_S + (uint64_t)ts.tv_nsec / 1000;
}

bool loop_settle(struct loop *loop)
{
	struct list batch, *link;
	bool any;

	list_init(&batch);
	pthread_mutex_lock(&loop->mailbox_lock);
	list_splice_tail(&batch, &loop->mailbox);
	pthread_mutex_unlock(&loop->mailbox_lock);
	any = !list_empty(&batch);
	while ((link = list_pop(&batch))) {
		struct message *message = list_entry(link, struct message, link);

		message->fn(message);
	}
	return any;
}

static void on_wake(evutil_socket_t fd, short events, void *arg)
{
	uint64_t count;

	(void)events;
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_error("loop", "wake-up descriptor failed error=%s", strerror(errno));
	loop_settle(arg);
}

static void on_alarm(evutil_socket_t fd, short events, void *arg)
{
	struct loop *loop = arg;

	(void)fd;
	(void)events;
	loop->alarm_us = CLOCK_NEVER; /* the turn itself advances the clock */
}

static void loop_set_alarm(struct loop *loop)
{
	uint64_t due = clock_next_us(&loop->clock);

	if (due == loop->alarm_us)
		return;
	loop->alarm_us = due;
	if (due == CLOCK_NEVER) {
		event_del(loop->alarm);
		return;
	}
	uint64_t now = monotonic_us();
	uint64_t delay = due > now ? due - now : 0;
	struct timeval tv = { .tv_sec = (time_t)(delay / US_PER_S), .tv_usec = (suseconds_t)(delay % US_PER_S) };

	event_add(loop->alarm, &tv);
}

static void loop_run_hooks(struct loop *loop)
{
	struct list batch, *link;

	list_init(&batch);
	list_splice_tail(&batch, &loop->hooks);
	while ((link = list_pop(&batch))) {
		struct loop_hook *hook = list_entry(link, struct loop_hook, link);

		hook->fn(hook->arg);
	}
}

static struct loop *loop_new(const char *name, bool is_virtual)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));
	struct event_config *config = event_config_new();

	if (!config)
		abort();
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	loop->base = event_base_new_with_config(config);
	event_config_free(config);
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!loop->base || loop->wake_fd < 0) {
		log_error("loop", "cannot create the event loop error=%s", strerror(errno));
		abort();
	}
	str_copy(loop->name, sizeof(loop->name), name);
	loop->is_virtual = is_virtual;
	loop->alarm_us = CLOCK_NEVER;
	list_init(&loop->hooks);
	list_init(&loop->mailbox);
	pthread_mutex_init(&loop->mailbox_lock, NULL);
	clock_init(&loop->clock, is_virtual ? US_PER_S : monotonic_us(), is_virtual ? NULL : monotonic_us);
	atomic_store(&loop->owner, pthread_self());
	loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
	loop->alarm = evtimer_new(loop->base, on_alarm, loop);
	event_add(loop->wake, NULL);
	return loop;
}

struct loop *loop_create(const char *name)
{
	return loop_new(name, false);
}

struct loop *loop_create_virtual(const char *name)
{
	return loop_new(name, true);
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	loop_settle(loop);
	event_free(loop->wake);
	event_free(loop->alarm);
	event_base_free(loop->base);
	close(loop->wake_fd);
	clock_done(&loop->clock);
	pthread_mutex_destroy(&loop->mailbox_lock);
	free(loop);
}

static void loop_turn(struct loop *loop, uint64_t now_us)
{
	clock_advance(&loop->clock, now_us);
	loop_run_hooks(loop);
	clock_expire(&loop->clock);
}

void loop_run(struct loop *loop)
{
	atomic_store(&loop->owner, pthread_self());
	clock_expire(&loop->clock);
	while (!atomic_load(&loop->stopping)) {
		loop_set_alarm(loop);
		/* hooks that hooks scheduled: look at the descriptors, do not sleep */
		event_base_loop(loop->base, EVLOOP_ONCE | (list_empty(&loop->hooks) ? 0 : EVLOOP_NONBLOCK));
		loop_turn(loop, monotonic_us());
	}
}

static void *loop_thread(void *arg)
{
	struct loop *loop = arg;

	loop_run(loop);
	return NULL;
}

int loop_start(struct loop *loop)
{
	int rc = pthread_create(&loop->thread, NULL, loop_thread, loop);

	if (rc)
		return -rc;
	pthread_setname_np(loop->thread, loop->name);
	return 0;
}

void loop_join(struct loop *loop)
{
	pthread_join(loop->thread, NULL);
	atomic_store(&loop->owner, pthread_self()); /* what is left belongs to the thread that takes it down */
}

static void loop_wake(struct loop *loop)
{
	uint64_t one = 1;

	if (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_error("loop", "wake-up failed error=%s", strerror(errno));
}

void loop_stop(struct loop *loop)
{
	atomic_store(&loop->stopping, true);
	loop_wake(loop);
}

void loop_post(struct loop *loop, struct message *message)
{
	pthread_mutex_lock(&loop->mailbox_lock);
	bool first = list_empty(&loop->mailbox);
	list_add_tail(&loop->mailbox, &message->link);
	pthread_mutex_unlock(&loop->mailbox_lock);
	if (first)
		loop_wake(loop);
}

struct call {
	struct message message;
	void (*fn)(void *ctx, void *arg);
	void *ctx, *arg;
};

static void on_call(struct message *message)
{
	struct call call = *container_of(message, struct call, message);

	free(container_of(message, struct call, message));
	call.fn(call.ctx, call.arg);
}

void loop_call(struct loop *loop, void (*fn)(void *ctx, void *arg), void *ctx, void *arg)
{
	struct call *call = xcalloc(1, sizeof(*call));

	*call = (struct call){ .message.fn = on_call, .fn = fn, .ctx = ctx, .arg = arg };
	loop_post(loop, &call->message);
}

struct clock *loop_clock(struct loop *loop)
{
	return &loop->clock;
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

bool loop_is_current(const struct loop *loop)
{
	return pthread_equal(atomic_load(&((struct loop *)(uintptr_t)loop)->owner), pthread_self());
}

void loop_hook_init(struct loop_hook *hook, void (*fn)(void *arg), void *arg)
{
	list_init(&hook->link);
	hook->fn = fn;
	hook->arg = arg;
}

void loop_at_turn_end(struct loop *loop, struct loop_hook *hook)
{
	if (!list_linked(&hook->link))
		list_add_tail(&loop->hooks, &hook->link);
}

void loop_hook_cancel(struct loop_hook *hook)
{
	list_del(&hook->link);
}

void loop_advance(struct loop *loop, uint64_t delta_us)
{
	event_base_loop(loop->base, EVLOOP_ONCE | EVLOOP_NONBLOCK); /* NONBLOCK alone goes on while any is ready */
	loop_settle(loop);
	loop_turn(loop, clock_now_us(&loop->clock) + delta_us);
}
