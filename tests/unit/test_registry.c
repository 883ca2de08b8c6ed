/* The registry: what makes a device of what the lanes find, and a pseudo-LUN of a device. */
#include "gateway/registry.h"

#include "dsm/policy.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define S US_PER_S
#define MS US_PER_MS

#define ASC_LUNS_CHANGED 0x3f0e
#define ASC_CAPACITY_CHANGED 0x2a09

/* The id of the device that sim_lu_identity() makes with that number. */
static const char *device_id(uint64_t number)
{
	static char id[64];

	snprintf(id, sizeof(id), "naa.6000000000000000%016llx", (unsigned long long)number);
	return id;
}

static struct device *device_of(const struct world *world, uint64_t number)
{
	return gateway_device(world->g->gateway, device_id(number));
}

static unsigned devices(const struct world *world)
{
	const struct device *device;
	unsigned count = 0;

	list_for_each(device, &world->g->gateway->devices, link)
		count++;
	return count;
}

/* Another array with one disk, known as the backend that is asked through address. */
static struct sim_array *second_array(struct world *world, const char *address, uint64_t number)
{
	struct sim_array *array = sim_array_create(world->sim);

	sim_array_add_portal(array, address, "iqn.2026-11.org.example:second", 1);
	sim_array_add_lu(array, 0, number, WORLD_BLOCKS);
	return array;
}

/* ---- identity -------------------------------------------------------------------------------------------------- */

/* row: D1, D2: four portals, two disks: two devices of four paths each */
static void test_paths_of_one_disk_are_one_device(void **state)
{
	struct world *world = world_create_ready(1, NULL);

	(void)state;
	assert_int_equal(devices(world), 2);
	assert_int_equal(device_of(world, 100)->path_count, 4);
	assert_int_equal(device_of(world, 101)->path_count, 4);
	assert_string_equal(device_of(world, 100)->name, "SIM-DISK Multi-Path Disk Device");
	assert_string_equal(device_state_name(device_of(world, 100)), "normal");
	world_destroy(world);
}

/* Two backends lead to the same portals: one of them has the links, since two with one ISID would end each other. */
static void test_two_backends_of_one_array(void **state)
{
	struct world *world = world_create(1);

	(void)state;
	world_start(world, "{'backends': [{'name': 'a', 'portals': ['" PORTAL_1A
			   "']}, {'name': 'b', 'portals': ['" PORTAL_2A "']}]}");
	assert_true(sim_gateway_settles(world->g, 10 * S));
	sim_run(world->sim, 100 * S);
	assert_int_equal(world->g->gateway->next_link, 4);
	assert_int_equal(device_of(world, 100)->path_count, 4);
	assert_int_equal(world->portals[0]->logins, 1);
	world_destroy(world);
}

/* row: D3: behind two arrays, but the same by identifier, capacity, vendor and product */
static void test_same_device_behind_two_arrays(void **state)
{
	struct world *world = world_create(1);

	(void)state;
	second_array(world, "10.9.0.1:3260", 100);
	world_start(world, NULL);
	assert_true(sim_gateway_settles(world->g, 20 * S));
	assert_int_equal(devices(world), 2);
	assert_int_equal(device_of(world, 100)->path_count, 5);
	world_destroy(world);
}

/* row: D3: the same identifier and another product: a conflict, shown and never used */
static void test_conflict(void **state)
{
	struct world *world = world_create(1);
	struct sim_array *second = second_array(world, "10.9.0.1:3260", 100);
	struct sim_lu *twin = sim_array_lu(second, 0);
	struct device *device;
	unsigned conflicts = 0;
	struct sim_io io;

	(void)state;
	second->portals[0]->down = true; /* the first one is known by the time that it is found */
	world_start(world, NULL);
	sim_run(world->sim, S);
	strcpy(twin->product, "OTHER");
	sim_portal_down(second->portals[0], false);
	sim_run(world->sim, 60 * S);
	assert_int_equal(devices(world), 3);
	list_for_each(device, &world->g->gateway->devices, link) {
		if (!device->conflict)
			continue;
		conflicts++;
		assert_false(device->claimed);
		assert_string_equal(device_state_name(device), "conflict");
		assert_true(*device->reason != '\0');
	}
	assert_int_equal(conflicts, 1);
	assert_int_equal(sim_gateway_events(world->g, "conflict"), 1);
	sim_io_init(&io, world->sim);
	for (unsigned n = 0; n < 20; n++) {
		sim_io_write(&io, sim_gateway_disk(world->g, 0, (uint16_t)device_of(world, 100)->lun), n, 1);
		assert_true(sim_io_wait(&io, S));
	}
	assert_int_equal(twin->writes, 0);
	world_destroy(world);
}

