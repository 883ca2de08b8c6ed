#include "gateway/kinship.h"

#include "gateway/backend.h"
#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "gateway/gateway.h"
#include "gateway/rehearsal.h"

#include <stdlib.h>

#define LOOK_US US_PER_S /* after a report: others come with it */
#define STEP_US (500 * US_PER_MS)
#define SLACK_US (2 * US_PER_S) /* a lane looks once a second whether its keepalive was answered */
#define AGAIN_FIRST_US (5 * US_PER_S)
#define AGAIN_DOUBLINGS 6 /* up to about five minutes */
#define PAIRS_MAX 4096 /* that differ, or wait: what an array could show beyond is not looked for */

enum outcome {
	OUTCOME_UNKNOWN, /* something else happened: again later */
	OUTCOME_ONE_NODE, /* if the sessions prove to have lived through it */
	OUTCOME_DIFFERENT,
};

struct pair {
	struct list link; /* kinship.pairs */
	struct link *a, *b;
	uint64_t logins; /* of all lanes of both, when the experiment began */
	enum outcome outcome;
	uint64_t ended_us;
	unsigned failures; /* in a row */
};

/* The logins of an experiment, in order. */
static const struct step {
	bool over_b;
	unsigned isid; /* which of the spare ones */
	int ends; /* the session of that step must end; -1: none */
} steps[] = {
	{ false, 0, -1 },
	{ true, 1, -1 },
	{ true, 0, 0 },
	{ false, 0, 2 },
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

struct spare { /* the session of a step */
	struct kinship *kinship;
	struct initiator *initiator; /* NULL: not begun, or ended */
};

struct kinship {
	struct backend *backend;
	struct list pairs; /* struct pair */
	unsigned pair_count;
	uint32_t last_kin;
	struct timer look;

	struct pair *pair; /* of the experiment under way; NULL: there is none */
	unsigned step;
	struct spare spares[STEPS];
	struct timer over; /* of the step; armed when its login has succeeded */
};

static uint64_t now_us(const struct kinship *kinship)
{
	return clock_now_us(loop_clock(kinship->backend->gateway->control));
}

/* ---- links and pairs --------------------------------------------------------------------------------------------- */

/* A session lives on every worker, as far as is known. */
static bool is_steady(const struct link *link)
{
	for (unsigned w = 0; w < link->worker_count; w++)
		if (link->lanes[w].state < LANE_PROBING)
			return false;
	return !link->removing && !rehearsal_lasts(link->backend->gateway, link);
}

static uint64_t logins_of(const struct link *a, const struct link *b)
{
	uint64_t logins = 0;

	for (unsigned w = 0; w < a->worker_count; w++)
		logins += a->lanes[w].logins + b->lanes[w].logins;
	return logins;
}

/* The number that the sessions of all workers have; 0: there is none. */
static uint32_t kin_of(const struct link *link)
{
	uint32_t kin = link_kin(link, 0, link->lanes[0].logins);

	for (unsigned w = 1; w < link->worker_count; w++)
		if (link_kin(link, w, link->lanes[w].logins) != kin)
			return 0;
	return kin;
}

static void set_kin(struct link *link, uint32_t kin)
{
	for (unsigned w = 0; w < link->worker_count; w++)
		link_set_kin(link, w, link->lanes[w].logins, kin);
}

/* Its links are the same sessions as when the experiment began. */
static bool is_current(const struct pair *pair)
{
	return is_steady(pair->a) && is_steady(pair->b) && logins_of(pair->a, pair->b) == pair->logins;
}

static void pair_destroy(struct kinship *kinship, struct pair *pair)
{
	list_del(&pair->link);
	kinship->pair_count--;
	free(pair);
}

static struct pair *pair_of(struct kinship *kinship, struct link *a, struct link *b)
{
	struct pair *pair;

	list_for_each(pair, &kinship->pairs, link)
		if ((pair->a == a && pair->b == b) || (pair->a == b && pair->b == a))
			return pair;
	if (kinship->pair_count == PAIRS_MAX)
		return NULL;
	pair = xcalloc(1, sizeof(*pair));
	pair->a = a;
	pair->b = b;
	list_add_tail(&kinship->pairs, &pair->link);
	kinship->pair_count++;
	return pair;
}

static uint64_t again_us(const struct pair *pair)
{
	unsigned doublings = pair->failures - 1;

	return pair->ended_us + (AGAIN_FIRST_US << (doublings < AGAIN_DOUBLINGS ? doublings : AGAIN_DOUBLINGS));
}

/* ---- the experiment ---------------------------------------------------------------------------------------------- */

static void close_spares(struct kinship *kinship)
{
	timer_stop(&kinship->over);
	for (unsigned i = 0; i < STEPS; i++) {
		kinship->backend->gateway->transport->close(kinship->spares[i].initiator);
		kinship->spares[i].initiator = NULL;
	}
}

/* why may be the words of a spare's initiator, which are gone with it. */
static void finish(struct kinship *kinship, enum outcome outcome, const char *why)
{
	struct pair *pair = kinship->pair;

	kinship->pair = NULL;
	pair->outcome = outcome;
	pair->ended_us = now_us(kinship);
	pair->failures = outcome == OUTCOME_UNKNOWN ? pair->failures + 1 : 0;
	if (outcome == OUTCOME_UNKNOWN)
		log_info("kinship", "a=%s b=%s step=%u void reason=%s", pair->a->id, pair->b->id, kinship->step, why);
	if (outcome == OUTCOME_DIFFERENT) {
		set_kin(pair->b, 0); /* some of its sessions may have had the number of a */
		journal_add(kinship->backend->gateway->journal, "info", "no-siblings", pair->b->id,
			    "%s and %s have the same names, but %s", pair->a->portal, pair->b->portal, why);
	}
	close_spares(kinship);
	timer_arm(&kinship->look, 0);
}

static void on_opened(void *arg)
{
	struct spare *spare = arg;

	timer_arm(&spare->kinship->over, STEP_US);
}

static void on_failed(void *arg, const char *reason)
{
	struct spare *spare = arg;
	struct kinship *kinship = spare->kinship;

	if (spare - kinship->spares != steps[kinship->step].ends) {
		finish(kinship, OUTCOME_UNKNOWN, reason);
		return;
	}
	kinship->backend->gateway->transport->close(spare->initiator);
	spare->initiator = NULL;
}

static void on_dismissed(void *arg, uint64_t wait_us)
{
	(void)arg;
	(void)wait_us; /* `failed` is next */
}

/* The others never come: nothing is sent on these sessions. */
static const struct initiator_events spare_events = {
	.opened = on_opened,
	.failed = on_failed,
	.dismissed = on_dismissed,
};

static void step_begin(struct kinship *kinship)
{
	const struct step *step = &steps[kinship->step];
	const struct pair *pair = kinship->pair;
	const struct gateway *gateway = kinship->backend->gateway;
	struct initiator_params params = link_login_params(pair->a, step->over_b ? pair->b : pair->a, &gateway->timers);
	struct spare *spare = &kinship->spares[kinship->step];

	link_spare_isid(pair->a, step->isid, params.isid);
	spare->initiator = gateway->transport->open(gateway->control, &params, &spare_events, spare);
}

static void on_over(void *arg)
{
	struct kinship *kinship = arg;
	int ends = steps[kinship->step].ends;

	if (!is_current(kinship->pair)) {
		finish(kinship, OUTCOME_UNKNOWN, "a link has changed");
	} else if (ends >= 0 && kinship->spares[ends].initiator) {
		finish(kinship, OUTCOME_DIFFERENT, "a login at one does not end a session at the other");
	} else if (kinship->step + 1 == STEPS) {
		finish(kinship, OUTCOME_ONE_NODE, NULL);
	} else {
		kinship->step++;
		step_begin(kinship);
	}
}

static void begin(struct kinship *kinship, struct pair *pair)
{
	pair->logins = logins_of(pair->a, pair->b);
	kinship->pair = pair;
	kinship->step = 0;
	step_begin(kinship);
}

/* ---- what it has shown ------------------------------------------------------------------------------------------- */

static void join(struct kinship *kinship, const struct pair *pair)
{
	uint32_t kin = kin_of(pair->a);

	if (!kin)
		kin = kin_of(pair->b);
	if (!kin)
		kin = ++kinship->last_kin;
	set_kin(pair->a, kin);
	set_kin(pair->b, kin);
	journal_add(kinship->backend->gateway->journal, "info", "siblings", pair->b->id,
		    "%s and %s lead into one target node: a login at one ends a session at the other", pair->a->portal,
		    pair->b->portal);
}

/* Whether every session has been heard of since. */
static bool is_settled(const struct kinship *kinship, const struct pair *pair)
{
	const struct timers *timers = &kinship->backend->gateway->timers;
	uint64_t heard_us = (timers->keepalive_interval + timers->keepalive_timeout) * US_PER_S + SLACK_US;

	return now_us(kinship) - pair->ended_us >= heard_us;
}

/* What older sessions have shown says nothing of these. True: something is still to come of the others. */
static bool review(struct kinship *kinship)
{
	struct pair *pair;
	bool waits = false;

	list_for_each(pair, &kinship->pairs, link) {
		if (pair == kinship->pair)
			continue;
		if (!is_current(pair)) {
			pair_destroy(kinship, pair);
		} else if (pair->outcome == OUTCOME_ONE_NODE && is_settled(kinship, pair)) {
			join(kinship, pair);
			pair_destroy(kinship, pair);
		} else {
			waits |= pair->outcome != OUTCOME_DIFFERENT;
		}
	}
	return waits;
}

/* ---- what to look at next ---------------------------------------------------------------------------------------- */

/* Of those with its number that b can be compared with. */
static bool is_first_of_kin(const struct kinship *kinship, const struct link *a, const struct link *b)
{
	const struct link *first;

	list_for_each(first, &kinship->backend->links, backend_link)
		if (is_steady(first) && kin_of(first) == kin_of(a) && link_may_be_kin(first, b))
			return first == a;
	return false;
}

/* With whom b, which has no number, is to be compared now: the first of each number, and those before it that have
 * none, either. NULL: with nobody. */
static struct pair *next_pair_of(struct kinship *kinship, struct link *b)
{
	bool is_before = true;
	struct link *a;

	list_for_each(a, &kinship->backend->links, backend_link) {
		struct pair *pair;

		is_before = is_before && a != b;
		if (a == b || !link_may_be_kin(a, b) || !is_steady(a) ||
		    !(kin_of(a) ? is_first_of_kin(kinship, a, b) : is_before))
			continue;
		pair = pair_of(kinship, a, b);
		if (!pair || pair->outcome == OUTCOME_ONE_NODE)
			return NULL;
		if (pair->outcome == OUTCOME_UNKNOWN && (!pair->failures || now_us(kinship) >= again_us(pair)))
			return pair;
	}
	return NULL;
}

static struct pair *next_pair(struct kinship *kinship)
{
	struct pair *pair = NULL;
	struct link *b;

	list_for_each(b, &kinship->backend->links, backend_link) {
		if (b->fence < FENCE_WAIT && is_steady(b) && !kin_of(b))
			pair = next_pair_of(kinship, b);
		if (pair)
			break;
	}
	return pair;
}

static void on_look(void *arg)
{
	struct kinship *kinship = arg;
	bool waits = review(kinship);
	struct pair *next = kinship->pair ? NULL : next_pair(kinship);

	if (next)
		begin(kinship, next);
	else if (!kinship->pair && waits)
		timer_arm(&kinship->look, LOOK_US);
}

void kinship_look(struct kinship *kinship)
{
	const struct backend *backend = kinship->backend;

	if (!backend->removing && !backend->gateway->stopping && !timer_armed(&kinship->look))
		timer_arm(&kinship->look, LOOK_US);
}

bool kinship_has_sibling(const struct link *link)
{
	for (unsigned w = 0; w < link->worker_count; w++) {
		const struct link *other;
		bool found = false;

		list_for_each(other, &link->backend->links, backend_link)
			found |= other != link && !other->removing && other->lanes[w].state == LANE_UP &&
				 link_same_group(link, link->lanes[w].logins, other, other->lanes[w].logins, w);
		if (!found)
			return false;
	}
	return true;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

struct kinship *kinship_create(struct backend *backend)
{
	struct kinship *kinship = xcalloc(1, sizeof(*kinship));
	struct clock *clock = loop_clock(backend->gateway->control);

	kinship->backend = backend;
	list_init(&kinship->pairs);
	timer_init(&kinship->look, clock, on_look, kinship);
	timer_init(&kinship->over, clock, on_over, kinship);
	for (unsigned i = 0; i < STEPS; i++)
		kinship->spares[i].kinship = kinship;
	return kinship;
}

void kinship_stop(struct kinship *kinship)
{
	timer_stop(&kinship->look);
	close_spares(kinship);
	kinship->pair = NULL;
}

void kinship_forget(struct kinship *kinship, const struct link *link)
{
	struct pair *pair;

	if (kinship->pair && (kinship->pair->a == link || kinship->pair->b == link)) {
		close_spares(kinship);
		kinship->pair = NULL;
	}
	list_for_each(pair, &kinship->pairs, link)
		if (pair->a == link || pair->b == link)
			pair_destroy(kinship, pair);
	kinship_look(kinship); /* others may have been compared with it */
}

void kinship_destroy(struct kinship *kinship)
{
	struct pair *pair;

	if (!kinship)
		return;
	kinship_stop(kinship);
	list_for_each(pair, &kinship->pairs, link)
		pair_destroy(kinship, pair);
	free(kinship);
}
