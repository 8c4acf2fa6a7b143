/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/send.h"

#include <assert.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "sfu/seal.h"

/* Datagrams the kernel splits one message into at most (its UDP_MAX_SEGMENTS). */
#define SEGMENTS_MAX 64
/* Bytes of one message: less than IP allows, with room for its headers. */
#define MESSAGE_BYTES_MAX 65000
#define NONE              UINT16_MAX

/* How a message says what it is to be split into (udp(7)). */
struct segment_control {
    _Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(uint16_t))];
};

struct datagram {
    struct address to;
    uint16_t len;
    uint16_t next;        /* in its flow; in the pile of free ones */
    struct send_flow own; /* of a datagram that is on its own */
};

/* A message being given to the kernel: the oldest datagrams of a flow. */
struct message {
    struct send_flow *flow;
    uint16_t count;
    size_t bytes;
};

struct send_queue {
    int fd;
    struct sealer *sealer;
    unsigned segments_max; /* 1: the kernel splits nothing */
    uint16_t free;         /* the newest freed one, still in cache, is used first */
    uint16_t fresh;        /* the first that was never used */
    uint16_t queued;       /* that wait */
    uint16_t flows;        /* with something that waits; those on their own are not counted */
    bool blocked;          /* the kernel took no more, and we have not tried since */
    unsigned held;         /* rooms asked for since then */
    struct list waiting;   /* flows */
    struct send_stats stats;
    struct datagram datagrams[SEND_QUEUE_MAX];
    struct message messages[SEND_QUEUE_MAX];
    struct mmsghdr headers[SEND_QUEUE_MAX];
    struct iovec parts[SEND_QUEUE_MAX];
    struct segment_control controls[SEND_QUEUE_MAX];
    _Alignas(64) uint8_t bytes[SEND_QUEUE_MAX][SEND_DATAGRAM_MAX];
};

static bool has_segments(int fd)
{
    int size;
    socklen_t len = sizeof(size);
    return getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, &len) == 0;
}

int send_queue_create(int fd, struct sealer *sealer, struct send_queue **ret_queue)
{
    struct send_queue *q = aligned_alloc(64, (sizeof(*q) + 63) / 64 * 64);
    if (!q)
        return -ENOMEM;
    q->fd = fd;
    q->sealer = sealer;
    q->segments_max = has_segments(fd) ? SEGMENTS_MAX : 1;
    q->free = NONE;
    q->fresh = q->queued = q->flows = 0;
    q->blocked = false;
    q->held = 0;
    list_init(&q->waiting);
    q->stats = (struct send_stats){0};
    *ret_queue = q;
    return 0;
}

void send_queue_destroy(struct send_queue *q)
{
    if (q)
        sealer_settle(q->sealer);
    free(q);
}

/* Whether enough waits to be given to the kernel. */
static bool is_due(const struct send_queue *q)
{
    unsigned many = SEND_QUEUE_DUE_PER_FLOW * q->flows;
    return q->queued >= SEND_QUEUE_DUE && (q->queued >= many || q->queued == SEND_QUEUE_MAX);
}

uint8_t *send_reserve(struct send_queue *q)
{
    if (q->blocked ? ++q->held >= SEND_QUEUE_DUE : is_due(q))
        (void)send_flush(q); /* what it achieved is seen in `free` */
    if (q->free == NONE && q->fresh < SEND_QUEUE_MAX) {
        q->free = q->fresh++;
        q->datagrams[q->free] = (struct datagram){.next = NONE};
    }
    if (q->free == NONE) {
        q->stats.dropped_full++;
        return NULL;
    }
    return q->bytes[q->free];
}

static void enqueue(struct send_queue *q, struct send_flow *flow, const struct address *to,
                    size_t len)
{
    assert(q->free != NONE && len <= SEND_DATAGRAM_MAX);
    uint16_t i = q->free;
    struct datagram *d = &q->datagrams[i];
    q->free = d->next;
    d->to = *to;
    d->len = (uint16_t)len;
    d->next = NONE;
    if (flow->count == 0) {
        flow->first = i;
        list_append(&q->waiting, &flow->waiting);
    } else {
        q->datagrams[flow->last].next = i;
    }
    flow->last = i;
    flow->count++;
    q->queued++;
}

void send_commit_flow(struct send_queue *q, struct send_flow *flow, const struct address *to,
                      size_t len)
{
    if (flow->count == 0) {
        flow->counted = true;
        q->flows++;
    }
    enqueue(q, flow, to, len);
}

void send_commit(struct send_queue *q, const struct address *to, size_t len)
{
    enqueue(q, &q->datagrams[q->free].own, to, len);
}

/* Takes the `count` oldest datagrams out. */
static void drop_oldest(struct send_queue *q, struct send_flow *flow, size_t count)
{
    for (; count > 0; count--, flow->count--, q->queued--) {
        uint16_t i = flow->first;
        flow->first = q->datagrams[i].next;
        q->datagrams[i].next = q->free;
        q->free = i;
    }
    if (flow->count > 0)
        return;
    list_remove(&flow->waiting);
    if (flow->counted)
        q->flows--;
    flow->counted = false;
}

