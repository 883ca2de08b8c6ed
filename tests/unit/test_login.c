#include "target_fixture.h"

#include <nettle/md5.h>

#include <stdio.h>
#include <stdlib.h>

#define TEXT(s) s, sizeof(s) - 1
#define DISCOVERY_TEXT "InitiatorName=" HOST_IQN "\0SessionType=Discovery\0"
#define SECURITY_TO_OPERATIONAL (LOGIN_TRANSIT | 0 << 2 | 1)
#define SECURITY 0
#define OPERATIONAL (1 << 2)

static const struct target_user user = { "user", "secret of user", NULL, NULL };
static const struct target_user mutual_user = { "user", "secret of user", "target", "secret of target" };
static const struct target_user careless_user = { "user", "one secret", "target", "one secret" };

/* The value of a key in the last answer; NULL: it is not there. */
static const char *answer_of(const struct host *h, const char *key)
{
	const char *p = (const char *)h->data, *end = p + h->data_len;
	size_t len = strlen(key);

	for (; p < end; p += strlen(p) + 1)
		if (strncmp(p, key, len) == 0 && p[len] == '=')
			return p + len + 1;
	return NULL;
}

static void expect_answer(const struct host *h, const char *key, const char *value)
{
	const char *answer = answer_of(h, key);

	assert_non_null(answer);
	assert_string_equal(answer, value);
}

/* A login of one request is refused with a status, and the connection ends. */
static void expect_refusal(struct fixture *f, uint8_t flags, const char *text, size_t len, uint16_t status)
{
	struct host *h = host_connect(f);
	unsigned refusals = f->refusals;

	host_login_request(h, flags, text, len);
	assert_int_equal(host_login_status(h), status);
	host_expect_closed(h);
	assert_int_equal(f->refusals, refusals + 1);
	host_close(h);
}

static void normal_session_in_one_step(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = host_login(f, 1, "InitialR2T=No\0MaxBurstLength=65536\0FirstBurstLength=131072\0");

	(void)state;
	expect_answer(h, "TargetPortalGroupTag", "1");
	expect_answer(h, "InitialR2T", "No");
	expect_answer(h, "MaxBurstLength", "65536");
	expect_answer(h, "MaxRecvDataSegmentLength", "262144");
	assert_int_equal(h->exp_cmd_sn, 100);
	assert_int_equal(h->max_cmd_sn, 100 + 255);
	assert_int_equal(f->logins, 1);
	host_expect_alive(h);
	host_close(h);
	assert_int_equal(f->ends, 1);
	fixture_stop(f);
}

static void stages_one_after_the_other(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = host_connect(f);

	(void)state;
	host_login_request(h, SECURITY_TO_OPERATIONAL, TEXT(LOGIN_TEXT "AuthMethod=CHAP,None\0"));
	assert_int_equal(host_login_status(h), 0);
	assert_int_equal(h->bhs[BHS_FLAGS], SECURITY_TO_OPERATIONAL);
	expect_answer(h, "AuthMethod", "None");
	assert_int_equal(get_be16(h->bhs + LOGIN_TSIH), 0);
	host_login_request(h, OPERATIONAL, TEXT("HeaderDigest=None\0"));
	assert_int_equal(host_login_status(h), 0);
	assert_int_equal(h->bhs[BHS_FLAGS], OPERATIONAL);
	host_login_request(h, LOGIN_TO_FULL, NULL, 0);
	assert_int_equal(host_login_status(h), 0);
	assert_int_equal(h->bhs[BHS_FLAGS], LOGIN_TO_FULL);
	assert_int_not_equal(get_be16(h->bhs + LOGIN_TSIH), 0);
	host_expect_alive(h);
	host_close(h);
	fixture_stop(f);
}

static void text_continues_over_requests(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = host_connect(f);

	(void)state;
	host_login_request(h, OPERATIONAL | PDU_CONTINUE, TEXT("InitiatorName=" HOST_IQN "\0TargetNa"));
	assert_int_equal(host_login_status(h), 0);
	assert_int_equal(h->data_len, 0);
	host_login_request(h, LOGIN_TO_FULL, TEXT("me=" TARGET_IQN "\0"));
	assert_int_equal(host_login_status(h), 0);
	host_expect_alive(h);
	host_close(h);
	fixture_stop(f);
}

