/*
 * braid-cluster - two hosts that share a disk as the nodes of a cluster do, with persistent reservations (SPC-4 5.13).
 *
 *   braid-cluster fence URL ROUNDS   A fences B, which writes without a pause: PREEMPT AND ABORT, then A overwrites
 * what B wrote. No write of B may come to light after that answer. braid-cluster hold URL           registers with
 * APTPL and reserves braid-cluster check URL          somebody else looks: the registration and the reservation are
 * still there, writes of others conflict, and the holder comes back, takes up its key and releases everything
 *
 * Exit status 0, or 1 with one line that says what went wrong.
 */
#include "gateway/base/bytes.h"

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BLOCKS 16u /* each one is one write of B */
#define BYTES 4096u
#define SECTOR 512u
#define LATE_MS 150
#define KEY_A 0xa1
#define KEY_B 0xb2
#define PREEMPTS_WITHIN_MS 20000
#define WE_RO SCSI_PERSISTENT_RESERVE_TYPE_WRITE_EXCLUSIVE_REGISTRANTS_ONLY
#define LU_SCOPE SCSI_PERSISTENT_RESERVE_SCOPE_LU

static const char *url_text;

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- hosts ------------------------------------------------------------------------------------------------------- */

struct host {
	struct iscsi_context *iscsi;
	int lun;
};

static struct host host_login(const char *name, uint32_t isid)
{
	struct host host = { .iscsi = iscsi_create_context(name) };
	struct iscsi_url *url = iscsi_parse_full_url(host.iscsi, url_text);

	if (!url)
		die("not a URL: %s", url_text);
	host.lun = url->lun;
	iscsi_set_isid_random(host.iscsi, isid, 0);
	iscsi_set_session_type(host.iscsi, ISCSI_SESSION_NORMAL);
	iscsi_set_noautoreconnect(host.iscsi, 1);
	iscsi_set_timeout(host.iscsi, 60);
	iscsi_set_targetname(host.iscsi, url->target);
	if (iscsi_connect_sync(host.iscsi, url->portal) || iscsi_login_sync(host.iscsi))
		die("login of %s: %s", name, iscsi_get_error(host.iscsi));
	iscsi_destroy_url(url);
	return host;
}

static struct host host_a(void)
{
	return host_login("iqn.2026-11.org.example:node-a", 0xa);
}

static struct host host_b(void)
{
	return host_login("iqn.2026-11.org.example:node-b", 0xb);
}

static void host_vanish(struct host *host)
{
	iscsi_destroy_context(host->iscsi);
	host->iscsi = NULL;
}

/* The status of a command; unit attentions are taken and the command is sent again. */
static int host_run(struct host *host, struct scsi_task *(*make)(struct host *host, void *arg), void *arg)
{
	for (unsigned i = 0; i < 10; i++) {
		struct scsi_task *task = make(host, arg);
		int status = task ? task->status : -1;
		bool again = status == SCSI_STATUS_CHECK_CONDITION && task->sense.key == SCSI_SENSE_UNIT_ATTENTION;

		if (task)
			scsi_free_scsi_task(task);
		if (!again)
			return status;
	}
	return SCSI_STATUS_CHECK_CONDITION;
}

struct reserve_out {
	enum scsi_persistent_out_sa action;
	uint64_t key, action_key;
	bool aptpl;
};

static struct scsi_task *make_out(struct host *host, void *arg)
{
	const struct reserve_out *out = arg;
	struct scsi_persistent_reserve_out_basic basic = {
		.reservation_key = out->key,
		.service_action_reservation_key = out->action_key,
		.aptpl = out->aptpl,
	};

	return iscsi_persistent_reserve_out_sync(host->iscsi, host->lun, (int)out->action, LU_SCOPE, WE_RO, &basic);
}

static void reserve_out(struct host *host, const char *what, struct reserve_out out)
{
	int status = host_run(host, make_out, &out);

	if (status != SCSI_STATUS_GOOD)
		die("%s: status %d: %s", what, status, iscsi_get_error(host->iscsi));
}

