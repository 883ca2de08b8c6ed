/*
 * target_fixture.h - a real target on virtual loops, a RAM disk behind it, and hosts on raw sockets that may say
 * anything. Everything runs on one thread: fixture_pump() moves the loops, fixture_wait() moves the clock.
 */
#ifndef BRAID_TARGET_FIXTURE_H
#define BRAID_TARGET_FIXTURE_H

#include "unit.h"

#include "gateway/base/log.h"
#include "gateway/base/loop.h"
#include "target/pdu.h"
#include "target/target.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIXTURE __attribute__((unused)) /* not every test needs every helper */
#define TARGET_IQN "iqn.2026-11.org.example:unit"
#define HOST_IQN "iqn.2026-11.org.example:host"
#define DISK_BYTES 1048576
#define BLOCK 512
#define SEGMENT_MAX 262144

struct fixture {
	struct loop *control, *worker;
	struct target *target;
	struct lu lu; /* LUNs 0 and 300 */
	uint8_t disk[DISK_BYTES];
	bool hold; /* commands stay with the logical unit */
	struct scsi_cmd *held[8];
	size_t held_count, aborts, submits, resets;
	unsigned logins, refusals, ends;
	bool drained;
};

struct host {
	struct fixture *fixture;
	int fd;
	uint8_t isid;
	uint32_t cmd_sn, itt;
	uint16_t tsih;
	uint8_t bhs[BHS_LEN]; /* of the last PDU received */
	uint8_t data[SEGMENT_MAX];
	size_t data_len;
	uint32_t exp_cmd_sn, max_cmd_sn;
};

/* ---- the logical unit ---- */

static FIXTURE void disk_transfer(struct fixture *f, struct scsi_cmd *cmd)
{
	size_t offset = (size_t)get_be32(cmd->cdb + 2) * BLOCK, len = (size_t)get_be16(cmd->cdb + 7) * BLOCK;
	size_t moved = len < cmd->expected ? len : cmd->expected;

	assert_true(offset + len <= DISK_BYTES && moved <= cmd->capacity);
	if (cmd->cdb[0] == 0x28)
		memcpy(cmd->data, f->disk + offset, moved);
	else
		memcpy(f->disk + offset, cmd->data, moved);
	cmd->transfer = (uint32_t)len;
}

static FIXTURE void unit_submit(struct lu *lu, struct scsi_cmd *cmd)
{
	struct fixture *f = container_of(lu, struct fixture, lu);
	static const uint8_t inquiry[36] = { 0, 0, 6, 2, 31 };

	f->submits++;
	if (f->hold) {
		f->held[f->held_count++] = cmd;
		return;
	}
	switch (cmd->cdb[0]) {
	case 0x12:
		scsi_cmd_answer(cmd, inquiry, sizeof(inquiry), get_be16(cmd->cdb + 3));
		break;
	case 0x28:
	case 0x2a:
		disk_transfer(f, cmd);
		break;
	}
	scsi_cmd_done(cmd);
}

static FIXTURE void unit_abort(struct lu *lu, struct scsi_cmd *cmd)
{
	(void)cmd;
	container_of(lu, struct fixture, lu)->aborts++;
}

static const struct lu_ops unit_ops = { .submit = unit_submit, .abort = unit_abort };

/* The logical unit returns what it held. */
static FIXTURE void fixture_release(struct fixture *f)
{
	for (size_t i = 0; i < f->held_count; i++)
		scsi_cmd_done(f->held[i]);
	f->held_count = 0;
	f->hold = false;
}

static FIXTURE struct lu *find_lu(void *user, const struct target_nexus *nexus, uint16_t lun)
{
	struct fixture *f = user;

	assert_int_equal(nexus->worker, 0);
	return lun == 0 || lun == 300 ? &f->lu : NULL;
}

static FIXTURE size_t list_luns(void *user, const struct target_nexus *nexus, uint16_t *luns, size_t max)
{
	(void)user;
	(void)nexus;
	assert_true(max >= 2);
	luns[0] = 0;
	luns[1] = 300;
	return 2;
}

static FIXTURE void on_event(void *user, const struct target_event *event)
{
	struct fixture *f = user;

	f->logins += event->kind == TARGET_LOGIN;
	f->refusals += event->kind == TARGET_LOGIN_REFUSED;
	f->ends += event->kind == TARGET_SESSION_END;
}

static FIXTURE void on_reset(void *user, unsigned worker, uint16_t lun, void (*done)(void *arg), void *arg)
{
	(void)worker;
	(void)lun;
	((struct fixture *)user)->resets++;
	done(arg);
}

/* ---- the target ---- */

static FIXTURE void fixture_pump(struct fixture *f)
{
	for (int i = 0; i < 4; i++) {
		loop_advance(f->control, 0);
		loop_advance(f->worker, 0);
	}
}

static FIXTURE void fixture_wait(struct fixture *f, uint64_t us)
{
	loop_advance(f->control, us);
	loop_advance(f->worker, us);
	fixture_pump(f);
}

