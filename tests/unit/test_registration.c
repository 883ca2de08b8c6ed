/* The fence in its form reservation: a key for every path (semantics, section 5). */
#include "gateway/control.h"
#include "tests/simulation/sim_load.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define S US_PER_S
#define MS US_PER_MS
#define WP "'policies': {'default': 'weighted-paths'}"
#define NOBODYS_KEY UINT64_C(0x1234567890)

static struct world *world_with_reservations(unsigned workers)
{
	struct world *world = world_create(workers);

	for (unsigned i = 0; i < 2; i++)
		world->lus[i]->reservations.enabled = true;
	return world;
}

static struct world *world_ready(const char *options)
{
	struct world *world = world_with_reservations(1);

	world_start(world, options);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	return world;
}

/* The claims are up to the test. */
static struct world *world_unclaimed(void)
{
	struct world *world = world_with_reservations(1);

	world_start(world, "{'claims': []}");
	sim_run(world->sim, S);
	return world;
}

static const struct sim_reservations *reservations(const struct world *world)
{
	return &world->lus[0]->reservations;
}

static const char *fence_of(const struct world *world)
{
	return device_fence(container_of(world_disk(world, 0)->core, struct device, core));
}

static void stop_gateway(struct world *world)
{
	assert_true(sim_gateway_destroy(world->g));
	world->g = NULL;
}

