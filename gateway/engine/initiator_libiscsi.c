/*
 * The real transport: a libiscsi context for each connection attempt.
 *
 * What libiscsi needs to be safe here: no reconnect of its own; no call that cancels other commands; no destruction
 * inside its callbacks; a CANCELLED that we did not cause means that the connection is dead. Commands queue during a
 * turn and leave together at its end, corked.
 *
 * A login goes through the security stage also where there is no secret: tgt reinstates a session only then, and all
 * else takes the old session for ended that lives on. libiscsi enters that stage only with a name, and offers CHAP
 * before None there. An array that chooses CHAP, or refuses, is logged in to once more, without the stage; no name is
 * sent before.
 */
#include "gateway/engine/initiator_libiscsi.h"

#include "gateway/base/bytes.h"
#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "gateway/engine/peek.h"
#include "target/pdu.h"

#include <errno.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS_REDIRECT 0x101 /* login status class 1: the target has moved (RFC 7143 11.13.5) */
#define CONNECT_SYN_RETRIES 2
#define TIME2WAIT_DEFAULT_S 2 /* RFC 7143 13.15 */
#define TIME2WAIT_MAX_S 60 /* an array that wants more is asked before */
#define NOBODY "nobody" /* a name and a secret that are never used; libiscsi wants both */
#define UNASKED_MAX 1024 /* PDUs in the queue that are not for a command: answers to the array's NOP-Ins */

/* libiscsi tells the negotiated keys only to its log function, which has neither an argument nor a buffer of its own:
 * one login turn at a time. */
static pthread_mutex_t login_lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local struct initiator *login_current;

void initiator_die(struct initiator *in, const char *fmt, ...)
{
	va_list ap;

	if (in->dead)
		return;
	in->dead = true;
	va_start(ap, fmt);
	vsnprintf(in->reason, sizeof(in->reason), fmt, ap);
	va_end(ap);
	timer_arm(&in->deadline, 0);
}

const char *initiator_reason(struct initiator *in)
{
	static const char lost[] = "iscsi_service_reconnect_if_loggedin", prefix[] = "iscsi_service: ";
	const char *error = iscsi_get_error(in->iscsi);

	if (!error || !*error)
		return "the array closed the connection";
	if (strncmp(error, lost, sizeof(lost) - 1) == 0) /* it would like to reconnect by itself (row F2) */
		return "the connection was lost";
	return strncmp(error, prefix, sizeof(prefix) - 1) == 0 ? error + sizeof(prefix) - 1 : error;
}

/* libiscsi keeps its last error until the next one, and has none for a connection that was closed: what it says of a
 * failure must not be an older command's sense. */
static void forget_reason(struct initiator *in)
{
	char *error = (char *)(uintptr_t)iscsi_get_error(in->iscsi);

	if (error)
		*error = '\0';
}

/* What follows `key` in the message. False: it is not there. */
static bool find_number(const char *message, const char *key, unsigned long *value)
{
	const char *at = strstr(message, key);

	if (at)
		*value = strtoul(at + strlen(key), NULL, 10);
	return at != NULL;
}

static void on_login_log(int level, const char *message)
{
	unsigned long value;

	(void)level;
	if (!login_current)
		return;
	if (find_number(message, "MaxRecvDataSegmentLength=", &value) && value < MRDSL_MIN)
		initiator_die(login_current, "the array offers a MaxRecvDataSegmentLength below 512");
	if (strstr(message, "AuthMethod=CHAP") && !login_current->params.chap_name) {
		login_current->refused = true;
		initiator_die(login_current, "the array wants CHAP");
	}
	if (find_number(message, "DefaultTime2Wait=", &value))
		login_current->wait_us = (value < TIME2WAIT_MAX_S ? value : TIME2WAIT_MAX_S) * US_PER_S;
}

