/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/tcp.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sfu/ice.h"
#include "sfu/seal.h"

/* Bytes read from one connection in a turn. Ours: what its receive buffer holds, at most. */
#define READ_BYTES 65536
/* Connections accepted in a turn, and that wait to be (listen(2)). Ours. */
#define ACCEPTS_PER_TURN 64
#define BACKLOG          512
/* Sources looked after in one turn; the others have theirs in the next. */
#define EVENTS_PER_TURN 64

/* What epoll names. */
struct source {
    int fd; /* -1: closed */
    bool listens;
};

struct listener {
    struct source source;
    bool deaf; /* no descriptor or memory was left: it rests until the next tick */
};

struct tcp_link {
    struct source source;
    struct tcp *tcp;
    struct list entry; /* of all, or of those that ended */
    struct list waiting;
    struct list users;
    struct address remote;
    uint64_t unused_us; /* since when nobody uses it; 0: somebody does */
    bool proven;        /* somebody did */
    uint32_t strange;   /* bytes it sent before, besides checks */
    bool blocked;       /* the kernel took no more, EPOLLOUT is asked for */
    struct framing framing;
    struct lanes lanes;
};

struct tcp {
    struct sealer *sealer;
    int epoll_fd;
    uint64_t now_us; /* of this turn */
    size_t listener_count;
    struct listener listeners[LIMIT_ADDRESSES];
    struct list links, ended, waiting;
    struct tcp_link *freed_next; /* whose users tcp_take_ended() has given out */
    /* The turn: what woke us, and the bytes being taken apart. */
    struct epoll_event events[EVENTS_PER_TURN];
    int event_count, event_next;
    struct tcp_link *reading;
    struct reader stream;
    struct tcp_stats stats;
    uint8_t bytes[READ_BYTES];
};

int tcp_create(struct sealer *sealer, struct tcp **ret_tcp)
{
    CLEANUP(tcp_destroy) struct tcp *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    t->sealer = sealer;
    list_init(&t->links);
    list_init(&t->ended);
    list_init(&t->waiting);
    t->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (t->epoll_fd < 0)
        return -errno;
    *ret_tcp = STEAL(t);
    return 0;
}

static int watch(struct tcp *t, struct source *source, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    return epoll_ctl(t->epoll_fd, operation, source->fd, &event) < 0 ? -errno : 0;
}

/* Nothing more goes over it. Its memory stays until its users have let go. */
static void end(struct tcp_link *link)
{
    struct tcp *t = link->tcp;
    if (link->source.fd < 0)
        return;
    /* What the other side does not take need not stay in the kernel: with a reset it goes. */
    const struct linger reset = {.l_onoff = 1};
    (void)setsockopt(link->source.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(link->source.fd);
    link->source.fd = -1;
    list_remove(&link->waiting);
    list_remove(&link->entry);
    list_append(&t->ended, &link->entry);
    t->stats.connections--;
    t->stats.refused += !link->proven;
}

static void free_link(struct tcp_link *link)
{
    assert(list_is_empty(&link->users));
    list_remove(&link->entry);
    free(link);
}

struct list *tcp_take_ended(struct tcp *t)
{
    assert(t->event_next == t->event_count && !t->reading);
    if (t->freed_next)
        free_link(STEAL(t->freed_next));
    if (list_is_empty(&t->ended))
        return NULL;
    sealer_settle(t->sealer); /* what it owes lies in there */
    t->freed_next = LIST_ENTRY(t->ended.next, struct tcp_link, entry);
    return &t->freed_next->users;
}

void tcp_destroy(struct tcp *t)
{
    if (!t)
        return;
    tcp_flush(t, t->now_us);
    sealer_settle(t->sealer);
    LIST_FOR_EACH_SAFE(it, &t->links)
    {
        struct tcp_link *link = LIST_ENTRY(it, struct tcp_link, entry);
        close(link->source.fd);
        free_link(link);
    }
    LIST_FOR_EACH_SAFE(it, &t->ended)
    free_link(LIST_ENTRY(it, struct tcp_link, entry));
    for (size_t i = 0; i < t->listener_count; i++)
        close(t->listeners[i].source.fd);
    if (t->epoll_fd >= 0)
        close(t->epoll_fd);
    free(t);
}

/* Of a listening socket: accepted ones have them from it. */
static int set_options(int fd, sa_family_t family)
{
    const int on = 1, buffer = TCP_BUFFER_BYTES, unsent = TCP_UNSENT_BYTES;
    if ((family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent)) < 0)
        return -errno;
    return 0;
}

