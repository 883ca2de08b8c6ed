/* Fail-over-only (row P1): where it goes when its path fails, as the array and the administrator prefer, and when it
 * goes back. */
#include "gateway/levels.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define S US_PER_S
#define MS US_PER_MS
#define FAIL_OVER_ONLY "{'policies': {'default': 'fail-over-only'}}"

/* The portal over which the disk's I/O goes now. */
static const char *portal_in_use(struct world *world)
{
	struct sim_io io;
	const char *portal;

	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	portal = io.io.path->core->link->portal;
	return portal;
}

static struct device *first_device(const struct world *world)
{
	return container_of(world_disk(world, 0)->core, struct device, core);
}

/* Preferred: the path over PORTAL_1B, which is active; all others stand by. */
static int prefer(struct world *world, bool preferred, bool has_failback, uint32_t failback_s)
{
	static const char *const portals[] = { PORTAL_1A, PORTAL_1B, PORTAL_2A, PORTAL_2B };
	struct path_setting paths[4];
	struct policy_setting setting = { POLICY_FAIL_OVER_ONLY, paths, 4, has_failback, failback_s };
	struct problem problem = { 0 };

	for (unsigned i = 0; i < 4; i++) {
		bool is_chosen = i == 1;

		paths[i] = (struct path_setting){
			.id = sim_gateway_path(world->g, 0, 0, portals[i])->core->id,
			.role = is_chosen ? "active" : "standby",
			.weight = -1,
			.preferred = is_chosen && preferred,
		};
	}
	if (control_set_device_policy(world->g->gateway, first_device(world)->core.id, &setting, &problem) < 0)
		return problem.status;
	sim_run(world->sim, MS);
	return 0;
}

static void lose_and_return(struct world *world)
{
	sim_portal_down(world->portals[1], true);
	sim_run(world->sim, S);
	assert_string_not_equal(portal_in_use(world), PORTAL_1B);
	sim_portal_down(world->portals[1], false);
	assert_true(sim_gateway_settles(world->g, 30 * S));
}

/* row: P1: at once, unless something else was said */
static void test_immediate(void **state)
{
	struct world *world = world_create_ready(1, NULL);

	(void)state;
	assert_int_equal(prefer(world, true, false, 0), 0);
	assert_string_equal(portal_in_use(world), PORTAL_1B);
	lose_and_return(world);
	assert_string_equal(portal_in_use(world), PORTAL_1B);
	world_destroy(world);
}

/* row: P1: when it has stayed for so long; a path that comes and goes begins anew */
static void test_delayed(void **state)
{
	struct world *world = world_create_ready(1, NULL);

	(void)state;
	assert_int_equal(prefer(world, true, true, 20), 0);
	assert_string_equal(portal_in_use(world), PORTAL_1B); /* it was never lost */
	lose_and_return(world);
	sim_run(world->sim, 15 * S);
	assert_string_not_equal(portal_in_use(world), PORTAL_1B);
	lose_and_return(world);
	sim_run(world->sim, 15 * S);
	assert_string_not_equal(portal_in_use(world), PORTAL_1B);
	sim_run(world->sim, 6 * S);
	assert_string_equal(portal_in_use(world), PORTAL_1B);
	world_destroy(world);
}

/* row: P1: when the policy is set again */
static void test_manual(void **state)
{
	struct world *world = world_create_ready(1, NULL);

	(void)state;
	assert_int_equal(prefer(world, true, true, CONTROL_FAILBACK_MANUAL), 0);
	lose_and_return(world);
	sim_run(world->sim, 600 * S);
	assert_string_not_equal(portal_in_use(world), PORTAL_1B);
	levels_apply_all(world->g->gateway); /* as a reload does, or a path that is found */
	sim_run(world->sim, S);
	assert_string_not_equal(portal_in_use(world), PORTAL_1B);
	assert_int_equal(prefer(world, true, true, CONTROL_FAILBACK_MANUAL), 0);
	assert_string_equal(portal_in_use(world), PORTAL_1B);
	lose_and_return(world); /* and again */
	sim_run(world->sim, 60 * S);
	assert_string_not_equal(portal_in_use(world), PORTAL_1B);
	world_destroy(world);
}

static struct device_view viewed;

static bool view_first(const struct device_view *view, void *arg)
{
	(void)arg;
	viewed = *view;
	return false;
}

