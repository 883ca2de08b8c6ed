/* The loop: messages across threads, hooks at the end of a turn, descriptors, real and virtual time. */
#include "gateway/base/loop.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static uint64_t monotonic_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * US_PER_S + (uint64_t)ts.tv_nsec / 1000;
}

enum { SENDERS = 4, MESSAGES = 2000 };

/* Messages of several senders, received by one loop. */
struct receiver {
	struct loop *loop;
	int next[SENDERS]; /* the number that must come next, by sender */
	int received;
	bool foreign; /* a message was delivered outside the loop's thread */
};

struct parcel {
	struct message message;
	struct receiver *receiver;
	int sender, number;
};

struct sender {
	pthread_t thread;
	struct receiver *receiver;
	struct parcel *parcels;
};

static void on_parcel(struct message *message)
{
	struct parcel *parcel = container_of(message, struct parcel, message);
	struct receiver *receiver = parcel->receiver;

	if (!loop_is_current(receiver->loop))
		receiver->foreign = true;
	if (receiver->next[parcel->sender] == parcel->number)
		receiver->next[parcel->sender]++;
	if (++receiver->received == SENDERS * MESSAGES)
		loop_stop(receiver->loop);
}

static void *send_all(void *arg)
{
	struct sender *sender = arg;

	for (int i = 0; i < MESSAGES; i++)
		loop_post(sender->receiver->loop, &sender->parcels[i].message);
	return NULL;
}

static void test_post_across_threads(void **state)
{
	struct receiver receiver = { .loop = loop_create("receiver") };
	struct sender senders[SENDERS];

	(void)state;
	assert_int_equal(loop_start(receiver.loop), 0);
	for (int s = 0; s < SENDERS; s++) {
		senders[s] =
			(struct sender){ .receiver = &receiver, .parcels = calloc(MESSAGES, sizeof(struct parcel)) };
		for (int i = 0; i < MESSAGES; i++)
			senders[s].parcels[i] = (struct parcel){ { .fn = on_parcel }, &receiver, s, i };
		assert_int_equal(pthread_create(&senders[s].thread, NULL, send_all, &senders[s]), 0);
	}
	for (int s = 0; s < SENDERS; s++)
		pthread_join(senders[s].thread, NULL);
	loop_join(receiver.loop);
	assert_int_equal(receiver.received, SENDERS * MESSAGES);
	assert_false(receiver.foreign);
	for (int s = 0; s < SENDERS; s++) {
		assert_int_equal(receiver.next[s], MESSAGES);
		free(senders[s].parcels);
	}
	assert_true(loop_is_current(receiver.loop)); /* after the join it is ours */
	loop_destroy(receiver.loop);
}

/* A number counted up by hooks, timers, messages and descriptors. */
struct counter {
	struct message message;
	struct loop *loop;
	struct loop_hook hook;
	int count;
	int seen; /* the count when the hook ran */
};

static void count_up(void *arg)
{
	((struct counter *)arg)->count++;
}

static void count_message(struct message *message)
{
	container_of(message, struct counter, message)->count++;
}

static void count_and_hook(void *arg)
{
	struct counter *counter = arg;

	counter->count++;
	loop_at_turn_end(counter->loop, &counter->hook);
	loop_at_turn_end(counter->loop, &counter->hook); /* twice in a turn runs once */
}

static void hook_look(void *arg)
{
	struct counter *counter = arg;

	counter->seen = counter->count++;
}

/* Messages that nobody took are delivered before the loop goes: their senders gave up ownership. */
static void test_destroy_delivers(void **state)
{
	struct counter counter = { .message.fn = count_message };
	struct loop *loop = loop_create("leftover");

	(void)state;
	loop_post(loop, &counter.message);
	loop_destroy(loop);
	assert_int_equal(counter.count, 1);
	loop_destroy(NULL);
}