static int open_listener(int fd, const struct address *local, uint16_t *ret_port)
{
    struct sockaddr_storage name;
    socklen_t len = sizeof(name);
    struct address bound;
    int r = set_options(fd, local->any.sa_family);
    if (r < 0)
        return r;
    if (bind(fd, &local->any, local->len) < 0 || listen(fd, BACKLOG) < 0 ||
        getsockname(fd, (struct sockaddr *)&name, &len) < 0)
        return -errno;
    r = address_from_sockaddr(&name, len, &bound);
    if (r == 0)
        *ret_port = address_port(&bound);
    return r;
}

int tcp_listen(struct tcp *t, const struct address *local, uint16_t *ret_port)
{
    assert(t->listener_count < LIMIT_ADDRESSES);
    struct listener *listener = &t->listeners[t->listener_count];
    int fd = socket(local->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    *listener = (struct listener){.source = {.fd = fd, .listens = true}};
    uint16_t port = 0;
    int r = open_listener(fd, local, &port);
    if (r == 0)
        r = watch(t, &listener->source, EPOLLIN, EPOLL_CTL_ADD);
    if (r < 0) {
        close(fd);
        return r;
    }
    t->listener_count++;
    *ret_port = port;
    return 0;
}

int tcp_fd(const struct tcp *t)
{
    return t->epoll_fd;
}

/* Whether both are of one household: the same IPv4 address, or IPv6 network of 64 bits. */
static bool is_neighbour(const struct address *a, const struct address *b)
{
    if (a->any.sa_family != b->any.sa_family)
        return false;
    if (a->any.sa_family == AF_INET)
        return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, 8) == 0;
}

static size_t count_neighbours(const struct tcp *t, const struct address *remote)
{
    size_t count = 0;
    LIST_FOR_EACH(it, &t->links)
    count += is_neighbour(&LIST_ENTRY(it, struct tcp_link, entry)->remote, remote);
    return count;
}

/* Ends the one that has been without a user for longest. Returns whether there was one. */
static bool make_room(struct tcp *t)
{
    struct tcp_link *oldest = NULL;
    LIST_FOR_EACH(it, &t->links)
    {
        struct tcp_link *link = LIST_ENTRY(it, struct tcp_link, entry);
        if (list_is_empty(&link->users) && link->unused_us &&
            (!oldest || link->unused_us < oldest->unused_us))
            oldest = link;
    }
    if (oldest)
        end(oldest);
    return oldest;
}

static int add_link(struct tcp *t, int fd, const struct address *remote)
{
    if (count_neighbours(t, remote) >= LIMIT_TCP_LINKS_PER_ADDRESS)
        return -EUSERS;
    if (t->stats.connections >= LIMIT_TCP_LINKS && !make_room(t))
        return -EUSERS;
    struct tcp_link *link = malloc(sizeof(*link)); /* most of it is never touched */
    if (!link)
        return -ENOMEM;
    link->source = (struct source){.fd = fd};
    link->tcp = t;
    link->waiting = (struct list){NULL, NULL};
    list_init(&link->users);
    link->remote = *remote;
    link->unused_us = t->now_us;
    link->proven = link->blocked = false;
    link->strange = 0;
    link->framing.kept_len = link->framing.to_pass = 0;
    lanes_init(&link->lanes);
    int r = watch(t, &link->source, EPOLLIN, EPOLL_CTL_ADD);
    if (r < 0) {
        free(link);
        return r;
    }
    list_append(&t->links, &link->entry);
    t->stats.connections++;
    t->stats.accepted++;
    return 0;
}

