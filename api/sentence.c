#include "api/sentence.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CHECK_CONDITION 0x02 /* SAM-5 status codes, as below */

char *sentence_status(uint8_t status, uint8_t key, uint8_t asc, uint8_t ascq, char *text)
{
	static const struct {
		uint8_t status;
		const char *name;
	} names[] = {
		{ 0x00, "GOOD" },          { 0x04, "CONDITION MET" },
		{ 0x08, "BUSY" },          { 0x18, "RESERVATION CONFLICT" },
		{ 0x28, "TASK SET FULL" }, { 0x30, "ACA ACTIVE" },
		{ 0x40, "TASK ABORTED" },
	};

	snprintf(text, SENTENCE_STATUS_MAX, "status %02xh", status);
	if (status == CHECK_CONDITION)
		snprintf(text, SENTENCE_STATUS_MAX, "%02x/%02x/%02x", key, asc, ascq);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].status == status)
			snprintf(text, SENTENCE_STATUS_MAX, "%s", names[i].name);
	return text;
}

static void put_time(FILE *out, uint64_t us)
{
	if (us < US_PER_S)
		fprintf(out, "%.1f ms", (double)us / (double)US_PER_MS);
	else
		fprintf(out, "%.1f s", (double)us / (double)US_PER_S);
}

/* "4 paths, p2 standby by role, p3 down; " */
static void put_choices(FILE *out, const struct attempt_view *attempt)
{
	if (!attempt->choice_count)
		return;
	fprintf(out, "%zu path%s", attempt->choice_count, attempt->choice_count == 1 ? "" : "s");
	for (size_t i = 0; i < attempt->choice_count; i++)
		if (attempt->choices[i].reason)
			fprintf(out, ", %s %s", attempt->choices[i].path, attempt->choices[i].words);
	fputs("; ", out);
}

static void put_choice(FILE *out, const struct attempt_view *attempt)
{
	if (!attempt->path)
		fputs("no path to choose", out);
	else if (attempt->by_verdict)
		fprintf(out, "%s again", attempt->path);
	else
		fprintf(out, "%s chose %s", attempt->policy ? attempt->policy : "the policy", attempt->path);
}

/* "; 02/04/0b after 0.3 ms: retry in another group" */
static void put_verdict(FILE *out, const struct attempt_view *attempt)
{
	static const char *const words[][2] = {
		{ "return", "it goes to the host" },
		{ "retry-same", "retry on the same path" },
		{ "retry-other", "retry on another path" },
		{ "retry-group", "retry in another group" },
		{ "retry-same-once", "retry on the same path once" },
	};
	char status[SENTENCE_STATUS_MAX];

	fprintf(out, "; %s after ",
		sentence_status(attempt->status, attempt->key, attempt->asc, attempt->ascq, status));
	put_time(out, attempt->ended_us - attempt->begun_us);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i][0], attempt->verdict) == 0)
			fprintf(out, ": %s", words[i][1]);
	if (strcmp(attempt->path_verdict, "keep") != 0)
		fprintf(out, ", %s is %s", attempt->path, attempt->path_verdict);
	if (attempt->counted)
		fputs(", counted", out);
	if (!attempt->again && strcmp(attempt->verdict, "return") != 0)
		fputs(", but no retry is left", out);
}

static void put_loss(FILE *out, const struct attempt_view *attempt, const struct command_view *view)
{
	static const char *const words[][2] = {
		{ "unsent", "taken back unsent" },       { "lost", "its link was lost" },
		{ "fenced", "its link was lost" },       { "aborted", "ended at the array" },
		{ "rejected", "rejected by the array" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i][0], attempt->result) == 0)
			fprintf(out, "; %s after ", words[i][1]);
	put_time(out, attempt->ended_us - attempt->begun_us);
	if (view->loss_reason)
		fprintf(out, " (%s)", view->loss_reason);
	if (attempt->fence_waits) {
		fputs(", it waits for the fence", out);
	} else if (strcmp(attempt->result, "fenced") == 0) {
		fputs(", fenced for ", out);
		put_time(out, attempt->fenced_us);
		if (view->fence)
			fprintf(out, " (form %s)", view->fence);
	}
}

static void put_result(FILE *out, const struct attempt_view *attempt, const struct command_view *view)
{
	if (attempt->judged) {
		put_verdict(out, attempt);
	} else if (strcmp(attempt->result, "held") == 0) {
		fputs(attempt->ended_us ? ": held for " : ": it is held", out);
		if (attempt->ended_us)
			put_time(out, attempt->ended_us - attempt->begun_us);
	} else if (strcmp(attempt->result, "throttled") == 0) {
		fputs(": kept back by the throttle for ", out);
		put_time(out, attempt->ended_us);
	} else if (strcmp(attempt->result, "answered") != 0 && strcmp(attempt->result, "pending") != 0) {
		put_loss(out, attempt, view);
	}
}

/* How it ended, unless its only attempt says so already. */
static void put_end(FILE *out, const struct command_view *view)
{
	char status[SENTENCE_STATUS_MAX];

	if (view->ended && !view->own && view->attempts_made == 1 && view->attempts[0].judged)
		return;
	if (!view->ended) {
		fputs("; under way for ", out);
		put_time(out, view->took_us);
		return;
	}
	fprintf(out, "; %s%s after ", view->own ? "the gateway ended it with " : "",
		sentence_status(view->status, view->key, view->asc, view->ascq, status));
	put_time(out, view->took_us);
}

static void put_command(FILE *out, const struct command_view *view)
{
	if (view->name)
		fputs(view->name, out);
	else
		fprintf(out, "opcode %02xh", view->opcode);
	if (view->blocks)
		fprintf(out, " lba %" PRIu64 " +%" PRIu64, view->lba, view->blocks);
	fputs(": ", out);
}

char *sentence_of(const struct command_view *view)
{
	size_t len;
	char *text = NULL;
	FILE *out = open_memstream(&text, &len);
	uint64_t set = 0;

	if (!out)
		return NULL;
	put_command(out, view);
	if (view->attempts_made > view->attempt_count)
		fprintf(out, "of %u attempts these are remembered: ", view->attempts_made);
	for (size_t i = 0; i < view->attempt_count; i++) {
		const struct attempt_view *attempt = &view->attempts[i];

		if (i > 0)
			fputs("; ", out);
		if (attempt->set != set)
			put_choices(out, attempt);
		set = attempt->set;
		put_choice(out, attempt);
		put_result(out, attempt, view);
	}
	put_end(out, view);
	fclose(out);
	return text;
}
