/* Access states of a disk's paths: asked for, followed, and changed when nothing else is left. */
#include "gateway/control.h"
#include "tests/simulation/sim_load.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define S US_PER_S
#define MS US_PER_MS

enum { NONE, IMPLICIT, EXPLICIT };

/* An array with ALUA whose groups 1 and 2 begin in these states, and the gateway in front of it. */
static struct world *world_with(unsigned tpgs, uint8_t first, uint8_t second, const char *options)
{
	struct world *world = world_create(1);

	for (unsigned i = 0; i < 2; i++)
		world->lus[i]->tpgs = tpgs;
	sim_port_set(world->array, 1, first);
	sim_port_set(world->array, 2, second);
	world_start(world, options);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	sim_run(world->sim, 100 * MS);
	return world;
}

static void reads(struct world *world, unsigned count)
{
	struct sim_io io;

	sim_io_init(&io, world->sim);
	for (unsigned i = 0; i < count; i++) {
		sim_io_read(&io, world_disk(world, 0), i);
		assert_true(sim_io_wait(&io, S));
		assert_int_equal(io.io.status, SCSI_GOOD);
	}
}

/* What the paths over that portal have read, of both disks. */
static uint64_t reads_over(const struct world *world, const char *address)
{
	return figure_get(&sim_gateway_link(world->g, address)->cells[0].reads);
}

static const struct device *device_of(const struct world *world)
{
	return container_of(world_disk(world, 0)->core, struct device, core);
}

static void end_load(struct sim_load *load)
{
	assert_true(sim_load_stop(load, 60 * S));
	assert_int_equal(load->failed, 0);
	assert_int_equal(load->wrong, 0);
	free(load);
}

/* row: E6 P2: a standby group carries nothing, and is no failure; though it tells no capacity its paths are known */
static void test_standby_rests(void **state)
{
	struct world *world = world_with(IMPLICIT, SIM_OPTIMIZED, SIM_STANDBY, NULL);

	(void)state;
	assert_int_equal(sim_disk_paths(world_disk(world, 0), PATH_UP), 4);
	assert_int_equal(world_disk(world, 0)->usable.count, 2);
	reads(world, 40);
	assert_int_equal(reads_over(world, PORTAL_1A), 20);
	assert_int_equal(reads_over(world, PORTAL_1B), 20);
	assert_int_equal(reads_over(world, PORTAL_2A) + reads_over(world, PORTAL_2B), 0);
	sim_run(world->sim, 60 * S); /* keepalives and verifications do not take standby for a failure */
	assert_int_equal(sim_disk_paths(world_disk(world, 0), PATH_UP), 4);
	assert_int_equal(figure_get(&world_disk(world, 0)->cell->path_failures), 0);
	assert_string_equal(device_state_name(device_of(world)), "normal");
	world_destroy(world);
}

/* Non-optimized paths are for the time when no optimized one is left. */
static void test_non_optimized_is_second(void **state)
{
	struct world *world = world_with(IMPLICIT, SIM_NON_OPTIMIZED, SIM_OPTIMIZED, NULL);

	(void)state;
	reads(world, 20);
	assert_int_equal(reads_over(world, PORTAL_1A) + reads_over(world, PORTAL_1B), 0);
	sim_portal_down(world->portals[2], true);
	sim_portal_down(world->portals[3], true);
	reads(world, 20);
	assert_int_equal(reads_over(world, PORTAL_1A), 10);
	world_destroy(world);
}

/* The groups change places every now and then; without the unit attention errors are the only hint. */
static void swap_under_load(bool mute)
{
	struct world *world = world_with(IMPLICIT, SIM_OPTIMIZED, SIM_STANDBY, NULL);
	struct sim_load *load = sim_load_start(world->sim, world_disk(world, 0), 16, 3 * MS);
	uint64_t before;

	world->array->groups.mute = mute;
	for (unsigned i = 0; i < 10; i++) {
		sim_port_set(world->array, 1 + i % 2, SIM_STANDBY);
		sim_port_set(world->array, 2 - i % 2, SIM_OPTIMIZED);
		sim_run(world->sim, 500 * MS);
		before = reads_over(world, i % 2 ? PORTAL_1A : PORTAL_2A);
		sim_run(world->sim, 500 * MS);
		assert_true(reads_over(world, i % 2 ? PORTAL_1A : PORTAL_2A) > before);
	}
	assert_true(load->longest_read_us < 400 * MS && load->longest_write_us < 400 * MS);
	end_load(load);
	assert_int_equal(sim_disk_paths(world_disk(world, 0), PATH_UP), 4);
	world_destroy(world);
}

