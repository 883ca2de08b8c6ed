/* Lanes: a worker's sessions, how they come, die and come back. */
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdlib.h>

#define S US_PER_S
#define MS US_PER_MS

static struct lane *lane_1a(const struct world *world)
{
	return world_lane(world, PORTAL_1A);
}

static void test_login_and_probe(void **state)
{
	struct world *world = world_create_ready(2, NULL);

	(void)state;
	for (unsigned w = 0; w < 2; w++) { /* each worker has a session of its own */
		struct lane *lane = sim_gateway_lane(world->g, w, PORTAL_1A);

		assert_int_equal(lane->state, LANE_UP);
		assert_int_equal(lane->logins, 1);
		assert_true(list_empty(&lane->inflight));
	}
	assert_int_equal(world->portals[0]->logins, 2);
	assert_string_equal(link_state_name(sim_gateway_link(world->g, PORTAL_1A)), "up");
	world_destroy(world);
}

/* row: E1: refused logins are repeated ever more slowly, and at once when somebody asks for it */
static void test_refused_login_backs_off(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	uint64_t opened;

	(void)state;
	world->portals[1]->refuse = true;
	sim_portal_reset(world->portals[1]);
	opened = world->sim->connections;
	sim_run(world->sim, 100 * S);
	assert_in_range(world->sim->connections - opened, 20, 30); /* 0.1 s, 0.2 s ... 5 s, and one discovery */
	assert_int_equal(world_lane(world, PORTAL_1B)->state, LANE_DOWN);
	assert_string_equal(sim_gateway_link(world->g, PORTAL_1B)->reason, "login refused");
	world->portals[1]->refuse = false;
	worker_kick_link(world->g->gateway->workers[0], sim_gateway_link(world->g, PORTAL_1B));
	sim_run(world->sim, 100 * MS);
	assert_int_equal(world_lane(world, PORTAL_1B)->state, LANE_UP);
	world_destroy(world);
}

/* a session that dies before it has been identified is no success: the attempts do not become a storm */
static void test_death_while_probing_backs_off(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_fault *fault = sim_array_fault(world->array, SIM_FAULT_RESET, 1000000);
	uint64_t logins = world->portals[0]->logins;

	(void)state;
	fault->portal = 0;
	fault->opcode = 0xa0;
	sim_run(world->sim, 10 * S);
	sim_portal_reset(world->portals[0]);
	sim_run(world->sim, 100 * S);
	assert_in_range(world->portals[0]->logins - logins, 20, 30);
	fault->count = 0;
	assert_true(sim_gateway_settles(world->g, 10 * S));
	world_destroy(world);
}

/* The successor of a session that lived comes at once. */
static void test_steady_session_reconnects_at_once(void **state)
{
	struct world *world = world_create_ready(1, NULL);

	(void)state;
	sim_run(world->sim, 10 * S);
	sim_portal_reset(world->portals[0]);
	sim_run(world->sim, 20 * MS);
	assert_int_equal(lane_1a(world)->state, LANE_UP);
	assert_int_equal(lane_1a(world)->logins, 2);
	world_destroy(world);
}

/* A portal that swallows the login is given up after login_timeout. */
static void test_login_timeout(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'login_timeout': 3}}");

	(void)state;
	sim_portal_down(world->portals[0], true);
	sim_run(world->sim, 60 * S);
	sim_portal_down(world->portals[0], false);
	sim_portal_black_hole(world->portals[0], true);
	sim_run(world->sim, 5 * S + 3 * S + 10 * MS);
	assert_string_equal(lane_1a(world)->reason, "login timed out");
	sim_portal_black_hole(world->portals[0], false);
	assert_true(sim_gateway_settles(world->g, 20 * S));
	world_destroy(world);
}

/* row: E1: a silent link without any I/O is found dead */
static void test_keepalive_of_an_idle_link(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'keepalive_interval': 4, 'keepalive_timeout': 3}}");

	(void)state;
	sim_run(world->sim, 3600 * S); /* an hour of silence is no failure */
	assert_int_equal(lane_1a(world)->logins, 1);
	sim_portal_black_hole(world->portals[0], true);
	sim_run(world->sim, 2 * S);
	assert_int_equal(lane_1a(world)->state, LANE_UP);
	sim_run(world->sim, 7 * S);
	assert_int_not_equal(lane_1a(world)->state, LANE_UP);
	assert_int_equal(world_lane(world, PORTAL_1B)->state, LANE_UP);
	world_destroy(world);
}

