#include "gateway/engine/decision.h"

#include "dsm/call.h"
#include "gateway/base/memory.h"
#include "gateway/engine/disk.h"
#include "gateway/engine/worker.h"

#include <string.h>

static const struct {
	const char *name, *words;
} bars[] = {
#define BAR_ROW(id, name, words) [BAR_##id] = { name, words },
	BAR_TABLE(BAR_ROW)
#undef BAR_ROW
};

const char *bar_name(enum bar bar)
{
	return bars[bar].name;
}

const char *bar_words(enum bar bar)
{
	return bars[bar].words;
}

/* ---- sets of paths ----------------------------------------------------------------------------------------------- */

void decision_paths(struct decision_log *log, const uint8_t now[DSM_PATHS_MAX], const char *policy)
{
	struct decision_set *set = &log->set[(log->sets - 1) % DECISION_SETS];

	if (log->sets && set->policy == policy && memcmp(set->bars, now, sizeof(set->bars)) == 0)
		return;
	set = &log->set[log->sets++ % DECISION_SETS];
	set->number = (uint32_t)log->sets;
	set->policy = policy;
	memcpy(set->bars, now, sizeof(set->bars));
}

const struct decision_set *decision_set_of(const struct decision_log *log, uint32_t number)
{
	const struct decision_set *set = &log->set[(number - 1) % DECISION_SETS];

	return number && set->number == number ? set : NULL;
}

/* ---- one command ------------------------------------------------------------------------------------------------- */

static uint32_t since_us(const struct io *io)
{
	uint64_t passed = clock_now_us(loop_clock(io->disk->worker->loop)) - io->trail.came_us;

	return passed < UINT32_MAX ? (uint32_t)passed : UINT32_MAX;
}

/* NULL: it is not kept, or its place was given to a later command. */
static struct decision_kept *kept_of(const struct decision_trail *trail)
{
	return trail->kept && trail->kept->head.number == trail->number ? trail->kept : NULL;
}

static struct decision_step *kept_step(struct decision_kept *kept, uint32_t attempt)
{
	return &kept->steps[attempt < DECISION_STEPS ? attempt - 1 : DECISION_STEPS - 1];
}

static struct decision_step *current_step(struct decision_trail *trail)
{
	struct decision_kept *kept = kept_of(trail);

	return kept ? kept_step(kept, trail->attempts) : &trail->step;
}

static void fill_head(struct decision_head *head, const struct io *io)
{
	head->number = io->trail.number;
	head->came_us = io->trail.came_us;
	memcpy(head->cdb, io->cdb, sizeof(head->cdb));
	head->len = io->len;
	head->attempts = io->trail.attempts;
	head->ended = false;
}

/* From now on the command is kept, unless it was before: once its place is gone it does not take another's. */
static void keep(struct io *io)
{
	struct decision_trail *trail = &io->trail;
	struct decision_log *log = &io->disk->decisions;

	if (trail->kept)
		return;
	trail->kept = &log->kept[log->keeps++ % DECISION_KEPT];
	fill_head(&trail->kept->head, io);
	trail->kept->steps[0] = trail->step;
	trail->kept->fence = NULL;
	*trail->kept->reason = '\0';
}

void decision_begin(struct io *io)
{
	struct decision_trail *trail = &io->trail;

	trail->number = ++io->disk->decisions.commands;
	trail->came_us = clock_now_us(loop_clock(io->disk->worker->loop));
	trail->kept = NULL;
	trail->attempts = 0;
	trail->own = false;
}

void decision_chose(struct io *io, const struct path *path)
{
	struct decision_trail *trail = &io->trail;
	struct decision_log *log = &io->disk->decisions;
	struct decision_kept *kept = kept_of(trail);
	struct decision_step *before = current_step(trail);

	if (trail->attempts && before->end == DECISION_HELD)
		before->ended_us = since_us(io);
	trail->attempts++;
	if (kept)
		kept->head.attempts = trail->attempts;
	*current_step(trail) = (struct decision_step){
		.set = (uint32_t)log->sets,
		.begun_us = trail->attempts > 1 || io->disk->throttle.on ? since_us(io) : 0,
		.path = path ? (uint8_t)path->core->index : DECISION_NO_PATH,
		.end = path ? DECISION_PENDING : DECISION_HELD,
	};
	if (path)
		return;
	log->tally.held++;
	keep(io);
}