static void text_without_end_is_refused(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = host_connect(f);
	char filler[4096];

	(void)state;
	memset(filler, 'x', sizeof(filler));
	for (int i = 0; i < 4; i++) {
		host_login_request(h, OPERATIONAL | PDU_CONTINUE, filler, sizeof(filler));
		assert_int_equal(host_login_status(h), 0);
	}
	host_login_request(h, OPERATIONAL | PDU_CONTINUE, filler, sizeof(filler));
	assert_int_equal(host_login_status(h), 0x0200);
	host_expect_closed(h);
	host_close(h);
	fixture_stop(f);
}

static void refusals_have_their_status(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);

	(void)state;
	expect_refusal(f, LOGIN_TO_FULL, TEXT("TargetName=" TARGET_IQN "\0"), 0x0207);
	expect_refusal(f, LOGIN_TO_FULL, TEXT("InitiatorName=" HOST_IQN "\0"), 0x0207);
	expect_refusal(f, LOGIN_TO_FULL, TEXT("InitiatorName=" HOST_IQN "\0TargetName=iqn.other\0"), 0x0203);
	expect_refusal(f, LOGIN_TO_FULL, TEXT(LOGIN_TEXT "SessionType=Odd\0"), 0x0209);
	expect_refusal(f, LOGIN_TO_FULL, TEXT(LOGIN_TEXT "MaxConnections=1\0MaxConnections=1\0"), 0x0200);
	expect_refusal(f, LOGIN_TO_FULL, TEXT("InitiatorName=nobody\0"), 0x0200);
	expect_refusal(f, LOGIN_TO_FULL, TEXT("no pair at all\0"), 0x0200);
	expect_refusal(f, LOGIN_TO_FULL, TEXT(LOGIN_TEXT "CHAP_A=5\0"), 0x0200);
	expect_refusal(f, LOGIN_TO_FULL, TEXT(LOGIN_TEXT "AuthMethod=None\0"), 0x0200);
	expect_refusal(f, SECURITY_TO_OPERATIONAL, TEXT(LOGIN_TEXT "AuthMethod=KRB5\0"), 0x0201);
	expect_refusal(f, LOGIN_TRANSIT | 1 << 2 | 1, TEXT(LOGIN_TEXT), 0x020b);
	expect_refusal(f, LOGIN_TRANSIT | 0 << 2 | 2, TEXT(LOGIN_TEXT), 0x020b);
	expect_refusal(f, 3 << 2, TEXT(LOGIN_TEXT), 0x020b);
	expect_refusal(f, LOGIN_TO_FULL | PDU_CONTINUE, TEXT(LOGIN_TEXT), 0x020b);
	fixture_stop(f);
}

static void unsupported_version(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = host_connect(f);
	uint8_t bhs[BHS_LEN] = { PDU_LOGIN_REQUEST | PDU_IMMEDIATE, LOGIN_TO_FULL, 3, 2 };

	(void)state;
	host_send(h, bhs, TEXT(LOGIN_TEXT));
	assert_int_equal(host_login_status(h), 0x0205);
	host_expect_closed(h);
	host_close(h);
	fixture_stop(f);
}

static void stage_cannot_go_back(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = host_connect(f);

	(void)state;
	host_login_request(h, OPERATIONAL, TEXT(LOGIN_TEXT));
	assert_int_equal(host_login_status(h), 0);
	host_login_request(h, SECURITY, NULL, 0);
	assert_int_equal(host_login_status(h), 0x020b);
	host_expect_closed(h);
	host_close(h);
	fixture_stop(f);
}

static void garbage_is_dropped(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = host_connect(f);
	uint8_t bytes[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + 1);
	host_write(h, bytes, sizeof(bytes));
	host_expect_closed(h);
	host_close(h);
	h = host_connect(f);
	host_write(h, "GET / HTTP/1.1\r\nHost: there\r\nAccept: everything\r\n\r\n", 52);
	host_expect_closed(h);
	host_close(h);
	h = host_connect(f); /* a segment longer than the 8 KiB of the login phase */
	host_login_request(h, OPERATIONAL, (const char *)bytes, 4096);
	host_close(h);
	host_close(host_login(f, 1, ""));
	fixture_stop(f);
}

