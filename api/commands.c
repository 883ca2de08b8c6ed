/* commands.c - GET /api/v1/devices/{id}/commands: why the latest commands took the paths that they took. */
#include "api/handover.h"
#include "api/member.h"
#include "api/paging.h"
#include "api/resources.h"
#include "api/sentence.h"

#include <stdlib.h>
#include <string.h>

static json_t *verdict_json(const struct attempt_view *view)
{
	json_t *json;

	if (!view->judged)
		return NULL;
	json = json_object();
	member_text(json, "next", view->verdict);
	member_text(json, "path", view->path_verdict);
	member_bool(json, "counted", view->counted);
	member_bool(json, "delayed", view->delayed);
	member_bool(json, "again", view->again);
	return json;
}

/* The choices, divided into those that could be chosen and those that could not. */
static void add_choices(json_t *json, const struct attempt_view *view)
{
	json_t *candidates = json_array(), *excluded = json_array();

	for (size_t i = 0; i < view->choice_count; i++) {
		const struct choice_view *choice = &view->choices[i];
		json_t *row;

		if (!choice->reason) {
			json_array_append_new(candidates, json_string(choice->path));
			continue;
		}
		row = json_object();
		member_text(row, "path", choice->path);
		member_text(row, "reason", choice->reason);
		json_array_append_new(excluded, row);
	}
	member_json(json, "candidates", candidates);
	member_json(json, "excluded", excluded);
}

static json_t *attempt_json(const struct attempt_view *view)
{
	bool fenced = view->fence_waits || strcmp(view->result, "fenced") == 0;
	char status[SENTENCE_STATUS_MAX];
	json_t *json = json_object();

	add_choices(json, view);
	member_text(json, "path", view->path);
	member_text(json, "chosen_by", !view->path ? NULL : view->by_verdict ? "verdict" : "policy");
	member_text(json, "policy", view->policy);
	member_uint(json, "begun_us", view->begun_us);
	member_uint_or_null(json, "took_us", view->ended_us - view->begun_us, view->ended_us);
	member_text(json, "result", view->result);
	member_text(json, "status",
		    view->judged ? sentence_status(view->status, view->key, view->asc, view->ascq, status) : NULL);
	member_json(json, "verdict", verdict_json(view));
	member_uint_or_null(json, "fenced_us", view->fenced_us, fenced && !view->fence_waits);
	return json;
}

static json_t *command_json(const struct command_view *view)
{
	json_t *json = json_object(), *attempts = json_array();
	char status[SENTENCE_STATUS_MAX], *sentence = sentence_of(view);

	for (size_t i = 0; i < view->attempt_count; i++)
		json_array_append_new(attempts, attempt_json(&view->attempts[i]));
	member_text(json, "id", view->id);
	member_uint(json, "worker", view->worker);
	member_uint(json, "time_us", view->time_us);
	member_text(json, "command", view->name);
	member_uint(json, "opcode", view->opcode);
	member_uint_or_null(json, "lba", view->lba, view->blocks);
	member_uint(json, "blocks", view->blocks);
	member_bool(json, "remarkable", view->remarkable);
	member_bool(json, "ended", view->ended);
	member_uint(json, "took_us", view->took_us);
	member_text(json, "status",
		    view->ended ? sentence_status(view->status, view->key, view->asc, view->ascq, status) : NULL);
	member_bool(json, "answered_by_gateway", view->own);
	member_text(json, "loss_reason", view->loss_reason);
	member_text(json, "fence", view->fence);
	member_uint(json, "attempts_made", view->attempts_made);
	member_json(json, "attempts", attempts);
	member_text(json, "sentence", sentence);
	free(sentence);
	return json;
}

static bool take_command(const struct command_view *view, void *arg)
{
	struct paging *paging = arg;

	if (paging_wants(paging, view->id))
		paging_add(paging, command_json(view));
	return !paging->more;
}

/* The workers have answered. */
static void answer(void *arg, const void *result)
{
	struct request *request = arg;
	const struct control_commands *commands = result;
	struct paging paging;
	bool remarkable;

	if (!request_flag(request, "remarkable", &remarkable) || !paging_begin(&paging, request))
		return;
	control_each_command(commands, remarkable, take_command, &paging);
	paging_end(&paging, request, "commands");
	if (request->output)
		member_bool(request->output, "complete", control_commands_complete(commands));
}

static void on_commands(const struct control_commands *commands, void *arg)
{
	handover_resume(arg, answer, commands);
}

/* The arguments are read first: what is wrong with them is said without asking anybody. */
void commands_list(struct request *request, struct gateway *gateway)
{
	struct handover *handover = request->context->handover;
	bool remarkable;
	uint64_t limit;

	if (!request_flag(request, "remarkable", &remarkable) ||
	    !request_number(request, "limit", PAGING_LIMIT, 1, PAGING_LIMIT, &limit))
		return;
	if (control_commands(gateway, request->id, on_commands, handover_running(handover), &request->problem) == 0)
		handover_defer(handover);
}