static void initiator_service(struct initiator *in, int revents)
{
	bool login = !in->open;
	int rc;

	in->in_service = true;
	forget_reason(in);
	if (login) {
		pthread_mutex_lock(&login_lock);
		login_current = in;
	}
	rc = iscsi_service(in->iscsi, revents);
	if (login) {
		login_current = NULL;
		pthread_mutex_unlock(&login_lock);
	}
	in->in_service = false;
	if (rc < 0) {
		initiator_die(in, "%s", initiator_reason(in));
	} else if (in->open && !in->dead && !iscsi_is_logged_in(in->iscsi)) {
		/* libiscsi answers such a request by itself, and the array has ended all commands */
		in->dismissed = true;
		initiator_die(in, "the array asked to log out");
	}
}

static void initiator_watch(struct initiator *in)
{
	bool want = !in->dead && (iscsi_which_events(in->iscsi) & POLLOUT);

	if (want && !event_pending(in->writable, EV_WRITE, NULL))
		event_add(in->writable, NULL);
}

static void on_flush(void *arg)
{
	struct initiator *in = arg;
	bool cork = in->queued > 1 || in->queued_payload;
	int fd, on = 1, off = 0;

	if (in->dead)
		return;
	fd = iscsi_get_fd(in->iscsi);
	in->queued = 0;
	in->queued_payload = false;
	if (cork)
		setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
	initiator_service(in, POLLOUT);
	initiator_manage(in);
	if (cork && !in->dead)
		setsockopt(fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
	initiator_watch(in);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct initiator *in = arg;

	(void)fd;
	(void)what;
	if (in->dead)
		return;
	initiator_service(in, POLLOUT);
	initiator_manage(in);
	initiator_watch(in);
}

/* Whether libiscsi may read: what does not answer a Login or a Text Request must not reach it before commands do. */
static bool initiator_may_read(struct initiator *in, int fd)
{
	enum peek found;

	if (!in->connected || (in->open && !in->discovery))
		return true;
	found = peek_pdu(fd, in->open ? PDU_TEXT_RESPONSE : PDU_LOGIN_RESPONSE);
	if (found == PEEK_WRONG)
		initiator_die(in, "the array sends what nobody has asked for");
	return found == PEEK_TAKE;
}

/* libiscsi answers each NOP-In and each R2T, however many there are: an array that sends them without an end, and reads
 * no answers, must not fill the memory. */
static size_t initiator_queue(struct initiator *in)
{
	size_t queued = (size_t)iscsi_out_queue_length(in->iscsi);

	if (queued > in->owed + UNASKED_MAX)
		initiator_die(in, "the array asks for more than it can get");
	return queued;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct initiator *in = arg;

	(void)what;
	if (in->dead)
		return;
	if (initiator_may_read(in, fd))
		initiator_service(in, POLLIN);
	if (!in->dead && initiator_queue(in) > 0) { /* an R2T, or the next step of a login */
		in->queued_payload = true;
		loop_at_turn_end(in->loop, &in->flush);
	}
	if (in->dead)
		event_del(in->readable);
}

static void connect_begin(struct initiator *in);

static void on_deadline(void *arg)
{
	struct initiator *in = arg;

	if (in->refused && !in->plain) {
		in->plain = true;
		in->dead = in->connected = false;
		connect_begin(in);
		return;
	}
	if (!in->dead) {
		in->dead = true;
		snprintf(in->reason, sizeof(in->reason), "login timed out");
	}
	if (in->dismissed && in->events->dismissed)
		in->events->dismissed(in->arg, in->wait_us);
	in->events->failed(in->arg, in->reason); /* closes in */
}

static void on_login(struct iscsi_context *iscsi, int status, void *data, void *arg)
{
	struct initiator *in = arg;

	(void)data;
	if (in->closing || in->dead)
		return;
	if (status == STATUS_REDIRECT) {
		initiator_die(in, "the array redirects to %s", iscsi_get_target_address(iscsi));
		return;
	}
	if (status != SCSI_STATUS_GOOD) {
		in->refused = !in->params.chap_name;
		initiator_die(in, "login refused: %s", initiator_reason(in));
		return;
	}
	in->open = true;
	timer_stop(&in->deadline);
	iscsi_set_log_level(iscsi, 0);
	in->events->opened(in->arg);
}

static void on_connected(struct iscsi_context *iscsi, int status, void *data, void *arg)
{
	struct initiator *in = arg;

	(void)data;
	if (in->closing || in->dead)
		return;
	in->connected = status == SCSI_STATUS_GOOD;
	iscsi_set_log_fn(iscsi, on_login_log);
	iscsi_set_log_level(iscsi, 6); /* here, where the lock is held; back to 0 before anything runs without it */
	if (status != SCSI_STATUS_GOOD)
		initiator_die(in, "%s", initiator_reason(in));
	else if (iscsi_login_async(iscsi, on_login, in) < 0)
		initiator_die(in, "%s", initiator_reason(in));
	else
		loop_at_turn_end(in->loop, &in->flush);
}

static void socket_options(int fd, uint64_t silence_us)
{
	int syn = CONNECT_SYN_RETRIES, one = 1;
	unsigned silence_ms = (unsigned)(silence_us / US_PER_MS);

	setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &syn, sizeof(syn));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms, sizeof(silence_ms));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
}