/* row: E1: the keepalive finds a link dead that falls silent while its last answers still came in after the ping */
static void test_keepalive_after_late_answers(void **state)
{
	struct world *world = world_create_ready(1, "{'policies': {'default': 'fail-over-only'}}");
	struct sim_fault *hang;
	struct path *path;
	struct sim_io io;

	(void)state;
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	path = io.io.path;
	assert_true(sim_io_wait(&io, S));
	hang = sim_array_fault(world->array, SIM_FAULT_HANG, 1); /* the ping itself hangs */
	hang->opcode = 0x00;
	hang->portal = (int)sim_portal_find(world->sim, path->core->link->portal)->index;
	sim_run(world->sim, 6 * S);
	assert_int_equal(hang->hits, 1);
	sim_io_read(&io, world_disk(world, 0), 1);
	assert_true(sim_io_wait(&io, S));
	assert_ptr_equal(io.io.path, path);
	sim_portal_black_hole(sim_portal_find(world->sim, path->core->link->portal), true);
	sim_run(world->sim, 11 * S + 300 * MS);
	assert_int_not_equal(path->lane->state, LANE_UP);
	world_destroy(world);
}

/* row: E2: the array asks for a logout: what was in flight goes elsewhere, and nobody logs in again before Time2Wait */
static void test_dismissed(void **state)
{
	struct world *world = world_create_ready(1, "{'policies': {'default': 'weighted-paths'}}");
	uint64_t logins = world->portals[0]->logins;
	struct sim_io write, read;

	(void)state;
	sim_array_fault(world->array, SIM_FAULT_HANG, 2)->portal = 0;
	sim_io_init(&write, world->sim);
	sim_io_init(&read, world->sim);
	sim_io_write(&write, world_prefer(world, PORTAL_1A), 0, 1);
	sim_io_read(&read, world_prefer(world, PORTAL_1A), 1);
	sim_run(world->sim, 10 * MS);
	sim_portal_dismiss(world->portals[0], 3 * S);
	assert_true(sim_io_wait(&write, 100 * MS) && sim_io_wait(&read, 100 * MS));
	assert_int_equal(write.io.status, SCSI_GOOD);
	assert_int_equal(read.io.status, SCSI_GOOD);
	sim_run(world->sim, 2500 * MS);
	assert_int_equal(world->portals[0]->logins, logins);
	sim_run(world->sim, S);
	assert_int_equal(world->portals[0]->logins, logins + 1);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	sim_portal_reset(world->portals[0]); /* an ordinary failure is not waited for */
	sim_run(world->sim, S);
	assert_int_equal(world->portals[0]->logins, logins + 2);
	sim_portal_dismiss(world->portals[0], 3 * S); /* with nothing in flight: no fence comes first */
	sim_run(world->sim, 2500 * MS);
	assert_int_equal(world->portals[0]->logins, logins + 2);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	world_destroy(world);
}

/* row: E4: a command that hangs while others are answered is ended there, and goes on elsewhere */
static void test_command_timeout(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'command_timeout': 9}}");
	struct sim_io hung, other;
	const struct lane *lane;

	(void)state;
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x88;
	sim_io_init(&hung, world->sim);
	sim_io_init(&other, world->sim);
	sim_io_read(&hung, world_disk(world, 0), 0);
	lane = hung.io.path->lane;
	for (unsigned n = 0; n < 8; n++) {
		sim_io_read(&other, world_disk(world, 1), n);
		assert_true(sim_io_wait(&other, S));
		sim_run(world->sim, S);
	}
	assert_int_equal(hung.ended, 0);
	assert_int_equal(lane->state, LANE_UP);
	assert_true(sim_io_wait(&hung, 3 * S));
	assert_int_equal(hung.io.status, SCSI_GOOD);
	assert_ptr_not_equal(hung.io.path->lane, lane);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	world_destroy(world);
}

/* row: E4: a command that hangs wherever it is sent does not take one link after the other for ever */
static void test_poisonous_command(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'command_timeout': 5, 'retry_count': 2}}");
	struct sim_fault *fault = sim_array_fault(world->array, SIM_FAULT_HANG, 1000);
	struct sim_io io;

	(void)state;
	fault->opcode = 0x88;
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_CHECK_CONDITION);
	assert_int_equal(sim_io_asc(&io), 0x0801);
	assert_int_equal(fault->hits, 3);
	world_destroy(world);
}

/* Commands that may take long have a timeout of their own. */
static void test_slow_commands_may_take_long(void **state)
{
	static const uint8_t synchronize_cache[10] = { 0x35 };
	struct world *world = world_create_ready(1, NULL);
	struct sim_io io;

	(void)state;
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x35;
	sim_io_init(&io, world->sim);
	sim_io_command(&io, world_disk(world, 0), synchronize_cache, 10, SCSI_DIR_NONE, 0);
	sim_run(world->sim, 600 * S);
	assert_int_equal(io.ended, 0);
	assert_int_equal(io.io.path->lane->logins, 1);
	sim_array_release(world->array);
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	world_destroy(world);
}

