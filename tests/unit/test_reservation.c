/* Registering, reserving, releasing, clearing, moving; RESERVE and RELEASE of SPC-2; what is reported. */
#include "tests/unit/reservation_fixture.h"

#define H1 "iqn.2026-11.org.example:h1"
#define H2 "iqn.2026-11.org.example:h2"
#define OTHER "iqn.2026-11.org.example:other"
#define WRITE_10 CDB(0x2a)

static void test_not_ours(void **state)
{
	(void)state;
	cmd = (struct scsi_cmd){ .cdb = { 0x2a }, .nexus = &nexus[H1A], .status = 0x77 };
	assert_false(reservation_execute(lu, &cmd));
	assert_int_equal(cmd.status, 0x77);
	assert_int_equal(ended, 0);
	assert_null(reservation_create(&owner, NULL, NULL, 0));
	reservation_destroy(NULL);
}

/* R1: READ KEYS, READ RESERVATION, REPORT CAPABILITIES, READ FULL STATUS */
static void test_in(void **state)
{
	bool holder;
	uint8_t scope_type;

	(void)state;
	GOOD(in(H1A, IN_KEYS, 64));
	assert_int_equal(cmd.transfer, 8);
	assert_int_equal(get_be64(answer), 0);
	GOOD(in(H1A, IN_RESERVATION, 64));
	assert_int_equal(cmd.transfer, 8);
	REGISTER_ALL(H1A, H2A);
	GOOD(in(H3B, IN_KEYS, 64));
	assert_int_equal(cmd.transfer, 24);
	assert_int_equal(get_be32(answer), 2);
	assert_int_equal(get_be32(answer + 4), 16);
	assert_int_equal(get_be64(answer + 8), key_for(H1A));
	assert_int_equal(get_be64(answer + 16), key_for(H2A));
	GOOD(in(H1A, IN_KEYS, 10)); /* cut, but with the full length */
	assert_int_equal(cmd.transfer, 10);
	assert_int_equal(get_be32(answer + 4), 16);
	GOOD(in(H1A, IN_KEYS, 0));
	assert_int_equal(cmd.transfer, 0);

	GOOD(out(H2A, RESERVE, EA_RO, key_for(H2A), 0, 0));
	GOOD(in(H3B, IN_RESERVATION, 64));
	assert_int_equal(cmd.transfer, 24);
	assert_int_equal(get_be32(answer), 2);
	assert_int_equal(get_be32(answer + 4), 16);
	assert_int_equal(get_be64(answer + 8), key_for(H2A));
	assert_int_equal(answer[21], EA_RO);

	GOOD(in(H3B, IN_FULL_STATUS, 0xffff));
	assert_int_equal(get_be32(answer + 4) + 8, cmd.transfer);
	assert_int_equal(answer[8 + 24], 0x45);
	assert_int_equal(get_be32(answer + 8 + 20) % 4, 0);
	assert_int_equal(get_be16(answer + 8 + 26) + 4, get_be32(answer + 8 + 20));
	assert_int_equal(full_status(H2A, &holder, &scope_type), key_for(H2A));
	assert_true(holder);
	assert_int_equal(scope_type, EA_RO);
	assert_int_equal(full_status(H1A, &holder, &scope_type), key_for(H1A));
	assert_false(holder);
	assert_int_equal(scope_type, 0);

	assert_int_equal(in(H1A, 4, 64), SCSI_CHECK_CONDITION);
	assert_field(1);
}

/* R1: with all registrants the reservation has no key, and every registered nexus is a holder */
static void test_in_all_registrants(void **state)
{
	(void)state;
	REGISTER_ALL(H1A, H2A);
	GOOD(out(H1A, RESERVE, WE_AR, key_for(H1A), 0, 0));
	GOOD(in(H3B, IN_RESERVATION, 24));
	assert_int_equal(get_be64(answer + 8), 0);
	assert_int_equal(answer[21], WE_AR);
	assert_true(holds(H1A));
	assert_true(holds(H2A));
	REGISTER_ALL(H3B);
	assert_true(holds(H3B));
}