static void login_has_a_time(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = host_connect(f);

	(void)state;
	fixture_wait(f, 14 * US_PER_S);
	host_expect_nothing(h);
	fixture_wait(f, US_PER_S);
	host_expect_closed(h);
	host_close(h);
	fixture_stop(f);
}

static void logins_are_limited(void **state)
{
	struct target_limits limits = { .logins = 2 };
	struct fixture *f = fixture_start(&limits, NULL);
	struct host *h[4], *one_more;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(h); i++)
		h[i] = host_connect(f);
	one_more = host_connect(f); /* twice the limit: not even an answer */
	host_expect_closed(one_more);
	host_close(one_more);
	host_login_request(h[0], LOGIN_TO_FULL, TEXT(LOGIN_TEXT));
	assert_int_equal(host_login_status(h[0]), 0x0302);
	for (size_t i = 0; i < ARRAY_COUNT(h); i++)
		host_close(h[i]);
	host_close(host_login(f, 1, ""));
	fixture_stop(f);
}

static void sessions_are_limited(void **state)
{
	struct target_limits limits = { .sessions = 1 };
	struct fixture *f = fixture_start(&limits, NULL);
	struct host *h = host_login(f, 1, "");

	(void)state;
	expect_refusal(f, LOGIN_TO_FULL, TEXT("InitiatorName=iqn.other\0TargetName=" TARGET_IQN "\0"), 0x0302);
	host_expect_alive(h);
	host_close(h);
	fixture_stop(f);
}

static void a_second_connection_is_refused(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = host_login(f, 1, ""), *second = host_connect(f);

	(void)state;
	second->tsih = h->tsih;
	host_login_request(second, LOGIN_TO_FULL, TEXT(LOGIN_TEXT));
	assert_int_equal(host_login_status(second), 0x0206);
	host_expect_closed(second);
	host_close(second);
	second = host_connect(f);
	second->tsih = 999;
	host_login_request(second, LOGIN_TO_FULL, TEXT(LOGIN_TEXT));
	assert_int_equal(host_login_status(second), 0x020a);
	host_close(second);
	host_expect_alive(h);
	host_close(h);
	fixture_stop(f);
}

/* The old session's command is still with its logical unit: the new login waits for it. */
static void reinstatement_waits_for_the_old_tasks(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *old = host_login(f, 7, ""), *new;

	(void)state;
	host_clear_attention(old);
	f->hold = true;
	host_io(old, 0x2a, PDU_FINAL | COMMAND_WRITE, 1, 512, f->disk, 512);
	assert_int_equal(f->held_count, 1);
	new = host_connect(f);
	new->isid = 7;
	host_login_request(new, LOGIN_TO_FULL, TEXT(LOGIN_TEXT));
	host_expect_closed(old);
	host_expect_nothing(new);
	assert_int_equal(f->aborts, 1);
	fixture_release(f);
	assert_int_equal(host_login_status(new), 0);
	assert_int_equal(f->ends, 1);
	host_expect_alive(new);
	host_close(new);
	host_close(old);
	fixture_stop(f);
}

static void two_reinstatements_at_once(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *old = host_login(f, 7, ""), *a, *b;

	(void)state;
	host_clear_attention(old);
	f->hold = true;
	host_io(old, 0x28, PDU_FINAL | COMMAND_READ, 1, 512, NULL, 0);
	a = host_connect(f);
	b = host_connect(f);
	a->isid = b->isid = 7;
	host_login_request(a, LOGIN_TO_FULL, TEXT(LOGIN_TEXT));
	host_login_request(b, LOGIN_TO_FULL, TEXT(LOGIN_TEXT));
	fixture_release(f);
	fixture_pump(f);
	assert_int_equal(host_login_status(a), 0);
	host_expect_closed(a);
	assert_int_equal(host_login_status(b), 0);
	host_expect_alive(b);
	host_close(a);
	host_close(b);
	host_close(old);
	fixture_stop(f);
}

