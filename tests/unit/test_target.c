#include "target_fixture.h"

#include "target/crc32c.h"

#include <stdlib.h>

#define WRITE_FINAL (PDU_FINAL | COMMAND_WRITE)
#define READ_FINAL (PDU_FINAL | COMMAND_READ)
#define READ_10 0x28
#define WRITE_10 0x2a
#define ASC_LUN_NOT_SUPPORTED 0x2500

static uint8_t pattern[SEGMENT_MAX];

/* A session beyond its first unit attention. */
#define start_host(f, isid, keys) clear_attention(host_login(f, isid, keys))

static struct host *clear_attention(struct host *h)
{
	host_clear_attention(h);
	return h;
}

static uint32_t residual(const struct host *h)
{
	return get_be32(h->bhs + RESPONSE_RESIDUAL);
}

/* ---- data in ---- */

static void read_ends_with_status_in_data(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "");

	(void)state;
	memcpy(f->disk, pattern, 4096);
	host_io(h, READ_10, READ_FINAL, 8, 4096, NULL, 0);
	host_expect(h, PDU_DATA_IN);
	assert_int_equal(h->bhs[BHS_FLAGS], PDU_FINAL | DATA_IN_HAS_STATUS);
	assert_int_equal(h->data_len, 4096);
	assert_memory_equal(h->data, pattern, 4096);
	assert_int_equal(h->exp_cmd_sn, h->cmd_sn);
	assert_int_equal(h->max_cmd_sn, h->cmd_sn + 255);
	host_close(h);
	fixture_stop(f);
}

static void read_is_cut_into_segments_and_bursts(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "MaxRecvDataSegmentLength=1024\0MaxBurstLength=3072\0");
	uint32_t offset = 0;

	(void)state;
	memcpy(f->disk, pattern, 8192);
	host_io(h, READ_10, READ_FINAL, 16, 8192, NULL, 0);
	for (uint32_t sn = 0; offset < 8192; sn++) {
		bool last = offset + 1024 == 8192, end = last || (offset + 1024) % 3072 == 0;

		host_expect(h, PDU_DATA_IN);
		assert_int_equal(h->data_len, 1024);
		assert_int_equal(get_be32(h->bhs + BHS_DATA_SN), sn);
		assert_int_equal(get_be32(h->bhs + BHS_OFFSET), offset);
		assert_int_equal(!!(h->bhs[BHS_FLAGS] & PDU_FINAL), end);
		assert_int_equal(!!(h->bhs[BHS_FLAGS] & DATA_IN_HAS_STATUS), last);
		assert_memory_equal(h->data, pattern + offset, 1024);
		offset += 1024;
	}
	host_expect_nothing(h);
	host_close(h);
	fixture_stop(f);
}

static void residuals(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "");

	(void)state;
	host_io(h, READ_10, READ_FINAL, 1, 1000, NULL, 0);
	host_expect(h, PDU_DATA_IN);
	assert_int_equal(h->data_len, 512);
	assert_true(h->bhs[BHS_FLAGS] & RESIDUAL_UNDERFLOW);
	assert_int_equal(residual(h), 488);
	host_io(h, READ_10, READ_FINAL, 2, 100, NULL, 0);
	host_expect(h, PDU_DATA_IN);
	assert_int_equal(h->data_len, 100);
	assert_true(h->bhs[BHS_FLAGS] & RESIDUAL_OVERFLOW);
	assert_int_equal(residual(h), 924);
	host_io(h, READ_10, READ_FINAL, 2, 1024, NULL, 0);
	host_expect(h, PDU_DATA_IN);
	assert_false(h->bhs[BHS_FLAGS] & (RESIDUAL_OVERFLOW | RESIDUAL_UNDERFLOW));
	host_close(h);
	fixture_stop(f);
}

static void a_read_longer_than_the_limit_is_bounded(void **state)
{
	struct target_limits limits = { .transfer_bytes = 4096 };
	struct fixture *f = fixture_start(&limits, NULL);
	struct host *h = start_host(f, 1, "");

	(void)state;
	host_io(h, READ_10, READ_FINAL, 8, 0xffffffff, NULL, 0);
	host_expect(h, PDU_DATA_IN);
	assert_int_equal(h->data_len, 4096);
	assert_int_equal(residual(h), 0xffffffff - 4096);
	host_close(h);
	fixture_stop(f);
}

/* ---- data out ---- */

static void write_with_immediate_data(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "");

	(void)state;
	host_io(h, WRITE_10, WRITE_FINAL, 8, 4096, pattern, 4096);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(h->bhs[RESPONSE_STATUS], SCSI_GOOD);
	assert_memory_equal(f->disk, pattern, 4096);
	host_close(h);
	fixture_stop(f);
}

/* The R2T that is due, checked. */
static uint32_t expect_r2t(struct host *h, uint32_t sn, uint32_t offset, uint32_t len)
{
	host_expect(h, PDU_R2T);
	assert_int_equal(get_be32(h->bhs + BHS_DATA_SN), sn);
	assert_int_equal(get_be32(h->bhs + BHS_OFFSET), offset);
	assert_int_equal(get_be32(h->bhs + R2T_LENGTH), len);
	return pdu_ttt(h->bhs);
}

static void write_on_request(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "ImmediateData=No\0MaxBurstLength=4096\0MaxOutstandingR2T=2\0");
	uint32_t itt = host_io(h, WRITE_10, WRITE_FINAL, 20, 10240, NULL, 0), ttt[3];

	(void)state;
	ttt[0] = expect_r2t(h, 0, 0, 4096);
	ttt[1] = expect_r2t(h, 1, 4096, 4096);
	host_expect_nothing(h);
	host_data_out(h, itt, ttt[0], 0, 0, false, pattern, 2048);
	host_data_out(h, itt, ttt[0], 1, 2048, true, pattern + 2048, 2048);
	ttt[2] = expect_r2t(h, 2, 8192, 2048);
	host_data_out(h, itt, ttt[1], 0, 4096, true, pattern + 4096, 4096);
	host_data_out(h, itt, ttt[2], 0, 8192, true, pattern + 8192, 2048);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(h->bhs[RESPONSE_STATUS], SCSI_GOOD);
	assert_int_equal(get_be32(h->bhs + RESPONSE_EXP_DATA_SN), 3);
	assert_memory_equal(f->disk, pattern, 10240);
	host_close(h);
	fixture_stop(f);
}

