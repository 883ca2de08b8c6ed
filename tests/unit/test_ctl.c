/* braidctl's parts: numbers for people, tables that fit, options. */
#include "api/ctl/options.h"
#include "api/ctl/table.h"
#include "api/ctl/text.h"
#include "tests/unit/unit.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_bytes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0 B" },
		{ 1023, "1023 B" },
		{ 1024, "1 KiB" },
		{ 1536, "1.5 KiB" },
		{ 102400, "100 KiB" },
		{ 104858, "102 KiB" },
		{ 1048575, "1 MiB" },
		{ UINT64_C(20) << 30, "20 GiB" },
		{ UINT64_C(3) << 39, "1.5 TiB" },
		{ UINT64_MAX, "16 EiB" },
	};
	char text[TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_string_equal(text_bytes(cases[i].bytes, text), cases[i].text);
}

static void test_duration(void **state)
{
	static const struct {
		uint64_t us;
		const char *text;
	} cases[] = {
		{ 0, "0 us" },
		{ 999, "999 us" },
		{ 1500, "1.5 ms" },
		{ 250000, "250 ms" },
		{ 59999999, "59 s" },
		{ 61000000, "1m 1s" },
		{ UINT64_C(7980) * 1000000, "2h 13m" },
		{ UINT64_C(90000) * 1000000, "1d 1h" },
	};
	char text[TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_string_equal(text_duration(cases[i].us, text), cases[i].text);
}

static void test_time(void **state)
{
	char text[TEXT_MAX];

	(void)state;
	setenv("TZ", "UTC", 1);
	assert_string_equal(text_time(UINT64_C(1795186800000000), text), "2026-11-20 15:00:00");
	assert_string_equal(text_time(0, text), "-");
}

/* Nothing that an array or a host is called can drive the terminal. */
static void test_printable(void **state)
{
	char text[] = "a\033[31m\n\x7f\xc2\x9b\xc3\xa4";

	(void)state;
	text_make_printable(text);
	assert_string_equal(text, "a?[31m????\xc3\xa4");
}

static const struct table_column columns[] = {
	{ "ID", .cut = CUT_MIDDLE },
	{ "SIZE", .right = true },
	{ "NOTE", .cut = CUT_END },
};

static char *print_table(size_t width, bool colour, const char *id)
{
	struct table *table = table_create(columns, ARRAY_COUNT(columns));
	struct terminal terminal = { .width = width, .colour = colour };
	char *text = NULL;
	size_t len;

	terminal.out = open_memstream(&text, &len);
	if (id) {
		table_cell(table, COLOUR_GREEN, "%s", id);
		table_cell(table, COLOUR_NONE, "%d", 7);
		table_cell(table, COLOUR_NONE, "a longer note");
		table_cell(table, COLOUR_NONE, "x");
		table_cell(table, COLOUR_NONE, "1234567");
		table_cell(table, COLOUR_NONE, "%s", "");
	}
	table_print(table, &terminal, "Nothing.");
	fclose(terminal.out);
	table_destroy(table);
	return text;
}

static void test_table(void **state)
{
	static const struct {
		size_t width;
		bool colour;
		const char *id, *text;
	} cases[] = {
		{ 0, false, "naa.600140512345",
		  "ID                   SIZE  NOTE\n"
		  "naa.600140512345        7  a longer note\n"
		  "x                 1234567  \n" },
		{ 34, false, "naa.600140512345",
		  "ID              SIZE  NOTE\n"
		  "naa.6~12345        7  a longer no~\n"
		  "x            1234567  \n" },
		{ 1, false, "naa.600140512345",
		  "ID           SIZE  NOTE\n"
		  "naa.~345        7  a longe~\n"
		  "x         1234567  \n" },
		{ 0, true, "n",
		  "\033[1mID\033[0m     \033[1mSIZE\033[0m  \033[1mNOTE\033[0m\n"
		  "\033[32mn\033[0m         7  a longer note\n"
		  "x   1234567  \n" },
		{ 0, false, "\xc3\xa4\xc3\xb6\xc3\xbc",
		  "ID      SIZE  NOTE\n"
		  "\xc3\xa4\xc3\xb6\xc3\xbc        7  a longer note\n"
		  "x    1234567  \n" },
		{ 80, false, NULL, "Nothing.\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char *text = print_table(cases[i].width, cases[i].colour, cases[i].id);

		assert_string_equal(text, cases[i].text);
		free(text);
	}
	table_destroy(NULL);
}

/* getopt reorders argv: a copy of the words. */
static int parse(struct options *options, const char *const *words, int count, char **argv, int *first)
{
	for (int i = 0; i < count; i++)
		argv[i] = (char *)(uintptr_t)words[i];
	argv[count] = NULL;
	return options_parse(options, count, argv, first);
}

static void test_options(void **state)
{
	static const char *const words[] = { "braidctl", "policy", "--json",         "3",  "-u",
					     "http://x", "RR",     "--active=p0,p1", "--", "-1" };
	char *argv[ARRAY_COUNT(words) + 1];
	struct options options;
	int first;

	(void)state;
	assert_int_equal(parse(&options, words, ARRAY_COUNT(words), argv, &first), 0);
	assert_int_equal(first, 6);
	assert_string_equal(argv[6], "policy");
	assert_string_equal(argv[9], "-1");
	assert_int_equal(options.given, OPTION_JSON | OPTION_URL | OPTION_ACTIVE);
	assert_string_equal(options.url, "http://x");
	assert_string_equal(options.active, "p0,p1");
	assert_null(options.force);
	assert_string_equal(options_name(OPTION_FORCE), "force");
}

static void test_bad_options(void **state)
{
	static const char *const unknown[] = { "braidctl", "--no-such" }, *const bare[] = { "braidctl", "--url" };
	struct options options;
	char *argv[3];
	int first;

	(void)state;
	assert_true(parse(&options, unknown, 2, argv, &first) < 0);
	assert_true(parse(&options, bare, 2, argv, &first) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),       cmocka_unit_test(test_duration), cmocka_unit_test(test_time),
		cmocka_unit_test(test_printable),   cmocka_unit_test(test_table),    cmocka_unit_test(test_options),
		cmocka_unit_test(test_bad_options),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
