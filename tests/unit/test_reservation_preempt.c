/* PREEMPT and PREEMPT AND ABORT: who loses what, who is told, whose commands end, and when the answer goes out. */
#include "tests/unit/reservation_fixture.h"

#define WRITE_10 CDB(0x2a)

static void test_errors(void **state)
{
	(void)state;
	for (uint8_t action = PREEMPT; action <= PREEMPT_ABORT; action++) {
		CONFLICT(out(H1A, action, WE, 0, 5, 0)); /* not registered */
		REGISTER_ALL(H1A, H2A);
		CONFLICT(out(H1A, action, WE, 99, key_for(H2A), 0));
		REFUSED(0x2600, out(H1A, action, WE, key_for(H1A), 0, 0)); /* no reservation to take */
		CONFLICT(out(H1A, action, WE, key_for(H1A), 0x77, 0)); /* nobody's key */
		GOOD(out(H2A, RESERVE, WE, key_for(H2A), 0, 0));
		REFUSED(0x2600, out(H1A, action, WE, key_for(H1A), 0, 0)); /* there is a holder with a key */
		CONFLICT(out(H1A, action, WE, key_for(H1A), 0x77, 0));
		for (uint8_t type = 0; type < 16; type++) {
			if (type == WE || type == EA || (type >= WE_RO && type <= EA_AR))
				continue;
			assert_int_equal(out(H1A, action, type, key_for(H1A), key_for(H2A), 0), SCSI_CHECK_CONDITION);
			assert_field(2);
		}
		assert_int_equal(out(H1A, action, 0x20 | WE, key_for(H1A), key_for(H2A), 0), SCSI_CHECK_CONDITION);
		assert_field(2);
		assert_true(holds(H2A));
		assert_int_equal(attention_count, 0);
		for (unsigned i = 0; i < NEXUSES; i++)
			assert_false(aborted[i]);
		GOOD(out(H1A, CLEAR, 0, key_for(H1A), 0, 0));
		forget();
	}
}

/* R1: the reservation changes hands: 5.13.11.2.4.3 */
static void test_take_over(void **state)
{
	(void)state;
	REGISTER_ALL(H1A, H2A, H3B);
	GOOD(out(H2A2, REGISTER, 0, 0, key_for(H2A), 0)); /* two nexuses with one key */
	GOOD(out(H2A, RESERVE, WE_RO, key_for(H2A), 0, 0));
	GOOD(out(H1A, PREEMPT, WE_RO, key_for(H1A), key_for(H2A), 0));
	assert_true(holds(H1A));
	assert_int_equal(key_of(H2A), 0);
	assert_int_equal(key_of(H2A2), 0);
	assert_int_equal(type_now(), WE_RO);
	assert_int_equal(generation(), 5);
	assert_true(conflicts(H2A, WRITE_10));
	assert_false(conflicts(H3B, WRITE_10));
	ATTENTIONS({ H2A, 0x2a05 }, { H2A2, 0x2a05 }); /* the type is the same: no news for host 3 */
	REGISTER_ALL(H2A);
	GOOD(out(H3B, PREEMPT, EA_AR, key_for(H3B), key_for(H1A), 0));
	assert_int_equal(type_now(), EA_AR);
	assert_true(holds(H3B));
	assert_true(holds(H2A));
	ATTENTIONS({ H1A, 0x2a05 }, { H2A, 0x2a04 });
	assert_false(aborted[H1A]);
}

/* R1: the holder preempts himself to change the type */
static void test_self(void **state)
{
	(void)state;
	REGISTER_ALL(H1A, H2A);
	GOOD(out(H2A2, REGISTER, 0, 0, key_for(H1A), 0)); /* the same key as the holder's */
	GOOD(out(H1A, RESERVE, WE_RO, key_for(H1A), 0, 0));
	GOOD(out(H1A, PREEMPT, EA_RO, key_for(H1A), key_for(H1A), 0));
	assert_int_equal(type_now(), EA_RO);
	assert_true(holds(H1A));
	assert_int_equal(key_of(H1A), key_for(H1A));
	assert_int_equal(key_of(H2A2), 0);
	ATTENTIONS({ H2A2, 0x2a05 }, { H2A, 0x2a04 });
	GOOD(out(H1A, PREEMPT_ABORT, EA_RO, key_for(H1A), key_for(H1A), 0));
	assert_true(holds(H1A));
	assert_true(aborted[H1A]); /* all it has but this command */
	assert_false(aborted[H2A]);
	ATTENTIONS();
	GOOD(out(H1A, PREEMPT, WE_AR, key_for(H1A), key_for(H1A), 0));
	assert_true(holds(H2A));
	GOOD(out(H2A, RELEASE, WE_AR, key_for(H2A), 0, 0)); /* no holder's mark is left behind */
	assert_false(holds(H1A));
}

