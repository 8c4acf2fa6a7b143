/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/stamped.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/clock.h"
#include "sfu/udp.h"

struct stamped_reader {
    struct mmsghdr headers[STAMPED_BATCH];
    struct iovec parts[STAMPED_BATCH];
    struct stamped datagrams[STAMPED_BATCH];
    _Alignas(struct cmsghdr) uint8_t control[STAMPED_BATCH][CMSG_SPACE(sizeof(struct timespec))];
    _Alignas(64) uint8_t bytes[STAMPED_BATCH][(UDP_DATAGRAM_MAX + 63) / 64 * 64];
};

int stamped_reader_create(struct stamped_reader **ret_reader)
{
    struct stamped_reader *r = aligned_alloc(64, (sizeof(*r) + 63) / 64 * 64);
    if (!r)
        return -ENOMEM;
    for (size_t i = 0; i < STAMPED_BATCH; i++) {
        r->parts[i] = (struct iovec){.iov_base = r->bytes[i], .iov_len = UDP_DATAGRAM_MAX};
        r->headers[i] = (struct mmsghdr){
            .msg_hdr = {.msg_iov = &r->parts[i], .msg_iovlen = 1, .msg_control = r->control[i]}};
    }
    *ret_reader = r;
    return 0;
}

void stamped_reader_destroy(struct stamped_reader *r)
{
    free(r);
}

int stamped_enable(int fd)
{
    const int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0 ? -errno : 0;
}

static int64_t us_of(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000000 + t->tv_nsec / 1000;
}

/* The kernel tells wall time; `offset_us` is from there to the monotonic clock. */
static uint64_t arrival(struct msghdr *m, int64_t offset_us)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        struct timespec t;
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
            continue;
        memcpy(&t, CMSG_DATA(c), sizeof(t));
        return (uint64_t)(us_of(&t) + offset_us);
    }
    return clock_now_us();
}

int stamped_read(struct stamped_reader *r, int fd, const struct stamped **ret_datagrams)
{
    for (size_t i = 0; i < STAMPED_BATCH; i++)
        r->headers[i].msg_hdr.msg_controllen = sizeof(r->control[i]);
    int n = recvmmsg(fd, r->headers, STAMPED_BATCH, MSG_DONTWAIT, NULL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED ? 0 : -errno;
    struct timespec wall, now;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t offset_us = us_of(&now) - us_of(&wall);
    for (int i = 0; i < n; i++)
        r->datagrams[i] =
            (struct stamped){.bytes = r->bytes[i],
                             .len = r->headers[i].msg_len,
                             .arrived_us = arrival(&r->headers[i].msg_hdr, offset_us)};
    *ret_datagrams = r->datagrams;
    return n;
}