static void write_unsolicited_then_on_request(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "InitialR2T=No\0FirstBurstLength=4096\0");
	uint32_t itt = host_io(h, WRITE_10, COMMAND_WRITE, 16, 8192, pattern, 1024), ttt;

	(void)state;
	host_expect_nothing(h);
	host_data_out(h, itt, PDU_TAG_NONE, 0, 1024, false, pattern + 1024, 1024);
	host_data_out(h, itt, PDU_TAG_NONE, 1, 2048, true, pattern + 2048, 2048);
	ttt = expect_r2t(h, 0, 4096, 4096);
	host_data_out(h, itt, ttt, 0, 4096, true, pattern + 4096, 4096);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(h->bhs[RESPONSE_STATUS], SCSI_GOOD);
	assert_memory_equal(f->disk, pattern, 8192);
	host_close(h);
	fixture_stop(f);
}

/* Longer than the receive buffer: read straight into the command's buffer. */
static void a_long_segment(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "FirstBurstLength=262144\0");

	(void)state;
	host_io(h, WRITE_10, WRITE_FINAL, 512, 262144, pattern, 262144);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_memory_equal(f->disk, pattern, 262144);
	host_io(h, READ_10, READ_FINAL, 512, 262144, NULL, 0);
	for (uint32_t offset = 0; offset < 262144; offset += 8192) {
		host_expect(h, PDU_DATA_IN);
		assert_memory_equal(h->data, pattern + offset, 8192);
	}
	host_close(h);
	fixture_stop(f);
}

static void data_that_was_not_agreed_on(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "ImmediateData=No\0InitialR2T=Yes\0FirstBurstLength=4096\0");
	uint32_t itt;

	(void)state;
	host_io(h, WRITE_10, WRITE_FINAL, 1, 512, pattern, 512);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(host_sense_asc(h), 0x0c0c);
	itt = host_io(h, WRITE_10, COMMAND_WRITE, 1, 512, NULL, 0);
	host_expect_nothing(h);
	host_data_out(h, itt, PDU_TAG_NONE, 0, 0, true, pattern, 512);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(host_sense_asc(h), 0x0c0c);
	assert_int_equal(f->submits, 0);
	host_close(h);
	h = start_host(f, 1, "FirstBurstLength=4096\0");
	host_io(h, WRITE_10, WRITE_FINAL, 16, 8192, pattern, 8192);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(host_sense_asc(h), 0x0c0c);
	host_io(h, READ_10, READ_FINAL, 1, 512, pattern, 512);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(host_sense_asc(h), 0x0c0c);
	host_expect_alive(h);
	host_close(h);
	fixture_stop(f);
}

static void too_little_unsolicited_data(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "InitialR2T=No\0FirstBurstLength=4096\0");
	uint32_t itt = host_io(h, WRITE_10, COMMAND_WRITE, 16, 8192, NULL, 0);

	(void)state;
	host_data_out(h, itt, PDU_TAG_NONE, 0, 0, true, pattern, 512);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(host_sense_asc(h), 0x0c0d);
	host_expect_alive(h);
	host_close(h);
	fixture_stop(f);
}

static void a_short_answer_to_a_request(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "ImmediateData=No\0");
	uint32_t itt = host_io(h, WRITE_10, WRITE_FINAL, 2, 1024, NULL, 0);

	(void)state;
	host_data_out(h, itt, expect_r2t(h, 0, 0, 1024), 0, 0, true, pattern, 512);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(host_sense_asc(h), 0x0c0d);
	assert_int_equal(f->submits, 0);
	host_close(h);
	fixture_stop(f);
}

/* Lost data: the command fails when its sequence has ended (RFC 7143 7.8). */
static void data_sn_out_of_order(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "ImmediateData=No\0");
	uint32_t itt = host_io(h, WRITE_10, WRITE_FINAL, 2, 1024, NULL, 0), ttt = expect_r2t(h, 0, 0, 1024);

	(void)state;
	host_data_out(h, itt, ttt, 1, 0, false, pattern, 512);
	host_expect_nothing(h);
	host_data_out(h, itt, ttt, 2, 512, true, pattern, 512);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(host_sense_asc(h), 0x4705);
	host_data_out(h, itt, ttt, 0, 0, true, pattern, 1024); /* too late: dropped */
	host_expect_alive(h);
	assert_int_equal(f->submits, 0);
	host_close(h);
	fixture_stop(f);
}

struct bad_data {
	uint32_t ttt_change, offset;
	bool final;
	size_t len;
};

static void data_out_protocol_errors_end_the_connection(void **state)
{
	static const struct bad_data cases[] = {
		{ 1, 0, true, 1024 }, /* another tag */
		{ 0, 512, true, 512 }, /* a wrong offset */
		{ 0, 0, true, 2048 }, /* more than was asked for */
		{ 0, 0, false, 1024 }, /* no F bit at the end */
		{ 0, 0xfffffe00, true, 1024 },
	};
	struct fixture *f = fixture_start(NULL, NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct host *h = start_host(f, 1, "ImmediateData=No\0");
		uint32_t itt = host_io(h, WRITE_10, WRITE_FINAL, 2, 1024, NULL, 0);
		uint32_t ttt = expect_r2t(h, 0, 0, 1024) + cases[i].ttt_change;

		host_data_out(h, itt, ttt, 0, cases[i].offset, cases[i].final, pattern, cases[i].len);
		host_expect_closed(h);
		host_close(h);
	}
	assert_int_equal(f->submits, 0);
	assert_int_equal(f->ends, ARRAY_COUNT(cases));
	fixture_stop(f);
}