/* row: E10 E6 */
static void test_swap_under_load(void **state)
{
	(void)state;
	swap_under_load(false);
}

/* row: E6 */
static void test_silent_swap_under_load(void **state)
{
	(void)state;
	swap_under_load(true);
}

/* row: E5: everything in transition: commands wait, and the array is asked until it is over */
static void test_transition(void **state)
{
	struct world *world = world_with(IMPLICIT, SIM_OPTIMIZED, SIM_STANDBY, NULL);
	struct sim_load *load = sim_load_start(world->sim, world_disk(world, 0), 16, 3 * MS);
	unsigned questions;

	(void)state;
	world->array->groups.transition_s = 60;
	sim_run(world->sim, 200 * MS);
	questions = world->array->groups.questions;
	sim_port_set(world->array, 1, SIM_TRANSITIONING);
	sim_port_set(world->array, 2, SIM_TRANSITIONING);
	sim_run(world->sim, 3 * S);
	assert_true(atomic_load(&world_disk(world, 0)->core->held[0]) > 0);
	assert_int_equal(device_core_settle_s(world_disk(world, 0)->core), 60);
	assert_in_range(world->array->groups.questions - questions, 8, 60); /* both disks, four times a second */
	world->array->groups.mute = true;
	sim_port_set(world->array, 2, SIM_OPTIMIZED);
	sim_run(world->sim, 500 * MS);
	assert_int_equal(atomic_load(&world_disk(world, 0)->core->held[0]), 0);
	assert_true(load->longest_read_us < 3500 * MS);
	end_load(load);
	assert_int_equal(figure_get(&world_disk(world, 0)->cell->path_failures), 0);
	world_destroy(world);
}

/* row: E5: one group in transition: the other one takes everything at once */
static void test_transition_of_one_group(void **state)
{
	struct world *world = world_with(IMPLICIT, SIM_OPTIMIZED, SIM_NON_OPTIMIZED, NULL);
	struct sim_load *load = sim_load_start(world->sim, world_disk(world, 0), 16, 3 * MS);

	(void)state;
	sim_run(world->sim, 200 * MS);
	sim_port_set(world->array, 1, SIM_TRANSITIONING);
	sim_run(world->sim, 2 * S);
	assert_true(load->longest_read_us < 200 * MS && load->longest_write_us < 200 * MS);
	assert_true(reads_over(world, PORTAL_2A) > 100);
	end_load(load);
	world_destroy(world);
}

/* row: E6: with explicit ALUA a standby group is made active when it is all that is left */
static void test_activation(void **state)
{
	struct world *world = world_with(EXPLICIT, SIM_OPTIMIZED, SIM_STANDBY, NULL);
	struct sim_load *load = sim_load_start(world->sim, world_disk(world, 0), 8, 3 * MS);

	(void)state;
	world->array->groups.transition_us = 300 * MS;
	sim_run(world->sim, 200 * MS);
	assert_int_equal(world->array->groups.orders, 0);
	sim_portal_down(world->portals[0], true);
	sim_portal_down(world->portals[1], true);
	sim_run(world->sim, S);
	assert_in_range(world->array->groups.orders, 1, 2); /* one a disk at most */
	assert_int_equal(sim_port_state(world->portals[2]), SIM_OPTIMIZED);
	assert_int_equal(world_disk(world, 0)->usable.count, 2);
	assert_true(load->longest_read_us < S);
	assert_true(world_events(world, "activation", "") > 0);
	sim_run(world->sim, 12 * S); /* the fence of the writes that were under way */
	end_load(load);
	world_destroy(world);
}

/* row: E6: what is held while a group is made active, in 300 ms, shows as a failover */
static void test_activation_is_a_failover(void **state)
{
	struct world *world = world_with(EXPLICIT, SIM_OPTIMIZED, SIM_STANDBY, NULL);
	struct sim_io io;

	(void)state;
	world->array->groups.transition_us = 300 * MS;
	reads(world, 1);
	sim_portal_down(world->portals[0], true);
	sim_portal_down(world->portals[1], true);
	sim_run(world->sim, 10 * MS);
	assert_string_equal(device_state_name(device_of(world)), "degraded");
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	sim_run(world->sim, 200 * MS);
	assert_false(sim_io_ended(&io));
	assert_string_equal(device_state_name(device_of(world)), "failover");
	assert_true(sim_io_wait(&io, S));
	assert_string_equal(device_state_name(device_of(world)), "degraded");
	world_destroy(world);
}

