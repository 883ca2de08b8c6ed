/* The journal of events. */
#include "gateway/base/log.h"
#include "gateway/journal.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

struct seen {
	uint64_t first, last;
	unsigned count, stop_after;
	char message[64];
};

static bool on_event(const struct event_view *view, void *arg)
{
	struct seen *seen = arg;

	if (!seen->count)
		seen->first = view->id;
	else
		assert_int_equal(view->id, seen->last + 1);
	seen->last = view->id;
	snprintf(seen->message, sizeof(seen->message), "%s", view->message);
	return ++seen->count != seen->stop_after;
}

static void test_since(void **state)
{
	struct journal *journal = journal_create();
	struct seen seen = { 0 }, later = { 0 }, none = { 0 };

	(void)state;
	assert_int_equal(journal_each(journal, 0, on_event, &none), 0);
	for (int i = 1; i <= 5; i++)
		journal_add(journal, "info", "test", i % 2 ? "subject" : NULL, "event %d", i);
	assert_int_equal(journal_each(journal, 0, on_event, &seen), 5);
	assert_int_equal(seen.count, 5);
	assert_int_equal(seen.first, 1);
	assert_string_equal(seen.message, "event 5");
	journal_each(journal, 3, on_event, &later);
	assert_int_equal(later.first, 4);
	journal_each(journal, 5, on_event, &none);
	assert_int_equal(none.count, 0);
	journal_each(journal, 5000, on_event, &none);
	assert_int_equal(none.count, 0);
	journal_each(journal, UINT64_MAX - 1, on_event, &none);
	assert_int_equal(none.count, 0);
	journal_each(journal, UINT64_MAX, on_event, &none); /* what follows it is not 0 */
	assert_int_equal(none.count, 0);
	journal_destroy(journal);
}

static void test_reader_may_stop(void **state)
{
	struct journal *journal = journal_create();
	struct seen seen = { .stop_after = 2 };

	(void)state;
	for (int i = 0; i < 5; i++)
		journal_add(journal, "warning", "test", NULL, "%d", i);
	assert_int_equal(journal_each(journal, 0, on_event, &seen), 5);
	assert_int_equal(seen.count, 2);
	journal_destroy(journal);
}

/* Old events are forgotten, the ids go on. */
static void test_wraps(void **state)
{
	struct journal *journal = journal_create();
	struct seen seen = { 0 };

	(void)state;
	for (int i = 0; i < JOURNAL_EVENTS + 10; i++)
		journal_add(journal, "info", "test", "s", "%d", i);
	assert_int_equal(journal_each(journal, 0, on_event, &seen), JOURNAL_EVENTS + 10);
	assert_int_equal(seen.count, JOURNAL_EVENTS);
	assert_int_equal(seen.first, 11);
	journal_destroy(journal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_since),
		cmocka_unit_test(test_reader_may_stop),
		cmocka_unit_test(test_wraps),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
