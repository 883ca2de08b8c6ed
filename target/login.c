#include "target/login.h"

#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "target/chap.h"
#include "target/conn.h"
#include "target/keys.h"
#include "target/portal.h"
#include "target/session.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define LOGIN_MAX_RECV 8192 /* MaxRecvDataSegmentLength before it is declared (RFC 7143 13.12) */
#define LOGIN_PAIRS_MAX 128
#define LOGIN_ROUNDS_MAX 64 /* requests of one login */

enum login_status { /* RFC 7143 11.13.5: class and detail */
		    LOGIN_SUCCESS = 0x0000,
		    LOGIN_INITIATOR_ERROR = 0x0200,
		    LOGIN_AUTH_FAILURE = 0x0201,
		    LOGIN_FORBIDDEN = 0x0202,
		    LOGIN_NOT_FOUND = 0x0203,
		    LOGIN_UNSUPPORTED_VERSION = 0x0205,
		    LOGIN_TOO_MANY_CONNECTIONS = 0x0206,
		    LOGIN_MISSING_PARAMETER = 0x0207,
		    LOGIN_NO_SESSION_TYPE = 0x0209,
		    LOGIN_NO_SESSION = 0x020a,
		    LOGIN_INVALID_REQUEST = 0x020b,
		    LOGIN_SERVICE_UNAVAILABLE = 0x0301,
		    LOGIN_OUT_OF_RESOURCES = 0x0302,
};

enum login_stage { STAGE_SECURITY = 0, STAGE_OPERATIONAL = 1, STAGE_FULL_FEATURE = 3, STAGE_COUNT };

struct login {
	struct list link; /* target->logins */
	struct target *target;
	struct conn *conn;
	struct timer timer;
	struct loop_hook hand_over;
	struct target_nexus nexus;
	struct session *session; /* made; about to be handed over */

	bool started; /* the first request has been seen */
	bool described; /* the group tag has been sent */
	bool declared; /* our MaxRecvDataSegmentLength has been sent */
	bool discovery;
	bool named; /* TargetName is ours */
	bool refused;
	bool waiting; /* for the session that it reinstates */
	bool chap_chosen, authenticated;
	enum login_stage stage;
	uint16_t cid;
	uint32_t itt, cmd_sn, stat_sn;
	unsigned rounds;
	struct params params;
	struct chap chap;
	struct text request, answer;
};

struct pair {
	const char *key;
	char *value;
};

/* Which transitions there are (6.1.3): from the stage of the request to the next one. */
static const bool transitions[STAGE_COUNT][STAGE_COUNT] = {
	[STAGE_SECURITY] = { [STAGE_OPERATIONAL] = true, [STAGE_FULL_FEATURE] = true },
	[STAGE_OPERATIONAL] = { [STAGE_FULL_FEATURE] = true },
};

/* ---- responses ---- */

static void login_send(struct login *login, uint8_t flags, enum login_status status)
{
	uint8_t bhs[BHS_LEN] = { PDU_LOGIN_RESPONSE, flags };

	memcpy(bhs + LOGIN_ISID, login->nexus.isid, sizeof(login->nexus.isid));
	put_be16(bhs + LOGIN_TSIH, login->nexus.tsih);
	put_be32(bhs + BHS_ITT, login->itt);
	put_be16(bhs + LOGIN_STATUS, (uint16_t)status);
	conn_send(login->conn, bhs, login->answer.bytes, status == LOGIN_SUCCESS ? login->answer.len : 0);
	text_clear(&login->answer);
}

static void login_refuse(struct login *login, enum login_status status, const char *reason)
{
	char remote[NET_ADDRESS_MAX];

	if (login->refused)
		return;
	login->refused = true;
	login->nexus.tsih = 0;
	log_info("login", "refused status=0x%04x reason=\"%s\" initiator=%s remote=%s", status, reason,
		 login->nexus.initiator_name, net_format(&login->nexus.remote, remote));
	target_event(login->target, TARGET_LOGIN_REFUSED, &login->nexus, reason);
	login_send(login, 0, status);
	conn_finish(login->conn, reason);
}

static void on_stamp(void *owner, uint8_t *bhs)
{
	struct login *login = owner;

	put_be32(bhs + BHS_STAT_SN, login->stat_sn++);
	put_be32(bhs + BHS_EXP_CMD_SN, login->cmd_sn);
	put_be32(bhs + BHS_MAX_CMD_SN, login->cmd_sn + (uint32_t)login->target->limits.commands_per_session - 1);
}

