#include "tests/conformance/exercise.h"

#include "gateway/base/bytes.h"

#include <poll.h>
#include <string.h>

#define BYTES 65536
#define BLOCK 512
#define READ_10 0x28
#define WRITE_10 0x2a
#define FLAG_READ 0x40
#define FLAG_WRITE 0x20
#define FLAG_STATUS 0x01
#define ATTR_SIMPLE 0x01
#define GATHER_MS 20 /* how long to wait for an R2T more than are allowed */
#define R2T_KEPT 64

enum { AT_SCSI_STATUS = 3, AT_EXPECTED = 20, AT_CDB = 32, AT_DATA_SN = 36, AT_OFFSET = 40, AT_DESIRED = 44 };

struct transfer {
	struct wire *wire;
	const struct agreed *agreed;
	uint32_t itt;
	uint8_t bytes[BYTES];
	struct {
		uint32_t ttt, offset, len;
	} asked[R2T_KEPT]; /* R2Ts not served yet */
	unsigned asked_count;
	uint32_t asked_until, r2t_sn;
};

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void send_command(struct transfer *t, uint8_t flags, uint8_t opcode, uint32_t immediate)
{
	uint8_t bhs[WIRE_BHS] = { SCSI_COMMAND, (uint8_t)(flags | ATTR_SIMPLE) };

	t->itt = ++t->wire->itt;
	put_be32(bhs + AT_ITT, t->itt);
	put_be32(bhs + AT_CMD_SN, t->wire->cmd_sn++);
	if (opcode) {
		put_be32(bhs + AT_EXPECTED, BYTES);
		bhs[AT_CDB] = opcode;
		put_be16(bhs + AT_CDB + 7, BYTES / BLOCK);
	}
	wire_send(t->wire, bhs, t->bytes, immediate);
}

/* The next PDU, which has to be about this command. */
static const char *receive(struct transfer *t)
{
	switch (wire_receive(t->wire)) {
	case WIRE_PDU:
		break;
	case WIRE_CLOSED:
		return "the connection was closed during a command";
	case WIRE_SILENT:
		return "a command has no answer";
	default:
		return "a PDU with a wrong digest or length";
	}
	if (wire_opcode(t->wire) == REJECT)
		return "a PDU of a command was rejected";
	return get_be32(t->wire->bhs + AT_ITT) == t->itt ? NULL : "a PDU about another task";
}

static const char *check_status(const uint8_t *bhs)
{
	if (bhs[AT_SCSI_STATUS])
		return "a command ended with an error";
	return bhs[AT_FLAGS] & 0x06 ? "a residual where there is none" : NULL;
}

/* A new session meets unit attentions. */
static const char *get_ready(struct transfer *t)
{
	for (int tries = 0; tries < 8; tries++) {
		const char *error;

		send_command(t, FINAL, 0, 0);
		error = receive(t);
		if (error)
			return error;
		if (wire_opcode(t->wire) == SCSI_RESPONSE && !t->wire->bhs[AT_SCSI_STATUS])
			return NULL;
	}
	return "the logical unit does not become ready";
}

/* ---- writing ---- */

/* The bytes from `from` to `until` as one sequence. */
static void send_data(struct transfer *t, uint32_t ttt, uint32_t from, uint32_t until)
{
	for (uint32_t sn = 0; from < until; sn++) {
		uint32_t n = min_u32(until - from, t->agreed->max_recv_target);
		uint8_t bhs[WIRE_BHS] = { DATA_OUT, from + n == until ? FINAL : 0 };

		put_be32(bhs + AT_ITT, t->itt);
		put_be32(bhs + AT_TTT, ttt);
		put_be32(bhs + AT_DATA_SN, sn);
		put_be32(bhs + AT_OFFSET, from);
		wire_send(t->wire, bhs, t->bytes + from, n);
		from += n;
	}
}

