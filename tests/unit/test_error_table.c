/*
 * Section 4 of the semantics as a table: what every condition does to a host's command and to its path, on the real
 * engine. Each row is two tests: the condition comes as often as the row has attempts that fail, and then for ever: the
 * command ends then, too, within its bound, and everything is well when the condition is over.
 */
#include "gateway/base/memory.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define S US_PER_S
#define MS US_PER_MS

#define READ 0x88
#define WRITE 0x8a
#define FOREVER 1000000
#define SLACK_US (50 * MS) /* for the way there and back */

/* With the timers as they come. */
#define RETRY_COUNT 3
#define RETRY_INTERVAL_MS 1000
#define PERIOD_US (20 * S) /* pdo_remove_period */
#define MOMENT_MS 100 /* an uncounted retry */

#define ATTEMPTS_MAX 64

enum scene { PLAIN, ALUA, FENCED };

/* How a command ends that meets the condition for ever. */
enum end {
	RETURNED, /* it is the host's at once */
	ONCE, /* after one more attempt */
	COUNTED, /* after retry_count more, retry_interval apart but for the first, which may be due at once */
	TIMED, /* after pdo_remove_period, uncounted */
	RENEWED, /* the same, but no usable path for a while in between: after twice that at most */
	CONFLICTS, /* the fence is put up again a number of times; bounded by time as well */
};

enum fate { KEPT, DOUBTED }; /* of the path; DOUBTED: it has failed, and was verified before it was used again */

/* What the array is asked besides, over the path that failed. */
enum seen { RTPG = 1 << 0, IDENTIFY = 1 << 1, VERIFY = 1 << 2, REGISTER = 1 << 3, AGAIN = IDENTIFY | REGISTER };

struct row {
	const char *name;
	enum scene scene;
	uint8_t opcode, status, key;
	uint16_t asc;
	/* The portals that the attempts go to, the last of which succeeds where the row retries at all: a and b are in
	 * one target port group, c and d in the other. */
	const char *ways;
	unsigned gap_ms; /* from the first attempt to the second */
	enum end end;
	enum fate fate;
	unsigned seen; /* of enum seen: exactly these */
	const char *events; /* types of those that the journal has then; NULL: none */
};

#define SENSE(key, asc) READ, SCSI_CHECK_CONDITION, (key), (asc)
#define STATUS(opcode, status) (opcode), (status), 0, 0