static void test_capabilities(void **state)
{
	struct reservation_ops plain = owner;
	static const uint8_t full[] = { 0, 8, 0x1d, 0xc0, 0xea, 0x01, 0, 0 };
	static const uint8_t active[] = { 0, 8, 0x1d, 0xc1, 0xea, 0x01, 0, 0 };

	(void)state;
	GOOD(in(H1A, IN_CAPABILITIES, 64));
	assert_int_equal(cmd.transfer, 8);
	assert_memory_equal(answer, full, 8);
	GOOD(out(H1A, REGISTER, 0, 0, 5, APTPL));
	GOOD(in(H1A, IN_CAPABILITIES, 64));
	assert_memory_equal(answer, active, 8);

	reservation_destroy(lu);
	plain.changed = NULL;
	lu = create(&plain);
	GOOD(in(H1A, IN_CAPABILITIES, 64));
	assert_int_equal(answer[2], 0x1c); /* no PTPL_C */
	REFUSED(0x2600, out(H1A, REGISTER, 0, 0, 5, APTPL));
	REFUSED(0x2600, out(H1A, REGISTER_IGNORE, 0, 0, 5, APTPL));
	assert_int_equal(key_of(H1A), 0);
	GOOD(out(H1A, REGISTER, 0, 0, 5, 0));
	GOOD(out(H1A, RESERVE, WE, 5, 0, APTPL)); /* not valid there: ignored */
}

static void test_list_form(void **state)
{
	(void)state;
	basic_list(0, 5, 0);
	REFUSED(0x1a00, out_list(H1A, REGISTER, 0, 0));
	REFUSED(0x1a00, out_list(H1A, REGISTER, 0, 23));
	REFUSED(0x1a00, out_list(H1A, REGISTER, 0, 25));
	REFUSED(0x1a00, out_list(H1A, CLEAR, 0, 28));
	/* more than can be worth reading; and a host that sends less than its CDB says */
	REFUSED(0x1a00, run(H1A, CDB(0x5f, 0, 0, 0, 0, 0, 0x10, 0, 0), SCSI_DIR_OUT, 24));
	REFUSED(0x0e03, run(H1A, CDB(0x5f, 0, 0, 0, 0, 0, 0, 0, 24), SCSI_DIR_OUT, 20));
	assert_int_equal(cmd.transfer, 24);
	REFUSED(0x0e03, run(H1A, CDB(0x5f, 0, 0, 0, 0, 0, 0, 0, 24), SCSI_DIR_NONE, 0));
	for (uint8_t action = 8; action < 32; action++) {
		assert_int_equal(out(H1A, action, 0, 0, 5, 0), SCSI_CHECK_CONDITION);
		assert_field(1);
	}
	assert_int_equal(generation(), 0);
	assert_int_equal(key_of(H1A), 0);
	/* SPEC_I_PT goes with REGISTER only */
	GOOD(out(H1A, REGISTER, 0, 0, 5, 0));
	for (uint8_t action = RESERVE; action <= REGISTER_IGNORE; action++)
		REFUSED(0x2600, out(H1A, action, WE, 5, 6, SPEC_I_PT));
	assert_int_equal(generation(), 1);
}

/* R1: SPC-4 table 67 */
static void test_register(void **state)
{
	(void)state;
	GOOD(out(H1A, REGISTER, 0, 0, 0, 0));
	assert_int_equal(generation(), 0); /* nothing was done */
	CONFLICT(out(H1A, REGISTER, 0, 7, 5, 0));
	CONFLICT(out(H1A, REGISTER, 0, 7, 0, 0));
	GOOD(out(H1A, REGISTER, 0xff, 0, 5, 0)); /* scope and type are ignored */
	assert_int_equal(cmd.transfer, 24);
	assert_int_equal(key_of(H1A), 5);
	assert_int_equal(key_of(H1B), 0); /* another nexus of the same initiator port */
	CONFLICT(out(H1A, REGISTER, 0, 0, 6, 0));
	CONFLICT(out(H1A, REGISTER, 0, 4, 6, 0));
	CONFLICT(out(H1A, REGISTER, 0, 4, 0, 0));
	assert_int_equal(generation(), 1);
	GOOD(out(H1A, REGISTER, 0, 5, 6, 0));
	assert_int_equal(key_of(H1A), 6);
	REFUSED(0x2600, out(H1A, REGISTER, 0, 6, 7, SPEC_I_PT));
	REFUSED(0x2600, out(H1A, REGISTER, 0, 6, 0, SPEC_I_PT));
	assert_int_equal(generation(), 2);
	GOOD(out(H1A, REGISTER, 0, 6, 0, 0));
	assert_int_equal(key_of(H1A), 0);
	assert_int_equal(generation(), 3);
	assert_int_equal(attention_count, 0);
}