static struct scsi_task *make_write(struct host *host, void *arg)
{
	return iscsi_write10_sync(host->iscsi, host->lun, 0, arg, BLOCKS * BYTES, SECTOR, 0, 0, 0, 0, 0);
}

static struct scsi_task *make_read(struct host *host, void *arg)
{
	struct scsi_task *task = iscsi_read10_sync(host->iscsi, host->lun, 0, BLOCKS * BYTES, SECTOR, 0, 0, 0, 0, 0);

	if (task && task->status == SCSI_STATUS_GOOD)
		memcpy(arg, task->datain.data, BLOCKS * BYTES);
	return task;
}

/* ---- fence ------------------------------------------------------------------------------------------------------- */

/* What B keeps going: a write of each block, again and again, until one ends otherwise. */
struct writer {
	struct host host;
	uint8_t data[BLOCKS][BYTES];
	struct writing {
		struct writer *writer;
		unsigned block;
	} writing[BLOCKS];
	uint64_t count;
	bool stopped;
};

static void writer_write(struct writing *writing);

static void on_written(struct iscsi_context *iscsi, int status, void *data, void *arg)
{
	struct writing *writing = arg;

	(void)iscsi;
	scsi_free_scsi_task(data);
	if (status != SCSI_STATUS_GOOD)
		writing->writer->stopped = true;
	else if (!writing->writer->stopped)
		writer_write(writing);
}

static void writer_write(struct writing *writing)
{
	struct writer *writer = writing->writer;
	unsigned block = writing->block;

	memset(writer->data[block], 'b', BYTES);
	put_be64(writer->data[block], ++writer->count);
	if (!iscsi_write10_task(writer->host.iscsi, writer->host.lun, block * (BYTES / SECTOR), writer->data[block],
				BYTES, SECTOR, 0, 0, 0, 0, 0, on_written, writing))
		writer->stopped = true;
}

/* One turn of both hosts' sockets. */
static void serve(struct host *hosts[], unsigned count)
{
	struct pollfd fds[2];

	for (unsigned i = 0; i < count; i++)
		fds[i] = (struct pollfd){ .fd = iscsi_get_fd(hosts[i]->iscsi),
					  .events = (short)iscsi_which_events(hosts[i]->iscsi) };
	poll(fds, count, 20);
	for (unsigned i = 0; i < count; i++)
		iscsi_service(hosts[i]->iscsi, fds[i].revents);
}

static void on_preempted(struct iscsi_context *iscsi, int status, void *data, void *arg)
{
	(void)iscsi;
	scsi_free_scsi_task(data);
	*(int *)arg = status;
}

/* A preempts while B writes; both are served meanwhile. */
static void preempt(struct host *a, struct writer *b)
{
	struct scsi_persistent_reserve_out_basic basic = { .reservation_key = KEY_A,
							   .service_action_reservation_key = KEY_B };
	struct host *hosts[] = { a, &b->host };
	uint64_t start = now_ms();
	int status = -1;

	if (!iscsi_persistent_reserve_out_task(a->iscsi, a->lun, SCSI_PERSISTENT_RESERVE_PREEMPT_AND_ABORT, LU_SCOPE,
					       WE_RO, &basic, on_preempted, &status))
		die("PREEMPT AND ABORT: not sent");
	while (status < 0) {
		serve(hosts, 2);
		if (now_ms() - start > PREEMPTS_WITHIN_MS)
			die("PREEMPT AND ABORT: no answer");
	}
	if (status != SCSI_STATUS_GOOD)
		die("PREEMPT AND ABORT: status %d", status);
}

static void serve_for(struct host *host, uint64_t ms)
{
	uint64_t start = now_ms();

	while (now_ms() - start < ms)
		serve(&host, 1);
}

static void expect_a(struct host *a, const uint8_t *want, unsigned round)
{
	uint8_t have[BLOCKS * BYTES];

	if (host_run(a, make_read, have) != SCSI_STATUS_GOOD)
		die("read: %s", iscsi_get_error(a->iscsi));
	for (unsigned i = 0; i < BLOCKS; i++)
		if (memcmp(have + i * BYTES, want + i * BYTES, BYTES) != 0)
			die("round %u: block %u holds a write of the fenced host", round, i);
}