void decision_judged(struct io *io, const struct dsm_result *result, const struct dsm_verdict *verdict, bool again)
{
	struct decision_step *step;

	keep(io);
	step = current_step(&io->trail);
	step->end = DECISION_ANSWERED;
	step->ended_us = since_us(io);
	step->judged = true;
	step->again = again;
	step->status = result->status;
	step->key = result->has_sense ? result->sense_key : 0;
	step->asc = result->has_sense ? result->asc : 0;
	step->ascq = result->has_sense ? result->ascq : 0;
	step->next = (uint8_t)verdict->next;
	step->state = (uint8_t)verdict->path;
	step->flags = (uint8_t)verdict->flags;
}

void decision_lost(struct io *io, enum decision_end how, const char *reason)
{
	struct decision_tally *tally = &io->disk->decisions.tally;
	struct decision_kept *kept;
	struct decision_step *step;

	keep(io);
	kept = kept_of(&io->trail);
	step = current_step(&io->trail);
	step->end = (uint8_t)how;
	step->ended_us = since_us(io);
	if (kept)
		str_copy(kept->reason, sizeof(kept->reason), reason);
	tally->lost += how == DECISION_LOST || how == DECISION_FENCED;
	tally->unsent += how == DECISION_UNSENT;
	tally->fenced += how == DECISION_FENCED;
}

void decision_freed(struct io *io, const char *form)
{
	struct decision_kept *kept = kept_of(&io->trail);

	current_step(&io->trail)->freed_us = since_us(io);
	io->disk->decisions.tally.fence = form;
	if (kept)
		kept->fence = form;
}

static void fill_answer(struct decision_head *head, const struct io *io, uint32_t took_us)
{
	head->took_us = took_us;
	head->ended = true;
	head->own = io->trail.own;
	head->status = io->status;
	head->key = head->asc = head->ascq = 0;
	if (io->status == SCSI_CHECK_CONDITION) {
		struct dsm_result result;

		call_decode(io->status, io->sense, io->sense_len, &result);
		head->key = result.sense_key;
		head->asc = result.asc;
		head->ascq = result.ascq;
	}
}

void decision_reconciled(struct io *io)
{
	io->trail.own = true;
}

void decision_throttled(struct io *io)
{
	io->trail.attempts = 1;
	io->trail.step = (struct decision_step){
		.set = (uint32_t)io->disk->decisions.sets,
		.path = DECISION_NO_PATH,
		.end = DECISION_THROTTLED,
	};
}

void decision_failed(struct io *io)
{
	io->trail.own = true;
	keep(io);
}

static void tally_end(struct decision_tally *tally, const struct io *io, uint32_t took_us)
{
	tally->commands++;
	tally->failed += io->trail.own && io->status != SCSI_GOOD;
	if (took_us > tally->longest_us)
		tally->longest_us = took_us;
}

void decision_end(struct io *io)
{
	struct decision_log *log = &io->disk->decisions;
	struct decision_step *step = current_step(&io->trail);
	uint32_t took_us = since_us(io);
	struct decision_kept *kept;
	struct decision_brief *brief;

	tally_end(&log->tally, io, took_us);
	if (step->end == DECISION_PENDING || step->end == DECISION_HELD || step->end == DECISION_THROTTLED)
		step->ended_us = took_us;
	if (step->end == DECISION_PENDING)
		step->end = io->trail.own ? DECISION_UNSENT : DECISION_ANSWERED;
	if (took_us >= DECISION_SLOW_US)
		keep(io);
	kept = kept_of(&io->trail);
	if (kept) {
		fill_answer(&kept->head, io, took_us);
		return;
	}
	brief = &log->recent[log->briefs++ % DECISION_RECENT];
	fill_head(&brief->head, io);
	fill_answer(&brief->head, io, took_us);
	brief->step = *step;
}
