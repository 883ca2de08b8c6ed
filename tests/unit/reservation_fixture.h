/*
 * reservation_fixture.h - the reservations of one logical unit with two target ports and a few hosts, one command at a
 * time; it writes down what the owner is asked for.
 */
#ifndef BRAID_RESERVATION_FIXTURE_H
#define BRAID_RESERVATION_FIXTURE_H

#include "gateway/base/bytes.h"
#include "target/reservation.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT_A 1
#define PORT_B 2
#define LOG_MAX 64

/* Nexuses: host 1 through both ports, host 2 with two sessions through port A, host 3 through port B. */
enum { H1A, H1B, H2A, H2A2, H3B, NEXUSES };

enum { IN_KEYS, IN_RESERVATION, IN_CAPABILITIES, IN_FULL_STATUS };
enum { REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT_ABORT, REGISTER_IGNORE, REGISTER_MOVE };
enum { APTPL = 0x01, UNREG = 0x02, ALL_TG_PT = 0x04, SPEC_I_PT = 0x08 };
enum { WE = 1, EA = 3, WE_RO = 5, EA_RO = 6, WE_AR = 7, EA_AR = 8 };

static struct target_nexus nexus[NEXUSES];
static struct reservations *lu;
static struct scsi_cmd cmd;
static uint8_t list[1024], answer[0x10000];
static uint8_t *sent; /* what of list[] the command has: a block of its own, so that the sanitizer watches its end */
static unsigned ended; /* commands */

/* what the owner was asked for */
static scsi_asc attentions[NEXUSES]; /* the last one of each; 0: none */
static unsigned attention_count;
static bool aborted[NEXUSES];
static unsigned saves;

/* how it behaves */
static bool hold; /* abort_tasks and changed end with release_held() */
static int save_err;
static struct {
	reservation_done *done;
	void *arg;
} held[LOG_MAX];
static unsigned held_count;

void scsi_cmd_done(struct scsi_cmd *done)
{
	assert_ptr_equal(done, &cmd);
	ended++;
}

static inline unsigned nexus_index(const struct reservation_nexus *of)
{
	for (unsigned i = 0; i < NEXUSES; i++)
		if (!strcmp(of->initiator_name, nexus[i].initiator_name) && of->port == nexus[i].tpgt &&
		    !memcmp(of->isid, nexus[i].isid, 6))
			return i;
	return NEXUSES;
}

static inline void on_attention(void *user, const struct reservation_nexus *of, scsi_asc asc)
{
	unsigned i = nexus_index(of);

	(void)user;
	attention_count++;
	if (i < NEXUSES) /* others are registered by TransportID */
		attentions[i] = asc;
}

static inline void finish(reservation_done *done, void *arg, int err)
{
	if (!hold) {
		done(arg, err);
		return;
	}
	assert_true(held_count < LOG_MAX);
	held[held_count].done = done;
	held[held_count++].arg = arg;
}

static inline void on_abort(void *user, const struct reservation_nexus *of, const struct scsi_cmd *except,
			    reservation_done *done, void *arg)
{
	unsigned i = nexus_index(of);

	(void)user;
	assert_ptr_equal(except, &cmd);
	assert_true(i < NEXUSES);
	aborted[i] = true;
	finish(done, arg, 0);
}

static inline void on_changed(void *user, reservation_done *done, void *arg)
{
	(void)user;
	saves++;
	finish(done, arg, save_err);
}

static inline size_t on_find(void *user, const char *initiator_name, uint8_t (*isids)[6], size_t max)
{
	size_t count = 0;

	(void)user;
	for (unsigned i = 0; i < NEXUSES; i++) {
		if (i == H1B || strcmp(initiator_name, nexus[i].initiator_name))
			continue; /* H1A and H1B are one initiator port */
		assert_true(count < max);
		memcpy(isids[count++], nexus[i].isid, 6);
	}
	return count;
}

static const struct reservation_ops owner = {
	.unit_attention = on_attention,
	.abort_tasks = on_abort,
	.changed = on_changed,
	.find_transport_id = on_find,
};

static inline struct reservations *create(const struct reservation_ops *ops)
{
	static const uint16_t ports[] = { PORT_A, PORT_B };

	return reservation_create(ops, NULL, ports, ARRAY_COUNT(ports));
}