/* ---- keys ---- */

/* The names of RFC 7143 4.2.7: lower case letters, digits, and a few signs; iqn., eui. or naa. */
static bool name_is_valid(const char *name)
{
	static const char *const types[] = { "iqn.", "eui.", "naa." };
	size_t len = strlen(name);
	bool typed = false;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		typed = typed || strncasecmp(name, types[i], 4) == 0;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f || strchr("\"'<>/\\", name[i]))
			return false;
	return typed && len < ISCSI_NAME_MAX;
}

static void take_session_type(struct login *login, const char *value)
{
	login->discovery = strcmp(value, "Discovery") == 0;
	if (!login->discovery && strcmp(value, "Normal") != 0)
		login_refuse(login, LOGIN_NO_SESSION_TYPE, "unknown session type");
}

/* iSCSI names are compared without case (RFC 3722): in one spelling from here on. */
static void copy_name(char name[ISCSI_NAME_MAX], const char *value)
{
	str_copy(name, ISCSI_NAME_MAX, value);
	for (; *name; name++)
		*name = (char)tolower((unsigned char)*name);
}

/* Keys that only declare something. */
static void take_declaration(struct login *login, enum key key, const char *value)
{
	switch (key) {
	case KEY_INITIATOR_NAME:
		if (!name_is_valid(value))
			login_refuse(login, LOGIN_INITIATOR_ERROR, "not an iSCSI name");
		else
			copy_name(login->nexus.initiator_name, value);
		break;
	case KEY_INITIATOR_ALIAS:
		str_copy(login->nexus.initiator_alias, sizeof(login->nexus.initiator_alias), value);
		break;
	case KEY_TARGET_NAME:
		login->named = strcasecmp(value, login->target->config.iqn) == 0;
		if (!login->named)
			login_refuse(login, LOGIN_NOT_FOUND, "no target of that name");
		break;
	default:
		break;
	}
}

/* RFC 7143 13.1, AuthMethod: the first of the list that is good enough for us. */
static void choose_auth(struct login *login, char *list)
{
	bool required = login->target->config.user_count > 0;
	const char *wanted = required ? "CHAP" : "None";
	char *element;

	if (login->stage != STAGE_SECURITY || login->chap_chosen) {
		login_refuse(login, LOGIN_INITIATOR_ERROR, "AuthMethod out of place");
		return;
	}
	while ((element = text_element(&list)) && strcmp(element, wanted) != 0)
		;
	if (!element) {
		login_refuse(login, LOGIN_AUTH_FAILURE, "no authentication method in common");
		return;
	}
	login->chap_chosen = required;
	text_add(&login->answer, "AuthMethod", wanted);
}

/* A name that is declared again with the same value: libiscsi, and QEMU with it, does so in the operational stage when
 * it has CHAP credentials that nobody asked for. RFC 7143 6.3 would allow to refuse it; there is nothing to gain. */
static bool repeats_name(const struct login *login, const struct pair *pair)
{
	enum key key = keys_find(pair->key);

	if (key == KEY_COUNT || !keys_seen(&login->params, key))
		return false;
	switch (key) {
	case KEY_INITIATOR_NAME:
		return strcasecmp(pair->value, login->nexus.initiator_name) == 0;
	case KEY_INITIATOR_ALIAS:
		return strcmp(pair->value, login->nexus.initiator_alias) == 0;
	case KEY_TARGET_NAME:
		return login->named && strcasecmp(pair->value, login->target->config.iqn) == 0;
	case KEY_SESSION_TYPE:
		return (strcmp(pair->value, "Discovery") == 0) == login->discovery;
	default:
		return false;
	}
}

static void take_pair(struct login *login, struct pair *pair, struct chap_offer *chap)
{
	struct key_offer offer = { pair->key, pair->value, KEYS_LOGIN, login->discovery };
	bool is_chap = strncmp(pair->key, "CHAP_", 5) == 0;

	if (repeats_name(login, pair))
		return;
	if (strcmp(pair->key, "AuthMethod") == 0)
		choose_auth(login, pair->value);
	else if (is_chap && (login->stage != STAGE_SECURITY || !login->chap_chosen))
		login_refuse(login, LOGIN_INITIATOR_ERROR, "CHAP out of place");
	else if (is_chap && chap_take(chap, pair->key, pair->value) < 0)
		login_refuse(login, LOGIN_INITIATOR_ERROR, "bad CHAP keys");
	else if (!is_chap && keys_negotiate(&login->params, &offer, &login->answer) < 0)
		login_refuse(login, LOGIN_INITIATOR_ERROR, "a key was sent twice");
	else if (!is_chap)
		take_declaration(login, keys_find(pair->key), pair->value);
}

