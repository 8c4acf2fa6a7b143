/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

struct watch_set {
    int epoll_fd;
};

struct watch {
    struct watch_set *set;
    int fd;
    void (*due)(void *context);
    void *context;
};

int watch_set_create(struct watch_set **ret_set)
{
    struct watch_set *set = calloc(1, sizeof(*set));
    if (!set)
        return -ENOMEM;
    set->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (set->epoll_fd < 0) {
        int r = -errno;
        free(set);
        return r;
    }
    *ret_set = set;
    return 0;
}

void watch_set_destroy(struct watch_set *set)
{
    if (!set)
        return;
    (void)close(set->epoll_fd); /* nothing is lost with it */
    free(set);
}

int watch_set_fd(const struct watch_set *set)
{
    return set->epoll_fd;
}

int watch_set_serve(struct watch_set *set, int timeout_ms)
{
    /* One at a time: a callback may destroy any watch, and what is still due is told again. The
     * kernel moves who was told to the end of its list, so each gets its turn. */
    for (int served = 0; served < 64; served++) {
        struct epoll_event event;
        int n = epoll_wait(set->epoll_fd, &event, 1, served ? 0 : timeout_ms);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n <= 0)
            return served;
        struct watch *watch = event.data.ptr;
        watch->due(watch->context);
    }
    return 64;
}

int watch_create(struct watch_set *set, int fd, void (*due)(void *context), void *context,
                 struct watch **ret_watch)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    if (!watch)
        return -ENOMEM;
    *watch = (struct watch){.set = set, .fd = fd, .due = due, .context = context};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};
    if (epoll_ctl(set->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
        int r = -errno;
        free(watch);
        return r;
    }
    *ret_watch = watch;
    return 0;
}

void watch_destroy(struct watch *watch)
{
    if (!watch)
        return;
    /* Fails only for a descriptor that is not in the set, which is what is wanted. */
    (void)epoll_ctl(watch->set->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    free(watch);
}

void watch_want(struct watch *watch, bool readable, bool writable)
{
    struct epoll_event event = {
        .events = (readable ? EPOLLIN : 0) | (writable ? EPOLLOUT : 0),
        .data.ptr = watch,
    };
    /* Cannot fail for a descriptor that is in the set. */
    (void)epoll_ctl(watch->set->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event);
}
