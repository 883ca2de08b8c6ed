#include "tests/load/session.h"

#include "gateway/base/bytes.h"
#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "tests/load/identity.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* after poll.h, which they need and do not include */
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

#define LOGIN_US (5 * US_PER_S)
#define LOGOUT_US (2 * US_PER_S)
#define RECONNECT_MIN_US (50 * US_PER_MS)
#define RECONNECT_MAX_US US_PER_S
#define BUSY_DELAY_US (10 * US_PER_MS)
#define BUSY_LIMIT_US (30 * US_PER_S) /* a logical unit that is busy for so long has failed */
#define ATTENTIONS_MAX 64
#define REDIRECTED 0x101 /* login status: target moved temporarily (RFC 7143 section 11.13.5) */
#define PROBE_BYTES 1024

enum session_state {
	SESSION_WAITING, /* for the next attempt */
	SESSION_CONNECTING,
	SESSION_LOGGING_IN,
	SESSION_PROBING,
	SESSION_UP,
	SESSION_CLOSING, /* logout sent */
	SESSION_ENDED,
	SESSION_STATES,
};

static const char *const state_names[SESSION_STATES] = {
	"waiting", "connecting", "logging-in", "probing", "up", "closing", "ended",
};

struct session {
	struct session_config config;
	const struct session_ops *ops;
	void *user;
	struct loop *loop;
	enum session_state state;
	int lun; /* as libiscsi takes it */

	struct iscsi_context *iscsi;
	struct event *readable, *writable;
	struct loop_hook turn_end; /* flushes what was queued, or takes the connection down */
	struct timer timer; /* of the state: delay before an attempt, deadline of login and logout */
	bool doomed; /* to be taken down at the end of this turn, for this reason: */
	char reason[160];
	bool destroying; /* libiscsi cancels; its callbacks are not for us */
	char redirect[256];
	uint64_t delay_us; /* before the next attempt */

	struct list sent; /* in libiscsi's hands */
	struct list delayed; /* answered BUSY or TASK SET FULL, to be sent again */

	unsigned probe_step;
	struct command probe;
	uint8_t probe_data[PROBE_BYTES];
	struct session_identity identity;
	struct session_counters counters;
};

static void session_start(struct session *session);
static void probe_next(struct session *session);

static void session_set_state(struct session *session, enum session_state state)
{
	log_debug("session", "id=%u state=%s->%s", session->config.isid_qualifier, state_names[session->state],
		  state_names[state]);
	session->state = state;
}

/* Not now: the caller may be inside libiscsi. */
static void session_doom(struct session *session, const char *reason)
{
	if (session->doomed)
		return;
	session->doomed = true;
	str_copy(session->reason, sizeof(session->reason), reason);
	loop_at_turn_end(session->loop, &session->turn_end);
}

/* --- commands ------------------------------------------------------------------------------------------------- */

static void command_end(struct command *command, enum command_outcome outcome)
{
	list_del(&command->link);
	if (command->task)
		scsi_free_scsi_task(command->task);
	command->task = NULL;
	command->outcome = outcome;
	command->done(command);
}

static void on_answer(struct iscsi_context *iscsi, int status, void *command_data, void *private_data);

static void command_send(struct session *session, struct command *command)
{
	static const int directions[] = {
		[COMMAND_NO_DATA] = SCSI_XFER_NONE,
		[COMMAND_READS] = SCSI_XFER_READ,
		[COMMAND_WRITES] = SCSI_XFER_WRITE,
	};
	struct scsi_iovec *vector = (struct scsi_iovec *)(void *)&command->vector;

	command->sent_us = clock_now_us(loop_clock(session->loop));
	command->tries++;
	list_add_tail(&session->sent, &command->link);
	command->task = scsi_create_task((int)command->cdb_bytes, command->cdb, directions[command->direction],
					 (int)command->data_bytes);
	if (!command->task) {
		session_doom(session, "out of memory");
		return;
	}
	command->vector.base = command->data;
	command->vector.bytes = command->data_bytes;
	if (command->direction == COMMAND_READS)
		scsi_task_set_iov_in(command->task, vector, 1);
	else if (command->direction == COMMAND_WRITES)
		scsi_task_set_iov_out(command->task, vector, 1);
	if (iscsi_scsi_command_async(session->iscsi, session->lun, command->task, on_answer, NULL, command) != 0)
		session_doom(session, "the command could not be queued");
	loop_at_turn_end(session->loop, &session->turn_end);
}

