/*
 * array_command.c - what the control socket understands: a table of commands, each run on the loop that owns what it
 * touches.
 */
#include "target/array/array_unit.h"

#include "gateway/base/memory.h"
#include "target/array/number.h"

#include <inttypes.h>
#include <stdio.h>

#define WORDS_MAX 16
#define FLAP_MS_MAX (UINT64_C(3600) * 1000)

struct request {
	struct message message;
	struct array *array;
	array_work *work;
	char *line, *words[WORDS_MAX];
	size_t word_count, skip;
	struct evbuffer *out;
	const char *error;
	array_answer *done;
	void *arg;
};

static void request_finish(struct message *message)
{
	struct request *request = container_of(message, struct request, message);

	request->done(request->arg, request->out, request->error);
	evbuffer_free(request->out);
	free(request->line);
	free(request);
}

static void request_run(struct message *message)
{
	struct request *request = container_of(message, struct request, message);

	request->error = request->work(request->array, request->words + request->skip,
				       request->word_count - request->skip, request->out);
	message->fn = request_finish;
	loop_post(request->array->control, message);
}

void array_post(struct array *array, struct loop *loop, array_work *work, char *line, size_t skip, array_answer *done,
		void *arg)
{
	struct request *request = xcalloc(1, sizeof(*request));
	char *rest = line, *word;

	*request = (struct request){
		.message.fn = request_run,
		.array = array,
		.work = work,
		.line = line,
		.skip = skip,
		.done = done,
		.arg = arg,
	};
	request->out = evbuffer_new();
	while (rest && request->word_count < WORDS_MAX && (word = strsep(&rest, " \t")))
		if (*word)
			request->words[request->word_count++] = word;
	loop_post(loop, &request->message);
}

/*
 * On the worker
 */

static void print_stats(const struct array_lu *lu, unsigned portal, struct evbuffer *out)
{
	const struct array_stats *s = &lu->stats[portal];

	evbuffer_add_printf(out,
			    "lun=%u portal=%u commands=%" PRIu64 " reads=%" PRIu64 " writes=%" PRIu64
			    " read_bytes=%" PRIu64 " written_bytes=%" PRIu64 " errors=%" PRIu64 " faults=%" PRIu64 "\n",
			    lu->lun, portal, s->commands, s->reads, s->writes, s->read_bytes, s->written_bytes,
			    s->errors, s->faults);
}

static const char *stats(struct array *array, char **words, size_t count, struct evbuffer *out)
{
	bool reset = count == 1 && !strcmp(words[0], "reset");

	if (count && !reset)
		return "stats takes nothing or reset";
	for (size_t i = 0; i < array->lu_count; i++) {
		for (unsigned portal = 0; portal < array->ports.portal_count; portal++)
			print_stats(array->lus[i], portal, out);
		if (reset)
			memset(array->lus[i]->stats, 0, sizeof(array->lus[i]->stats));
	}
	return NULL;
}

static const char *luns(struct array *array, char **words, size_t count, struct evbuffer *out)
{
	(void)words;
	(void)count;
	for (size_t i = 0; i < array->lu_count; i++)
		evbuffer_add_printf(out, "lun=%u bytes=%" PRIu64 " name=%s\n", array->lus[i]->lun,
				    volume_size_bytes(array->lus[i]->volume), array->lus[i]->name);
	return NULL;
}

static const char *resize(struct array *array, char **words, size_t count, struct evbuffer *out)
{
	struct array_lu *lu;
	uint64_t lun, bytes;
	int err;

	(void)out;
	if (count != 2 || number_parse(words[0], TARGET_LUNS_MAX - 1, &lun) ||
	    number_parse_bytes(words[1], STORE_BYTES_MAX, &bytes))
		return "resize takes a LUN and a size";
	lu = array_lu_find(array, (uint16_t)lun);
	if (!lu)
		return "no such LUN";
	err = volume_resize(lu->volume, bytes);
	if (err == -EINVAL)
		return "the size is not a number of whole blocks";
	return err ? strerror(-err) : NULL;
}

static const char *set_group(struct array *array, struct port_group *group, const char *wish, bool apply)
{
	enum port_state state;

	if (strcmp(wish, "prefer")) {
		if (ports_state_parse(wish, &state))
			return "states are optimized, nonoptimized, standby, unavailable, offline and transitioning";
		if (apply)
			array_set_group(array, group, state, PORT_REASON_IMPLICIT, 0);
		return NULL;
	}
	if (apply) {
		for (size_t i = 0; i < array->ports.group_count; i++)
			array->ports.group[i].preferred = &array->ports.group[i] == group;
		target_unit_attention(array->target, TARGET_ALL_LUNS, 0x2a06, 0);
	}
	return NULL;
}

