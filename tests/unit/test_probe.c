/* Probes: what is behind a lane, asked of arrays that are busy, changing, or hostile. */
#include "gateway/base/bytes.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define S US_PER_S
#define MS US_PER_MS

/* Lets the arrays' answers be what the test has prepared, and the gateway look at them through one portal. */
static void look(struct world *world)
{
	world->portals[0]->lists = 1;
	world_start(world, NULL);
	sim_run(world->sim, 10 * S);
	assert_int_equal(world_lane(world, PORTAL_1A)->state, LANE_UP);
}

static unsigned devices(const struct world *world)
{
	const struct device *device;
	unsigned count = 0;

	list_for_each(device, &world->g->gateway->devices, link)
		count++;
	return count;
}

static const struct device *device_at(const struct world *world, uint16_t array_lun)
{
	const struct device *device;

	list_for_each(device, &world->g->gateway->devices, link)
		if (device->path_count && device->paths[0]->lun == array_lun)
			return device;
	return NULL;
}

static void test_finds_the_disks(void **state)
{
	struct world *world = world_create(1);

	(void)state;
	look(world);
	assert_int_equal(devices(world), 2);
	assert_string_equal(device_at(world, 1)->serial, "SN00000101");
	assert_string_equal(device_at(world, 1)->product, "SIM-DISK");
	assert_int_equal(device_at(world, 1)->blocks, WORLD_BLOCKS);
	assert_true(device_at(world, 1)->claimed);
	world_destroy(world);
}

/* row: E13: several unit attentions are queued at each disk */
static void test_unit_attentions_are_drained(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_session *session;

	(void)state;
	list_for_each(session, &world->array->sessions, link)
		for (uint16_t n = 0; n < 10; n++)
			sim_session_attention(session, 0, 0x2a01);
	sim_array_attention(world->array, 0, 0x3f0e);
	lane_reidentify(world_lane(world, PORTAL_1A));
	assert_true(sim_gateway_settles(world->g, 20 * S));
	assert_int_equal(devices(world), 2);
	world_destroy(world);
}

static struct sim_fault *busy(struct world *world, uint8_t opcode, unsigned count)
{
	struct sim_fault *fault = sim_array_fault(world->array, SIM_FAULT_STATUS, count);

	fault->opcode = opcode;
	fault->status = SCSI_BUSY;
	return fault;
}

/* Busy for a second: the probe waits. Busy for long: it ends, and another comes. */
static void test_busy_array(void **state)
{
	static const uint8_t opcodes[] = { 0xa0, 0x12, 0x9e };

	(void)state;
	for (unsigned i = 0; i < sizeof(opcodes); i++) {
		for (unsigned count = 5; count < 1000; count += 100) {
			struct world *world = world_create(1);
			struct sim_fault *fault = busy(world, opcodes[i], count);

			world->portals[0]->lists = 1;
			world_start(world, NULL);
			sim_run(world->sim, 6 * S);
			fault->count = 0;
			sim_run(world->sim, 90 * S);
			assert_int_equal(devices(world), 2);
			assert_true(device_at(world, 0)->claimed && device_at(world, 1)->claimed);
			assert_int_equal(sim_disk_paths(world_disk(world, 0), PATH_UP), 1);
			world_destroy(world);
		}
	}
}

/* row: D2: an answer that fails for the moment does not turn a disk into another one */
static void test_identity_is_never_half_known(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_fault *fault = world_sense(world, 0, 0x12, SENSE_ABORTED_COMMAND, 0x4400);

	(void)state;
	for (unsigned skip = 0; skip < 8; skip++) { /* from another INQUIRY of the probe on each time */
		sim_portal_reset(world->portals[0]);
		sim_run(world->sim, 4 * SIM_LATENCY_US + skip * 450);
		fault->count = 40;
		sim_run(world->sim, 10 * S);
		fault->count = 0;
		assert_true(sim_gateway_settles(world->g, 120 * S));
		assert_int_equal(devices(world), 2);
	}
	world_destroy(world);
}

