/* Keys of the fence that get lost, and keys that are left behind (semantics, rows E13 and F4). */
#include "gateway/backend.h"
#include "gateway/control.h"
#include "gateway/engine/registration.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define S US_PER_S
#define MS US_PER_MS
#define WP "'policies': {'default': 'weighted-paths'}"

#define ASC_RESET 0x2900
#define ASC_RELEASED 0x2a04

static struct world *world_with_keys(unsigned workers, const char *options)
{
	struct world *world = world_create(workers);

	for (unsigned i = 0; i < 2; i++)
		world->lus[i]->reservations.enabled = true;
	world_start(world, options);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	return world;
}

static struct sim_reservations *reservations(const struct world *world)
{
	return &world->lus[0]->reservations;
}

static const char *fence_of(const struct world *world)
{
	return device_fence(container_of(world_disk(world, 0)->core, struct device, core));
}

/* ---- reset and nexus loss ---------------------------------------------------------------------------------------- */

/* row: E13, F4: after a reset no write goes anywhere before a key is there again, and the fence is not claimed to be */
static void test_no_write_without_a_key(void **state)
{
	struct world *world = world_with_keys(1, NULL);
	struct sim_fault *hang;
	struct sim_io io;

	(void)state;
	sim_reservation_forget(world->lus[0]); /* a power loss, without APTPL */
	sim_array_attention(world->array, SIM_ANY, ASC_RESET);
	hang = sim_array_fault(world->array, SIM_FAULT_HANG, 4);
	hang->opcode = 0x5f;
	hang->lun = 0;
	sim_io_init(&io, world->sim);
	sim_io_write(&io, world_disk(world, 0), 5, 7);
	sim_run(world->sim, 20 * MS);
	assert_int_equal(hang->hits, 4);
	assert_int_equal(io.io.place, IO_HELD);
	assert_string_not_equal(fence_of(world), "reservation");
	sim_array_release(world->array);
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_true(sim_gateway_settles(world->g, S));
	assert_int_equal(reservations(world)->count, 4);
	assert_true(reservations(world)->holder >= 0);
	assert_string_equal(fence_of(world), "reservation");
	assert_int_equal(figure_get(&io.io.path->cell->path_failures), 0); /* it is no fault of the path's */
	world_destroy(world);
}

/* row: E13: nobody writes: the keepalive hears of the reset */
static void test_reset_of_an_idle_disk(void **state)
{
	struct world *world = world_with_keys(2, NULL);

	(void)state;
	sim_reservation_forget(world->lus[0]);
	sim_array_attention(world->array, SIM_ANY, ASC_RESET);
	sim_run(world->sim, 30 * S);
	assert_int_equal(reservations(world)->count, 8);
	assert_int_equal(reservations(world)->type, SIM_WRITE_EXCLUSIVE_REGISTRANTS_ONLY);
	assert_string_equal(fence_of(world), "reservation");
	world_destroy(world);
}

/* row: E13, D4: the probe meets the attention, and nobody else will */
static void test_reset_while_identified(void **state)
{
	struct world *world = world_with_keys(1, NULL);

	(void)state;
	sim_reservation_forget(world->lus[0]);
	sim_array_attention(world->array, 0, ASC_RESET);
	for (unsigned i = 0; i < 4; i++)
		lane_reidentify(world_lane(world, world->portals[i]->address));
	sim_run(world->sim, S);
	assert_int_equal(reservations(world)->count, 4);
	assert_string_equal(fence_of(world), "reservation");
	world_destroy(world);
}

/* row: E13: the reset comes in the middle of a registration: what had been registered is registered again */
static void test_reset_while_registering(void **state)
{
	struct world *world = world_with_keys(1, NULL);
	uint64_t own = registration_key(sim_gateway_link(world->g, PORTAL_1A), 0);
	struct sim_fault *hang;

	(void)state;
	for (unsigned i = 1; i < 4; i++)
		sim_portal_down(world->portals[i], true);
	sim_run(world->sim, S);
	while (reservations(world)->keys[reservations(world)->holder].key == own)
		reservations(world)->holder = (reservations(world)->holder + 1) % 4;
	hang = sim_array_fault(world->array, SIM_FAULT_HANG, 1);
	hang->opcode = 0x5e; /* READ RESERVATION: the key is there, the reservation a path's that is down */
	hang->lun = 0;
	sim_portal_reset(world->portals[0]);
	sim_run(world->sim, 200 * MS);
	assert_int_equal(hang->hits, 1);
	sim_reservation_forget(world->lus[0]);
	sim_array_attention(world->array, 0, ASC_RESET);
	sim_array_release(world->array);
	sim_run(world->sim, S);
	assert_int_equal(reservations(world)->count, 1);
	assert_int_equal(reservations(world)->holder, 0);
	assert_string_equal(fence_of(world), "reservation");
	world_destroy(world);
}

