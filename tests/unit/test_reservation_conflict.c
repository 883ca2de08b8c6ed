/* Every kind of command under every kind of reservation, from every kind of nexus. */
#include "tests/unit/reservation_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

/* SPC-4 table 65 and its like in SBC-3 and SPC-2, as they are printed: A allowed, C conflict. Columns: RESERVE of
 * another; Write Exclusive and Exclusive Access of another; from a registered nexus with the registrants' types; from
 * one that is not registered with Write Exclusive - RR and Exclusive Access - RR. */
static const struct {
	const char *name, *expected;
	uint8_t cdb[SCSI_CDB_MAX];
} table[] = {
	{ "ACCESS CONTROL IN", "AAAAAA", { 0x86 } },
	{ "ACCESS CONTROL OUT", "AAAAAA", { 0x87 } },
	{ "CHANGE ALIASES", "CCCACC", { 0xa4, 0x0b } },
	{ "COPY OPERATION ABORT", "CCCACC", { 0x83, 0x1c } },
	{ "EXTENDED COPY(LID4)", "CCCACC", { 0x83, 0x01 } },
	{ "EXTENDED COPY(LID1)", "CCCACC", { 0x83, 0x00 } },
	{ "INQUIRY", "AAAAAA", { 0x12 } },
	{ "LOG SELECT", "CCCACC", { 0x4c } },
	{ "LOG SENSE", "AAAAAA", { 0x4d } },
	{ "MANAGEMENT PROTOCOL IN", "CACAAC", { 0xa3, 0x10 } },
	{ "MANAGEMENT PROTOCOL OUT", "CCCACC", { 0xa4, 0x10 } },
	{ "MODE SELECT(6)", "CCCACC", { 0x15 } },
	{ "MODE SELECT(10)", "CCCACC", { 0x55 } },
	{ "MODE SENSE(6)", "CACAAC", { 0x1a } },
	{ "MODE SENSE(10)", "CACAAC", { 0x5a } },
	{ "READ ATTRIBUTE", "CACAAC", { 0x8c } },
	{ "READ BUFFER", "CACAAC", { 0x3c } },
	{ "READ MEDIA SERIAL NUMBER", "AAAAAA", { 0xab, 0x01 } },
	{ "RECEIVE COPY DATA(LID1)", "CAAAAA", { 0x84, 0x01 } },
	{ "RECEIVE COPY OPERATING PARAMETERS", "CAAAAA", { 0x84, 0x03 } },
	{ "RECEIVE ROD TOKEN INFORMATION", "CAAAAA", { 0x84, 0x07 } },
	{ "RECEIVE DIAGNOSTIC RESULTS", "CACAAC", { 0x1c } },
	{ "REMOVE I_T NEXUS", "CCCACC", { 0xa4, 0x0c } },
	{ "REPORT ALIASES", "AAAAAA", { 0xa3, 0x0b } },
	{ "REPORT IDENTIFYING INFORMATION", "AAAAAA", { 0xa3, 0x05 } },
	{ "REPORT LUNS", "AAAAAA", { 0xa0 } },
	{ "REPORT PRIORITY", "AAAAAA", { 0xa3, 0x0e } },
	{ "REPORT SUPPORTED OPERATION CODES", "CACAAC", { 0xa3, 0x0c } },
	{ "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", "CACAAC", { 0xa3, 0x0d } },
	{ "REPORT TARGET PORT GROUPS", "AAAAAA", { 0xa3, 0x0a } },
	{ "REPORT TARGET PORT GROUPS, extended", "AAAAAA", { 0xa3, 0x2a } },
	{ "REPORT TIMESTAMP", "AAAAAA", { 0xa3, 0x0f } },
	{ "REQUEST SENSE", "AAAAAA", { 0x03 } },
	{ "SECURITY PROTOCOL IN", "CACAAC", { 0xa2 } },
	{ "SECURITY PROTOCOL OUT", "CCCACC", { 0xb5 } },
	{ "SEND DIAGNOSTIC", "CCCACC", { 0x1d } },
	{ "SET IDENTIFYING INFORMATION", "CCCACC", { 0xa4, 0x06 } },
	{ "SET PRIORITY", "CCCACC", { 0xa4, 0x0e } },
	{ "SET TARGET PORT GROUPS", "CCCACC", { 0xa4, 0x0a } },
	{ "SET TIMESTAMP", "CCCACC", { 0xa4, 0x0f } },
	{ "TEST UNIT READY", "CAAAAA", { 0x00 } },
	{ "WRITE ATTRIBUTE", "CCCACC", { 0x8d } },
	{ "WRITE BUFFER", "CCCACC", { 0x3b } },
	/* SBC-3 */
	{ "COMPARE AND WRITE", "CCCACC", { 0x89 } },
	{ "FORMAT UNIT", "CCCACC", { 0x04 } },
	{ "GET LBA STATUS", "CACAAC", { 0x9e, 0x12 } },
	{ "ORWRITE(16)", "CCCACC", { 0x8b } },
	{ "POPULATE TOKEN", "CCCACC", { 0x83, 0x10 } },
	{ "PRE-FETCH(10)", "CACAAC", { 0x34 } },
	{ "PRE-FETCH(16)", "CACAAC", { 0x90 } },
	{ "PREVENT ALLOW MEDIUM REMOVAL, allow", "AAAAAA", { 0x1e } },
	{ "PREVENT ALLOW MEDIUM REMOVAL, prevent", "CCCACC", { 0x1e, 0, 0, 0, 1 } },
	{ "READ(6)", "CACAAC", { 0x08 } },
	{ "READ(10)", "CACAAC", { 0x28 } },
	{ "READ(12)", "CACAAC", { 0xa8 } },
	{ "READ(16)", "CACAAC", { 0x88 } },
	{ "READ CAPACITY(10)", "AAAAAA", { 0x25 } },
	{ "READ CAPACITY(16)", "AAAAAA", { 0x9e, 0x10 } },
	{ "READ DEFECT DATA(10)", "CACAAC", { 0x37 } },
	{ "READ DEFECT DATA(12)", "CACAAC", { 0xb7 } },
	{ "READ LONG(10)", "CCCACC", { 0x3e } },
	{ "READ LONG(16)", "CCCACC", { 0x9e, 0x11 } },
	{ "REASSIGN BLOCKS", "CCCACC", { 0x07 } },
	{ "SANITIZE", "CCCACC", { 0x48, 0x02 } },
	{ "START STOP UNIT, start", "AAAAAA", { 0x1b, 0, 0, 0, 0x01 } },
	{ "START STOP UNIT, stop", "CCCACC", { 0x1b, 0, 0, 0, 0x00 } },
	{ "START STOP UNIT, a power condition", "CCCACC", { 0x1b, 0, 0, 0, 0x21 } },
	{ "SYNCHRONIZE CACHE(10)", "CCCACC", { 0x35 } },
	{ "SYNCHRONIZE CACHE(16)", "CCCACC", { 0x91 } },
	{ "UNMAP", "CCCACC", { 0x42 } },
	{ "VERIFY(10)", "CACAAC", { 0x2f } },
	{ "VERIFY(12)", "CACAAC", { 0xaf } },
	{ "VERIFY(16)", "CACAAC", { 0x8f } },
	{ "WRITE(6)", "CCCACC", { 0x0a } },
	{ "WRITE(10)", "CCCACC", { 0x2a } },
	{ "WRITE(12)", "CCCACC", { 0xaa } },
	{ "WRITE(16)", "CCCACC", { 0x8a } },
	{ "WRITE AND VERIFY(10)", "CCCACC", { 0x2e } },
	{ "WRITE AND VERIFY(12)", "CCCACC", { 0xae } },
	{ "WRITE AND VERIFY(16)", "CCCACC", { 0x8e } },
	{ "WRITE LONG(16)", "CCCACC", { 0x9f, 0x11 } },
	{ "WRITE SAME(10)", "CCCACC", { 0x41 } },
	{ "WRITE SAME(16)", "CCCACC", { 0x93 } },
	{ "WRITE USING TOKEN", "CCCACC", { 0x83, 0x11 } },
	{ "a vendor's own", "CCCACC", { 0xc1 } },
	{ "a variable-length one", "CCCACC", { 0x7f } },
	/* judged elsewhere */
	{ "PERSISTENT RESERVE IN", "AAAAAA", { 0x5e } },
	{ "PERSISTENT RESERVE OUT", "AAAAAA", { 0x5f, 0x01 } },
	{ "RESERVE(6)", "AAAAAA", { 0x16 } },
	{ "RELEASE(10)", "AAAAAA", { 0x57 } },
};

