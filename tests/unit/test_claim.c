/* Claims: which devices the gateway takes. */
#include "gateway/claim.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define HARDWARE "BRAID   SIM-DISK        "

static bool matches(const char *kind, const char *value, const char *device, const char *hardware)
{
	struct claim *claim = claim_create(kind, value, false);
	bool result;

	assert_non_null(claim);
	result = claim_matches(claim, device, hardware);
	free(claim);
	return result;
}

/* row: D5 */
static void test_by_hardware_id(void **state)
{
	(void)state;
	assert_true(matches("hardware_id", HARDWARE, "naa.1", HARDWARE));
	assert_true(matches("hardware_id", "BRAID:SIM-DISK", "naa.1", HARDWARE));
	assert_true(matches("hardware_id", "braid   sim", "naa.1", HARDWARE));
	assert_false(matches("hardware_id", "BRAID   OTHER", "naa.1", HARDWARE));
}

/* row: D6 */
static void test_every_iscsi_device(void **state)
{
	struct claim *claim = claim_create("hardware_id", "MSFT2005iSCSIBusType_0x9", false);

	(void)state;
	assert_int_equal(claim->kind, CLAIM_ALL);
	assert_string_equal(claim->id, "all");
	assert_true(claim_matches(claim, "naa.1", HARDWARE));
	free(claim);
	assert_true(matches("all", NULL, "naa.2", HARDWARE));
}

static void test_by_device(void **state)
{
	(void)state;
	assert_true(matches("device", "naa.1", "naa.1", HARDWARE));
	assert_false(matches("device", "naa.1", "naa.12", HARDWARE));
}

static void test_bad_claims(void **state)
{
	char long_id[IDENTITY_TEXT_MAX + 8];

	(void)state;
	memset(long_id, 'a', sizeof(long_id) - 1);
	long_id[sizeof(long_id) - 1] = '\0';
	assert_null(claim_create("device", "", false));
	assert_null(claim_create("device", long_id, false));
	assert_null(claim_create("device", NULL, false));
	assert_null(claim_create("hardware_id", "", false));
	assert_null(claim_create("hardware_id", "a hardware ID of more than 24", false));
	assert_null(claim_create("path", "p1", false));
	assert_null(claim_create("", "", false));
}

/* An id says what is claimed: the same wish has the same id, different ones differ. */
static void test_ids(void **state)
{
	struct claim *a = claim_create("device", "naa.1", false), *b = claim_create("device", "naa.1", true),
		     *c = claim_create("device", "naa.2", false), *d = claim_create("hardware_id", "naa.1", false);

	(void)state;
	assert_string_equal(a->id, b->id);
	assert_string_not_equal(a->id, c->id);
	assert_string_not_equal(a->id, d->id);
	free(a);
	free(b);
	free(c);
	free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hardware_id),
		cmocka_unit_test(test_every_iscsi_device),
		cmocka_unit_test(test_by_device),
		cmocka_unit_test(test_bad_claims),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