/* Writes one block over whatever path is chosen. */
static void write_block(struct world *world, struct disk *disk, uint64_t lba, uint64_t stamp)
{
	struct sim_io io;

	sim_io_init(&io, world->sim);
	sim_io_write(&io, disk, lba, stamp);
	assert_true(sim_io_wait(&io, 30 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
}

/* A write of 1 to block 5 hangs inside the array on the first path. */
static void hang_a_write(struct world *world, struct sim_io *io)
{
	struct sim_fault *hang = sim_array_fault(world->array, SIM_FAULT_HANG, 1);

	hang->opcode = 0x8a;
	sim_io_init(io, world->sim);
	sim_io_write(io, world_prefer(world, PORTAL_1A), 5, 1);
	sim_run(world->sim, 10 * MS);
	assert_int_equal(hang->hits, 1);
}

/* ---- registering ------------------------------------------------------------------------------------------------- */

/* row: F4: every path has its key, of its own, before the first command of a host */
static void test_registered_before_first_io(void **state)
{
	struct world *world = world_with_reservations(2);
	const struct sim_reservations *r = reservations(world);
	struct sim_load *load;

	(void)state;
	world_start(world, NULL);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	assert_int_equal(r->count, 8); /* 2 workers with 4 links each */
	assert_true(r->holder >= 0);
	assert_int_equal(r->type, SIM_WRITE_EXCLUSIVE_REGISTRANTS_ONLY);
	for (unsigned i = 0; i < r->count; i++)
		for (unsigned k = 0; k < i; k++)
			assert_true(r->keys[i].key && r->keys[i].key != r->keys[k].key);
	assert_string_equal(fence_of(world), "reservation");
	load = sim_load_start(world->sim, world_disk(world, 0), 8, MS);
	for (unsigned i = 0; i < 12; i++) {
		sim_run(world->sim, 300 * MS);
		sim_portal_reset(world->portals[i % 4]);
	}
	assert_true(sim_load_stop(load, 30 * S));
	assert_int_equal(load->failed + load->wrong, 0);
	assert_int_equal(r->conflicts, 0);
	free(load);
	world_destroy(world);
}

/* row: F4: what a crashed gateway has left is its successor's */
static void test_leftovers_are_taken_over(void **state)
{
	struct world *world = world_ready(NULL);
	struct sim_reservations left[2] = { world->lus[0]->reservations, world->lus[1]->reservations };

	(void)state;
	stop_gateway(world);
	for (unsigned i = 0; i < 2; i++)
		world->lus[i]->reservations = left[i];
	world_start(world, NULL);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	assert_int_equal(reservations(world)->count, 4);
	assert_memory_equal(reservations(world)->keys, left[0].keys, 4 * sizeof(left[0].keys[0]));
	assert_string_equal(fence_of(world), "reservation");
	write_block(world, world_disk(world, 0), 0, 1);
	assert_int_equal(reservations(world)->conflicts, 0);
	world_destroy(world);
}

/* An array without them, one that cannot preempt and abort, and a gateway that must not: no key is left there. */
static void test_arrays_that_cannot(void **state)
{
	static const struct {
		bool enabled, no_preempt_and_abort;
		const char *options;
	} cases[] = {
		{ false, false, NULL },
		{ true, true, NULL },
		{ true, false, "{'backends': [{'name': 'a', 'portals': ['" PORTAL_1A "'], 'fence': 'session'}]}" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
		struct world *world = world_create(1);

		world->lus[0]->reservations.enabled = cases[i].enabled;
		world->lus[0]->reservations.no_preempt_and_abort = cases[i].no_preempt_and_abort;
		world_start(world, cases[i].options);
		assert_true(sim_gateway_settles(world->g, 10 * S));
		assert_int_equal(reservations(world)->count, 0);
		assert_string_equal(fence_of(world), "session");
		write_block(world, world_disk(world, 0), 0, 1);
		world_destroy(world);
	}
}

/* row: E22: a reservation of somebody else is not joined; the host is told of the conflict */
static void test_foreign_reservation(void **state)
{
	static const uint8_t types[] = { 1, 3, 6, SIM_WRITE_EXCLUSIVE_REGISTRANTS_ONLY };

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(types); i++) {
		struct world *world = world_with_reservations(1);
		struct sim_io io;

		sim_reservation_foreign(world->lus[0], NOBODYS_KEY, types[i]);
		world_start(world, NULL);
		assert_true(sim_gateway_settles(world->g, 10 * S));
		assert_int_equal(reservations(world)->count, 1);
		assert_int_equal(reservations(world)->keys[0].key, NOBODYS_KEY);
		assert_string_equal(fence_of(world), "session");
		sim_io_init(&io, world->sim);
		sim_io_write(&io, world_disk(world, 0), 0, 1);
		assert_true(sim_io_wait(&io, S));
		assert_int_equal(io.io.status, SCSI_RESERVATION_CONFLICT);
		assert_int_equal(reservations(world)->count, 1);
		world_destroy(world);
	}
}

/* Somebody who only registers is in nobody's way. */
static void test_foreign_registration(void **state)
{
	struct world *world = world_with_reservations(1);

	(void)state;
	sim_reservation_foreign(world->lus[0], NOBODYS_KEY, 0);
	world_start(world, NULL);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	assert_string_equal(fence_of(world), "reservation");
	assert_int_equal(reservations(world)->count, 5);
	stop_gateway(world);
	assert_int_equal(reservations(world)->count, 1);
	world_destroy(world);
}

/* row: D4: a unit attention that meets a registration is as good as one that meets a host's command */
static void test_registration_meets_attention(void **state)
{
	struct world *world = world_ready(NULL);
	uint64_t generation;

	(void)state;
	sim_portal_reset(world->portals[0]);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	generation = world_lane(world, PORTAL_1A)->generation;
	sim_reservation_take(world->lus[0], world_session(world, PORTAL_1A));
	write_block(world, world_prefer(world, PORTAL_1B), 0, 1);
	sim_session_attention(world_session(world, PORTAL_1A), 0, 0x3f0e);
	path_conflict(sim_gateway_path(world->g, 0, 0, PORTAL_1A));
	sim_run(world->sim, S);
	assert_true(world_lane(world, PORTAL_1A)->generation > generation);
	assert_true(sim_reservation_has(world->lus[0], world_session(world, PORTAL_1A)));
	assert_int_equal(sim_disk_paths(world_disk(world, 0), PATH_UP), 4);
	world_destroy(world);
}

/* ---- losing keys ------------------------------------------------------------------------------------------------- */

/* row: E22 F4: keys that were taken away are put back, and no command of a host fails for it */
static void test_key_is_restored(void **state)
{
	struct world *world = world_ready(NULL);
	struct sim_load *load = sim_load_start(world->sim, world_disk(world, 0), 32, MS);
	struct sim_session *session;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		sim_run(world->sim, 50 * MS + i * 37);
		list_for_each(session, &world->array->sessions, link)
			if (session->initiator && session->portal != world->portals[i % 4])
				sim_reservation_take(world->lus[0], session);
		if (reservations(world)->holder < 0) /* somebody has to hold it for there to be a conflict */
			world->lus[0]->reservations.holder = (int)reservations(world)->count - 1;
	}
	assert_true(sim_load_stop(load, 30 * S));
	assert_int_equal(load->failed + load->wrong, 0);
	assert_true(reservations(world)->conflicts > 20);
	free(load);
	world_destroy(world);
}

/* row: E22 F4: an array forgets everything; the first link that comes again reserves, the others find out */
static void test_array_forgets(void **state)
{
	struct world *world = world_ready(NULL);
	struct sim_load *load = sim_load_start(world->sim, world_disk(world, 0), 32, MS);

	(void)state;
	sim_run(world->sim, 500 * MS);
	sim_reservation_forget(world->lus[0]);
	sim_portal_reset(world->portals[0]);
	sim_run(world->sim, 500 * MS);
	assert_int_equal(reservations(world)->count, 4);
	assert_true(reservations(world)->conflicts > 0);
	assert_true(sim_load_stop(load, 30 * S));
	assert_int_equal(load->failed + load->wrong, 0);
	assert_string_equal(fence_of(world), "reservation");
	free(load);
	world_destroy(world);
}

/* Standby ports may refuse to register; when they are used they do. */
static void test_port_that_could_not_register(void **state)
{
	struct world *world = world_with_reservations(1);
	struct sim_load *load;

	(void)state;
	world->lus[0]->tpgs = world->lus[1]->tpgs = 1;
	sim_port_set(world->array, 2, SIM_UNAVAILABLE);
	world_start(world, NULL);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	assert_int_equal(reservations(world)->count, 2);
	load = sim_load_start(world->sim, world_disk(world, 0), 16, MS);
	sim_run(world->sim, 200 * MS);
	sim_port_set(world->array, 2, SIM_OPTIMIZED);
	sim_port_set(world->array, 1, SIM_STANDBY);
	sim_run(world->sim, 2 * S);
	assert_true(sim_load_stop(load, 30 * S));
	assert_int_equal(load->failed + load->wrong, 0);
	assert_int_equal(reservations(world)->count, 4);
	free(load);
	world_destroy(world);
}

/* ---- the fence --------------------------------------------------------------------------------------------------- */

/* row: F1: a hung write goes on at once though no portal of its group is left, and its old copy is gone */
static void test_hung_write_is_released(void **state)
{
	struct world *world = world_ready("{" WP "}");
	struct sim_io io;

	(void)state;
	world->array->linger_us = 3600 * S;
	hang_a_write(world, &io);
	sim_portal_down(world->portals[1], true);
	sim_portal_down(world->portals[0], true);
	assert_true(sim_io_wait(&io, 20 * MS));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(world_events(world, "fenced", "form reservation"), 1);
	assert_int_equal(reservations(world)->preempted, 1);
	assert_int_equal(reservations(world)->aborted, 1);
	write_block(world, world_prefer(world, PORTAL_2A), 5, 2);
	assert_int_equal(sim_array_release(world->array), 0);
	sim_run(world->sim, 10 * S);
	assert_int_equal(sim_lu_stamp(world->lus[0], 5), 2);
	sim_portal_down(world->portals[0], false);
	sim_portal_down(world->portals[1], false);
	assert_true(sim_gateway_settles(world->g, 60 * S));
	assert_int_equal(reservations(world)->count, 4);
	world_destroy(world);
}

/* One write is on its way when its link dies at a moment that the seed names; the host then writes 2, and whatever is
 * still under way arrives. Whether an old copy met the conflict. */
static bool lose_at_any_moment(uint64_t seed)
{
	struct world *world = world_ready("{" WP "}");
	struct sim_rng rng = { seed };
	struct sim_io io;
	bool met;

	world->array->linger_us = 3600 * S;
	world->portals[0]->latency_us = sim_below(&rng, 3000);
	world->portals[2]->latency_us = sim_below(&rng, 300);
	world->portals[0]->travel_us = sim_chance(&rng, 50) ? sim_below(&rng, 20 * MS) : 0;
	sim_io_init(&io, world->sim);
	sim_io_write(&io, world_prefer(world, PORTAL_1A), 5, 1);
	sim_run(world->sim, sim_below(&rng, 700));
	sim_portal_down(world->portals[1], true);
	if (sim_chance(&rng, 50))
		sim_portal_down(world->portals[0], true);
	else
		lane_fail(world_lane(world, PORTAL_1A), "test");
	if (sim_chance(&rng, 30))
		sim_portal_reset(world->portals[2 + sim_below(&rng, 2)]);
	assert_true(sim_io_wait(&io, 30 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	write_block(world, world_prefer(world, PORTAL_2B), 5, 2);
	sim_run(world->sim, 10 * S);
	assert_int_equal(sim_lu_stamp(world->lus[0], 5), 2);
	met = reservations(world)->conflicts != 0;
	world_destroy(world);
	return met;
}

/* row: F1: no old copy lands, whenever it arrives: it is aborted, or meets a conflict */
static void test_late_copies(void **state)
{
	unsigned met = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 150; seed++)
		met += lose_at_any_moment(seed);
	assert_true(met > 0);
}

/* row: F1: controllers that do not know each other's keys: never taken for a fence */
static void test_keys_that_are_not_shared(void **state)
{
	struct world *world = world_with_reservations(1);
	struct sim_io io;
	uint64_t lost;

	(void)state;
	world->lus[0]->reservations.unshared = world->lus[1]->reservations.unshared = true;
	world_start(world, "{" WP ", 'timers': {'fence_wait': 6}}");
	assert_true(sim_gateway_settles(world->g, 10 * S));
	hang_a_write(world, &io);
	sim_portal_down(world->portals[1], true);
	sim_portal_down(world->portals[0], true);
	lost = sim_now_us(world->sim);
	assert_true(sim_io_wait(&io, 30 * S));
	assert_in_range(io.ended_us - lost, 6 * S, 6 * S + 20 * MS);
	assert_int_equal(world_events(world, "fenced", "form reservation"), 0);
	assert_int_equal(world_events(world, "fenced", "form wait"), 1);
	world_destroy(world);
}

/* The first path that is asked refuses; the next one does it. */
static void test_next_path_is_asked(void **state)
{
	struct world *world = world_ready("{" WP "}");
	struct sim_fault *refusal;
	struct sim_io io;

	(void)state;
	hang_a_write(world, &io);
	refusal = world_sense(world, 1, 0x5f, SENSE_ILLEGAL_REQUEST, 0x2400);
	sim_portal_down(world->portals[1], true);
	sim_portal_down(world->portals[0], true);
	assert_true(sim_io_wait(&io, 100 * MS));
	assert_int_equal(refusal->hits, 1);
	assert_int_equal(world_events(world, "fenced", "form reservation"), 1);
	world_destroy(world);
}

/* The key to be taken away stands behind a thousand others: of gateways with many workers on many paths. */
static void test_among_many_keys(void **state)
{
	struct world *world = world_with_reservations(1);
	struct sim_io io;

	(void)state;
	for (uint64_t i = 1; i <= 1000; i++)
		sim_reservation_foreign(world->lus[0], NOBODYS_KEY + i, 0);
	world_start(world, "{" WP "}");
	assert_true(sim_gateway_settles(world->g, 10 * S));
	hang_a_write(world, &io);
	sim_portal_down(world->portals[1], true);
	sim_portal_down(world->portals[0], true);
	assert_true(sim_io_wait(&io, 100 * MS));
	assert_int_equal(world_events(world, "fenced", "form reservation"), 1);
	assert_int_equal(reservations(world)->preempted, 1);
	world_destroy(world);
}

/* ---- giving back ------------------------------------------------------------------------------------------------- */

/* row: F4 D8: keys are given back when a disk is released, and when the gateway ends */
static void test_keys_are_given_back(void **state)
{
	struct world *world = world_unclaimed();
	struct problem problem;
	const char *claim;
	bool created;

	(void)state;
	assert_int_equal(reservations(world)->count, 0);
	assert_int_equal(control_claim(world->g->gateway, "all", NULL, &claim, &created, &problem), 0);
	sim_run(world->sim, S);
	assert_int_equal(reservations(world)->count, 4);
	assert_int_equal(control_unclaim(world->g->gateway, claim, true, &problem), 0);
	sim_run(world->sim, S);
	assert_int_equal(reservations(world)->count, 0);
	assert_int_equal(reservations(world)->holder, -1);
	assert_int_equal(control_claim(world->g->gateway, "all", NULL, &claim, &created, &problem), 0);
	sim_run(world->sim, S);
	assert_int_equal(reservations(world)->count, 4);
	stop_gateway(world);
	assert_int_equal(reservations(world)->count, 0);
	world_destroy(world);
}

/* ---- links that die in the middle -------------------------------------------------------------------------------- */

/* The link of portal 1A dies after that time in whatever is under way. */
static void die_while_registering(uint64_t after_us)
{
	struct world *world = world_ready(NULL);

	sim_portal_reset(world->portals[0]);
	sim_run(world->sim, after_us);
	sim_portal_reset(world->portals[0]);
	sim_portal_reset(world->portals[1]);
	assert_true(sim_gateway_settles(world->g, 30 * S));
	assert_int_equal(reservations(world)->count, 4);
	assert_string_equal(fence_of(world), "reservation");
	write_block(world, world_disk(world, 0), 0, 1);
	world_destroy(world);
}

static void die_while_fencing(uint64_t after_us)
{
	struct world *world = world_ready("{" WP "}");
	struct sim_io io;

	hang_a_write(world, &io);
	sim_portal_down(world->portals[1], true);
	sim_portal_down(world->portals[0], true);
	sim_run(world->sim, after_us);
	sim_portal_reset(world->portals[2]);
	sim_portal_reset(world->portals[3]);
	assert_true(sim_io_wait(&io, 30 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	write_block(world, world_disk(world, 0), 5, 2);
	sim_array_release(world->array);
	sim_run(world->sim, 15 * S);
	assert_int_equal(sim_lu_stamp(world->lus[0], 5), 2);
	world_destroy(world);
}

static void die_while_giving_back(uint64_t after_us)
{
	struct world *world = world_unclaimed();
	struct problem problem;
	const char *claim;
	bool created;

	control_claim(world->g->gateway, "all", NULL, &claim, &created, &problem);
	sim_run(world->sim, S);
	control_unclaim(world->g->gateway, claim, true, &problem);
	sim_run(world->sim, after_us);
	for (unsigned i = 0; i < 4; i++)
		sim_portal_reset(world->portals[i]);
	sim_run(world->sim, 5 * S);
	control_claim(world->g->gateway, "all", NULL, &claim, &created, &problem);
	assert_true(sim_gateway_settles(world->g, 30 * S));
	sim_run(world->sim, S);
	assert_int_equal(reservations(world)->count, 4);
	write_block(world, world_disk(world, 0), 0, 1);
	world_destroy(world);
}

/* row: F4 F1: the link dies in the middle of each step of registering, fencing, giving back */
static void test_death_in_every_step(void **state)
{
	(void)state;
	for (uint64_t after_us = 0; after_us < 25000; after_us += 250)
		die_while_registering(after_us);
	for (uint64_t after_us = 0; after_us < 4000; after_us += 100)
		die_while_fencing(after_us);
	for (uint64_t after_us = 0; after_us < 3000; after_us += 100)
		die_while_giving_back(after_us);
}

/* The gateway ends while a device registers, while links are silent: it ends, and in time. */
static void test_shut_down_meanwhile(void **state)
{
	(void)state;
	for (uint64_t after_us = 0; after_us < 20000; after_us += 500) {
		struct world *world = world_with_reservations(1);
		uint64_t begin;

		world_start(world, NULL);
		sim_run(world->sim, after_us);
		if (after_us % 1000)
			sim_portal_black_hole(world->portals[2], true);
		begin = sim_now_us(world->sim);
		stop_gateway(world);
		assert_true(sim_now_us(world->sim) - begin < 20 * S);
		if (after_us % 1000 == 0)
			assert_int_equal(reservations(world)->count, 0);
		world_destroy(world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registered_before_first_io),
		cmocka_unit_test(test_leftovers_are_taken_over),
		cmocka_unit_test(test_arrays_that_cannot),
		cmocka_unit_test(test_foreign_reservation),
		cmocka_unit_test(test_foreign_registration),
		cmocka_unit_test(test_registration_meets_attention),
		cmocka_unit_test(test_key_is_restored),
		cmocka_unit_test(test_array_forgets),
		cmocka_unit_test(test_port_that_could_not_register),
		cmocka_unit_test(test_hung_write_is_released),
		cmocka_unit_test(test_late_copies),
		cmocka_unit_test(test_keys_that_are_not_shared),
		cmocka_unit_test(test_next_path_is_asked),
		cmocka_unit_test(test_among_many_keys),
		cmocka_unit_test(test_keys_are_given_back),
		cmocka_unit_test(test_death_in_every_step),
		cmocka_unit_test(test_shut_down_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
