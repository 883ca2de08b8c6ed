/* APTPL: when the state is kept, what comes back, and what is refused. */
#include "target/crc32c.h"
#include "tests/unit/reservation_fixture.h"

#define WRITE_10 CDB(0x2a)

/* As after a loss of power */
static void restart(void)
{
	size_t len;
	uint8_t *kept = reservation_save(lu, &len);

	reservation_destroy(lu);
	lu = create(&owner);
	if (kept)
		assert_int_equal(reservation_load(lu, kept, len), 0);
	else
		assert_int_equal(len, 0);
	free(kept);
}

/* R1: APTPL: each type comes back with its holder and its registrations */
static void test_round_trip(void **state)
{
	(void)state;
	for (uint8_t type = WE; type <= EA_AR; type++) {
		if (type == 2 || type == 4)
			continue;
		GOOD(out(H1A, REGISTER, 0, 0, 5, APTPL));
		GOOD(out(H2A, REGISTER, 0, 0, UINT64_C(0xfedcba9876543210), APTPL | ALL_TG_PT));
		GOOD(out(H2A, RESERVE, type, UINT64_C(0xfedcba9876543210), 0, 0));
		restart();
		assert_int_equal(type_now(), type);
		assert_int_equal(key_of(H1A), 5);
		assert_true(key_of(H2A) == UINT64_C(0xfedcba9876543210));
		assert_int_equal(key_of(H1B), 0);
		assert_true(holds(H2A));
		assert_int_equal(holds(H1A), type >= WE_AR);
		assert_int_equal(conflicts(H1A, WRITE_10), type < WE_RO);
		assert_true(conflicts(H3B, WRITE_10));
		assert_int_equal(generation(), 0);
		GOOD(in(H1A, IN_CAPABILITIES, 8));
		assert_int_equal(answer[3] & 1, 1); /* PTPL_A */
		GOOD(out(H1A, CLEAR, 0, 5, 0, 0));
		restart();
		assert_int_equal(key_of(H1A), 0);
	}
}

static void test_off(void **state)
{
	(void)state;
	REGISTER_ALL(H1A);
	GOOD(out(H1A, RESERVE, WE, key_for(H1A), 0, 0));
	assert_int_equal(saves, 0);
	GOOD(out(H2A, REGISTER, 0, 0, 6, APTPL)); /* the last one that says so decides for all */
	assert_int_equal(saves, 1);
	GOOD(out(H2A, REGISTER, 0, 6, 7, 0));
	assert_int_equal(saves, 2); /* what was kept has to go */
	GOOD(out(H1A, RELEASE, WE, key_for(H1A), 0, 0));
	assert_int_equal(saves, 2);
	restart();
	assert_int_equal(key_of(H1A), 0);
	assert_int_equal(key_of(H2A), 0);
}

/* What changes nothing is not kept; what fails does not switch it on. */
static void test_when(void **state)
{
	(void)state;
	GOOD(out(H1A, REGISTER, 0, 0, 0, APTPL));
	CONFLICT(out(H1A, REGISTER, 0, 9, 5, APTPL));
	assert_int_equal(saves, 0);
	GOOD(in(H1A, IN_CAPABILITIES, 8));
	assert_int_equal(answer[3] & 1, 0);
	GOOD(out(H1A, REGISTER, 0, 0, 5, APTPL));
	GOOD(out(H1A, RESERVE, WE, 5, 0, 0));
	assert_int_equal(saves, 2);
	GOOD(out(H1A, RESERVE, WE, 5, 0, 0));
	CONFLICT(out(H1A, RESERVE, EA, 5, 0, 0));
	GOOD(out(H2A, REGISTER_IGNORE, 0, 0, 0, 0));
	assert_int_equal(saves, 2);
	GOOD(spc2(H1A, 0x16));
	assert_int_equal(saves, 2);
}