enum { BY_RESERVE, BY_WE, BY_EA, REGISTERED, BY_WE_RR, BY_EA_RR };

static void check(unsigned from, unsigned column)
{
	for (size_t i = 0; i < ARRAY_COUNT(table); i++) {
		bool expected = table[i].expected[column] == 'C';

		if (conflicts(from, table[i].cdb) != expected) {
			print_error("%s, column %u\n", table[i].name, column);
			fail();
		}
	}
}

static void check_none(unsigned from)
{
	for (unsigned opcode = 0; opcode < 256; opcode++)
		assert_false(conflicts(from, CDB((uint8_t)opcode)));
}

static void test_unreserved(void **state)
{
	(void)state;
	check_none(H1A);
	REGISTER_ALL(H1A); /* a registration alone keeps nobody out */
	assert_null(reservation_snapshot(lu));
	check_none(H1A);
	check_none(H2A);
}

/* R2 */
static void test_reserve(void **state)
{
	(void)state;
	GOOD(spc2(H1A, 0x16));
	check_none(H1A);
	check(H1B, BY_RESERVE);
	check(H2A, BY_RESERVE);
}

/* R1: all six types against every command */
static void test_types(void **state)
{
	static const struct {
		uint8_t type;
		unsigned registered, other;
	} types[] = {
		{ WE, BY_WE, BY_WE },		 { EA, BY_EA, BY_EA },
		{ WE_RO, REGISTERED, BY_WE_RR }, { EA_RO, REGISTERED, BY_EA_RR },
		{ WE_AR, REGISTERED, BY_WE_RR }, { EA_AR, REGISTERED, BY_EA_RR },
	};

	(void)state;
	REGISTER_ALL(H1A, H2A);
	for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
		GOOD(out(H1A, RESERVE, types[i].type, key_for(H1A), 0, 0));
		check_none(H1A);
		check(H2A, types[i].registered);
		check(H1B, types[i].other); /* the holder's initiator port through another target port */
		check(H2A2, types[i].other); /* another session of a registered host */
		check(H3B, types[i].other);
		REGISTER_ALL(H3B); /* counts at once */
		check(H3B, types[i].registered);
		GOOD(out(H3B, REGISTER, 0, key_for(H3B), 0, 0));
		check(H3B, types[i].other);
		GOOD(out(H1A, RELEASE, types[i].type, key_for(H1A), 0, 0));
		check_none(H3B);
	}
}

