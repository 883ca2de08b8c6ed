/* Hardware IDs: what is made of inquiry data, every form that is taken, and what each matches. */
#include "gateway/identity.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#define IET "IET     VIRTUAL-DISK    "
#define ACME "ACME    DISK_2000       "
#define SPACED "ACME    DISK 2000       "

static bool matches(const char *pattern, const char *device)
{
	struct hardware_id id;

	assert_int_equal(hardware_id_parse(pattern, &id), 0);
	return hardware_id_matches(&id, device);
}

/* row: D5 */
static void test_format(void **state)
{
	char text[HARDWARE_ID_LEN + 1];

	(void)state;
	hardware_id_format((const uint8_t *)IET, text);
	assert_string_equal(text, IET);
	hardware_id_format((const uint8_t *)"AC\0ME\x01  DISK\xff\x7f\n         ", text);
	assert_string_equal(text, "AC ME   DISK            ");
}

/* row: D5 */
static void test_matches(void **state)
{
	static const struct {
		const char *pattern, *device;
		bool match;
	} cases[] = {
		{ IET, IET, true },
		{ "iet     virtual-disk    ", IET, true },
		{ "IET     VIRTUAL-DISK", IET, true },
		{ "IET     VIRT", IET, true },
		{ "IET", IET, true },
		{ "I", IET, true },
		{ "IET ", "IETX    VIRTUAL-DISK    ", false },
		{ "IET", "IETX    VIRTUAL-DISK    ", true },
		{ "VIRTUAL", IET, false },
		/* VENDOR:PRODUCT names the whole of both */
		{ "IET:VIRTUAL-DISK", IET, true },
		{ "iet:virtual-disk    ", IET, true },
		{ "IET:VIRTUAL", IET, false },
		{ "IE:VIRTUAL-DISK", IET, false },
		{ "IET:", IET, true },
		{ "IET:", "IETX    VIRTUAL-DISK    ", false },
		{ "ACME:A:B", "ACME    A:B             ", true },
		{ "ABCDEFGH:X", "ABCDEFGHX               ", true },
		/* underscores as padding, and as themselves */
		{ "IET_____VIRTUAL-DISK____", IET, true },
		{ "IET_____VIRTUAL-DISK", IET, true },
		{ "ACME____DISK_2000_______", ACME, true },
		{ "ACME    DISK_2000       ", ACME, true },
		{ "ACME:DISK_2000", ACME, true },
		{ "ACME____DISK_2000_______", SPACED, false },
		{ "ACME____DISK 2000_______", SPACED, true },
		{ "ACME____DISK 2000_______", ACME, false },
		{ "ACME____DISK_2000_______", "ACME    DISK_20001      ", false },
		{ "IET_____VIRTUAL_DISK____", IET, false },
		{ "IET_", "IET_X   VIRTUAL-DISK    ", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		if (matches(cases[i].pattern, cases[i].device) != cases[i].match)
			fail_msg("\"%s\" and \"%s\"", cases[i].pattern, cases[i].device);
}

/* row: D6 */
static void test_every_device(void **state)
{
	(void)state;
	assert_true(matches("MSFT2005iSCSIBusType_0x9", IET));
	assert_true(matches("all", ACME));
	assert_true(matches("ALL", "                        "));
	assert_false(matches("MSFT2005iSCSIBusType_0x", IET));
	assert_false(matches("alliance", IET));
}

/* row: D5 */
static void test_refused(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"________",
		"IET     VIRTUAL-DISK     ",
		"IET:VIRTUAL-DISK-THAT",
		"IET\tX",
		"IET\nX",
		"\x80",
		"IET:\xc3\xa4",
		"M\x7f",
	};
	struct hardware_id id;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
		assert_int_equal(hardware_id_parse(texts[i], &id), -EINVAL);
}

/* A device text of another length than inquiry data has matches nothing, and nothing beyond its end is read. */
static void test_short_device(void **state)
{
	(void)state;
	assert_false(matches("IET", "IET"));
	assert_false(matches(IET, ""));
}

/* row: D5 */
static void test_equal(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} cases[] = {
		{ "IET     VIRTUAL-DISK    ", "IET:VIRTUAL-DISK", true },
		{ "IET     VIRTUAL-DISK    ", "IET_____VIRTUAL-DISK____", true },
		{ "IET     VIRTUAL-DISK    ", "iet     virtual-disk    ", true },
		{ "IET     VIRTUAL-DISK", "IET:VIRTUAL-DISK", false }, /* the former is a prefix */
		{ "IET_____VIRTUAL-DISK", "IET     VIRTUAL-DISK", true },
		{ "SUN     LCSM100_", "SUN     LCSM100 ", false }, /* the field goes on: no padding */
		{ "IET", "IET     ", false },
		{ "all", "MSFT2005iSCSIBusType_0x9", true },
		{ "all", "al", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct hardware_id a, b;

		assert_int_equal(hardware_id_parse(cases[i].a, &a), 0);
		assert_int_equal(hardware_id_parse(cases[i].b, &b), 0);
		if (hardware_id_equal(&a, &b) != cases[i].equal || hardware_id_equal(&b, &a) != cases[i].equal)
			fail_msg("\"%s\" and \"%s\"", cases[i].a, cases[i].b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),       cmocka_unit_test(test_matches),
		cmocka_unit_test(test_every_device), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_short_device), cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