static void data_for_no_command_is_dropped(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "");

	(void)state;
	host_data_out(h, 0xabcdef, 5, 0, 0, true, pattern, 512);
	host_data_out(h, 0xabcdef, PDU_TAG_NONE, 0, 0, true, pattern, 100000);
	host_expect_alive(h);
	host_close(h);
	fixture_stop(f);
}

/* ---- commands ---- */

static void absent_units(void **state)
{
	static const uint8_t inquiry[6] = { 0x12, 0, 0, 0, 36 }, sense[6] = { 0x03, 0, 0, 0, 18 };
	uint8_t bhs[BHS_LEN] = { PDU_SCSI_COMMAND, READ_FINAL };
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "");

	(void)state;
	bhs[BHS_LUN + 1] = 7;
	put_be32(bhs + BHS_ITT, 1000);
	put_be32(bhs + COMMAND_EXPECTED, 36);
	memcpy(bhs + COMMAND_CDB, inquiry, sizeof(inquiry));
	put_be32(bhs + BHS_CMD_SN, h->cmd_sn++);
	host_send(h, bhs, NULL, 0);
	host_expect(h, PDU_DATA_IN);
	assert_int_equal(h->data[0], 0x7f);
	memcpy(bhs + COMMAND_CDB, sense, sizeof(sense));
	put_be32(bhs + BHS_CMD_SN, h->cmd_sn++);
	host_send(h, bhs, NULL, 0);
	host_expect(h, PDU_DATA_IN);
	assert_int_equal(get_be16(h->data + 12), ASC_LUN_NOT_SUPPORTED);
	memset(bhs + COMMAND_CDB, 0, 16);
	put_be32(bhs + BHS_CMD_SN, h->cmd_sn++);
	host_send(h, bhs, NULL, 0);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(host_sense_asc(h), ASC_LUN_NOT_SUPPORTED);
	host_close(h);
	fixture_stop(f);
}

static void report_luns(void **state)
{
	static const struct {
		uint8_t select;
		uint32_t bytes;
	} cases[] = { { 0, 16 }, { 1, 0 }, { 2, 16 }, { 0x10, 0 }, { 0x11, 16 }, { 0x12, 0 } };
	uint8_t cdb[12] = { 0xa0 };
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = host_login(f, 1, ""); /* a unit attention does not stand in its way */

	(void)state;
	put_be32(cdb + 6, 256);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		cdb[2] = cases[i].select;
		host_command(h, READ_FINAL, cdb, sizeof(cdb), 256, NULL, 0);
		host_expect(h, PDU_DATA_IN);
		assert_int_equal(get_be32(h->data), cases[i].bytes);
		assert_int_equal(h->data_len, 8 + cases[i].bytes);
	}
	cdb[2] = 0;
	put_be32(cdb + 6, 16); /* cut at the allocation length; the length field says all */
	host_command(h, READ_FINAL, cdb, sizeof(cdb), 256, NULL, 0);
	host_expect(h, PDU_DATA_IN);
	assert_int_equal(h->data_len, 16);
	assert_int_equal(get_be32(h->data), 16);
	cdb[2] = 3;
	host_command(h, READ_FINAL, cdb, sizeof(cdb), 256, NULL, 0);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(host_sense_asc(h), 0x2400);
	host_close(h);
	fixture_stop(f);
}

static void unit_attentions(void **state)
{
	static const uint8_t ready[6], inquiry[6] = { 0x12, 0, 0, 0, 36 }, sense[6] = { 0x03, 0, 0, 0, 18 };
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = host_login(f, 1, ""), *other = start_host(f, 2, "");

	(void)state;
	host_command(h, READ_FINAL, inquiry, 6, 36, NULL, 0);
	host_expect(h, PDU_DATA_IN);
	host_command(h, READ_FINAL, sense, 6, 18, NULL, 0);
	host_expect(h, PDU_DATA_IN);
	assert_int_equal(get_be16(h->data + 12), 0x2900);
	host_command(h, PDU_FINAL, ready, 6, 0, NULL, 0);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(h->bhs[RESPONSE_STATUS], SCSI_GOOD);
	target_unit_attention(f->target, 0, 0x2a09, 1); /* all but session 1 */
	host_command(h, PDU_FINAL, ready, 6, 0, NULL, 0);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(h->bhs[RESPONSE_STATUS], SCSI_GOOD);
	host_command(other, PDU_FINAL, ready, 6, 0, NULL, 0);
	host_expect(other, PDU_SCSI_RESPONSE);
	assert_int_equal(host_sense_asc(other), 0x2a09);
	host_close(h);
	host_close(other);
	fixture_stop(f);
}

static void commands_that_are_refused(void **state)
{
	uint8_t bhs[BHS_LEN] = { PDU_SCSI_COMMAND, PDU_FINAL, 0, 0, 1 };
	uint8_t pdu[BHS_LEN + 4] = { 0 };
	struct target_limits limits = { .transfer_bytes = 8192 };
	struct fixture *f = fixture_start(&limits, NULL);
	struct host *h = start_host(f, 1, "");
	uint32_t itt;

	(void)state;
	/* an additional header segment: an extended CDB */
	put_be32(bhs + BHS_ITT, 500);
	put_be32(bhs + BHS_CMD_SN, h->cmd_sn++);
	memcpy(pdu, bhs, BHS_LEN);
	host_write(h, pdu, sizeof(pdu));
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(host_sense_asc(h), 0x2400);
	/* both directions */
	host_io(h, READ_10, PDU_FINAL | COMMAND_READ | COMMAND_WRITE, 1, 512, pattern, 512);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(host_sense_asc(h), 0x2400);
	/* a write longer than the limit: not one R2T for it */
	itt = host_io(h, WRITE_10, WRITE_FINAL, 32, 16384, pattern, 8192);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(pdu_itt(h->bhs), itt);
	assert_int_equal(host_sense_asc(h), 0x2400);
	/* neither data to come nor F bit */
	host_io(h, READ_10, COMMAND_READ, 1, 512, NULL, 0);
	host_expect(h, PDU_REJECT);
	assert_int_equal(h->bhs[REJECT_REASON], REJECT_INVALID_FIELD);
	host_expect_alive(h);
	assert_int_equal(h->exp_cmd_sn, h->cmd_sn);
	assert_int_equal(f->submits, 0);
	host_close(h);
	fixture_stop(f);
}

