/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/list.h"
#include "common/log.h"

/* What a port's backlog holds while we serve others. */
#define BACKLOG 512

struct listener_guest {
    struct list link;
    struct listeners *listeners;
    uint8_t address[16]; /* an IPv4 address in its IPv6 form; of an IPv6 one the first 8 bytes */
    unsigned open;
};

struct listener {
    struct list link;
    struct listeners *listeners;
    struct watch *watch;
    int fd;
    int tag;
};

struct listeners {
    struct watch_set *set;
    struct listener_limits limits;
    void (*accepted)(void *context, int fd, struct listener_guest *guest, int tag);
    void *context;
    struct list sockets;
    struct list guests;
    unsigned open;
    uint64_t refused;
    bool exhausted; /* out of descriptors: accepting waits for the next tick */
};

int listeners_create(struct watch_set *set, const struct listener_limits *limits,
                     void (*accepted)(void *context, int fd, struct listener_guest *guest, int tag),
                     void *context, struct listeners **ret_listeners)
{
    struct listeners *l = calloc(1, sizeof(*l));
    if (!l)
        return -ENOMEM;
    *l =
        (struct listeners){.set = set, .limits = *limits, .accepted = accepted, .context = context};
    list_init(&l->sockets);
    list_init(&l->guests);
    *ret_listeners = l;
    return 0;
}

static void destroy_if_empty(struct listeners *l)
{
    if (!l->set && list_is_empty(&l->guests))
        free(l);
}

void listeners_stop(struct listeners *l)
{
    LIST_FOR_EACH_SAFE(it, &l->sockets)
    {
        struct listener *listener = LIST_ENTRY(it, struct listener, link);
        list_remove(&listener->link);
        watch_destroy(listener->watch);
        (void)close(listener->fd);
        free(listener);
    }
}

void listeners_destroy(struct listeners *l)
{
    if (!l)
        return;
    listeners_stop(l);
    l->set = NULL;
    destroy_if_empty(l);
}

void listener_release(struct listener_guest *guest)
{
    struct listeners *l = guest->listeners;
    l->open--;
    if (--guest->open > 0)
        return;
    list_remove(&guest->link);
    free(guest);
    destroy_if_empty(l);
}

static void key_of(const struct sockaddr_storage *address, uint8_t ret_key[16])
{
    memset(ret_key, 0, 16);
    if (address->ss_family == AF_INET) {
        ret_key[10] = 0xff;
        ret_key[11] = 0xff;
        memcpy(ret_key + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
        return;
    }
    struct in6_addr in6;
    memcpy(&in6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, sizeof(in6));
    memcpy(ret_key, &in6, IN6_IS_ADDR_V4MAPPED(&in6) ? 16 : 8);
}

/* The guest of an address with one connection more, or NULL: a limit or no memory. */
static struct listener_guest *admit(struct listeners *l, const struct sockaddr_storage *address)
{
    uint8_t key[16];
    key_of(address, key);
    if (l->open >= l->limits.connections)
        return NULL;
    struct listener_guest *guest = NULL;
    LIST_FOR_EACH(it, &l->guests)
    {
        struct listener_guest *g = LIST_ENTRY(it, struct listener_guest, link);
        if (memcmp(g->address, key, sizeof(key)) == 0)
            guest = g;
    }
    if (guest && guest->open >= l->limits.per_address)
        return NULL;
    if (!guest) {
        guest = calloc(1, sizeof(*guest));
        if (!guest)
            return NULL;
        guest->listeners = l;
        memcpy(guest->address, key, sizeof(key));
        list_append(&l->guests, &guest->link);
    }
    guest->open++;
    l->open++;
    return guest;
}

static void listener_due(void *context)
{
    struct listener *listener = context;
    struct listeners *l = listener->listeners;
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof(address);
    int fd = accept4(listener->fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            l->exhausted = true;
            watch_want(listener->watch, false, false);
        }
        return; /* the rest is the other side's: gone before we took it */
    }
    struct listener_guest *guest = admit(l, &address);
    if (!guest) {
        l->refused++;
        (void)close(fd);
        return;
    }
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* only slower without */
    l->accepted(l->context, fd, guest, listener->tag);
}

static int open_socket(const char *address, uint16_t port, int *ret_fd)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    bool is_4 = inet_pton(AF_INET, address, &in4.sin_addr) == 1;
    if (!is_4 && inet_pton(AF_INET6, address, &in6.sin6_addr) != 1)
        return -EINVAL;
    int fd = socket(is_4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        (!is_4 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
        bind(fd, is_4 ? (struct sockaddr *)&in4 : (struct sockaddr *)&in6,
             is_4 ? sizeof(in4) : sizeof(in6)) < 0 ||
        listen(fd, BACKLOG) < 0) {
        int r = -errno;
        (void)close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

int listeners_add(struct listeners *l, const char *address, uint16_t port, int tag)
{
    int fd = -1;
    int r = open_socket(address, port, &fd);
    if (r < 0)
        return r;
    struct listener *listener = calloc(1, sizeof(*listener));
    if (!listener) {
        (void)close(fd);
        return -ENOMEM;
    }
    *listener = (struct listener){.listeners = l, .fd = fd, .tag = tag};
    r = watch_create(l->set, fd, listener_due, listener, &listener->watch);
    if (r < 0) {
        (void)close(fd);
        free(listener);
        return r;
    }
    list_append(&l->sockets, &listener->link);
    return 0;
}

void listeners_tick(struct listeners *l)
{
    if (!l->exhausted)
        return;
    log_warn("out of descriptors: accepting waits");
    l->exhausted = false;
    LIST_FOR_EACH(it, &l->sockets)
    {
        watch_want(LIST_ENTRY(it, struct listener, link)->watch, true, false);
    }
}

uint64_t listeners_refused(const struct listeners *l)
{
    return l->refused;
}

unsigned listeners_open(const struct listeners *l)
{
    return l->open;
}
