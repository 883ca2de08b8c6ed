#include "dsm/check/rows.h"

#include "dsm/call.h"
#include "dsm/check/guard.h"
#include "dsm/check/report.h"

#include <stdio.h>
#include <string.h>

#define NO_SENSE_DATA 0xff
#define FIXED_LEN 18
#define DESCRIPTOR_LEN 8

/* What a row takes: sets of enum dsm_next and enum dsm_path_state, flags that must be there, flags that must not. */
#define NEXT(name) (1u << DSM_##name)
#define PATH(name) (1u << DSM_PATH_##name)
#define HOST NEXT(RETURN), PATH(KEEP)
#define SAME NEXT(RETRY_SAME), PATH(KEEP)
#define ELSEWHERE (NEXT(RETRY_OTHER) | NEXT(RETRY_GROUP))
#define ANYWHERE (NEXT(RETRY_SAME) | NEXT(RETRY_SAME_ONCE) | ELSEWHERE)
#define ALL_FLAGS ((1u << 8) - 1)

struct want {
	unsigned next, path, flags, no_flags;
};

struct condition {
	uint8_t status, key, asc, ascq;
};

#define CONDITIONS_MAX 16

struct row {
	const char *name, *what;
	struct want want;
	struct condition conditions[CONDITIONS_MAX]; /* up to status 0 */
};

/* Rows whose retries are counted by the letter, but may as well be bounded by time, have no opinion on DSM_COUNTED:
 * E11 and E12 (each path may tell it once), E21 (an array may be busy for longer than the count). */
static const struct row rows[] = {
	{ "E5",
	  "ALUA transitioning",
	  { NEXT(RETRY_GROUP), PATH(TRANSITIONING), DSM_DELAYED | DSM_REFRESH, DSM_COUNTED | DSM_TELL_HOSTS },
	  { { 2, 2, 0x04, 0x0a }, { 2, 6, 0x04, 0x0a } } },
	{ "E6",
	  "standby and unavailable groups",
	  { NEXT(RETRY_GROUP), PATH(PASSIVE), DSM_REFRESH, DSM_COUNTED | DSM_TELL_HOSTS },
	  { { 2, 2, 0x04, 0x0b }, { 2, 2, 0x04, 0x0c } } },
	{ "E7", "becoming ready", { SAME, DSM_COUNTED | DSM_DELAYED, DSM_ONCE }, { { 2, 2, 0x04, 0x01 } } },
	{ "E8", "controller update", { ELSEWHERE, PATH(KEEP), DSM_COUNTED, 0 }, { { 2, 2, 0x04, 0x03 } } },
	{ "E9",
	  "not ready, other causes",
	  { ELSEWHERE, PATH(SUSPECT), DSM_COUNTED, 0 },
	  { { 2, 2, 0x04, 0x00 }, { 2, 2, 0x04, 0x1b }, { 2, 2, 0x04, 0x0d } } },
	{ "E10",
	  "ALUA state changed",
	  { NEXT(RETRY_SAME) | ELSEWHERE, PATH(KEEP), DSM_REFRESH, DSM_COUNTED | DSM_TELL_HOSTS },
	  { { 2, 6, 0x2a, 0x06 }, { 2, 6, 0x2a, 0x07 } } },
	{ "E11", "capacity changed", { SAME, DSM_REIDENTIFY, DSM_TELL_HOSTS }, { { 2, 6, 0x2a, 0x09 } } },
	{ "E12",
	  "LUNs or inquiry data changed",
	  { SAME, DSM_REIDENTIFY, DSM_TELL_HOSTS },
	  { { 2, 6, 0x3f, 0x0e }, { 2, 6, 0x3f, 0x03 } } },
	{ "E13",
	  "reset and nexus loss",
	  { SAME, DSM_COUNTED | DSM_REFRESH, 0 },
	  { { 2, 6, 0x29, 0x00 },
	    { 2, 6, 0x29, 0x01 },
	    { 2, 6, 0x29, 0x02 },
	    { 2, 6, 0x29, 0x03 },
	    { 2, 6, 0x29, 0x07 } } },
	{ "E14",
	  "mode parameters changed",
	  { HOST, DSM_TELL_HOSTS, 0 },
	  { { 2, 6, 0x2a, 0x01 }, { 2, 6, 0x2f, 0x00 } } },
	{ "E15",
	  "space threshold and exhaustion",
	  { HOST, DSM_SPACE_EVENT, 0 },
	  { { 2, 2, 0x04, 0x14 }, { 2, 6, 0x38, 0x07 }, { 2, 7, 0x27, 0x07 } } },
	{ "E16", "logical unit not supported", { ELSEWHERE, PATH(FAILED), DSM_COUNTED, 0 }, { { 2, 5, 0x25, 0x00 } } },
	{ "E17",
	  "errors that belong to the host",
	  { HOST, 0, ALL_FLAGS },
	  { { 2, 5, 0x20, 0x00 },
	    { 2, 5, 0x21, 0x00 },
	    { 2, 5, 0x22, 0x00 },
	    { 2, 5, 0x24, 0x00 },
	    { 2, 5, 0x26, 0x00 },
	    { 2, 0xe, 0x1d, 0x00 },
	    { 2, 3, 0x11, 0x00 },
	    { 2, 3, 0x0c, 0x02 },
	    { 2, 0xb, 0x10, 0x01 },
	    { 2, 0xb, 0x10, 0x03 },
	    { 2, 7, 0x20, 0x02 } } },
	{ "E18",
	  "aborted command",
	  { NEXT(RETRY_SAME_ONCE), PATH(SUSPECT), DSM_COUNTED, 0 },
	  { { 2, 0xb, 0x00, 0x00 }, { 2, 0xb, 0x47, 0x00 }, { 2, 0xb, 0x4e, 0x00 } } },
	{ "E19",
	  "hardware error",
	  { ELSEWHERE, PATH(SUSPECT), DSM_COUNTED | DSM_ONCE, 0 },
	  { { 2, 4, 0x44, 0x00 }, { 2, 4, 0x08, 0x01 }, { 2, 4, 0x32, 0x00 } } },
	{ "E20",
	  "CHECK CONDITION without sense",
	  { ELSEWHERE, PATH(SUSPECT), DSM_COUNTED, 0 },
	  { { 2, NO_SENSE_DATA, 0, 0 }, { 2, 0, 0x00, 0x00 } } },
	{ "E21",
	  "BUSY and TASK SET FULL",
	  { ANYWHERE, PATH(KEEP), DSM_DELAYED | DSM_CUT_QUEUE, DSM_ONCE },
	  { { 0x08, NO_SENSE_DATA, 0, 0 }, { 0x28, NO_SENSE_DATA, 0, 0 } } },
	{ "E22", "RESERVATION CONFLICT", { HOST, 0, DSM_COUNTED | DSM_ONCE }, { { 0x18, NO_SENSE_DATA, 0, 0 } } },
	{ "E23",
	  "TASK ABORTED",
	  { NEXT(RETRY_SAME) | ELSEWHERE, PATH(KEEP), DSM_COUNTED, 0 },
	  { { 0x40, NO_SENSE_DATA, 0, 0 } } },
};