/* All pairs or none, and at one moment: hosts never see two groups that change places in the same state. */
static const char *group(struct array *array, char **words, size_t count, struct evbuffer *out)
{
	(void)out;
	if (count == 0 || count % 2)
		return "group takes target port groups, each with a state or prefer";
	for (unsigned apply = 0; apply < 2; apply++) {
		for (size_t i = 0; i < count; i += 2) {
			struct port_group *found;
			const char *error;
			uint64_t id;

			if (number_parse(words[i], UINT16_MAX, &id) || !(found = ports_group(&array->ports, (uint16_t)id)))
				return "no such target port group";
			error = set_group(array, found, words[i + 1], apply);
			if (error)
				return error;
		}
	}
	return NULL;
}

static const char *groups(struct array *array, char **words, size_t count, struct evbuffer *out)
{
	(void)words;
	(void)count;
	for (size_t i = 0; i < array->ports.group_count; i++)
		evbuffer_add_printf(out, "group=%u state=%s preferred=%s\n", array->ports.group[i].id,
				    ports_state_name(array->ports.group[i].state),
				    array->ports.group[i].preferred ? "yes" : "no");
	return NULL;
}

static const char *add_fault(struct array *array, char **words, size_t count, struct evbuffer *out)
{
	unsigned id;
	const char *error = fault_add(&array->faults, words, count, &id);

	if (!error)
		evbuffer_add_printf(out, "fault=%u\n", id);
	return error;
}

static const char *choose_faults(char **words, size_t count, uint64_t *id)
{
	*id = 0;
	if (count > 1 || (count && (number_parse(words[0], UINT32_MAX, id) || !*id)))
		return "takes nothing (all) or the number of a fault";
	return NULL;
}

static const char *release_faults(struct array *array, char **words, size_t count, struct evbuffer *out)
{
	uint64_t id;
	const char *error = choose_faults(words, count, &id);

	if (!error)
		evbuffer_add_printf(out, "released=%zu\n", fault_release(&array->faults, (unsigned)id));
	return error;
}

static const char *clear_faults(struct array *array, char **words, size_t count, struct evbuffer *out)
{
	uint64_t id;
	const char *error = choose_faults(words, count, &id);

	if (!error)
		evbuffer_add_printf(out, "cleared=%zu\n", fault_clear(&array->faults, (unsigned)id));
	return error;
}

static const char *list_faults(struct array *array, char **words, size_t count, struct evbuffer *out)
{
	(void)words;
	(void)count;
	fault_print(&array->faults, out);
	return NULL;
}

/*
 * On the control loop
 */

static int parse_flap(const char *text, uint64_t *down_us, uint64_t *up_us)
{
	unsigned long long down, up;
	char stray;

	if (sscanf(text, "flap:%llu/%llu%c", &down, &up, &stray) != 2 || !down || !up || down > FLAP_MS_MAX ||
	    up > FLAP_MS_MAX)
		return -EINVAL;
	*down_us = down * US_PER_MS;
	*up_us = up * US_PER_MS;
	return 0;
}

static const char *portal(struct array *array, char **words, size_t count, struct evbuffer *out)
{
	static const char usage[] = "portal takes a portal number and refuse, silent, serve or flap:DOWN_MS/UP_MS";
	uint64_t index, down_us = 0, up_us = 0;
	bool refuse, silent;
	int err;

	(void)out;
	if (count != 2 || number_parse(words[0], UINT16_MAX, &index))
		return usage;
	if (index >= array->ports.portal_count)
		return "no such portal";
	refuse = !strcmp(words[1], "refuse");
	silent = !strcmp(words[1], "silent");
	if (!refuse && !silent && strcmp(words[1], "serve") && parse_flap(words[1], &down_us, &up_us))
		return usage;
	err = array_flap(array, (unsigned)index, down_us, up_us);
	if (!err && !down_us)
		err = array_refuse(array, (unsigned)index, refuse);
	if (!err && !down_us)
		err = target_portal_silence(array->target, (unsigned)index, silent);
	return err ? strerror(-err) : NULL;
}

static const char *portals(struct array *array, char **words, size_t count, struct evbuffer *out)
{
	char address[NET_ADDRESS_MAX];

	(void)words;
	(void)count;
	for (unsigned i = 0; i < array->ports.portal_count; i++)
		evbuffer_add_printf(out, "portal=%u address=%s tpgt=%u group=%u serving=%s\n", i,
				    net_format(array_portal_address(array, i), address), array->ports.portal[i].tpgt,
				    array->ports.portal[i].group, array->portals[i].refused ? "no" : "yes");
	return NULL;
}