/* row: D3: the same identifier and another capacity: that path carries nothing, and somebody is told */
static void test_capacity_differs_from_the_start(void **state)
{
	struct world *world = world_create(1);
	struct sim_array *second = second_array(world, "10.9.0.1:3260", 100);
	struct sim_lu *twin = sim_array_lu(second, 0);
	struct sim_io io;

	(void)state;
	sim_lu_resize(twin, WORLD_BLOCKS + 8);
	second->portals[0]->down = true;
	world_start(world, NULL);
	sim_run(world->sim, S);
	sim_portal_down(second->portals[0], false);
	sim_run(world->sim, 60 * S);
	assert_int_equal(device_of(world, 100)->path_count, 5);
	assert_int_equal(device_paths_up(device_of(world, 100)), 4);
	assert_int_equal(sim_gateway_events(world->g, "capacity-differs"), 1);
	sim_io_init(&io, world->sim);
	for (unsigned n = 0; n < 20; n++) {
		sim_io_write(&io, sim_gateway_disk(world->g, 0, (uint16_t)device_of(world, 100)->lun), n, 1);
		assert_true(sim_io_wait(&io, S));
		assert_int_equal(io.io.status, SCSI_GOOD);
	}
	assert_int_equal(twin->writes, 0);
	world_destroy(world);
}

static void claim(struct world *world, const char *kind, const char *value)
{
	struct claim *claim = claim_create(kind, value, false);

	assert_non_null(claim);
	list_add_tail(&world->g->gateway->claims, &claim->link);
	registry_apply_claims(world->g->gateway);
	sim_run(world->sim, 0);
}

static void unclaim_all(struct world *world)
{
	struct claim *claim;

	list_for_each(claim, &world->g->gateway->claims, link) {
		list_del(&claim->link);
		free(claim);
	}
	registry_apply_claims(world->g->gateway);
	sim_run(world->sim, 0);
}

static struct disk *disk_of(const struct world *world, uint64_t number)
{
	return sim_gateway_disk(world->g, 0, (uint16_t)device_of(world, number)->lun);
}

/* ---- claims ---------------------------------------------------------------------------------------------------- */

/* row: D8: a claim made before the device appears takes effect when it appears */
static void test_claim_before_the_device(void **state)
{
	struct world *world = world_create(1);

	(void)state;
	world_start(world, "{'claims': ['BRAID:OTHER']}");
	sim_run(world->sim, 10 * S);
	assert_false(device_of(world, 100)->claimed);
	assert_null(world_disk(world, 0));
	claim(world, "device", device_id(300));
	sim_array_add_lu(world->array, 7, 300, WORLD_BLOCKS);
	assert_null(device_of(world, 300));
	sim_array_attention(world->array, SIM_ANY, ASC_LUNS_CHANGED);
	for (unsigned i = 0; i < 4; i++) /* a link that is new finds what is new */
		sim_portal_reset(world->portals[i]);
	sim_run(world->sim, 10 * S);
	assert_true(device_of(world, 300)->claimed);
	assert_int_equal(device_of(world, 300)->lun, 0);
	assert_int_equal(sim_disk_paths(world_disk(world, 0), PATH_UP), 4);
	assert_false(device_of(world, 100)->claimed);
	world_destroy(world);
}

/* row: D8, D9: claimed, released and claimed again while running: the number stays */
static void test_claim_and_unclaim(void **state)
{
	struct world *world = world_create_ready(2, NULL);
	int lun = device_of(world, 101)->lun;
	struct sim_io io;

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		unclaim_all(world);
		assert_false(device_of(world, 101)->claimed);
		assert_null(sim_gateway_disk(world->g, 1, (uint16_t)lun));
		claim(world, "device", device_id(101));
		assert_true(device_of(world, 101)->claimed);
		assert_int_equal(device_of(world, 101)->lun, lun);
		assert_true(sim_gateway_settles(world->g, 10 * S));
		sim_io_init(&io, world->sim);
		sim_io_write(&io, sim_gateway_disk(world->g, round % 2, (uint16_t)lun), 3, round + 1);
		assert_true(sim_io_wait(&io, S));
		assert_int_equal(io.io.status, SCSI_GOOD);
	}
	world_destroy(world);
}

