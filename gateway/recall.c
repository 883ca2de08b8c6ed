#include "gateway/recall.h"

#include "gateway/base/memory.h"
#include "gateway/engine/command.h"
#include "gateway/gateway.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_US US_PER_S
#define RECALLS_MAX 32 /* questions at a time: each holds a copy of what the workers remember */

struct recall {
	struct list link; /* gateway.recalls */
	struct gateway *gateway;
	uint64_t number;
	char device[IDENTITY_TEXT_MAX];
	unsigned awaited;
	struct decision_report **reports; /* one a worker; NULL: not here yet */
	struct timer limit;
	void (*done)(const struct control_commands *commands, void *arg);
	void *arg;
};

struct control_commands {
	const struct recall *recall;
	const struct device *device; /* NULL: it is gone */
};

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static void recall_end(struct recall *recall)
{
	struct gateway *gateway = recall->gateway;
	struct control_commands commands = { recall, gateway_device(gateway, recall->device) };

	list_del(&recall->link);
	timer_stop(&recall->limit);
	recall->done(&commands, recall->arg);
	for (unsigned w = 0; w < gateway->worker_count; w++)
		free(recall->reports[w]);
	free(recall->reports);
	free(recall);
}

static void on_limit(void *arg)
{
	recall_end(arg);
}

void recall_end_all(struct gateway *gateway)
{
	struct recall *recall;

	list_for_each(recall, &gateway->recalls, link)
		recall_end(recall);
}

void recall_report(struct message *message)
{
	struct decision_report *report = container_of(message, struct decision_report, message);
	struct recall *recall;

	list_for_each(recall, &report->gateway->recalls, link) {
		if (recall->number != report->number)
			continue;
		recall->reports[report->worker] = report;
		if (--recall->awaited == 0)
			recall_end(recall);
		return;
	}
	free(report); /* it comes too late */
}

int control_commands(struct gateway *gateway, const char *device_id,
		     void (*done)(const struct control_commands *commands, void *arg), void *arg,
		     struct problem *problem)
{
	struct device *device = gateway_device(gateway, device_id);
	struct recall *recall;
	unsigned waiting = 0;

	list_for_each(recall, &gateway->recalls, link)
		waiting++;
	if (!device) {
		problem_set(problem, 404, "", "No such device", "there is no device \"%.200s\"", device_id);
		return -1;
	}
	if (waiting == RECALLS_MAX) {
		problem_set(problem, 503, "", "Too many questions", "%d such requests are being answered", RECALLS_MAX);
		return -1;
	}
	recall = xcalloc(1, sizeof(*recall));
	recall->gateway = gateway;
	recall->number = ++gateway->questions;
	str_copy(recall->device, sizeof(recall->device), device->core.id);
	recall->awaited = gateway->worker_count;
	recall->reports = xcalloc(gateway->worker_count, sizeof(recall->reports[0]));
	recall->done = done;
	recall->arg = arg;
	timer_init(&recall->limit, loop_clock(gateway->control), on_limit, recall);
	timer_arm(&recall->limit, LIMIT_US);
	list_add_tail(&gateway->recalls, &recall->link);
	for (unsigned w = 0; w < gateway->worker_count; w++)
		worker_tell_decisions(gateway->workers[w], &device->core, recall->number);
	return 0;
}

bool control_commands_complete(const struct control_commands *commands)
{
	return commands->recall->awaited == 0;
}

/* ---- one attempt ------------------------------------------------------------------------------------------------- */

/* One command of one worker, wherever it stands in the log. */
struct found {
	const struct decision_report *report;
	const struct decision_head *head;
	const struct decision_step *steps; /* as many as are remembered */
	const struct decision_kept *kept; /* NULL: it was nothing special */
};

/* Room for the views of one command. */
struct canvas {
	struct attempt_view attempts[DECISION_STEPS];
	struct choice_view choices[DECISION_STEPS][DSM_PATHS_MAX];
	char id[48];
};

/* NULL: there is none, or no longer. */
static const char *path_name(const struct device *device, unsigned index)
{
	for (unsigned i = 0; i < device->path_count; i++)
		if (device->paths[i]->index == index)
			return device->paths[i]->id;
	return NULL;
}

/* The path that was taken is none that was kept out: fail-over-only stays on a standby path that it has moved to. */
static size_t view_choices(const struct device *device, const struct decision_set *set, unsigned taken,
			   struct choice_view *choices)
{
	size_t count = 0;

	for (unsigned i = 0; set && i < DSM_PATHS_MAX; i++) {
		enum bar bar = (enum bar)set->bars[i];

		if (bar == BAR_ABSENT || !path_name(device, i))
			continue;
		if (i == taken && (bar == BAR_ROLE || bar == BAR_WEIGHT))
			bar = BAR_NONE;
		choices[count++] = (struct choice_view){ path_name(device, i), bar_name(bar), bar_words(bar) };
	}
	return count;
}

static void view_verdict(const struct decision_step *step, struct attempt_view *view)
{
	static const char *const verdicts[] = {
		[DSM_RETURN] = "return",
		[DSM_RETRY_SAME] = "retry-same",
		[DSM_RETRY_OTHER] = "retry-other",
		[DSM_RETRY_GROUP] = "retry-group",
		[DSM_RETRY_SAME_ONCE] = "retry-same-once",
	};
	static const char *const states[] = {
		[DSM_PATH_KEEP] = "keep",
		[DSM_PATH_SUSPECT] = "suspect",
		[DSM_PATH_FAILED] = "failed",
		[DSM_PATH_PASSIVE] = "passive",
		[DSM_PATH_TRANSITIONING] = "transitioning",
	};

	view->judged = true;
	view->again = step->again;
	view->status = step->status;
	view->key = step->key;
	view->asc = step->asc;
	view->ascq = step->ascq;
	view->verdict = verdicts[step->next];
	view->path_verdict = states[step->state];
	view->counted = step->flags & DSM_COUNTED;
	view->delayed = step->flags & DSM_DELAYED;
}

