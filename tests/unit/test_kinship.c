/* Which portals lead into one target node, where no answer lists them together (semantics, row F1). */
#include "gateway/backend.h"
#include "gateway/backends.h"
#include "gateway/base/memory.h"
#include "gateway/kinship.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define S US_PER_S
#define MS US_PER_MS
#define WP "'policies': {'default': 'weighted-paths'}"
#define TWIN "10.9.9.9:3260"
#define SHOWN_US (30 * S) /* an experiment, and every session has been heard of */
#define EXPERIMENT_US (4 * S) /* it begins a second after the last report, and takes two */
#define LOGINS 4 /* of an experiment */

/* A world that is not started: two portals of one node and one group, each of which lists only itself. */
static struct world *scattered(unsigned workers)
{
	struct world *world = world_create(workers);

	for (unsigned i = 0; i < 4; i++)
		world->portals[i]->lists = UINT64_C(1) << i;
	return world;
}

/* Another node behind TWIN: the same names, the same disk, other sessions. */
static struct sim_portal *add_twin(struct world *world)
{
	struct sim_array *twin = sim_array_create(world->sim);
	struct sim_portal *portal = sim_array_add_portal(twin, TWIN, WORLD_IQN, 1);

	for (uint16_t i = 0; i < 2; i++)
		sim_array_add_lu(twin, i, 100 + i, WORLD_BLOCKS);
	return portal;
}

static void start(struct world *world, const char *other, const char *more)
{
	char options[256];

	snprintf(options, sizeof(options),
		 "{" WP ", 'backends': [{'name': 'a', 'portals': ['" PORTAL_1A "', '%s']%s}]}", other, more);
	world_start(world, options);
	assert_true(sim_gateway_settles(world->g, 10 * S));
}

static struct world *pair_of_kin(unsigned workers)
{
	struct world *world = scattered(workers);

	start(world, PORTAL_1B, "");
	return world;
}

static const char *fence_of(const struct world *world)
{
	return device_fence(container_of(world_disk(world, 0)->core, struct device, core));
}

static bool is_kin(const struct world *world)
{
	return kinship_has_sibling(sim_gateway_link(world->g, PORTAL_1A));
}

/* A write hangs inside the array, on the first portal; nothing gets through there any more. How long it takes. */
static uint64_t silent_write(struct world *world)
{
	uint64_t begin = sim_now_us(world->sim);
	struct sim_io io;

	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x8a;
	sim_io_init(&io, world->sim);
	sim_io_write(&io, world_prefer(world, PORTAL_1A), 5, 1);
	sim_run(world->sim, 10 * MS);
	sim_portal_black_hole(world->portals[0], true);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	return io.ended_us - begin;
}

/* row: F1: shown to be of one node, a silent portal's writes are fenced through the other one, and that ends them */
static void test_kin_fence_each_other(void **state)
{
	struct world *world = pair_of_kin(1);

	(void)state;
	world->array->linger_us = 3600 * S;
	assert_string_equal(fence_of(world), "wait");
	sim_run(world->sim, SHOWN_US);
	assert_string_equal(fence_of(world), "session");
	assert_int_equal(world_events(world, "siblings", PORTAL_1B), 1);
	assert_int_equal(world_events(world, "fence-changed", "form session now, not wait"), 2); /* disks */
	assert_int_equal(world_lane(world, PORTAL_1A)->logins, 1); /* no session in use was touched */
	assert_int_equal(world_lane(world, PORTAL_1B)->logins, 1);
	assert_true(silent_write(world) < S);
	assert_int_equal(world_events(world, "fenced", "form session"), 1);
	sim_array_release(world->array);
	sim_run(world->sim, S);
	assert_int_equal(world->lus[0]->writes, 1);
	world_destroy(world);
}

/* row: F1: it takes so many logins, and is not repeated */
static void test_one_less_than_portals(void **state)
{
	struct world *world = scattered(2);

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		world->portals[i]->tpgt = 1;
	start(world, PORTAL_1B "', '" PORTAL_2A "', '" PORTAL_2B, "");
	sim_run(world->sim, 600 * S);
	assert_string_equal(fence_of(world), "session");
	assert_int_equal(world->portals[0]->logins, 2 + 3 * LOGINS / 2);
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(world->portals[i]->logins, 2 + LOGINS / 2);
	assert_int_equal(sim_gateway_events(world->g, "siblings"), 3);
	world_destroy(world);
}