/* How many pairs there are, or -EPROTO. */
static int split_pairs(struct login *login, struct pair *pairs)
{
	size_t pos = 0;
	int count = 0, rc;

	while ((rc = text_next(&login->request, &pos, &pairs[count].key, &pairs[count].value)) > 0)
		if (++count == LOGIN_PAIRS_MAX)
			return -EPROTO;
	return rc < 0 ? -EPROTO : count;
}

static void take_keys(struct login *login)
{
	struct pair pairs[LOGIN_PAIRS_MAX];
	struct chap_offer chap = { 0 };
	bool was_chosen = login->chap_chosen;
	int count = split_pairs(login, pairs);

	if (count < 0) {
		login_refuse(login, LOGIN_INITIATOR_ERROR, "malformed text");
		return;
	}
	for (int i = 0; i < count; i++) /* what the other keys mean depends on it */
		if (keys_find(pairs[i].key) == KEY_SESSION_TYPE)
			take_session_type(login, pairs[i].value);
	for (int i = 0; i < count && !login->refused; i++)
		take_pair(login, &pairs[i], &chap);
	if (login->refused || login->stage != STAGE_SECURITY || !login->chap_chosen)
		return;
	if (was_chosen || chap.a)
		chap_step(&login->chap, &chap, login->target->config.users, login->target->config.user_count,
			  &login->answer);
	if (login->chap.state == CHAP_FAILED)
		login_refuse(login, LOGIN_AUTH_FAILURE, login->chap.reason);
	login->authenticated = login->chap.state == CHAP_DONE;
}

/* What the first request must have said, and what the first response must say. */
static void check_first(struct login *login)
{
	if (login->described || login->refused)
		return;
	login->described = true;
	if (!login->nexus.initiator_name[0])
		login_refuse(login, LOGIN_MISSING_PARAMETER, "no InitiatorName");
	else if (!login->discovery && !login->named)
		login_refuse(login, LOGIN_MISSING_PARAMETER, "no TargetName");
	else if (!login->discovery)
		text_add_number(&login->answer, "TargetPortalGroupTag", login->nexus.tpgt);
	if (!login->discovery && login->target->config.alias)
		text_add(&login->answer, "TargetAlias", login->target->config.alias);
}

static void declare_ours(struct login *login)
{
	if (login->stage != STAGE_OPERATIONAL || login->declared || login->discovery)
		return;
	login->declared = true;
	text_add_number(&login->answer, "MaxRecvDataSegmentLength", KEYS_MAX_RECV);
}

/* ---- completion ---- */

static void on_hand_over(void *arg)
{
	struct login *login = arg;
	struct session *session = login->session;
	struct conn *conn = login->conn;

	session->exp_cmd_sn = login->cmd_sn;
	session->max_cmd_sn = login->cmd_sn + (uint32_t)login->target->limits.commands_per_session - 1;
	session->stat_sn = login->stat_sn;
	session->cid = login->cid;
	conn_set_limit(conn, login->discovery ? LOGIN_MAX_RECV : KEYS_MAX_RECV);
	login->conn = NULL;
	login_kill(login);
	session_hand_over(session, conn);
}

static void login_complete(struct login *login)
{
	struct target *target = login->target;
	struct worker *worker = login->discovery ? &target->reception : target_choose_worker(target);
	struct session *session;
	char remote[NET_ADDRESS_MAX];

	keys_settle(&login->params);
	session = session_create(target, worker, &login->nexus, &login->params, login->discovery);
	if (target_register(target, session) < 0) {
		session_free(session);
		login_refuse(login, LOGIN_OUT_OF_RESOURCES, "too many sessions");
		return;
	}
	login->session = session;
	login->nexus = session->nexus;
	log_info("login", "session=%u initiator=%s remote=%s tpgt=%u worker=%u discovery=%d tsih=%u",
		 login->nexus.session_id, login->nexus.initiator_name, net_format(&login->nexus.remote, remote),
		 login->nexus.tpgt, worker->index, login->discovery, login->nexus.tsih);
	if (!login->discovery)
		target_event(target, TARGET_LOGIN, &session->nexus, "login");
	login_send(login, (uint8_t)(LOGIN_TRANSIT | login->stage << 2 | STAGE_FULL_FEATURE), LOGIN_SUCCESS);
	timer_stop(&login->timer);
	loop_at_turn_end(target->control, &login->hand_over);
}

