/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/send.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "sfu/udp.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

static struct address at(const char *text, uint16_t port)
{
    struct address a;
    CHECK_EQ(address_from_text(text, port, &a), 0);
    return a;
}

struct ends {
    int from, to;
    struct address to_address;
    struct send_queue *queue;
    struct udp_reader *reader;
};

static int open_ends(struct ends *e, const char *address)
{
    struct address any = at(address, 0);
    *e = (struct ends){.from = -1, .to = -1};
    e->from = udp_open(&any);
    if (e->from < 0)
        return e->from;
    e->to = udp_open(&any);
    int r = e->to < 0 ? e->to : udp_local(e->to, &e->to_address);
    if (r == 0)
        r = send_queue_create(e->from, NULL, &e->queue);
    if (r == 0)
        r = udp_reader_create(&e->reader);
    return r;
}

static void close_ends(struct ends *e)
{
    send_queue_destroy(e->queue);
    udp_reader_destroy(e->reader);
    if (e->from >= 0)
        close(e->from);
    if (e->to >= 0)
        close(e->to);
}

#ifndef TEST_FAULTS
static bool put(struct send_queue *q, const struct address *to, uint32_t number, size_t len)
{
    uint8_t *room = send_reserve(q);
    if (!room)
        return false;
    memset(room, 0, len);
    memcpy(room, &number, sizeof(number));
    send_commit(q, to, len);
    return true;
}

/* Reads everything there is; checks that numbers go on from `*next`. */
static void take_in_order(struct ends *e, uint32_t *next)
{
    const struct udp_datagram *d;
    for (int n = udp_read(e->reader, e->to, &d); n > 0; n = udp_read(e->reader, e->to, &d))
        for (int i = 0; i < n; i++) {
            uint32_t number;
            memcpy(&number, d[i].bytes, sizeof(number));
            CHECK_EQ(number, *next);
            CHECK_EQ(address_port(&d[i].from) != 0, 1);
            (*next)++;
        }
}

static void in_order_in_few_calls(const char *address)
{
    struct ends e;
    CHECK_EQ(open_ends(&e, address), 0);
    uint32_t sent = 0, got = 0;
    for (int batch = 0; batch < 20; batch++) {
        for (int i = 0; i < 150; i++)
            CHECK(put(e.queue, &e.to_address, sent++, 100 + (size_t)i));
        CHECK(send_flush(e.queue));
        take_in_order(&e, &got);
    }
    CHECK_EQ(got, 3000);
    const struct send_stats *s = send_queue_stats(e.queue);
    CHECK_EQ(s->datagrams, 3000);
    CHECK_EQ(s->calls, 20);
    CHECK_EQ(s->bytes, 20 * (150 * 100 + 149 * 150 / 2));
    close_ends(&e);
}

/* A datagram the kernel refuses (no route, no buffer so long) does not hold back the others. */
static void refused_ones_are_skipped(void)
{
    struct ends e;
    CHECK_EQ(open_ends(&e, "127.0.0.1"), 0);
    struct address nowhere = at("255.255.255.255", 9), foreign = at("::1", 9);
    uint32_t got = 0;
    for (uint32_t i = 0; i < 10; i++) {
        CHECK(put(e.queue, &nowhere, 99, 50));
        CHECK(put(e.queue, &e.to_address, i, 50));
        CHECK(put(e.queue, &foreign, 99, 50));
    }
    CHECK(send_flush(e.queue));
    take_in_order(&e, &got);
    CHECK_EQ(got, 10);
    CHECK_EQ(send_queue_stats(e.queue)->dropped_refused, 20);
    close_ends(&e);
}

/* A full socket: what waits keeps its order, what does not fit is dropped and counted, and it goes
 * on when the socket has room. A UNIX socket really fills up; loopback UDP drops at the reader. */
