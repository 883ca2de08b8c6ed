/* Errands to the control loop: called back exactly once, whatever the moment of the stop. */
#include "api/handover.h"
#include "tests/unit/fake_gateway.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define ERRANDS 1000
#define SENDERS 4

struct trip {
	unsigned ran; /* written on the control loop, read after back: no atomic, so that TSan can tell */
	_Atomic unsigned back; /* 1: with ran, 2: without */
};

static void on_run(struct gateway *gateway, void *arg)
{
	struct trip *errand = arg;

	(void)gateway;
	errand->ran++;
}

static void on_back(void *arg, bool ran)
{
	struct trip *errand = arg;

	errand->back += ran ? 1 : 2;
}

struct sender {
	struct handover *handover;
	struct trip errands[ERRANDS];
	size_t posted;
};

static void *sender_main(void *arg)
{
	struct sender *sender = arg;

	for (size_t i = 0; i < ERRANDS; i++, sender->posted++)
		if (handover_post(sender->handover, on_run, on_back, &sender->errands[i]) < 0)
			break;
	return NULL;
}

static void test_stop_while_senders_post(void **state)
{
	static struct sender senders[SENDERS];

	(void)state;
	for (int round = 0; round < 20; round++) {
		struct gateway *gateway = fake_gateway_create(true);
		struct handover *handover = handover_create(gateway);
		pthread_t threads[SENDERS];

		memset(senders, 0, sizeof(senders));
		for (size_t i = 0; i < SENDERS; i++) {
			senders[i].handover = handover;
			pthread_create(&threads[i], NULL, sender_main, &senders[i]);
		}
		for (int spin = 0; spin < round * 2000; spin++)
			atomic_signal_fence(memory_order_seq_cst);
		handover_stop(handover);
		for (size_t i = 0; i < SENDERS; i++)
			pthread_join(threads[i], NULL);
		for (size_t i = 0; i < SENDERS; i++) {
			for (size_t n = 0; n < senders[i].posted; n++)
				assert_int_equal(senders[i].errands[n].back, senders[i].errands[n].ran ? 1 : 2);
		}
		handover_release(handover);
		fake_gateway_destroy(gateway);
	}
}

/* The loop delivers only when everything else is gone. */
static void test_late_delivery(void **state)
{
	struct gateway *gateway = fake_gateway_create(false);
	struct handover *handover = handover_create(gateway);
	struct trip errand = { 0 };

	(void)state;
	assert_int_equal(handover_post(handover, on_run, on_back, &errand), 0);
	handover_stop(handover);
	assert_int_equal(errand.back, 2);
	assert_int_equal(handover_post(handover, on_run, on_back, &errand), -ESHUTDOWN);
	handover_release(handover);
	fake_gateway_destroy(gateway);
	assert_int_equal(errand.ran, 0);
	assert_int_equal(errand.back, 2);
	handover_release(NULL);
}

/* ---- deferred errands ------------------------------------------------------------------------------------------ */

struct deferred {
	struct trip trip; /* first: on_back gets it */
	struct handover *handover;
	struct errand *away; /* what was deferred */
};

static void on_then(void *arg, const void *result)
{
	struct deferred *deferred = arg;

	deferred->trip.ran += *(const unsigned *)result;
}

static void on_run_and_defer(struct gateway *gateway, void *arg)
{
	struct deferred *deferred = arg;

	(void)gateway;
	deferred->away = handover_running(deferred->handover);
	handover_defer(deferred->handover);
}

/* A later errand on the same loop brings the answer. */
static void on_run_and_resume(struct gateway *gateway, void *arg)
{
	static const unsigned seven = 7;
	struct deferred *deferred = arg;

	(void)gateway;
	handover_resume(deferred->away, on_then, &seven);
}

static void wait_for(_Atomic unsigned *back)
{
	while (!*back)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static void test_a_deferred_errand_ends_later(void **state)
{
	struct gateway *gateway = fake_gateway_create(true);
	struct handover *handover = handover_create(gateway);
	struct deferred deferred = { .handover = handover };

	(void)state;
	assert_int_equal(handover_post(handover, on_run_and_defer, on_back, &deferred), 0);
	fake_gateway_call(gateway, on_run_and_resume, &deferred);
	wait_for(&deferred.trip.back);
	assert_int_equal(deferred.trip.back, 1);
	assert_int_equal(deferred.trip.ran, 7);
	handover_stop(handover);
	handover_release(handover);
	fake_gateway_destroy(gateway);
}

/* The API stops while the answer is awaited: it is given up at once, and the answer that comes later is dropped. */
static void test_a_deferred_errand_is_given_up(void **state)
{
	struct gateway *gateway = fake_gateway_create(true);
	struct handover *handover = handover_create(gateway);
	struct deferred deferred = { .handover = handover };
	struct trip barrier = { 0 };

	(void)state;
	assert_int_equal(handover_post(handover, on_run_and_defer, on_back, &deferred), 0);
	assert_int_equal(handover_post(handover, on_run, on_back, &barrier), 0);
	wait_for(&barrier.back);
	assert_int_equal(deferred.trip.back, 0);
	handover_stop(handover);
	assert_int_equal(deferred.trip.back, 2);
	handover_release(handover);
	fake_gateway_call(gateway, on_run_and_resume, &deferred);
	fake_gateway_destroy(gateway); /* the last message has been delivered */
	assert_int_equal(deferred.trip.back, 2);
	assert_int_equal(deferred.trip.ran, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stop_while_senders_post),
		cmocka_unit_test(test_late_delivery),
		cmocka_unit_test(test_a_deferred_errand_ends_later),
		cmocka_unit_test(test_a_deferred_errand_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
