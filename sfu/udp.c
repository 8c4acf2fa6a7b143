/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/udp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes of one message: the longest that IP has, as a train may be. */
#define MESSAGE_BYTES 65536
/* Datagrams the kernel makes one train of at most: a network card's 64 (its UDP_GRO_CNT_MAX), of a
 * sender on this machine 128 (UDP_MAX_SEGMENTS). */
#define TRAIN_MAX 128

/* How the kernel says the length of a train's datagrams (udp(7)). */
struct train_control {
    _Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(int))];
};

struct udp_reader {
    struct mmsghdr headers[UDP_BATCH];
    struct iovec parts[UDP_BATCH];
    struct sockaddr_in6 names[UDP_BATCH]; /* the larger of the two families */
    struct train_control controls[UDP_BATCH];
    struct udp_datagram datagrams[UDP_BATCH * TRAIN_MAX];
    uint64_t oversize;
    /* Each on its own cache lines; memory is taken as far as it is filled. */
    _Alignas(64) uint8_t bytes[UDP_BATCH][MESSAGE_BYTES];
};

/* As large as the system lets us: the forced form needs CAP_NET_ADMIN, the other is capped. */
static void set_buffer(int fd, int force_option, int option)
{
    const int size = UDP_BUFFER_BYTES;
    if (setsockopt(fd, SOL_SOCKET, force_option, &size, sizeof(size)) < 0)
        (void)setsockopt(fd, SOL_SOCKET, option, &size, sizeof(size)); /* a smaller one works too */
}

static int open_at(const struct address *local, bool shared)
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
    if (r == 0 && shared)
        r = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (r == 0)
        r = bind(fd, &local->any, local->len);
    if (r < 0) {
        r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

int udp_open(const struct address *local)
{
    return open_at(local, false);
}

/* Which socket of two at one address gets a datagram, by its number in the order of binding. The
 * program sees the datagram without its UDP header; what is shorter than it reads gets 0. */
static int choose_rtcp(int fd)
{
    static struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xc0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x80, 0, 4), /* version 2: RTP or RTCP (RFC 7983) */
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 1),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 192, 0, 2),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 223, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    const struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
    int r = setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program));
    return r < 0 ? -errno : 0;
}

int udp_open_rtcp(int fd, const struct address *local)
{
    /* Only now: bound alone, `fd` found out whether the port is another program's. */
    const int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0)
        return -errno;
    int beside = open_at(local, true);
    if (beside < 0)
        return beside;
    int r = choose_rtcp(beside);
    if (r < 0) {
        close(beside); /* it takes nothing any more, `fd` all */
        return r;
    }
    return beside;
}

void udp_take_trains(int fd)
{
    const int on = 1;
    (void)setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)); /* an old kernel: one by one */
}

int udp_local(int fd, struct address *ret_local)
{
    struct sockaddr_storage name;
    socklen_t len = sizeof(name);
    if (getsockname(fd, (struct sockaddr *)&name, &len) < 0)
        return -errno;
    return address_from_sockaddr(&name, len, ret_local);
}

int udp_receive_buffer(int fd)
{
    int twice; /* socket(7): the kernel doubles what it is told, and says so */
    socklen_t len = sizeof(twice);
    return getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &twice, &len) < 0 ? -errno : twice / 2;
}

uint32_t udp_take_drops(int fd, uint32_t *counted)
{
    uint32_t meminfo[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof(meminfo);
    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, meminfo, &len) < 0 ||
        len <= SK_MEMINFO_DROPS * sizeof(meminfo[0]))
        return 0;
    uint32_t more = meminfo[SK_MEMINFO_DROPS] - *counted; /* the kernel's counter wraps too */
    *counted = meminfo[SK_MEMINFO_DROPS];
    return more;
}

int udp_reader_create(struct udp_reader **ret_reader)
{
    struct udp_reader *r = aligned_alloc(64, (sizeof(*r) + 63) / 64 * 64);
    if (!r)
        return -ENOMEM;
    r->oversize = 0;
    for (size_t i = 0; i < UDP_BATCH; i++) {
        r->parts[i] = (struct iovec){.iov_base = r->bytes[i], .iov_len = MESSAGE_BYTES};
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

/* Length of the datagrams in a message of `len` bytes; the last may be shorter. */
static size_t datagram_len(struct msghdr *h, size_t len)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        int size;
        if (c->cmsg_level != IPPROTO_UDP || c->cmsg_type != UDP_GRO)
            continue;
        memcpy(&size, CMSG_DATA(c), sizeof(size));
        if (size > 0 && (size_t)size < len)
            return (size_t)size;
    }
    return len;
}

/* Lists the datagrams of message `i` from `to` on. Returns how many. */
static int take_apart(struct udp_reader *r, int i, struct udp_datagram *to)
{
    struct msghdr *h = &r->headers[i].msg_hdr;
    struct address from;
    if (address_from_sockaddr(h->msg_name, h->msg_namelen, &from) < 0)
        return 0;
    size_t len = r->headers[i].msg_len;
    size_t each = datagram_len(h, len);
    if (each > UDP_DATAGRAM_MAX) {
        r->oversize += (len + each - 1) / each;
        return 0;
    }
    int count = 0;
    if (len > each * TRAIN_MAX)
        len = each * TRAIN_MAX; /* no kernel sends more */
    for (size_t at = 0; at < len || count == 0; at += each)
        to[count++] = (struct udp_datagram){
            .bytes = r->bytes[i] + at, .len = len - at < each ? len - at : each, .from = from};
    return count;
}

int udp_read(struct udp_reader *r, int fd, const struct udp_datagram **ret_datagrams)
{
    for (size_t i = 0; i < UDP_BATCH; i++) {
        r->headers[i].msg_hdr.msg_namelen = sizeof(r->names[i]);
        r->headers[i].msg_hdr.msg_control = r->controls[i].bytes;
        r->headers[i].msg_hdr.msg_controllen = sizeof(r->controls[i].bytes);
    }
    int got = recvmmsg(fd, r->headers, UDP_BATCH, MSG_DONTWAIT, NULL);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    int kept = 0;
    for (int i = 0; i < got; i++)
        kept += take_apart(r, i, &r->datagrams[kept]);
    *ret_datagrams = r->datagrams;
    return kept;
}

uint64_t udp_reader_oversize(const struct udp_reader *r)
{
    return r->oversize;
}