static void configure(struct initiator *in)
{
	const struct initiator_params *params = &in->params;
	struct iscsi_context *iscsi = in->iscsi;
	const uint8_t *isid = params->isid;

	iscsi_set_noautoreconnect(iscsi, 1);
	iscsi_set_isid_random(iscsi, get_be24(isid + 1), get_be16(isid + 4)); /* its type byte is 80h: random */
	iscsi_set_header_digest(iscsi, ISCSI_HEADER_DIGEST_NONE);
	iscsi_set_session_type(iscsi, params->target_name ? ISCSI_SESSION_NORMAL : ISCSI_SESSION_DISCOVERY);
	if (params->target_name)
		iscsi_set_targetname(iscsi, params->target_name);
	if (params->chap_name)
		iscsi_set_initiator_username_pwd(iscsi, params->chap_name, params->chap_secret);
	else if (!in->plain)
		iscsi_set_initiator_username_pwd(iscsi, NOBODY, NOBODY);
	if (params->chap_mutual_name)
		iscsi_set_target_username_pwd(iscsi, params->chap_mutual_name, params->chap_mutual_secret);
}

static void connect_end(struct initiator *in)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	loop_hook_cancel(&in->flush);
	if (in->readable)
		event_free(in->readable); /* before libiscsi closes the descriptor */
	if (in->writable)
		event_free(in->writable);
	in->readable = in->writable = NULL;
	if (!in->iscsi)
		return;
	setsockopt(iscsi_get_fd(in->iscsi), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	iscsi_set_log_level(in->iscsi, 0); /* a login may be under way */
	iscsi_destroy_context(in->iscsi);
	in->iscsi = NULL;
}

static void connect_begin(struct initiator *in)
{
	uint64_t now = clock_now_us(loop_clock(in->loop));
	int fd;

	connect_end(in);
	in->iscsi = iscsi_create_context(in->params.initiator_name);
	if (!in->iscsi) {
		initiator_die(in, "out of memory");
		return;
	}
	configure(in);
	if (iscsi_connect_async(in->iscsi, in->params.portal, on_connected, in) < 0) {
		initiator_die(in, "%s", initiator_reason(in));
		return;
	}
	fd = iscsi_get_fd(in->iscsi);
	socket_options(fd, in->params.silence_us);
	in->readable = event_new(loop_base(in->loop), fd, EV_READ | EV_PERSIST, on_readable, in);
	in->writable = event_new(loop_base(in->loop), fd, EV_WRITE, on_writable, in);
	event_add(in->readable, NULL);
	event_add(in->writable, NULL);
	timer_arm(&in->deadline, in->login_by_us > now ? in->login_by_us - now : 0);
}