static void a_task_tag_in_use(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "");

	(void)state;
	f->hold = true;
	host_io(h, READ_10, READ_FINAL, 1, 512, NULL, 0);
	h->itt--;
	host_io(h, READ_10, READ_FINAL, 1, 512, NULL, 0);
	host_expect(h, PDU_REJECT);
	assert_int_equal(h->bhs[REJECT_REASON], REJECT_TASK_IN_PROGRESS);
	fixture_release(f);
	host_expect(h, PDU_SCSI_RESPONSE);
	host_close(h);
	fixture_stop(f);
}

static void no_buffers_left(void **state)
{
	struct target_limits limits = { .buffer_bytes = 8192 };
	struct fixture *f = fixture_start(&limits, NULL);
	struct host *h = start_host(f, 1, "");

	(void)state;
	host_io(h, WRITE_10, WRITE_FINAL, 32, 16384, pattern, 4096);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(h->bhs[RESPONSE_STATUS], SCSI_BUSY);
	f->hold = true;
	host_io(h, READ_10, READ_FINAL, 16, 8192, NULL, 0);
	host_io(h, READ_10, READ_FINAL, 1, 512, NULL, 0);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(h->bhs[RESPONSE_STATUS], SCSI_TASK_SET_FULL);
	fixture_release(f);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(h->bhs[RESPONSE_STATUS], SCSI_GOOD);
	host_close(h);
	fixture_stop(f);
}

/* ---- the command window ---- */

static void window_closes_and_opens(void **state)
{
	struct target_limits limits = { .commands_per_session = 2 };
	struct fixture *f = fixture_start(&limits, NULL);
	struct host *h = start_host(f, 1, "");

	(void)state;
	f->hold = true;
	host_io(h, READ_10, READ_FINAL, 1, 512, NULL, 0);
	host_io(h, READ_10, READ_FINAL, 1, 512, NULL, 0);
	host_expect_alive(h);
	assert_int_equal(h->max_cmd_sn + 1, h->exp_cmd_sn);
	host_io(h, READ_10, READ_FINAL, 1, 512, NULL, 0); /* outside: as if it had not come */
	assert_int_equal(f->submits, 2);
	h->cmd_sn--;
	fixture_release(f);
	host_expect(h, PDU_SCSI_RESPONSE);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(h->max_cmd_sn, h->cmd_sn + 1);
	host_io(h, READ_10, READ_FINAL, 1, 512, NULL, 0);
	host_expect(h, PDU_DATA_IN);
	host_close(h);
	fixture_stop(f);
}

static void numbers_outside_the_window_are_ignored(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "");
	static const int64_t steps[] = { -1, -1000, 256, 1 << 20, INT32_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
		uint32_t right = h->cmd_sn;

		h->cmd_sn += (uint32_t)steps[i];
		host_io(h, READ_10, READ_FINAL, 1, 512, NULL, 0);
		host_expect_nothing(h);
		h->cmd_sn = right;
	}
	host_io(h, READ_10, READ_FINAL, 1, 512, NULL, 0);
	host_expect(h, PDU_DATA_IN);
	host_close(h);
	fixture_stop(f);
}

static void commands_run_in_order(void **state)
{
	uint8_t nop[BHS_LEN] = { PDU_NOP_OUT, PDU_FINAL };
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "");
	uint32_t first = h->cmd_sn, late;

	(void)state;
	h->cmd_sn = first + 2;
	late = host_io(h, WRITE_10, WRITE_FINAL, 1, 512, pattern + 512, 512);
	put_be32(nop + BHS_ITT, 900);
	put_be32(nop + BHS_CMD_SN, first + 1);
	host_send(h, nop, "wait", 4);
	host_expect_nothing(h);
	h->cmd_sn = first;
	host_io(h, WRITE_10, WRITE_FINAL, 1, 512, pattern, 512);
	host_expect(h, PDU_SCSI_RESPONSE);
	host_expect(h, PDU_NOP_IN);
	assert_memory_equal(h->data, "wait", 4);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(pdu_itt(h->bhs), late);
	assert_int_equal(h->exp_cmd_sn, first + 3);
	assert_int_equal(h->max_cmd_sn, first + 3 + 255);
	assert_memory_equal(f->disk, pattern + 512, 512);
	host_close(h);
	fixture_stop(f);
}

/* ---- task management ---- */

static void expect_task_response(struct host *h, uint8_t response)
{
	host_expect(h, PDU_TASK_RESPONSE);
	assert_int_equal(pdu_itt(h->bhs), h->itt);
	assert_int_equal(h->bhs[TASK_RESPONSE], response);
}

static void abort_task_waits_for_the_unit(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "");
	uint32_t itt;

	(void)state;
	f->hold = true;
	itt = host_io(h, READ_10, READ_FINAL, 1, 512, NULL, 0);
	host_task_management(h, 1, itt, h->cmd_sn - 1);
	host_expect_nothing(h);
	assert_int_equal(f->aborts, 1);
	fixture_release(f);
	expect_task_response(h, 0);
	host_expect_alive(h);
	assert_int_equal(h->max_cmd_sn, h->cmd_sn + 255);
	host_task_management(h, 1, itt, h->cmd_sn - 1);
	expect_task_response(h, 1);
	host_close(h);
	fixture_stop(f);
}

static void abort_of_a_command_that_waits_for_data(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "ImmediateData=No\0");
	uint32_t itt = host_io(h, WRITE_10, WRITE_FINAL, 2, 1024, NULL, 0), ttt = expect_r2t(h, 0, 0, 1024);

	(void)state;
	host_task_management(h, 1, itt, h->cmd_sn - 1);
	expect_task_response(h, 0);
	host_data_out(h, itt, ttt, 0, 0, true, pattern, 1024);
	host_expect_alive(h);
	assert_int_equal(f->submits, 0);
	host_close(h);
	fixture_stop(f);
}