/* clang-format off */
static const struct row rows[] = {
	{ "E5 transitioning", ALUA, SENSE(2, 0x040a), .ways = "ac", .gap_ms = MOMENT_MS, .end = TIMED, .seen = RTPG, .events = "access-changed" },
	{ "E5 transitioning, as a unit attention", ALUA, SENSE(6, 0x040a),
	  .ways = "ac", .gap_ms = MOMENT_MS, .end = TIMED, .seen = RTPG, .events = "access-changed" },
	{ "E5 transitioning, three times", ALUA, SENSE(2, 0x040a),
	  .ways = "acac", .gap_ms = MOMENT_MS, .end = TIMED, .seen = RTPG, .events = "access-changed" },
	{ "E6 standby", ALUA, SENSE(2, 0x040b), .ways = "ac", .gap_ms = MOMENT_MS, .end = TIMED, .seen = RTPG, .events = "access-changed" },
	{ "E6 unavailable", ALUA, SENSE(2, 0x040c), .ways = "ac", .gap_ms = MOMENT_MS, .end = TIMED, .seen = RTPG, .events = "access-changed" },
	{ "E7 becoming ready", PLAIN, SENSE(2, 0x0401), .ways = "aaa", .gap_ms = RETRY_INTERVAL_MS, .end = COUNTED },
	{ "E8 controller update", PLAIN, SENSE(2, 0x0403), .ways = "ab", .end = COUNTED },
	{ "E9 not ready, no cause", PLAIN, SENSE(2, 0x0400),
	  .ways = "ab", .end = COUNTED, .fate = DOUBTED, .seen = VERIFY },
	{ "E9 not ready, self-test", PLAIN, SENSE(2, 0x0409),
	  .ways = "ab", .end = COUNTED, .fate = DOUBTED, .seen = VERIFY },
	{ "E9 not ready, stopped by the host", PLAIN, SENSE(2, 0x0402), .ways = "a", .end = RETURNED },
	{ "E10 access state changed", ALUA, SENSE(6, 0x2a06), .ways = "aa", .end = TIMED, .seen = RTPG },
	{ "E10 transition failed", ALUA, SENSE(6, 0x2a07), .ways = "aa", .end = TIMED, .seen = RTPG },
	{ "E11 capacity changed", PLAIN, SENSE(6, 0x2a09), .ways = "ab", .end = RENEWED, .seen = AGAIN, .events = "link-down link-up" },
	{ "E12 LUNs changed", PLAIN, SENSE(6, 0x3f0e), .ways = "ab", .end = RENEWED, .seen = AGAIN, .events = "link-down link-up" },
	{ "E12 inquiry data changed", PLAIN, SENSE(6, 0x3f03), .ways = "ab", .end = RENEWED, .seen = AGAIN, .events = "link-down link-up" },
	{ "E12 inquiry data changed, everywhere", PLAIN, SENSE(6, 0x3f03),
	  .ways = "abcda", .end = RENEWED, .seen = AGAIN, .events = "link-down link-up" },
	{ "E13 power on or reset", ALUA, SENSE(6, 0x2900), .ways = "aa", .end = COUNTED, .seen = RTPG,
	  .events = "lu-reset" },
	{ "E13 nexus loss", ALUA, SENSE(6, 0x2907), .ways = "aaa", .end = COUNTED, .seen = RTPG },
	{ "E14 mode parameters changed", PLAIN, SENSE(6, 0x2a01), .ways = "a", .end = RETURNED },
	{ "E14 commands cleared", PLAIN, SENSE(6, 0x2f00), .ways = "a", .end = RETURNED },
	{ "E15 space: threshold", PLAIN, SENSE(6, 0x3807), .ways = "a", .end = RETURNED, .events = "space" },
	{ "E15 space: allocation in progress", PLAIN, SENSE(2, 0x0414),
	  .ways = "a", .end = RETURNED, .events = "space" },
	{ "E15 space: exhausted", PLAIN, SENSE(7, 0x2707), .ways = "a", .end = RETURNED, .events = "space" },
	{ "E16 LU not supported", PLAIN, SENSE(5, 0x2500),
	  .ways = "ab", .end = COUNTED, .fate = DOUBTED, .seen = AGAIN, .events = "link-down link-up" },
	{ "E17 invalid opcode", PLAIN, SENSE(5, 0x2000), .ways = "a", .end = RETURNED },
	{ "E17 LBA out of range", PLAIN, SENSE(5, 0x2100), .ways = "a", .end = RETURNED },
	{ "E17 invalid function", PLAIN, SENSE(5, 0x2200), .ways = "a", .end = RETURNED },
	{ "E17 invalid field in CDB", PLAIN, SENSE(5, 0x2400), .ways = "a", .end = RETURNED },
	{ "E17 invalid field in parameters", PLAIN, SENSE(5, 0x2600), .ways = "a", .end = RETURNED },
	{ "E17 miscompare", PLAIN, SENSE(0xe, 0x1d00), .ways = "a", .end = RETURNED },
	{ "E17 medium error", PLAIN, SENSE(3, 0x1100), .ways = "a", .end = RETURNED },
	{ "E17 protection information", PLAIN, SENSE(0xb, 0x1001), .ways = "a", .end = RETURNED },
	{ "E17 write protected", PLAIN, SENSE(7, 0x2000), .ways = "a", .end = RETURNED },
	{ "E18 aborted command", PLAIN, SENSE(0xb, 0x4400),
	  .ways = "aa", .end = COUNTED, .fate = DOUBTED, .seen = VERIFY },
	{ "E18 aborted command, twice", PLAIN, SENSE(0xb, 0x4400),
	  .ways = "aab", .end = COUNTED, .fate = DOUBTED, .seen = VERIFY },
	{ "E19 hardware error", PLAIN, SENSE(4, 0x4400), .ways = "ab", .end = ONCE, .fate = DOUBTED, .seen = VERIFY },
	{ "E20 no sense data", PLAIN, STATUS(READ, SCSI_CHECK_CONDITION),
	  .ways = "ab", .end = COUNTED, .fate = DOUBTED, .seen = VERIFY },
	{ "E20 empty sense data", PLAIN, SENSE(0, 0), .ways = "ab", .end = COUNTED, .fate = DOUBTED, .seen = VERIFY },
	{ "E21 BUSY", PLAIN, STATUS(READ, SCSI_BUSY), .ways = "aaaa", .gap_ms = MOMENT_MS, .end = TIMED },
	{ "E21 TASK SET FULL", PLAIN, STATUS(WRITE, SCSI_TASK_SET_FULL),
	  .ways = "aaaa", .gap_ms = MOMENT_MS, .end = TIMED },
	{ "E22 conflict", PLAIN, STATUS(WRITE, SCSI_RESERVATION_CONFLICT), .ways = "a", .end = RETURNED },
	{ "E22 conflict, with the fence's key gone", FENCED, STATUS(WRITE, SCSI_RESERVATION_CONFLICT),
	  .ways = "ab", .end = CONFLICTS, .seen = REGISTER },
	{ "E23 TASK ABORTED", PLAIN, STATUS(WRITE, SCSI_TASK_ABORTED), .ways = "ab", .end = COUNTED },
};
/* clang-format on */