/* No descriptor or memory is left. Whoever is without proof makes way; else nobody is accepted for
 * a while, rather than being woken for it for ever. */
static void run_short(struct tcp *t, struct listener *listener)
{
    if (!make_room(t) && watch(t, &listener->source, 0, EPOLL_CTL_MOD) == 0)
        listener->deaf = true;
}

static void accept_links(struct tcp *t, struct listener *listener)
{
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage name;
        socklen_t len = sizeof(name);
        struct address remote;
        int fd = accept4(listener->source.fd, (struct sockaddr *)&name, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            bool is_short =
                errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
            if (errno == ECONNABORTED || errno == EINTR)
                continue;
            if (is_short && i == 0) /* later, it says so even when nobody waits any more */
                run_short(t, listener);
            return;
        }
        if (address_from_sockaddr(&name, len, &remote) < 0 || add_link(t, fd, &remote) < 0) {
            t->stats.refused++;
            close(fd);
        }
    }
}

/* The kernel has room again, or an error to be learned by sending. */
static void unblock(struct tcp_link *link)
{
    if (link->blocked && watch(link->tcp, &link->source, EPOLLIN, EPOLL_CTL_MOD) == 0)
        link->blocked = false;
}

void tcp_wake(struct tcp *t, uint64_t now_us)
{
    t->now_us = now_us;
    int count = epoll_wait(t->epoll_fd, t->events, EVENTS_PER_TURN, 0);
    t->event_next = 0;
    t->event_count = count < 0 ? 0 : count; /* a signal: we are woken again */
}

/* Reads what one of the sources that woke us has. Returns false when none is left. */
static bool read_next(struct tcp *t)
{
    if (t->event_next == t->event_count)
        return false;
    const struct epoll_event *event = &t->events[t->event_next++];
    struct source *source = event->data.ptr;
    if (source->listens) {
        accept_links(t, LIST_ENTRY(source, struct listener, source));
        return true;
    }
    struct tcp_link *link = LIST_ENTRY(source, struct tcp_link, source);
    if (source->fd < 0)
        return true; /* ended in this turn */
    if (event->events & EPOLLOUT)
        unblock(link);
    if (!(event->events & ~(uint32_t)EPOLLOUT))
        return true;
    ssize_t len = recv(source->fd, t->bytes, sizeof(t->bytes), MSG_DONTWAIT);
    if (len > 0) {
        t->stream = reader_over(t->bytes, (size_t)len);
        t->reading = link;
    } else if (len == 0 || (errno != EAGAIN && errno != EINTR)) {
        end(link);
    }
    return true;
}

/* Whether a datagram is of any use while nobody uses its connection: RFC 7983 section 7, STUN. */
static bool may_be_check(const struct framing_datagram *d)
{
    return d->bytes[0] <= 3 && d->len <= ICE_STUN_MAX;
}

/* One is passed over. Of whoever has proven nothing, all that no browser would send is the end. */
static void pass_over(struct tcp_link *link, enum framing_found found,
                      const struct framing_datagram *d)
{
    link->tcp->stats.dropped_in++;
    if (!list_is_empty(&link->users))
        return;
    link->strange += found == FRAMING_DATAGRAM ? (uint32_t)d->len : 0;
    if (found == FRAMING_TOO_LONG || link->strange > LIMIT_TCP_UNPROVEN_BYTES)
        end(link);
}