/* RFC 7143 11.5.1: the CmdSN of a command that never arrived counts as received. */
static void abort_fills_a_gap(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "");
	uint32_t lost = h->cmd_sn++, itt = host_io(h, READ_10, READ_FINAL, 1, 512, NULL, 0);

	(void)state;
	host_expect_nothing(h);
	host_task_management(h, 1, 0x777, lost);
	host_expect(h, PDU_DATA_IN); /* it was waiting for that */
	assert_int_equal(pdu_itt(h->bhs), itt);
	expect_task_response(h, 0);
	assert_int_equal(h->exp_cmd_sn, lost + 2);
	assert_int_equal(h->max_cmd_sn, lost + 2 + 255);
	host_close(h);
	fixture_stop(f);
}

static void abort_of_a_held_command(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "");
	uint32_t first = h->cmd_sn++, itt = host_io(h, WRITE_10, WRITE_FINAL, 1, 512, pattern, 512);

	(void)state;
	host_task_management(h, 1, itt, first + 1);
	expect_task_response(h, 0);
	h->cmd_sn = first;
	host_io(h, READ_10, READ_FINAL, 1, 512, NULL, 0);
	host_expect(h, PDU_DATA_IN);
	assert_int_equal(h->exp_cmd_sn, first + 2);
	assert_int_equal(h->max_cmd_sn, first + 2 + 255);
	assert_int_equal(f->submits, 1);
	host_close(h);
	fixture_stop(f);
}

static void reset_reaches_other_sessions(void **state)
{
	static const uint8_t ready[6];
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, ""), *other = start_host(f, 2, "");

	(void)state;
	f->hold = true;
	host_io(other, READ_10, READ_FINAL, 1, 512, NULL, 0);
	host_task_management(h, 5, PDU_TAG_NONE, 0);
	host_expect_nothing(h);
	assert_int_equal(f->aborts, 1);
	fixture_release(f);
	expect_task_response(h, 0);
	assert_int_equal(f->resets, 1);
	host_expect_nothing(other); /* TAS is 0: no response for the aborted command, but a unit attention */
	host_command(other, PDU_FINAL, ready, 6, 0, NULL, 0);
	host_expect(other, PDU_SCSI_RESPONSE);
	assert_int_equal(host_sense_asc(other), 0x2903);
	host_close(h);
	host_close(other);
	fixture_stop(f);
}

/* A command that came after the reset is not waited for, also when its session ends meanwhile: it may itself wait for
 * what the reset holds up. */
static void reset_waits_for_its_own_only(void **state)
{
	static const uint8_t ready[6];
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, ""), *other = start_host(f, 2, "");

	(void)state;
	f->hold = true;
	host_io(other, READ_10, READ_FINAL, 1, 512, NULL, 0);
	host_task_management(h, 5, PDU_TAG_NONE, 0);
	host_expect_nothing(h);
	host_command(other, PDU_FINAL, ready, 6, 0, NULL, 0);
	host_expect(other, PDU_SCSI_RESPONSE); /* its unit attention */
	host_io(other, READ_10, READ_FINAL, 1, 512, NULL, 0);
	host_expect_nothing(other);
	host_close(other);
	host_expect_nothing(h);
	assert_int_equal(f->aborts, 2);
	scsi_cmd_done(f->held[0]);
	expect_task_response(h, 0);
	scsi_cmd_done(f->held[1]);
	f->held_count = 0;
	f->hold = false;
	host_close(h);
	fixture_stop(f);
}

static void clear_task_set_tells_the_others(void **state)
{
	static const uint8_t ready[6];
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, ""), *other = start_host(f, 2, "");

	(void)state;
	host_task_management(h, 4, PDU_TAG_NONE, 0);
	expect_task_response(h, 0);
	host_command(h, PDU_FINAL, ready, 6, 0, NULL, 0);
	host_expect(h, PDU_SCSI_RESPONSE);
	assert_int_equal(h->bhs[RESPONSE_STATUS], SCSI_GOOD);
	host_command(other, PDU_FINAL, ready, 6, 0, NULL, 0);
	host_expect(other, PDU_SCSI_RESPONSE);
	assert_int_equal(host_sense_asc(other), 0x2f00);
	host_close(h);
	host_close(other);
	fixture_stop(f);
}

static void cold_reset_ends_all_sessions(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, ""), *other = start_host(f, 2, "");

	(void)state;
	host_task_management(h, 7, PDU_TAG_NONE, 0);
	expect_task_response(h, 0);
	host_expect_closed(h);
	host_expect_closed(other);
	host_close(h);
	host_close(other);
	host_close(start_host(f, 1, ""));
	fixture_stop(f);
}

static void other_functions(void **state)
{
	static const struct {
		uint8_t function, response;
	} cases[] = { { 3, 5 }, { 6, 0 }, { 8, 4 }, { 9, 5 }, { 0, 5 }, { 77, 5 } };
	uint8_t bhs[BHS_LEN] = { PDU_TASK_REQUEST | PDU_IMMEDIATE, PDU_FINAL | 2 };
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "");

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		host_task_management(h, cases[i].function, PDU_TAG_NONE, 0);
		expect_task_response(h, cases[i].response);
	}
	bhs[BHS_LUN + 1] = 99;
	host_send(h, bhs, NULL, 0);
	host_expect(h, PDU_TASK_RESPONSE);
	assert_int_equal(h->bhs[TASK_RESPONSE], 2);
	host_close(h);
	fixture_stop(f);
}

