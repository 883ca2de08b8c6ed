/*
 * negotiation HOST PORT IQN - logs in to a target in every way of negotiations[], one connection each, and uses what
 * was agreed on. Writes to LUN 0.
 *
 * One line a case; exit status 1 when one has failed.
 */
#include "tests/conformance/negotiation.h"

#include "gateway/base/bytes.h"
#include "tests/conformance/exercise.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 16384
#define HOST_IQN "iqn.2026-11.org.example:negotiation"
#define SEPARATOR ';'

struct text {
	char bytes[TEXT_MAX];
	size_t len;
};

struct run {
	const struct negotiation *negotiation;
	const char *iqn;
	struct wire wire;
	uint8_t isid;
	uint32_t text_ttt;
	struct text said, heard; /* "Key=Value", each with its NUL: of all steps of the login; of the last answer */
	struct agreed agreed;
	char error[320];
};

/* ---- text ---- */

static void text_add(struct text *text, const char *bytes, size_t len)
{
	if (len >= TEXT_MAX - text->len)
		len = TEXT_MAX - text->len - 1;
	memcpy(text->bytes + text->len, bytes, len);
	text->len += len;
	text->bytes[text->len] = '\0';
}

/* "a=b;c=d": one string with NULs on the wire. */
static void text_add_keys(struct text *text, const char *keys)
{
	while (*keys) {
		size_t len = strcspn(keys, ";");

		text_add(text, keys, len);
		text_add(text, "", 1);
		keys += len + (keys[len] == SEPARATOR);
	}
}

/* The first value of a key, and how often it is there. */
static const char *text_find(const struct text *text, const char *key, size_t key_len, unsigned *count)
{
	const char *value = NULL;

	*count = 0;
	for (const char *at = text->bytes; at < text->bytes + text->len; at += strlen(at) + 1)
		if (strncmp(at, key, key_len) == 0 && at[key_len] == '=' && ++*count == 1)
			value = at + key_len + 1;
	return value;
}

/* ---- what is expected ---- */

static bool one_of(const char *value, const char *wanted, size_t len)
{
	while (len) {
		size_t n = strcspn(wanted, "|");

		n = n < len ? n : len;
		if ((n == 1 && *wanted == '*') || (strlen(value) == n && strncmp(value, wanted, n) == 0))
			return true;
		wanted += n + (n < len);
		len -= n + (n < len);
	}
	return false;
}

/* One "Key=A|B", "Key<=N" or "!Key" of len bytes. */
static bool is_met(const struct text *heard, const char *expect, size_t len)
{
	bool absent = *expect == '!';
	size_t key_len = absent ? len - 1 : strcspn(expect, "<=");
	const char *value, *wanted = expect + key_len;
	unsigned count;

	value = text_find(heard, expect + absent, key_len, &count);
	if (absent || !value)
		return absent && !value;
	if (count > 1 && strcmp(value, "Reject") != 0) /* a refusal, and then the target's own declaration */
		return false;
	if (*wanted == '<') /* what was asked for is not refused */
		return *value >= '0' && *value <= '9' && strtoull(value, NULL, 0) <= strtoull(wanted + 2, NULL, 10);
	return one_of(value, wanted + 1, len - key_len - 1);
}

static bool check_expected(struct run *run, const char *expect)
{
	while (expect && *expect) {
		size_t len = strcspn(expect, ";");

		if (!is_met(&run->heard, expect, len)) {
			for (size_t i = 0; i + 1 < run->heard.len; i++)
				if (!run->heard.bytes[i])
					run->heard.bytes[i] = ' ';
			snprintf(run->error, sizeof(run->error), "want %.*s, heard \"%.200s\"", (int)len, expect,
				 run->heard.bytes);
			return false;
		}
		expect += len + (expect[len] == SEPARATOR);
	}
	return true;
}

/* ---- what was agreed on ---- */

/* The answer to a key; for a key that only one side declares, look where that side has said it. */
static const char *agreed_value(const struct text *text, const char *key)
{
	unsigned count;
	const char *value = text_find(text, key, strlen(key), &count);
	static const char *const none[] = { "Reject", "Irrelevant", "NotUnderstood" };

	for (size_t i = 0; value && i < sizeof(none) / sizeof(none[0]); i++)
		if (strcmp(value, none[i]) == 0)
			return NULL;
	return value;
}