static void commands_may_follow_in_the_same_segment(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = host_connect(f);
	uint8_t bytes[2 * BHS_LEN + 256] = { PDU_LOGIN_REQUEST | PDU_IMMEDIATE, LOGIN_TO_FULL };
	size_t text_len = sizeof(LOGIN_TEXT) - 1, len = BHS_LEN + text_len + pad4(text_len);

	(void)state;
	put_be24(bytes + BHS_DATA_LEN, (uint32_t)text_len);
	memcpy(bytes + BHS_LEN, LOGIN_TEXT, text_len);
	bytes[len] = PDU_NOP_OUT | PDU_IMMEDIATE;
	bytes[len + 1] = PDU_FINAL;
	put_be32(bytes + len + BHS_ITT, 77);
	host_write(h, bytes, len + BHS_LEN);
	assert_int_equal(host_login_status(h), 0);
	host_expect(h, PDU_NOP_IN);
	assert_int_equal(pdu_itt(h->bhs), 77);
	host_close(h);
	fixture_stop(f);
}

/* ---- discovery ---- */

static void text_request(struct host *h, uint8_t flags, uint32_t ttt, const char *text, size_t len)
{
	uint8_t bhs[BHS_LEN] = { PDU_TEXT_REQUEST, flags };

	put_be32(bhs + BHS_ITT, 5);
	put_be32(bhs + BHS_TTT, ttt);
	put_be32(bhs + BHS_CMD_SN, h->cmd_sn++);
	host_send(h, bhs, text, len);
}

static struct host *discover(struct fixture *f, const char *keys, size_t len)
{
	char text[256];
	size_t start = sizeof(DISCOVERY_TEXT) - 1;

	memcpy(text, DISCOVERY_TEXT, start);
	memcpy(text + start, keys, len);
	return host_login_text(f, 9, text, start + len);
}

static void discovery_lists_the_portals(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = discover(f, TEXT("MaxBurstLength=512\0"));
	char expected[128], address[NET_ADDRESS_MAX];

	(void)state;
	expect_answer(h, "MaxBurstLength", "Irrelevant");
	assert_null(answer_of(h, "TargetPortalGroupTag"));
	assert_int_equal(f->logins, 0);
	text_request(h, PDU_FINAL, PDU_TAG_NONE, TEXT("SendTargets=All\0"));
	host_expect(h, PDU_TEXT_RESPONSE);
	assert_int_equal(h->bhs[BHS_FLAGS], PDU_FINAL);
	expect_answer(h, "TargetName", TARGET_IQN);
	snprintf(expected, sizeof(expected), "%s,1", net_format(target_portal_address(f->target, 0), address));
	expect_answer(h, "TargetAddress", expected);
	/* the wildcard portal appears under the address that the host reached */
	snprintf(expected, sizeof(expected), "127.0.0.1:%u,2", net_port(target_portal_address(f->target, 1)));
	assert_non_null(memmem(h->data, h->data_len, expected, strlen(expected)));
	text_request(h, PDU_FINAL, PDU_TAG_NONE, TEXT("SendTargets=" TARGET_IQN "\0"));
	host_expect(h, PDU_TEXT_RESPONSE);
	expect_answer(h, "TargetName", TARGET_IQN);
	text_request(h, PDU_FINAL, PDU_TAG_NONE, TEXT("SendTargets=iqn.other\0"));
	host_expect(h, PDU_TEXT_RESPONSE);
	assert_int_equal(h->data_len, 0);
	assert_int_equal(target_portal_refuse(f->target, 1, true), 0);
	text_request(h, PDU_FINAL, PDU_TAG_NONE, TEXT("SendTargets=All\0"));
	host_expect(h, PDU_TEXT_RESPONSE);
	assert_null(memmem(h->data, h->data_len, expected, strlen(expected)));
	assert_int_equal(target_portal_refuse(f->target, 1, false), 0);
	host_close(h);
	fixture_stop(f);
}

