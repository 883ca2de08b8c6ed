/*
 * Random sequences of commands against a naive model: the register as a row of keys, and the standard's rules spelled
 * out one nexus at a time. A failure prints the seed of its sequence and the step.
 */
#include "tests/unit/reservation_fixture.h"

#define SEQUENCES 1000
#define STEPS 40
#define NOBODY NEXUSES
#define KEYS 4 /* small, so that they meet */

static struct {
	uint64_t key[NEXUSES]; /* 0: not registered */
	uint8_t type; /* 0: no reservation */
	unsigned holder; /* NOBODY with all registrants */
	unsigned reserver; /* SPC-2 */
	uint32_t generation;
	bool aptpl;

	/* what the next command should bring */
	uint8_t status;
	scsi_asc asc, attention[NEXUSES];
	bool abort[NEXUSES];
} model;

static uint32_t random_state;

static uint32_t pick(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % below;
}

static void model_reset(void)
{
	memset(&model, 0, sizeof(model));
	model.holder = model.reserver = NOBODY;
}

static void model_error(scsi_asc asc)
{
	model.status = SCSI_CHECK_CONDITION;
	model.asc = asc;
}

static unsigned model_count(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < NEXUSES; i++)
		n += model.key[i] != 0;
	return n;
}

static bool for_registrants(void)
{
	return model.type >= WE_RO;
}

static bool for_all(void)
{
	return model.type >= WE_AR;
}

static bool model_holds(unsigned i)
{
	return model.type && (for_all() ? model.key[i] != 0 : model.holder == i);
}

static void tell(unsigned but, scsi_asc asc)
{
	for (unsigned i = 0; i < NEXUSES; i++)
		if (model.key[i] && i != but)
			model.attention[i] = asc;
}

/* Forgets a registration, and the reservation if nobody holds it any more. */
static void model_drop(unsigned i)
{
	model.key[i] = 0;
	if (model.holder == i || !model_count()) {
		model.holder = NOBODY;
		model.type = 0;
	}
}

/* H1A and H1B are one initiator port at both target ports. */
static unsigned model_ports(unsigned from, bool all, unsigned *which)
{
	which[0] = from;
	if (!all)
		return 1;
	which[1] = from == H1A ? H1B : H1A;
	return 2;
}

static void model_register(unsigned from, bool ignore, uint64_t key, uint64_t new_key, uint8_t flags)
{
	unsigned which[2], n = model_ports(from, flags & ALL_TG_PT, which);
	uint8_t type = model.type;
	bool any = false, ro = model.type == WE_RO || model.type == EA_RO;

	if (!ignore && !model.key[from] && key)
		model.status = SCSI_RESERVATION_CONFLICT;
	for (unsigned i = 0; i < n; i++) {
		any |= model.key[which[i]] != 0;
		if (!ignore && model.key[which[i]] && model.key[which[i]] != key)
			model.status = SCSI_RESERVATION_CONFLICT;
	}
	if (model.status || (!any && !new_key))
		return;
	for (unsigned i = 0; i < n; i++) {
		if (new_key)
			model.key[which[i]] = new_key;
		else if (model.key[which[i]])
			model_drop(which[i]);
	}
	if (type && !model.type && ro)
		tell(from, 0x2a04);
	model.generation++;
	model.aptpl = flags & APTPL;
}

static bool model_type_bad(uint8_t type)
{
	if (type != WE && type != EA && (type < WE_RO || type > EA_AR))
		model_error(0x2400);
	return model.status != 0;
}

static void model_reserve(unsigned from, uint8_t type)
{
	if (model_type_bad(type))
		return;
	if (model.type && (model.type != type || !model_holds(from))) {
		model.status = SCSI_RESERVATION_CONFLICT;
		return;
	}
	if (model.type)
		return;
	model.type = type;
	model.holder = for_all() ? NOBODY : from;
}

static void model_release(unsigned from, uint8_t type)
{
	if (!model_holds(from))
		return;
	if (model.type != type) {
		model_error(0x2604);
		return;
	}
	if (for_registrants())
		tell(from, 0x2a04);
	model.type = 0;
	model.holder = NOBODY;
}