static void agree_number(const struct text *text, const char *key, uint32_t *number)
{
	const char *value = agreed_value(text, key);

	if (value)
		*number = (uint32_t)strtoul(value, NULL, 0);
}

static void agree_word(const struct text *text, const char *key, const char *word, bool *is)
{
	const char *value = agreed_value(text, key);

	if (value)
		*is = strcmp(value, word) == 0;
}

static void agree(struct run *run)
{
	struct agreed *agreed = &run->agreed;
	const struct text *heard = &run->heard;
	uint32_t ours = 0;
	unsigned count;
	const char *answer = text_find(heard, "MaxRecvDataSegmentLength", 24, &count);

	agree_word(heard, "InitialR2T", "Yes", &agreed->initial_r2t);
	agree_word(heard, "ImmediateData", "Yes", &agreed->immediate_data);
	agree_word(heard, "HeaderDigest", "CRC32C", &agreed->header_digest);
	agree_word(heard, "DataDigest", "CRC32C", &agreed->data_digest);
	agree_number(heard, "MaxRecvDataSegmentLength", &agreed->max_recv_target);
	agree_number(heard, "MaxBurstLength", &agreed->max_burst);
	agree_number(heard, "FirstBurstLength", &agreed->first_burst);
	agree_number(heard, "MaxOutstandingR2T", &agreed->max_r2t);
	agree_number(&run->said, "MaxRecvDataSegmentLength", &ours);
	if (ours >= 512 && ours <= 0xffffff && !(answer && strcmp(answer, "Reject") == 0))
		agreed->max_recv_initiator = ours;
	if (agreed->first_burst > agreed->max_burst)
		agreed->first_burst = agreed->max_burst;
}

static const struct agreed defaults = {
	.initial_r2t = true,
	.immediate_data = true,
	.max_recv_target = 8192,
	.max_recv_initiator = 8192,
	.max_burst = 262144,
	.first_burst = 65536,
	.max_r2t = 1,
};

/* ---- steps ---- */

static void send_login(struct run *run, const struct step *step, const struct text *text)
{
	uint8_t bhs[WIRE_BHS] = { LOGIN_REQUEST | IMMEDIATE, step->flags, step->version, step->version };

	bhs[AT_LUN] = 0x80; /* the ISID: a random one */
	bhs[AT_LUN + 4] = run->isid;
	bhs[AT_LUN + 5] = step->other_isid;
	put_be16(bhs + AT_TSIH, step->tsih);
	put_be32(bhs + AT_ITT, 1);
	put_be32(bhs + AT_CMD_SN, run->wire.cmd_sn);
	wire_send(&run->wire, bhs, text->bytes, text->len);
}

static void send_text(struct run *run, const struct step *step, const struct text *text)
{
	uint8_t bhs[WIRE_BHS] = { TEXT_REQUEST, step->flags };

	put_be32(bhs + AT_ITT, ++run->wire.itt);
	put_be32(bhs + AT_TTT, run->text_ttt);
	put_be32(bhs + AT_CMD_SN, run->wire.cmd_sn++);
	wire_send(&run->wire, bhs, text->bytes, text->len);
}

/* The outcome of the step that has just been sent. */
static uint16_t step_outcome(struct run *run, const struct step *step)
{
	enum wire_result result = wire_receive(&run->wire);
	uint8_t opcode = wire_opcode(&run->wire);

	if (result != WIRE_PDU)
		return result == WIRE_CLOSED ? CLOSED : 0xffff;
	if (opcode == REJECT)
		return REJECTED;
	if (opcode != (step->kind == LOGIN ? LOGIN_RESPONSE : TEXT_RESPONSE))
		return 0xffff;
	if (step->kind == LOGIN)
		return get_be16(run->wire.bhs + AT_STATUS);
	run->text_ttt = get_be32(run->wire.bhs + AT_TTT);
	return ANSWERED;
}

