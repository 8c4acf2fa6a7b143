/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/sfu/core.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/limits.h"
#include "common/seqpacket.h"
#include "unit/check.h"

int core_make(struct core *c, uint64_t capacity)
{
    *c = (struct core){.dir = "/tmp/test-control-XXXXXX", .stop_fd = -1};
    CHECK(mkdtemp(c->dir));
    (void)snprintf(c->path, sizeof(c->path), "%s/sfu.sock", c->dir);
    struct worker_options options = {.tcp = true,
                                     .listen_count = 1,
                                     .boot_id = 5,
                                     .packets = 64,
                                     .capacity = capacity,
                                     .pin = capacity != 0,
                                     .deliver = control_desk_deliver};
    CHECK_EQ(address_from_text("127.0.0.1", 0, &options.listen[0]), 0);
    int r = dtls_context_create(&c->dtls);
    if (r == 0)
        r = mailbox_create(8192, &c->mailbox);
    options.dtls = c->dtls;
    options.desk = c->mailbox;
    for (unsigned i = 0; r == 0 && i < CORE_WORKERS; i++) {
        options.number = i;
        r = worker_create(&options, &c->workers[i]);
    }
    const struct control_desk_options desk = {.path = c->path,
                                              .peer_uid = (uid_t)-1,
                                              .boot_id = 5,
                                              .mailbox = c->mailbox,
                                              .workers = c->workers,
                                              .worker_count = CORE_WORKERS,
                                              .capacity = capacity};
    if (r == 0)
        r = control_desk_create(&desk, &c->desk);
    return r;
}

void core_free(struct core *c)
{
    for (int i = 0; i < CORE_WORKERS; i++)
        worker_destroy(c->workers[i]);
    control_desk_destroy(c->desk);
    mailbox_destroy(c->mailbox);
    dtls_context_destroy(c->dtls);
    CHECK_EQ(rmdir(c->dir), 0); /* the socket is gone */
}

static void *serve(void *arg)
{
    struct core *c = arg;
    CHECK_EQ(control_desk_run(c->desk, c->stop_fd), 0);
    return NULL;
}

void core_start(struct core *c, uint64_t capacity)
{
    CHECK_EQ(core_make(c, capacity), 0);
    c->stop_fd = eventfd(0, EFD_CLOEXEC);
    CHECK(c->stop_fd >= 0);
    CHECK_EQ(pthread_create(&c->thread, NULL, serve, c), 0);
}

void core_stop(struct core *c)
{
    CHECK_EQ(eventfd_write(c->stop_fd, 1), 0);
    CHECK_EQ(pthread_join(c->thread, NULL), 0);
    close(c->stop_fd);
    core_free(c);
}

int core_dial(const struct core *c)
{
    int fd = seqpacket_connect(c->path, (uid_t)-1);
    CHECK(fd >= 0);
    return fd;
}

void core_put_raw(int fd, const void *data, size_t len, int passed)
{
    for (;;) {
        int r = seqpacket_send(fd, data, len, passed);
        if (r != -EAGAIN) {
            CHECK(r == 0 || r == -EPIPE);
            return;
        }
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        CHECK_EQ(poll(&p, 1, CORE_PATIENCE_MS), 1);
    }
}

void core_put(int fd, const struct control_message *m, int passed)
{
    uint8_t data[LIMIT_CONTROL_BYTES];
    size_t len;
    CHECK_EQ(control_encode(m, data, sizeof(data), &len), 0);
    core_put_raw(fd, data, len, passed);
}

/* The next message, or false when the connection ended. */
bool core_get(int fd, struct control_message *ret_message)
{
    for (;;) {
        uint8_t data[LIMIT_CONTROL_BYTES];
        int passed;
        ssize_t len = seqpacket_receive(fd, data, sizeof(data), &passed);
        if (len > 0) {
            CHECK_EQ(control_decode(data, (size_t)len, ret_message), 0);
            return true;
        }
        if (len != -EAGAIN)
            return false;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        CHECK_EQ(poll(&p, 1, CORE_PATIENCE_MS), 1);
    }
}

struct control_message core_wait_for(int fd, enum control_type type)
{
    struct control_message m;
    do
        CHECK(core_get(fd, &m));
    while (m.type != type);
    return m;
}

struct control_message core_ask_with(int fd, struct control_message m, int passed)
{
    static uint32_t request;
    m.request = ++request;
    core_put(fd, &m, passed);
    struct control_message answer;
    do
        CHECK(core_get(fd, &answer));
    while (answer.request != m.request);
    return answer;
}

struct control_message core_ask(int fd, struct control_message m)
{
    return core_ask_with(fd, m, -1);
}

const struct control_message core_hello = {.type = CONTROL_HELLO, .hello = {CONTROL_VERSION, 1, 1}};

/* Connected, greeted, and past what is told of the state; `*ret_peers`: how many peers there are.
 */
int core_greet(const struct core *c, unsigned *ret_peers)
{
    int fd = core_dial(c);
    core_put(fd, &core_hello, -1);
    CHECK_EQ(core_wait_for(fd, CONTROL_HELLO).hello.boot_id, 5);
    struct control_message m;
    *ret_peers = 0;
    do {
        CHECK(core_get(fd, &m));
        *ret_peers += m.type == CONTROL_PEER_PRESENT;
    } while (m.type != CONTROL_PRESENT_END);
    return fd;
}

struct control_message core_open_hearing(uint64_t hearing, bool recorded)
{
    return (struct control_message){.type = CONTROL_HEARING_OPEN,
                                    .hearing_open = {.hearing = hearing, .recorded = recorded}};
}

struct control_message core_add_as(uint64_t hearing, uint64_t peer, enum control_role role)
{
    return (struct control_message){
        .type = CONTROL_PEER_ADD,
        .peer_add = {.hearing = hearing, .peer = peer, .role = (uint8_t)role, .seats = 2}};
}

struct control_message core_add_peer(uint64_t hearing, uint64_t peer)
{
    return core_add_as(hearing, peer, CONTROL_ROLE_JUDGE);
}

void core_close_hearing(int fd, uint64_t hearing)
{
    const struct control_message m = {.type = CONTROL_HEARING_CLOSE, .hearing = {hearing}};
    CHECK_EQ(core_ask(fd, m).done.status, 0);
}

int core_open_again(int fd, uint64_t hearing)
{
    struct control_message again = core_open_hearing(hearing, false);
    again.hearing_open.accepted = true;
    return core_ask(fd, again).done.status;
}
