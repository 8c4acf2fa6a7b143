/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct mailbox {
    pthread_mutex_t lock; /* guards the three below */
    struct letter *oldest;
    struct letter **tail;
    size_t count;

    size_t capacity;
    int wake_fd;
};

int mailbox_create(size_t capacity, struct mailbox **ret_mailbox)
{
    CLEANUP(mailbox_destroy) struct mailbox *m = calloc(1, sizeof(*m));
    if (!m)
        return -ENOMEM;
    pthread_mutex_init(&m->lock, NULL);
    m->tail = &m->oldest;
    m->capacity = capacity;
    m->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (m->wake_fd < 0)
        return -errno;

    *ret_mailbox = STEAL(m);
    return 0;
}

void mailbox_destroy(struct mailbox *m)
{
    if (!m)
        return;
    while (m->oldest) {
        struct letter *l = m->oldest;
        m->oldest = l->next;
        l->discard(l);
    }
    if (m->wake_fd >= 0)
        close(m->wake_fd);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

int mailbox_post(struct mailbox *m, struct letter *letter)
{
    letter->next = NULL;
    pthread_mutex_lock(&m->lock);
    if (m->count == m->capacity) {
        pthread_mutex_unlock(&m->lock);
        return -ENOBUFS;
    }
    *m->tail = letter;
    m->tail = &letter->next;
    m->count++;
    pthread_mutex_unlock(&m->lock);

    /* Fails only when the counter is already huge, and then the fd is readable anyway. */
    (void)eventfd_write(m->wake_fd, 1);
    return 0;
}

int mailbox_fd(const struct mailbox *m)
{
    return m->wake_fd;
}

/* Letters taken out and not delivered, whose last one's `next` is `tail`: before those that came
 * since. */
static void put_back(struct mailbox *m, struct letter *oldest, struct letter **tail)
{
    pthread_mutex_lock(&m->lock);
    *tail = m->oldest;
    if (!m->oldest)
        m->tail = tail;
    m->oldest = oldest;
    pthread_mutex_unlock(&m->lock);
    (void)eventfd_write(m->wake_fd, 1); /* as in mailbox_post() */
}

size_t mailbox_drain(struct mailbox *m, void *owner, size_t most)
{
    eventfd_t wakes;
    (void)eventfd_read(m->wake_fd, &wakes);

    pthread_mutex_lock(&m->lock);
    struct letter *batch = m->oldest;
    struct letter **tail = m->tail;
    size_t waiting = m->count;
    size_t count = waiting < most ? waiting : most;
    m->oldest = NULL;
    m->tail = &m->oldest;
    m->count -= count; /* the room of what is put back stays taken */
    pthread_mutex_unlock(&m->lock);

    if (count < waiting) {
        struct letter **end = &batch; /* found while posters need not wait */
        for (size_t i = 0; i < count; i++)
            end = &(*end)->next;
        put_back(m, *end, tail);
    }
    for (size_t i = 0; i < count; i++) {
        struct letter *l = batch;
        batch = l->next;
        l->deliver(l, owner);
    }
    return count;
}
