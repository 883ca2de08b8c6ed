#include "target/target.h"

#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "target/login.h"
#include "target/node.h"
#include "target/portal.h"
#include "target/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COMMANDS_MAX 3072 /* a task's index has 12 bits of a transfer tag */
#define TSIH_MAX 65535u
#define SETTLE_TURNS 1000

static const struct target_limits default_limits = {
	.sessions = 1024,
	.logins = 128,
	.commands_per_session = 256,
	.buffer_bytes = (size_t)1 << 30,
	.session_buffer_bytes = (size_t)64 << 20,
	.transfer_bytes = (size_t)8 << 20,
	.login_us = 15 * US_PER_S,
	.keepalive_us = 30 * US_PER_S,
};

/* ---- calls between the loops ---- */

static void on_call(struct message *message)
{
	struct call *call = container_of(message, struct call, message);
	struct target *target = call->target;

	call->fn(call);
	atomic_fetch_sub(&target->calls, 1);
}

void target_post(struct target *target, struct loop *loop, struct call *call, void (*fn)(struct call *call))
{
	call->target = target;
	call->fn = fn;
	call->message.fn = on_call;
	atomic_fetch_add(&target->calls, 1);
	loop_post(loop, &call->message);
}

void target_event(struct target *target, enum target_event_kind kind, const struct target_nexus *nexus,
		  const char *reason)
{
	struct target_event event = { .kind = kind, .nexus = nexus, .reason = reason };

	if (target->ops.event)
		target->ops.event(target->user, &event);
}

/* ---- creation ---- */

#define TAKE_DEFAULT(limits, field)                                                                                    \
	do {                                                                                                           \
		if (!(limits)->field)                                                                                  \
			(limits)->field = default_limits.field;                                                        \
	} while (0)

static void fill_limits(struct target_limits *limits)
{
	TAKE_DEFAULT(limits, sessions);
	TAKE_DEFAULT(limits, logins);
	TAKE_DEFAULT(limits, commands_per_session);
	TAKE_DEFAULT(limits, buffer_bytes);
	TAKE_DEFAULT(limits, session_buffer_bytes);
	TAKE_DEFAULT(limits, transfer_bytes);
	TAKE_DEFAULT(limits, login_us);
	TAKE_DEFAULT(limits, keepalive_us);
	if (limits->sessions > TSIH_MAX)
		limits->sessions = TSIH_MAX;
	if (limits->commands_per_session > COMMANDS_MAX)
		limits->commands_per_session = COMMANDS_MAX;
	if (limits->transfer_bytes > POOL_BUFFER_MAX)
		limits->transfer_bytes = POOL_BUFFER_MAX;
}

