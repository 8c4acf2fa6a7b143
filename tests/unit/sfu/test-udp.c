/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/udp.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#include "unit/check.h"

static unsigned messages; /* the kernel handed over */

int __real_recvmmsg(int fd, struct mmsghdr *headers, unsigned count, int flags,
                    struct timespec *timeout);
int __wrap_recvmmsg(int fd, struct mmsghdr *headers, unsigned count, int flags,
                    struct timespec *timeout);

int __wrap_recvmmsg(int fd, struct mmsghdr *headers, unsigned count, int flags,
                    struct timespec *timeout)
{
    int n = __real_recvmmsg(fd, headers, count, flags, timeout);
    messages += n > 0 ? (unsigned)n : 0;
    return n;
}

struct ends {
    int from, to;
    struct address address; /* of `to` */
    struct udp_reader *reader;
};

static struct ends open_ends(bool trains)
{
    struct ends e = {0};
    struct address any;
    CHECK_EQ(address_from_text("127.0.0.1", 0, &any), 0);
    e.from = udp_open(&any);
    e.to = udp_open(&any);
    CHECK(e.from >= 0 && e.to >= 0);
    CHECK_EQ(udp_local(e.to, &e.address), 0);
    if (trains)
        udp_take_trains(e.to);
    CHECK_EQ(udp_reader_create(&e.reader), 0);
    messages = 0;
    return e;
}

static void close_ends(struct ends *e)
{
    udp_reader_destroy(e->reader);
    close(e->from);
    close(e->to);
}

/* Sends `len` bytes at once, to be split into datagrams of `each` (0: one datagram). */
static void send_train(const struct ends *e, size_t len, uint16_t each)
{
    static uint8_t bytes[65000];
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    struct iovec part = {bytes, len};
    struct sockaddr_storage name;
    socklen_t name_len = e->address.len;
    memcpy(&name, &e->address.any, name_len);
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(each))] = {0};
    struct msghdr m = {
        .msg_name = &name, .msg_namelen = name_len, .msg_iov = &part, .msg_iovlen = 1};
    if (each) {
        m.msg_control = control;
        m.msg_controllen = sizeof(control);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(each)),
                              .cmsg_level = IPPROTO_UDP,
                              .cmsg_type = UDP_SEGMENT};
        memcpy(CMSG_DATA(c), &each, sizeof(each));
    }
    CHECK_EQ(sendmsg(e->from, &m, 0), (ssize_t)len);
}

/* All datagrams of that train, in order and whole. Returns how many came. */
static int take_train(struct ends *e, size_t len, size_t each)
{
    int count = 0;
    size_t at = 0;
    while (at < len) {
        const struct udp_datagram *d;
        int n = udp_read(e->reader, e->to, &d);
        CHECK(n > 0);
        for (int i = 0; i < n; i++, count++) {
            CHECK_EQ(d[i].len, len - at < each ? len - at : each);
            CHECK_EQ(address_port(&d[i].from) != 0, 1);
            for (size_t k = 0; k < d[i].len; k++)
                CHECK_EQ(d[i].bytes[k], (uint8_t)((at + k) * 7 + (at + k) / 251));
            at += d[i].len;
        }
    }
    return count;
}

/* A train is taken apart as it was put together, whether it comes as one message or not. */
static void takes_trains_apart(bool trains)
{
    static const struct {
        size_t len;
        uint16_t each;
        int count;
    } sent[] = {{5300, 1000, 6},     {1000, 1000, 1}, {64, 1, 64},    {100 * 100, 100, 100},
                {64 * 900, 900, 64}, {1500, 1499, 2}, {3000, 1500, 2}};
    struct ends e = open_ends(trains);
    for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
        messages = 0;
        send_train(&e, sent[i].len, sent[i].each);
        CHECK_EQ(take_train(&e, sent[i].len, sent[i].each), sent[i].count);
        CHECK_EQ(messages, trains ? 1 : sent[i].count);
    }
    close_ends(&e);
}

/* A whole batch of trains, the most there can be. */
static void takes_a_full_batch(void)
{
    enum { EACH = 20, TRAIN = 64 };
    struct ends e = open_ends(true);
    for (int i = 0; i < UDP_BATCH; i++)
        send_train(&e, EACH * TRAIN, EACH);
    const struct udp_datagram *d;
    CHECK_EQ(udp_read(e.reader, e.to, &d), UDP_BATCH * TRAIN);
    CHECK_EQ(messages, UDP_BATCH);
    for (int i = 0; i < UDP_BATCH * TRAIN; i++) {
        size_t at = (size_t)(i % TRAIN) * EACH;
        CHECK(d[i].len == EACH && d[i].bytes[0] == (uint8_t)(at * 7 + at / 251));
    }
    CHECK_EQ(udp_read(e.reader, e.to, &d), 0);
    close_ends(&e);
}

/* What is too long is counted and dropped, alone or in trains, and nothing beside it; an empty
 * datagram is one. */