/* Is the answer one that says "not now" and nothing about the command? Then it is sent again, here or by the tick. */
static bool command_again(struct session *session, struct command *command)
{
	uint64_t now_us = clock_now_us(loop_clock(session->loop));

	if (command->status == SCSI_STATUS_CHECK_CONDITION && command->key == SCSI_SENSE_UNIT_ATTENTION) {
		session->counters.unit_attentions++;
		log_debug("session", "id=%u unit_attention=%02x/%02x", session->config.isid_qualifier,
			  command->asc >> 8, command->asc & 0xff);
		if (command->tries > ATTENTIONS_MAX)
			return false;
		list_del(&command->link);
		command_send(session, command);
		return true;
	}
	if (command->status == SCSI_STATUS_BUSY)
		session->counters.busy++;
	else if (command->status == SCSI_STATUS_TASK_SET_FULL)
		session->counters.task_set_full++;
	else
		return false;
	if (now_us - command->issued_us > BUSY_LIMIT_US)
		return false;
	list_del(&command->link);
	command->again_us = now_us + BUSY_DELAY_US * (command->tries < 20 ? command->tries : 20);
	list_add_tail(&session->delayed, &command->link);
	return true;
}

static void on_answer(struct iscsi_context *iscsi, int status, void *command_data, void *private_data)
{
	struct command *command = private_data;
	struct session *session = command->session;
	struct scsi_task *task = command->task;

	(void)iscsi;
	(void)command_data;
	if (session->destroying)
		return;
	if (status < 0 || status > 0xff) { /* libiscsi's own: cancelled, error, timeout; not an answer of the target */
		session_doom(session, "the connection ended with commands outstanding");
		return;
	}
	command->status = (uint8_t)status;
	command->key = (uint8_t)task->sense.key;
	command->asc = (uint16_t)task->sense.ascq;
	command->residual = task->residual_status == SCSI_RESIDUAL_UNDERFLOW ? task->residual : 0;
	scsi_free_scsi_task(task);
	command->task = NULL;
	if (status == SCSI_STATUS_GOOD)
		command_end(command, COMMAND_GOOD);
	else if (!command_again(session, command))
		command_end(command, COMMAND_FAILED);
}

static void command_start(struct session *session, struct command *command)
{
	command->session = session;
	command->task = NULL;
	command->tries = 0;
	command->status = command->key = 0;
	command->asc = 0;
	command->residual = 0;
	command->issued_us = clock_now_us(loop_clock(session->loop));
	command_send(session, command);
}

void session_submit(struct session *session, struct command *command)
{
	command_start(session, command);
}

void session_tick(struct session *session)
{
	uint64_t now_us = clock_now_us(loop_clock(session->loop));
	struct command *command;

	if (session->doomed || (session->state != SESSION_UP && session->state != SESSION_PROBING))
		return;
	list_for_each(command, &session->delayed, link) {
		if (command->again_us <= now_us) {
			list_del(&command->link);
			command_send(session, command);
		}
	}
	/* the list is in the order of sending: the first is the oldest */
	command = list_first(&session->sent, struct command, link);
	if (command && session->config.timeout_us && now_us - command->sent_us > session->config.timeout_us)
		session_doom(session, "a command was not answered in time");
}

/* --- the connection ------------------------------------------------------------------------------------------- */

