/* Two gateways in front of the same disks: neither is in the other's way (row F4). */
#include "gateway/base/memory.h"
#include "gateway/control.h"
#include "gateway/engine/registration.h"
#include "tests/simulation/sim_load.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define S US_PER_S
#define MS US_PER_MS
#define WP "'policies': {'default': 'weighted-paths'}"

struct pair {
	struct world *world; /* with the first gateway */
	struct sim_gateway *second;
	char state_dirs[2][64];
};

static struct sim_reservations *reservations(const struct pair *pair)
{
	return &pair->world->lus[0]->reservations;
}

/* Keys at LUN 0 that are this gateway's. */
static unsigned keys_of(const struct pair *pair, const struct sim_gateway *g)
{
	uint64_t own = registration_key(sim_gateway_link(g, PORTAL_1A), 0);
	unsigned count = 0;

	for (unsigned i = 0; i < reservations(pair)->count; i++)
		count += registration_is_same_gateway(reservations(pair)->keys[i].key, own);
	return count;
}

static uint64_t holder(const struct pair *pair)
{
	const struct sim_reservations *r = reservations(pair);

	return r->holder < 0 ? 0 : r->keys[r->holder].key;
}

static const char *fence_of(const struct sim_gateway *g)
{
	return device_fence(container_of(sim_gateway_disk(g, 0, 0)->core, struct device, core));
}

/* The session of the second gateway at that portal. */
static struct sim_session *session_of_second(const struct pair *pair, const char *address)
{
	struct sim_session *session;
	uint8_t isid[6];

	link_isid(sim_gateway_link(pair->second, address), 0, isid);
	list_for_each(session, &pair->world->array->sessions, link)
		if (memcmp(session->isid, isid, 6) == 0)
			return session;
	return NULL;
}

/* The second has a state, and so an identity, of its own. */
static struct pair *pair_create(void)
{
	struct pair *pair = xcalloc(1, sizeof(*pair));
	struct world *world = pair->world = world_create(1);

	for (unsigned i = 0; i < 2; i++)
		world->lus[i]->reservations.enabled = true;
	world_start(world, "{" WP "}");
	assert_true(sim_gateway_settles(world->g, 10 * S));
	strcpy(pair->state_dirs[0], world->sim->state_dir);
	*world->sim->state_dir = '\0';
	pair->second = sim_gateway_create(world->sim, "{" WP "}");
	strcpy(pair->state_dirs[1], world->sim->state_dir);
	assert_true(sim_gateway_settles(pair->second, 10 * S));
	return pair;
}

static void stop(struct sim_gateway **g)
{
	assert_true(sim_gateway_destroy(*g));
	*g = NULL;
}

static void pair_destroy(struct pair *pair)
{
	char file[80];

	if (pair->second)
		stop(&pair->second);
	snprintf(file, sizeof(file), "%s/state.json", pair->state_dirs[1]);
	unlink(file);
	rmdir(pair->state_dirs[1]);
	strcpy(pair->world->sim->state_dir, pair->state_dirs[0]);
	world_destroy(pair->world);
	free(pair);
}

/* row: F4: both register, one of them reserves, both write, and each is fenced by keys */
static void test_side_by_side(void **state)
{
	struct pair *pair = pair_create();
	struct sim_gateway *both[] = { pair->world->g, pair->second };
	struct sim_load *loads[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(keys_of(pair, both[i]), 4);
		assert_string_equal(fence_of(both[i]), "reservation");
		loads[i] = sim_load_start(pair->world->sim, sim_gateway_disk(both[i], 0, (uint16_t)i), 8, MS);
	}
	for (unsigned i = 0; i < 8; i++) {
		sim_run(pair->world->sim, 500 * MS);
		sim_portal_reset(pair->world->portals[i % 4]);
	}
	for (unsigned i = 0; i < 2; i++) {
		assert_true(sim_load_stop(loads[i], 30 * S));
		assert_int_equal(loads[i]->failed + loads[i]->wrong, 0);
		assert_true(loads[i]->writes > 100);
		free(loads[i]);
	}
	assert_true(sim_gateway_settles(pair->second, 10 * S));
	assert_int_equal(reservations(pair)->conflicts, 0);
	assert_int_equal(keys_of(pair, both[0]) + keys_of(pair, both[1]), 8);
	pair_destroy(pair);
}