static void test_hook_ends_turn(void **state)
{
	struct counter counter = { .loop = loop_create_virtual("hooks") };
	struct timer first, second;

	(void)state;
	loop_hook_init(&counter.hook, hook_look, &counter);
	timer_init(&first, loop_clock(counter.loop), count_and_hook, &counter);
	timer_init(&second, loop_clock(counter.loop), count_and_hook, &counter);
	timer_arm(&first, 10);
	timer_arm(&second, 20);
	loop_advance(counter.loop, 30);
	assert_int_equal(counter.seen, 2); /* once, after both timers */
	assert_int_equal(counter.count, 3);
	loop_advance(counter.loop, 30);
	assert_int_equal(counter.count, 3); /* scheduled for one turn only */
	loop_at_turn_end(counter.loop, &counter.hook);
	loop_hook_cancel(&counter.hook);
	loop_hook_cancel(&counter.hook);
	loop_advance(counter.loop, 0);
	assert_int_equal(counter.count, 3);
	loop_destroy(counter.loop);
}

static void hook_again(void *arg)
{
	struct counter *counter = arg;

	counter->count++;
	loop_at_turn_end(counter->loop, &counter->hook);
}

static void test_hook_from_hook(void **state)
{
	struct counter counter = { .loop = loop_create_virtual("again") };

	(void)state;
	loop_hook_init(&counter.hook, hook_again, &counter);
	loop_at_turn_end(counter.loop, &counter.hook);
	for (int turn = 1; turn <= 3; turn++) {
		loop_advance(counter.loop, 0);
		assert_int_equal(counter.count, turn); /* the next turn's, never this one's again */
	}
	loop_hook_cancel(&counter.hook);
	loop_destroy(counter.loop);
}

static void test_virtual_time(void **state)
{
	struct counter counter = { .message.fn = count_message };
	struct loop *loop = loop_create_virtual("virtual");
	uint64_t start_us = clock_now_us(loop_clock(loop));
	struct timer timer;

	(void)state;
	timer_init(&timer, loop_clock(loop), count_up, &counter);
	timer_arm(&timer, 3600 * US_PER_S);
	loop_advance(loop, 3600 * US_PER_S - 1);
	assert_int_equal(counter.count, 0);
	assert_int_equal(clock_now_us(loop_clock(loop)), start_us + 3600 * US_PER_S - 1);
	loop_advance(loop, 1);
	assert_int_equal(counter.count, 1);
	loop_post(loop, &counter.message);
	assert_int_equal(counter.count, 1); /* not before the next turn */
	loop_advance(loop, 0);
	assert_int_equal(counter.count, 2);
	loop_destroy(loop);
}

static void on_readable(evutil_socket_t fd, short events, void *arg)
{
	struct counter *counter = arg;
	char byte;

	assert_true(events & EV_READ);
	assert_int_equal(read(fd, &byte, 1), 1);
	counter->count++;
	if (counter->loop)
		loop_stop(counter->loop);
}

static void test_descriptor_virtual(void **state)
{
	struct loop *loop = loop_create_virtual("descriptor");
	struct counter counter = { 0 };
	struct event *event;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	event = event_new(loop_base(loop), pair[0], EV_READ | EV_PERSIST, on_readable, &counter);
	event_add(event, NULL);
	loop_advance(loop, 0);
	assert_int_equal(counter.count, 0);
	assert_int_equal(write(pair[1], "ab", 2), 2);
	loop_advance(loop, 0);
	assert_int_equal(counter.count, 1); /* level-triggered: one byte a turn, the rest stays ready */
	loop_advance(loop, 0);
	assert_int_equal(counter.count, 2);
	event_free(event);
	close(pair[0]);
	close(pair[1]);
	loop_destroy(loop);
}

/* In real time: a timer writes to a socket, the other end's event stops the loop. */
struct writer {
	struct timer timer;
	int fd;
};

static void write_byte(void *arg)
{
	assert_int_equal(write(((struct writer *)arg)->fd, "x", 1), 1);
}