static char *copy_string(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static void copy_users(struct target *target, const struct target_config *config)
{
	struct target_user *users = xcalloc(config->user_count, sizeof(*users));

	for (size_t i = 0; i < config->user_count; i++) {
		users[i].name = copy_string(config->users[i].name);
		users[i].secret = copy_string(config->users[i].secret);
		users[i].mutual_name = copy_string(config->users[i].mutual_name);
		users[i].mutual_secret = copy_string(config->users[i].mutual_secret);
	}
	target->config.users = users;
	target->config.user_count = config->user_count;
}

static void free_secret(const char *secret)
{
	char *s = (char *)(uintptr_t)secret;

	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

static void free_config(struct target_config *config)
{
	for (size_t i = 0; i < config->user_count; i++) {
		free_secret(config->users[i].name);
		free_secret(config->users[i].secret);
		free_secret(config->users[i].mutual_name);
		free_secret(config->users[i].mutual_secret);
	}
	free((void *)(uintptr_t)config->users);
	free((void *)(uintptr_t)config->iqn);
	free((void *)(uintptr_t)config->alias);
}

static void worker_init(struct worker *worker, struct target *target, struct loop *loop, unsigned index)
{
	worker->target = target;
	worker->loop = loop;
	worker->index = index;
	list_init(&worker->sessions);
	list_init(&worker->sweeps);
}

static bool iqn_is_valid(const char *iqn)
{
	return iqn && strlen(iqn) < ISCSI_NAME_MAX &&
	       (strncmp(iqn, "iqn.", 4) == 0 || strncmp(iqn, "eui.", 4) == 0 || strncmp(iqn, "naa.", 4) == 0) &&
	       strspn(iqn, "abcdefghijklmnopqrstuvwxyz0123456789.:-") == strlen(iqn);
}

static int create_portals(struct target *target, const struct target_config *config)
{
	target->portals = xcalloc(config->portal_count, sizeof(struct portal *));
	for (size_t i = 0; i < config->portal_count; i++) {
		target->portals[i] = portal_create(target, (unsigned)i, &config->portals[i]);
		if (!target->portals[i])
			return -EINVAL;
		target->config.portal_count++;
	}
	return 0;
}

static void on_grace_over(void *arg);

struct target *target_create(const struct target_config *config, struct loop *control, struct loop *const *workers,
			     size_t worker_count, const struct target_ops *ops, void *user)
{
	struct target *target = xcalloc(1, sizeof(*target));

	target->limits = config->limits;
	fill_limits(&target->limits);
	target->ops = *ops;
	target->user = user;
	target->control = control;
	list_init(&target->logins);
	list_init(&target->sessions);
	timer_init(&target->grace, loop_clock(control), on_grace_over, target);
	target->config.iqn = copy_string(config->iqn);
	target->config.alias = copy_string(config->alias);
	copy_users(target, config);
	target->workers = xcalloc(worker_count, sizeof(*target->workers));
	target->worker_count = worker_count;
	for (size_t i = 0; i < worker_count; i++) {
		worker_init(&target->workers[i], target, workers[i], (unsigned)i);
		target->workers[i].pool = pool_create(target->limits.buffer_bytes / worker_count);
	}
	worker_init(&target->reception, target, control, (unsigned)worker_count);
	if (worker_count == 0 || !iqn_is_valid(config->iqn) || create_portals(target, config) < 0) {
		log_error("target", "bad configuration iqn=%s workers=%zu", config->iqn ? config->iqn : "",
			  worker_count);
		target_destroy(target);
		errno = EINVAL;
		return NULL;
	}
	return target;
}

int target_listen(struct target *target)
{
	for (size_t i = 0; i < target->config.portal_count; i++) {
		int rc = portal_open(target->portals[i]);

		if (rc == 0)
			continue;
		while (i-- > 0)
			portal_close(target->portals[i]);
		return rc;
	}
	return 0;
}

const struct net_address *target_portal_address(const struct target *target, unsigned portal)
{
	return portal < target->config.portal_count ? portal_address(target->portals[portal]) : NULL;
}

/* ---- the register ---- */

struct session *target_find_session(struct target *target, const struct target_nexus *nexus)
{
	struct session *session;

	list_for_each(session, &target->sessions, register_link)
		if (session_is_of(session, nexus))
			return session;
	return NULL;
}

struct session *target_find_tsih(struct target *target, uint16_t tsih)
{
	struct session *session;

	list_for_each(session, &target->sessions, register_link)
		if (session->nexus.tsih == tsih)
			return session;
	return NULL;
}

int target_register(struct target *target, struct session *session)
{
	if (target->session_count >= target->limits.sessions)
		return -ENOSPC;
	do /* fewer sessions than numbers: there is a free one */
		target->last_tsih++;
	while (target->last_tsih == 0 || target_find_tsih(target, target->last_tsih));
	if (++target->last_session_id == 0)
		target->last_session_id = 1;
	session->nexus.tsih = target->last_tsih;
	session->nexus.session_id = target->last_session_id;
	list_add_tail(&target->sessions, &session->register_link);
	target->session_count++;
	session->worker->load++;
	return 0;
}

void target_unregister(struct session *session)
{
	struct target *target = session->target;

	list_del(&session->register_link);
	target->session_count--;
	session->worker->load--;
	log_info("session", "ended session=%u initiator=%s reason=\"%s\"", session->nexus.session_id,
		 session->nexus.initiator_name, session->end_reason ? session->end_reason : "connection lost");
	if (!session->discovery)
		target_event(target, TARGET_SESSION_END, &session->nexus,
			     session->end_reason ? session->end_reason : "connection lost");
	session_free(session);
	login_session_gone(target);
	target_check_drained(target);
}

struct worker *target_choose_worker(struct target *target)
{
	struct worker *best = &target->workers[0];

	for (size_t i = 1; i < target->worker_count; i++)
		if (target->workers[i].load < best->load)
			best = &target->workers[i];
	return best;
}

/* ---- actions on sessions ---- */

/* Sent to a session by number: it may have ended when the call arrives. */
struct action {
	struct call call;
	struct worker *worker;
	uint32_t session_id;
	void (*fn)(struct session *session);
};

static void on_action(struct call *call)
{
	struct action *action = container_of(call, struct action, call);
	struct session *session;

	list_for_each(session, &action->worker->sessions, worker_link)
		if (session->nexus.session_id == action->session_id && !session_ended(session)) {
			action->fn(session);
			break;
		}
	free(action);
}

static void session_act(struct session *session, void (*fn)(struct session *session))
{
	struct action *action;

	if (!session->handed_over) {
		session->early_action = fn;
		return;
	}
	action = xmalloc(sizeof(*action));
	action->worker = session->worker;
	action->session_id = session->nexus.session_id;
	action->fn = fn;
	target_post(session->target, session->worker->loop, &action->call, on_action);
}

void target_handed_over(struct session *session)
{
	session->handed_over = true;
	if (session->early_action)
		session_act(session, session->early_action);
}

static void end_reinstated(struct session *session)
{
	session_kill(session, "reinstated by a new login");
}

void target_end_reinstated(struct session *session)
{
	session_act(session, end_reinstated);
}

static void end_portal_refused(struct session *session)
{
	session_kill(session, "its portal is refused");
}

static void end_grace_over(struct session *session)
{
	session_kill(session, "the target is going down");
}

static int act_on(struct target *target, uint32_t session_id, void (*fn)(struct session *session))
{
	struct session *session;

	list_for_each(session, &target->sessions, register_link) {
		if (session->nexus.session_id == session_id) {
			session_act(session, fn);
			return 0;
		}
	}
	return -ENOENT;
}

int target_end_session(struct target *target, uint32_t session_id)
{
	return act_on(target, session_id, session_drop);
}

int target_request_logout(struct target *target, uint32_t session_id)
{
	return act_on(target, session_id, session_logout_request);
}

int target_portal_refuse(struct target *target, unsigned portal, bool refuse)
{
	struct session *session;

	if (portal >= target->config.portal_count)
		return -ENOENT;
	if (!refuse)
		return portal_is_open(target->portals[portal]) ? 0 : portal_open(target->portals[portal]);
	portal_close(target->portals[portal]);
	login_kill_all(target, portal);
	list_for_each(session, &target->sessions, register_link)
		if (session->nexus.portal == portal)
			session_act(session, end_portal_refused);
	return 0;
}

int target_portal_silence(struct target *target, unsigned portal, bool silent)
{
	struct session *session;

	if (portal >= target->config.portal_count)
		return -ENOENT;
	portal_silence(target->portals[portal], silent);
	list_for_each(session, &target->sessions, register_link)
		if (session->nexus.portal == portal)
			session_act(session, silent ? session_fall_silent : session_speak);
	return 0;
}

void target_each_session(struct target *target, bool (*fn)(const struct target_session_view *view, void *arg),
			 void *arg)
{
	struct session *session;

	list_for_each(session, &target->sessions, register_link) {
		struct session_stats *stats = &session->stats;
		struct target_session_view view = {
			.nexus = &session->nexus,
			.discovery = session->discovery,
			.since_us = session->since_us,
			.reads = atomic_load_explicit(&stats->reads, memory_order_relaxed),
			.writes = atomic_load_explicit(&stats->writes, memory_order_relaxed),
			.read_bytes = atomic_load_explicit(&stats->read_bytes, memory_order_relaxed),
			.written_bytes = atomic_load_explicit(&stats->written_bytes, memory_order_relaxed),
			.commands = atomic_load_explicit(&stats->commands, memory_order_relaxed),
			.tasks = atomic_load_explicit(&stats->tasks, memory_order_relaxed),
		};

		if (!fn(&view, arg))
			return;
	}
}

/* ---- unit attentions ---- */

/* A unit attention on its way: to the sessions of one nexus, or to all but one. */
struct attention_call {
	struct call call;
	struct worker *worker;
	uint16_t lun;
	scsi_asc asc;
	uint32_t except;
	bool one;
	struct target_nexus nexus; /* one */
};

static void worker_attention(struct worker *worker, const struct attention_call *attention)
{
	struct session *session;

	list_for_each(session, &worker->sessions, worker_link) {
		if (attention->one ? session_is_of(session, &attention->nexus)
				   : !attention->except || session->nexus.session_id != attention->except)
			attention_establish(&session->attentions, attention->lun, attention->asc);
	}
}

static void on_attention(struct call *call)
{
	struct attention_call *attention = container_of(call, struct attention_call, call);

	worker_attention(attention->worker, attention);
	free(attention);
}

static void spread_attention(struct target *target, const struct attention_call *pattern)
{
	for (size_t i = 0; i < target->worker_count; i++) {
		struct worker *worker = &target->workers[i];
		struct attention_call *attention;

		if (loop_is_current(worker->loop)) { /* at once: the next command already meets it */
			worker_attention(worker, pattern);
			continue;
		}
		attention = xmalloc(sizeof(*attention));
		*attention = *pattern;
		attention->worker = worker;
		target_post(target, worker->loop, &attention->call, on_attention);
	}
}

void target_unit_attention(struct target *target, uint16_t lun, scsi_asc asc, uint32_t except)
{
	spread_attention(target, &(struct attention_call){ .lun = lun, .asc = asc, .except = except });
}

void target_nexus_attention(struct target *target, const struct target_nexus *nexus, uint16_t lun, scsi_asc asc)
{
	spread_attention(target, &(struct attention_call){ .lun = lun, .asc = asc, .one = true, .nexus = *nexus });
}

/* ---- drain ---- */

static void on_drained(struct call *call)
{
	struct target *target = call->target;

	free(call);
	target->drain_done(target->drain_arg);
}

/* The last session or login may have gone: says so, once, in a turn of its own. */
void target_check_drained(struct target *target)
{
	struct call *call = target->drained;

	if (!call || target->session_count || target->login_count)
		return;
	target->drained = NULL;
	timer_stop(&target->grace);
	target_post(target, target->control, call, on_drained);
}

static void on_grace_over(void *arg)
{
	struct target *target = arg;
	struct session *session;

	list_for_each(session, &target->sessions, register_link)
		session_act(session, end_grace_over);
}

void target_drain(struct target *target, uint64_t grace_us, void (*done)(void *arg), void *arg)
{
	struct session *session;

	target->draining = true;
	target->drain_done = done;
	target->drain_arg = arg;
	target->drained = xmalloc(sizeof(*target->drained));
	for (size_t i = 0; i < target->config.portal_count; i++)
		portal_close(target->portals[i]);
	timer_arm(&target->grace, grace_us);
	list_for_each(session, &target->sessions, register_link)
		session_act(session, session_logout_request);
	login_kill_all(target, LOGIN_ALL_PORTALS);
	target_check_drained(target);
}

/* ---- the end ---- */

/* Delivers what is still in the mailboxes: the loops do not run any more. */
static void settle(struct target *target)
{
	for (unsigned turn = 0; atomic_load(&target->calls) && turn < SETTLE_TURNS; turn++) {
		for (size_t i = 0; i < target->worker_count; i++)
			loop_advance(target->workers[i].loop, 0);
		loop_advance(target->control, 0);
	}
}

static void end_by_destroy(struct session *session)
{
	session_kill(session, "the target is gone");
}

void target_destroy(struct target *target)
{
	struct session *session;

	if (!target)
		return;
	timer_stop(&target->grace);
	for (size_t i = 0; i < target->config.portal_count; i++)
		portal_close(target->portals[i]);
	settle(target);
	login_kill_all(target, LOGIN_ALL_PORTALS);
	list_for_each(session, &target->sessions, register_link)
		session_act(session, end_by_destroy);
	settle(target);
	list_for_each(session, &target->sessions, register_link) {
		log_error("target", "commands are still with their logical units session=%u tasks=%u",
			  session->nexus.session_id, session->tasks.count);
		list_del(&session->register_link);
	}
	for (size_t i = 0; i < target->config.portal_count; i++)
		portal_destroy(target->portals[i]);
	for (size_t i = 0; i < target->worker_count; i++)
		pool_destroy(target->workers[i].pool);
	free(target->drained);
	free(target->portals);
	free(target->workers);
	free_config(&target->config);
	free(target);
}