/* R1: SPC-4 table 68 */
static void test_register_ignore(void **state)
{
	(void)state;
	GOOD(out(H1A, REGISTER_IGNORE, 0, 99, 0, 0));
	assert_int_equal(generation(), 0);
	GOOD(out(H1A, REGISTER_IGNORE, 0, 99, 5, 0));
	GOOD(out(H1A, REGISTER_IGNORE, 0, 98, 6, 0));
	assert_int_equal(key_of(H1A), 6);
	GOOD(out(H1A, REGISTER_IGNORE, 0, 97, 0, 0));
	assert_int_equal(key_of(H1A), 0);
	assert_int_equal(generation(), 3);
}

/* R1: ALL_TG_PT: as if asked for through each target port */
static void test_all_target_ports(void **state)
{
	(void)state;
	GOOD(out(H1A, REGISTER, 0, 0, 5, ALL_TG_PT));
	assert_int_equal(key_of(H1A), 5);
	assert_int_equal(key_of(H1B), 5);
	assert_int_equal(generation(), 1);
	GOOD(out(H1A, RESERVE, WE_RO, 5, 0, 0)); /* each stays a nexus of its own */
	assert_true(holds(H1A));
	assert_false(holds(H1B));
	GOOD(out(H1B, REGISTER, 0, 5, 6, 0));
	assert_int_equal(key_of(H1A), 5);
	CONFLICT(out(H1A, REGISTER, 0, 5, 7, ALL_TG_PT)); /* the other one's key is not 5 */
	CONFLICT(out(H1A, REGISTER, 0, 5, 0, ALL_TG_PT));
	assert_int_equal(key_of(H1A), 5);
	REGISTER_ALL(H2A);
	GOOD(out(H1A, REGISTER_IGNORE, 0, 0, 7, ALL_TG_PT));
	assert_int_equal(key_of(H1A), 7);
	assert_int_equal(key_of(H1B), 7);
	assert_true(holds(H1A));
	GOOD(out(H1B, REGISTER, 0, 7, 0, ALL_TG_PT)); /* takes the holder's registration, too */
	assert_int_equal(key_of(H1A), 0);
	assert_int_equal(key_of(H1B), 0);
	assert_int_equal(type_now(), 0);
	ATTENTIONS({ H2A, 0x2a04 });
	/* a key is registered at the other port already */
	GOOD(out(H1B, REGISTER, 0, 0, 8, 0));
	CONFLICT(out(H1A, REGISTER, 0, 0, 8, ALL_TG_PT));
	assert_int_equal(key_of(H1A), 0);
}

/* The basic list with TransportIDs of `len` bytes behind it */
static uint8_t out_specify(unsigned from, uint64_t action_key, uint32_t len, uint8_t flags)
{
	put_be64(list, 0);
	put_be64(list + 8, action_key);
	list[20] = SPEC_I_PT | flags;
	put_be32(list + 24, len);
	return out_list(from, REGISTER, 0, 28 + len);
}

/* R1: SPEC_I_PT */
static void test_specify(void **state)
{
	uint32_t len;

	(void)state;
	memset(list, 0, sizeof(list));
	len = put_transport(list + 28, H2, "00023d000001");
	len += put_transport(list + 28 + len, OTHER, "23d0000FF"); /* never seen; fewer digits are the same number */
	len += put_transport(list + 28 + len, H1, "00023d000001"); /* the sender himself does no harm */
	GOOD(out_specify(H1A, 5, len, 0));
	assert_int_equal(key_of(H1A), 5);
	assert_int_equal(key_of(H2A), 5);
	assert_int_equal(key_of(H2A2), 0);
	assert_int_equal(generation(), 1);
	GOOD(in(H1A, IN_KEYS, 8));
	assert_int_equal(get_be32(answer + 4), 3 * 8);

	/* a name alone: all its ports that are known, at all target ports */
	GOOD(out(H1A, CLEAR, 0, 5, 0, 0));
	memset(list, 0, sizeof(list));
	GOOD(out_specify(H1A, 6, put_transport(list + 28, H2, NULL), ALL_TG_PT));
	assert_int_equal(key_of(H1B), 6);
	assert_int_equal(key_of(H2A), 6);
	assert_int_equal(key_of(H2A2), 6);
	GOOD(in(H1A, IN_KEYS, 8));
	assert_int_equal(get_be32(answer + 4), 6 * 8);
	/* no key to register: the list is ignored */
	basic_list(0, 0, SPEC_I_PT);
	GOOD(out_list(H3B, REGISTER, 0, 24));
}