/* ---- in words ---------------------------------------------------------------------------------------------------- */

static const char *const next_names[] = { "return", "retry-same", "retry-other", "retry-group", "retry-same-once" };
static const char *const path_names[] = { "keep", "suspect", "failed", "passive", "transitioning" };
static const char *const flag_names[] = { "counted",    "delayed",     "reidentify", "once",
					  "tell-hosts", "space-event", "refresh",    "cut-queue" };

/* The names of a set, joined by '|'. */
static const char *names_of(unsigned set, const char *const *names, unsigned count, char text[128])
{
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < count; i++)
		if (set & 1u << i && len < 128)
			len += (size_t)snprintf(text + len, 128 - len, "%s%s", len ? "|" : "", names[i]);
	return len ? text : "none";
}

#define NAMES(set, names, text) names_of(set, names, sizeof(names) / sizeof((names)[0]), text)

static void judge(const char *what, const struct want *want, const struct dsm_verdict *got)
{
	char text[128];

	if (!(want->next & 1u << got->next))
		report_wrong("%s: next is %s, the row wants %s", what, next_names[got->next],
			     NAMES(want->next, next_names, text));
	if (!(want->path & 1u << got->path))
		report_wrong("%s: the path is %s, the row wants %s", what, path_names[got->path],
			     NAMES(want->path, path_names, text));
	if (want->flags & ~got->flags)
		report_wrong("%s: lacks %s", what, NAMES(want->flags & ~got->flags, flag_names, text));
	if (want->no_flags & got->flags)
		report_wrong("%s: must not have %s", what, NAMES(want->no_flags & got->flags, flag_names, text));
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static size_t put_sense(const struct condition *condition, bool descriptor, uint8_t sense[FIXED_LEN])
{
	memset(sense, 0, FIXED_LEN);
	if (condition->key == NO_SENSE_DATA)
		return 0;
	sense[0] = descriptor ? 0x72 : 0x70;
	sense[descriptor ? 1 : 2] = condition->key;
	sense[descriptor ? 2 : 12] = condition->asc;
	sense[descriptor ? 3 : 13] = condition->ascq;
	if (!descriptor)
		sense[7] = FIXED_LEN - 8;
	return descriptor ? DESCRIPTOR_LEN : FIXED_LEN;
}

static void ask(const struct device *device, const struct condition *condition, const struct want *want)
{
	for (unsigned form = 0; form < 2 * DEVICE_PATHS; form++) {
		bool descriptor = form & 1;
		uint8_t sense[FIXED_LEN];
		size_t len = put_sense(condition, descriptor, sense);
		struct dsm_result result;
		struct dsm_verdict verdict;
		char what[64];

		call_decode(condition->status, guard_copy(sense, len), len, &result);
		verdict = call_interpret(device->ops, device->ctx, &device->paths[form / 2], &result);
		if (len)
			snprintf(what, sizeof(what), "%02X/%02X/%02X %s, path %u", condition->key, condition->asc,
				 condition->ascq, descriptor ? "descriptor" : "fixed", form / 2);
		else
			snprintf(what, sizeof(what), "status %02X, path %u", condition->status, form / 2);
		judge(what, want, &verdict);
	}
}

struct question {
	const struct subject *subject;
	const struct row *row;
};

static void check_row(const void *arg)
{
	const struct question *question = arg;
	const struct row *row = question->row;
	struct device device;

	if (device_attach(&device, question->subject) != 0) {
		report_wrong("attach failed");
		return;
	}
	for (unsigned i = 0; i < CONDITIONS_MAX && row->conditions[i].status; i++)
		ask(&device, &row->conditions[i], &row->want);
	device_detach(&device);
}

unsigned rows_check(const struct subject *subject)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct question question = { subject, &rows[i] };

		wrong += !report_check(rows[i].name, rows[i].what, check_row, &question);
	}
	return wrong;
}
