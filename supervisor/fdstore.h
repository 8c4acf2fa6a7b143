/* Descriptors that a supervised process leaves with us, to be handed to its next incarnation.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPERVISOR_FDSTORE_H
#define SUPERVISOR_FDSTORE_H

#include <stddef.h>

#include "common/limits.h"
#include "supervisor/notice.h"

struct fdstore {
    size_t count;
    struct {
        int fd;
        char name[NOTICE_NAME_MAX];
    } items[LIMIT_STORED_FDS];
};

/* Takes `fd` over on 0; on -ENOBUFS (LIMIT_STORED_FDS) the caller still owns it. */
int fdstore_add(struct fdstore *store, const char *name, int fd);

/* Closes and forgets all of that name. */
void fdstore_remove(struct fdstore *store, const char *name);

/* Closes and forgets all. */
void fdstore_finish(struct fdstore *store);

/* In the child after fork, before exec: puts the descriptors at 3 and up and sets LISTEN_FDS,
 * LISTEN_PID and LISTEN_FDNAMES (sd_listen_fds(3)), or unsets them when there are none. Whatever
 * was open there is closed. Returns 0 or a negative errno. */
int fdstore_hand_over(const struct fdstore *store);

#endif