static void test_real_time(void **state)
{
	struct loop *loop = loop_create("real");
	struct counter counter = { .loop = loop };
	struct writer writer;
	struct event *event;
	uint64_t start_us = clock_now_us(loop_clock(loop));
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	writer.fd = pair[1];
	timer_init(&writer.timer, loop_clock(loop), write_byte, &writer);
	timer_arm(&writer.timer, 20 * US_PER_MS);
	event = event_new(loop_base(loop), pair[0], EV_READ | EV_PERSIST, on_readable, &counter);
	event_add(event, NULL);
	loop_run(loop);
	assert_int_equal(counter.count, 1);
	assert_true(clock_now_us(loop_clock(loop)) >= start_us + 20 * US_PER_MS);
	event_free(event);
	close(pair[0]);
	close(pair[1]);
	loop_destroy(loop);
}

/* A descriptor wakes an idle loop and arms a timer: the delay counts from then, not from when the loop fell asleep. */
struct late {
	struct counter counter;
	struct timer timer;
	uint64_t armed_us;
};

static void on_late_readable(evutil_socket_t fd, short events, void *arg)
{
	struct late *late = arg;
	uint64_t expirations;

	(void)events;
	assert_int_equal(read(fd, &expirations, sizeof(expirations)), sizeof(expirations));
	late->armed_us = monotonic_us();
	timer_arm(&late->timer, 20 * US_PER_MS);
}

static void on_late_timer(void *arg)
{
	struct late *late = arg;

	assert_true(monotonic_us() >= late->armed_us + 20 * US_PER_MS);
	loop_stop(late->counter.loop);
}

static void test_arm_after_idle(void **state)
{
	struct late late = { .counter.loop = loop_create("late") };
	struct itimerspec in_50_ms = { .it_value.tv_nsec = 50000000 };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	struct event *event = event_new(loop_base(late.counter.loop), fd, EV_READ, on_late_readable, &late);

	(void)state;
	timer_init(&late.timer, loop_clock(late.counter.loop), on_late_timer, &late);
	timerfd_settime(fd, 0, &in_50_ms, NULL);
	event_add(event, NULL);
	loop_run(late.counter.loop);
	event_free(event);
	close(fd);
	loop_destroy(late.counter.loop);
}

/* A hook that schedules itself must not put the loop to sleep, nor starve its descriptors and messages. */
static void test_busy_hook_keeps_turning(void **state)
{
	struct loop *loop = loop_create("busy");
	struct counter counter = { .loop = loop };
	struct counter stop = { .loop = loop };
	struct event *event;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	event = event_new(loop_base(loop), pair[0], EV_READ | EV_PERSIST, on_readable, &stop);
	event_add(event, NULL);
	loop_hook_init(&counter.hook, hook_again, &counter);
	loop_at_turn_end(loop, &counter.hook);
	assert_int_equal(write(pair[1], "x", 1), 1);
	loop_run(loop);
	assert_int_equal(stop.count, 1);
	assert_true(counter.count >= 1);
	loop_hook_cancel(&counter.hook);
	event_free(event);
	close(pair[0]);
	close(pair[1]);
	loop_destroy(loop);
}

static void test_stop_from_thread(void **state)
{
	struct loop *loop = loop_create("idle");

	(void)state;
	assert_int_equal(loop_start(loop), 0);
	loop_stop(loop);
	loop_join(loop);
	loop_destroy(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_post_across_threads), cmocka_unit_test(test_destroy_delivers),
		cmocka_unit_test(test_hook_ends_turn),      cmocka_unit_test(test_hook_from_hook),
		cmocka_unit_test(test_virtual_time),        cmocka_unit_test(test_descriptor_virtual),
		cmocka_unit_test(test_real_time),           cmocka_unit_test(test_busy_hook_keeps_turning),
		cmocka_unit_test(test_arm_after_idle),      cmocka_unit_test(test_stop_from_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
