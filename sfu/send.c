/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/send.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct send_queue {
    int fd;
    size_t head;  /* oldest waiting */
    size_t count; /* waiting; they follow head, round the end */
    struct send_stats stats;
    struct mmsghdr headers[SEND_QUEUE_MAX];
    struct iovec parts[SEND_QUEUE_MAX];
    struct address to[SEND_QUEUE_MAX];
    _Alignas(64) uint8_t bytes[SEND_QUEUE_MAX][SEND_DATAGRAM_MAX];
};

int send_queue_create(int fd, struct send_queue **ret_queue)
{
    struct send_queue *q = aligned_alloc(64, (sizeof(*q) + 63) / 64 * 64);
    if (!q)
        return -ENOMEM;
    q->fd = fd;
    q->head = 0;
    q->count = 0;
    q->stats = (struct send_stats){0};
    for (size_t i = 0; i < SEND_QUEUE_MAX; i++) {
        q->parts[i] = (struct iovec){.iov_base = q->bytes[i]};
        q->headers[i] = (struct mmsghdr){
            .msg_hdr = {.msg_name = &q->to[i], .msg_iov = &q->parts[i], .msg_iovlen = 1}};
    }
    *ret_queue = q;
    return 0;
}

void send_queue_destroy(struct send_queue *q)
{
    free(q);
}

static size_t next_free(const struct send_queue *q)
{
    return (q->head + q->count) % SEND_QUEUE_MAX;
}

uint8_t *send_reserve(struct send_queue *q)
{
    if (q->count == SEND_QUEUE_MAX)
        (void)send_flush(q); /* what it achieved is seen in count */
    if (q->count == SEND_QUEUE_MAX) {
        q->stats.dropped_full++;
        return NULL;
    }
    return q->bytes[next_free(q)];
}

void send_commit(struct send_queue *q, const struct address *to, size_t len)
{
    assert(q->count < SEND_QUEUE_MAX && len <= SEND_DATAGRAM_MAX);
    size_t i = next_free(q);
    q->to[i] = *to;
    q->headers[i].msg_hdr.msg_namelen = to->len;
    q->parts[i].iov_len = len;
    q->count++;
}

/* Takes the `n` oldest out. An empty queue starts again at the buffers that are still in cache. */
static void drop_oldest(struct send_queue *q, size_t n)
{
    q->count -= n;
    q->head = q->count ? (q->head + n) % SEND_QUEUE_MAX : 0;
}

bool send_flush(struct send_queue *q)
{
    while (q->count) {
        size_t n = q->count;
        if (n > SEND_QUEUE_MAX - q->head)
            n = SEND_QUEUE_MAX - q->head; /* up to the end, the rest next time round */
        int sent = sendmmsg(q->fd, &q->headers[q->head], (unsigned)n, MSG_DONTWAIT);
        q->stats.calls++;
        if (sent > 0) {
            for (size_t i = q->head; i < q->head + (size_t)sent; i++)
                q->stats.bytes += q->parts[i].iov_len;
            q->stats.datagrams += (size_t)sent;
            drop_oldest(q, (size_t)sent);
        } else if (errno == EAGAIN) {
            return false;
        } else if (errno != EINTR) {
            /* The error is the first datagram's: an unreachable receiver must not stop others. */
            q->stats.dropped_refused++;
            drop_oldest(q, 1);
        }
    }
    return true;
}

const struct send_stats *send_queue_stats(const struct send_queue *q)
{
    return &q->stats;
}