/* row: E13, L2: a reset that is met while the path is suspect: it registers before it is used again */
static void test_reset_while_verifying(void **state)
{
	struct world *world = world_with_keys(1, NULL);

	(void)state;
	path_suspect(sim_gateway_path(world->g, 0, 0, PORTAL_1A));
	sim_reservation_forget(world->lus[0]);
	sim_session_attention(world_session(world, PORTAL_1A), 0, ASC_RESET);
	sim_run(world->sim, S);
	assert_true(sim_reservation_has(world->lus[0], world_session(world, PORTAL_1A)));
	assert_int_equal(sim_disk_paths(world_disk(world, 0), PATH_UP), 4);
	world_destroy(world);
}

/* row: F1: the reservation is gone without a word. The key of the dead link alone would stop nobody: it is reserved
 * again before the lost write is sent again. */
static void test_fence_without_reservation(void **state)
{
	struct world *world = world_with_keys(1, "{" WP "}");
	struct sim_io io;

	(void)state;
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x8a;
	sim_io_init(&io, world->sim);
	sim_io_write(&io, world_prefer(world, PORTAL_1A), 5, 1);
	sim_run(world->sim, 10 * MS);
	reservations(world)->holder = -1;
	sim_portal_down(world->portals[0], true);
	assert_true(sim_io_wait(&io, 50 * MS));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(world_events(world, "fenced", "form reservation"), 1);
	assert_true(reservations(world)->holder >= 0);
	assert_int_equal(reservations(world)->type, SIM_WRITE_EXCLUSIVE_REGISTRANTS_ONLY);
	world_destroy(world);
}

/* row: F1: somebody takes the reservation away and makes another one: the next form of the fence, and an event */
static void test_foreign_reservation_takes_over(void **state)
{
	struct world *world = world_with_keys(1, NULL);

	(void)state;
	sim_run(world->sim, 5 * S);
	assert_int_equal(sim_gateway_events(world->g, "fence-changed"), 0);
	sim_reservation_forget(world->lus[0]);
	sim_reservation_foreign(world->lus[0], 0x1234, 3);
	sim_array_attention(world->array, 0, 0x2a03);
	sim_run(world->sim, 20 * S);
	assert_string_equal(fence_of(world), "session");
	assert_int_equal(reservations(world)->count, 1);
	assert_int_equal(world_events(world, "fence-changed", "form session now, not reservation"), 1);
	sim_reservation_forget(world->lus[0]);
	for (unsigned i = 0; i < 4; i++)
		sim_portal_reset(world->portals[i]);
	sim_run(world->sim, 20 * S);
	assert_int_equal(world_events(world, "fence-changed", "form reservation now, not session"), 1);
	assert_int_equal(sim_gateway_events(world->g, "fence-changed"), 2);
	world_destroy(world);
}

/* ---- leftovers --------------------------------------------------------------------------------------------------- */

static bool has_key(const struct world *world, uint64_t key)
{
	for (unsigned i = 0; i < reservations(world)->count; i++)
		if (reservations(world)->keys[i].key == key)
			return true;
	return false;
}

static void add_key(struct world *world, uint64_t key)
{
	sim_reservation_foreign(world->lus[0], key, 0);
}

static int unclaim(struct world *world, const char *id)
{
	struct problem problem;
	int rc = control_unclaim(world->g->gateway, id, true, &problem);

	sim_run(world->sim, S);
	return rc;
}

/* The array's disks, claimed by what can be taken back. */
static struct world *world_claimed(unsigned workers, const char **id)
{
	struct world *world = world_create(workers);
	struct problem problem;
	bool created;

	for (unsigned i = 0; i < 2; i++)
		world->lus[i]->reservations.enabled = true;
	world_start(world, "{'claims': []}");
	sim_run(world->sim, 5 * S);
	assert_int_equal(control_claim(world->g->gateway, "all", NULL, id, &created, &problem), 0);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	return world;
}

/* row: F4: what no link of this gateway's has is taken away; what is another's, or nobody's, and what a link that is
 * down has, stays */