struct stage {
	const struct row *row;
	struct world *world;
	struct disk *disk;
	struct path *first; /* over portal a */
	struct sim_fault *fault;
	struct sim_io io;
	uint64_t last_event; /* of the journal, before the command */
	char ways[ATTEMPTS_MAX + 1]; /* of the attempts seen so far */
	unsigned attempts;
	uint64_t attempt_us[2];
	unsigned seen;
};

/* ---- the stage --------------------------------------------------------------------------------------------------- */

static unsigned seen_of(uint8_t opcode)
{
	switch (opcode) {
	case 0xa3:
		return RTPG;
	case 0x12:
		return IDENTIFY;
	case 0x00:
		return VERIFY;
	case 0x5f:
		return REGISTER;
	}
	return 0;
}

static void on_heard(void *arg, const struct sim_portal *portal, uint16_t lun, const uint8_t *cdb)
{
	struct stage *stage = arg;

	if (lun != 0)
		return;
	if (cdb[0] != stage->row->opcode) {
		stage->seen |= portal->index == 0 ? seen_of(cdb[0]) : 0;
		return;
	}
	if (stage->attempts < 2)
		stage->attempt_us[stage->attempts] = sim_now_us(stage->world->sim);
	if (stage->attempts < ATTEMPTS_MAX)
		stage->ways[stage->attempts] = (char)('a' + portal->index);
	stage->attempts++;
}

/* Paths in the order of the portals, so that it is known where a command goes first and next. */
static void stage_order(struct stage *stage)
{
	static const char *const addresses[] = { PORTAL_1A, PORTAL_1B, PORTAL_2A, PORTAL_2B };

	for (unsigned i = 0; i < ARRAY_COUNT(addresses); i++)
		sim_gateway_path(stage->world->g, 0, stage->disk->number, addresses[i])->policy.weight = i;
}

static bool pass_over(const struct event_view *view, void *arg)
{
	(void)view;
	(void)arg;
	return true;
}

static struct stage *stage_create(const struct row *row)
{
	struct stage *stage = xcalloc(1, sizeof(*stage));
	struct world *world = stage->world = world_create(1);

	stage->row = row;
	for (unsigned i = 0; i < 2; i++) {
		world->lus[i]->tpgs = row->scene == ALUA;
		world->lus[i]->reservations.enabled = row->scene == FENCED;
	}
	world_start(world, "{'policies': {'default': 'weighted-paths'}}");
	assert_true(sim_gateway_settles(world->g, 10 * S));
	sim_run(world->sim, S);
	stage->disk = world_prefer(world, PORTAL_1A);
	stage->first = sim_gateway_path(world->g, 0, stage->disk->number, PORTAL_1A);
	stage_order(stage);
	stage->last_event = journal_each(world->g->gateway->journal, 0, pass_over, NULL);
	sim_io_init(&stage->io, world->sim);
	return stage;
}

static void stage_destroy(struct stage *stage)
{
	world_destroy(stage->world);
	free(stage);
}

/* The command is under way. */
static void stage_submit(struct stage *stage)
{
	stage->world->array->heard = on_heard;
	stage->world->array->heard_arg = stage;
	if (stage->row->opcode == READ)
		sim_io_read(&stage->io, stage->disk, 5);
	else
		sim_io_write(&stage->io, stage->disk, 5, 1);
}