static void drops_what_is_too_long(bool trains)
{
    struct ends e = open_ends(trains);
    const struct udp_datagram *d;
    send_train(&e, UDP_DATAGRAM_MAX + 1, 0);
    send_train(&e, 3 * 2000 + 5, 2000);
    send_train(&e, 40000, 0);
    send_train(&e, 7, 0);
    send_train(&e, 0, 0);
    CHECK_EQ(udp_read(e.reader, e.to, &d), trains ? 2 : 3);
    CHECK_EQ(udp_reader_oversize(e.reader), trains ? 6 : 5);
    if (!trains) /* the train's last one is short enough to be taken for itself */
        CHECK_EQ((d++)->len, 5);
    CHECK_EQ(d[0].len, 7);
    CHECK_EQ(d[1].len, 0);
    close_ends(&e);
}

/* What finds the queue full is counted once, and what is read makes room again. */
static void counts_what_the_queue_had_no_room_for(void)
{
    enum { BYTES = 4096, SENT = 300 };
    struct ends e = open_ends(false);
    uint32_t counted = 0;
    CHECK(udp_receive_buffer(e.to) > 0 && udp_receive_buffer(e.to) <= UDP_BUFFER_BYTES);
    CHECK_EQ(setsockopt(e.to, SOL_SOCKET, SO_RCVBUF, &(int){BYTES}, sizeof(int)), 0);
    CHECK_EQ(udp_receive_buffer(e.to), BYTES);
    CHECK_EQ(udp_take_drops(e.to, &counted), 0);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < SENT; i++)
            send_train(&e, 100, 0);
        unsigned came = 0;
        const struct udp_datagram *d;
        for (int n; (n = udp_read(e.reader, e.to, &d)) > 0;)
            came += (unsigned)n;
        CHECK(came > 0 && came < SENT);
        CHECK_EQ(udp_take_drops(e.to, &counted), SENT - came);
        CHECK_EQ(udp_take_drops(e.to, &counted), 0);
    }
    counted = UINT32_MAX - 9; /* a counter that wrapped since */
    CHECK_EQ(udp_take_drops(e.to, &counted) > 10, true);
    CHECK_EQ(udp_take_drops(-1, &counted), 0);
    close_ends(&e);
}

/* Sends `len` bytes that begin with these two; returns at which it came: 0, or 1 for RTCP's. */
static int comes_at(const struct ends *e, int rtcp, uint8_t first, uint8_t second, size_t len)
{
    const uint8_t bytes[8] = {first, second, 0, 1, 2, 3, 4, 5};
    const struct udp_datagram *d;
    CHECK_EQ(sendto(e->from, bytes, len, 0, &e->address.any, e->address.len), (ssize_t)len);
    int at = udp_read(e->reader, rtcp, &d);
    CHECK_EQ(udp_read(e->reader, at ? rtcp : e->to, &d) + (at ? 1 : 0), 1);
    if (!at)
        CHECK_EQ(d->len, len);
    return at;
}

/* RTCP has a socket of its own at the same address, and only RTCP comes there. */
static void keeps_rtcp_apart(const char *text)
{
    struct ends e = {.from = -1};
    struct address any;
    CHECK_EQ(address_from_text(text, 0, &any), 0);
    e.from = udp_open(&any);
    e.to = udp_open(&any);
    CHECK_EQ(udp_local(e.to, &e.address), 0);
    CHECK_EQ(udp_reader_create(&e.reader), 0);
    int rtcp = udp_open_rtcp(e.to, &e.address);
    CHECK(rtcp >= 0);
    udp_take_trains(e.to);
    udp_take_trains(rtcp);
    for (unsigned second = 0; second < 256; second++)
        CHECK_EQ(comes_at(&e, rtcp, 0x80, (uint8_t)second, 8), second >= 192 && second <= 223);
    for (unsigned first = 0; first < 256; first++)
        CHECK_EQ(comes_at(&e, rtcp, (uint8_t)first, 205, 8), first >= 0x80 && first < 0xc0);
    CHECK_EQ(comes_at(&e, rtcp, 0x80, 205, 2), 1);
    CHECK_EQ(comes_at(&e, rtcp, 0x80, 205, 1), 0);
    CHECK_EQ(comes_at(&e, rtcp, 0, 0, 0), 0);
    /* A second media core at the port is told so, as if there were one socket. */
    CHECK_EQ(udp_open(&e.address), -EADDRINUSE);
    close(rtcp);
    CHECK_EQ(comes_at(&e, e.to, 0x80, 205, 8), 1); /* all at the other, when it is gone */
    close_ends(&e);
}

int main(void)
{
    for (int trains = 0; trains < 2; trains++) {
        takes_trains_apart(trains);
        drops_what_is_too_long(trains);
    }
    takes_a_full_batch();
    counts_what_the_queue_had_no_room_for();
    keeps_rtcp_apart("127.0.0.1");
    keeps_rtcp_apart("::1");
    return 0;
}