/* row: D8: claimed again while the last command of the old claim is still inside */
static void test_claim_while_leaving(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_io io;

	(void)state;
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x8a;
	sim_io_init(&io, world->sim);
	sim_io_write(&io, disk_of(world, 100), 0, 1);
	sim_run(world->sim, 10 * MS);
	unclaim_all(world);
	claim(world, "all", NULL);
	assert_false(device_of(world, 100)->claimed); /* one disk at a time */
	assert_true(device_of(world, 101)->claimed);
	sim_array_release(world->array);
	assert_true(sim_io_wait(&io, S));
	sim_run(world->sim, 0);
	assert_true(device_of(world, 100)->claimed);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	world_destroy(world);
}

/* row: D9: the number belongs to the identity, over a restart and whatever else is found first then */
static void test_numbers_survive_a_restart(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	int luns[2] = { device_of(world, 100)->lun, device_of(world, 101)->lun };
	uint64_t id = world->g->gateway->id;
	struct sim_io io;

	(void)state;
	assert_true(sim_gateway_destroy(world->g));
	sim_lu_identity(world->lus[0], 500); /* a new disk where one was, and that one elsewhere */
	sim_array_add_lu(world->array, 9, 100, WORLD_BLOCKS);
	world_start(world, NULL);
	sim_run(world->sim, 0);
	sim_io_init(&io, world->sim);
	sim_io_write(&io, sim_gateway_disk(world->g, 0, (uint16_t)luns[0]), 3, 42); /* at once: it waits for a path */
	assert_true(sim_io_wait(&io, 20 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(sim_lu_stamp(sim_array_lu(world->array, 9), 3), 42);
	assert_true(sim_gateway_settles(world->g, 20 * S));
	assert_int_equal(world->g->gateway->id, id);
	assert_int_equal(device_of(world, 100)->lun, luns[0]);
	assert_int_equal(device_of(world, 101)->lun, luns[1]);
	assert_int_equal(device_of(world, 500)->lun, 2);
	world_destroy(world);
}

/* row: D10: the 33rd path is refused, with an event */
static void test_33_paths(void **state)
{
	struct world *world = world_create(1);
	char address[64];

	(void)state;
	for (unsigned i = 4; i < 33; i++) {
		snprintf(address, sizeof(address), "10.0.9.%u:3260", i);
		sim_array_add_portal(world->array, address, WORLD_IQN, 1);
	}
	world_start(world, NULL);
	sim_run(world->sim, 10 * S);
	assert_int_equal(device_of(world, 100)->path_count, 32);
	assert_int_equal(device_paths_up(device_of(world, 100)), 32);
	assert_int_equal(sim_gateway_events(world->g, "path-refused"), 2); /* one a device */
	world_destroy(world);
}

static bool read_claimed_by(const struct device_view *view, void *arg)
{
	*(size_t *)arg += view->claimed_by ? strlen(view->claimed_by) : 0;
	return true;
}

/* row: D8: a device that has a problem when its claim is taken back goes at once all the same; with its claim it stays,
 * since the problem may pass */
static void test_unclaim_with_a_problem(void **state)
{
	static const uint8_t unknown[32] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 2, 0 };
	struct world *world = world_create(1);
	struct gateway *gateway;
	struct problem problem;
	size_t named = 0;
	const char *id;
	bool created;

	(void)state;
	world_start(world, "{'claims': []}");
	sim_run(world->sim, 5 * S);
	gateway = world->g->gateway;
	assert_int_equal(control_claim(gateway, "device", device_id(100), &id, &created, &problem), 0);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	sim_lu_override(world->lus[0], 0x9e, -1, unknown, sizeof(unknown));
	for (unsigned i = 0; i < 4; i++)
		lane_reidentify(world_lane(world, world->portals[i]->address));
	sim_run(world->sim, S);
	assert_string_not_equal(device_of(world, 100)->reason, "");
	assert_true(device_of(world, 100)->claimed);
	assert_int_equal(control_unclaim(gateway, id, true, &problem), 0);
	assert_false(device_of(world, 100)->claimed);
	control_each_device(gateway, read_claimed_by, &named);
	assert_int_equal(named, 0);
	sim_run(world->sim, S);
	assert_null(sim_gateway_disk(world->g, 0, (uint16_t)device_of(world, 100)->lun));
	world_destroy(world);
}

/* row: D9: a LUN number that could not be saved is shown to no host; it is given as soon as it can be */
static void test_unsaved_number_is_taken_back(void **state)
{
	struct world *world = world_create(1);
	const char *dir;
	char away[80];

	(void)state;
	world_start(world, NULL);
	dir = world->g->gateway->config->state_dir;
	snprintf(away, sizeof(away), "%s.away", dir);
	assert_int_equal(rename(dir, away), 0);
	assert_int_equal(symlink("/proc/nowhere", dir), 0);
	sim_run(world->sim, 5 * S);
	assert_true(sim_gateway_events(world->g, "state-not-saved") > 0);
	assert_int_equal(device_of(world, 100)->lun, -1);
	assert_false(device_of(world, 100)->claimed || device_of(world, 101)->claimed);
	assert_null(world_disk(world, 0));
	assert_int_equal(unlink(dir), 0);
	assert_int_equal(rename(away, dir), 0);
	for (unsigned i = 0; i < 4; i++)
		sim_portal_reset(world->portals[i]);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	sim_run(world->sim, 5 * S);
	assert_true(device_of(world, 100)->claimed && device_of(world, 101)->claimed);
	assert_in_range(device_of(world, 100)->lun, 0, 1);
	world_destroy(world);
}

/* An array that shows another identity each time it is asked does not fill the memory. */
static void test_identities_that_change(void **state)
{
	enum { LUS = 50, ROUNDS = 10 };
	struct world *world = world_create(1);
	uint64_t number = 1000;

	(void)state;
	for (uint16_t lun = 2; lun < LUS; lun++)
		sim_array_add_lu(world->array, lun, number++, WORLD_BLOCKS);
	world_start(world, "{'claims': []}");
	sim_run(world->sim, 5 * S);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (uint16_t lun = 2; lun < LUS; lun++)
			sim_lu_identity(sim_array_lu(world->array, lun), number++);
		lane_reidentify(world_lane(world, PORTAL_1A));
		sim_run(world->sim, 2 * S); /* it is probed once a second at most */
	}
	sim_run(world->sim, 5 * S);
	assert_in_range(devices(world), LUS, 2 * LUS); /* those that were seen no more went */
	assert_int_equal(device_of(world, 100)->path_count, 4); /* those that are known go on */
	world_destroy(world);
}