/* row: P9: without a preferred path there is nothing to fail back to; and it survives a restart */
static void test_setting(void **state)
{
	struct world *world = world_create_ready(1, NULL);

	(void)state;
	assert_int_equal(prefer(world, false, true, 5), 422);
	assert_int_equal(first_device(world)->policy_in_force, POLICY_ROUND_ROBIN);
	assert_int_equal(prefer(world, true, true, CONTROL_FAILBACK_MANUAL), 0);
	assert_true(sim_gateway_destroy(world->g));
	world_start(world, NULL);
	assert_true(sim_gateway_settles(world->g, 60 * S));
	control_each_device(world->g->gateway, view_first, NULL);
	assert_true(viewed.fails_back);
	assert_int_equal(viewed.failback_s, CONTROL_FAILBACK_MANUAL);
	assert_string_equal(portal_in_use(world), PORTAL_1B); /* it is new to this gateway, not back */
	assert_int_equal(prefer(world, true, false, 0), 0);
	assert_int_equal(first_device(world)->failback_s, 0);
	world_destroy(world);
}

/* ---- what the array prefers ---------------------------------------------------------------------------------------
 */

static bool is_of_group_2(const char *portal)
{
	return strcmp(portal, PORTAL_2A) == 0 || strcmp(portal, PORTAL_2B) == 0;
}

static struct world *world_with(unsigned tpgs, uint8_t first, uint8_t second)
{
	struct world *world = world_create(1);

	world->lus[0]->tpgs = world->lus[1]->tpgs = tpgs;
	sim_port_set(world->array, 1, first);
	sim_port_set(world->array, 2, second);
	world->array->groups.group[1].preferred = true; /* group 2 */
	world_start(world, FAIL_OVER_ONLY);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	sim_run(world->sim, 100 * MS);
	return world;
}

/* row: P1: the next path is one of the preferred target port group, though the other group has one that comes first */
static void test_preferred_group(void **state)
{
	struct world *world = world_with(1, SIM_OPTIMIZED, SIM_OPTIMIZED);

	(void)state;
	assert_string_equal(portal_in_use(world), PORTAL_1A);
	sim_portal_down(world->portals[0], true);
	sim_run(world->sim, S);
	assert_true(is_of_group_2(portal_in_use(world)));
	sim_portal_down(world->portals[2], true);
	sim_portal_down(world->portals[3], true);
	sim_run(world->sim, S);
	assert_string_equal(portal_in_use(world), PORTAL_1B);
	sim_portal_down(world->portals[2], false);
	sim_run(world->sim, 30 * S);
	assert_string_equal(portal_in_use(world), PORTAL_1B); /* a preferred group is no reason to go back */
	world_destroy(world);
}

/* row: P1: an optimized path comes before one of the preferred group that is not */
static void test_optimized_first(void **state)
{
	struct world *world = world_with(1, SIM_OPTIMIZED, SIM_NON_OPTIMIZED);

	(void)state;
	assert_int_equal(prefer(world, false, false, 0), 0); /* with roles by hand a policy sees both */
	assert_string_equal(portal_in_use(world), PORTAL_1B);
	sim_portal_down(world->portals[1], true);
	sim_run(world->sim, S);
	assert_string_equal(portal_in_use(world), PORTAL_1A);
	sim_portal_down(world->portals[0], true);
	sim_run(world->sim, S);
	assert_true(is_of_group_2(portal_in_use(world)));
	world_destroy(world);
}

/* row: P1: and when all stand by, it is the preferred group that is made active */
static void test_standby_last(void **state)
{
	struct world *world = world_with(3, SIM_OPTIMIZED, SIM_OPTIMIZED);

	(void)state;
	sim_port_set(world->array, 1, SIM_STANDBY);
	sim_port_set(world->array, 2, SIM_STANDBY);
	sim_run(world->sim, S);
	assert_true(is_of_group_2(portal_in_use(world)));
	assert_int_equal(world->array->groups.wanted, 2);
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_immediate),       cmocka_unit_test(test_delayed),
		cmocka_unit_test(test_manual),          cmocka_unit_test(test_setting),
		cmocka_unit_test(test_preferred_group), cmocka_unit_test(test_optimized_first),
		cmocka_unit_test(test_standby_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