static void test_specify_errors(void **state)
{
	uint32_t len;

	(void)state;
	REGISTER_ALL(H2A);
	memset(list, 0, sizeof(list));
	len = put_transport(list + 28, OTHER, "1");
	len += put_transport(list + 28 + len, H2, "00023d000001");
	REFUSED(0x2600, out_specify(H1A, 5, len, 0)); /* one is registered: none is made */
	assert_int_equal(key_of(H1A), 0);
	len = put_transport(list + 28, OTHER, "1");
	len += put_transport(list + 28 + len, OTHER, "1");
	REFUSED(0x2600, out_specify(H1A, 5, len, 0)); /* twice */
	REFUSED(0x2600, out_specify(H1A, 5, put_transport(list + 28, OTHER, NULL), 0)); /* no port is known */
	GOOD(in(H1A, IN_KEYS, 8));
	assert_int_equal(get_be32(answer + 4), 8);

	len = put_transport(list + 28, OTHER, "1");
	put_be32(list + 24, len + 4); /* more than the list has */
	list[20] = SPEC_I_PT;
	REFUSED(0x1a00, out_list(H1A, REGISTER, 0, 28 + len));
	REFUSED(0x1a00, out_list(H1A, REGISTER, 0, 27));
	put_be32(list + 24, 0xffffffff);
	REFUSED(0x1a00, out_list(H1A, REGISTER, 0, 28 + len));
	REFUSED(0x2600, out_specify(H1A, 5, len - 4, 0)); /* cut inside a TransportID */
	REFUSED(0x2600, out_specify(H1A, 5, 3, 0));
	assert_int_equal(generation(), 1);
	GOOD(out_specify(H1A, 5, 0, 0)); /* an empty list */
	assert_int_equal(key_of(H1A), 5);
}

static void test_transport_form(void **state)
{
	static const struct {
		const char *name, *isid;
	} bad[] = {
		{ OTHER, "" },
		{ OTHER, "00023d0000012" },
		{ OTHER, "00023g000001" },
		{ "", "00023d000001" },
	};
	uint32_t len;
	char name[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		memset(list, 0, sizeof(list));
		REFUSED(0x2600, out_specify(H1A, 5, put_transport(list + 28, bad[i].name, bad[i].isid), 0));
	}
	memset(name, 'x', sizeof(name));
	name[224] = 0;
	REFUSED(0x2600, out_specify(H1A, 5, put_transport(list + 28, name, "1"), 0));
	len = put_transport(list + 28, OTHER, "1");
	list[28] = 0x46; /* another protocol */
	REFUSED(0x2600, out_specify(H1A, 5, len, 0));
	list[28] = 0x85; /* a reserved format */
	REFUSED(0x2600, out_specify(H1A, 5, len, 0));
	list[28] = 0x45;
	list[31]--; /* no multiple of four */
	REFUSED(0x2600, out_specify(H1A, 5, len - 1, 0));
	memset(list + 28, 0, 100);
	len = put_transport(list + 28, "iqn.x", NULL); /* less than 20 bytes of text */
	REFUSED(0x2600, out_specify(H1A, 5, len, 0));
	len = put_transport(list + 28, OTHER, NULL);
	list[28] = 0x45; /* a port without a separator */
	REFUSED(0x2600, out_specify(H1A, 5, len, 0));
	name[223] = 0; /* the longest name there is */
	GOOD(out_specify(H1A, 5, put_transport(list + 28, name, "1"), 0));
	GOOD(in(H1A, IN_FULL_STATUS, 0xffff));
	assert_int_equal(get_be32(answer + 4) + 8, cmd.transfer);
}

