/*
 * braid-command - one command of a host, and what came back: `status=02 sense=2/0401 ms=12`.
 *
 *   braid-command URL read|write|tur [COUNT [BLOCKS]]
 *
 * COUNT of them, one after the other, until one ends otherwise than GOOD: the answer is that of the last. Each is of so
 * many blocks (1) at LBA 0; what is written are zeros. No retry of any kind: the answer is the gateway's. Unit
 * attentions of the login are fetched before. Exits with 1 when there was no answer.
 */
#include "gateway/base/clock.h"

#include <inttypes.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ATTENTIONS_MAX 8
#define BLOCKS_MAX 64

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * US_PER_S + (uint64_t)now.tv_nsec / 1000;
}

/* 0: logged in, and no unit attention is pending. */
static int log_in(struct iscsi_context *iscsi, const struct iscsi_url *url)
{
	iscsi_set_targetname(iscsi, url->target);
	iscsi_set_session_type(iscsi, ISCSI_SESSION_NORMAL);
	iscsi_set_noautoreconnect(iscsi, 1);
	if (iscsi_connect_sync(iscsi, url->portal) || iscsi_login_sync(iscsi))
		return -1;
	for (unsigned i = 0; i < ATTENTIONS_MAX; i++) {
		struct scsi_task *task = iscsi_testunitready_sync(iscsi, url->lun);
		int status = task ? task->status : -1;

		scsi_free_scsi_task(task);
		if (status == SCSI_STATUS_GOOD)
			return 0;
	}
	return -1;
}

struct request {
	const char *name;
	unsigned long count, blocks;
};

static struct scsi_task *run(struct iscsi_context *iscsi, int lun, uint32_t block_size, const struct request *request)
{
	static unsigned char zeros[BLOCKS_MAX * 4096];
	uint32_t bytes = (uint32_t)request->blocks * block_size;

	if (strcmp(request->name, "read") == 0)
		return iscsi_read16_sync(iscsi, lun, 0, bytes, (int)block_size, 0, 0, 0, 0, 0);
	if (strcmp(request->name, "write") == 0)
		return iscsi_write16_sync(iscsi, lun, 0, zeros, bytes, (int)block_size, 0, 0, 0, 0, 0);
	return iscsi_testunitready_sync(iscsi, lun);
}

static uint32_t block_size_of(struct iscsi_context *iscsi, int lun)
{
	struct scsi_task *task = iscsi_readcapacity10_sync(iscsi, lun, 0, 0);
	const struct scsi_readcapacity10 *capacity = task ? scsi_datain_unmarshall(task) : NULL;
	uint32_t size = capacity && capacity->block_size == 4096 ? 4096 : 512;

	scsi_free_scsi_task(task);
	return size;
}

static void print_answer(const struct scsi_task *task, uint64_t us)
{
	bool sense = task->status == SCSI_STATUS_CHECK_CONDITION;

	printf("status=%02x sense=%x/%04x ms=%" PRIu64 "\n", task->status, sense ? (unsigned)task->sense.key : 0,
	       sense ? (unsigned)task->sense.ascq : 0, us / 1000);
}

static int command(struct iscsi_context *iscsi, const struct iscsi_url *url, const struct request *request)
{
	uint32_t block_size;
	bool good = true, answered = true;

	if (log_in(iscsi, url)) {
		fprintf(stderr, "braid-command: %s\n", iscsi_get_error(iscsi));
		return 1;
	}
	block_size = block_size_of(iscsi, url->lun);
	for (unsigned long i = 1; i <= request->count && good; i++) {
		uint64_t begin = now_us();
		struct scsi_task *task = run(iscsi, url->lun, block_size, request);

		answered = task && (unsigned)task->status <= 0xff; /* above are libiscsi's own */
		good = answered && task->status == SCSI_STATUS_GOOD;
		if (answered && (!good || i == request->count))
			print_answer(task, now_us() - begin);
		scsi_free_scsi_task(task);
	}
	if (!answered)
		fprintf(stderr, "braid-command: %s\n", iscsi_get_error(iscsi));
	return !answered;
}

int main(int argc, char **argv)
{
	struct iscsi_context *iscsi;
	struct iscsi_url *url;
	struct request request = { .count = 1, .blocks = 1 };
	int status;

	if (argc > 3)
		request.count = strtoul(argv[3], NULL, 10);
	if (argc > 4)
		request.blocks = strtoul(argv[4], NULL, 10);
	if (argc < 3 || argc > 5 || !request.count || !request.blocks || request.blocks > BLOCKS_MAX) {
		fprintf(stderr, "usage: braid-command URL read|write|tur [COUNT [BLOCKS]]\n");
		return 2;
	}
	request.name = argv[2];
	iscsi = iscsi_create_context("iqn.2026-11.org.example:command");
	url = iscsi ? iscsi_parse_full_url(iscsi, argv[1]) : NULL;
	if (!url) {
		fprintf(stderr, "braid-command: no such URL\n");
		return 2;
	}
	status = command(iscsi, url, &request);
	iscsi_destroy_url(url);
	iscsi_destroy_context(iscsi);
	return status;
}
