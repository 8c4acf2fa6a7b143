/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/endpoints.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "sfu/forward.h"
#include "sfu/send.h"
#include "sfu/udp.h"

int endpoints_create(int epoll_fd, uint64_t wake, uint16_t port, struct endpoints *e)
{
    *e = (struct endpoints){.epoll_fd = epoll_fd, .wake = wake, .port = port};
    return udp_reader_create(&e->reader);
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

void endpoints_destroy(struct endpoints *e)
{
    for (size_t i = 0; i < e->count; i++) {
        if (e->all[i].queue)
            (void)send_flush(e->all[i].queue);
        send_queue_destroy(e->all[i].queue);
        close_if_open(e->all[i].fd);
        close_if_open(e->all[i].rtcp_fd);
    }
    udp_reader_destroy(e->reader);
}

static int watch(const struct endpoints *e, size_t i, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data.u64 = e->wake + i};
    return epoll_ctl(e->epoll_fd, operation, e->all[i].fd, &event) < 0 ? -errno : 0;
}

/* A place of its own for RTCP. Where the kernel has none, everything comes at one socket. */
static void open_rtcp(struct endpoint *at, const struct address *local)
{
    char text[ADDRESS_TEXT_MAX];
    int fd = udp_open_rtcp(at->fd, local);
    if (fd < 0) {
        address_to_text(local, text);
        log_warn("no socket for RTCP beside %s: %s; it will wake the worker", text, log_errno(fd));
        return;
    }
    udp_take_trains(fd); /* as the other: the kernel asks either before it makes one */
    at->rtcp_fd = fd;
}

int endpoints_add(struct endpoints *e, const struct address *on, struct sealer *sealer)
{
    assert(e->count < LIMIT_ADDRESSES);
    struct address local = *on;
    address_set_port(&local, e->port);
    int fd = udp_open(&local);
    if (fd < 0)
        return fd;
    struct endpoint *at = &e->all[e->count++];
    *at = (struct endpoint){.fd = fd, .rtcp_fd = -1};
    int room = udp_receive_buffer(fd);
    if (room < UDP_BUFFER_BYTES)
        log_warn("port %u: its receive queue holds %d of %d bytes, bursts may be lost: raise "
                 "net.core.rmem_max",
                 e->port, room, UDP_BUFFER_BYTES);
    udp_take_trains(fd);
    int r = udp_local(fd, &local);
    if (r < 0)
        return r;
    e->port = address_port(&local); /* the others take the same one */
    open_rtcp(at, &local);
    r = send_queue_create(fd, sealer, &at->queue);
    return r < 0 ? r : watch(e, e->count - 1, EPOLLIN, EPOLL_CTL_ADD);
}

void endpoints_begin(struct endpoints *e, const struct context *c)
{
    e->woke_us = c->now_us;
}

void endpoints_end(struct endpoints *e)
{
    e->turn_us = e->worked_us;
    e->worked_us += clock_now_us() - e->woke_us;
}

/* Between two reads: from the last one, or from when the turn before found nothing to read. */
static void note_read(struct endpoints *e, struct endpoint *at, uint64_t now_us)
{
    uint64_t worked_us = e->worked_us + now_us - e->woke_us;
    uint64_t since_us = at->read_us > e->turn_us ? at->read_us : e->turn_us;
    if (worked_us - since_us > e->longest_us)
        e->longest_us = worked_us - since_us;
    at->read_us = worked_us;
}

int endpoints_read(struct endpoints *e, size_t i, bool rtcp, struct context *c)
{
    struct endpoint *at = &e->all[i];
    const struct udp_datagram *datagrams;
    int count =
        rtcp && at->rtcp_fd < 0 ? 0 : udp_read(e->reader, rtcp ? at->rtcp_fd : at->fd, &datagrams);
    if (count <= 0)
        return 0; /* an error of the socket (ICMP, memory) is no matter of the next datagram */
    c->now_us = clock_now_us();
    if (!rtcp)
        note_read(e, at, c->now_us);
    for (int k = 0; k < count; k++) {
        const struct path from = {.via = at->queue, .remote = datagrams[k].from};
        forward_datagram(c, &from, datagrams[k].bytes, datagrams[k].len);
    }
    forward_burst(c);
    return count;
}

uint64_t endpoints_rtcp_us(const struct endpoints *e)
{
    return e->rtcp_us ? e->rtcp_us + ENDPOINTS_RTCP_APART_US : 0;
}

uint64_t endpoints_wake_us(const struct endpoints *e)
{
    return e->rtcp_us ? e->rtcp_us + ENDPOINTS_RTCP_US : 0;
}

void endpoints_note_rtcp(struct endpoints *e, const struct context *c, bool more)
{
    e->rtcp_us = more ? 0 : c->now_us;
}

void endpoints_flush(struct endpoints *e)
{
    for (size_t i = 0; i < e->count; i++) {
        struct endpoint *at = &e->all[i];
        bool full = !send_flush(at->queue);
        if (full == at->awaits_room)
            continue;
        uint32_t events = EPOLLIN | (full ? (uint32_t)EPOLLOUT : 0);
        if (watch(e, i, events, EPOLL_CTL_MOD) == 0)
            at->awaits_room = full; /* else it is tried again at the next flush, two ticks away */
    }
}

uint64_t endpoints_take_drops(struct endpoints *e)
{
    uint64_t drops = 0;
    for (size_t i = 0; i < e->count; i++) {
        struct endpoint *at = &e->all[i];
        drops += udp_take_drops(at->fd, &at->drops);
        if (at->rtcp_fd >= 0)
            drops += udp_take_drops(at->rtcp_fd, &at->rtcp_drops);
    }
    return drops;
}