static void discovery_knows_text_and_logout_only(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = discover(f, TEXT(""));
	uint8_t logout[BHS_LEN] = { PDU_LOGOUT_REQUEST | PDU_IMMEDIATE, PDU_FINAL };

	(void)state;
	host_io(h, 0x28, PDU_FINAL | COMMAND_READ, 1, 512, NULL, 0);
	host_expect(h, PDU_REJECT);
	assert_int_equal(h->bhs[REJECT_REASON], REJECT_NOT_SUPPORTED);
	assert_int_equal(h->data_len, BHS_LEN);
	host_send(h, logout, NULL, 0);
	host_expect(h, PDU_LOGOUT_RESPONSE);
	host_expect_closed(h);
	host_close(h);
	fixture_stop(f);
}

static void text_in_a_normal_session(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = host_login(f, 1, "MaxRecvDataSegmentLength=512\0");

	(void)state;
	text_request(h, PDU_FINAL, PDU_TAG_NONE, TEXT("SendTargets=\0"));
	host_expect(h, PDU_TEXT_RESPONSE);
	expect_answer(h, "TargetName", TARGET_IQN);
	text_request(h, PDU_FINAL, PDU_TAG_NONE, TEXT("SendTargets=All\0MaxBurstLength=512\0"));
	host_expect(h, PDU_TEXT_RESPONSE);
	expect_answer(h, "SendTargets", "Reject");
	expect_answer(h, "MaxBurstLength", "Reject");
	host_close(h);
	fixture_stop(f);
}

static void long_text_comes_in_parts(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = host_login(f, 1, "MaxRecvDataSegmentLength=512\0");
	char keys[1024];
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 60; i++)
		len += (size_t)sprintf(keys + len, "X-%02d=value", i) + 1;
	text_request(h, PDU_CONTINUE, PDU_TAG_NONE, keys, 500);
	host_expect(h, PDU_TEXT_RESPONSE);
	assert_int_equal(h->bhs[BHS_FLAGS], 0);
	text_request(h, PDU_FINAL, pdu_ttt(h->bhs), keys + 500, len - 500);
	host_expect(h, PDU_TEXT_RESPONSE);
	assert_int_equal(h->bhs[BHS_FLAGS], PDU_CONTINUE);
	assert_int_equal(h->data_len, 512);
	text_request(h, PDU_FINAL, pdu_ttt(h->bhs), NULL, 0);
	host_expect(h, PDU_TEXT_RESPONSE);
	text_request(h, PDU_FINAL, pdu_ttt(h->bhs), NULL, 0);
	host_expect(h, PDU_TEXT_RESPONSE);
	assert_int_equal(h->bhs[BHS_FLAGS], PDU_FINAL);
	assert_int_equal(pdu_ttt(h->bhs), PDU_TAG_NONE);
	text_request(h, PDU_FINAL, 12345, NULL, 0);
	host_expect(h, PDU_REJECT);
	text_request(h, PDU_FINAL | PDU_CONTINUE, PDU_TAG_NONE, TEXT("a=b\0"));
	host_expect(h, PDU_REJECT);
	host_expect_alive(h);
	host_close(h);
	fixture_stop(f);
}

/* ---- CHAP ---- */

static void hex(char *text, const uint8_t *bytes, size_t len)
{
	text += sprintf(text, "0x");
	for (size_t i = 0; i < len; i++)
		text += sprintf(text, "%02x", bytes[i]);
}