/* R1: registrations only: 5.13.11.2.5 */
static void test_remove(void **state)
{
	(void)state;
	REGISTER_ALL(H1A, H2A, H3B);
	GOOD(out(H1A, PREEMPT, 0xff, key_for(H1A), key_for(H2A), 0)); /* scope and type are ignored */
	assert_int_equal(key_of(H2A), 0);
	assert_int_equal(type_now(), 0);
	ATTENTIONS({ H2A, 0x2a05 });
	REGISTER_ALL(H2A);
	GOOD(out(H3B, RESERVE, EA, key_for(H3B), 0, 0));
	GOOD(out(H1A, PREEMPT, 0, key_for(H1A), key_for(H2A), 0)); /* not the holder's key */
	assert_true(holds(H3B));
	ATTENTIONS({ H2A, 0x2a05 });
	REGISTER_ALL(H2A);
	GOOD(out(H2A2, REGISTER, 0, 0, key_for(H1A), 0));
	GOOD(out(H1A, PREEMPT, 0, key_for(H1A), key_for(H1A), 0)); /* his own: it is removed */
	assert_int_equal(key_of(H1A), 0);
	assert_int_equal(key_of(H2A2), 0);
	assert_true(holds(H3B));
	assert_int_equal(key_of(H2A), key_for(H2A));
	ATTENTIONS({ H2A2, 0x2a05 });
	assert_int_equal(generation(), 9);
}

/* R1: all registrants: key 0 takes all, another key takes registrations */
static void test_all_registrants(void **state)
{
	(void)state;
	REGISTER_ALL(H1A, H2A, H3B);
	GOOD(out(H1A, RESERVE, WE_AR, key_for(H1A), 0, 0));
	GOOD(out(H2A, PREEMPT, EA, key_for(H2A), key_for(H1A), 0));
	assert_int_equal(key_of(H1A), 0);
	assert_int_equal(type_now(), WE_AR);
	ATTENTIONS({ H1A, 0x2a05 });
	REGISTER_ALL(H1A);
	GOOD(out(H2A, PREEMPT, EA_RO, key_for(H2A), 0, 0));
	assert_int_equal(type_now(), EA_RO);
	assert_true(holds(H2A));
	assert_int_equal(key_of(H1A), 0);
	assert_int_equal(key_of(H3B), 0);
	ATTENTIONS({ H1A, 0x2a05 }, { H3B, 0x2a05 });
	/* the last registrant removes itself: the reservation goes as well */
	GOOD(out(H2A, PREEMPT, EA_AR, key_for(H2A), key_for(H2A), 0));
	assert_int_equal(type_now(), EA_AR);
	GOOD(out(H2A, PREEMPT, EA_AR, key_for(H2A), key_for(H2A), 0));
	assert_int_equal(key_of(H2A), 0);
	assert_int_equal(type_now(), 0);
	assert_false(conflicts(H1A, WRITE_10));
	ATTENTIONS();
}

static void test_abort(void **state)
{
	(void)state;
	REGISTER_ALL(H1A, H2A, H3B);
	GOOD(out(H2A, RESERVE, WE, key_for(H2A), 0, 0));
	hold = true;
	assert_int_equal(out(H1A, PREEMPT_ABORT, WE, key_for(H1A), key_for(H2A), 0), SCSI_BUSY);
	assert_true(aborted[H2A]);
	assert_false(aborted[H1A] || aborted[H3B]);
	assert_int_equal(held_count, 1);
	assert_true(conflicts(H2A, WRITE_10)); /* in force before the last command has ended */
	assert_int_equal(attentions[H2A], 0x2a05);
	held[0].done(held[0].arg, 0);
	assert_int_equal(ended, 5);
	assert_int_equal(cmd.status, SCSI_GOOD);
}

/* R1: PREEMPT AND ABORT with key 0 ends the commands of all registered nexuses, then answers */
static void test_abort_all(void **state)
{
	unsigned before;

	(void)state;
	REGISTER_ALL(H1A, H2A, H3B);
	GOOD(out(H1A, RESERVE, WE_AR, key_for(H1A), 0, 0));
	hold = true;
	before = ended;
	assert_int_equal(out(H1A, PREEMPT_ABORT, WE_AR, key_for(H1A), 0, 0), SCSI_BUSY);
	assert_true(aborted[H1A] && aborted[H2A] && aborted[H3B]);
	assert_false(aborted[H1B] || aborted[H2A2]);
	assert_int_equal(held_count, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(ended, before);
		held[i].done(held[i].arg, 0);
	}
	assert_int_equal(ended, before + 1);
	assert_int_equal(cmd.status, SCSI_GOOD);
	hold = false;
	assert_true(holds(H1A));
}

/* R1: registrations without a reservation, and a sender who removes itself */
static void test_abort_registrations(void **state)
{
	(void)state;
	REGISTER_ALL(H1A, H2A);
	GOOD(out(H3B, REGISTER, 0, 0, key_for(H1A), 0));
	GOOD(out(H1A, PREEMPT_ABORT, 0, key_for(H1A), key_for(H1A), 0));
	assert_true(aborted[H1A] && aborted[H3B]);
	assert_false(aborted[H2A]);
	ATTENTIONS({ H3B, 0x2a05 });
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_errors),          TEST(test_take_over), TEST(test_self),      TEST(test_remove),
		TEST(test_all_registrants), TEST(test_abort),     TEST(test_abort_all), TEST(test_abort_registrations),
	};

	return cmocka_run_group_tests_name("reservation_preempt", tests, NULL, NULL);
}