static FIXTURE struct fixture *fixture_start(const struct target_limits *limits, const struct target_user *user)
{
	static const struct target_portal portals[] = { { "127.0.0.1:0", 1 }, { "0.0.0.0:0", 2 } };
	static const struct target_ops ops = {
		.cmd_ctx_bytes = 24,
		.find_lu = find_lu,
		.list_luns = list_luns,
		.event = on_event,
		.reset = on_reset,
	};
	struct target_config config = {
		.iqn = TARGET_IQN,
		.portals = portals,
		.portal_count = ARRAY_COUNT(portals),
		.users = user,
		.user_count = user ? 1 : 0,
	};
	struct fixture *f = test_calloc(1, sizeof(*f));

	log_set_level(LOG_LEVEL_ERROR);
	if (limits)
		config.limits = *limits;
	f->lu.ops = &unit_ops;
	f->control = loop_create_virtual("control");
	f->worker = loop_create_virtual("worker");
	f->target = target_create(&config, f->control, &f->worker, 1, &ops, f);
	assert_non_null(f->target);
	assert_int_equal(target_listen(f->target), 0);
	return f;
}

static FIXTURE void fixture_stop(struct fixture *f)
{
	target_destroy(f->target);
	loop_destroy(f->worker);
	loop_destroy(f->control);
	test_free(f);
}

/* ---- a host ---- */

static FIXTURE struct host *host_connect(struct fixture *f)
{
	const struct net_address *address = target_portal_address(f->target, 0);
	struct host *h = test_calloc(1, sizeof(*h));
	int one = 1;

	h->fixture = f;
	h->cmd_sn = 100;
	h->isid = 1;
	h->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(setsockopt(h->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), 0);
	assert_int_equal(connect(h->fd, (const struct sockaddr *)&address->storage, address->len), 0);
	assert_int_equal(fcntl(h->fd, F_SETFL, O_NONBLOCK), 0);
	fixture_pump(f);
	return h;
}

static FIXTURE void host_close(struct host *h)
{
	close(h->fd);
	fixture_pump(h->fixture);
	test_free(h);
}

static FIXTURE void host_write(struct host *h, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len) {
		ssize_t n = send(h->fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			fixture_pump(h->fixture);
			continue;
		}
		if (n < 0)
			return; /* the target has closed: the test finds out when it reads */
		p += n;
		len -= (size_t)n;
	}
	fixture_pump(h->fixture);
}

static FIXTURE void host_send(struct host *h, uint8_t *bhs, const void *data, size_t len)
{
	static const uint8_t zeros[4];
	uint8_t *pdu = test_malloc(BHS_LEN + len + 4);

	put_be24(bhs + BHS_DATA_LEN, (uint32_t)len);
	memcpy(pdu, bhs, BHS_LEN);
	if (len)
		memcpy(pdu + BHS_LEN, data, len);
	memcpy(pdu + BHS_LEN + len, zeros, pad4(len));
	host_write(h, pdu, BHS_LEN + len + pad4(len));
	test_free(pdu);
}

/* 1: read, 0: the connection is closed, -1: nothing comes. */
static FIXTURE int host_read(struct host *h, uint8_t *bytes, size_t len)
{
	for (int idle = 0; len && idle < 20;) {
		ssize_t n = recv(h->fd, bytes, len, 0);

		if (n == 0 || (n < 0 && errno != EAGAIN))
			return 0;
		if (n < 0) {
			idle++;
			fixture_pump(h->fixture);
			continue;
		}
		bytes += n;
		len -= (size_t)n;
	}
	return len ? -1 : 1;
}

static FIXTURE int host_receive(struct host *h)
{
	uint8_t padding[4];
	int rc = host_read(h, h->bhs, BHS_LEN);

	if (rc <= 0)
		return rc;
	h->data_len = get_be24(h->bhs + BHS_DATA_LEN);
	assert_true(h->data_len <= sizeof(h->data));
	assert_true(host_read(h, h->data, h->data_len) != 0);
	assert_true(host_read(h, padding, pad4(h->data_len)) != 0);
	h->exp_cmd_sn = get_be32(h->bhs + BHS_EXP_CMD_SN);
	h->max_cmd_sn = get_be32(h->bhs + BHS_MAX_CMD_SN);
	return 1;
}

static FIXTURE void host_expect(struct host *h, enum pdu_opcode opcode)
{
	assert_int_equal(host_receive(h), 1);
	assert_int_equal(pdu_opcode(h->bhs), opcode);
}

static FIXTURE void host_expect_nothing(struct host *h)
{
	assert_int_equal(host_receive(h), -1);
}

static FIXTURE void host_expect_closed(struct host *h)
{
	assert_int_equal(host_receive(h), 0);
}

/* One login request; text is "key=value\0..." of len bytes. */
static FIXTURE void host_login_request(struct host *h, uint8_t flags, const char *text, size_t len)
{
	uint8_t bhs[BHS_LEN] = { PDU_LOGIN_REQUEST | PDU_IMMEDIATE, flags };

	bhs[LOGIN_ISID] = 0x80;
	bhs[LOGIN_ISID + 5] = h->isid;
	put_be16(bhs + LOGIN_TSIH, h->tsih);
	put_be32(bhs + BHS_ITT, 1);
	put_be32(bhs + BHS_CMD_SN, h->cmd_sn);
	host_send(h, bhs, text, len);
}