static const char *copy_text(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static void free_text(const char *text)
{
	char *own = (char *)(uintptr_t)text;

	if (own)
		explicit_bzero(own, strlen(own));
	free(own);
}

static struct initiator *libiscsi_open(struct loop *loop, const struct initiator_params *params,
				       const struct initiator_events *events, void *arg)
{
	struct initiator *in = xcalloc(1, sizeof(*in));

	in->events = events;
	in->arg = arg;
	in->loop = loop;
	in->params = *params;
	in->params.initiator_name = copy_text(params->initiator_name);
	in->params.target_name = copy_text(params->target_name);
	in->params.portal = copy_text(params->portal);
	in->params.chap_name = copy_text(params->chap_name);
	in->params.chap_secret = copy_text(params->chap_secret);
	in->params.chap_mutual_name = copy_text(params->chap_mutual_name);
	in->params.chap_mutual_secret = copy_text(params->chap_mutual_secret);
	in->discovery = !params->target_name;
	in->login_by_us = clock_now_us(loop_clock(loop)) + params->login_us;
	in->wait_us = TIME2WAIT_DEFAULT_S * US_PER_S;
	list_init(&in->held);
	loop_hook_init(&in->flush, on_flush, in);
	timer_init(&in->deadline, loop_clock(loop), on_deadline, in);
	connect_begin(in);
	return in;
}

/* SendTargets portals come as "address:port,tpgt". */
static void report_portal(struct initiator *in, const char *iqn, const char *text)
{
	char portal[128];
	char *comma;
	unsigned long tpgt = 1;

	str_copy(portal, sizeof(portal), text);
	comma = strrchr(portal, ',');
	if (comma) {
		*comma = '\0';
		tpgt = strtoul(comma + 1, NULL, 10);
	}
	if (tpgt > UINT16_MAX)
		return;
	in->events->found(in->arg, &(struct initiator_target){ iqn, portal, (uint16_t)tpgt });
}

static void on_discovery(struct iscsi_context *iscsi, int status, void *data, void *arg)
{
	struct initiator *in = arg;

	(void)iscsi;
	if (in->closing || in->dead)
		return;
	if (status != SCSI_STATUS_GOOD) {
		initiator_die(in, "SendTargets failed: %s", initiator_reason(in));
		return;
	}
	for (struct iscsi_discovery_address *t = data; t; t = t->next)
		for (struct iscsi_target_portal *p = t->portals; p; p = p->next)
			report_portal(in, t->target_name, p->portal);
	in->events->found(in->arg, NULL);
}

static void libiscsi_discover(struct initiator *in)
{
	if (in->dead)
		return;
	if (iscsi_discovery_async(in->iscsi, on_discovery, in) < 0) {
		initiator_die(in, "%s", initiator_reason(in));
		return;
	}
	loop_at_turn_end(in->loop, &in->flush);
}

/* Commands still go out: only libiscsi's reading waits for the event. */
static void libiscsi_mute(struct initiator *in, bool mute)
{
	if (in->dead)
		return; /* its failure is on its way */
	if (mute)
		event_del(in->readable);
	else
		event_add(in->readable, NULL);
}

static void libiscsi_close(struct initiator *in)
{
	if (!in)
		return;
	in->closing = true;
	timer_stop(&in->deadline);
	connect_end(in);
	free_text(in->params.initiator_name);
	free_text(in->params.target_name);
	free_text(in->params.portal);
	free_text(in->params.chap_name);
	free_text(in->params.chap_secret);
	free_text(in->params.chap_mutual_name);
	free_text(in->params.chap_mutual_secret);
	free(in);
}

const struct initiator_ops initiator_libiscsi = {
	.xfer_ctx_bytes = sizeof(struct xfer_task),
	.open = libiscsi_open,
	.submit = initiator_submit,
	.abort_task = initiator_abort_task,
	.reset_lu = initiator_reset_lu,
	.discover = libiscsi_discover,
	.mute = libiscsi_mute,
	.close = libiscsi_close,
};