void send_flow_end(struct send_queue *q, struct send_flow *flow)
{
    if (flow->count)
        sealer_settle(q->sealer);
    drop_oldest(q, flow, flow->count);
}

static void set_segment(struct msghdr *header, struct segment_control *control, uint16_t size)
{
    header->msg_control = control->bytes;
    header->msg_controllen = sizeof(control->bytes);
    struct cmsghdr *c = CMSG_FIRSTHDR(header);
    *c = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(size)), .cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT};
    memcpy(CMSG_DATA(c), &size, sizeof(size));
}

/* Makes message `n` of the flow's datagrams from `*at` on: as many as are of one length, and one
 * shorter behind them. Returns how many. */
static uint16_t make_message(struct send_queue *q, size_t n, struct iovec *parts,
                             struct send_flow *flow, uint16_t *at)
{
    struct message *m = &q->messages[n];
    struct datagram *first = &q->datagrams[*at];
    *m = (struct message){.flow = flow};
    uint16_t len = first->len;
    size_t most = flow->alone ? 1 : q->segments_max;
    while (*at != NONE && m->count < most && len == first->len) {
        struct datagram *d = &q->datagrams[*at];
        if (d->len > first->len || m->bytes + d->len > MESSAGE_BYTES_MAX)
            break;
        parts[m->count++] = (struct iovec){.iov_base = q->bytes[*at], .iov_len = d->len};
        m->bytes += d->len;
        len = d->len;
        *at = d->next;
    }
    struct msghdr *header = &q->headers[n].msg_hdr;
    *header = (struct msghdr){.msg_name = first->to.len ? &first->to.any : NULL,
                              .msg_namelen = first->to.len,
                              .msg_iov = parts,
                              .msg_iovlen = m->count};
    if (m->count > 1)
        set_segment(header, &q->controls[n], first->len);
    return m->count;
}

/* Messages of all that waits. Returns how many. */
static size_t make_messages(struct send_queue *q)
{
    size_t n = 0, parts = 0;
    LIST_FOR_EACH(it, &q->waiting)
    {
        struct send_flow *flow = LIST_ENTRY(it, struct send_flow, waiting);
        for (uint16_t at = flow->first; at != NONE; n++)
            parts += make_message(q, n, &q->parts[parts], flow, &at);
    }
    return n;
}

static void count_sent(struct send_queue *q, const struct message *m)
{
    q->stats.datagrams += m->count;
    q->stats.bytes += m->bytes;
    q->stats.messages++;
    drop_oldest(q, m->flow, m->count);
}

/* Whether the message was refused for being one to be split, and goes datagram by datagram
 * (udp(7)): EIO for a network card that cannot checksum, so for all; EINVAL, and EMSGSIZE since
 * Linux 6.14 and its stable kind, for a path narrower than the datagrams. */
static bool stop_segments(struct send_queue *q, const struct message *m, int error)
{
    if (m->count == 1 || (error != EIO && error != EINVAL && error != EMSGSIZE))
        return false;
    if (error != EIO) {
        m->flow->alone = true;
        return true;
    }
    q->segments_max = 1;
    log_warn("the kernel splits no datagrams for us (%s): they are sent one by one",
             log_errno(-error));
    return true;
}

/* Gives the `n` messages made to the kernel. Returns 0 when all are gone, -EAGAIN when the socket
 * is full, -EIO to make them anew. */
static int give(struct send_queue *q, size_t n)
{
    for (size_t i = 0; i < n;) {
        int sent = sendmmsg(q->fd, &q->headers[i], (unsigned)(n - i), MSG_DONTWAIT);
        int error = errno;
        q->stats.calls++;
        for (int k = 0; k < sent; k++)
            count_sent(q, &q->messages[i++]);
        if (sent > 0 || error == EINTR)
            continue;
        if (error == EAGAIN)
            return -EAGAIN;
        const struct message *m = &q->messages[i];
        if (stop_segments(q, m, error))
            return -EIO;
        /* The error is the first message's: an unreachable receiver must not stop others. */
        q->stats.dropped_refused += m->count;
        drop_oldest(q, m->flow, m->count);
        i++;
    }
    return 0;
}

bool send_flush(struct send_queue *q)
{
    sealer_settle(q->sealer);
    q->blocked = false;
    q->held = 0;
    while (!q->blocked && !list_is_empty(&q->waiting))
        q->blocked = give(q, make_messages(q)) == -EAGAIN;
    return !q->blocked;
}

const struct send_stats *send_queue_stats(const struct send_queue *q)
{
    return &q->stats;
}

bool send_queue_has_segments(const struct send_queue *q)
{
    return q->segments_max > 1;
}
