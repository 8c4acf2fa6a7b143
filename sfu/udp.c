/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/udp.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Bytes each way. Ours: 50 ms of 1 Gbit/s, so that a worker busy with one batch loses nothing. */
#define SOCKET_BUFFER (8 << 20)

struct udp_reader {
    struct mmsghdr headers[UDP_BATCH];
    struct iovec parts[UDP_BATCH];
    struct sockaddr_in6 names[UDP_BATCH]; /* the larger of the two families */
    struct udp_datagram datagrams[UDP_BATCH];
    uint64_t oversize;
    /* Each on its own cache lines. */
    _Alignas(64) uint8_t bytes[UDP_BATCH][(UDP_DATAGRAM_MAX + 63) / 64 * 64];
};

/* As large as the system lets us: the forced form needs CAP_NET_ADMIN, the other is capped. */
static void set_buffer(int fd, int force_option, int option)
{
    const int size = SOCKET_BUFFER;
    if (setsockopt(fd, SOL_SOCKET, force_option, &size, sizeof(size)) < 0)
        (void)setsockopt(fd, SOL_SOCKET, option, &size, sizeof(size)); /* a smaller one works too */
}

int udp_open(const struct address *local)
{
    int fd = socket(local->any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
    set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
    const int on = 1;
    int r = 0;
    if (local->any.sa_family == AF_INET6)
        r = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (r == 0)
        r = bind(fd, &local->any, local->len);
    if (r < 0) {
        r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

int udp_local(int fd, struct address *ret_local)
{
    struct sockaddr_storage name;
    socklen_t len = sizeof(name);
    if (getsockname(fd, (struct sockaddr *)&name, &len) < 0)
        return -errno;
    return address_from_sockaddr(&name, len, ret_local);
}

int udp_reader_create(struct udp_reader **ret_reader)
{
    struct udp_reader *r = aligned_alloc(64, (sizeof(*r) + 63) / 64 * 64);
    if (!r)
        return -ENOMEM;
    r->oversize = 0;
    for (size_t i = 0; i < UDP_BATCH; i++) {
        r->parts[i] = (struct iovec){.iov_base = r->bytes[i], .iov_len = UDP_DATAGRAM_MAX};
        r->headers[i] = (struct mmsghdr){
            .msg_hdr = {.msg_name = &r->names[i], .msg_iov = &r->parts[i], .msg_iovlen = 1}};
    }
    *ret_reader = r;
    return 0;
}

void udp_reader_destroy(struct udp_reader *r)
{
    free(r);
}

int udp_read(struct udp_reader *r, int fd, const struct udp_datagram **ret_datagrams)
{
    for (size_t i = 0; i < UDP_BATCH; i++)
        r->headers[i].msg_hdr.msg_namelen = sizeof(r->names[i]);
    int got = recvmmsg(fd, r->headers, UDP_BATCH, MSG_DONTWAIT, NULL);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;

    int kept = 0;
    for (int i = 0; i < got; i++) {
        const struct msghdr *h = &r->headers[i].msg_hdr;
        struct udp_datagram *d = &r->datagrams[kept];
        if (h->msg_flags & MSG_TRUNC) {
            r->oversize++;
            continue;
        }
        if (address_from_sockaddr(h->msg_name, h->msg_namelen, &d->from) < 0)
            continue;
        d->bytes = r->bytes[i];
        d->len = r->headers[i].msg_len;
        kept++;
    }
    *ret_datagrams = r->datagrams;
    return kept;
}

uint64_t udp_reader_oversize(const struct udp_reader *r)
{
    return r->oversize;
}