static void fence_round(struct host *a, unsigned round)
{
	static uint8_t mine[BLOCKS * BYTES];
	struct writer b = { .host = host_b() };

	reserve_out(&b.host, "register B",
		    (struct reserve_out){ .action = SCSI_PERSISTENT_RESERVE_REGISTER_AND_IGNORE_EXISTING_KEY,
					  .action_key = KEY_B });
	for (unsigned i = 0; i < BLOCKS; i++) {
		b.writing[i] = (struct writing){ &b, i };
		writer_write(&b.writing[i]);
	}
	serve_for(&b.host, 20 + (uint64_t)rand() % 60);
	if (b.stopped)
		die("round %u: B could not write before it was fenced", round);
	preempt(a, &b);
	memset(mine, 'a' + (int)(round % 2), sizeof(mine));
	if (host_run(a, make_write, mine) != SCSI_STATUS_GOOD)
		die("write of A: %s", iscsi_get_error(a->iscsi));
	expect_a(a, mine, round);
	serve_for(&b.host, LATE_MS); /* what B still sends, and what lies in the array */
	expect_a(a, mine, round);
	host_vanish(&b.host);
}

static void fence(unsigned rounds)
{
	struct host a = host_a();

	reserve_out(&a, "register A",
		    (struct reserve_out){ .action = SCSI_PERSISTENT_RESERVE_REGISTER_AND_IGNORE_EXISTING_KEY,
					  .action_key = KEY_A });
	reserve_out(&a, "reserve", (struct reserve_out){ .action = SCSI_PERSISTENT_RESERVE_RESERVE, .key = KEY_A });
	for (unsigned round = 0; round < rounds; round++)
		fence_round(&a, round);
	reserve_out(&a, "clear", (struct reserve_out){ .action = SCSI_PERSISTENT_RESERVE_CLEAR, .key = KEY_A });
	host_vanish(&a);
	printf("%u rounds\n", rounds);
}

/* ---- APTPL ------------------------------------------------------------------------------------------------------- */

static void hold(void)
{
	struct host a = host_a();

	reserve_out(
		&a, "register A",
		(struct reserve_out){ .action = SCSI_PERSISTENT_RESERVE_REGISTER, .action_key = KEY_A, .aptpl = true });
	reserve_out(&a, "reserve", (struct reserve_out){ .action = SCSI_PERSISTENT_RESERVE_RESERVE, .key = KEY_A });
	host_vanish(&a);
}

static void check(void)
{
	static uint8_t data[BLOCKS * BYTES];
	struct host b = host_b(), a;
	int status = host_run(&b, make_write, data);

	if (status != SCSI_STATUS_RESERVATION_CONFLICT)
		die("a write of another host: status %d", status);
	if (host_run(&b, make_read, data) != SCSI_STATUS_GOOD)
		die("a read of another host: %s", iscsi_get_error(b.iscsi));
	a = host_a();
	if (host_run(&a, make_write, data) != SCSI_STATUS_GOOD)
		die("a write of the holder: %s", iscsi_get_error(a.iscsi));
	reserve_out(&a, "clear", (struct reserve_out){ .action = SCSI_PERSISTENT_RESERVE_CLEAR, .key = KEY_A });
	if (host_run(&b, make_write, data) != SCSI_STATUS_GOOD)
		die("a write of another host, after CLEAR: %s", iscsi_get_error(b.iscsi));
	host_vanish(&a);
	host_vanish(&b);
}

int main(int argc, char **argv)
{
	url_text = argc > 2 ? argv[2] : NULL;
	srand((unsigned)now_ms());
	if (argc == 4 && !strcmp(argv[1], "fence"))
		fence((unsigned)atoi(argv[3]));
	else if (argc == 3 && !strcmp(argv[1], "hold"))
		hold();
	else if (argc == 3 && !strcmp(argv[1], "check"))
		check();
	else
		die("usage: braid-cluster fence URL ROUNDS | hold URL | check URL");
	return 0;
}