static bool take_answer(struct run *run, const struct step *step)
{
	if (run->wire.bhs[AT_FLAGS] != step->answer) {
		snprintf(run->error, sizeof(run->error), "flags 0x%02x instead of 0x%02x", run->wire.bhs[AT_FLAGS],
			 step->answer);
		return false;
	}
	run->heard.len = 0;
	text_add(&run->heard, (const char *)run->wire.data, run->wire.len);
	agree(run);
	return check_expected(run, step->expect);
}

static bool run_step(struct run *run, const struct step *step, bool is_first)
{
	static const char *const session_types[] = { [NORMAL] = "Normal", [DISCOVERY] = "Discovery" };
	enum names names = run->negotiation->names;
	char who[512];
	struct text text = { .len = 0 };
	uint16_t outcome;

	if (is_first && names != BARE) {
		snprintf(who, sizeof(who), "InitiatorName=%s;%s%s;SessionType=%s", HOST_IQN,
			 names == NORMAL ? "TargetName=" : "", names == NORMAL ? run->iqn : "", session_types[names]);
		text_add_keys(&text, who);
	}
	text_add_keys(&text, step->keys);
	text_add(&run->said, text.bytes, text.len);
	if (step->kind == LOGIN)
		send_login(run, step, &text);
	else
		send_text(run, step, &text);
	outcome = step_outcome(run, step);
	if (outcome != step->outcome) {
		snprintf(run->error, sizeof(run->error), "outcome 0x%04x instead of 0x%04x", outcome, step->outcome);
		return false;
	}
	return outcome != ANSWERED || take_answer(run, step);
}

/* ---- cases ---- */

/* After a refusal the target closes (RFC 7143 6.3.1); a session of which all was agreed on has to work. */
static bool check_end(struct run *run, const struct step *last)
{
	const char *error = NULL;

	if (last->kind == LOGIN && last->outcome != ANSWERED && last->outcome != CLOSED)
		error = wire_receive(&run->wire) == WIRE_CLOSED ? NULL : "the connection stays open";
	else if (run->negotiation->names == NORMAL && last->outcome != CLOSED)
		error = exercise(&run->wire, &run->agreed);
	if (error)
		snprintf(run->error, sizeof(run->error), "%s", error);
	return !error;
}

static bool run_steps(struct run *run)
{
	const struct step *step = run->negotiation->steps, *last = step;

	for (unsigned i = 0; i < STEPS_MAX && step[i].keys; i++) {
		last = &step[i];
		if (!run_step(run, last, i == 0))
			return false;
		if (last->kind == LOGIN && last->outcome == ANSWERED && (last->answer & (T | 3)) == (T | 3)) {
			run->wire.header_digest = run->agreed.header_digest;
			run->wire.data_digest = run->agreed.data_digest;
		}
	}
	return check_end(run, last);
}

static bool run_negotiation(struct run *run, const struct addrinfo *address)
{
	bool ok;

	run->said.len = run->heard.len = 0;
	run->text_ttt = TAG_NONE;
	run->agreed = defaults;
	run->isid++;
	*run->error = '\0';
	if (wire_open(&run->wire, address->ai_addr, address->ai_addrlen) < 0) {
		snprintf(run->error, sizeof(run->error), "no connection");
		return false;
	}
	ok = run_steps(run);
	wire_close(&run->wire);
	return ok;
}

int main(int argc, char **argv)
{
	static struct run run;
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM }, *address;
	unsigned failed = 0;

	if (argc != 4 || getaddrinfo(argv[1], argv[2], &hints, &address) != 0) {
		fprintf(stderr, "usage: %s ADDRESS PORT IQN\n", argv[0]);
		return 2;
	}
	run.iqn = argv[3];
	for (size_t i = 0; i < negotiation_count; i++) {
		run.negotiation = &negotiations[i];
		if (run_negotiation(&run, address)) {
			printf("ok RFC 7143 %s: %s\n", run.negotiation->section, run.negotiation->about);
			continue;
		}
		failed++;
		printf("not ok RFC 7143 %s: %s: %s\n", run.negotiation->section, run.negotiation->about, run.error);
	}
	freeaddrinfo(address);
	printf("%zu cases, %u failed\n", negotiation_count, failed);
	return failed != 0;
}