static inline void forget(void)
{
	memset(attentions, 0, sizeof(attentions));
	memset(aborted, 0, sizeof(aborted));
	attention_count = saves = 0;
}

static inline int setup(void **state)
{
	static const struct {
		const char *name;
		uint8_t isid;
		uint16_t port;
	} of[NEXUSES] = {
		[H1A] = { "iqn.2026-11.org.example:h1", 1, PORT_A },
		[H1B] = { "iqn.2026-11.org.example:h1", 1, PORT_B },
		[H2A] = { "iqn.2026-11.org.example:h2", 1, PORT_A },
		[H2A2] = { "iqn.2026-11.org.example:h2", 2, PORT_A },
		[H3B] = { "iqn.2026-11.org.example:h3", 1, PORT_B },
	};

	(void)state;
	for (unsigned i = 0; i < NEXUSES; i++) {
		nexus[i] = (struct target_nexus){
			.session_id = i + 1,
			.isid = { 0x00, 0x02, 0x3d, 0, 0, of[i].isid },
			.tpgt = of[i].port,
		};
		snprintf(nexus[i].initiator_name, ISCSI_NAME_MAX, "%s", of[i].name);
	}
	hold = false;
	save_err = 0;
	held_count = 0;
	ended = 0;
	forget();
	lu = create(&owner);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	reservation_destroy(lu);
	free(sent);
	sent = NULL;
	return 0;
}

/* Takes the CDB, with `len` bytes of list[] for it; the status when it has ended, SCSI_BUSY while it has not. */
static inline uint8_t run(unsigned from, const uint8_t *cdb, enum scsi_dir dir, uint32_t len)
{
	unsigned before = ended;

	cmd = (struct scsi_cmd){ .dir = dir, .expected = len, .nexus = &nexus[from] };
	memcpy(cmd.cdb, cdb, SCSI_CDB_MAX);
	cmd.cdb_len = (uint8_t)scsi_cdb_len(cdb[0]);
	free(sent);
	sent = malloc(dir == SCSI_DIR_OUT && len ? len : 1);
	memcpy(sent, list, dir == SCSI_DIR_OUT ? len : 0);
	cmd.data = dir == SCSI_DIR_OUT ? sent : answer;
	cmd.capacity = len;
	assert_true(reservation_execute(lu, &cmd));
	assert_true(ended - before <= 1);
	return ended > before ? cmd.status : SCSI_BUSY;
}

#define CDB(...) ((const uint8_t[SCSI_CDB_MAX]){ __VA_ARGS__ })

static inline uint8_t out_list(unsigned from, uint8_t action, uint8_t scope_type, uint32_t len)
{
	const uint8_t *cdb = CDB(0x5f, action, scope_type, 0, 0, 0, 0, (uint8_t)(len >> 8), (uint8_t)len);

	return run(from, cdb, SCSI_DIR_OUT, len);
}

static inline void basic_list(uint64_t key, uint64_t action_key, uint8_t flags)
{
	memset(list, 0, sizeof(list));
	put_be64(list, key);
	put_be64(list + 8, action_key);
	list[20] = flags;
}

/* PERSISTENT RESERVE OUT with the basic parameter list */
static inline uint8_t out(unsigned from, uint8_t action, uint8_t scope_type, uint64_t key, uint64_t action_key,
			  uint8_t flags)
{
	basic_list(key, action_key, flags);
	return out_list(from, action, scope_type, 24);
}

static inline uint8_t in(unsigned from, uint8_t action, uint16_t alloc)
{
	memset(answer, 0xee, alloc);
	return run(from, CDB(0x5e, action, 0, 0, 0, 0, 0, (uint8_t)(alloc >> 8), (uint8_t)alloc), SCSI_DIR_IN, alloc);
}

/* RESERVE and RELEASE of SPC-2 by opcode */
static inline uint8_t spc2(unsigned from, uint8_t opcode)
{
	return run(from, CDB(opcode), SCSI_DIR_NONE, 0);
}

static inline bool conflicts(unsigned from, const uint8_t *cdb)
{
	return reservation_conflicts(reservation_snapshot(lu), &nexus[from], cdb);
}