static void test_too_many(void **state)
{
	char isid[13];
	uint32_t len;

	(void)state;
	for (unsigned i = 0; i < RESERVATION_REGISTRATIONS_MAX - 1; i++) {
		put_be32(nexus[H3B].isid + 2, i);
		GOOD(out(H3B, REGISTER, 0, 0, 9, 0));
	}
	REFUSED(0x5504, out(H1A, REGISTER, 0, 0, 5, ALL_TG_PT)); /* one fits, two do not: none is made */
	GOOD(in(H1A, IN_KEYS, 8));
	assert_int_equal(get_be32(answer + 4), 8 * (RESERVATION_REGISTRATIONS_MAX - 1));
	memset(list, 0, sizeof(list));
	snprintf(isid, sizeof(isid), "%x", 7);
	len = put_transport(list + 28, OTHER, isid);
	REFUSED(0x5504, out_specify(H1A, 5, len, 0));
	assert_int_equal(generation(), RESERVATION_REGISTRATIONS_MAX - 1);
	GOOD(out(H1A, REGISTER, 0, 0, 5, 0));
	REFUSED(0x5504, out(H2A, REGISTER_IGNORE, 0, 0, 5, 0));
	GOOD(out(H1A, RESERVE, WE_RO, 5, 0, 0));
	for (unsigned i = 0; i < RESERVATION_REGISTRATIONS_MAX - 1; i++) {
		put_be32(nexus[H3B].isid + 2, i);
		assert_false(conflicts(H3B, WRITE_10));
		for (uint16_t port = 10; port < (i < 8 ? 3000 : 12); port++) { /* whatever the hash makes of it */
			nexus[H3B].tpgt = port;
			assert_true(conflicts(H3B, WRITE_10));
		}
		nexus[H3B].tpgt = PORT_B;
		nexus[H3B].initiator_name[0]++;
		assert_true(conflicts(H3B, WRITE_10));
		nexus[H3B].initiator_name[0]--;
	}
	put_be32(nexus[H3B].isid + 2, RESERVATION_REGISTRATIONS_MAX);
	assert_true(conflicts(H3B, WRITE_10));
	memset(list, 0, sizeof(list));
	put_be64(list, 5);
	put_be64(list + 8, 6);
	put_be16(list + 18, PORT_A);
	put_be32(list + 20, put_transport(list + 24, OTHER, isid));
	REFUSED(0x5504, out_list(H1A, REGISTER_MOVE, 0, 24 + get_be32(list + 20)));
	GOOD(in(H1A, IN_FULL_STATUS, 0xffff));
	assert_int_equal(cmd.transfer, 0xffff);
	assert_true(get_be32(answer + 4) > 0xffff);
}

/* R1: RESERVE with all six types */
static void test_reserve(void **state)
{
	(void)state;
	CONFLICT(out(H1A, RESERVE, WE, 0, 0, 0)); /* not registered */
	REGISTER_ALL(H1A, H2A);
	CONFLICT(out(H1A, RESERVE, WE, 99, 0, 0));
	CONFLICT(out(H1A, RESERVE, 0x1f, 99, 0, 0)); /* the key is looked at first */
	for (unsigned type = 0; type < 16; type++) {
		bool valid = type == 1 || type == 3 || (type >= 5 && type <= 8);

		if (!valid) {
			assert_int_equal(out(H1A, RESERVE, (uint8_t)type, key_for(H1A), 0, 0), SCSI_CHECK_CONDITION);
			assert_field(2);
			continue;
		}
		GOOD(out(H1A, RESERVE, (uint8_t)type, key_for(H1A), 77, ALL_TG_PT));
		assert_int_equal(type_now(), type);
		GOOD(out(H1A, RESERVE, (uint8_t)type, key_for(H1A), 0, 0)); /* again: nothing changes */
		CONFLICT(out(H1A, RESERVE, type == WE ? EA : WE, key_for(H1A), 0, 0));
		if (type < WE_AR)
			CONFLICT(out(H2A, RESERVE, (uint8_t)type, key_for(H2A), 0, 0));
		else
			GOOD(out(H2A, RESERVE, (uint8_t)type, key_for(H2A), 0, 0)); /* it is a holder as well */
		GOOD(out(H1A, RELEASE, (uint8_t)type, key_for(H1A), 0, 0));
		assert_int_equal(type_now(), 0);
	}
	assert_int_equal(out(H1A, RESERVE, 0x10 | WE, key_for(H1A), 0, 0), SCSI_CHECK_CONDITION); /* scope */
	assert_field(2);
	assert_int_equal(generation(), 2); /* neither RESERVE nor RELEASE counts */
}

