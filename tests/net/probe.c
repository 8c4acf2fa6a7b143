/* What a line does to plain UDP, so that a figure of the matrix means what it says:
 *
 *   net-probe FROM ADDRESS TO ADDRESS PACKETS_PER_S LEN PACKETS
 *
 * FROM and TO are files of network namespaces. Datagrams of LEN bytes with a number and a time go
 * from one to the other; one line of JSON tells what came, when (the kernel's stamps) and in what
 * order. SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"

#define LEN_MAX   1472
#define COUNT_MAX 200000
/* After the last is sent: longer than any line here holds one. */
#define LAST_US 600000ull
/* Of IPv4 and UDP, which a line carries too. */
#define OVERHEAD_BYTES 28

struct mark {
    uint32_t number;
    uint64_t sent_us;
};

struct came {
    uint64_t received, doubled, overtaken, longest_gap_us;
    uint64_t first_us, last_us;
    uint32_t highest;
    bool *seen;
    uint32_t *delays_us;
};

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* A socket in that namespace; the thread stays there. */
static int socket_in(const char *ns, const char *address, struct sockaddr_in *ret_name)
{
    int file = open(ns, O_RDONLY | O_CLOEXEC);
    if (file < 0 || setns(file, CLONE_NEWNET) < 0)
        fail(ns);
    close(file);
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t len = sizeof(name);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, bytes = 1 << 23;
    if (fd < 0 || inet_pton(AF_INET, address, &name.sin_addr) != 1 ||
        bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0 ||
        getsockname(fd, (struct sockaddr *)&name, &len) < 0)
        fail(address);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)); /* as much as is allowed */
    *ret_name = name;
    return fd;
}

static uint64_t stamp_of(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        struct timespec at;
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
            continue;
        memcpy(&at, CMSG_DATA(c), sizeof(at));
        return (uint64_t)at.tv_sec * 1000000 + (uint64_t)at.tv_nsec / 1000;
    }
    return clock_wall_us(); /* the kernel gave none */
}

static void note(struct came *c, const struct mark *mark, uint64_t now_us)
{
    if (c->received && now_us - c->last_us > c->longest_gap_us)
        c->longest_gap_us = now_us - c->last_us;
    if (!c->received)
        c->first_us = now_us;
    c->last_us = now_us;
    if (mark->number >= COUNT_MAX || c->seen[mark->number]) {
        c->doubled++;
        return;
    }
    c->seen[mark->number] = true;
    if (c->received && mark->number < c->highest)
        c->overtaken++;
    else
        c->highest = mark->number;
    c->delays_us[c->received++] = (uint32_t)(now_us - mark->sent_us);
}

static void receive(int fd, struct came *c)
{
    for (;;) {
        uint8_t bytes[LEN_MAX], control[128];
        struct iovec part = {bytes, sizeof(bytes)};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof(control)};
        struct mark mark;
        if (recvmsg(fd, &message, 0) < (ssize_t)sizeof(mark))
            return;
        memcpy(&mark, bytes, sizeof(mark));
        note(c, &mark, stamp_of(&message));
    }
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Of the delays, in order: so many hundredths of them are shorter. */
static double ms_at(const struct came *c, unsigned hundredths)
{
    uint64_t at = c->received * hundredths / 100;
    return c->received ? c->delays_us[at < c->received ? at : c->received - 1] / 1e3 : 0;
}

static void tell(struct came *c, uint32_t sent, size_t len)
{
    qsort(c->delays_us, c->received, sizeof(*c->delays_us), by_size);
    uint64_t us = c->last_us - c->first_us;
    double bits = c->received ? (double)(c->received - 1) * (double)(len + OVERHEAD_BYTES) * 8 : 0;
    printf("{\"sent\": %u, \"received\": %llu, \"doubled\": %llu, \"overtaken\": %llu, "
           "\"longestGapMs\": %.1f, \"delayMs\": [%.2f, %.2f, %.2f, %.2f], \"bps\": %.0f}\n",
           sent, (unsigned long long)c->received, (unsigned long long)c->doubled,
           (unsigned long long)c->overtaken, (double)c->longest_gap_us / 1e3, ms_at(c, 0),
           ms_at(c, 50), ms_at(c, 95), ms_at(c, 100), us ? bits / ((double)us / 1e6) : 0);
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        fprintf(stderr, "usage: net-probe FROM ADDRESS TO ADDRESS PACKETS_PER_S LEN PACKETS\n");
        return 2;
    }
    const struct sched_param first = {.sched_priority = 1};
    (void)sched_setscheduler(0, SCHED_FIFO, &first); /* without the right to it, by chance */
    struct sockaddr_in from, to;
    int sender = socket_in(argv[1], argv[2], &from), receiver = socket_in(argv[3], argv[4], &to);
    uint64_t every_us = 1000000 / strtoull(argv[5], NULL, 10);
    size_t len = strtoul(argv[6], NULL, 10);
    uint64_t count = strtoull(argv[7], NULL, 10);
    struct came c = {.seen = calloc(COUNT_MAX, sizeof(bool)),
                     .delays_us = calloc(COUNT_MAX, sizeof(uint32_t))};
    if (!c.seen || !c.delays_us || len < sizeof(struct mark) || len > LEN_MAX || count > COUNT_MAX)
        return 2;
    uint64_t began_us = clock_wall_us(), end_us = began_us + count * every_us + LAST_US;
    struct mark mark = {0};
    for (uint64_t now_us = began_us; now_us < end_us; now_us = clock_wall_us()) {
        uint8_t bytes[LEN_MAX] = {0};
        while (mark.number < count && now_us >= began_us + mark.number * every_us) {
            mark.sent_us = clock_wall_us();
            memcpy(bytes, &mark, sizeof(mark));
            if (sendto(sender, bytes, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
                fail("net-probe: sendto");
            mark.number++;
        }
        receive(receiver, &c);
        if (mark.number == count && c.received == count)
            break;
        struct pollfd ready = {.fd = receiver, .events = POLLIN};
        const struct timespec soon = {.tv_nsec = 200000};
        (void)ppoll(&ready, 1, &soon, NULL);
    }
    tell(&c, mark.number, len);
    free(c.seen);
    free(c.delays_us);
    return 0;
}
