/* Links: ISIDs that stay, and which portals lead to the same sessions. */
#include "gateway/engine/link.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IQN "iqn.2026-11.org.example:array"

static struct link *make(const char *iqn, const char *portal, uint16_t tpgt, uint64_t sources)
{
	struct link *link = link_create(1, 4, iqn, portal, tpgt);

	link->isid_seed = UINT64_C(0x0123456789abcdef);
	atomic_store(&link->sources, sources);
	return link;
}

/* row: F1: the form "session" needs the same ISID after a reconnect and after a restart */
static void test_isid_is_stable(void **state)
{
	struct link *a = make(IQN, "10.0.0.1:3260", 1, 1), *b = make(IQN, "10.0.0.1:3260", 1, 2);
	uint8_t first[6], again[6];

	(void)state;
	link_isid(a, 2, first);
	link_isid(b, 2, again); /* made anew, listed by another portal */
	assert_memory_equal(first, again, 6);
	assert_int_equal(first[0], 0x80); /* type 10b: random */
	link_destroy(a);
	link_destroy(b);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, 6);
}

/* Two sessions with one ISID would end one another. */
static void test_isids_differ(void **state)
{
	enum { PORTALS = 64, WORKERS = 4 };
	uint8_t isids[PORTALS * WORKERS * 2][6];
	unsigned count = 0;

	(void)state;
	for (unsigned p = 0; p < PORTALS; p++) {
		for (unsigned t = 0; t < 2; t++) {
			char portal[NET_ADDRESS_MAX];
			struct link *link;

			snprintf(portal, sizeof(portal), "10.0.0.%u:3260", p);
			link = make(t ? IQN "-b" : IQN, portal, 1, 1);
			for (unsigned w = 0; w < WORKERS; w++)
				link_isid(link, w, isids[count++]);
			link_destroy(link);
		}
	}
	qsort(isids, count, 6, compare);
	for (unsigned i = 1; i < count; i++)
		assert_memory_not_equal(isids[i - 1], isids[i], 6);
}

/* Two gateways at one array have different seeds. */
static void test_isids_of_gateways_differ(void **state)
{
	struct link *a = make(IQN, "10.0.0.1:3260", 1, 1), *b = make(IQN, "10.0.0.1:3260", 1, 1);
	uint8_t first[6], other[6];

	(void)state;
	b->isid_seed++;
	link_isid(a, 0, first);
	link_isid(b, 0, other);
	assert_memory_not_equal(first, other, 6);
	link_destroy(a);
	link_destroy(b);
}

/* row: F1: a login through another portal ends the session only when both lead into the same group of one array */
static void test_same_group(void **state)
{
	struct link *a = make(IQN, "10.0.0.1:3260", 1, 1);
	struct link *sibling = make(IQN, "10.0.0.2:3260", 1, 3);
	struct link *other_group = make(IQN, "10.0.0.3:3260", 2, 1);
	struct link *other_target = make(IQN "-b", "10.0.0.4:3260", 1, 1);
	struct link *other_source = make(IQN, "10.0.0.5:3260", 1, 4);
	struct link *other_backend = make(IQN, "10.0.0.6:3260", 1, 1);

	(void)state;
	other_backend->backend = (struct backend *)(void *)a;
	assert_true(link_same_group(a, 1, sibling, 1, 0));
	assert_true(link_same_group(sibling, 1, a, 1, 0));
	assert_false(link_same_group(a, 1, other_group, 1, 0));
	assert_false(link_same_group(a, 1, other_target, 1, 0));
	assert_false(link_same_group(a, 1, other_source, 1, 0));
	assert_false(link_same_group(a, 1, other_backend, 1, 0));
	link_destroy(a);
	link_destroy(sibling);
	link_destroy(other_group);
	link_destroy(other_target);
	link_destroy(other_source);
	link_destroy(other_backend);
}

/* row: P4: what policies see of a link is the sum over the workers */
static void test_load_sums_the_workers(void **state)
{
	struct link *link = make(IQN, "10.0.0.1:3260", 1, 1);
	struct policy_load load;

	(void)state;
	figure_add(&link->cells[0].inflight, 2);
	figure_add(&link->cells[3].inflight, 5);
	figure_add(&link->cells[3].inflight, (uint64_t)-1);
	figure_add(&link->cells[1].inflight_bytes, 4096);
	load = link->loads[0].policy.load(&link->loads[0].policy);
	assert_int_equal(load.commands, 6);
	assert_int_equal(load.bytes, 4096);
	link_destroy(link);
}

static void test_state_names(void **state)
{
	struct link *link = make(IQN, "10.0.0.1:3260", 1, 1);

	(void)state;
	assert_string_equal(link_state_name(link), "down");
	link->lanes[1].state = LANE_UP;
	assert_string_equal(link_state_name(link), "degraded");
	for (unsigned w = 0; w < 4; w++)
		link->lanes[w].state = LANE_UP;
	assert_string_equal(link_state_name(link), "up");
	assert_int_equal(link_workers_up(link), 4);
	link_destroy(link);
	link_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_isid_is_stable),           cmocka_unit_test(test_isids_differ),
		cmocka_unit_test(test_isids_of_gateways_differ), cmocka_unit_test(test_same_group),
		cmocka_unit_test(test_load_sums_the_workers),    cmocka_unit_test(test_state_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