static void model_clear(unsigned from)
{
	tell(from, 0x2a03);
	memset(model.key, 0, sizeof(model.key));
	model.type = 0;
	model.holder = NOBODY;
	model.generation++;
}

static void model_preempt(unsigned from, bool abort, uint8_t type, uint64_t victim)
{
	bool take = for_all() ? !victim : model.holder != NOBODY && model.key[model.holder] == victim;
	uint8_t before = model.type;
	bool any = false;

	if (!victim && !for_all()) {
		model_error(0x2600);
		return;
	}
	if (take && model_type_bad(type))
		return;
	for (unsigned i = 0; i < NEXUSES; i++) {
		if (!model.key[i] || (victim && model.key[i] != victim))
			continue;
		any = true;
		model.abort[i] = abort;
		if (take && i == from)
			continue;
		if (i != from)
			model.attention[i] = 0x2a05;
		model_drop(i);
	}
	if (!any) {
		model.status = SCSI_RESERVATION_CONFLICT;
		return;
	}
	model.generation++;
	if (!take)
		return;
	if (type != before)
		tell(from, 0x2a04);
	model.type = type;
	model.holder = for_all() ? NOBODY : from;
}

static void model_move(unsigned from, uint64_t new_key, uint8_t flags, unsigned to)
{
	if (!model.type)
		model_error(0x2400);
	else if (model.holder != from)
		model.status = SCSI_RESERVATION_CONFLICT;
	else if (!new_key || to == from || (to <= H1B && from <= H1B))
		model_error(0x2600);
	if (model.status)
		return;
	model.key[to] = new_key;
	model.holder = to;
	if (flags & UNREG)
		model.key[from] = 0;
	model.generation++;
	model.aptpl = flags & APTPL;
}

static void model_out(unsigned from, uint8_t action, uint8_t type, uint64_t key, uint64_t action_key, uint8_t flags,
		      unsigned to)
{
	if (model.reserver != NOBODY) {
		model.status = SCSI_RESERVATION_CONFLICT;
		return;
	}
	if (action == REGISTER || action == REGISTER_IGNORE) {
		model_register(from, action == REGISTER_IGNORE, key, action_key, flags);
		return;
	}
	if (!model.key[from] || model.key[from] != key) {
		model.status = SCSI_RESERVATION_CONFLICT;
		return;
	}
	switch (action) {
	case RESERVE:
		model_reserve(from, type);
		break;
	case RELEASE:
		model_release(from, type);
		break;
	case CLEAR:
		model_clear(from);
		break;
	case REGISTER_MOVE:
		model_move(from, action_key, flags, to);
		break;
	default:
		model_preempt(from, action == PREEMPT_ABORT, type, action_key);
		break;
	}
}

static void model_spc2(unsigned from, bool reserve)
{
	bool passes = model.type && (model_holds(from) || (for_registrants() && model.key[from]));

	if (model_count()) {
		model.status = passes ? SCSI_GOOD : SCSI_RESERVATION_CONFLICT;
	} else if (reserve) {
		if (model.reserver == NOBODY)
			model.reserver = from;
		else if (model.reserver != from)
			model.status = SCSI_RESERVATION_CONFLICT;
	} else if (model.reserver == from) {
		model.reserver = NOBODY;
	}
}

static bool model_conflicts(unsigned i, bool writes)
{
	if (model.reserver != NOBODY)
		return model.reserver != i;
	if (!model.type || (for_registrants() ? model.key[i] != 0 : model.holder == i))
		return false;
	return writes || model.type == EA || model.type == EA_RO || model.type == EA_AR;
}

