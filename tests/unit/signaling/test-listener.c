/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/check.h"

#define MOST 8

static struct {
    int fds[MOST];
    struct listener_guest *guests[MOST];
    int tags[MOST];
    size_t count;
} taken;

static void on_accepted(void *context, int fd, struct listener_guest *guest, int tag)
{
    (void)context;
    CHECK(taken.count < MOST);
    taken.fds[taken.count] = fd;
    taken.guests[taken.count] = guest;
    taken.tags[taken.count++] = tag;
}

static void give_back(size_t i)
{
    (void)close(taken.fds[i]);
    listener_release(taken.guests[i]);
}

static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    CHECK_EQ(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

/* Connects from 127.0.0.`host`. */
static int connect_from(uint8_t host, uint16_t port)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = {htonl(0x7f000000u | host)}};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
    CHECK_EQ(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* Whether the server has closed it. */
static bool is_refused(int fd)
{
    char byte;
    return recv(fd, &byte, 1, 0) <= 0;
}

int main(void)
{
    const struct listener_limits limits = {.connections = 3, .per_address = 2};
    struct watch_set *set = NULL;
    struct listeners *l = NULL;
    uint16_t port = free_port();
    CHECK_EQ(watch_set_create(&set), 0);
    CHECK_EQ(listeners_create(set, &limits, on_accepted, NULL, &l), 0);
    CHECK_EQ(listeners_add(l, "nowhere", port, 0), -EINVAL);
    CHECK_EQ(listeners_add(l, "192.0.2.77", port, 0), -EADDRNOTAVAIL);
    CHECK_EQ(listeners_add(l, "127.0.0.1", port, 5), 0);
    CHECK_EQ(listeners_add(l, "127.0.0.1", port, 5), -EADDRINUSE);

    /* Two of one address are let in, the third is not; another address is; then all are full. */
    int fds[6];
    for (size_t i = 0; i < 3; i++)
        fds[i] = connect_from(1, port);
    while (taken.count + listeners_refused(l) < 3)
        CHECK(watch_set_serve(set, 1000) > 0);
    CHECK_EQ(taken.count, 2);
    CHECK_EQ(taken.tags[0], 5);
    CHECK(is_refused(fds[2]));
    fds[3] = connect_from(2, port);
    fds[4] = connect_from(3, port);
    while (taken.count + listeners_refused(l) < 5)
        CHECK(watch_set_serve(set, 1000) > 0);
    CHECK_EQ(taken.count, 3);
    CHECK_EQ(listeners_open(l), 3);
    CHECK(is_refused(fds[4]));

    /* A place given back is free again. */
    give_back(0);
    fds[5] = connect_from(1, port);
    while (taken.count < 4)
        CHECK(watch_set_serve(set, 1000) > 0);
    CHECK_EQ(listeners_refused(l), 2);

    /* Guests outlive the listeners. */
    listeners_destroy(l);
    for (size_t i = 1; i < 4; i++)
        give_back(i);
    for (size_t i = 0; i < 6; i++)
        (void)close(fds[i]);
    watch_set_destroy(set);
    return 0;
}