/* A refused command uses up its CmdSN, whether its turn has come or not. */
static void a_refused_command_fills_its_place(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "");
	uint32_t first = h->cmd_sn++;

	(void)state;
	host_io(h, READ_10, COMMAND_READ, 1, 512, NULL, 0);
	host_expect(h, PDU_REJECT);
	h->cmd_sn = first;
	host_io(h, READ_10, READ_FINAL, 1, 512, NULL, 0);
	host_expect(h, PDU_DATA_IN);
	host_expect_alive(h);
	assert_int_equal(h->exp_cmd_sn, first + 2);
	assert_int_equal(h->max_cmd_sn, first + 2 + 255);
	host_close(h);
	fixture_stop(f);
}

/* ---- digests ---- */

/* A PDU with both digests around it; `damage` is the byte to spoil, counted over all of it. */
static void send_with_digests(struct host *h, uint8_t *bhs, const char *data, size_t len, size_t damage)
{
	uint8_t pdu[256] = { 0 };
	size_t data_end = BHS_LEN + PDU_DIGEST_LEN + len + pad4(len), end = BHS_LEN + PDU_DIGEST_LEN;

	put_be24(bhs + BHS_DATA_LEN, (uint32_t)len);
	memcpy(pdu, bhs, BHS_LEN);
	crc32c_put(pdu + BHS_LEN, crc32c(CRC32C_INIT, pdu, BHS_LEN));
	if (len) {
		memcpy(pdu + end, data, len);
		crc32c_put(pdu + data_end, crc32c(CRC32C_INIT, pdu + end, len + pad4(len)));
		end = data_end + PDU_DIGEST_LEN;
	}
	pdu[damage] ^= 1;
	host_write(h, pdu, end);
	pdu[damage] ^= 1;
}

#define NO_DAMAGE 255 /* beyond the end */

static void ping_with_digests(struct host *h, size_t damage)
{
	uint8_t bhs[BHS_LEN] = { PDU_NOP_OUT | PDU_IMMEDIATE, PDU_FINAL };

	put_be32(bhs + BHS_ITT, 3);
	send_with_digests(h, bhs, "hello", 5, damage);
}

static void digests(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = host_login(f, 1, "HeaderDigest=CRC32C,None\0DataDigest=CRC32C,None\0");
	uint8_t pdu[BHS_LEN + 4 + 8 + 4], wire[4];

	(void)state;
	ping_with_digests(h, NO_DAMAGE);
	assert_int_equal(host_read(h, pdu, sizeof(pdu)), 1);
	assert_memory_equal(pdu + BHS_LEN + 4, "hello\0\0\0", 8);
	crc32c_put(wire, crc32c(CRC32C_INIT, pdu, BHS_LEN));
	assert_memory_equal(pdu + BHS_LEN, wire, 4);
	crc32c_put(wire, crc32c(CRC32C_INIT, pdu + BHS_LEN + 4, 8));
	assert_memory_equal(pdu + BHS_LEN + 4 + 8, wire, 4);
	ping_with_digests(h, BHS_LEN + 4); /* the data */
	assert_int_equal(host_read(h, pdu, BHS_LEN), 1);
	assert_int_equal(pdu_opcode(pdu), PDU_REJECT);
	assert_int_equal(pdu[REJECT_REASON], REJECT_DATA_DIGEST_ERROR);
	host_close(h);
	h = host_login(f, 1, "HeaderDigest=CRC32C\0DataDigest=CRC32C\0");
	ping_with_digests(h, 1); /* the header */
	host_expect_closed(h);
	host_close(h);
	fixture_stop(f);
}

/* ---- bad input ---- */

static void unknown_requests_are_rejected(void **state)
{
	static const struct {
		uint8_t opcode, reason;
	} cases[] = {
		{ PDU_SNACK, REJECT_SNACK },
		{ 0x1c, REJECT_NOT_SUPPORTED },
		{ PDU_DATA_IN, REJECT_NOT_SUPPORTED },
		{ PDU_REJECT, REJECT_NOT_SUPPORTED },
		{ PDU_LOGIN_REQUEST | PDU_IMMEDIATE, REJECT_PROTOCOL_ERROR },
	};
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "");

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		uint8_t bhs[BHS_LEN] = { cases[i].opcode, PDU_FINAL };

		host_send(h, bhs, NULL, 0);
		host_expect(h, PDU_REJECT);
		assert_int_equal(h->bhs[REJECT_REASON], cases[i].reason);
		assert_memory_equal(h->data, bhs, BHS_LEN);
		host_expect_alive(h);
	}
	host_close(h);
	fixture_stop(f);
}

static void a_segment_beyond_the_limit_ends_the_connection(void **state)
{
	uint8_t bhs[BHS_LEN] = { PDU_NOP_OUT | PDU_IMMEDIATE, PDU_FINAL };
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "");

	(void)state;
	put_be24(bhs + BHS_DATA_LEN, 262145);
	host_write(h, bhs, BHS_LEN);
	host_expect_closed(h);
	host_close(h);
	fixture_stop(f);
}

static void a_long_ping_comes_back_as_far_as_it_may(void **state)
{
	uint8_t bhs[BHS_LEN] = { PDU_NOP_OUT | PDU_IMMEDIATE, PDU_FINAL };
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "MaxRecvDataSegmentLength=65536\0");

	(void)state;
	put_be32(bhs + BHS_ITT, 4000);
	host_send(h, bhs, pattern, 200000);
	host_expect(h, PDU_NOP_IN);
	assert_int_equal(h->data_len, 65536);
	assert_memory_equal(h->data, pattern, 65536);
	host_close(h);
	fixture_stop(f);
}