static inline void assert_sense(enum sense_key key, scsi_asc asc)
{
	assert_int_equal(cmd.status, SCSI_CHECK_CONDITION);
	assert_int_equal(cmd.sense[2], key);
	assert_int_equal(get_be16(cmd.sense + 12), asc);
}

#define GOOD(...) assert_int_equal((__VA_ARGS__), SCSI_GOOD)
#define CONFLICT(...) assert_int_equal((__VA_ARGS__), SCSI_RESERVATION_CONFLICT)
#define REFUSED(asc, ...)                                                                                              \
	do {                                                                                                           \
		assert_int_equal((__VA_ARGS__), SCSI_CHECK_CONDITION);                                                 \
		assert_sense(SENSE_ILLEGAL_REQUEST, asc);                                                              \
	} while (0)

static inline void assert_field(unsigned byte)
{
	assert_sense(SENSE_ILLEGAL_REQUEST, 0x2400);
	assert_int_equal(get_be16(cmd.sense + 16), byte);
}

static inline uint32_t generation(void)
{
	GOOD(in(H3B, IN_KEYS, 8));
	return get_be32(answer);
}

/* The key of a nexus as READ FULL STATUS tells it; 0: not registered. */
static inline uint64_t full_status(unsigned of, bool *holder, uint8_t *scope_type)
{
	uint32_t end;

	GOOD(in(H3B, IN_FULL_STATUS, 0xffff));
	end = 8 + get_be32(answer + 4);
	assert_int_equal(end, cmd.transfer); /* not cut */
	for (uint8_t *p = answer + 8; p < answer + end; p += 24 + get_be32(p + 20)) {
		char port[300];

		snprintf(port, sizeof(port), "%s,i,0x00023d00000%x", nexus[of].initiator_name, nexus[of].isid[5]);
		if (strcmp(port, (char *)p + 28) || get_be16(p + 18) != nexus[of].tpgt)
			continue;
		*holder = p[12] & 1;
		*scope_type = p[13];
		return get_be64(p);
	}
	return 0;
}

static inline uint64_t key_of(unsigned of)
{
	bool holder;
	uint8_t scope_type;

	return full_status(of, &holder, &scope_type);
}

static inline bool holds(unsigned of)
{
	bool holder = false;
	uint8_t scope_type;

	full_status(of, &holder, &scope_type);
	return holder;
}

/* The type of the persistent reservation; 0: there is none. */
static inline uint8_t type_now(void)
{
	GOOD(in(H3B, IN_RESERVATION, 24));
	return get_be32(answer + 4) ? answer[21] : 0;
}

/* A TransportID; isid NULL: a name alone. Returns its length. */
static inline uint32_t put_transport(uint8_t *p, const char *name, const char *isid)
{
	size_t len = (size_t)sprintf((char *)p + 4, isid ? "%s,i,0x%s" : "%s%s", name, isid ? isid : "") + 1;

	len += pad4(len);
	p[0] = isid ? 0x45 : 0x05;
	p[1] = 0;
	put_be16(p + 2, (uint16_t)len);
	return (uint32_t)(4 + len);
}

/* Unit attentions: exactly these, {nexus, code} pairs ended by NEXUSES. Forgets them. */
static inline void assert_attentions(const unsigned (*expected)[2])
{
	scsi_asc want[NEXUSES] = { 0 };

	for (; (*expected)[0] < NEXUSES; expected++)
		want[(*expected)[0]] = (scsi_asc)(*expected)[1];
	for (unsigned i = 0; i < NEXUSES; i++)
		assert_int_equal(attentions[i], want[i]);
	forget();
}

#define ATTENTIONS(...) assert_attentions((const unsigned[][2]){ __VA_ARGS__ __VA_OPT__(, ){ NEXUSES, 0 } })

/* Registers with keys 0x10 + nexus. */
static inline uint64_t key_for(unsigned of)
{
	return 0x10 + of;
}

static inline void register_each(unsigned count, const unsigned *which)
{
	for (unsigned i = 0; i < count; i++)
		GOOD(out(which[i], REGISTER, 0, 0, key_for(which[i]), 0));
}

#define REGISTER_ALL(...) register_each(ARRAY_COUNT(((unsigned[]){ __VA_ARGS__ })), (const unsigned[]){ __VA_ARGS__ })

#endif