/* `before`: the attempt before, if that is remembered. */
static void view_attempt(const struct found *found, const struct device *device, const struct decision_step *step,
			 const struct decision_step *before, struct choice_view *choices, struct attempt_view *view)
{
	static const char *const ends[] = {
		[DECISION_PENDING] = "pending",   [DECISION_ANSWERED] = "answered", [DECISION_UNSENT] = "unsent",
		[DECISION_LOST] = "lost",         [DECISION_FENCED] = "fenced",     [DECISION_ABORTED] = "aborted",
		[DECISION_REJECTED] = "rejected", [DECISION_HELD] = "held",         [DECISION_THROTTLED] = "throttled",
	};
	const struct decision_set *set = decision_set_of(&found->report->log, step->set);

	*view = (struct attempt_view){
		.choices = choices,
		.choice_count = view_choices(device, set, step->path, choices),
		.set = step->set,
		.path = path_name(device, step->path),
		.policy = set ? set->policy : NULL,
		.begun_us = step->begun_us,
		.ended_us = step->ended_us,
		.result = ends[step->end],
		.fence_waits = step->end == DECISION_FENCED && !step->freed_us,
		.fenced_us = step->freed_us ? step->freed_us - step->ended_us : 0,
	};
	view->by_verdict = before && before->judged && before->path == step->path &&
			   (before->next == DSM_RETRY_SAME || before->next == DSM_RETRY_SAME_ONCE);
	if (step->judged)
		view_verdict(step, view);
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

/* The worker's clock may have been read a little later than this loop's. */
static uint64_t age_of(const struct found *found)
{
	uint64_t now = clock_now_us(loop_clock(found->report->gateway->control));

	return now > found->head->came_us ? now - found->head->came_us : 0;
}

static void view_command(const struct found *found, const struct device *device, struct canvas *canvas,
			 struct command_view *view)
{
	const struct decision_head *head = found->head;
	const struct command_info *info = command_info(head->cdb);
	size_t count = !found->kept ? 1 : head->attempts < DECISION_STEPS ? head->attempts : DECISION_STEPS;
	uint64_t age_us = age_of(found);

	for (size_t i = 0; i < count; i++) {
		bool follows = i > 0 && (i + 1 < DECISION_STEPS || head->attempts == DECISION_STEPS);

		view_attempt(found, device, &found->steps[i], follows ? &found->steps[i - 1] : NULL, canvas->choices[i],
			     &canvas->attempts[i]);
	}
	snprintf(canvas->id, sizeof(canvas->id), "%u-%" PRIu64, found->report->worker, head->number);
	*view = (struct command_view){
		.id = canvas->id,
		.worker = found->report->worker,
		.time_us = unix_time_us() - age_us,
		.name = info->name,
		.opcode = head->cdb[0],
		.lba = info->moves_blocks ? command_lba(head->cdb) : 0,
		.blocks = info->moves_blocks ? head->len / device->block_size : 0,
		.remarkable = found->kept || head->attempts > 1,
		.ended = head->ended,
		.took_us = head->ended ? head->took_us : age_us,
		.own = head->own,
		.status = head->status,
		.key = head->key,
		.asc = head->asc,
		.ascq = head->ascq,
		.loss_reason = found->kept && *found->kept->reason ? found->kept->reason : NULL,
		.fence = found->kept ? found->kept->fence : NULL,
		.attempts_made = head->attempts,
		.attempts = canvas->attempts,
		.attempt_count = count,
	};
}

static size_t collect(const struct decision_report *report, bool remarkable, struct found *found)
{
	const struct decision_log *log = &report->log;
	size_t count = 0;

	for (unsigned i = 0; i < DECISION_KEPT && i < log->keeps; i++)
		found[count++] = (struct found){ report, &log->kept[i].head, log->kept[i].steps, &log->kept[i] };
	for (unsigned i = 0; i < DECISION_RECENT && i < log->briefs; i++)
		if (!remarkable || log->recent[i].head.attempts > 1)
			found[count++] = (struct found){ report, &log->recent[i].head, &log->recent[i].step, NULL };
	return count;
}

static int compare_found(const void *a, const void *b)
{
	const struct decision_head *x = ((const struct found *)a)->head, *y = ((const struct found *)b)->head;

	if (x->came_us != y->came_us)
		return x->came_us > y->came_us ? -1 : 1;
	return x->number > y->number ? -1 : x->number < y->number;
}

void control_each_command(const struct control_commands *commands, bool remarkable,
			  bool (*fn)(const struct command_view *view, void *arg), void *arg)
{
	const struct recall *recall = commands->recall;
	unsigned workers = recall->gateway->worker_count;
	struct found *found = xcalloc(workers * (DECISION_KEPT + DECISION_RECENT), sizeof(found[0]));
	struct canvas canvas;
	struct command_view view;
	size_t count = 0;

	for (unsigned w = 0; commands->device && w < workers; w++)
		if (recall->reports[w] && recall->reports[w]->known)
			count += collect(recall->reports[w], remarkable, found + count);
	qsort(found, count, sizeof(found[0]), compare_found);
	for (size_t i = 0; i < count; i++) {
		view_command(&found[i], commands->device, &canvas, &view);
		if (!fn(&view, arg))
			break;
	}
	free(found);
}
