/* The array whole, over loopback: counters by portal, faults, access states, capacity, portals that go and come,
 * reservations. */
#include "gateway/base/log.h"
#include "target/array/array.h"
#include "tests/unit/unit.h"

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define IQN "iqn.2026-11.org.example:unit"
#define BLOCK 512
#define POLLS_MAX 100000 /* round trips to wait for something that is bound to happen */
#define TIMEOUT_S 20

static struct loop *control, *worker;
static struct array *array;
static char folder[] = "/tmp/braid-test-array-XXXXXX", socket_path[64];
static char answer[8192];
static uint8_t block[BLOCK];

/*
 * The array
 */

static void on_drained(void *arg)
{
	(void)arg;
	loop_stop(control);
}

static void on_quit(void *arg)
{
	(void)arg;
	array_drain(array, US_PER_S, on_drained, NULL);
}

static int setup(void **state)
{
	static const struct array_portal_config portals[] = { { .address = "127.0.0.1:0" },
							      { .address = "127.0.0.1:0" } };
	const struct array_lu_config lus[] = { { .lun = 0, .size_bytes = 1 << 20 },
					       { .lun = 5, .size_bytes = 1 << 20 } };
	const struct array_config config = {
		.iqn = IQN,
		.portals = portals,
		.portal_count = ARRAY_COUNT(portals),
		.lus = lus,
		.lu_count = ARRAY_COUNT(lus),
		.tpgs = TPGS_IMPLICIT,
		.control_path = socket_path,
		.quit = on_quit,
	};

	(void)state;
	control = loop_create("control");
	worker = loop_create("worker");
	array = array_create(&config, control, worker);
	return !array || array_listen(array) || loop_start(worker) || loop_start(control);
}

