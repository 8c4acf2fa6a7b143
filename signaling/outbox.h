/* What one page is still to be told: whole messages in order, no more than LIMIT_SEND_QUEUE_BYTES.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_OUTBOX_H
#define SIGNALING_OUTBOX_H

#include <stddef.h>

#include "common/list.h"

/* Bytes before each message that its sender may write a frame's header into. */
#define OUTBOX_HEADROOM 32

struct outbox {
    struct list messages;
    size_t bytes; /* of all messages */
};

void outbox_init(struct outbox *outbox);
/* Drops what is left. */
void outbox_finish(struct outbox *outbox);

/* Copies a message behind the others. -ENOBUFS when too much waits already, or there is no memory.
 */
int outbox_add(struct outbox *outbox, const char *text, size_t len);

/* The oldest message, borrowed until outbox_drop(); NULL when all are sent. */
unsigned char *outbox_first(const struct outbox *outbox, size_t *ret_len);
void outbox_drop(struct outbox *outbox);

#endif