/* The command, whose first `count` attempts meet the condition, from beginning to end. */
static void stage_run(struct stage *stage, unsigned count)
{
	const struct row *row = stage->row;

	stage->fault =
		sim_array_fault(stage->world->array, row->key || row->asc ? SIM_FAULT_SENSE : SIM_FAULT_STATUS, count);
	stage->fault->opcode = row->opcode;
	stage->fault->lun = 0;
	stage->fault->status = row->status;
	stage->fault->key = row->key;
	stage->fault->asc = row->asc;
	stage_submit(stage);
	assert_true(sim_io_wait(&stage->io, 300 * S));
	stage->world->array->heard = NULL;
}

static void assert_host_got_condition(const struct stage *stage)
{
	assert_int_equal(stage->io.io.status, stage->row->status);
	assert_int_equal(sim_io_key(&stage->io), stage->row->key);
	assert_int_equal(sim_io_asc(&stage->io), stage->row->asc);
}

/* ---- the condition comes and goes -------------------------------------------------------------------------------- */

struct expected_events {
	const char *types;
	unsigned count;
};

static bool match_type(const struct event_view *view, void *arg)
{
	struct expected_events *expected = arg;

	if (!expected->types || !strstr(expected->types, view->type))
		fail_msg("event %s: %s", view->type, view->message);
	expected->count++;
	return true;
}

static void assert_events(const struct stage *stage, const char *types)
{
	struct expected_events expected = { .types = types };

	journal_each(stage->world->g->gateway->journal, stage->last_event, match_type, &expected);
	assert_int_equal(expected.count != 0, types != NULL);
}

static void assert_path(const struct stage *stage)
{
	assert_int_equal(figure_get(&stage->first->cell->path_failures), stage->row->fate == DOUBTED);
	assert_int_equal(stage->seen, stage->row->seen);
	sim_run(stage->world->sim, 3 * S);
	assert_int_equal(sim_disk_paths(stage->disk, PATH_UP), 4);
	assert_int_equal(world_lane(stage->world, PORTAL_1A)->logins, 1);
}

static void test_once(void **state)
{
	const struct row *row = *state;
	struct stage *stage = stage_create(row);
	unsigned failing = row->end == RETURNED ? 1 : (unsigned)strlen(row->ways) - 1;

	stage_run(stage, failing);
	assert_string_equal(stage->ways, row->ways);
	if (row->end == RETURNED)
		assert_host_got_condition(stage);
	else
		assert_int_equal(stage->io.io.status, SCSI_GOOD);
	if (row->end != RETURNED)
		assert_in_range(stage->attempt_us[1] - stage->attempt_us[0], row->gap_ms * MS,
				row->gap_ms * MS + SLACK_US);
	if (row->end != CONFLICTS)
		assert_int_equal(figure_get(&stage->disk->cell->retries), strlen(row->ways) - 1);
	assert_int_equal(figure_get(&stage->disk->cell->io_errors), row->end == RETURNED);
	stage->world->array->heard = on_heard;
	sim_run(stage->world->sim, 20 * MS); /* what the verdict has begun comes to its end */
	stage->world->array->heard = NULL;
	assert_path(stage);
	assert_events(stage, row->events);
	stage_destroy(stage);
}

/* ---- the condition stays ----------------------------------------------------------------------------------------- */

static void assert_bounded(const struct stage *stage)
{
	uint64_t took = stage->io.ended_us - stage->io.started_us;
	uint64_t counted = (RETRY_COUNT - (stage->row->gap_ms < RETRY_INTERVAL_MS)) * RETRY_INTERVAL_MS * MS;

	switch (stage->row->end) {
	case RETURNED:
	case ONCE:
		assert_int_equal(stage->attempts, stage->row->end == ONCE ? 2 : 1);
		assert_true(took <= SLACK_US);
		break;
	case COUNTED:
		assert_int_equal(stage->attempts, RETRY_COUNT + 1);
		assert_in_range(took, counted, counted + SLACK_US);
		break;
	case TIMED:
		assert_true(stage->attempts > RETRY_COUNT + 1);
		assert_in_range(took, PERIOD_US, PERIOD_US + S);
		break;
	case RENEWED:
		assert_in_range(took, PERIOD_US, 2 * PERIOD_US + S);
		break;
	case CONFLICTS:
		assert_in_range(stage->attempts, 2, DSM_PATHS_MAX + 1);
		assert_true(took <= PERIOD_US);
		break;
	}
}

