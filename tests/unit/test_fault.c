/* Faults: which commands a rule takes, and what becomes of those it holds when they are released, aborted, or both. */
#include "target/array/fault.h"
#include "target/target.h"
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COMMANDS 4

static struct clock clock_;
static struct faults faults;
static struct target_nexus nexus;
static struct scsi_cmd cmds[COMMANDS];
static struct fault_hold holds[COMMANDS];
static uint8_t data[COMMANDS][8];
static unsigned executed, done, rejected, ended_session;
static uint8_t landed; /* the first byte of the last write */

void scsi_cmd_done(struct scsi_cmd *cmd)
{
	(void)cmd;
	done++;
}

void scsi_cmd_reject(struct scsi_cmd *cmd)
{
	rejected++;
	scsi_cmd_done(cmd);
}

static void on_land(void *arg, struct scsi_cmd *cmd)
{
	(void)arg;
	executed++;
	if (cmd->dir == SCSI_DIR_OUT)
		landed = cmd->data[0];
	assert_int_equal(cmd->nexus->portal, 1);
}

static void on_run(void *arg, struct scsi_cmd *cmd)
{
	on_land(arg, cmd);
	scsi_cmd_done(cmd);
}

static void on_end_session(void *arg, uint32_t session_id)
{
	(void)arg;
	ended_session = session_id;
}

static int setup(void **state)
{
	static const struct fault_ops ops = { .run = on_run, .land = on_land, .end_session = on_end_session };

	(void)state;
	clock_init(&clock_, 0, NULL);
	faults_init(&faults, &clock_, &ops, NULL);
	nexus = (struct target_nexus){ .session_id = 5, .portal = 1 };
	executed = done = rejected = ended_session = 0;
	landed = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	faults_done(&faults);
	assert_int_equal(clock_next_us(&clock_), CLOCK_NEVER);
	clock_done(&clock_);
	return 0;
}

/* Adds a rule given as one line; what is wrong with it, or NULL. */
static const char *add(const char *line, unsigned *id)
{
	char *copy = strdup(line), *rest = copy, *words[8];
	size_t count = 0;
	const char *wrong;

	while (rest && *rest)
		words[count++] = strsep(&rest, " ");
	wrong = fault_add(&faults, words, count, id);
	free(copy);
	return wrong;
}

static unsigned must_add(const char *line)
{
	unsigned id = 0;

	assert_null(add(line, &id));
	assert_int_not_equal(id, 0);
	return id;
}

static bool take(unsigned i, uint8_t opcode, enum scsi_dir dir)
{
	cmds[i] = (struct scsi_cmd){
		.cdb = { opcode },
		.dir = dir,
		.nexus = &nexus,
		.data = data[i],
		.expected = 8,
		.capacity = 8,
		.ctx = &holds[i],
	};
	memset(data[i], 0x40 + (int)i, 8);
	return fault_take(&faults, &cmds[i]);
}

static void test_matching(void **state)
{
	(void)state;
	must_add("portal=1 lun=0 opcode=0x2a,0x8a count=2 action=status:busy");
	assert_false(take(0, 0x28, SCSI_DIR_IN));
	nexus.portal = 0;
	assert_false(take(0, 0x2a, SCSI_DIR_OUT));
	nexus.portal = 1;
	assert_true(take(0, 0x2a, SCSI_DIR_OUT));
	assert_int_equal(cmds[0].status, SCSI_BUSY);
	assert_true(take(0, 0x8a, SCSI_DIR_OUT));
	assert_false(take(0, 0x2a, SCSI_DIR_OUT)); /* two were asked for */
	must_add("opcode=read action=error:3/11/0");
	assert_true(take(0, 0x88, SCSI_DIR_IN));
	assert_int_equal(cmds[0].sense[2], SENSE_MEDIUM_ERROR);
	assert_int_equal(cmds[0].sense[12], 0x11);
	assert_false(take(0, 0x2a, SCSI_DIR_OUT));
	assert_int_equal(done, 3);
	assert_int_equal(executed, 0);
	assert_int_equal(fault_clear(&faults, 0), 2);
	assert_false(take(0, 0x88, SCSI_DIR_IN));
}

static void test_delay(void **state)
{
	(void)state;
	must_add("action=delay:250");
	assert_true(take(0, 0x2a, SCSI_DIR_OUT));
	clock_advance(&clock_, 249 * US_PER_MS);
	assert_int_equal(executed, 0);
	clock_advance(&clock_, 250 * US_PER_MS);
	assert_int_equal(executed, 1);
	assert_int_equal(done, 1);
}

static void test_hang(void **state)
{
	unsigned first;

	(void)state;
	first = must_add("opcode=0x2a action=hang");
	must_add("opcode=0x8a action=hang");
	assert_true(take(0, 0x2a, SCSI_DIR_OUT));
	assert_true(take(1, 0x8a, SCSI_DIR_OUT));
	clock_advance(&clock_, 3600 * US_PER_S);
	assert_int_equal(done, 0);
	fault_clear(&faults, 0); /* what is held stays held */
	assert_int_equal(fault_release(&faults, first), 1);
	assert_int_equal(landed, 0x40);
	assert_int_equal(fault_release(&faults, 0), 1);
	assert_int_equal(landed, 0x41);
	assert_int_equal(done, 2);
}

