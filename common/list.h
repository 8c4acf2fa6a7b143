/* Intrusive doubly linked list: the links live in the things listed, so inserting cannot fail.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_LIST_H
#define COMMON_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev;
    struct list *next;
};

static inline void list_init(struct list *head)
{
    head->prev = head;
    head->next = head;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

/* Puts `item` last before `head`. */
static inline void list_append(struct list *head, struct list *item)
{
    item->prev = head->prev;
    item->next = head;
    head->prev->next = item;
    head->prev = item;
}

/* Takes `item` out; harmless for an item that is zeroed or already out. */
static inline void list_remove(struct list *item)
{
    if (!item->next)
        return;
    item->prev->next = item->next;
    item->next->prev = item->prev;
    item->prev = NULL;
    item->next = NULL;
}

/* The struct of `type` whose `member` is `item`. */
#define LIST_ENTRY(item, type, member) ((type *)(void *)((char *)(item)-offsetof(type, member)))

#define LIST_FOR_EACH(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)

/* As above, and `it` may be taken out (or freed) in the body. */
#define LIST_FOR_EACH_SAFE(it, head)                                                               \
    for (struct list *it = (head)->next, *it##_next = it->next; it != (head);                      \
         it = it##_next, it##_next = it->next)

#endif