/* row: D3: a disk that is not ready to tell its capacity is the same disk when it is */
static void test_not_ready_at_first(void **state)
{
	struct world *world = world_create(1);
	struct sim_fault *faults[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		faults[i] = world_sense(world, 1000000, i ? 0x25 : 0x9e, SENSE_NOT_READY, 0x0401);
		faults[i]->lun = 1;
	}
	look(world);
	assert_int_equal(devices(world), 2);
	assert_true(device_at(world, 0)->claimed);
	assert_false(device_at(world, 1)->claimed);
	assert_string_equal(device_at(world, 1)->reason, "its capacity cannot be read");
	faults[0]->count = faults[1]->count = 0;
	sim_run(world->sim, 60 * S);
	assert_int_equal(devices(world), 2);
	assert_int_equal(device_at(world, 1)->block_size, SIM_BLOCK);
	assert_true(device_at(world, 1)->claimed);
	assert_int_equal(sim_disk_paths(world_disk(world, 1), PATH_UP), 1);
	world_destroy(world);
}

/* A disk that stays not ready does not make the gateway probe for ever at full speed. */
static void test_never_ready(void **state)
{
	struct world *world = world_create(1);
	struct sim_fault *fault = world_sense(world, 1000000, 0x9e, SENSE_NOT_READY, 0x3a00);
	uint64_t generation;

	(void)state;
	fault->lun = 1;
	look(world);
	sim_run(world->sim, 120 * S);
	generation = world_lane(world, PORTAL_1A)->generation;
	sim_run(world->sim, 800 * S);
	assert_in_range(world_lane(world, PORTAL_1A)->generation - generation, 8, 12);
	world_destroy(world);
}

/* row: D4: the LU changes behind the probe's back, between the question who it is and the last one: the unit attention
 * that says so comes to the probe itself */
static void test_change_during_the_probe(void **state)
{
	struct world *world = world_create(1);
	struct sim_fault *fault = sim_array_fault(world->array, SIM_FAULT_HANG, 0);
	struct sim_io io;

	(void)state;
	look(world);
	fault->opcode = 0x12;
	fault->lun = 0;
	lane_reidentify(world_lane(world, PORTAL_1A));
	for (unsigned n = 0; n < 3; n++) { /* standard data, page 83h, page 80h */
		if (n)
			sim_array_release(world->array);
		fault->count = 1;
		sim_run(world->sim, 100 * MS);
		assert_int_equal(fault->hits, n + 1);
	}
	sim_lu_identity(world->lus[0], 999); /* LUN 0 leads elsewhere now */
	sim_array_attention(world->array, SIM_ANY, 0x3f0e);
	sim_array_release(world->array);
	sim_run(world->sim, S);
	sim_io_init(&io, world->sim);
	sim_io_write(&io, world_disk(world, 0), 0, 7);
	sim_run(world->sim, 60 * S);
	assert_int_equal(sim_lu_stamp(world->lus[0], 0), 0);
	assert_int_equal(devices(world), 3);
	world_destroy(world);
}

/* row: D2: without page 83h the serial number serves; without both it is listed with the reason */
static void test_identifiers(void **state)
{
	struct world *world = world_create(1);

	(void)state;
	world->lus[0]->naa[0] = 0;
	world->lus[1]->naa[0] = 0;
	world->lus[1]->serial[0] = '\0';
	look(world);
	assert_int_equal(device_at(world, 0)->identity.kind, IDENTITY_SERIAL);
	assert_true(device_at(world, 0)->claimed);
	assert_int_equal(device_at(world, 1)->identity.kind, IDENTITY_NONE);
	assert_false(device_at(world, 1)->claimed);
	assert_true(*device_at(world, 1)->reason != '\0');
	world_destroy(world);
}

/* Lists of LUNs as no array should send them. */
static void test_hostile_lun_lists(void **state)
{
	uint8_t list[8 + 8 * 8] = { 0xff, 0xff, 0xff, 0xff }; /* the length lies */
	struct world *world = world_create(1);

	(void)state;
	list[8 + 1] = 1;
	list[16 + 1] = 1; /* twice */
	list[24] = 0xc1; /* a well-known logical unit */
	list[32 + 1] = 0, list[32 + 3] = 5; /* a second level */
	list[40] = 0x40; /* flat space, number 0: again LUN 0 */
	put_be16(list + 48, 0x4000 | 700); /* not there */
	list[56] = 0x80; /* an addressing method that is not for us */
	sim_lu_override(world->lus[0], 0xa0, -1, list, sizeof(list));
	look(world);
	assert_int_equal(devices(world), 2);
	world_destroy(world);

	for (uint32_t len = 0; len < 24; len++) { /* cut anywhere */
		world = world_create(1);
		memset(list, 0xff, 8);
		sim_lu_override(world->lus[0], 0xa0, -1, list, len);
		look(world);
		assert_true(devices(world) <= 2);
		world_destroy(world);
	}
}

