/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What C lacks: intrusive lists, minimum and maximum, rounding. */
#ifndef WB_UTIL_H
#define WB_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline uint64_t round_down_u64(uint64_t n, uint64_t step)
{
	return n - n % step;
}

static inline uint64_t round_up_u64(uint64_t n, uint64_t step)
{
	return round_down_u64(n + step - 1, step);
}

/* A circular list; the head is a node that belongs to no object. */
struct list {
	struct list *prev, *next;
};

static inline void list_init(struct list *head)
{
	head->prev = head->next = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_add_tail(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

static inline void list_del(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* Move everything from `from` to the end of `to`. */
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

/* Walk a list; the body may remove the node it is given. */
#define list_for_each(node, tmp, head) \
	for (struct list *node = (head)->next, *tmp = node->next; node != (head); \
	     node = tmp, tmp = node->next)

#endif
