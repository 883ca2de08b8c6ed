/*
 * list.h - an intrusive, doubly linked, circular list.
 *
 * A `struct list` is both the head and the link. A link that is on no list points to itself (list_init), so
 * list_del() twice is harmless and list_linked() tells. No locking: a list belongs to one thread.
 */
#ifndef BRAID_LIST_H
#define BRAID_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define LIST_HEAD_INIT(head)                                                                                           \
	{                                                                                                              \
		&(head), &(head)                                                                                       \
	}

/* The object of type `type` whose member `member` is at `ptr`. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline bool list_linked(const struct list *link)
{
	return link->next != link;
}

static inline void list_add_before(struct list *link, struct list *at)
{
	link->prev = at->prev;
	link->next = at;
	at->prev->next = link;
	at->prev = link;
}

static inline void list_add_tail(struct list *head, struct list *link)
{
	list_add_before(link, head);
}

static inline void list_add_head(struct list *head, struct list *link)
{
	list_add_before(link, head->next);
}

static inline void list_del(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

/* Moves every link of `from` to the end of `to`; `from` is empty afterwards. */
static inline void list_splice_tail(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

/* The first link, unlinked; NULL when the list is empty. */
static inline struct list *list_pop(struct list *head)
{
	struct list *link = head->next;

	if (link == head)
		return NULL;
	list_del(link);
	return link;
}

#define list_first(head, type, member) (list_empty(head) ? NULL : container_of((head)->next, type, member))

#define list_entry(link, type, member) container_of(link, type, member)

/* The body may unlink `pos`, and nothing else of this list. */
#define list_for_each(pos, head, member)                                                                               \
	for (struct list *it_ = (head)->next, *next_ = it_->next;                                                      \
	     it_ != (head) && ((pos) = container_of(it_, __typeof__(*(pos)), member), 1);                              \
	     it_ = next_, next_ = it_->next)

#endif
