/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"

struct message {
    struct list link;
    size_t len;
    unsigned char bytes[]; /* OUTBOX_HEADROOM, then the text */
};

void outbox_init(struct outbox *outbox)
{
    *outbox = (struct outbox){.bytes = 0};
    list_init(&outbox->messages);
}

void outbox_finish(struct outbox *outbox)
{
    while (!list_is_empty(&outbox->messages))
        outbox_drop(outbox);
}

int outbox_add(struct outbox *outbox, const char *text, size_t len)
{
    if (len > LIMIT_SEND_QUEUE_BYTES - outbox->bytes)
        return -ENOBUFS;
    struct message *m = malloc(sizeof(*m) + OUTBOX_HEADROOM + len);
    if (!m)
        return -ENOBUFS;
    *m = (struct message){.len = len};
    memcpy(m->bytes + OUTBOX_HEADROOM, text, len);
    list_append(&outbox->messages, &m->link);
    outbox->bytes += len;
    return 0;
}

unsigned char *outbox_first(const struct outbox *outbox, size_t *ret_len)
{
    if (list_is_empty(&outbox->messages))
        return NULL;
    struct message *m = LIST_ENTRY(outbox->messages.next, struct message, link);
    *ret_len = m->len;
    return m->bytes + OUTBOX_HEADROOM;
}

void outbox_drop(struct outbox *outbox)
{
    struct message *m = LIST_ENTRY(outbox->messages.next, struct message, link);
    list_remove(&m->link);
    outbox->bytes -= m->len;
    free(m);
}
