/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/fdstore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* sd_listen_fds(3): descriptors handed over begin here. */
#define LISTEN_FDS_START 3

int fdstore_add(struct fdstore *store, const char *name, int fd)
{
    if (store->count == LIMIT_STORED_FDS)
        return -ENOBUFS;
    (void)snprintf(store->items[store->count].name, NOTICE_NAME_MAX, "%s", name);
    store->items[store->count++].fd = fd;
    return 0;
}

void fdstore_remove(struct fdstore *store, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < store->count; i++) {
        if (strcmp(store->items[i].name, name) == 0)
            (void)close(store->items[i].fd); /* a reference; what it refers to may live on */
        else
            store->items[kept++] = store->items[i];
    }
    store->count = kept;
}

void fdstore_finish(struct fdstore *store)
{
    for (size_t i = 0; i < store->count; i++)
        (void)close(store->items[i].fd); /* as above */
    store->count = 0;
}

/* Puts all of `count` descriptors at 3 and up, first out of each other's way. */
static int place_fds(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, LISTEN_FDS_START + (int)count);
        if (fds[i] < 0)
            return -errno;
    }
    for (size_t i = 0; i < count; i++) {
        if (dup2(fds[i], LISTEN_FDS_START + (int)i) < 0) /* and without close-on-exec */
            return -errno;
    }
    return 0;
}

static int set_variables(size_t count, const char *names)
{
    char number[16];
    char pid[16];
    (void)snprintf(number, sizeof(number), "%zu", count);
    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    if (setenv("LISTEN_FDS", number, 1) < 0 || setenv("LISTEN_PID", pid, 1) < 0 ||
        setenv("LISTEN_FDNAMES", names, 1) < 0)
        return -errno;
    return 0;
}

int fdstore_hand_over(const struct fdstore *store)
{
    /* Only called in a child, whose memory is its own. */
    static int fds[LIMIT_STORED_FDS];
    static char names[LIMIT_STORED_FDS * NOTICE_NAME_MAX];
    size_t len = 0;
    if (store->count == 0) {
        (void)unsetenv("LISTEN_FDS"); /* cannot fail for these names */
        (void)unsetenv("LISTEN_PID");
        (void)unsetenv("LISTEN_FDNAMES");
        return 0;
    }
    for (size_t i = 0; i < store->count; i++) {
        fds[i] = store->items[i].fd;
        len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i > 0 ? ":" : "",
                                store->items[i].name);
    }
    int result = place_fds(fds, store->count);
    return result < 0 ? result : set_variables(store->count, names);
}