static bool print_session(const struct target_session_view *view, void *arg)
{
	char remote[NET_ADDRESS_MAX];

	evbuffer_add_printf(
		arg, "session=%u portal=%u initiator=%s remote=%s discovery=%s commands=%" PRIu64 " tasks=%u\n",
		view->nexus->session_id, view->nexus->portal, view->nexus->initiator_name,
		net_format(&view->nexus->remote, remote), view->discovery ? "yes" : "no", view->commands, view->tasks);
	return true;
}

static const char *sessions(struct array *array, char **words, size_t count, struct evbuffer *out)
{
	(void)words;
	(void)count;
	target_each_session(array->target, print_session, out);
	return NULL;
}

static const char *end_session(struct array *array, char **words, size_t count, struct evbuffer *out)
{
	uint64_t id;

	(void)out;
	if (count != 1 || number_parse(words[0], UINT32_MAX, &id))
		return "end takes the number of a session";
	return target_end_session(array->target, (uint32_t)id) ? "no such session" : NULL;
}

static const char *logout(struct array *array, char **words, size_t count, struct evbuffer *out)
{
	uint64_t id;

	(void)out;
	if (count != 1 || number_parse(words[0], UINT32_MAX, &id))
		return "logout takes the number of a session";
	return target_request_logout(array->target, (uint32_t)id) ? "no such session" : NULL;
}

static const char *quit(struct array *array, char **words, size_t count, struct evbuffer *out)
{
	(void)words;
	(void)count;
	(void)out;
	if (!array->quit)
		return "this array is part of another program";
	array->quit(array->arg);
	return NULL;
}

static const char *unknown(struct array *array, char **words, size_t count, struct evbuffer *out)
{
	(void)array;
	(void)words;
	(void)count;
	(void)out;
	return "unknown command; help lists them";
}

static array_work help;

enum where { ON_WORKER, ON_CONTROL };

static const struct {
	const char *name; /* one or two words */
	enum where where;
	array_work *work;
	const char *usage, *summary;
} commands[] = {
	{ "stats", ON_WORKER, stats, " [reset]", "what each portal has carried for each LUN" },
	{ "luns", ON_WORKER, luns, "", "the logical units" },
	{ "resize", ON_WORKER, resize, " LUN BYTES", "change a capacity" },
	{ "group", ON_WORKER, group, " ID STATE|prefer...", "change target port groups, all at one moment" },
	{ "groups", ON_WORKER, groups, "", "the target port groups" },
	{ "fault add", ON_WORKER, add_fault, " [portal=N] [lun=N] [opcode=LIST|read|write] [count=N] [late=1] action=A",
	  "A: delay:MS, hang, drop, reject, error:KEY/ASC/ASCQ, status:NAME" },
	{ "fault release", ON_WORKER, release_faults, " [ID]", "let held commands go" },
	{ "fault clear", ON_WORKER, clear_faults, " [ID]", "remove rules; held commands stay held" },
	{ "fault list", ON_WORKER, list_faults, "", "the rules" },
	{ "portal", ON_CONTROL, portal, " N refuse|silent|serve|flap:DOWN_MS/UP_MS", "take a portal down and up" },
	{ "portals", ON_CONTROL, portals, "", "the portals" },
	{ "sessions", ON_CONTROL, sessions, "", "who is logged in" },
	{ "end", ON_CONTROL, end_session, " SESSION", "end a session without a word" },
	{ "logout", ON_CONTROL, logout, " SESSION", "ask a session to log out" },
	{ "help", ON_CONTROL, help, "", "this list" },
	{ "quit", ON_CONTROL, quit, "", "log everybody out and end" },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static const char *help(struct array *array, char **words, size_t count, struct evbuffer *out)
{
	(void)array;
	(void)words;
	(void)count;
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		evbuffer_add_printf(out, "%s%s\n\t%s\n", commands[i].name, commands[i].usage, commands[i].summary);
	return NULL;
}

/* How many words of the line the name takes; 0: it is another command. Words are divided by spaces and tabs. */
static size_t name_words(const char *name, const char *line)
{
	size_t words = 1;

	line += strspn(line, " \t");
	for (; *name; name++) {
		if (*name == ' ') {
			size_t gap = strspn(line, " \t");

			if (!gap)
				return 0;
			line += gap;
			words++;
		} else if (*name != *line++) {
			return 0;
		}
	}
	return *line && !strchr(" \t", *line) ? 0 : words;
}

void array_command(struct array *array, const char *line, array_answer *done, void *arg)
{
	char *copy = xstrdup(line);

	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		size_t skip = name_words(commands[i].name, line);

		if (skip) {
			array_post(array, commands[i].where == ON_WORKER ? array->worker : array->control,
				   commands[i].work, copy, skip, done, arg);
			return;
		}
	}
	array_post(array, array->control, unknown, copy, 0, done, arg);
}