static void full_socket_keeps_order(void)
{
    int fds[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
    CLEANUP(send_queue_destroy) struct send_queue *q = NULL;
    CHECK_EQ(send_queue_create(fds[0], NULL, &q), 0);
    struct address connected = {.len = 0};
    uint32_t sent = 0, dropped = 0;
    while (dropped < 100) {
        if (put(q, &connected, sent, 1000))
            sent++;
        else
            dropped++;
    }
    const struct send_stats *s = send_queue_stats(q);
    CHECK_EQ(s->dropped_full, 100);
    CHECK_EQ(sent - s->datagrams, SEND_QUEUE_MAX);
    CHECK(!send_flush(q));

    /* Room at the kernel is found by whoever goes on sending, without a flush. */
    uint64_t taken = s->datagrams;
    uint32_t got = 0, number;
    uint8_t bytes[2000];
    for (; recv(fds[1], bytes, sizeof(bytes), 0) == 1000; got++) {
        memcpy(&number, bytes, sizeof(number));
        CHECK_EQ(number, got);
    }
    CHECK_EQ(got, taken);
    for (uint32_t tries = 0; !put(q, &connected, sent, 1000); tries++)
        CHECK(tries < SEND_QUEUE_DUE);
    sent++;
    CHECK(s->datagrams > taken);

    while (got < sent) {
        struct pollfd wake = {.fd = fds[1], .events = POLLIN};
        if (poll(&wake, 1, 0) == 0)
            (void)send_flush(q);
        CHECK_EQ(poll(&wake, 1, 5000), 1);
        CHECK_EQ(recv(fds[1], bytes, sizeof(bytes), 0), 1000);
        memcpy(&number, bytes, sizeof(number));
        CHECK_EQ(number, got);
        got++;
    }
    CHECK(send_flush(q));
    CHECK_EQ(s->datagrams, sent);
    close(fds[0]);
    close(fds[1]);
}

/* Room left unused is given again; a flush of nothing is no call. */
static void unused_room(void)
{
    struct ends e;
    CHECK_EQ(open_ends(&e, "::1"), 0);
    uint8_t *room = send_reserve(e.queue);
    CHECK(room && room == send_reserve(e.queue));
    CHECK(send_flush(e.queue));
    CHECK_EQ(send_queue_stats(e.queue)->calls, 0);
    close_ends(&e);
}

#define RECEIVERS 3

/* One sender, several receivers. */
struct crowd {
    struct ends ends[RECEIVERS]; /* the queue of the first is used */
    struct send_flow flows[RECEIVERS];
    struct send_queue *queue;
};

static void open_crowd(struct crowd *c)
{
    *c = (struct crowd){0};
    for (size_t i = 0; i < RECEIVERS; i++)
        CHECK_EQ(open_ends(&c->ends[i], "127.0.0.1"), 0);
    c->queue = c->ends[0].queue;
}

static void close_crowd(struct crowd *c)
{
    for (size_t i = 0; i < RECEIVERS; i++)
        send_flow_end(c->queue, &c->flows[i]);
    for (size_t i = 0; i < RECEIVERS; i++)
        close_ends(&c->ends[i]);
}

static void put_flow(struct crowd *c, size_t receiver, uint32_t number, size_t len)
{
    uint8_t *room = send_reserve(c->queue);
    CHECK(room);
    memset(room, (int)len, len);
    memcpy(room, &number, sizeof(number));
    send_commit_flow(c->queue, &c->flows[receiver], &c->ends[receiver].to_address, len);
}

/* What came is what was sent, in its order and of its length. */
static void take_sizes(struct ends *e, const size_t *lens, size_t count)
{
    const struct udp_datagram *d;
    size_t got = 0;
    for (int n = udp_read(e->reader, e->to, &d); n > 0; n = udp_read(e->reader, e->to, &d))
        for (int i = 0; i < n; i++, got++) {
            uint32_t number;
            memcpy(&number, d[i].bytes, sizeof(number));
            CHECK(got < count);
            CHECK_EQ(number, got);
            CHECK_EQ(d[i].len, lens[got]);
            for (size_t k = sizeof(number); k < d[i].len; k++)
                CHECK_EQ(d[i].bytes[k], (uint8_t)lens[got]);
        }
    CHECK_EQ(got, count);
}

/* What goes to one receiver is one message as long as its datagrams are of one length, the last may
 * be shorter; all messages are one call. */
static void one_message_a_receiver(void)
{
    static const size_t lens[] = {1000, 1000, 1000, 900, 1000, 1100, 1100, 50};
    const size_t count = sizeof(lens) / sizeof(lens[0]);
    struct crowd c;
    open_crowd(&c);
    CHECK(send_queue_has_segments(c.queue));
    for (uint32_t i = 0; i < count; i++)
        for (size_t r = 0; r < RECEIVERS; r++)
            put_flow(&c, r, i, lens[i]);
    CHECK(send_flush(c.queue));
    for (size_t r = 0; r < RECEIVERS; r++)
        take_sizes(&c.ends[r], lens, count);
    const struct send_stats *s = send_queue_stats(c.queue);
    CHECK_EQ(s->datagrams, RECEIVERS * count);
    CHECK_EQ(s->messages, RECEIVERS * 3); /* to 900; 1000; from 1100 on */
    CHECK_EQ(s->calls, 1);
    close_crowd(&c);
}

/* As many as one message holds, and more. */
static void long_flows_are_several_messages(void)
{
    static size_t lens[200];
    for (size_t i = 0; i < 200; i++)
        lens[i] = 1200;
    struct crowd c;
    open_crowd(&c);
    for (uint32_t i = 0; i < 200; i++)
        put_flow(&c, 1, i, lens[i]);
    CHECK(send_flush(c.queue));
    take_sizes(&c.ends[1], lens, 200);
    CHECK_EQ(send_queue_stats(c.queue)->messages, 4); /* 54 of 1,200 bytes each */
    close_crowd(&c);
}

/* A queue is given to the kernel early when much waits; of many receivers, only when there is
 * something to join for each. */
static void due_by_the_number_of_receivers(void)
{
    enum { MANY = 200, EACH = SEND_QUEUE_DUE_PER_FLOW };
    _Static_assert(MANY * EACH > SEND_QUEUE_DUE, "several for each are more than what is due");
    struct ends e;
    CHECK_EQ(open_ends(&e, "127.0.0.1"), 0);
    static struct send_flow flows[MANY];
    const struct send_stats *s = send_queue_stats(e.queue);
    for (size_t i = 0; i <= MANY * EACH; i++) {
        CHECK_EQ(s->messages, 0);
        uint8_t *room = send_reserve(e.queue);
        CHECK(room);
        memset(room, 0, 10);
        send_commit_flow(e.queue, &flows[i % MANY], &e.to_address, 10);
    }
    CHECK_EQ(s->messages, MANY);
    CHECK_EQ(s->datagrams, MANY * EACH);
    CHECK(send_flush(e.queue));
    for (uint32_t i = 0; i <= SEND_QUEUE_DUE; i++) {
        CHECK_EQ(s->messages, MANY + 1);
        CHECK(put(e.queue, &e.to_address, i, 10)); /* on its own: each is a message */
    }
    CHECK_EQ(s->messages, MANY + 1 + SEND_QUEUE_DUE);
    close_ends(&e);
}

/* A receiver that goes away takes what waits for it along, and nothing of others. */
static void an_ended_flow_is_dropped(void)
{
    static const size_t lens[] = {700, 700, 700};
    struct crowd c;
    open_crowd(&c);
    for (uint32_t i = 0; i < 3; i++)
        for (size_t r = 0; r < RECEIVERS; r++)
            put_flow(&c, r, i, 700);
    send_flow_end(c.queue, &c.flows[1]);
    send_flow_end(c.queue, &c.flows[1]); /* nothing waits: nothing happens */
    CHECK(send_flush(c.queue));
    take_sizes(&c.ends[0], lens, 3);
    take_sizes(&c.ends[1], lens, 0);
    take_sizes(&c.ends[2], lens, 3);
    for (uint32_t i = 0; i <= SEND_QUEUE_MAX; i++) { /* their room is there again */
        put_flow(&c, 2, i, 10);
        send_flow_end(c.queue, &c.flows[2]);
    }
    CHECK_EQ(send_queue_stats(c.queue)->calls, 1);
    close_crowd(&c);
}

/* A flow that cannot be reached is dropped and counted, datagram by datagram. */
static void a_refused_flow_is_skipped(void)
{
    static const size_t lens[] = {700, 700, 700};
    struct crowd c;
    open_crowd(&c);
    c.ends[0].to_address = at("255.255.255.255", 9);
    for (uint32_t i = 0; i < 3; i++)
        for (size_t r = 0; r < RECEIVERS; r++)
            put_flow(&c, r, i, 700);
    CHECK(send_flush(c.queue));
    take_sizes(&c.ends[1], lens, 3);
    take_sizes(&c.ends[2], lens, 3);
    CHECK_EQ(send_queue_stats(c.queue)->dropped_refused, 3);
    CHECK(send_queue_has_segments(c.queue));
    close_crowd(&c);
}

/* Kernels, network cards (EIO) and paths (EINVAL or EMSGSIZE, of one port) that take nothing to be
 * split. */
static int refused_with;
static uint16_t refused_port;

static bool is_refused(const struct msghdr *header)
{
    struct address to;
    return refused_with && header->msg_controllen > 0 &&
           address_from_sockaddr(header->msg_name, header->msg_namelen, &to) == 0 &&
           (refused_port == 0 || address_port(&to) == refused_port);
}

int __real_sendmmsg(int fd, struct mmsghdr *headers, unsigned count, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *headers, unsigned count, int flags);

int __wrap_sendmmsg(int fd, struct mmsghdr *headers, unsigned count, int flags)
{
    unsigned whole = 0;
    while (whole < count && !is_refused(&headers[whole].msg_hdr))
        whole++;
    if (whole > 0)
        return __real_sendmmsg(fd, headers, whole, flags);
    errno = refused_with;
    return -1;
}

static const size_t fallback_lens[] = {800, 1000, 1000, 1000, 900};

static void put_and_take(struct crowd *c)
{
    for (uint32_t i = 0; i < 5; i++)
        for (size_t r = 0; r < RECEIVERS; r++)
            put_flow(c, r, i, fallback_lens[i]);
    CHECK(send_flush(c->queue));
    for (size_t r = 0; r < RECEIVERS; r++)
        take_sizes(&c->ends[r], fallback_lens, 5);
}

static void falls_back_for_all(void)
{
    struct crowd c;
    open_crowd(&c);
    refused_with = EIO;
    put_and_take(&c);
    refused_with = 0;
    const struct send_stats *s = send_queue_stats(c.queue);
    CHECK_EQ(s->datagrams, RECEIVERS * 5);
    CHECK_EQ(s->messages, RECEIVERS * 5);
    CHECK_EQ(s->dropped_refused, 0);
    CHECK(!send_queue_has_segments(c.queue));
    close_crowd(&c);
}

/* 800; 1,000 three times and 900: two messages, but for the receiver behind the narrow path. */
static void falls_back_for_one(int error)
{
    struct crowd c;
    open_crowd(&c);
    refused_with = error;
    refused_port = address_port(&c.ends[1].to_address);
    put_and_take(&c);
    put_and_take(&c);
    refused_with = 0;
    refused_port = 0;
    const struct send_stats *s = send_queue_stats(c.queue);
    CHECK_EQ(s->datagrams, 2 * RECEIVERS * 5);
    CHECK_EQ(s->messages, 2 * ((RECEIVERS - 1) * 2 + 5));
    CHECK_EQ(s->dropped_refused, 0);
    CHECK(send_queue_has_segments(c.queue));
    close_crowd(&c);
}

static void too_long_ones_are_counted(void)
{
    struct ends e;
    CHECK_EQ(open_ends(&e, "127.0.0.1"), 0);
    uint32_t got = 0;
    CHECK(put(e.queue, &e.to_address, 7, UDP_DATAGRAM_MAX + 1));
    CHECK(put(e.queue, &e.to_address, 0, UDP_DATAGRAM_MAX));
    CHECK(send_flush(e.queue));
    take_in_order(&e, &got);
    CHECK_EQ(got, 1);
    CHECK_EQ(udp_reader_oversize(e.reader), 1);
    close_ends(&e);
}

static void taken_port_is_told(void)
{
    struct ends e;
    CHECK_EQ(open_ends(&e, "127.0.0.1"), 0);
    CHECK_EQ(udp_open(&e.to_address), -EADDRINUSE);
    close_ends(&e);
}
#endif

int main(void)
{
#ifdef TEST_FAULTS
    for (int n = 0;; n++) {
        faults_fail_at(n);
        struct ends e;
        int r = open_ends(&e, "127.0.0.1");
        close_ends(&e);
        if (!faults_happened()) {
            CHECK_EQ(r, 0);
            printf("failed each of %d calls in turn\n", n);
            return 0;
        }
    }
#else
    in_order_in_few_calls("127.0.0.1");
    in_order_in_few_calls("::1");
    refused_ones_are_skipped();
    full_socket_keeps_order();
    unused_room();
    one_message_a_receiver();
    long_flows_are_several_messages();
    due_by_the_number_of_receivers();
    an_ended_flow_is_dropped();
    a_refused_flow_is_skipped();
    falls_back_for_all();
    falls_back_for_one(EINVAL);
    falls_back_for_one(EMSGSIZE);
    too_long_ones_are_counted();
    taken_port_is_told();
    return 0;
#endif
}