/* row: F1: nothing is to be shown: listed together, of other groups, or no such fence is allowed */
static void test_no_experiment(void **state)
{
	struct world *world = world_create_ready(1, NULL);

	(void)state;
	sim_run(world->sim, 60 * S);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(world->portals[i]->logins, 1);
	world_destroy(world);

	world = scattered(1);
	start(world, PORTAL_2A, "");
	sim_run(world->sim, 60 * S);
	assert_int_equal(world->portals[0]->logins + world->portals[2]->logins, 2);
	assert_string_equal(fence_of(world), "wait");
	world_destroy(world);

	world = scattered(1);
	start(world, PORTAL_1B, ", 'fence': 'wait'");
	sim_run(world->sim, 60 * S);
	assert_int_equal(world->portals[0]->logins + world->portals[1]->logins, 2);
	world_destroy(world);
}

/* row: F1: two nodes with the same names are never taken for one, and that is asked once */
static void test_twins(void **state)
{
	struct world *world = scattered(1);
	struct sim_portal *twin = add_twin(world);

	(void)state;
	start(world, TWIN, "");
	sim_run(world->sim, 600 * S);
	assert_string_equal(fence_of(world), "wait");
	assert_int_equal(world_events(world, "no-siblings", TWIN), 1);
	assert_int_equal(twin->logins, 3);
	assert_true(silent_write(world) >= 10 * S);
	assert_int_equal(world_events(world, "fenced", "form wait"), 1);
	world_destroy(world);
}

/* row: F1: whatever ends the sessions of a twin in the midst of it, at whatever moment, shows nothing */
static void test_accidents_at_twins(void **state)
{
	struct world *world = scattered(1);
	struct sim_portal *twin = add_twin(world);

	(void)state;
	start(world, TWIN, "");
	for (unsigned i = 0; i < 120; i++) {
		sim_portal_reset(world->portals[0]); /* begins it anew */
		sim_run(world->sim, i * 40 * MS);
		sim_portal_reset(i % 2 ? twin : world->portals[0]);
		for (unsigned n = 0; n < 20; n++) {
			sim_run(world->sim, S);
			assert_false(is_kin(world));
		}
	}
	world_destroy(world);
}

static bool is_spare(const struct world *world, const struct sim_session *session)
{
	static const char *const addresses[] = { PORTAL_1A, TWIN };
	uint8_t isid[6];

	for (unsigned i = 0; i < 2; i++) {
		link_isid(sim_gateway_link(world->g, addresses[i]), 0, isid);
		if (memcmp(isid, session->isid, sizeof(isid)) == 0)
			return false;
	}
	return true;
}

static void drop_spares(struct world *world, struct sim_array *array)
{
	struct sim_session *session;

	list_for_each(session, &array->sessions, link)
		if (session->initiator && is_spare(world, session))
			sim_session_lost(session);
}

/* row: F1: nor does an array show anything that drops sessions which carry nothing, after a while or now and then; the
 * lanes do not notice that */
static void test_idle_sessions_are_dropped(void **state)
{
	static const uint64_t periods[] = { 130 * MS, 250 * MS, 400 * MS, 520 * MS, 610 * MS, 770 * MS, 1010 * MS };
	struct world *world = scattered(1);
	struct sim_portal *twin = add_twin(world);

	(void)state;
	start(world, TWIN, "");
	for (unsigned i = 0; i < sizeof(periods) / sizeof(periods[0]); i++) {
		for (uint64_t us = 0; us < 90 * S; us += periods[i]) {
			sim_run(world->sim, periods[i]);
			drop_spares(world, world->array);
			drop_spares(world, twin->array);
			assert_false(is_kin(world));
		}
	}
	world_destroy(world);
}