/* row: E6: all standby: a path that refuses to be made active does not keep another one from it */
static void test_activation_tries_another(void **state)
{
	struct world *world = world_with(EXPLICIT, SIM_OPTIMIZED, SIM_STANDBY, NULL);
	struct sim_fault *refusal = world_sense(world, 1000, 0xa4, SENSE_ILLEGAL_REQUEST, 0x2600);
	struct sim_io io;

	(void)state;
	refusal->portal = 0;
	sim_port_set(world->array, 1, SIM_STANDBY);
	sim_io_init(&io, world->sim);
	sim_io_write(&io, world_disk(world, 0), 0, 7);
	assert_true(sim_io_wait(&io, 3 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(sim_lu_stamp(world->lus[0], 0), 7);
	world_destroy(world);
}

/* At the start a standby path may be there first: it is left in peace while an optimized one may still come. */
static void test_standby_comes_up_first(void **state)
{
	struct world *world = world_create(1);
	struct sim_io io;

	(void)state;
	world->lus[0]->tpgs = world->lus[1]->tpgs = EXPLICIT;
	sim_port_set(world->array, 2, SIM_STANDBY);
	world_start(world, NULL);
	assert_true(sim_gateway_settles(world->g, 10 * S)); /* their sizes are known from now on */
	assert_true(sim_gateway_destroy(world->g));
	for (unsigned i = 0; i < 2; i++)
		world->portals[i]->latency_us = 40 * MS;
	world_start(world, NULL);
	sim_run(world->sim, 100 * MS);
	assert_int_equal(sim_gateway_path(world->g, 0, 0, PORTAL_2A)->state, PATH_UP);
	assert_null(sim_gateway_path(world->g, 0, 0, PORTAL_1A));
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	assert_true(sim_io_wait(&io, 5 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(world->array->groups.orders, 0);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	assert_true(sim_gateway_destroy(world->g));
	sim_portal_down(world->portals[0], true);
	sim_portal_down(world->portals[1], true);
	world_start(world, "{'backends': [{'name': 'array-0', 'portals': ['" PORTAL_2A "']}]}");
	sim_run(world->sim, 10 * S);
	assert_int_equal(world->array->groups.orders, 0); /* nor without need */
	sim_io_read(&io, world_disk(world, 0), 0);
	assert_true(sim_io_wait(&io, 3 * S));
	assert_int_equal(world->array->groups.orders, 1);
	world_destroy(world);
}

/* A drained path is not made active. */
static void test_activation_leaves_drained_paths(void **state)
{
	struct world *world = world_with(EXPLICIT, SIM_OPTIMIZED, SIM_STANDBY, NULL);
	struct problem problem;
	struct sim_io io;

	(void)state;
	assert_int_equal(control_drain(world->g->gateway, "link", sim_gateway_link(world->g, PORTAL_2A)->id, true,
				       false, &problem),
			 0);
	assert_int_equal(control_drain(world->g->gateway, "link", sim_gateway_link(world->g, PORTAL_2B)->id, true,
				       false, &problem),
			 0);
	sim_portal_down(world->portals[0], true);
	sim_portal_down(world->portals[1], true);
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	assert_false(sim_io_wait(&io, 5 * S));
	assert_int_equal(world->array->groups.orders, 0);
	world_destroy(world);
}

/* row: E6: implicit ALUA: the array alone can change it, and is watched */
static void test_implicit_waits_for_the_array(void **state)
{
	struct world *world = world_with(IMPLICIT, SIM_OPTIMIZED, SIM_STANDBY, NULL);
	struct sim_io io;

	(void)state;
	sim_port_set(world->array, 1, SIM_STANDBY);
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	assert_false(sim_io_wait(&io, 5 * S));
	world->array->groups.mute = true;
	sim_port_set(world->array, 2, SIM_OPTIMIZED);
	assert_true(sim_io_wait(&io, 500 * MS));
	assert_int_equal(io.io.status, SCSI_GOOD);
	world_destroy(world);
}

/* All standby from the start: no path tells the capacity, and the disk is there when one can. */
static void test_found_in_standby(void **state)
{
	struct world *world = world_create(1);
	struct sim_io io;

	(void)state;
	world->lus[0]->tpgs = world->lus[1]->tpgs = IMPLICIT;
	sim_port_set(world->array, 1, SIM_STANDBY);
	sim_port_set(world->array, 2, SIM_STANDBY);
	world_start(world, NULL);
	sim_run(world->sim, 10 * S);
	assert_null(world_disk(world, 0));
	sim_port_set(world->array, 2, SIM_OPTIMIZED);
	assert_true(sim_gateway_settles(world->g, 20 * S));
	assert_int_equal(sim_disk_paths(world_disk(world, 0), PATH_UP), 4);
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	world_destroy(world);
}

/* row: P2 P8: round robin by default; once asymmetric it is round robin with subset, and cannot be set */
static void test_round_robin_becomes_subset(void **state)
{
	struct policy_setting setting = { .policy = POLICY_ROUND_ROBIN };
	struct world *world = world_with(IMPLICIT, SIM_OPTIMIZED, SIM_OPTIMIZED, NULL);
	struct problem problem = { 0 };

	(void)state;
	assert_int_equal(device_of(world)->policy_in_force, POLICY_ROUND_ROBIN);
	reads(world, 20);
	assert_int_equal(reads_over(world, PORTAL_2B), 5);
	sim_port_set(world->array, 2, SIM_NON_OPTIMIZED);
	reads(world, 8); /* they meet the unit attention */
	sim_run(world->sim, S);
	assert_int_equal(device_of(world)->policy_in_force, POLICY_ROUND_ROBIN_SUBSET);
	assert_int_equal(control_set_device_policy(world->g->gateway, device_of(world)->core.id, &setting, &problem),
			 -1);
	assert_int_equal(problem.status, 422);
	sim_port_set(world->array, 2, SIM_OPTIMIZED);
	reads(world, 8);
	sim_run(world->sim, S);
	assert_int_equal(device_of(world)->policy_in_force, POLICY_ROUND_ROBIN_SUBSET); /* it stays so */
	world_destroy(world);
}

/* row: P8: explicit ALUA is asymmetric whatever state the groups are in */
static void test_explicit_is_asymmetric(void **state)
{
	struct world *world = world_with(EXPLICIT, SIM_OPTIMIZED, SIM_OPTIMIZED, NULL);

	(void)state;
	assert_int_equal(device_of(world)->policy_in_force, POLICY_ROUND_ROBIN_SUBSET);
	reads(world, 20);
	assert_int_equal(reads_over(world, PORTAL_2B), 5);
	world_destroy(world);
}

/* An array that knows the short header only is asked for that. */
static void test_extended_header_refused(void **state)
{
	struct world *world = world_create(1);

	(void)state;
	world->lus[0]->tpgs = world->lus[1]->tpgs = IMPLICIT;
	world->array->groups.extended_refused = true;
	sim_port_set(world->array, 1, SIM_STANDBY);
	world_start(world, NULL);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	sim_run(world->sim, 100 * MS);
	assert_int_equal(world_disk(world, 0)->usable.count, 2);
	world_destroy(world);
}

/* row: E6: without ALUA: a path whose controller does not serve the disk rests, and is found again when it does */
static void test_passive_without_alua(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_fault *passive = sim_array_fault(world->array, SIM_FAULT_SENSE, 1000000);
	uint64_t before;

	(void)state;
	passive->portal = 0;
	passive->key = SENSE_NOT_READY;
	passive->asc = 0x040b;
	reads(world, 40);
	sim_run(world->sim, 10 * S);
	before = reads_over(world, PORTAL_1A);
	reads(world, 40);
	assert_int_equal(reads_over(world, PORTAL_1A), before);
	assert_int_equal(figure_get(&world_disk(world, 0)->cell->path_failures), 0);
	passive->count = 0;
	sim_run(world->sim, 2 * S);
	reads(world, 40);
	assert_int_equal(reads_over(world, PORTAL_1A), before + 10);
	world_destroy(world);
}

/* row: D4: a unit attention that meets the question is as good as one that meets a host's command */
static void test_question_meets_attention(void **state)
{
	struct world *world = world_with(IMPLICIT, SIM_OPTIMIZED, SIM_OPTIMIZED, NULL);
	uint64_t generation = world_lane(world, PORTAL_1A)->generation;

	(void)state;
	sim_session_attention(world_session(world, PORTAL_1A), 0, 0x3f0e);
	access_refresh(&world_disk(world, 0)->access);
	sim_run(world->sim, S);
	assert_true(world_lane(world, PORTAL_1A)->generation > generation);
	assert_int_equal(sim_disk_paths(world_disk(world, 0), PATH_UP), 4);
	world_destroy(world);
}

/* The link that was asked dies with the question: another one is asked. */
static void test_question_is_lost(void **state)
{
	struct world *world = world_with(IMPLICIT, SIM_OPTIMIZED, SIM_STANDBY, NULL);

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		sim_port_set(world->array, 1 + i % 2, SIM_STANDBY);
		sim_port_set(world->array, 2 - i % 2, SIM_OPTIMIZED);
		access_refresh(&world_disk(world, 0)->access);
		sim_run(world->sim, i * 40);
		sim_portal_reset(world->portals[0]);
		assert_true(sim_gateway_settles(world->g, 10 * S));
		sim_run(world->sim, S);
		assert_int_equal(sim_gateway_path(world->g, 0, 0, PORTAL_2A)->access,
				 i % 2 ? DSM_ACCESS_STANDBY : DSM_ACCESS_OPTIMIZED);
	}
	reads(world, 20);
	world_destroy(world);
}

/* row: E10: an array that answers every question with a unit attention is not asked without a pause */
static void test_attention_without_an_end(void **state)
{
	static const uint16_t attentions[] = { 0x2a06, 0x2900, 0x3f0e };

	(void)state;
	for (unsigned i = 0; i < sizeof(attentions) / sizeof(attentions[0]); i++) {
		struct world *world = world_with(IMPLICIT, SIM_OPTIMIZED, SIM_NON_OPTIMIZED, NULL);
		struct sim_fault *fault = world_sense(world, 1000000, 0xa3, SENSE_UNIT_ATTENTION, attentions[i]);

		access_refresh(&world_disk(world, 0)->access);
		sim_run(world->sim, 10 * S);
		assert_in_range(fault->hits, 20, 500);
		fault->count = 0;
		assert_true(sim_gateway_settles(world->g, 10 * S));
		reads(world, 4);
		sim_run(world->sim, S);
		assert_int_equal(world_disk(world, 0)->access.attentions, 0);
		world_destroy(world);
	}
}

static void identify_all(struct world *world)
{
	static const char *const portals[] = { PORTAL_1A, PORTAL_1B, PORTAL_2A, PORTAL_2B };

	for (unsigned i = 0; i < 4; i++)
		lane_reidentify(world_lane(world, portals[i]));
}

/* row: P8: a port without ALUA beside others with it is refused, until it is set as they are; an array that is changed
 * as a whole comes back */
static void test_mixed_ports(void **state)
{
	struct world *world = world_create(1);
	struct device *device;

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		world->lus[i]->tpgs = IMPLICIT;
	world->portals[3]->plain = true;
	world_start(world, NULL);
	sim_run(world->sim, 10 * S);
	device = gateway_device(world->g->gateway, world_disk(world, 0)->core->id);
	assert_int_equal(device_paths_up(device), 3);
	assert_int_equal(sim_gateway_events(world->g, "path-refused"), 2); /* of two disks */
	world->portals[3]->plain = false;
	sim_run(world->sim, 120 * S);
	assert_int_equal(device_paths_up(device), 4);
	for (unsigned i = 0; i < 4; i++)
		world->portals[i]->plain = true;
	identify_all(world);
	sim_run(world->sim, 300 * S);
	assert_int_equal(device_paths_up(device), 4);
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_standby_rests),
		cmocka_unit_test(test_non_optimized_is_second),
		cmocka_unit_test(test_swap_under_load),
		cmocka_unit_test(test_silent_swap_under_load),
		cmocka_unit_test(test_transition),
		cmocka_unit_test(test_transition_of_one_group),
		cmocka_unit_test(test_activation),
		cmocka_unit_test(test_activation_is_a_failover),
		cmocka_unit_test(test_activation_tries_another),
		cmocka_unit_test(test_standby_comes_up_first),
		cmocka_unit_test(test_activation_leaves_drained_paths),
		cmocka_unit_test(test_implicit_waits_for_the_array),
		cmocka_unit_test(test_found_in_standby),
		cmocka_unit_test(test_round_robin_becomes_subset),
		cmocka_unit_test(test_explicit_is_asymmetric),
		cmocka_unit_test(test_extended_header_refused),
		cmocka_unit_test(test_passive_without_alua),
		cmocka_unit_test(test_question_meets_attention),
		cmocka_unit_test(test_mixed_ports),
		cmocka_unit_test(test_question_is_lost),
		cmocka_unit_test(test_attention_without_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