static size_t unhex(const char *text, uint8_t *bytes)
{
	size_t n = 0;

	for (text += 2; *text; text += 2) {
		char pair[3] = { text[0], text[1] };

		bytes[n++] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return n;
}

static size_t md5_response(uint8_t id, const char *secret, const uint8_t *challenge, size_t len, char *text)
{
	struct md5_ctx md5;
	uint8_t digest[MD5_DIGEST_SIZE];

	md5_init(&md5);
	md5_update(&md5, 1, &id);
	md5_update(&md5, strlen(secret), (const uint8_t *)secret);
	md5_update(&md5, len, challenge);
	md5_digest(&md5, sizeof(digest), digest);
	hex(text, digest, sizeof(digest));
	return sizeof(digest);
}

/* Up to the challenge, which is returned in challenge[32], with MD5. */
static struct host *chap_begin(struct fixture *f, uint8_t *challenge, uint8_t *id)
{
	struct host *h = host_connect(f);

	host_login_request(h, SECURITY_TO_OPERATIONAL, TEXT(LOGIN_TEXT "AuthMethod=CHAP,None\0"));
	assert_int_equal(host_login_status(h), 0);
	assert_int_equal(h->bhs[BHS_FLAGS], SECURITY);
	expect_answer(h, "AuthMethod", "CHAP");
	host_login_request(h, SECURITY, TEXT("CHAP_A=99,5,7\0"));
	assert_int_equal(host_login_status(h), 0);
	expect_answer(h, "CHAP_A", "5");
	assert_int_equal(unhex(answer_of(h, "CHAP_C"), challenge), 32);
	*id = (uint8_t)atoi(answer_of(h, "CHAP_I"));
	return h;
}

/* The response, with whatever keys follow. Returns the status. */
static uint16_t chap_respond(struct host *h, const uint8_t *challenge, uint8_t id, const char *secret, const char *more,
			     size_t more_len)
{
	char text[4096], response[128];
	size_t len;

	md5_response(id, secret, challenge, 32, response);
	len = (size_t)sprintf(text, "CHAP_N=user%cCHAP_R=%s", 0, response) + 1;
	memcpy(text + len, more, more_len);
	host_login_request(h, SECURITY_TO_OPERATIONAL, text, len + more_len);
	return host_login_status(h);
}

static void chap_one_way(void **state)
{
	struct fixture *f = fixture_start(NULL, &user);
	uint8_t challenge[64], id;
	struct host *h = chap_begin(f, challenge, &id);

	(void)state;
	assert_int_equal(chap_respond(h, challenge, id, "secret of user", "", 0), 0);
	assert_int_equal(h->bhs[BHS_FLAGS], SECURITY_TO_OPERATIONAL);
	host_login_request(h, LOGIN_TO_FULL, NULL, 0);
	assert_int_equal(host_login_status(h), 0);
	host_expect_alive(h);
	host_close(h);
	fixture_stop(f);
}

static void chap_wrong_secret(void **state)
{
	struct fixture *f = fixture_start(NULL, &user);
	uint8_t challenge[64], id;
	struct host *h = chap_begin(f, challenge, &id);

	(void)state;
	assert_int_equal(chap_respond(h, challenge, id, "guess", "", 0), 0x0201);
	host_expect_closed(h);
	host_close(h);
	fixture_stop(f);
}

static void chap_cannot_be_skipped(void **state)
{
	struct fixture *f = fixture_start(NULL, &user);

	(void)state;
	expect_refusal(f, LOGIN_TO_FULL, TEXT(LOGIN_TEXT), 0x0201);
	expect_refusal(f, LOGIN_TO_FULL, TEXT(DISCOVERY_TEXT), 0x0201);
	expect_refusal(f, SECURITY_TO_OPERATIONAL, TEXT(LOGIN_TEXT), 0x0201);
	expect_refusal(f, SECURITY_TO_OPERATIONAL, TEXT(LOGIN_TEXT "AuthMethod=None\0"), 0x0201);
	fixture_stop(f);
}

static void chap_mutual(void **state)
{
	struct fixture *f = fixture_start(NULL, &mutual_user);
	uint8_t challenge[64], id, ours[16] = "ours to choose!";
	char text[256], c[128], expected[128];
	struct host *h = chap_begin(f, challenge, &id);
	size_t len;

	(void)state;
	hex(c, ours, sizeof(ours));
	len = (size_t)sprintf(text, "CHAP_I=200%cCHAP_C=%s", 0, c) + 1;
	assert_int_equal(chap_respond(h, challenge, id, "secret of user", text, len), 0);
	expect_answer(h, "CHAP_N", "target");
	md5_response(200, "secret of target", ours, sizeof(ours), expected);
	expect_answer(h, "CHAP_R", expected);
	host_close(h);
	fixture_stop(f);
}

static void chap_refuses_reflection(void **state)
{
	struct fixture *f = fixture_start(NULL, &mutual_user);
	uint8_t challenge[64], id;
	char text[256], c[128];
	struct host *h = chap_begin(f, challenge, &id);
	size_t len;

	(void)state;
	hex(c, challenge, 32);
	len = (size_t)sprintf(text, "CHAP_I=200%cCHAP_C=%s", 0, c) + 1;
	assert_int_equal(chap_respond(h, challenge, id, "secret of user", text, len), 0x0201);
	host_close(h);
	fixture_stop(f);
}

static void chap_refuses_one_secret_for_both(void **state)
{
	struct fixture *f = fixture_start(NULL, &careless_user);
	uint8_t challenge[64], id;
	struct host *h = chap_begin(f, challenge, &id);

	(void)state;
	assert_int_equal(chap_respond(h, challenge, id, "one secret", TEXT("CHAP_I=1\0CHAP_C=0x0102\0")), 0x0201);
	host_close(h);
	fixture_stop(f);
}

static void chap_bad_keys(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		uint16_t status;
	} cases[] = {
		{ TEXT("CHAP_N=user\0"), 0x0201 },
		{ TEXT("CHAP_N=user\0CHAP_R=0xzz\0"), 0x0201 },
		{ TEXT("CHAP_N=user\0CHAP_R=\0"), 0x0201 },
		{ TEXT("CHAP_N=nobody\0CHAP_R=0x00\0"), 0x0201 },
		{ TEXT("CHAP_N=user\0CHAP_N=user\0CHAP_R=0x00\0"), 0x0200 },
		{ TEXT("CHAP_N=user\0CHAP_R=0b!!!!\0"), 0x0201 },
		{ TEXT("CHAP_A=5\0"), 0x0201 },
		{ TEXT("CHAP_X=5\0"), 0x0200 },
	};
	struct fixture *f = fixture_start(NULL, &user);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		uint8_t challenge[64], id;
		struct host *h = chap_begin(f, challenge, &id);

		host_login_request(h, SECURITY_TO_OPERATIONAL, cases[i].text, cases[i].len);
		assert_int_equal(host_login_status(h), cases[i].status);
		host_expect_closed(h);
		host_close(h);
	}
	fixture_stop(f);
}