/* Sends a command; NULL, or its error. What it prints is in `answer`. */
static const char *command(const char *line)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t len = 0;
	ssize_t n;

	memcpy(address.sun_path, socket_path, sizeof(socket_path));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(dprintf(fd, "%s\n", line), strlen(line) + 1);
	assert_int_equal(shutdown(fd, SHUT_WR), 0); /* the answer comes all the same */
	while ((n = read(fd, answer + len, sizeof(answer) - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	answer[len] = '\0';
	if (len >= 3 && !strcmp(answer + len - 3, "ok\n"))
		return NULL;
	assert_non_null(strstr(answer, "error: "));
	return strstr(answer, "error: ") + 7;
}

static void must(const char *line)
{
	const char *error = command(line);

	if (error)
		fail_msg("%s: %s", line, error);
}

static void wait_for(const char *line, const char *text)
{
	for (unsigned i = 0; i < POLLS_MAX; i++) {
		must(line);
		if (strstr(answer, text))
			return;
	}
	fail_msg("%s never said %s, but %s", line, text, answer);
}

static int teardown(void **state)
{
	(void)state;
	must("quit");
	loop_join(control);
	loop_stop(worker);
	loop_join(worker);
	array_destroy(array);
	loop_destroy(worker);
	loop_destroy(control);
	return 0;
}

/*
 * A host
 */

static struct iscsi_context *try_login(unsigned portal)
{
	struct iscsi_context *host = iscsi_create_context("iqn.2026-11.org.example:host");
	char address[NET_ADDRESS_MAX];

	iscsi_set_noautoreconnect(host, 1);
	iscsi_set_timeout(host, TIMEOUT_S);
	iscsi_set_targetname(host, IQN);
	iscsi_set_session_type(host, ISCSI_SESSION_NORMAL);
	net_format(array_portal_address(array, portal), address);
	if (!iscsi_full_connect_sync(host, address, 0))
		return host;
	iscsi_destroy_context(host);
	return NULL;
}

static struct iscsi_context *login(unsigned portal)
{
	struct iscsi_context *host = try_login(portal);

	assert_non_null(host);
	return host;
}

static void logout(struct iscsi_context *host)
{
	iscsi_logout_sync(host);
	iscsi_destroy_context(host);
}

static void write_sync(struct iscsi_context *host, int lun, uint8_t value)
{
	struct scsi_task *task;

	memset(block, value, BLOCK);
	task = iscsi_write10_sync(host, lun, 0, block, BLOCK, BLOCK, 0, 0, 0, 0, 0);
	assert_non_null(task);
	assert_int_equal(task->status, SCSI_STATUS_GOOD);
	scsi_free_scsi_task(task);
}

static uint8_t read_sync(struct iscsi_context *host, int lun)
{
	struct scsi_task *task = iscsi_read10_sync(host, lun, 0, BLOCK, BLOCK, 0, 0, 0, 0, 0);
	uint8_t value;

	assert_non_null(task);
	assert_int_equal(task->status, SCSI_STATUS_GOOD);
	assert_int_equal(task->datain.size, BLOCK);
	value = task->datain.data[0];
	scsi_free_scsi_task(task);
	return value;
}

/* TEST UNIT READY: the additional sense code and qualifier; 0: GOOD */
static int ready(struct iscsi_context *host, int lun)
{
	struct scsi_task *task = iscsi_testunitready_sync(host, lun);
	int ascq;

	assert_non_null(task);
	ascq = task->status == SCSI_STATUS_GOOD ? 0 : task->sense.ascq;
	scsi_free_scsi_task(task);
	return ascq;
}

static void on_written(struct iscsi_context *host, int status, void *data, void *arg)
{
	(void)host;
	(void)data;
	*(int *)arg = status;
}

static void service(struct iscsi_context *host)
{
	struct pollfd fd = { .fd = iscsi_get_fd(host), .events = (short)iscsi_which_events(host) };

	assert_true(poll(&fd, 1, TIMEOUT_S * 1000) > 0);
	iscsi_service(host, fd.revents);
}

/* Sends a write and does not wait for its end: *status changes from -1 then. */
static struct scsi_task *write_async(struct iscsi_context *host, uint8_t value, int *status)
{
	struct scsi_task *task;

	*status = -1;
	memset(block, value, BLOCK);
	task = iscsi_write10_task(host, 0, 0, block, BLOCK, BLOCK, 0, 0, 0, 0, 0, on_written, status);
	assert_non_null(task);
	while (iscsi_out_queue_length(host))
		service(host);
	return task;
}

static void await(struct iscsi_context *host, const int *status)
{
	while (*status == -1)
		service(host);
}

/*
 * Tests
 */

static void test_counters(void **state)
{
	struct iscsi_context *a = login(0), *b = login(1);

	(void)state;
	ready(a, 5); /* takes the unit attention of the login away; that of LUN 0 is gone */
	ready(b, 5);
	must("stats reset");
	write_sync(a, 5, 0x77);
	assert_int_equal(read_sync(b, 5), 0x77);
	assert_int_equal(read_sync(b, 5), 0x77);
	must("stats");
	assert_non_null(strstr(answer, "lun=5 portal=0 commands=1 reads=0 writes=1 read_bytes=0 written_bytes=512 "));
	assert_non_null(strstr(answer, "lun=5 portal=1 commands=2 reads=2 writes=0 read_bytes=1024 written_bytes=0 "));
	assert_non_null(strstr(answer, "lun=0 portal=0 commands=0 "));
	logout(a);
	logout(b);
}

static void test_hang_and_release(void **state)
{
	struct iscsi_context *a = login(0), *b = login(1);
	struct scsi_task *task;
	int status;

	(void)state;
	write_sync(b, 0, 1);
	must("fault add portal=0 opcode=write action=hang");
	task = write_async(a, 2, &status);
	wait_for("fault list", "held=1");
	assert_int_equal(read_sync(b, 0), 1);
	must("fault release");
	assert_non_null(strstr(answer, "released=1"));
	await(a, &status);
	assert_int_equal(status, SCSI_STATUS_GOOD);
	assert_int_equal(read_sync(b, 0), 2);
	scsi_free_scsi_task(task);
	logout(a);
	logout(b);
}

/* A write that hangs when its connection is lost: dropped, or late. */
static void lose(const char *rule, const char *left, uint8_t expected)
{
	struct iscsi_context *a = login(0), *b = login(1);
	struct scsi_task *task;
	int status;

	write_sync(b, 0, 1);
	must(rule);
	task = write_async(a, 2, &status);
	wait_for("fault list", "held=1");
	iscsi_destroy_context(a);
	scsi_free_scsi_task(task);
	wait_for("fault list", left);
	assert_int_equal(read_sync(b, 0), 1);
	must("fault release");
	assert_int_equal(read_sync(b, 0), expected);
	logout(b);
}

static void test_lost_write_is_dropped(void **state)
{
	(void)state;
	lose("fault add portal=0 opcode=0x2a action=hang", "held=0 copies=0", 1);
}

static void test_lost_write_lands_late(void **state)
{
	(void)state;
	lose("fault add portal=0 opcode=0x2a action=hang late=1", "held=1 copies=1", 2);
}

static void test_drop(void **state)
{
	struct iscsi_context *a = login(0), *b = login(1);
	struct scsi_task *task;
	int status;

	(void)state;
	write_sync(b, 0, 1);
	must("fault add opcode=write count=1 action=drop");
	task = write_async(a, 2, &status);
	await(a, &status);
	assert_int_not_equal(status, SCSI_STATUS_GOOD);
	scsi_free_scsi_task(task);
	iscsi_destroy_context(a);
	assert_int_equal(read_sync(b, 0), 1);
	logout(b);
}

static void test_group(void **state)
{
	struct iscsi_context *a = login(0), *b = login(1);

	(void)state;
	assert_int_equal(ready(b, 0), 0);
	must("group 2 standby");
	assert_int_equal(ready(b, 0), 0x2a06); /* each nexus hears of it once, on each LUN */
	assert_int_equal(ready(b, 0), 0x040b);
	assert_int_equal(ready(a, 0), 0x2a06);
	assert_int_equal(ready(a, 0), 0);
	must("groups");
	assert_non_null(strstr(answer, "group=2 state=standby"));
	assert_string_equal(command("group 3 standby"), "no such target port group\n");

	assert_string_equal(command("group 1 standby 3 standby"), "no such target port group\n");
	assert_int_equal(ready(a, 0), 0); /* nothing was changed */
	must("group 1 standby 2 optimized");
	must("groups");
	assert_non_null(strstr(answer, "group=1 state=standby"));
	assert_non_null(strstr(answer, "group=2 state=optimized"));
	assert_string_equal(command("group 1"), "group takes target port groups, each with a state or prefer\n");
	logout(a);
	logout(b);
}

/* A port that says nothing, and does what it was told meanwhile when it speaks again. */
static void test_silent_portal(void **state)
{
	struct iscsi_context *a = login(0), *b = login(1);
	struct pollfd fd = { .fd = iscsi_get_fd(b), .events = POLLIN };
	struct scsi_task *task;
	int status = -1;

	(void)state;
	assert_int_equal(ready(a, 0), 0);
	assert_int_equal(ready(b, 0), 0);
	must("portal 1 silent");
	task = write_async(b, 5, &status);
	assert_int_equal(poll(&fd, 1, 200), 0);
	assert_int_equal(ready(a, 0), 0); /* the other one goes on */
	must("portal 1 serve");
	await(b, &status);
	assert_int_equal(status, SCSI_STATUS_GOOD);
	scsi_free_scsi_task(task);
	logout(a);
	logout(b);
}

static void test_resize(void **state)
{
	struct iscsi_context *a = login(0);
	struct scsi_task *task;
	struct scsi_readcapacity10 *capacity;

	(void)state;
	must("resize 0 2M");
	assert_int_equal(ready(a, 0), 0x2a09);
	assert_int_equal(ready(a, 0), 0);
	task = iscsi_readcapacity10_sync(a, 0, 0, 0);
	assert_non_null(task);
	capacity = scsi_datain_unmarshall(task);
	assert_non_null(capacity);
	assert_int_equal(capacity->lba, 4095);
	scsi_free_scsi_task(task);
	assert_non_null(command("resize 0 1000"));
	assert_non_null(command("resize 3 1M"));
	logout(a);
}

static void test_portal(void **state)
{
	struct iscsi_context *a = login(0);

	(void)state;
	must("portal 1 refuse");
	assert_null(try_login(1));
	must("portal 1 serve");
	logout(login(1));
	must("portal 1 flap:1/60000"); /* down, and up again for longer than the test takes */
	wait_for("portals", "tpgt=2 group=2 serving=yes");
	logout(login(1));
	assert_non_null(command("portal 2 refuse"));
	assert_non_null(command("portal 1 flap:0/1"));
	assert_int_equal(ready(a, 0), 0);
	logout(a);
}

/*
 * Reservations
 */

#define KEY_A 0xa1
#define KEY_B 0xb2

/* PERSISTENT RESERVE OUT as Write Exclusive - Registrants Only: the status. */
static int reserve_out(struct iscsi_context *host, int action, uint64_t key, uint64_t action_key)
{
	struct scsi_persistent_reserve_out_basic list = { .reservation_key = key,
							  .service_action_reservation_key = action_key };
	struct scsi_task *task =
		iscsi_persistent_reserve_out_sync(host, 0, action, SCSI_PERSISTENT_RESERVE_SCOPE_LU,
						  SCSI_PERSISTENT_RESERVE_TYPE_WRITE_EXCLUSIVE_REGISTRANTS_ONLY, &list);
	int status;

	assert_non_null(task);
	status = task->status;
	scsi_free_scsi_task(task);
	return status;
}

static void must_reserve_out(struct iscsi_context *host, int action, uint64_t key, uint64_t action_key)
{
	assert_int_equal(reserve_out(host, action, key, action_key), SCSI_STATUS_GOOD);
}

static int write_status(struct iscsi_context *host)
{
	struct scsi_task *task = iscsi_write10_sync(host, 0, 0, block, BLOCK, BLOCK, 0, 0, 0, 0, 0);
	int status;

	assert_non_null(task);
	status = task->status;
	scsi_free_scsi_task(task);
	return status;
}

/* One key is registered, that one. */
static void assert_only_key(struct iscsi_context *host, uint64_t key)
{
	struct scsi_task *task = iscsi_persistent_reserve_in_sync(host, 0, SCSI_PERSISTENT_RESERVE_READ_KEYS, 512);
	struct scsi_persistent_reserve_in_read_keys *keys;

	assert_non_null(task);
	assert_int_equal(task->status, SCSI_STATUS_GOOD);
	keys = scsi_datain_unmarshall(task);
	assert_non_null(keys);
	assert_int_equal(keys->num_keys, 1);
	assert_int_equal(keys->keys[0], key);
	scsi_free_scsi_task(task);
}

/* Both are registered, and a has reserved. */
static void register_both(struct iscsi_context *a, struct iscsi_context *b)
{
	must_reserve_out(a, SCSI_PERSISTENT_RESERVE_REGISTER, 0, KEY_A);
	must_reserve_out(b, SCSI_PERSISTENT_RESERVE_REGISTER, 0, KEY_B);
	must_reserve_out(a, SCSI_PERSISTENT_RESERVE_RESERVE, KEY_A, 0);
}

static void test_registrants_only(void **state)
{
	struct iscsi_context *a = login(0), *b = login(1), *c = login(0);

	(void)state;
	register_both(a, b);
	write_sync(a, 0, 1);
	write_sync(b, 0, 2);
	assert_int_equal(write_status(c), SCSI_STATUS_RESERVATION_CONFLICT);
	assert_int_equal(read_sync(c, 0), 2);
	ready(c, 5);
	write_sync(c, 5, 3); /* the other logical unit is not reserved */
	must_reserve_out(c, SCSI_PERSISTENT_RESERVE_REGISTER, 0, KEY_A);
	write_sync(c, 0, 4);
	logout(c);
	c = login(0); /* another initiator port than before */
	assert_int_equal(write_status(c), SCSI_STATUS_RESERVATION_CONFLICT);
	logout(a);
	logout(b);
	logout(c);
}

/* b takes the key of a away while the array holds a write of a, which `rule` says. */
static void take_key(int action, const char *rule, int status, const char *released, uint8_t expected)
{
	struct iscsi_context *a = login(0), *b = login(1);
	struct scsi_task *task;
	int ended;

	register_both(a, b);
	write_sync(b, 0, 1);
	must(rule);
	task = write_async(a, 2, &ended);
	wait_for("fault list", "held=1");
	must_reserve_out(b, action, KEY_B, KEY_A);
	assert_only_key(b, KEY_B);
	assert_int_equal(read_sync(b, 0), 1);
	must("fault clear");
	must("fault release");
	assert_non_null(strstr(answer, released));
	await(a, &ended);
	assert_int_equal(ended, status);
	scsi_free_scsi_task(task);
	assert_int_equal(read_sync(b, 0), expected);
	assert_int_equal(ready(a, 0), 0x2a05); /* REGISTRATIONS PREEMPTED */
	assert_int_equal(write_status(a), SCSI_STATUS_RESERVATION_CONFLICT);
	write_sync(b, 0, 3);
	logout(a);
	logout(b);
}

static void test_preempt_and_abort(void **state)
{
	(void)state;
	take_key(SCSI_PERSISTENT_RESERVE_PREEMPT_AND_ABORT, "fault add portal=0 opcode=write action=hang",
		 SCSI_STATUS_TASK_ABORTED, "released=0", 1);
}

static void test_preempt(void **state)
{
	(void)state;
	take_key(SCSI_PERSISTENT_RESERVE_PREEMPT, "fault add portal=0 opcode=write action=hang",
		 SCSI_STATUS_RESERVATION_CONFLICT, "released=1", 1);
}

static void test_preempt_and_abort_fails(void **state)
{
	(void)state;
	take_key(SCSI_PERSISTENT_RESERVE_PREEMPT_AND_ABORT, "fault add portal=0 opcode=write action=hang late=1",
		 SCSI_STATUS_TASK_ABORTED, "released=1", 2);
}

/* Two of one nexus are held: PREEMPT AND ABORT of its own key, and a write, which ends; the command itself does not. */
static void test_preempt_held(void **state)
{
	struct iscsi_context *a = login(0), *b = login(1);
	struct scsi_task *task;
	int ended;

	(void)state;
	must_reserve_out(a, SCSI_PERSISTENT_RESERVE_REGISTER, 0, KEY_A);
	must_reserve_out(a, SCSI_PERSISTENT_RESERVE_RESERVE, KEY_A, 0);
	write_sync(a, 0, 1);
	must("fault add opcode=write action=hang");
	must("fault add opcode=0x5f action=delay:1");
	task = write_async(a, 2, &ended);
	must_reserve_out(a, SCSI_PERSISTENT_RESERVE_PREEMPT_AND_ABORT, KEY_A, KEY_A);
	await(a, &ended);
	assert_int_equal(ended, SCSI_STATUS_TASK_ABORTED);
	scsi_free_scsi_task(task);
	assert_int_equal(read_sync(b, 0), 1);
	logout(a);
	logout(b);
}

/* RESERVE of SPC-2 ends with the session. */
static void test_reserve6(void **state)
{
	struct iscsi_context *a = login(0), *b = login(1);
	struct scsi_task *task = iscsi_reserve6_sync(a, 0);

	(void)state;
	assert_non_null(task);
	assert_int_equal(task->status, SCSI_STATUS_GOOD);
	scsi_free_scsi_task(task);
	assert_int_equal(write_status(b), SCSI_STATUS_RESERVATION_CONFLICT);
	assert_int_equal(reserve_out(b, SCSI_PERSISTENT_RESERVE_REGISTER, 0, KEY_B), SCSI_STATUS_RESERVATION_CONFLICT);
	ready(b, 5);
	write_sync(b, 5, 1);
	logout(a);
	for (unsigned i = 0; i < POLLS_MAX && write_status(b) != SCSI_STATUS_GOOD; i++)
		;
	write_sync(b, 0, 2);
	logout(b);
}

static void test_bad_commands(void **state)
{
	static const char *const lines[] = {
		"",
		" ",
		"stat",
		"statsx",
		"fault",
		"fault add",
		"fault  release x",
		"end 99",
		"resize",
		"a b c d e f g h i",
		"a b c d e f g h i j k l m n o p q r s t u v w x y z",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
		assert_non_null(command(lines[i]));
	must(" stats ");
	must("fault \t list");
	must("help");
	must("luns");
	must("sessions");
}

int main(void)
{
#define ARRAY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		ARRAY_TEST(test_counters),
		ARRAY_TEST(test_hang_and_release),
		ARRAY_TEST(test_lost_write_is_dropped),
		ARRAY_TEST(test_lost_write_lands_late),
		ARRAY_TEST(test_drop),
		ARRAY_TEST(test_group),
		ARRAY_TEST(test_silent_portal),
		ARRAY_TEST(test_resize),
		ARRAY_TEST(test_portal),
		ARRAY_TEST(test_registrants_only),
		ARRAY_TEST(test_preempt_and_abort),
		ARRAY_TEST(test_preempt),
		ARRAY_TEST(test_preempt_and_abort_fails),
		ARRAY_TEST(test_preempt_held),
		ARRAY_TEST(test_reserve6),
		ARRAY_TEST(test_bad_commands),
	};
	int failed;

	log_set_level(LOG_LEVEL_ERROR);
	if (!mkdtemp(folder))
		return 1;
	snprintf(socket_path, sizeof(socket_path), "%s/control", folder);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	return failed;
}
