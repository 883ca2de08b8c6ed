#include "target/array/fault.h"

#include "gateway/base/memory.h"
#include "target/array/number.h"
#include "target/array/volume.h"
#include "target/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULT_DELAY_MS_MAX (UINT64_C(3600) * 1000)
#define FAULT_COPIES_MAX 1024
#define FAULT_ANY UINT64_MAX

enum fault_action { FAULT_NONE, FAULT_DELAY, FAULT_HANG, FAULT_DROP, FAULT_ERROR, FAULT_STATUS, FAULT_REJECT };

struct fault {
	struct list link;
	unsigned id;
	uint64_t portal, lun; /* FAULT_ANY */
	uint8_t opcodes[256 / 8];
	uint64_t count, hits; /* count 0: for ever */
	bool late;
	enum fault_action action;
	uint64_t delay_us;
	enum sense_key key;
	scsi_asc asc;
	enum sam_status status;
	char *text; /* as it was given */
};

static const struct {
	const char *name;
	enum sam_status status;
} statuses[] = {
	{ "busy", SCSI_BUSY },
	{ "task-set-full", SCSI_TASK_SET_FULL },
	{ "reservation-conflict", SCSI_RESERVATION_CONFLICT },
	{ "task-aborted", SCSI_TASK_ABORTED },
	{ "aca-active", SCSI_ACA_ACTIVE },
};

void faults_init(struct faults *faults, struct clock *clock, const struct fault_ops *ops, void *arg)
{
	*faults = (struct faults){ .clock = clock, .ops = ops, .arg = arg };
	list_init(&faults->rules);
	list_init(&faults->held);
}

static void hold_free(struct fault_hold *hold)
{
	list_del(&hold->link);
	timer_stop(&hold->timer);
	if (!hold->copy)
		return;
	hold->faults->copies--;
	free(hold);
}

void faults_done(struct faults *faults)
{
	struct fault_hold *hold;

	fault_clear(faults, 0);
	list_for_each(hold, &faults->held, link)
		hold_free(hold);
}

/*
 * Matching and holding
 */

static void opcode_set(struct fault *fault, unsigned opcode)
{
	fault->opcodes[opcode / 8] |= (uint8_t)(1u << (opcode % 8));
}

static bool matches(const struct fault *fault, const struct scsi_cmd *cmd)
{
	return (fault->portal == FAULT_ANY || fault->portal == cmd->nexus->portal) &&
	       (fault->lun == FAULT_ANY || fault->lun == cmd->lun) && (!fault->count || fault->hits < fault->count) &&
	       fault->opcodes[cmd->cdb[0] / 8] >> (cmd->cdb[0] % 8) & 1;
}

/* The command goes its way, later than it should. */
static void hold_release(struct fault_hold *hold)
{
	struct faults *faults = hold->faults;
	struct scsi_cmd *cmd = hold->cmd;

	if (hold->copy) {
		faults->ops->land(faults->arg, cmd);
		hold_free(hold);
		return;
	}
	hold_free(hold);
	faults->ops->run(faults->arg, cmd);
}

static void hold_on_timer(void *arg)
{
	hold_release(arg);
}

static void hold_init(struct fault_hold *hold, struct faults *faults, struct scsi_cmd *cmd, unsigned rule, bool late)
{
	*hold = (struct fault_hold){ .faults = faults, .cmd = cmd, .rule = rule, .late = late };
	hold->number = ++faults->last_number;
	list_add_tail(&faults->held, &hold->link);
	timer_init(&hold->timer, faults->clock, hold_on_timer, hold);
}

bool fault_take(struct faults *faults, struct scsi_cmd *cmd)
{
	struct fault_hold *hold = cmd->ctx;
	struct fault *fault;

	list_for_each(fault, &faults->rules, link) {
		if (!matches(fault, cmd))
			continue;
		fault->hits++;
		if (fault->action == FAULT_REJECT) {
			scsi_cmd_reject(cmd);
			return true;
		}
		if (fault->action == FAULT_ERROR || fault->action == FAULT_STATUS) {
			if (fault->action == FAULT_ERROR)
				scsi_cmd_sense(cmd, fault->key, fault->asc);
			else
				cmd->status = (uint8_t)fault->status;
			scsi_cmd_done(cmd);
			return true;
		}
		hold_init(hold, faults, cmd, fault->id, fault->late);
		if (fault->action == FAULT_DELAY)
			timer_arm(&hold->timer, fault->delay_us);
		else if (fault->action == FAULT_DROP)
			faults->ops->end_session(faults->arg, cmd->nexus->session_id);
		return true;
	}
	return false;
}