/* Whatever comes, the target lives: random headers with a plausible opcode, from a fixed seed. */
static void noise(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *witness = start_host(f, 99, "");
	uint32_t seed = 12345;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct host *h = host_login(f, 1, "InitialR2T=No\0");

		for (int i = 0; i < 20; i++) {
			uint8_t bhs[BHS_LEN];

			for (size_t n = 0; n < BHS_LEN; n++) {
				seed = seed * 1664525 + 1013904223;
				bhs[n] = (uint8_t)(seed >> 24);
			}
			bhs[BHS_OPCODE] &= 0x47;
			bhs[BHS_AHS_LEN] &= 3;
			if (bhs[BHS_AHS_LEN + 12] & 1) /* often a tag and a number that fit */
				put_be32(bhs + BHS_ITT, bhs[BHS_ITT] & 3);
			if (bhs[BHS_ITT + 3] & 1)
				put_be32(bhs + BHS_CMD_SN, h->cmd_sn + (bhs[40] & 3));
			memset(bhs + BHS_LUN, 0, 8);
			if ((bhs[BHS_OPCODE] & PDU_OPCODE_MASK) == PDU_SCSI_COMMAND)
				bhs[COMMAND_CDB] = 0;
			if ((bhs[BHS_OPCODE] & PDU_OPCODE_MASK) == PDU_TASK_REQUEST)
				bhs[BHS_FLAGS] &= 0x85; /* no cold reset */
			host_send(h, bhs, pattern, seed >> 8 & 2047);
		}
		host_close(h);
	}
	fixture_release(f);
	host_expect_alive(witness);
	host_close(witness);
	fixture_stop(f);
}

/* ---- sessions ---- */

static void logout(void **state)
{
	uint8_t bhs[BHS_LEN] = { PDU_LOGOUT_REQUEST | PDU_IMMEDIATE, PDU_FINAL | 2 };
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "");

	(void)state;
	host_send(h, bhs, NULL, 0); /* for recovery: not supported */
	host_expect(h, PDU_LOGOUT_RESPONSE);
	assert_int_equal(h->bhs[LOGOUT_RESPONSE], 2);
	bhs[BHS_FLAGS] = PDU_FINAL | 1;
	put_be16(bhs + LOGOUT_CID, 5);
	host_send(h, bhs, NULL, 0); /* of another connection */
	host_expect(h, PDU_LOGOUT_RESPONSE);
	assert_int_equal(h->bhs[LOGOUT_RESPONSE], 1);
	bhs[BHS_FLAGS] = 0xff;
	host_send(h, bhs, NULL, 0);
	host_expect(h, PDU_REJECT);
	bhs[BHS_FLAGS] = PDU_FINAL;
	host_send(h, bhs, NULL, 0);
	host_expect(h, PDU_LOGOUT_RESPONSE);
	assert_int_equal(h->bhs[LOGOUT_RESPONSE], 0);
	host_expect_closed(h);
	host_close(h);
	fixture_stop(f);
}

static void keepalive(void **state)
{
	uint8_t bhs[BHS_LEN] = { PDU_NOP_OUT | PDU_IMMEDIATE, PDU_FINAL };
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = host_login(f, 1, "");

	(void)state;
	fixture_wait(f, 30 * US_PER_S);
	host_expect(h, PDU_NOP_IN);
	assert_int_equal(pdu_itt(h->bhs), PDU_TAG_NONE);
	assert_int_not_equal(pdu_ttt(h->bhs), PDU_TAG_NONE);
	put_be32(bhs + BHS_ITT, PDU_TAG_NONE);
	put_be32(bhs + BHS_TTT, pdu_ttt(h->bhs));
	host_send(h, bhs, NULL, 0);
	fixture_wait(f, 30 * US_PER_S);
	host_expect_nothing(h);
	fixture_wait(f, 30 * US_PER_S);
	host_expect(h, PDU_NOP_IN);
	fixture_wait(f, 30 * US_PER_S);
	host_expect_closed(h);
	host_close(h);
	fixture_stop(f);
}

/* A host that asks and never reads: it is not read any more, and ends. */
static void a_host_that_reads_no_answers(void **state)
{
	uint8_t bhs[BHS_LEN] = { PDU_NOP_OUT | PDU_IMMEDIATE, PDU_FINAL };
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = host_login(f, 1, "MaxRecvDataSegmentLength=262144\0");
	uint8_t *pdu = test_calloc(1, BHS_LEN + 200000);

	(void)state;
	put_be24(bhs + BHS_DATA_LEN, 200000);
	memcpy(pdu, bhs, BHS_LEN);
	for (size_t sent = 0, idle = 0; idle < 50;) {
		ssize_t n = send(h->fd, pdu + sent, BHS_LEN + 200000 - sent, MSG_NOSIGNAL);

		idle = n > 0 ? 0 : idle + 1;
		sent = n > 0 ? (sent + (size_t)n) % (BHS_LEN + 200000) : sent;
		fixture_pump(f);
	}
	for (int i = 0; i < 4 && !f->ends; i++)
		fixture_wait(f, 30 * US_PER_S);
	assert_int_equal(f->ends, 1);
	test_free(pdu);
	host_close(h);
	fixture_stop(f);
}

static void a_session_ends_with_commands_at_the_unit(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "");

	(void)state;
	f->hold = true;
	host_io(h, READ_10, READ_FINAL, 1, 512, NULL, 0);
	host_io(h, WRITE_10, WRITE_FINAL, 1, 512, pattern, 512);
	host_close(h);
	assert_int_equal(f->aborts, 2);
	assert_int_equal(f->ends, 0);
	fixture_release(f);
	fixture_pump(f);
	assert_int_equal(f->ends, 1);
	fixture_stop(f);
}

static bool count_session(const struct target_session_view *view, void *arg)
{
	unsigned *count = arg;

	assert_string_equal(view->nexus->initiator_name, HOST_IQN);
	assert_int_equal(view->writes, 1);
	assert_int_equal(view->written_bytes, 512);
	assert_int_equal(view->commands, 2);
	(*count)++;
	return true;
}

static void sessions_are_shown_and_ended(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, "");
	unsigned count = 0;

	(void)state;
	host_io(h, WRITE_10, WRITE_FINAL, 1, 512, pattern, 512);
	host_expect(h, PDU_SCSI_RESPONSE);
	target_each_session(f->target, count_session, &count);
	assert_int_equal(count, 1);
	assert_int_equal(target_end_session(f->target, 4711), -ENOENT);
	assert_int_equal(target_end_session(f->target, 1), 0);
	host_expect(h, PDU_ASYNC);
	assert_int_equal(h->bhs[ASYNC_EVENT], ASYNC_DROP_SESSION);
	host_expect_closed(h);
	assert_int_equal(f->ends, 1);
	host_close(h);
	fixture_stop(f);
}