/* RFC 7143 11.8 */
static const char *take_r2t(struct transfer *t)
{
	const uint8_t *bhs = t->wire->bhs;
	uint32_t offset = get_be32(bhs + AT_OFFSET), len = get_be32(bhs + AT_DESIRED);

	if (get_be32(bhs + AT_DATA_SN) != t->r2t_sn++)
		return "R2TSN out of order";
	if (get_be32(bhs + AT_TTT) == TAG_NONE)
		return "an R2T without a target transfer tag";
	if (offset != t->asked_until || !len || len > BYTES - offset)
		return "an R2T for data that is not the next";
	if (len > t->agreed->max_burst)
		return "an R2T for more than MaxBurstLength";
	if (t->asked_count == t->agreed->max_r2t || t->asked_count == R2T_KEPT)
		return "more R2Ts than MaxOutstandingR2T";
	t->asked[t->asked_count].ttt = get_be32(bhs + AT_TTT);
	t->asked[t->asked_count].offset = offset;
	t->asked[t->asked_count++].len = len;
	t->asked_until = offset + len;
	return NULL;
}

static bool more_comes(const struct wire *wire, int ms)
{
	struct pollfd fd = { wire->fd, POLLIN, 0 };

	return poll(&fd, 1, ms) > 0;
}

static void serve_r2t(struct transfer *t)
{
	send_data(t, t->asked[0].ttt, t->asked[0].offset, t->asked[0].offset + t->asked[0].len);
	memmove(&t->asked[0], &t->asked[1], --t->asked_count * sizeof(t->asked[0]));
}

static const char *write_all(struct transfer *t)
{
	const struct agreed *agreed = t->agreed;
	uint32_t first = min_u32(agreed->first_burst, BYTES);
	uint32_t immediate = agreed->immediate_data ? min_u32(first, agreed->max_recv_target) : 0;
	uint32_t unsolicited = agreed->initial_r2t ? immediate : first;
	int wait_ms = agreed->max_burst >= 4096 ? GATHER_MS : 0;
	const char *error;

	send_command(t, (uint8_t)(FLAG_WRITE | (unsolicited == immediate ? FINAL : 0)), WRITE_10, immediate);
	send_data(t, TAG_NONE, immediate, unsolicited);
	t->asked_until = unsolicited;
	for (;;) {
		error = receive(t);
		if (error || wire_opcode(t->wire) == SCSI_RESPONSE)
			break;
		if (wire_opcode(t->wire) != R2T)
			return "neither R2T nor response";
		error = take_r2t(t);
		if (error)
			return error;
		while (t->asked_count && !more_comes(t->wire, wait_ms))
			serve_r2t(t);
	}
	if (error)
		return error;
	return t->asked_until < BYTES || t->asked_count ? "a response before all data" : check_status(t->wire->bhs);
}

/* ---- reading ---- */

static const char *take_data_in(struct transfer *t, uint32_t sn, uint32_t *at, uint32_t *burst)
{
	const struct wire *wire = t->wire;

	if (get_be32(wire->bhs + AT_DATA_SN) != sn)
		return "DataSN out of order";
	if (get_be32(wire->bhs + AT_OFFSET) != *at || wire->len > BYTES - *at)
		return "Data-In that is not the next";
	if (wire->len > t->agreed->max_recv_initiator)
		return "Data-In beyond MaxRecvDataSegmentLength";
	if (memcmp(wire->data, t->bytes + *at, wire->len) != 0)
		return "other data came back";
	*at += (uint32_t)wire->len;
	*burst += (uint32_t)wire->len;
	if (*burst > t->agreed->max_burst)
		return "a Data-In sequence beyond MaxBurstLength";
	if (wire->bhs[AT_FLAGS] & FINAL)
		*burst = 0;
	return NULL;
}

static const char *read_all(struct transfer *t)
{
	uint32_t at = 0, burst = 0;

	send_command(t, FLAG_READ | FINAL, READ_10, 0);
	for (uint32_t sn = 0;; sn++) {
		const char *error = receive(t);

		if (error)
			return error;
		if (wire_opcode(t->wire) == SCSI_RESPONSE)
			break;
		if (wire_opcode(t->wire) != DATA_IN)
			return "neither Data-In nor response";
		error = take_data_in(t, sn, &at, &burst);
		if (error)
			return error;
		if (t->wire->bhs[AT_FLAGS] & FLAG_STATUS)
			break;
	}
	return at < BYTES ? "not all data came" : check_status(t->wire->bhs);
}

const char *exercise(struct wire *wire, const struct agreed *agreed)
{
	static struct transfer t;
	static uint32_t seed;
	const char *error;

	t = (struct transfer){ .wire = wire, .agreed = agreed };
	for (size_t i = 0; i < BYTES; i++)
		t.bytes[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
	error = get_ready(&t);
	if (!error)
		error = write_all(&t);
	return error ? error : read_all(&t);
}