/* A command of its own with the host's data, so that nothing of the ended session is needed any more. */
struct late_command {
	struct fault_hold hold; /* first: hold_free() frees the whole */
	struct scsi_cmd cmd;
	struct target_nexus nexus;
	uint8_t data[];
};

static void leave_copy(const struct fault_hold *hold)
{
	struct faults *faults = hold->faults;
	const struct scsi_cmd *cmd = hold->cmd;
	size_t bytes = cmd->dir == SCSI_DIR_OUT ? cmd->expected : 0;
	struct late_command *late;

	if (cmd->dir == SCSI_DIR_IN || faults->copies == FAULT_COPIES_MAX)
		return;
	late = malloc(sizeof(*late) + bytes);
	if (!late)
		return;
	late->cmd = *cmd;
	late->cmd.data = late->data;
	late->cmd.capacity = bytes;
	late->cmd.nexus = &late->nexus;
	late->nexus = *cmd->nexus;
	if (bytes)
		memcpy(late->data, cmd->data, bytes);
	hold_init(&late->hold, faults, &late->cmd, hold->rule, true);
	late->hold.copy = true;
	faults->copies++;
	if (timer_armed(&hold->timer)) {
		uint64_t now = clock_now_us(faults->clock);

		timer_arm(&late->hold.timer, hold->timer.due_us > now ? hold->timer.due_us - now : 0);
	}
}

void fault_abort(struct scsi_cmd *cmd)
{
	struct fault_hold *hold = cmd->ctx;

	if (hold->late)
		leave_copy(hold);
	hold_free(hold);
	cmd->status = SCSI_TASK_ABORTED;
	scsi_cmd_done(cmd);
}

/* Ending one command may bring in the next, or end others that are held: so the search for another begins anew each
 * time, and goes no further than the last one that was held at first. */
static struct fault_hold *find_held(const struct faults *faults, uint64_t last, fault_choice *chosen, const void *arg)
{
	struct fault_hold *hold;

	list_for_each(hold, &faults->held, link)
		if (hold->number <= last && chosen(hold, arg))
			return hold;
	return NULL;
}

void fault_abort_all(struct faults *faults, fault_choice *chosen, const void *arg)
{
	uint64_t last = faults->last_number;
	struct fault_hold *hold;

	while ((hold = find_held(faults, last, chosen, arg)))
		fault_abort(hold->cmd);
}

static bool is_of_rule(const struct fault_hold *hold, const void *arg)
{
	const unsigned *rule = arg;

	return !*rule || hold->rule == *rule;
}

size_t fault_release(struct faults *faults, unsigned rule)
{
	uint64_t last = faults->last_number;
	struct fault_hold *hold;
	size_t n = 0;

	for (; (hold = find_held(faults, last, is_of_rule, &rule)); n++)
		hold_release(hold);
	return n;
}

/*
 * Rules
 */

static const char *parse_portal(struct fault *fault, char *value)
{
	return number_parse(value, UINT16_MAX, &fault->portal) ? "portal is a number" : NULL;
}

static const char *parse_lun(struct fault *fault, char *value)
{
	return number_parse(value, TARGET_LUNS_MAX - 1, &fault->lun) ? "lun is a number" : NULL;
}

static const char *parse_count(struct fault *fault, char *value)
{
	return number_parse(value, UINT32_MAX, &fault->count) ? "count is a number" : NULL;
}

static const char *parse_late(struct fault *fault, char *value)
{
	uint64_t late;

	if (number_parse(value, 1, &late))
		return "late is 0 or 1";
	fault->late = late;
	return NULL;
}

static const char *parse_opcode(struct fault *fault, char *value)
{
	enum volume_access access = !strcmp(value, "read")    ? VOLUME_ACCESS_READ
				    : !strcmp(value, "write") ? VOLUME_ACCESS_WRITE
							      : VOLUME_ACCESS_NONE;
	char *next;

	memset(fault->opcodes, 0, sizeof(fault->opcodes));
	for (unsigned opcode = 0; access != VOLUME_ACCESS_NONE && opcode < 256; opcode++)
		if (volume_access((uint8_t)opcode) == access)
			opcode_set(fault, opcode);
	for (; access == VOLUME_ACCESS_NONE && value; value = next) {
		uint64_t opcode;

		next = strchr(value, ',');
		if (next)
			*next++ = '\0';
		if (number_parse(value, 0xff, &opcode))
			return "opcode is read, write or a list such as 0x2a,0x8a";
		opcode_set(fault, (unsigned)opcode);
	}
	return NULL;
}