/* The next datagram of the bytes that are being taken apart. */
static bool take_apart(struct tcp *t, struct framing_datagram *ret_datagram)
{
    struct tcp_link *link = t->reading;
    for (;;) {
        enum framing_found found = FRAMING_MORE;
        if (link->source.fd >= 0)
            found = framing_next(&link->framing, &t->stream, ret_datagram);
        if (found == FRAMING_MORE) {
            t->reading = NULL;
            return false;
        }
        if (found == FRAMING_DATAGRAM &&
            (!list_is_empty(&link->users) || may_be_check(ret_datagram)))
            return true;
        pass_over(link, found, ret_datagram);
    }
}

bool tcp_next(struct tcp *t, struct path *ret_from, struct framing_datagram *ret_datagram)
{
    do {
        struct tcp_link *link = t->reading;
        if (link && take_apart(t, ret_datagram)) {
            *ret_from = (struct path){.link = link, .remote = link->remote};
            return true;
        }
    } while (t->reading || read_next(t));
    return false;
}

uint8_t *tcp_reserve(struct tcp_link *link, enum lanes_kind kind)
{
    uint8_t *room = link->source.fd < 0 ? NULL : lanes_reserve(&link->lanes, kind);
    if (!room)
        link->tcp->stats.dropped[kind]++;
    return room;
}

void tcp_commit(struct tcp_link *link, size_t len)
{
    if (lanes_are_empty(&link->lanes))
        list_append(&link->tcp->waiting, &link->waiting);
    lanes_commit(&link->lanes, len);
}

void tcp_use(struct tcp_link *link, struct list *user)
{
    link->proven = true;
    link->unused_us = 0;
    list_append(&link->users, user);
}

/* Until the kernel takes no more, nothing is left, or the connection has ended. */
static void send_waiting(struct tcp_link *link)
{
    struct tcp *t = link->tcp;
    while (!lanes_are_empty(&link->lanes)) {
        struct iovec parts[LANES_PARTS_MAX];
        const struct msghdr message = {.msg_iov = parts,
                                       .msg_iovlen = lanes_parts(&link->lanes, parts)};
        ssize_t sent = sendmsg(link->source.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        t->stats.calls++;
        if (sent >= 0) {
            t->stats.bytes += (uint64_t)sent;
            t->stats.datagrams += lanes_sent(&link->lanes, (size_t)sent);
        } else if (errno == EAGAIN) {
            /* Without being woken, it would be tried at each flush. */
            link->blocked =
                watch(t, &link->source, EPOLLIN | (uint32_t)EPOLLOUT, EPOLL_CTL_MOD) == 0;
            return;
        } else if (errno != EINTR) {
            end(link);
            return;
        }
    }
    list_remove(&link->waiting);
}

void tcp_flush(struct tcp *t, uint64_t now_us)
{
    if (list_is_empty(&t->waiting))
        return;
    sealer_settle(t->sealer);
    LIST_FOR_EACH_SAFE(it, &t->waiting)
    {
        struct tcp_link *link = LIST_ENTRY(it, struct tcp_link, waiting);
        if (!link->blocked)
            send_waiting(link);
        lanes_look(&link->lanes, now_us);
    }
}

void tcp_tick(struct tcp *t, uint64_t now_us)
{
    t->now_us = now_us;
    LIST_FOR_EACH_SAFE(it, &t->links)
    {
        struct tcp_link *link = LIST_ENTRY(it, struct tcp_link, entry);
        if (!list_is_empty(&link->users))
            link->unused_us = 0;
        else if (!link->unused_us)
            link->unused_us = now_us;
        else if (now_us - link->unused_us >= LIMIT_TCP_UNPROVEN_MS * 1000ull)
            end(link);
    }
    for (size_t i = 0; i < t->listener_count; i++) {
        struct listener *listener = &t->listeners[i];
        if (listener->deaf && watch(t, &listener->source, EPOLLIN, EPOLL_CTL_MOD) == 0)
            listener->deaf = false;
    }
}

const struct tcp_stats *tcp_stats(const struct tcp *t)
{
    return &t->stats;
}