static void a_refused_portal(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, ""), *login = host_connect(f);
	const struct net_address *address = target_portal_address(f->target, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(target_portal_refuse(f->target, 0, true), 0);
	assert_int_equal(target_portal_refuse(f->target, 0, true), 0);
	host_expect_closed(h);
	host_expect_closed(login);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address->storage, address->len), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(fd);
	assert_int_equal(target_portal_refuse(f->target, 0, false), 0);
	host_close(start_host(f, 1, ""));
	host_close(h);
	host_close(login);
	fixture_stop(f);
}

static void on_drained(void *arg)
{
	((struct fixture *)arg)->drained = true;
}

static void drain(void **state)
{
	uint8_t bhs[BHS_LEN] = { PDU_LOGOUT_REQUEST | PDU_IMMEDIATE, PDU_FINAL };
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *polite = start_host(f, 1, ""), *deaf = start_host(f, 2, "");

	(void)state;
	target_drain(f->target, 5 * US_PER_S, on_drained, f);
	host_expect(polite, PDU_ASYNC);
	assert_int_equal(polite->bhs[ASYNC_EVENT], ASYNC_REQUEST_LOGOUT);
	host_expect(deaf, PDU_ASYNC);
	host_send(polite, bhs, NULL, 0);
	host_expect(polite, PDU_LOGOUT_RESPONSE);
	assert_false(f->drained);
	fixture_wait(f, 5 * US_PER_S);
	host_expect_closed(deaf);
	assert_true(f->drained);
	host_close(polite);
	host_close(deaf);
	fixture_stop(f);
}

static void drain_of_an_idle_target(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);

	(void)state;
	target_drain(f->target, US_PER_S, on_drained, f);
	assert_false(f->drained);
	fixture_pump(f);
	assert_true(f->drained);
	fixture_stop(f);
}

static void destroy_with_sessions(void **state)
{
	struct fixture *f = fixture_start(NULL, NULL);
	struct host *h = start_host(f, 1, ""), *login = host_connect(f);

	(void)state;
	fixture_stop(f);
	close(h->fd);
	close(login->fd);
	test_free(h);
	test_free(login);
}

static void bad_configurations(void **state)
{
	static const struct target_portal good = { "127.0.0.1:0", 1 }, name = { "localhost", 1 }, tag = { "[::1]", 0 };
	static const struct target_ops ops = { 0 };
	struct loop *loop = loop_create_virtual("x");
	struct target_config config = { .iqn = TARGET_IQN, .portals = &name, .portal_count = 1 };

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	assert_null(target_create(&config, loop, &loop, 1, &ops, NULL));
	assert_int_equal(errno, EINVAL);
	config.portals = &tag;
	assert_null(target_create(&config, loop, &loop, 1, &ops, NULL));
	config.portals = &good;
	config.iqn = "Not A Name";
	assert_null(target_create(&config, loop, &loop, 1, &ops, NULL));
	target_destroy(NULL);
	loop_destroy(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_ends_with_status_in_data),
		cmocka_unit_test(read_is_cut_into_segments_and_bursts),
		cmocka_unit_test(residuals),
		cmocka_unit_test(a_read_longer_than_the_limit_is_bounded),
		cmocka_unit_test(write_with_immediate_data),
		cmocka_unit_test(write_on_request),
		cmocka_unit_test(write_unsolicited_then_on_request),
		cmocka_unit_test(a_long_segment),
		cmocka_unit_test(data_that_was_not_agreed_on),
		cmocka_unit_test(too_little_unsolicited_data),
		cmocka_unit_test(a_short_answer_to_a_request),
		cmocka_unit_test(data_sn_out_of_order),
		cmocka_unit_test(data_out_protocol_errors_end_the_connection),
		cmocka_unit_test(data_for_no_command_is_dropped),
		cmocka_unit_test(absent_units),
		cmocka_unit_test(report_luns),
		cmocka_unit_test(unit_attentions),
		cmocka_unit_test(commands_that_are_refused),
		cmocka_unit_test(a_task_tag_in_use),
		cmocka_unit_test(no_buffers_left),
		cmocka_unit_test(window_closes_and_opens),
		cmocka_unit_test(numbers_outside_the_window_are_ignored),
		cmocka_unit_test(commands_run_in_order),
		cmocka_unit_test(abort_task_waits_for_the_unit),
		cmocka_unit_test(abort_of_a_command_that_waits_for_data),
		cmocka_unit_test(abort_fills_a_gap),
		cmocka_unit_test(abort_of_a_held_command),
		cmocka_unit_test(reset_reaches_other_sessions),
		cmocka_unit_test(reset_waits_for_its_own_only),
		cmocka_unit_test(clear_task_set_tells_the_others),
		cmocka_unit_test(cold_reset_ends_all_sessions),
		cmocka_unit_test(other_functions),
		cmocka_unit_test(a_refused_command_fills_its_place),
		cmocka_unit_test(digests),
		cmocka_unit_test(unknown_requests_are_rejected),
		cmocka_unit_test(a_segment_beyond_the_limit_ends_the_connection),
		cmocka_unit_test(a_long_ping_comes_back_as_far_as_it_may),
		cmocka_unit_test(noise),
		cmocka_unit_test(logout),
		cmocka_unit_test(keepalive),
		cmocka_unit_test(a_host_that_reads_no_answers),
		cmocka_unit_test(a_session_ends_with_commands_at_the_unit),
		cmocka_unit_test(sessions_are_shown_and_ended),
		cmocka_unit_test(a_refused_portal),
		cmocka_unit_test(drain),
		cmocka_unit_test(drain_of_an_idle_target),
		cmocka_unit_test(destroy_with_sessions),
		cmocka_unit_test(bad_configurations),
	};

	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 31 + i / 256);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