/* An array that refuses REPORT LUNS may still have a disk at LUN 0. */
static void test_report_luns_refused(void **state)
{
	struct world *world = world_create(1);

	(void)state;
	world_sense(world, 1000000, 0xa0, SENSE_ILLEGAL_REQUEST, 0x2000);
	look(world);
	assert_int_equal(devices(world), 1);
	assert_true(device_at(world, 0)->claimed);
	world_destroy(world);
}

/* Pages of random bytes and lengths: whatever they say, the gateway goes on. */
static void test_random_pages(void **state)
{
	static const int pages[] = { -1, 0x80, 0x83 };
	struct sim_rng rng = { 7 };

	(void)state;
	for (unsigned round = 0; round < 100; round++) {
		struct world *world = world_create(1);
		uint8_t bytes[1100];

		for (unsigned i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)sim_random(&rng);
		for (unsigned p = 0; p < ARRAY_COUNT(pages); p++) {
			if (sim_chance(&rng, 30))
				continue;
			bytes[0] = 0; /* a disk, or else the rest is not looked at */
			bytes[1] = (uint8_t)pages[p];
			bytes[2] = (uint8_t)sim_below(&rng, 3);
			sim_lu_override(world->lus[0], 0x12, pages[p], bytes, (uint32_t)sim_below(&rng, sizeof(bytes)));
		}
		if (sim_chance(&rng, 30))
			sim_lu_override(world->lus[0], 0x9e, -1, bytes, (uint32_t)sim_below(&rng, 33));
		look(world);
		assert_true(device_at(world, 1)->claimed);
		world_destroy(world);
	}
}

/* The last LBA that a page can tell: the number of blocks must not wrap to none. */
static void test_absurd_capacity(void **state)
{
	struct world *world = world_create(1);
	uint8_t page[32];

	(void)state;
	memset(page, 0xff, 8);
	put_be32(page + 8, 512);
	sim_lu_override(world->lus[0], 0x9e, -1, page, sizeof(page));
	look(world);
	assert_false(device_at(world, 0)->claimed);
	assert_true(*device_at(world, 0)->reason != '\0');
	world_destroy(world);
}

/* row: E12 D4: each probe meets another "LUNs have changed": no I/O goes there, and it is not asked without a pause */
static void test_change_without_an_end(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	const struct lane *lane = world_lane(world, PORTAL_1A);
	struct sim_fault *fault = world_sense(world, 1, 0x9e, SENSE_UNIT_ATTENTION, 0x3f0e);
	uint64_t generation = lane->generation;

	(void)state;
	fault->portal = 0;
	lane_reidentify(world_lane(world, PORTAL_1A));
	for (unsigned i = 0; i < 10000; i++) {
		fault->count = 1;
		sim_run(world->sim, MS);
	}
	assert_in_range(lane->generation - generation, 10, 40);
	assert_int_equal(lane->state, LANE_PROBING);
	fault->count = 0;
	assert_true(sim_gateway_settles(world->g, 10 * S));
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_the_disks),
		cmocka_unit_test(test_unit_attentions_are_drained),
		cmocka_unit_test(test_busy_array),
		cmocka_unit_test(test_identity_is_never_half_known),
		cmocka_unit_test(test_not_ready_at_first),
		cmocka_unit_test(test_never_ready),
		cmocka_unit_test(test_change_during_the_probe),
		cmocka_unit_test(test_identifiers),
		cmocka_unit_test(test_hostile_lun_lists),
		cmocka_unit_test(test_report_luns_refused),
		cmocka_unit_test(test_random_pages),
		cmocka_unit_test(test_absurd_capacity),
		cmocka_unit_test(test_change_without_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