static void test_for_ever(void **state)
{
	struct stage *stage = stage_create(*state);
	struct sim_io next;

	stage_run(stage, FOREVER);
	assert_host_got_condition(stage);
	assert_bounded(stage);
	assert_int_equal(figure_get(&stage->disk->cell->io_errors), 1);
	stage->fault->count = 0;
	sim_run(stage->world->sim, 5 * S);
	assert_int_equal(sim_disk_paths(stage->disk, PATH_UP), 4);
	assert_int_equal(world_lane(stage->world, PORTAL_1A)->logins, 1);
	sim_io_init(&next, stage->world->sim);
	sim_io_read(&next, stage->disk, 5);
	assert_true(sim_io_wait(&next, S));
	assert_int_equal(next.io.status, SCSI_GOOD);
	stage_destroy(stage);
}

/* ---- the link is lost with the command inside (E1) --------------------------------------------------------------- */

struct loss {
	const char *name;
	enum scene scene;
	uint8_t opcode;
	void (*happens)(struct stage *stage);
	uint64_t within_us;
	const char *reason; /* in the event */
	const char *form; /* of the fence; NULL: none */
	bool stays; /* the link does not come back by itself */
};

static void connection_reset(struct stage *stage)
{
	sim_portal_reset(stage->world->portals[0]);
}

static void login_refused(struct stage *stage)
{
	stage->world->portals[0]->refuse = true;
	sim_portal_reset(stage->world->portals[0]);
}

static void portal_gone(struct stage *stage)
{
	sim_portal_down(stage->world->portals[0], true);
}

static void link_silent(struct stage *stage)
{
	sim_portal_black_hole(stage->world->portals[0], true);
}

/* clang-format off */
static const struct loss losses[] = {
	{ "E1 reset, read", PLAIN, READ, connection_reset, 10 * MS, "reset", NULL, false },
	{ "E1 reset, write", PLAIN, WRITE, connection_reset, 10 * MS, "reset", "session", false },
	{ "E1 reset, write with a reservation", FENCED, WRITE, connection_reset, 10 * MS, "reset", "reservation", false },
	{ "E1 login refused, read", PLAIN, READ, login_refused, 10 * MS, "reset", NULL, true },
	{ "E1 login refused, write", PLAIN, WRITE, login_refused, 10 * MS, "reset", "session", true },
	{ "E1 portal gone, write", PLAIN, WRITE, portal_gone, 10 * MS, "", "session", true },
	{ "E1 silent, read", PLAIN, READ, link_silent, 600 * MS, "silent", NULL, true },
	{ "E1 silent, write", PLAIN, WRITE, link_silent, 650 * MS, "silent", "session", true },
	{ "E1 silent, write with a reservation", FENCED, WRITE, link_silent, 650 * MS, "silent", "reservation", true },
};
/* clang-format on */

static void test_link_lost(void **state)
{
	const struct loss *loss = *state;
	const struct row row = { loss->name, loss->scene, loss->opcode, 0, 0, 0, .ways = "ab" };
	struct stage *stage = stage_create(&row);
	struct sim_fault *hang = sim_array_fault(stage->world->array, SIM_FAULT_HANG, 1);

	hang->opcode = loss->opcode;
	stage_submit(stage);
	sim_run(stage->world->sim, 5 * MS);
	assert_int_equal(hang->hits, 1);
	loss->happens(stage);
	assert_true(sim_io_wait(&stage->io, 300 * S));
	assert_int_equal(stage->io.io.status, SCSI_GOOD);
	assert_in_range(stage->io.ended_us - stage->io.started_us, 0, 5 * MS + loss->within_us);
	assert_string_equal(stage->ways, "ab");
	assert_int_equal(figure_get(&stage->disk->cell->retries), 1);
	assert_int_equal(figure_get(&stage->first->cell->path_failures), 1);
	assert_int_equal(world_events(stage->world, "link-down", loss->reason) != 0, true);
	assert_int_equal(world_events(stage->world, "fenced", loss->form ? loss->form : ""), loss->form != NULL);
	sim_array_release(stage->world->array);
	sim_run(stage->world->sim, 20 * S); /* the old copy of a write would have landed by now */
	assert_int_equal(stage->world->lus[0]->writes, loss->opcode == WRITE);
	assert_int_equal(stage->first->state, loss->stays ? PATH_DOWN : PATH_UP);
	stage_destroy(stage);
}