/* row: F1: what was shown is of the sessions: the next login leaves it behind, and it is shown again */
static void test_login_leaves_it_behind(void **state)
{
	struct world *world = pair_of_kin(2);

	(void)state;
	sim_run(world->sim, SHOWN_US);
	assert_true(is_kin(world));
	sim_portal_reset(world->portals[1]);
	sim_run(world->sim, 3 * S);
	assert_false(is_kin(world));
	assert_string_equal(fence_of(world), "wait");
	sim_run(world->sim, SHOWN_US);
	assert_true(is_kin(world));
	sim_portal_reset(world->portals[0]);
	sim_run(world->sim, 500 * MS);
	assert_true(silent_write(world) >= 10 * S);
	world_destroy(world);
}

/* The address goes over to another node, and so does the link, `us` after the start. */
static void takeover(uint64_t us)
{
	struct world *world = pair_of_kin(1);
	struct sim_portal *twin;

	sim_run(world->sim, us);
	twin = add_twin(world);
	sim_portal_down(world->portals[1], true);
	str_copy(world->portals[1]->address, sizeof(world->portals[1]->address), TWIN);
	str_copy(twin->address, sizeof(twin->address), PORTAL_1B);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	for (unsigned i = 0; i < 60; i++) {
		sim_run(world->sim, S);
		assert_false(is_kin(world));
	}
	assert_int_equal(world_events(world, "no-siblings", PORTAL_1B), 1);
	world_destroy(world);
}

/* row: F1: nothing that was shown of the old node is believed of the new one, be it known already or not */
static void test_takeover(void **state)
{
	(void)state;
	takeover(SHOWN_US);
	takeover(EXPERIMENT_US + S);
}

/* row: F1: the address has gone over unnoticed: the session of the lane is still in the old node when the experiment
 * runs, but has not been heard of since */
static void test_unnoticed_takeover(void **state)
{
	struct world *world = scattered(1);
	struct sim_portal *other = add_twin(world);

	(void)state;
	start(world, TWIN, "");
	sim_run(world->sim, 500 * MS); /* before the experiment */
	sim_portal_black_hole(other, true);
	str_copy(other->address, sizeof(other->address), "10.9.9.8:3260");
	str_copy(world->portals[1]->address, sizeof(world->portals[1]->address), TWIN);
	for (unsigned i = 0; i < 14; i++) {
		sim_run(world->sim, S);
		if (world_lane(world, TWIN)->logins == 1)
			assert_false(is_kin(world));
	}
	assert_true(world->portals[1]->logins >= LOGINS / 2);
	sim_run(world->sim, SHOWN_US);
	assert_true(is_kin(world)); /* now both are of that node */
	world_destroy(world);
}

/* row: F1: a login that is refused shows nothing; it is tried again */
static void test_refused(void **state)
{
	struct world *world = pair_of_kin(1);

	(void)state;
	world->portals[1]->refuse = true;
	sim_run(world->sim, 60 * S);
	assert_false(is_kin(world));
	assert_int_equal(sim_gateway_events(world->g, "no-siblings"), 0);
	world->portals[1]->refuse = false;
	sim_run(world->sim, 60 * S);
	assert_true(is_kin(world));
	world_destroy(world);
}

/* row: F1 D1: links, arrays and the gateway itself go at every moment of it */
static void test_removal_in_the_midst(void **state)
{
	(void)state;
	for (uint64_t us = 0; us < EXPERIMENT_US; us += 110 * MS) {
		struct world *world = pair_of_kin(1);

		sim_run(world->sim, us);
		if (us / (110 * MS) % 2)
			backend_remove(backends_find(world->g->gateway, "a"));
		world_destroy(world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kin_fence_each_other),   cmocka_unit_test(test_one_less_than_portals),
		cmocka_unit_test(test_no_experiment),          cmocka_unit_test(test_twins),
		cmocka_unit_test(test_accidents_at_twins),     cmocka_unit_test(test_idle_sessions_are_dropped),
		cmocka_unit_test(test_login_leaves_it_behind), cmocka_unit_test(test_takeover),
		cmocka_unit_test(test_unnoticed_takeover),     cmocka_unit_test(test_refused),
		cmocka_unit_test(test_removal_in_the_midst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
