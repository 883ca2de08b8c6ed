/* The intrusive list: order, double removal, splicing, unlinking while walking. */
#include "gateway/base/list.h"
#include "tests/unit/unit.h"

struct item {
	struct list link;
	int value;
};

static void fill(struct list *head, struct item *items, int count)
{
	list_init(head);
	for (int i = 0; i < count; i++) {
		items[i].value = i;
		list_add_tail(head, &items[i].link);
	}
}

static void assert_values(struct list *head, const int *values, size_t count)
{
	struct item *item;
	size_t i = 0;

	list_for_each(item, head, link) {
		assert_true(i < count);
		assert_int_equal(item->value, values[i]);
		i++;
	}
	assert_int_equal(i, count);
	for (struct list *link = head->prev; link != head; link = link->prev)
		assert_int_equal(list_entry(link, struct item, link)->value, values[--i]);
	assert_int_equal(i, 0);
}

static void test_empty(void **state)
{
	struct list head = LIST_HEAD_INIT(head);

	(void)state;
	assert_true(list_empty(&head));
	assert_null(list_first(&head, struct item, link));
	assert_null(list_pop(&head));
	assert_values(&head, NULL, 0);
}

static void test_order(void **state)
{
	struct list head;
	struct item items[4];

	(void)state;
	fill(&head, items, 3);
	items[3].value = 3;
	list_add_head(&head, &items[3].link);
	assert_values(&head, (const int[]){ 3, 0, 1, 2 }, 4);
	list_del(&items[3].link);
	list_add_before(&items[3].link, &items[1].link);
	assert_values(&head, (const int[]){ 0, 3, 1, 2 }, 4);
	assert_ptr_equal(list_first(&head, struct item, link), &items[0]);
	assert_ptr_equal(list_pop(&head), &items[0].link);
	assert_false(list_linked(&items[0].link));
	assert_values(&head, (const int[]){ 3, 1, 2 }, 3);
}

static void test_delete_twice(void **state)
{
	struct list head;
	struct item items[2];

	(void)state;
	fill(&head, items, 2);
	assert_true(list_linked(&items[0].link));
	list_del(&items[0].link);
	list_del(&items[0].link);
	assert_false(list_linked(&items[0].link));
	assert_values(&head, (const int[]){ 1 }, 1);
	list_del(&items[1].link);
	assert_true(list_empty(&head));
}

static void test_splice(void **state)
{
	struct list to, from;
	struct item low[2], high[2];

	(void)state;
	fill(&to, low, 2);
	fill(&from, high, 2);
	high[0].value = 2;
	high[1].value = 3;
	list_splice_tail(&to, &from);
	assert_true(list_empty(&from));
	assert_values(&to, (const int[]){ 0, 1, 2, 3 }, 4);
	list_splice_tail(&to, &from);
	assert_values(&to, (const int[]){ 0, 1, 2, 3 }, 4);
	list_splice_tail(&from, &to);
	assert_true(list_empty(&to));
	assert_values(&from, (const int[]){ 0, 1, 2, 3 }, 4);
}

static void test_unlink_while_walking(void **state)
{
	struct list head;
	struct item items[5], *item;

	(void)state;
	fill(&head, items, 5);
	list_for_each(item, &head, link) {
		if (item->value % 2 == 0)
			list_del(&item->link);
	}
	assert_values(&head, (const int[]){ 1, 3 }, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_delete_twice),
		cmocka_unit_test(test_splice),
		cmocka_unit_test(test_unlink_while_walking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