/* Each attempt takes its link along: it must not go on so for ever. */
static void test_deadly(void **state)
{
	const struct row row = { "E1", PLAIN, READ, 0, 0, 0, .ways = "" };
	struct stage *stage = stage_create(&row);
	struct sim_fault *fault = sim_array_fault(stage->world->array, SIM_FAULT_RESET, FOREVER);

	(void)state;
	fault->opcode = READ;
	stage_submit(stage);
	assert_true(sim_io_wait(&stage->io, 5 * PERIOD_US));
	assert_int_equal(sim_io_key(&stage->io), SENSE_HARDWARE_ERROR);
	assert_int_equal(sim_io_asc(&stage->io), 0x0800);
	fault->count = 0;
	assert_true(sim_gateway_settles(stage->world->g, 20 * S));
	stage_destroy(stage);
}

/* ---- what one command does not show ------------------------------------------------------------------------------ */

/* row: E5 E6: the only path has nothing to wait for: the answers to the questions in between are slow, and contradict
 * what the command is answered */
static void test_contradiction_ends(void **state)
{
	static const struct row row = { "E6", ALUA, SENSE(2, 0x040b), .ways = "" };
	struct stage *stage = stage_create(&row);

	(void)state;
	for (unsigned i = 1; i < 4; i++)
		sim_portal_down(stage->world->portals[i], true);
	sim_run(stage->world->sim, S);
	stage->world->portals[0]->latency_us = 150 * MS;
	stage_run(stage, FOREVER);
	assert_true(stage->io.ended_us - stage->io.started_us <= 2 * PERIOD_US + S);
	stage_destroy(stage);
}

/* row: E16: no path has it any more: the device is gone, and an event says so */
static void test_gone_everywhere(void **state)
{
	static const struct row row = { "E16", PLAIN, SENSE(5, 0x2500), .ways = "" };
	struct stage *stage = stage_create(&row);

	(void)state;
	sim_array_remove_lu(stage->world->array, 0);
	stage_submit(stage);
	assert_true(sim_io_wait(&stage->io, PERIOD_US + S));
	assert_int_equal(stage->io.io.status, SCSI_CHECK_CONDITION);
	sim_run(stage->world->sim, S);
	assert_int_equal(sim_disk_paths(stage->disk, PATH_UP), 0);
	assert_int_equal(world_events(stage->world, "path-gone", ""), 4);
	stage_destroy(stage);
}

/* row: E15: an array without space says so to every command; the event comes once a minute */
static void test_space_events_are_rare(void **state)
{
	static const struct row row = { "E15", PLAIN, SENSE(7, 0x2707), .ways = "" };
	struct stage *stage = stage_create(&row);

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		stage_run(stage, 1);
		sim_run(stage->world->sim, S);
	}
	assert_int_equal(sim_gateway_events(stage->world->g, "space"), 2);
	stage_destroy(stage);
}

/* ---- the tests ----------------------------------------------------------------------------------------------------
 */

#define TABLE_TEST(name, function, row) ((struct CMUnitTest){ (name), (function), NULL, NULL, (void *)(row) })

int main(void)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(test_deadly),
		cmocka_unit_test(test_contradiction_ends),
		cmocka_unit_test(test_gone_everywhere),
		cmocka_unit_test(test_space_events_are_rare),
	};
	struct CMUnitTest tests[2 * ARRAY_COUNT(rows) + ARRAY_COUNT(losses) + ARRAY_COUNT(others)];
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		tests[count++] = TABLE_TEST(rows[i].name, test_once, &rows[i]);
		tests[count++] = TABLE_TEST(rows[i].name, test_for_ever, &rows[i]);
	}
	for (size_t i = 0; i < ARRAY_COUNT(losses); i++)
		tests[count++] = TABLE_TEST(losses[i].name, test_link_lost, &losses[i]);
	for (size_t i = 0; i < ARRAY_COUNT(others); i++)
		tests[count++] = others[i];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
