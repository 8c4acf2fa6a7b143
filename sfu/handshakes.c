/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/handshakes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"

void handshakes_init(struct handshakes *h)
{
    *h = (struct handshakes){0};
    for (int kind = 0; kind < HANDSHAKE_KINDS; kind++)
        list_init(&h->turns[kind]);
}

void handshake_init(struct handshake *one)
{
    *one = (struct handshake){0};
    list_init(&one->waiting);
}

int handshakes_put(struct handshakes *h, struct handshake *one, const struct path *from,
                   const uint8_t *datagram, size_t len)
{
    if (one->count == LIMIT_DTLS_WAITING || len > LIMIT_DTLS_WAITING_BYTES - h->bytes)
        return -ENOBUFS;
    struct handshake_datagram *d = malloc(sizeof(*d) + len);
    if (!d)
        return -ENOMEM;
    d->from = *from;
    d->len = len;
    memcpy(d->bytes, datagram, len);
    list_append(&one->waiting, &d->entry);
    h->bytes += len;
    if (one->count++ == 0)
        list_append(&h->turns[one->kind], &one->turn);
    return 0;
}

static struct handshake_datagram *take_oldest(struct handshakes *h, struct handshake *one)
{
    struct handshake_datagram *d = LIST_ENTRY(one->waiting.next, struct handshake_datagram, entry);
    list_remove(&d->entry);
    h->bytes -= d->len;
    one->count--;
    return d;
}

struct handshake_datagram *handshakes_take(struct handshakes *h, struct handshake **ret_handshake)
{
    if (!handshakes_wait(h))
        return NULL;
    enum handshake_kind other = h->next == HANDSHAKE_NEW ? HANDSHAKE_BEGUN : HANDSHAKE_NEW;
    enum handshake_kind kind = list_is_empty(&h->turns[h->next]) ? other : h->next;
    h->next = kind == HANDSHAKE_NEW ? HANDSHAKE_BEGUN : HANDSHAKE_NEW;
    struct handshake *one = LIST_ENTRY(h->turns[kind].next, struct handshake, turn);
    struct handshake_datagram *d = take_oldest(h, one);
    list_remove(&one->turn);
    one->kind = HANDSHAKE_BEGUN;
    if (one->count)
        list_append(&h->turns[one->kind], &one->turn);
    *ret_handshake = one;
    return d;
}

void handshakes_forget(struct handshakes *h, struct handshake *one)
{
    while (one->count)
        free(take_oldest(h, one));
    list_remove(&one->turn);
}