/* R1: RELEASE, and whom it tells */
static void test_release(void **state)
{
	(void)state;
	REGISTER_ALL(H1A, H2A, H3B);
	GOOD(out(H1A, RELEASE, WE, key_for(H1A), 0, 0)); /* there is nothing */
	CONFLICT(out(H1A, RELEASE, WE, 99, 0, 0));
	CONFLICT(out(H1B, RELEASE, WE, 0, 0, 0));
	for (uint8_t type = WE; type <= EA_AR; type++) {
		if (type == 2 || type == 4)
			continue;
		GOOD(out(H1A, RESERVE, type, key_for(H1A), 0, 0));
		if (type < WE_AR) {
			GOOD(out(H2A, RELEASE, type, key_for(H2A), 0, 0)); /* not its own: no effect */
			assert_int_equal(type_now(), type);
		}
		REFUSED(0x2604, out(H1A, RELEASE, type == WE ? EA : WE, key_for(H1A), 0, 0));
		assert_int_equal(out(H1A, RELEASE, 0x10 | type, key_for(H1A), 0, 0), SCSI_CHECK_CONDITION);
		assert_field(2);
		assert_int_equal(type_now(), type);
		ATTENTIONS();
		GOOD(out(H1A, RELEASE, type, key_for(H1A), 0, 0));
		assert_int_equal(type_now(), 0);
		assert_int_equal(key_of(H1A), key_for(H1A));
		if (type == WE || type == EA)
			ATTENTIONS();
		else
			ATTENTIONS({ H2A, 0x2a04 }, { H3B, 0x2a04 });
	}
	GOOD(out(H1A, RESERVE, EA_AR, key_for(H1A), 0, 0));
	GOOD(out(H2A, RELEASE, EA_AR, key_for(H2A), 0, 0)); /* any registrant may */
	ATTENTIONS({ H1A, 0x2a04 }, { H3B, 0x2a04 });
}

/* R1: the reservation goes with the registration of its last holder */
static void test_unregister_holder(void **state)
{
	(void)state;
	for (uint8_t type = WE; type <= EA_AR; type++) {
		if (type == 2 || type == 4)
			continue;
		REGISTER_ALL(H1A, H2A);
		GOOD(out(H1A, RESERVE, type, key_for(H1A), 0, 0));
		GOOD(out(H1A, REGISTER, 0, key_for(H1A), 0x99, 0)); /* a new key changes nothing else */
		assert_true(holds(H1A));
		GOOD(out(H1A, type & 1 ? REGISTER : REGISTER_IGNORE, 0, 0x99, 0, 0));
		assert_int_equal(type_now(), type < WE_AR ? 0 : type);
		if (type == WE_RO || type == EA_RO)
			ATTENTIONS({ H2A, 0x2a04 });
		else
			ATTENTIONS();
		GOOD(out(H2A, REGISTER, 0, key_for(H2A), 0, 0));
		assert_int_equal(type_now(), 0);
		ATTENTIONS();
	}
}

/* R1: CLEAR */
static void test_clear(void **state)
{
	(void)state;
	CONFLICT(out(H1A, CLEAR, 0, 0, 0, 0));
	REGISTER_ALL(H1A, H2A, H3B);
	GOOD(out(H1A, RESERVE, EA, key_for(H1A), 0, 0));
	CONFLICT(out(H2A, CLEAR, 0, 99, 0, 0));
	CONFLICT(out(H1B, CLEAR, 0, key_for(H1A), 0, 0));
	GOOD(out(H2A, CLEAR, 0xff, key_for(H2A), 77, 0));
	assert_int_equal(type_now(), 0);
	assert_int_equal(generation(), 4);
	GOOD(in(H1A, IN_KEYS, 8));
	assert_int_equal(get_be32(answer + 4), 0);
	assert_false(conflicts(H3B, WRITE_10));
	ATTENTIONS({ H1A, 0x2a03 }, { H3B, 0x2a03 });
}

static uint8_t out_move(unsigned from, uint64_t key, uint64_t action_key, uint8_t flags, uint16_t port,
			const char *name, const char *isid)
{
	memset(list, 0, sizeof(list));
	put_be64(list, key);
	put_be64(list + 8, action_key);
	list[17] = flags;
	put_be16(list + 18, port);
	put_be32(list + 20, put_transport(list + 24, name, isid));
	return out_list(from, REGISTER_MOVE, 0, 24 + get_be32(list + 20));
}