/* RFC 7143 6.3.5: the session of the same nexus ends, and its tasks with it, before this one begins. */
static void login_finish(struct login *login)
{
	struct target *target = login->target;
	struct session *old = NULL;

	conn_pause(login->conn);
	login->waiting = false;
	if (target->draining) {
		login_refuse(login, LOGIN_SERVICE_UNAVAILABLE, "the target is going down");
		return;
	}
	if (target->ops.admit) {
		const struct target_user *user = login->chap.state == CHAP_DONE ? login->chap.user : NULL;
		const char *why = target->ops.admit(target->user, &login->nexus, user ? user->name : NULL);

		if (why) {
			login_refuse(login, LOGIN_FORBIDDEN, why);
			return;
		}
	}
	if (login->nexus.tsih) { /* a second connection, or the same one again: MaxConnections is 1 */
		if (target_find_tsih(target, login->nexus.tsih))
			login_refuse(login, LOGIN_TOO_MANY_CONNECTIONS, "one connection a session");
		else
			login_refuse(login, LOGIN_NO_SESSION, "no such session");
		return;
	}
	if (!login->discovery)
		old = target_find_session(target, &login->nexus);
	if (!old) {
		login_complete(login);
		return;
	}
	login->waiting = true;
	target_end_reinstated(old);
}

void login_session_gone(struct target *target)
{
	struct login *login;

	list_for_each(login, &target->logins, link)
		if (login->waiting)
			login_finish(login);
}

/* ---- requests ---- */

static void take_first(struct login *login, const uint8_t *bhs)
{
	login->started = true;
	login->itt = pdu_itt(bhs);
	login->cid = get_be16(bhs + LOGIN_CID);
	login->cmd_sn = get_be32(bhs + BHS_CMD_SN);
	login->nexus.tsih = get_be16(bhs + LOGIN_TSIH);
	memcpy(login->nexus.isid, bhs + LOGIN_ISID, sizeof(login->nexus.isid));
	login->stage = (enum login_stage)(bhs[BHS_FLAGS] >> 2 & 3);
	if (bhs[LOGIN_VERSION_MIN] > 0)
		login_refuse(login, LOGIN_UNSUPPORTED_VERSION, "unsupported version");
	else if (login->target->login_count > login->target->limits.logins)
		login_refuse(login, LOGIN_OUT_OF_RESOURCES, "too many logins");
}

static bool is_continuation(const struct login *login, const uint8_t *bhs)
{
	return memcmp(bhs + LOGIN_ISID, login->nexus.isid, sizeof(login->nexus.isid)) == 0 &&
	       pdu_itt(bhs) == login->itt && get_be16(bhs + LOGIN_CID) == login->cid &&
	       get_be16(bhs + LOGIN_TSIH) == login->nexus.tsih;
}

/* NULL, or what is wrong with the header. */
static const char *check_request(const struct login *login, const uint8_t *bhs)
{
	bool transit = bhs[BHS_FLAGS] & LOGIN_TRANSIT;
	unsigned stage = bhs[BHS_FLAGS] >> 2 & 3, next = bhs[BHS_FLAGS] & 3;

	if (!is_continuation(login, bhs))
		return "not the login that it began as";
	if (login->rounds > LOGIN_ROUNDS_MAX)
		return "too many login requests";
	if (stage != login->stage || (stage != STAGE_SECURITY && stage != STAGE_OPERATIONAL))
		return "wrong stage";
	if (transit && (bhs[BHS_FLAGS] & PDU_CONTINUE || !transitions[stage][next]))
		return "no such transition";
	return NULL;
}

static bool must_authenticate(const struct login *login)
{
	return login->target->config.user_count > 0 && !login->authenticated;
}