/* row: F4: the one that holds the reservation ends in order: the other one reserves, and is fenced as before */
static void test_holder_ends(void **state)
{
	struct pair *pair = pair_create();
	uint64_t first = registration_key(sim_gateway_link(pair->world->g, PORTAL_1A), 0);

	(void)state;
	assert_true(registration_is_same_gateway(holder(pair), first));
	stop(&pair->world->g);
	sim_run(pair->world->sim, 20 * S);
	assert_int_equal(reservations(pair)->count, 4);
	assert_int_equal(keys_of(pair, pair->second), 4);
	assert_true(holder(pair) && !registration_is_same_gateway(holder(pair), first));
	assert_string_equal(fence_of(pair->second), "reservation");
	pair_destroy(pair);
}

/* row: F4: both end, one just after the other, which has not yet made sure of its keys: none is left */
static void test_both_end(void **state)
{
	(void)state;
	for (unsigned later = 0; later < 20; later++) {
		struct pair *pair = pair_create();

		stop(&pair->world->g);
		sim_session_attention(session_of_second(pair, PORTAL_1B), 0, 0x2a04);
		path_verify(sim_gateway_path(pair->second, 0, 0, PORTAL_1B));
		sim_run(pair->world->sim, later * 100);
		stop(&pair->second);
		assert_int_equal(reservations(pair)->count, 0);
		assert_int_equal(pair->world->lus[1]->reservations.count, 0);
		pair_destroy(pair);
	}
}

/* row: F1, F4: a link of the one dies with a write inside: its key goes, the other's keys and commands are untouched */
static void test_fence_beside_another(void **state)
{
	struct pair *pair = pair_create();
	struct world *world = pair->world;
	struct sim_io io, others;
	struct sim_fault *hang;

	(void)state;
	hang = sim_array_fault(world->array, SIM_FAULT_HANG, 2);
	hang->opcode = 0x8a;
	sim_io_init(&io, world->sim);
	sim_io_init(&others, world->sim);
	sim_io_write(&io, world_prefer(world, PORTAL_1A), 5, 1);
	sim_io_write(&others, sim_gateway_disk(pair->second, 0, 0), 6, 2);
	sim_run(world->sim, 10 * MS);
	assert_int_equal(hang->hits, 2);
	lane_fail(world_lane(world, PORTAL_1A), "the test says so");
	assert_true(sim_io_wait(&io, 50 * MS));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(world_events(world, "fenced", "form reservation"), 1);
	assert_int_equal(others.ended, 0);
	sim_array_release(world->array);
	assert_true(sim_io_wait(&others, S));
	assert_int_equal(others.io.status, SCSI_GOOD);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	assert_int_equal(keys_of(pair, world->g), 4);
	assert_int_equal(keys_of(pair, pair->second), 4);
	assert_int_equal(reservations(pair)->preempted, 1);
	pair_destroy(pair);
}

/* row: F4: one crashes and comes again with other portals: its old keys go, the other's stay, and it was never in doubt
 */
static void test_crash_beside_another(void **state)
{
	struct pair *pair = pair_create();
	struct world *world = pair->world;
	struct sim_reservations crashed;

	(void)state;
	crashed = *reservations(pair);
	stop(&world->g);
	sim_run(world->sim, 20 * S);
	*reservations(pair) = crashed; /* as if it had not given anything back */
	strcpy(world->sim->state_dir, pair->state_dirs[0]);
	for (unsigned i = 0; i < 4; i++)
		world->portals[i]->lists = 0x3;
	world_start(world, "{" WP "}");
	assert_true(sim_gateway_settles(world->g, 10 * S));
	sim_run(world->sim, 15 * S);
	assert_int_equal(keys_of(pair, world->g), 2);
	assert_int_equal(keys_of(pair, pair->second), 4);
	assert_true(sim_gateway_events(world->g, "key-removed") > 0);
	assert_int_equal(sim_gateway_events(pair->second, "key-removed"), 0);
	pair_destroy(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_side_by_side),
		cmocka_unit_test(test_holder_ends),
		cmocka_unit_test(test_both_end),
		cmocka_unit_test(test_fence_beside_another),
		cmocka_unit_test(test_crash_beside_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