static void session_cork(struct session *session, int on)
{
	setsockopt(iscsi_get_fd(session->iscsi), IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
}

static void session_watch_writable(struct session *session)
{
	if (iscsi_which_events(session->iscsi) & POLLOUT)
		event_add(session->writable, NULL);
	else
		event_del(session->writable);
}

static void session_service(struct session *session, int events)
{
	if (session->doomed)
		return;
	if (iscsi_service(session->iscsi, events) != 0)
		session_doom(session, iscsi_get_error(session->iscsi));
	if (!session->doomed)
		session_watch_writable(session);
}

static void on_socket(evutil_socket_t fd, short events, void *arg)
{
	struct session *session = arg;

	(void)fd;
	session_service(session, (events & EV_READ ? POLLIN : 0) | (events & EV_WRITE ? POLLOUT : 0));
}

/* Frees the context; every command that was sent ends as lost. */
static void session_disconnect(struct session *session)
{
	struct list commands, *link;

	timer_stop(&session->timer);
	loop_hook_cancel(&session->turn_end);
	if (session->readable)
		event_free(session->readable);
	if (session->writable)
		event_free(session->writable);
	session->readable = session->writable = NULL;
	session->destroying = true;
	if (session->iscsi)
		iscsi_destroy_context(session->iscsi);
	session->destroying = false;
	session->iscsi = NULL;
	session->doomed = false;
	list_init(&commands);
	list_splice_tail(&commands, &session->sent);
	list_splice_tail(&commands, &session->delayed);
	while ((link = list_pop(&commands)))
		command_end(list_entry(link, struct command, link), COMMAND_LOST);
}

static void session_end(struct session *session)
{
	session_set_state(session, SESSION_ENDED);
	session_disconnect(session);
	session->ops->ended(session->user);
}

static void session_take_down(struct session *session)
{
	bool was_up = session->state == SESSION_UP, moved = session->redirect[0];

	if (session->state == SESSION_CLOSING) {
		session_end(session);
		return;
	}
	log_write(was_up || !session->config.reconnect ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "session",
		  "id=%u portal=%s state=%s lost reason=\"%s\"", session->config.isid_qualifier,
		  session->config.url->portal, state_names[session->state], session->reason);
	if (was_up) {
		session->counters.losses++;
		session->delay_us = 0;
	}
	session_set_state(session, SESSION_WAITING);
	session->ops->lost(session->user, session->reason);
	session_disconnect(session);
	if (!session->config.reconnect && !moved) {
		session_end(session);
		return;
	}
	timer_arm(&session->timer, session->delay_us);
	session->delay_us = session->delay_us ? 2 * session->delay_us : RECONNECT_MIN_US;
	if (session->delay_us > RECONNECT_MAX_US)
		session->delay_us = RECONNECT_MAX_US;
}

static void on_turn_end(void *arg)
{
	struct session *session = arg;

	if (!session->doomed && session->state != SESSION_CONNECTING) {
		session_cork(session, 1);
		session_service(session, POLLOUT);
		session_cork(session, 0);
	}
	if (session->doomed)
		session_take_down(session);
}

static void on_timer(void *arg)
{
	struct session *session = arg;

	switch (session->state) {
	case SESSION_WAITING:
		session_start(session);
		break;
	case SESSION_CLOSING:
		session_doom(session, "logout was not answered");
		break;
	default:
		session_doom(session, "login took too long");
	}
}

static void on_login(struct iscsi_context *iscsi, int status, void *command_data, void *private_data)
{
	struct session *session = private_data;

	(void)command_data;
	if (session->destroying)
		return;
	if (status == REDIRECTED && iscsi_get_target_address(iscsi)) {
		str_copy(session->redirect, sizeof(session->redirect), iscsi_get_target_address(iscsi));
		session_doom(session, "redirected");
		return;
	}
	if (status != 0) {
		session_doom(session, iscsi_get_error(iscsi));
		return;
	}
	session_set_state(session, SESSION_PROBING);
	session->probe_step = 0;
	probe_next(session);
}

static void on_connected(struct iscsi_context *iscsi, int status, void *command_data, void *private_data)
{
	struct session *session = private_data;

	(void)command_data;
	if (session->destroying)
		return;
	if (status != 0 || iscsi_login_async(iscsi, on_login, session) != 0) {
		session_doom(session, iscsi_get_error(iscsi));
		return;
	}
	session_set_state(session, SESSION_LOGGING_IN);
	loop_at_turn_end(session->loop, &session->turn_end);
}

/* Everything that is set before the connection is made. */
static void session_configure(struct session *session)
{
	const struct iscsi_url *url = session->config.url;
	struct iscsi_context *iscsi = session->iscsi;

	iscsi_set_noautoreconnect(iscsi, 1);
	iscsi_set_session_type(iscsi, ISCSI_SESSION_NORMAL);
	iscsi_set_header_digest(iscsi, ISCSI_HEADER_DIGEST_NONE);
	iscsi_set_targetname(iscsi, url->target);
	iscsi_set_isid_random(iscsi, session->config.isid_random, session->config.isid_qualifier);
	if (url->user[0])
		iscsi_set_initiator_username_pwd(iscsi, url->user, url->passwd);
	if (url->target_user[0])
		iscsi_set_target_username_pwd(iscsi, url->target_user, url->target_passwd);
}

static void session_start(struct session *session)
{
	struct event_base *base = loop_base(session->loop);
	const char *portal = session->redirect[0] ? session->redirect : session->config.url->portal;

	session_set_state(session, SESSION_CONNECTING);
	timer_arm(&session->timer, LOGIN_US);
	session->iscsi = iscsi_create_context(session->config.initiator);
	if (!session->iscsi) {
		session_doom(session, "out of memory");
		return;
	}
	session_configure(session);
	if (iscsi_connect_async(session->iscsi, portal, on_connected, session) != 0) {
		session_doom(session, iscsi_get_error(session->iscsi));
	} else {
		int fd = iscsi_get_fd(session->iscsi);

		session->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_socket, session);
		session->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_socket, session);
		event_add(session->readable, NULL);
		session_watch_writable(session);
	}
	session->redirect[0] = '\0'; /* temporary: good for one attempt */
}