/* The answer goes out when the state is kept and the commands have ended, whichever is later. */
static void test_waits(void **state)
{
	unsigned before;

	(void)state;
	GOOD(out(H1A, REGISTER, 0, 0, 5, APTPL));
	GOOD(out(H2A, REGISTER, 0, 0, 6, APTPL));
	hold = true;
	before = ended;
	assert_int_equal(out(H1A, PREEMPT_ABORT, WE, 5, 6, 0), SCSI_BUSY);
	assert_int_equal(held_count, 2);
	held[1].done(held[1].arg, 0);
	assert_int_equal(ended, before);
	held[0].done(held[0].arg, 0);
	assert_int_equal(ended, before + 1);
	assert_int_equal(cmd.status, SCSI_GOOD);
}

static void test_cannot_keep(void **state)
{
	(void)state;
	save_err = -5;
	assert_int_equal(out(H1A, REGISTER, 0, 0, 5, APTPL), SCSI_CHECK_CONDITION);
	assert_sense(SENSE_HARDWARE_ERROR, 0x4400);
	assert_int_equal(key_of(H1A), 5);
	save_err = 0;
	GOOD(out(H1A, REGISTER, 0, 5, 6, APTPL));
}

/* Every byte of it, and every length. */
static void test_damage(void **state)
{
	struct reservations *fresh;
	uint8_t *kept, *copy;
	size_t len;

	(void)state;
	GOOD(out(H1A, REGISTER, 0, 0, 5, APTPL));
	GOOD(out(H2A, REGISTER, 0, 0, 6, APTPL));
	GOOD(out(H1A, RESERVE, WE_RO, 5, 0, 0));
	kept = reservation_save(lu, &len);
	assert_int_equal(reservation_load(lu, kept, len), -EBUSY);
	fresh = create(&owner);
	for (size_t i = 0; i < len; i++) {
		copy = malloc(i + 1); /* the sanitizer watches its end */
		memcpy(copy, kept, i);
		assert_int_equal(reservation_load(fresh, copy, i), -EINVAL);
		free(copy);
		kept[i] ^= 0x10;
		assert_int_equal(reservation_load(fresh, kept, len), -EINVAL);
		kept[i] ^= 0x10;
	}
	assert_null(reservation_snapshot(fresh));
	assert_int_equal(reservation_load(fresh, kept, len), 0);
	assert_non_null(reservation_snapshot(fresh));
	reservation_destroy(fresh);
	free(kept);
}

/* Damage that a checksum does not show: each field out of its range */
static void test_nonsense(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} bad[] = {
		{ 0, 0 },       { 4, 9 },
		{ 5, 2 },       { 5, 0 },
		{ 5, WE_AR },   { 7, 1 },
		{ 7, 3 },       { 8 + 7, 0 /* key */ },
		{ 8 + 8, 2 },   { 8 + 8, 0 },
		{ 8 + 17, 0 },  { 8 + 17, 255 },
		{ 8 + 17, 20 }, { 8 + 20, 0 /* inside the name */ },
	};
	struct reservations *fresh = create(&owner);
	uint8_t *kept;
	size_t len;

	(void)state;
	GOOD(out(H1A, REGISTER, 0, 0, 5, APTPL));
	GOOD(out(H1B, REGISTER, 0, 0, 6, APTPL));
	GOOD(out(H1A, RESERVE, WE_RO, 5, 0, 0));
	kept = reservation_save(lu, &len);
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		uint8_t old = kept[bad[i].at];

		kept[bad[i].at] = bad[i].value;
		crc32c_put(kept + len - 4, crc32c(CRC32C_INIT, kept, len - 4));
		assert_int_equal(reservation_load(fresh, kept, len), -EINVAL);
		kept[bad[i].at] = old;
	}
	kept[8 + 16] = PORT_B; /* the same nexus twice */
	crc32c_put(kept + len - 4, crc32c(CRC32C_INIT, kept, len - 4));
	assert_int_equal(reservation_load(fresh, kept, len), -EINVAL);
	reservation_destroy(fresh);
	free(kept);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip),  TEST(test_off),    TEST(test_when),     TEST(test_waits),
		TEST(test_cannot_keep), TEST(test_damage), TEST(test_nonsense),
	};

	return cmocka_run_group_tests_name("reservation_state", tests, NULL, NULL);
}