/* No more than LANE_DEPTH commands of hosts are in flight; the rest waits in the lane, in order. */
static void test_waiting_queue(void **state)
{
	enum { COUNT = LANE_DEPTH + 50 };
	struct world *world = world_create_ready(1, "{'policies': {'default': 'fail-over-only'}}");
	struct sim_fault *fault = sim_array_fault(world->array, SIM_FAULT_HANG, COUNT);
	struct sim_io *ios = calloc(COUNT, sizeof(*ios));
	struct lane *lane;

	(void)state;
	assert_non_null(ios);
	fault->opcode = 0x88;
	for (unsigned i = 0; i < COUNT; i++) {
		sim_io_init(&ios[i], world->sim);
		sim_io_read(&ios[i], world_disk(world, i % 2), i);
	}
	lane = ios[0].io.path->lane;
	sim_run(world->sim, S);
	assert_int_equal(fault->hits, LANE_DEPTH);
	assert_int_equal(ios[LANE_DEPTH - 1].io.place, IO_ON_LANE);
	assert_int_equal(ios[LANE_DEPTH].io.place, IO_WAITING);
	sim_run(world->sim, 10 * S); /* the keepalive has transfers of its own */
	assert_int_equal(lane->state, LANE_UP);
	sim_array_release(world->array);
	sim_run(world->sim, S);
	for (unsigned i = 0; i < COUNT; i++) {
		assert_int_equal(ios[i].ended, 1);
		assert_int_equal(ios[i].io.status, SCSI_GOOD);
	}
	assert_int_equal(lane->logins, 1);
	assert_int_equal(figure_get(&lane->cell->inflight), 0);
	free(ios);
	world_destroy(world);
}

/* row: D4: while a lane is identified again its paths rest; what is in flight goes on */
static void test_identification_in_use(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct lane *lane = lane_1a(world);
	uint64_t generation = lane->generation;
	struct sim_io io;

	(void)state;
	sim_array_attention(world->array, SIM_ANY, 0x3f0e);
	sim_io_init(&io, world->sim);
	for (unsigned n = 0; n < 16; n++) {
		sim_io_write(&io, world_disk(world, 0), n, n + 1);
		assert_true(sim_io_wait(&io, S));
		assert_int_equal(io.io.status, SCSI_GOOD);
	}
	assert_true(sim_gateway_settles(world->g, 10 * S));
	assert_true(lane->generation > generation);
	assert_int_equal(lane->logins, 1);
	world_destroy(world);
}

/* A black hole that goes away: whatever comes out of it late disturbs nothing. */
static void test_black_hole_heals(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_io ios[16];

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(ios); i++) {
		sim_io_init(&ios[i], world->sim);
		sim_io_write(&ios[i], world_disk(world, 0), i, i + 1);
	}
	for (unsigned i = 0; i < 4; i++)
		sim_portal_black_hole(world->portals[i], true);
	sim_run(world->sim, 4 * S);
	for (unsigned i = 0; i < 4; i++)
		sim_portal_black_hole(world->portals[i], false);
	for (unsigned i = 0; i < ARRAY_COUNT(ios); i++) {
		assert_true(sim_io_wait(&ios[i], S));
		assert_int_equal(ios[i].io.status, SCSI_GOOD);
	}
	assert_int_equal(lane_1a(world)->logins, 1);
	world_destroy(world);
}

/* row: D1: an array that takes the connection but does not answer SendTargets is asked again */
static void test_discovery_without_an_answer(void **state)
{
	struct world *world = world_create(1);

	(void)state;
	world->portals[0]->mute_discovery = true;
	world_start(world, NULL);
	sim_run(world->sim, 60 * S);
	assert_null(sim_gateway_link(world->g, PORTAL_1A));
	assert_int_equal(sim_gateway_events(world->g, "discovery-failed"), 1);
	world->portals[0]->mute_discovery = false;
	assert_true(sim_gateway_settles(world->g, 60 * S));
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_login_and_probe),
		cmocka_unit_test(test_refused_login_backs_off),
		cmocka_unit_test(test_death_while_probing_backs_off),
		cmocka_unit_test(test_steady_session_reconnects_at_once),
		cmocka_unit_test(test_login_timeout),
		cmocka_unit_test(test_keepalive_of_an_idle_link),
		cmocka_unit_test(test_keepalive_after_late_answers),
		cmocka_unit_test(test_dismissed),
		cmocka_unit_test(test_command_timeout),
		cmocka_unit_test(test_poisonous_command),
		cmocka_unit_test(test_slow_commands_may_take_long),
		cmocka_unit_test(test_waiting_queue),
		cmocka_unit_test(test_identification_in_use),
		cmocka_unit_test(test_black_hole_heals),
		cmocka_unit_test(test_discovery_without_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
