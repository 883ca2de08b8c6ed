#include "unit.h"

#include "gateway/engine/news.h"

#define MODE ASC_MODE_PARAMETERS_CHANGED

/* Somebody outside has changed something: of all paths that are told, one passes it on. */
static void hosts_hear_once(void **state)
{
	struct news news = { 0 };
	struct news_heard a = { 0 }, b = { 0 }, c = { 0 };

	(void)state;
	assert_true(news_first(&news, &a, MODE));
	assert_false(news_first(&news, &b, MODE));
	assert_false(news_first(&news, &c, MODE));
	assert_true(news_first(&news, &c, MODE)); /* and once more */
	assert_false(news_first(&news, &a, MODE));
	assert_false(news_first(&news, &b, MODE));
}

/* A host's own MODE SELECT comes back on all other paths. */
static void what_a_host_did_is_known(void **state)
{
	struct news news = { 0 };
	struct news_heard a = { 0 }, b = { 0 };

	(void)state;
	news_expect(&news, &a, MODE);
	assert_false(news_first(&news, &b, MODE));
	assert_true(news_first(&news, &a, MODE)); /* not its own doing */
}

/* The next MODE SELECT goes out where the unit attention of the one before is still pending. */
static void a_path_that_lags_meets_an_echo(void **state)
{
	struct news news = { 0 };
	struct news_heard a = { 0 }, b = { 0 };

	(void)state;
	news_expect(&news, &a, MODE);
	news_expect(&news, &b, MODE);
	assert_false(news_first(&news, &b, MODE));
	news_expect(&news, &b, MODE); /* sent again */
	assert_false(news_first(&news, &a, MODE));
	assert_true(news_first(&news, &b, MODE));
}

static void a_new_nexus_has_nothing_pending(void **state)
{
	struct news news = { 0 };
	struct news_heard a = { 0 }, b = { 0 };

	(void)state;
	assert_true(news_first(&news, &a, MODE));
	news_caught_up(&news, &b);
	assert_true(news_first(&news, &b, MODE));
}

static void kinds_do_not_mix(void **state)
{
	struct news news = { 0 };
	struct news_heard a = { 0 }, b = { 0 };

	(void)state;
	news_expect(&news, &a, MODE);
	assert_true(news_first(&news, &b, ASC_COMMANDS_CLEARED));
	assert_false(news_first(&news, &b, MODE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_hear_once),
		cmocka_unit_test(what_a_host_did_is_known),
		cmocka_unit_test(a_path_that_lags_meets_an_echo),
		cmocka_unit_test(a_new_nexus_has_nothing_pending),
		cmocka_unit_test(kinds_do_not_mix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