/* --- identification ------------------------------------------------------------------------------------------- */

static const struct probe_step {
	uint8_t cdb[16];
	size_t cdb_bytes;
} probe_steps[] = {
	{ { 0x12, 0x01, 0x83, PROBE_BYTES >> 8, PROBE_BYTES & 0xff }, 6 }, /* INQUIRY, Device Identification */
	{ { 0x9e, 0x10, [13] = 32 }, 16 }, /* READ CAPACITY(16) */
};

#define PROBE_STEPS (sizeof(probe_steps) / sizeof(probe_steps[0]))

static void probe_identified(struct session *session)
{
	timer_stop(&session->timer);
	session_set_state(session, SESSION_UP);
	session->counters.logins++;
	session->ops->up(session->user, &session->identity);
}

static void on_probe(struct command *command)
{
	struct session *session = command->session;
	struct session_identity *identity = &session->identity;
	size_t bytes = command->data_bytes -
		       (command->residual < command->data_bytes ? command->residual : command->data_bytes);

	if (command->outcome == COMMAND_LOST)
		return;
	if (session->probe_step == 0) {
		/* a logical unit without designators is known by its address */
		if (command->outcome != COMMAND_GOOD ||
		    identity_from_vpd83(command->data, bytes, identity->name, sizeof(identity->name)) < 0)
			snprintf(identity->name, sizeof(identity->name), "%.230s,lun=%d", session->config.url->target,
				 session->config.url->lun);
	} else if (command->outcome != COMMAND_GOOD ||
		   identity_capacity(command->data, bytes, &identity->blocks, &identity->block_size) < 0) {
		session_doom(session, "no usable answer to READ CAPACITY(16)");
		return;
	}
	session->probe_step++;
	probe_next(session);
}

static void probe_next(struct session *session)
{
	const struct probe_step *step = &probe_steps[session->probe_step];

	if (session->probe_step == PROBE_STEPS) {
		probe_identified(session);
		return;
	}
	memset(session->probe_data, 0, sizeof(session->probe_data));
	session->probe = (struct command){
		.cdb_bytes = step->cdb_bytes,
		.direction = COMMAND_READS,
		.data = session->probe_data,
		.data_bytes = step->cdb_bytes == 6 ? PROBE_BYTES : 32,
		.done = on_probe,
	};
	memcpy(session->probe.cdb, step->cdb, sizeof(step->cdb));
	list_init(&session->probe.link);
	command_start(session, &session->probe);
}

/* --- life ------------------------------------------------------------------------------------------------------ */

struct session *session_create(struct loop *loop, const struct session_config *config, const struct session_ops *ops,
			       void *user)
{
	struct session *session = xcalloc(1, sizeof(*session));

	session->config = *config;
	session->ops = ops;
	session->user = user;
	session->loop = loop;
	session->lun =
		config->url->lun < 256 ? config->url->lun : 0x4000 | config->url->lun; /* flat space (SAM-5 4.7.7.3) */
	list_init(&session->sent);
	list_init(&session->delayed);
	loop_hook_init(&session->turn_end, on_turn_end, session);
	timer_init(&session->timer, loop_clock(loop), on_timer, session);
	timer_arm(&session->timer, 0);
	return session;
}

void session_destroy(struct session *session)
{
	if (!session)
		return;
	session->state = SESSION_ENDED;
	session_disconnect(session);
	free(session);
}

bool session_is_up(const struct session *session)
{
	return session->state == SESSION_UP && !session->doomed;
}

static void on_logout(struct iscsi_context *iscsi, int status, void *command_data, void *private_data)
{
	struct session *session = private_data;

	(void)iscsi;
	(void)status;
	(void)command_data;
	if (!session->destroying)
		session_doom(session, "logged out");
}

void session_close(struct session *session)
{
	if (session->state == SESSION_CLOSING || session->state == SESSION_ENDED)
		return;
	if (!session_is_up(session) || iscsi_logout_async(session->iscsi, on_logout, session) != 0)
		session_doom(session, "closed");
	session_set_state(session, SESSION_CLOSING);
	timer_arm(&session->timer, LOGOUT_US);
	loop_at_turn_end(session->loop, &session->turn_end);
}

const struct session_counters *session_counters(const struct session *session)
{
	return &session->counters;
}