static void test_leftovers_are_removed(void **state)
{
	struct world *world = world_with_keys(2, NULL);
	uint64_t own = registration_key(sim_gateway_link(world->g, PORTAL_1A), 0);
	uint64_t gone = own ^ 0x55, gone_too = own ^ 0x5555, others = own ^ (UINT64_C(1) << 40), nobodys = 0x1234;

	(void)state;
	sim_portal_down(world->portals[3], true);
	sim_run(world->sim, 20 * S);
	add_key(world, gone);
	add_key(world, others);
	add_key(world, nobodys);
	add_key(world, gone_too);
	sim_portal_reset(world->portals[0]);
	sim_run(world->sim, 15 * S);
	assert_int_equal(reservations(world)->count, 10);
	assert_false(has_key(world, gone) || has_key(world, gone_too));
	assert_true(has_key(world, others) && has_key(world, nobodys));
	for (unsigned w = 0; w < 2; w++)
		assert_true(has_key(world, registration_key(sim_gateway_link(world->g, PORTAL_2B), w)));
	assert_int_equal(sim_gateway_events(world->g, "key-removed"), 2);
	assert_int_equal(reservations(world)->conflicts, 0);
	world_destroy(world);
}

/* row: F4: a link that the control loop has found, and the worker has not heard of yet, may have registered */
static void test_key_of_a_new_link_stays(void **state)
{
	struct world *world = world_with_keys(1, NULL);
	const struct link *sibling = sim_gateway_link(world->g, PORTAL_1A);
	struct link *fresh = link_create(99, 1, sibling->iqn, "10.0.9.9:3260", 9);

	(void)state;
	fresh->backend = sibling->backend;
	fresh->isid_seed = sibling->isid_seed;
	list_add_tail(&fresh->backend->links, &fresh->backend_link);
	add_key(world, registration_key(fresh, 0));
	sim_run(world->sim, 15 * S);
	assert_true(has_key(world, registration_key(fresh, 0)));
	assert_int_equal(sim_gateway_events(world->g, "key-removed"), 0);
	world_destroy(world);
}

/* row: F4: a disk is released while links are down: their keys go with the others', and so does the reservation */
static void test_released_with_paths_down(void **state)
{
	const char *id;
	struct world *world = world_claimed(2, &id);

	(void)state;
	assert_int_equal(reservations(world)->count, 8);
	sim_portal_down(world->portals[0], true);
	sim_portal_down(world->portals[2], true);
	sim_run(world->sim, S);
	assert_int_equal(unclaim(world, id), 0);
	assert_int_equal(reservations(world)->count, 0);
	assert_int_equal(world->lus[1]->reservations.count, 0);
	world_destroy(world);
}

/* row: F4: the same at the gateway's end */
static void test_stopped_with_paths_down(void **state)
{
	struct world *world = world_with_keys(2, NULL);

	(void)state;
	sim_portal_down(world->portals[1], true);
	sim_run(world->sim, S);
	assert_true(sim_gateway_destroy(world->g));
	world->g = NULL;
	assert_int_equal(reservations(world)->count, 0);
	world_destroy(world);
}

/* row: F4: no path is left when it is released: each gives its key back when it returns, also to a gateway that was
 * started again in between */
static void test_released_without_a_path(void **state)
{
	(void)state;
	for (unsigned restart = 0; restart < 2; restart++) {
		const char *id;
		struct world *world = world_claimed(2, &id);

		world_down(world, true);
		sim_run(world->sim, S);
		assert_int_equal(unclaim(world, id), 0);
		assert_int_equal(reservations(world)->count, 8);
		if (restart) {
			assert_true(sim_gateway_destroy(world->g));
			world_start(world, "{'claims': []}");
		}
		world_down(world, false);
		sim_run(world->sim, 40 * S);
		assert_int_equal(reservations(world)->count, 0);
		assert_int_equal(world->lus[1]->reservations.count, 0);
		world_destroy(world);
	}
}

/* A disk that was never this gateway's is sent nothing that could change it. */
static void test_unclaimed_disks_are_left_alone(void **state)
{
	struct world *world = world_create(1);
	struct sim_fault *fault;

	(void)state;
	world->lus[0]->reservations.enabled = true;
	fault = sim_array_fault(world->array, SIM_FAULT_HANG, 100);
	fault->opcode = 0x5f;
	world_start(world, "{'claims': []}");
	sim_run(world->sim, 30 * S);
	assert_int_equal(fault->hits, 0);
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_write_without_a_key),         cmocka_unit_test(test_reset_of_an_idle_disk),
		cmocka_unit_test(test_reset_while_identified),         cmocka_unit_test(test_reset_while_registering),
		cmocka_unit_test(test_reset_while_verifying),          cmocka_unit_test(test_fence_without_reservation),
		cmocka_unit_test(test_foreign_reservation_takes_over), cmocka_unit_test(test_leftovers_are_removed),
		cmocka_unit_test(test_key_of_a_new_link_stays),        cmocka_unit_test(test_released_with_paths_down),
		cmocka_unit_test(test_stopped_with_paths_down),        cmocka_unit_test(test_released_without_a_path),
		cmocka_unit_test(test_unclaimed_disks_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