/* R1: REGISTER AND MOVE */
static void test_move(void **state)
{
	(void)state;
	REGISTER_ALL(H1A, H2A, H3B);
	GOOD(out(H1A, RESERVE, EA_RO, key_for(H1A), 0, 0));
	forget();
	GOOD(out_move(H1A, key_for(H1A), 0x50, 0, PORT_A, H2, "00023d000001")); /* to one that is registered */
	assert_int_equal(key_of(H2A), 0x50);
	assert_true(holds(H2A));
	assert_false(holds(H1A));
	assert_int_equal(key_of(H1A), key_for(H1A));
	assert_int_equal(type_now(), EA_RO);
	assert_int_equal(generation(), 4);
	/* to one that is not, through the other port, and the old one goes */
	GOOD(out_move(H2A, 0x50, 0x60, UNREG | APTPL, PORT_B, H1, "00023d000001"));
	assert_int_equal(key_of(H1B), 0x60);
	assert_int_equal(key_of(H2A), 0);
	assert_true(holds(H1B));
	assert_int_equal(saves, 1);
	assert_int_equal(type_now(), EA_RO);
	/* by a name that has one port */
	GOOD(out_move(H1B, 0x60, 0x70, APTPL, PORT_B, "iqn.2026-11.org.example:h3", NULL));
	assert_true(holds(H3B));
	assert_int_equal(key_of(H3B), 0x70);
	assert_int_equal(attention_count, 0);
}

static void test_move_errors(void **state)
{
	const char *h2a = "00023d000001";

	(void)state;
	CONFLICT(out_move(H1A, 0, 5, 0, PORT_A, H2, h2a)); /* not registered */
	REGISTER_ALL(H1A, H3B);
	assert_int_equal(out_move(H1A, key_for(H1A), 5, 0, PORT_A, H2, h2a), SCSI_CHECK_CONDITION); /* no reservation */
	assert_field(1);
	CONFLICT(out_move(H1A, 99, 5, 0, PORT_A, H2, h2a));
	GOOD(out(H1A, RESERVE, WE_AR, key_for(H1A), 0, 0));
	CONFLICT(out_move(H1A, key_for(H1A), 5, 0, PORT_A, H2, h2a)); /* has no single holder */
	GOOD(out(H1A, RELEASE, WE_AR, key_for(H1A), 0, 0));
	GOOD(out(H1A, RESERVE, WE, key_for(H1A), 0, 0));
	CONFLICT(out_move(H3B, key_for(H3B), 5, 0, PORT_A, H2, h2a)); /* not the holder */
	CONFLICT(out_move(H1A, 99, 5, 0, PORT_A, H2, h2a));
	REFUSED(0x2600, out_move(H1A, key_for(H1A), 0, 0, PORT_A, H2, h2a)); /* no key */
	REFUSED(0x2600, out_move(H1A, key_for(H1A), 5, 0, 9, H2, h2a)); /* no such target port */
	REFUSED(0x2600, out_move(H1A, key_for(H1A), 5, 0, 0, H2, h2a));
	REFUSED(0x2600, out_move(H1A, key_for(H1A), 5, 0, PORT_B, H1, "00023d000001")); /* his own initiator port */
	REFUSED(0x2600, out_move(H1A, key_for(H1A), 5, 0, PORT_A, H2, NULL)); /* two ports of that name */
	REFUSED(0x2600, out_move(H1A, key_for(H1A), 5, 0, PORT_A, OTHER, NULL)); /* none */
	REFUSED(0x2600, out_move(H1A, key_for(H1A), 5, 0, PORT_A, H2, "xyz"));
	put_be32(list + 20, 400); /* more than the list has */
	REFUSED(0x1a00, out_list(H1A, REGISTER_MOVE, 0, 100));
	put_be32(list + 20, 0);
	REFUSED(0x2600, out_list(H1A, REGISTER_MOVE, 0, 24));
	REFUSED(0x1a00, out_list(H1A, REGISTER_MOVE, 0, 23));
	assert_true(holds(H1A));
	assert_int_equal(key_of(H2A), 0);
	assert_int_equal(generation(), 2);
}