static struct reservation_snapshot *retired[LOG_MAX];
static unsigned retired_count;

static void on_retire(void *user, struct reservation_snapshot *snapshot)
{
	(void)user;
	assert_true(retired_count < LOG_MAX);
	retired[retired_count++] = snapshot;
}

static atomic_bool stop;

/* Host 1 holds the reservation or nobody does: it never meets a conflict. */
static void *reader(void *arg)
{
	unsigned *wrong = arg;

	while (!atomic_load(&stop))
		*wrong += conflicts(H1A, CDB(0x2a));
	return NULL;
}

/* The question is asked by other threads while the answer changes. */
static void test_threads(void **state)
{
	struct reservation_ops ops = owner;
	pthread_t threads[2];
	unsigned wrong[2] = { 0, 0 };

	(void)state;
	reservation_destroy(lu);
	ops.retire = on_retire;
	retired_count = 0;
	lu = create(&ops);
	REGISTER_ALL(H1A, H2A);
	atomic_store(&stop, false);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, reader, &wrong[i]), 0);
	for (unsigned i = 0; i < LOG_MAX; i++) {
		GOOD(out(H1A, RESERVE, EA, key_for(H1A), 0, 0));
		GOOD(out(H1A, RELEASE, EA, key_for(H1A), 0, 0));
	}
	atomic_store(&stop, true);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(wrong[i], 0);
	}
	assert_int_equal(retired_count, LOG_MAX);
	while (retired_count)
		reservation_snapshot_free(retired[--retired_count]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_unreserved),
		TEST(test_reserve),
		TEST(test_types),
		TEST(test_threads),
	};

	return cmocka_run_group_tests_name("reservation_conflict", tests, NULL, NULL);
}