static void chap_no_common_algorithm(void **state)
{
	struct fixture *f = fixture_start(NULL, &user);
	struct host *h = host_connect(f);

	(void)state;
	host_login_request(h, SECURITY, TEXT(LOGIN_TEXT "AuthMethod=CHAP\0"));
	assert_int_equal(host_login_status(h), 0);
	host_login_request(h, SECURITY, TEXT("CHAP_A=1,2,3\0"));
	assert_int_equal(host_login_status(h), 0x0201);
	host_close(h);
	fixture_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(normal_session_in_one_step),
		cmocka_unit_test(stages_one_after_the_other),
		cmocka_unit_test(text_continues_over_requests),
		cmocka_unit_test(text_without_end_is_refused),
		cmocka_unit_test(refusals_have_their_status),
		cmocka_unit_test(unsupported_version),
		cmocka_unit_test(stage_cannot_go_back),
		cmocka_unit_test(garbage_is_dropped),
		cmocka_unit_test(login_has_a_time),
		cmocka_unit_test(logins_are_limited),
		cmocka_unit_test(sessions_are_limited),
		cmocka_unit_test(a_second_connection_is_refused),
		cmocka_unit_test(reinstatement_waits_for_the_old_tasks),
		cmocka_unit_test(two_reinstatements_at_once),
		cmocka_unit_test(commands_may_follow_in_the_same_segment),
		cmocka_unit_test(discovery_lists_the_portals),
		cmocka_unit_test(discovery_knows_text_and_logout_only),
		cmocka_unit_test(text_in_a_normal_session),
		cmocka_unit_test(long_text_comes_in_parts),
		cmocka_unit_test(chap_one_way),
		cmocka_unit_test(chap_wrong_secret),
		cmocka_unit_test(chap_cannot_be_skipped),
		cmocka_unit_test(chap_mutual),
		cmocka_unit_test(chap_refuses_reflection),
		cmocka_unit_test(chap_refuses_one_secret_for_both),
		cmocka_unit_test(chap_bad_keys),
		cmocka_unit_test(chap_no_common_algorithm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
