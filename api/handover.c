#include "api/handover.h"

#include "gateway/base/list.h"
#include "gateway/base/memory.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct handover {
	struct gateway *gateway;
	pthread_mutex_t lock; /* for everything below, and held while back is called */
	pthread_cond_t idle; /* the running errand is back */
	struct list pending; /* posted and not begun, or deferred */
	struct errand *running; /* NULL: none */
	bool stopped;
	unsigned refs; /* its owner's, and one for each errand that the loop has */
};

struct errand {
	struct control_job job;
	struct handover *handover;
	struct list link; /* in pending; on no list: begun, or given up */
	bool deferred;
	void (*run)(struct gateway *gateway, void *arg);
	void (*back)(void *arg, bool ran);
	void *arg;
};

struct handover *handover_create(struct gateway *gateway)
{
	struct handover *handover = xcalloc(1, sizeof(*handover));

	handover->gateway = gateway;
	handover->refs = 1;
	pthread_mutex_init(&handover->lock, NULL);
	pthread_cond_init(&handover->idle, NULL);
	list_init(&handover->pending);
	return handover;
}

void handover_release(struct handover *handover)
{
	bool last;

	if (!handover)
		return;
	pthread_mutex_lock(&handover->lock);
	last = --handover->refs == 0;
	pthread_mutex_unlock(&handover->lock);
	if (!last)
		return;
	pthread_cond_destroy(&handover->idle);
	pthread_mutex_destroy(&handover->lock);
	free(handover);
}

/* False: the API has stopped and called back already. */
static bool errand_begin(struct errand *errand)
{
	struct handover *handover = errand->handover;
	bool wanted;

	pthread_mutex_lock(&handover->lock);
	wanted = list_linked(&errand->link);
	list_del(&errand->link);
	handover->running = wanted ? errand : NULL;
	pthread_mutex_unlock(&handover->lock);
	return wanted;
}

/* Nobody runs now. A deferred errand waits again, or is given up if the API stops at this moment. */
static void errand_pause(struct errand *errand)
{
	struct handover *handover = errand->handover;

	pthread_mutex_lock(&handover->lock);
	if (!errand->deferred)
		errand->back(errand->arg, true);
	else if (handover->stopped)
		errand->back(errand->arg, false);
	else
		list_add_tail(&handover->pending, &errand->link);
	handover->running = NULL;
	pthread_cond_signal(&handover->idle);
	pthread_mutex_unlock(&handover->lock);
}

static void errand_destroy(struct errand *errand)
{
	handover_release(errand->handover);
	free(errand);
}

/* On the control loop. */
static void on_job(struct control_job *job)
{
	struct errand *errand = container_of(job, struct errand, job);

	if (errand_begin(errand)) {
		errand->run(job->control, errand->arg);
		errand_pause(errand);
	}
	if (!errand->deferred)
		errand_destroy(errand);
}

struct errand *handover_running(const struct handover *handover)
{
	return handover->running;
}

void handover_defer(struct handover *handover)
{
	handover->running->deferred = true;
}

void handover_resume(struct errand *errand, void (*then)(void *arg, const void *result), const void *result)
{
	errand->deferred = false;
	if (errand_begin(errand)) {
		then(errand->arg, result);
		errand_pause(errand);
	}
	errand_destroy(errand);
}

int handover_post(struct handover *handover, void (*run)(struct gateway *gateway, void *arg),
		  void (*back)(void *arg, bool ran), void *arg)
{
	struct errand *errand;

	pthread_mutex_lock(&handover->lock);
	if (handover->stopped) {
		pthread_mutex_unlock(&handover->lock);
		return -ESHUTDOWN;
	}
	errand = xmalloc(sizeof(*errand));
	*errand = (struct errand){
		.job = { .control = handover->gateway, .run = on_job },
		.handover = handover,
		.run = run,
		.back = back,
		.arg = arg,
	};
	list_add_tail(&handover->pending, &errand->link);
	handover->refs++;
	pthread_mutex_unlock(&handover->lock);
	control_post(handover->gateway, &errand->job);
	return 0;
}

void handover_stop(struct handover *handover)
{
	struct list *link;

	pthread_mutex_lock(&handover->lock);
	handover->stopped = true;
	while ((link = list_pop(&handover->pending))) {
		struct errand *errand = list_entry(link, struct errand, link);

		errand->back(errand->arg, false);
	}
	while (handover->running)
		pthread_cond_wait(&handover->idle, &handover->lock);
	pthread_mutex_unlock(&handover->lock);
}