/* No more devices are taken than there is room for, however many arrays show them. */
static void test_devices_are_bounded(void **state)
{
	enum { ARRAYS = 66, LUS = 64, BOUND = 4096 };
	struct world *world = world_create(1);
	struct sim_array *arrays[ARRAYS];
	char address[32];

	(void)state;
	for (unsigned a = 0; a < ARRAYS; a++) {
		snprintf(address, sizeof(address), "10.9.%u.1:3260", a);
		arrays[a] = second_array(world, address, 1000 + a * LUS);
		arrays[a]->portals[0]->down = true;
		for (uint16_t lun = 1; lun < LUS; lun++)
			sim_array_add_lu(arrays[a], lun, 1000 + a * LUS + lun, 8);
	}
	world_start(world, "{'claims': []}");
	sim_run(world->sim, S);
	for (unsigned a = 0; a < ARRAYS; a++)
		sim_portal_down(arrays[a]->portals[0], false);
	sim_run(world->sim, 60 * S);
	assert_int_equal(devices(world), BOUND);
	assert_int_equal(sim_gateway_events(world->g, "too-many-devices"), 1);
	assert_int_equal(device_of(world, 100)->path_count, 4); /* those that are known go on */
	world_destroy(world);
}

/* ---- capacity -------------------------------------------------------------------------------------------------- */

/* row: E11: the disk grows; a worker without any I/O on it hears nothing by itself, and must not be left behind */
static void test_growth_is_learned_by_all(void **state)
{
	struct world *world = world_create_ready(2, "{'policies': {'default': 'fail-over-only'}}");
	struct sim_io io;

	(void)state;
	sim_lu_resize(world->lus[0], 2 * WORLD_BLOCKS);
	sim_array_attention(world->array, 0, ASC_CAPACITY_CHANGED);
	sim_io_init(&io, world->sim);
	sim_io_write(&io, disk_of(world, 100), 0, 1);
	assert_true(sim_io_wait(&io, 5 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_true(sim_gateway_settles(world->g, 20 * S));
	assert_int_equal(device_of(world, 100)->blocks, 2 * WORLD_BLOCKS);
	assert_int_equal(sim_gateway_events(world->g, "capacity-changed"), 1);
	world_destroy(world);
}

/* row: E11: a smaller capacity is never silent: the device is not used any more */
static void test_shrinking_stops_the_device(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'pdo_remove_period': 5}}");
	struct sim_io io;

	(void)state;
	sim_lu_resize(world->lus[0], WORLD_BLOCKS / 2);
	sim_array_attention(world->array, 0, ASC_CAPACITY_CHANGED);
	sim_io_init(&io, world->sim);
	sim_io_write(&io, disk_of(world, 100), 0, 1);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_CHECK_CONDITION);
	assert_int_equal(device_of(world, 100)->blocks, WORLD_BLOCKS);
	assert_true(sim_gateway_events(world->g, "capacity-shrunk") >= 1);
	assert_int_equal(device_paths_up(device_of(world, 101)), 4);
	unclaim_all(world);
	claim(world, "all", NULL); /* as the event says */
	assert_true(sim_gateway_settles(world->g, 10 * S));
	assert_int_equal(device_of(world, 100)->blocks, WORLD_BLOCKS / 2);
	sim_io_write(&io, disk_of(world, 100), 0, 2);
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	world_destroy(world);
}