/* An aborted task does not land... */
static void test_abort(void **state)
{
	(void)state;
	must_add("action=hang");
	assert_true(take(0, 0x2a, SCSI_DIR_OUT));
	fault_abort(&cmds[0]);
	assert_int_equal(done, 1);
	assert_int_equal(fault_release(&faults, 0), 0);
	assert_int_equal(executed, 0);
}

/* ...unless it is told to; then it lands as it was sent, although its session and its buffer are gone. */
static void test_late(void **state)
{
	(void)state;
	must_add("action=hang late=1");
	assert_true(take(0, 0x2a, SCSI_DIR_OUT));
	assert_true(take(1, 0x28, SCSI_DIR_IN));
	fault_abort(&cmds[0]);
	fault_abort(&cmds[1]);
	assert_int_equal(done, 2);
	memset(&cmds, 0, sizeof(cmds));
	memset(&holds, 0, sizeof(holds));
	memset(data, 0, sizeof(data));
	nexus.portal = 99;
	assert_int_equal(fault_release(&faults, 0), 1); /* of the read nothing is left */
	assert_int_equal(executed, 1);
	assert_int_equal(landed, 0x40);
	assert_int_equal(done, 2);
}

static void test_late_delay(void **state)
{
	(void)state;
	must_add("action=delay:100 late=1");
	assert_true(take(0, 0x2a, SCSI_DIR_OUT));
	clock_advance(&clock_, 40 * US_PER_MS);
	fault_abort(&cmds[0]);
	clock_advance(&clock_, 99 * US_PER_MS);
	assert_int_equal(executed, 0);
	clock_advance(&clock_, 100 * US_PER_MS);
	assert_int_equal(executed, 1);
	assert_true(take(1, 0x2a, SCSI_DIR_OUT));
	fault_abort(&cmds[1]); /* the copy is freed by the teardown */
}

static bool is_write16(const struct fault_hold *hold, const void *arg)
{
	(void)arg;
	return !hold->copy && hold->cmd->cdb[0] == 0x8a;
}

/* Those that are chosen end, and no others. */
static void test_abort_all(void **state)
{
	(void)state;
	must_add("opcode=0x2a action=hang");
	must_add("opcode=0x8a action=hang late=1");
	assert_true(take(0, 0x8a, SCSI_DIR_OUT));
	assert_true(take(1, 0x2a, SCSI_DIR_OUT));
	assert_true(take(2, 0x8a, SCSI_DIR_OUT));
	fault_abort_all(&faults, is_write16, NULL);
	assert_int_equal(done, 2);
	assert_int_equal(cmds[0].status, SCSI_TASK_ABORTED);
	assert_int_equal(cmds[2].status, SCSI_TASK_ABORTED);
	assert_int_equal(executed, 0);
	assert_int_equal(fault_release(&faults, 0), 3); /* the third command and the copies of the others */
	assert_int_equal(executed, 3);
	assert_int_equal(landed, 0x42);
	assert_int_equal(done, 3);
}

static void test_drop(void **state)
{
	(void)state;
	must_add("count=1 action=drop");
	assert_true(take(0, 0x2a, SCSI_DIR_OUT));
	assert_int_equal(ended_session, 5);
	assert_int_equal(done, 0);
	fault_abort(&cmds[0]); /* as the target does when the session ends */
	assert_int_equal(executed, 0);
}

static void test_reject(void **state)
{
	(void)state;
	must_add("count=1 action=reject");
	assert_true(take(0, 0x2a, SCSI_DIR_OUT));
	assert_int_equal(rejected, 1);
	assert_int_equal(executed, 0);
	assert_false(take(0, 0x2a, SCSI_DIR_OUT));
}

static void test_bad_rules(void **state)
{
	static const char *const lines[] = {
		"",
		"portal=1",
		"portal=x action=hang",
		"lun=1024 action=hang",
		"opcode=0x100 action=hang",
		"opcode=0x2a, action=hang",
		"count=-1 action=hang",
		"late=2 action=hang",
		"action=hang:1",
		"action=delay",
		"action=delay:x",
		"action=delay:3600001",
		"action=error:1/2",
		"action=error:10/0/0",
		"action=error:3/11/0/0",
		"action=status:good",
		"action=sleep",
		"action",
		"speed=1 action=hang",
	};
	unsigned id;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
		assert_non_null(add(lines[i], &id));
	assert_false(take(0, 0x2a, SCSI_DIR_OUT));
}

int main(void)
{
#define FAULT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		FAULT_TEST(test_matching), FAULT_TEST(test_delay),     FAULT_TEST(test_hang),
		FAULT_TEST(test_abort),    FAULT_TEST(test_late),      FAULT_TEST(test_late_delay),
		FAULT_TEST(test_drop),     FAULT_TEST(test_bad_rules), FAULT_TEST(test_abort_all),
		FAULT_TEST(test_reject),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