static FIXTURE uint16_t host_login_status(struct host *h)
{
	host_expect(h, PDU_LOGIN_RESPONSE);
	return get_be16(h->bhs + LOGIN_STATUS);
}

/* Straight to full feature phase. */
#define LOGIN_TO_FULL (LOGIN_TRANSIT | 1 << 2 | 3)
#define LOGIN_TEXT "InitiatorName=" HOST_IQN "\0TargetName=" TARGET_IQN "\0SessionType=Normal\0"

static FIXTURE struct host *host_login_text(struct fixture *f, uint8_t isid, const char *text, size_t len)
{
	struct host *h = host_connect(f);

	h->isid = isid;
	host_login_request(h, LOGIN_TO_FULL, text, len);
	assert_int_equal(host_login_status(h), 0);
	h->tsih = get_be16(h->bhs + LOGIN_TSIH);
	assert_int_not_equal(h->tsih, 0);
	fixture_pump(f);
	return h;
}

#define host_login(f, isid, keys) host_login_text(f, isid, LOGIN_TEXT keys, sizeof(LOGIN_TEXT keys) - 1)

/* A SCSI command with the CDB's first bytes; flags without PDU_FINAL leave it clear. Returns its task tag. */
static FIXTURE uint32_t host_command(struct host *h, uint8_t flags, const uint8_t *cdb, size_t cdb_len,
				     uint32_t expected, const void *data, size_t data_len)
{
	uint8_t bhs[BHS_LEN] = { PDU_SCSI_COMMAND, flags };

	put_be32(bhs + BHS_ITT, ++h->itt);
	put_be32(bhs + COMMAND_EXPECTED, expected);
	put_be32(bhs + BHS_CMD_SN, h->cmd_sn++);
	memcpy(bhs + COMMAND_CDB, cdb, cdb_len);
	host_send(h, bhs, data, data_len);
	return h->itt;
}

/* READ(10) or WRITE(10) of `blocks` blocks from 0. */
static FIXTURE uint32_t host_io(struct host *h, uint8_t opcode, uint8_t flags, uint16_t blocks, uint32_t expected,
				const void *data, size_t data_len)
{
	uint8_t cdb[10] = { opcode };

	put_be16(cdb + 7, blocks);
	return host_command(h, flags, cdb, sizeof(cdb), expected, data, data_len);
}

static FIXTURE void host_data_out(struct host *h, uint32_t itt, uint32_t ttt, uint32_t data_sn, uint32_t offset,
				  bool final, const void *data, size_t len)
{
	uint8_t bhs[BHS_LEN] = { PDU_DATA_OUT, final ? PDU_FINAL : 0 };

	put_be32(bhs + BHS_ITT, itt);
	put_be32(bhs + BHS_TTT, ttt);
	put_be32(bhs + BHS_DATA_SN, data_sn);
	put_be32(bhs + BHS_OFFSET, offset);
	host_send(h, bhs, data, len);
}

static FIXTURE void host_task_management(struct host *h, uint8_t function, uint32_t ref_itt, uint32_t ref_sn)
{
	uint8_t bhs[BHS_LEN] = { PDU_TASK_REQUEST | PDU_IMMEDIATE, PDU_FINAL | function };

	put_be32(bhs + BHS_ITT, ++h->itt);
	put_be32(bhs + TASK_REF_ITT, ref_itt);
	put_be32(bhs + TASK_REF_CMD_SN, ref_sn);
	put_be32(bhs + BHS_CMD_SN, h->cmd_sn);
	host_send(h, bhs, NULL, 0);
}

static FIXTURE uint16_t host_sense_asc(const struct host *h)
{
	assert_int_equal(h->bhs[RESPONSE_STATUS], SCSI_CHECK_CONDITION);
	assert_true(h->data_len >= 2 + 14);
	return get_be16(h->data + 2 + 12);
}

/* The unit attention that every new nexus meets. */
static FIXTURE void host_clear_attention(struct host *h)
{
	static const uint8_t test_unit_ready[6];

	host_command(h, PDU_FINAL, test_unit_ready, 6, 0, NULL, 0);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(host_sense_asc(h), 0x2900);
}

/* The target still serves: a ping comes back. */
static FIXTURE void host_expect_alive(struct host *h)
{
	uint8_t bhs[BHS_LEN] = { PDU_NOP_OUT | PDU_IMMEDIATE, PDU_FINAL };

	put_be32(bhs + BHS_ITT, ++h->itt);
	put_be32(bhs + BHS_TTT, PDU_TAG_NONE);
	put_be32(bhs + BHS_CMD_SN, h->cmd_sn);
	host_send(h, bhs, "ping", 4);
	host_expect(h, PDU_NOP_IN);
	assert_int_equal(h->data_len, 4);
	assert_memory_equal(h->data, "ping", 4);
}

#endif