static const char *parse_delay(struct fault *fault, char *value)
{
	uint64_t ms;

	if (number_parse(value, FAULT_DELAY_MS_MAX, &ms))
		return "delay:MS takes at most an hour";
	fault->delay_us = ms * US_PER_MS;
	return NULL;
}

static const char *parse_error(struct fault *fault, char *value)
{
	unsigned key, asc, ascq;
	char stray;

	if (sscanf(value, "%2x/%2x/%2x%c", &key, &asc, &ascq, &stray) != 3 || key > 0xf)
		return "error:KEY/ASC/ASCQ takes three hexadecimal numbers";
	fault->key = (enum sense_key)key;
	fault->asc = (scsi_asc)(asc << 8 | ascq);
	return NULL;
}

static const char *parse_status(struct fault *fault, char *value)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (!strcmp(statuses[i].name, value)) {
			fault->status = statuses[i].status;
			return NULL;
		}
	}
	return "status is busy, task-set-full, reservation-conflict, task-aborted or aca-active";
}

static const struct {
	const char *name;
	enum fault_action action;
	const char *(*parse)(struct fault *fault, char *value); /* NULL: takes no value */
} actions[] = {
	{ "delay", FAULT_DELAY, parse_delay },
	{ "hang", FAULT_HANG, NULL },
	{ "drop", FAULT_DROP, NULL },
	{ "error", FAULT_ERROR, parse_error },
	{ "status", FAULT_STATUS, parse_status },
	{ "reject", FAULT_REJECT, NULL },
};

static const char *parse_action(struct fault *fault, char *value)
{
	char *argument = strchr(value, ':');

	if (argument)
		*argument++ = '\0';
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(actions[i].name, value))
			continue;
		if (!actions[i].parse != !argument)
			return argument ? "this action takes no value" : "this action needs a value";
		fault->action = actions[i].action;
		return argument ? actions[i].parse(fault, argument) : NULL;
	}
	return "action is delay:MS, hang, drop, reject, error:KEY/ASC/ASCQ or status:NAME";
}

static const struct {
	const char *name;
	const char *(*parse)(struct fault *fault, char *value);
} keys[] = {
	{ "portal", parse_portal }, { "lun", parse_lun },   { "opcode", parse_opcode },
	{ "count", parse_count },   { "late", parse_late }, { "action", parse_action },
};

/* "key=value"; the word is cut up. */
static const char *parse_word(struct fault *fault, char *word)
{
	char *value = strchr(word, '=');

	if (value)
		*value++ = '\0';
	for (size_t i = 0; value && i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(keys[i].name, word))
			return keys[i].parse(fault, value);
	return "words are portal=, lun=, opcode=, count=, late= and action=";
}

static void rule_free(struct fault *fault)
{
	list_del(&fault->link);
	free(fault->text);
	free(fault);
}

const char *fault_add(struct faults *faults, char *const *words, size_t count, unsigned *id)
{
	struct fault *fault = xcalloc(1, sizeof(*fault));
	const char *wrong = NULL;
	char *text = xstrdup("");

	list_init(&fault->link);
	fault->portal = fault->lun = FAULT_ANY;
	memset(fault->opcodes, 0xff, sizeof(fault->opcodes));
	for (size_t i = 0; i < count && !wrong; i++) {
		char *longer = xasprintf("%s %s", text, words[i]);

		free(text);
		text = longer;
		wrong = parse_word(fault, words[i]);
	}
	fault->text = text;
	if (!wrong && fault->action == FAULT_NONE)
		wrong = "action= is missing";
	if (wrong) {
		rule_free(fault);
		return wrong;
	}
	*id = fault->id = ++faults->next_id;
	list_add_tail(&faults->rules, &fault->link);
	return NULL;
}

size_t fault_clear(struct faults *faults, unsigned rule)
{
	struct fault *fault;
	size_t n = 0;

	list_for_each(fault, &faults->rules, link) {
		if (rule && fault->id != rule)
			continue;
		rule_free(fault);
		n++;
	}
	return n;
}

void fault_print(const struct faults *faults, struct evbuffer *out)
{
	struct fault *fault;
	struct fault_hold *hold;
	size_t all = 0;

	list_for_each(hold, &faults->held, link)
		all++;
	list_for_each(fault, &faults->rules, link) {
		size_t held = 0;

		list_for_each(hold, &faults->held, link)
			held += hold->rule == fault->id;
		evbuffer_add_printf(out, "fault %u hits=%llu held=%zu%s\n", fault->id, (unsigned long long)fault->hits,
				    held, fault->text);
	}
	evbuffer_add_printf(out, "held=%zu copies=%zu\n", all, faults->copies);
}