/* row: E11: the disk was smaller when the gateway started: it is told once, and found out without any I/O when the disk
 * has its size again */
static void test_shrunk_while_nobody_looked(void **state)
{
	struct world *world = world_create_ready(1, NULL);

	(void)state;
	assert_true(sim_gateway_destroy(world->g));
	sim_lu_resize(world->lus[0], WORLD_BLOCKS / 2);
	world_start(world, NULL);
	sim_run(world->sim, 60 * S);
	assert_int_equal(device_paths_up(device_of(world, 100)), 0);
	assert_int_equal(device_paths_up(device_of(world, 101)), 4);
	assert_int_equal(sim_gateway_events(world->g, "capacity-shrunk"), 1);
	sim_lu_resize(world->lus[0], WORLD_BLOCKS);
	assert_true(sim_gateway_settles(world->g, 120 * S));
	assert_int_equal(device_paths_up(device_of(world, 100)), 4);
	world_destroy(world);
}

/* Two paths that go on telling different capacities do not make the gateway ask for ever. */
static void test_lasting_disagreement_is_no_storm(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	uint64_t submits;

	(void)state;
	sim_lu_resize(world->lus[0], WORLD_BLOCKS + 8);
	sim_portal_reset(world->portals[0]); /* tells the new one */
	sim_run(world->sim, 2 * MS);
	sim_lu_resize(world->lus[0], WORLD_BLOCKS);
	sim_run(world->sim, 30 * S);
	submits = world->sim->submits;
	sim_run(world->sim, 60 * S);
	assert_true(world->sim->submits - submits < 200); /* keepalives */
	world_destroy(world);
}

/* ---- policies -------------------------------------------------------------------------------------------------- */

/* row: P8: device, then hardware ID, then DSM, then the default */
static void test_policy_levels(void **state)
{
	struct world *world = world_create_ready(1, "{'policies': {'default': 'weighted-paths', 'dsm': {'generic': "
						    "'least-queue-depth'}, 'hardware_id': {'BRAID:SIM-DISK': "
						    "'fail-over-only'}}}");
	struct device *device = device_of(world, 100);

	(void)state;
	assert_int_equal(device->policy_in_force, POLICY_FAIL_OVER_ONLY);
	assert_string_equal(device->policy_from, "hardware-id");
	assert_ptr_equal(disk_of(world, 100)->setup->ops, &policy_fail_over_only);
	world_destroy(world);
	world = world_create_ready(1, "{'policies': {'default': 'weighted-paths', 'dsm': {'generic': "
				      "'least-queue-depth'}}}");
	assert_string_equal(device_of(world, 100)->policy_from, "dsm");
	world_destroy(world);
	world = world_create_ready(1, NULL);
	assert_string_equal(device_of(world, 100)->policy_from, "default");
	assert_int_equal(device_of(world, 100)->policy_in_force, POLICY_ROUND_ROBIN);
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths_of_one_disk_are_one_device),
		cmocka_unit_test(test_same_device_behind_two_arrays),
		cmocka_unit_test(test_conflict),
		cmocka_unit_test(test_two_backends_of_one_array),
		cmocka_unit_test(test_capacity_differs_from_the_start),
		cmocka_unit_test(test_claim_before_the_device),
		cmocka_unit_test(test_claim_and_unclaim),
		cmocka_unit_test(test_claim_while_leaving),
		cmocka_unit_test(test_unsaved_number_is_taken_back),
		cmocka_unit_test(test_identities_that_change),
		cmocka_unit_test(test_devices_are_bounded),
		cmocka_unit_test(test_unclaim_with_a_problem),
		cmocka_unit_test(test_numbers_survive_a_restart),
		cmocka_unit_test(test_33_paths),
		cmocka_unit_test(test_growth_is_learned_by_all),
		cmocka_unit_test(test_shrinking_stops_the_device),
		cmocka_unit_test(test_shrunk_while_nobody_looked),
		cmocka_unit_test(test_lasting_disagreement_is_no_storm),
		cmocka_unit_test(test_policy_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