/* R2: RESERVE and RELEASE, in both lengths */
static void test_spc2(void **state)
{
	(void)state;
	for (unsigned ten = 0; ten <= 0x40; ten += 0x40) {
		uint8_t reserve = (uint8_t)(0x16 + ten), release = (uint8_t)(0x17 + ten);

		GOOD(spc2(H1A, release)); /* nothing to release */
		GOOD(spc2(H1A, reserve));
		GOOD(spc2(H1A, reserve));
		CONFLICT(spc2(H2A, reserve));
		CONFLICT(spc2(H1B, reserve)); /* another nexus */
		assert_true(conflicts(H2A, WRITE_10));
		assert_false(conflicts(H1A, WRITE_10));
		GOOD(spc2(H2A, release)); /* not its own: no effect */
		assert_true(conflicts(H2A, WRITE_10));
		for (uint8_t action = 0; action < 4; action++) /* its holder's too */
			CONFLICT(in(H1A, action, 64));
		for (uint8_t action = 0; action < 8; action++)
			CONFLICT(out(H1A, action, WE, 0, 5, 0));
		GOOD(spc2(H1A, release));
		assert_false(conflicts(H2A, WRITE_10));
		assert_null(reservation_snapshot(lu));
		/* third parties and extents */
		for (uint8_t bits = 1; bits < 0x20; bits <<= 1) {
			assert_int_equal(run(H1A, CDB(reserve, bits), SCSI_DIR_NONE, 0), SCSI_CHECK_CONDITION);
			assert_field(1);
		}
	}
	assert_int_equal(generation(), 0);
}

/* R2: the end of a session and a reset release it; R1: but nothing persistent */
static void test_nexus_loss_and_reset(void **state)
{
	(void)state;
	GOOD(spc2(H1A, 0x16));
	reservation_nexus_lost(lu, &nexus[H1B]);
	reservation_nexus_lost(lu, &nexus[H2A]);
	assert_true(conflicts(H2A, WRITE_10));
	reservation_nexus_lost(lu, &nexus[H1A]);
	assert_false(conflicts(H2A, WRITE_10));
	GOOD(spc2(H2A, 0x16));
	reservation_reset(lu);
	assert_false(conflicts(H1A, WRITE_10));
	reservation_reset(lu);

	REGISTER_ALL(H1A, H2A);
	GOOD(out(H1A, RESERVE, EA, key_for(H1A), 0, 0));
	reservation_nexus_lost(lu, &nexus[H1A]);
	reservation_reset(lu);
	assert_true(holds(H1A));
	assert_int_equal(key_of(H2A), key_for(H2A));
	assert_true(conflicts(H2A, WRITE_10));
	assert_int_equal(attention_count, 0);
}

/* R2: against persistent reservations: SPC-4 5.13.3, SPC-2 5.5.1 */
static void test_spc2_with_persistent(void **state)
{
	static const uint8_t opcodes[] = { 0x16, 0x17, 0x56, 0x57 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(opcodes); i++) {
		REGISTER_ALL(H1A, H2A); /* a registration is enough */
		CONFLICT(spc2(H1A, opcodes[i]));
		CONFLICT(spc2(H3B, opcodes[i]));
		for (uint8_t type = WE; type <= EA_AR; type++) {
			if (type == 2 || type == 4)
				continue;
			GOOD(out(H1A, RESERVE, type, key_for(H1A), 0, 0));
			GOOD(spc2(H1A, opcodes[i])); /* the holder: without effect */
			if (type == WE || type == EA)
				CONFLICT(spc2(H2A, opcodes[i]));
			else
				GOOD(spc2(H2A, opcodes[i]));
			CONFLICT(spc2(H3B, opcodes[i]));
			assert_int_equal(type_now(), type);
			GOOD(out(H1A, RELEASE, type, key_for(H1A), 0, 0));
		}
		GOOD(out(H1A, CLEAR, 0, key_for(H1A), 0, 0));
	}
	GOOD(spc2(H3B, 0x16));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_not_ours),
		TEST(test_in),
		TEST(test_in_all_registrants),
		TEST(test_capabilities),
		TEST(test_list_form),
		TEST(test_register),
		TEST(test_register_ignore),
		TEST(test_all_target_ports),
		TEST(test_specify),
		TEST(test_specify_errors),
		TEST(test_transport_form),
		TEST(test_too_many),
		TEST(test_reserve),
		TEST(test_release),
		TEST(test_unregister_holder),
		TEST(test_clear),
		TEST(test_move),
		TEST(test_move_errors),
		TEST(test_spc2),
		TEST(test_nexus_loss_and_reset),
		TEST(test_spc2_with_persistent),
	};

	return cmocka_run_group_tests_name("reservation", tests, NULL, NULL);
}