/* Sends a random command to both; returns the status of the real one. */
static uint8_t step(void)
{
	static const uint8_t weighted[] = {
		REGISTER, REGISTER, REGISTER, REGISTER_IGNORE, REGISTER_IGNORE, RESERVE,
		RESERVE,  RELEASE,  CLEAR,    PREEMPT,         PREEMPT_ABORT,   REGISTER_MOVE,
	};
	unsigned from = pick(NEXUSES), to = pick(NEXUSES), what = pick(20);
	uint64_t key = pick(3) ? model.key[from] : pick(KEYS), action_key = pick(KEYS);
	uint8_t type = (uint8_t)(pick(9)), flags = (uint8_t)(pick(8)), action;
	char isid[16];

	if (what == 0) {
		reservation_nexus_lost(lu, &nexus[from]);
		if (model.reserver == from)
			model.reserver = NOBODY;
		return SCSI_GOOD;
	}
	if (what <= 2) {
		model_spc2(from, what == 1);
		return spc2(from, what == 1 ? 0x16 : 0x57);
	}
	action = weighted[pick(ARRAY_COUNT(weighted))];
	if (from > H1B)
		flags &= (uint8_t)~ALL_TG_PT; /* the model does not have their other target port */
	if (action == RELEASE && pick(2))
		type = model.type;
	model_out(from, action, type, key, action_key, flags, to);
	if (action != REGISTER_MOVE)
		return out(from, action, type, key, action_key, flags & (APTPL | ALL_TG_PT));
	memset(list, 0, sizeof(list));
	put_be64(list, key);
	put_be64(list + 8, action_key);
	list[17] = flags & (APTPL | UNREG);
	put_be16(list + 18, nexus[to].tpgt);
	snprintf(isid, sizeof(isid), "00023d00000%x", nexus[to].isid[5]);
	put_be32(list + 20, put_transport(list + 24, nexus[to].initiator_name, isid));
	return out_list(from, REGISTER_MOVE, type, 24 + get_be32(list + 20));
}

/* As after a loss of power: what is not kept is gone, and the generation starts again. */
static void restart(void)
{
	size_t len;
	uint8_t *kept = reservation_save(lu, &len);

	reservation_destroy(lu);
	lu = create(&owner);
	if (kept) {
		assert_int_equal(reservation_load(lu, kept, len), 0);
		model.generation = 0;
		model.reserver = NOBODY;
	} else {
		model_reset();
	}
	free(kept);
}

static bool same(uint8_t status)
{
	bool ok = status == model.status;

	if (model.asc)
		ok = ok && get_be16(cmd.sense + 12) == model.asc;
	ok = ok && !memcmp(attentions, model.attention, sizeof(attentions)) &&
	     !memcmp(aborted, model.abort, sizeof(aborted));
	for (unsigned i = 0; i < NEXUSES; i++)
		ok = ok && conflicts(i, CDB(0x2a)) == model_conflicts(i, true) &&
		     conflicts(i, CDB(0x28)) == model_conflicts(i, false) && !conflicts(i, CDB(0x12));
	if (model.reserver != NOBODY)
		return ok && in(model.reserver, IN_KEYS, 8) == SCSI_RESERVATION_CONFLICT;
	for (unsigned i = 0; i < NEXUSES; i++)
		ok = ok && key_of(i) == model.key[i] && holds(i) == model_holds(i);
	ok = ok && type_now() == model.type && generation() == model.generation;
	ok = ok && in(H1A, IN_CAPABILITIES, 8) == SCSI_GOOD && (answer[3] & 1) == model.aptpl;
	return ok;
}

/* R1, R2: any commands in any order */
static void test_random(void **state)
{
	unsigned good = 0, taken[9] = { 0 };

	(void)state;
	for (uint32_t seed = 1; seed <= SEQUENCES; seed++) {
		random_state = seed * 2654435761u;
		reservation_destroy(lu);
		lu = create(&owner);
		model_reset();
		for (unsigned i = 0; i < STEPS; i++) {
			uint8_t status;

			forget();
			model.status = SCSI_GOOD;
			model.asc = 0;
			memset(model.attention, 0, sizeof(model.attention));
			memset(model.abort, 0, sizeof(model.abort));
			status = step();
			good += status == SCSI_GOOD;
			taken[model.type]++;
			if (!same(status)) {
				print_error("seed=%u step=%u cdb=%02x %02x %02x status=%02x model=%02x\n", seed, i,
					    cmd.cdb[0], cmd.cdb[1], cmd.cdb[2], status, model.status);
				fail();
			}
			if (!pick(STEPS))
				restart();
		}
	}
	/* it went where it should */
	assert_true(good > SEQUENCES * STEPS / 4);
	for (unsigned type = WE; type <= EA_AR; type++)
		assert_true(taken[type] > SEQUENCES / 10 || type == 2 || type == 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_random, setup, teardown) };

	return cmocka_run_group_tests_name("reservation_model", tests, NULL, NULL);
}