/* All keys of the request are in. */
static void login_answer(struct login *login, const uint8_t *bhs)
{
	bool transit = bhs[BHS_FLAGS] & LOGIN_TRANSIT;
	enum login_stage next = (enum login_stage)(bhs[BHS_FLAGS] & 3);

	if (login->stage == STAGE_OPERATIONAL && must_authenticate(login)) {
		login_refuse(login, LOGIN_AUTH_FAILURE, "authentication is required");
		return;
	}
	take_keys(login);
	text_clear(&login->request);
	check_first(login);
	if (login->refused)
		return;
	declare_ours(login);
	if (login->stage == STAGE_SECURITY && transit && must_authenticate(login)) {
		if (!login->chap_chosen) {
			login_refuse(login, LOGIN_AUTH_FAILURE, "authentication is required");
			return;
		}
		transit = false; /* not yet: some ask too early */
	}
	if (login->answer.overflow || login->answer.len > LOGIN_MAX_RECV) {
		login_refuse(login, LOGIN_INITIATOR_ERROR, "too many keys");
		return;
	}
	if (transit && next == STAGE_FULL_FEATURE) {
		login_finish(login);
		return;
	}
	/* TSIH stays as the request had it until the last response */
	login_send(login, (uint8_t)(login->stage << 2 | (transit ? LOGIN_TRANSIT | next : 0)), LOGIN_SUCCESS);
	if (transit)
		login->stage = next;
}

static void on_received(void *owner, const struct pdu *pdu)
{
	struct login *login = owner;
	const char *error;

	if (pdu_opcode(pdu->bhs) != PDU_LOGIN_REQUEST) {
		conn_fail(login->conn, "not a Login Request");
		return;
	}
	if (!login->started)
		take_first(login, pdu->bhs);
	if (login->refused)
		return;
	login->rounds++;
	error = check_request(login, pdu->bhs);
	if (error) {
		login_refuse(login, LOGIN_INVALID_REQUEST, error);
		return;
	}
	if (pdu->data)
		text_gather(&login->request, pdu->data, pdu->data_len);
	if (login->request.overflow)
		login_refuse(login, LOGIN_INITIATOR_ERROR, "too much text");
	else if (pdu->bhs[BHS_FLAGS] & PDU_CONTINUE)
		login_send(login, (uint8_t)(login->stage << 2), LOGIN_SUCCESS);
	else
		login_answer(login, pdu->bhs);
}

/* ---- life ---- */

static uint8_t *on_header(void *owner, const struct pdu *pdu)
{
	(void)owner;
	(void)pdu;
	return NULL;
}

static void on_closed(void *owner, const char *reason)
{
	struct login *login = owner;
	char remote[NET_ADDRESS_MAX];

	log_debug("login", "gone remote=%s reason=\"%s\"", net_format(&login->nexus.remote, remote), reason);
	(void)reason;
	login_kill(login);
}

static void on_timeout(void *arg)
{
	struct login *login = arg;
	char remote[NET_ADDRESS_MAX];

	log_info("login", "given up, it takes too long remote=%s", net_format(&login->nexus.remote, remote));
	conn_fail(login->conn, "login takes too long");
}

static const struct conn_ops login_conn_ops = {
	.header = on_header,
	.received = on_received,
	.stamp = on_stamp,
	.closed = on_closed,
};

void login_start(struct target *target, unsigned portal, int fd)
{
	struct login *login;

	/* some more than the limit: those hear why, beyond that nobody listens */
	if (target->login_count >= 2 * target->limits.logins) {
		close(fd);
		return;
	}
	login = xcalloc(1, sizeof(*login));
	login->target = target;
	login->nexus.portal = portal;
	login->nexus.tpgt = portal_tpgt(target->portals[portal]);
	net_local(fd, &login->nexus.local);
	net_remote(fd, &login->nexus.remote);
	keys_defaults(&login->params);
	loop_hook_init(&login->hand_over, on_hand_over, login);
	timer_init(&login->timer, loop_clock(target->control), on_timeout, login);
	timer_arm(&login->timer, target->limits.login_us);
	list_add_tail(&target->logins, &login->link);
	target->login_count++;
	login->conn = conn_create(fd);
	conn_set_limit(login->conn, LOGIN_MAX_RECV);
	conn_attach(login->conn, target->control, &login_conn_ops, login);
}

void login_kill(struct login *login)
{
	struct target *target = login->target;

	timer_stop(&login->timer);
	loop_hook_cancel(&login->hand_over);
	list_del(&login->link);
	target->login_count--;
	conn_destroy(login->conn);
	if (login->conn && login->session) /* it was lost before it was handed over */
		target_unregister(login->session);
	explicit_bzero(&login->request, sizeof(login->request));
	free(login);
	target_check_drained(target);
}

void login_kill_all(struct target *target, unsigned portal)
{
	struct login *login;

	list_for_each(login, &target->logins, link)
		if (portal == LOGIN_ALL_PORTALS || login->nexus.portal == portal)
			login_kill(login);
}
