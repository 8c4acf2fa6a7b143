/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/clients.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"

#define SECOND_US 1000000ull
/* Links' timers and reports are looked at so often: a scan of all clients is not free. */
#define TIMERS_US 10000
#define OTHER     UINT64_MAX
#define EVENTS    64

int clients_create(const struct clients_options *options, struct clients **ret_clients)
{
    CLEANUP(clients_destroy) struct clients *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->options = *options;
    c->random = 12345;
    c->other_fd = -1;
    c->all = calloc(options->max, sizeof(*c->all));
    c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (c->epoll_fd < 0)
        return -errno;
    int r = c->all ? dtls_context_create(&c->dtls) : -ENOMEM;
    if (r == 0)
        r = stamped_reader_create(&c->reader);
    if (r < 0)
        return r;
    *ret_clients = STEAL(c);
    return 0;
}

void clients_destroy(struct clients *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->count; i++) {
        link_destroy(c->all[i].link);
        free(c->all[i].arrivals);
    }
    if (c->epoll_fd >= 0)
        close(c->epoll_fd);
    stamped_reader_destroy(c->reader);
    dtls_context_destroy(c->dtls);
    free(c->all);
    free(c);
}

int clients_add(struct clients *c, const struct control_ice *ice, const struct address *server,
                const uint8_t *fingerprint, struct client **ret_client)
{
    if (c->count == c->options.max)
        return -ENOSPC;
    struct client *e = &c->all[c->count];
    *e = (struct client){0};
    int r = link_create(c->dtls, ice, server, &e->link);
    if (r < 0)
        return r;
    c->count++;
    link_expect(e->link, fingerprint);
    r = stamped_enable(link_fd(e->link));
    struct epoll_event wake = {.events = EPOLLIN, .data.u64 = (uint64_t)(e - c->all)};
    if (r == 0 && epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, link_fd(e->link), &wake) < 0)
        r = -errno;
    c->timers_us = 0;
    *ret_client = e;
    return r;
}

void client_send(struct client *e, const struct flow_options *options, uint64_t phase_us)
{
    if (e->flow_count < CLIENT_FLOWS_MAX)
        flow_init(&e->flows[e->flow_count++], options, clock_now_us() + phase_us);
}

void client_expect(struct clients *c, struct client *e, uint32_t ssrc, uint32_t rtx_ssrc,
                   enum control_kind kind)
{
    if (e->inbound_count == CLIENT_INBOUND_MAX)
        return;
    c->random = c->random * 1664525u + 1013904223u;
    /* libwebrtc, modules/rtp_rtcp/source/rtcp_sender.cc: reports of a stream every 5 s for audio,
     * 1 s for video, each time between half and one and a half of that. */
    uint64_t interval_us = (kind == CONTROL_AUDIO ? 5 : 1) * SECOND_US;
    e->inbound[e->inbound_count++] = (struct inbound){
        .ssrc = ssrc,
        .rtx_ssrc = rtx_ssrc,
        .interval_us = interval_us,
        .report_us = clock_now_us() + (uint64_t)c->random * interval_us / UINT32_MAX};
}

int client_tell_arrivals(struct client *e, uint8_t ext_transport_cc)
{
    e->ext_transport_cc = ext_transport_cc;
    e->arrivals = calloc(1, sizeof(*e->arrivals));
    return e->arrivals ? 0 : -ENOMEM;
}

int clients_watch(struct clients *c, int fd, void (*ready)(void *other), void *other)
{
    struct epoll_event wake = {.events = EPOLLIN, .data.u64 = OTHER};
    c->other_fd = fd;
    c->other = other;
    c->other_ready = ready;
    return epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &wake) < 0 ? -errno : 0;
}

void clients_unwatch(struct clients *c)
{
    (void)epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, c->other_fd, NULL); /* gone with its socket */
    c->other_fd = -1;
}

static void send_flow(struct clients *c, struct client *e, struct flow *f, uint64_t now_us)
{
    struct flow_packet packet;
    while (now_us >= f->due_us || f->part > 0) {
        if (f->part == 0)
            histogram_add(&c->late, (int64_t)(now_us - f->due_us));
        if (!flow_next(f, now_us, &e->transport_seq, &packet))
            return;
        struct seal_packet parts = {.header = packet.header,
                                    .header_len = packet.header_len,
                                    .payload = packet.payload,
                                    .payload_len = packet.payload_len};
        if (link_send_rtp(e->link, &parts) == 0)
            c->sent++;
    }
}

/* Sends what is due; returns when the next is. */
static uint64_t send_flows(struct clients *c, struct client *e, uint64_t now_us)
{
    uint64_t due_us = UINT64_MAX;
    bool any = false;
    for (size_t i = 0; i < e->flow_count; i++) {
        struct flow *f = &e->flows[i];
        if (now_us >= f->due_us) {
            send_flow(c, e, f, now_us);
            any = true;
        }
        if (f->due_us < due_us)
            due_us = f->due_us;
    }
    if (any)
        link_flush(e->link);
    return due_us;
}

static uint64_t send_all(struct clients *c)
{
    uint64_t due_us = UINT64_MAX;
    for (size_t i = 0; i < c->count && !c->quiet; i++) {
        if (c->all[i].flow_count == 0 || !link_is_connected(c->all[i].link))
            continue;
        uint64_t next_us = send_flows(c, &c->all[i], clock_now_us());
        if (next_us < due_us)
            due_us = next_us;
    }
    return due_us;
}

static void run_timers(struct clients *c, uint64_t now_us)
{
    c->timers_us = now_us + TIMERS_US;
    for (size_t i = 0; i < c->count; i++) {
        struct client *e = &c->all[i];
        if (e->due_us <= now_us)
            e->due_us = link_tick(e->link, now_us);
        if (link_is_connected(e->link))
            client_report(c, e, now_us);
    }
}

bool clients_step(struct clients *c, uint64_t until_us)
{
    uint64_t due_us = send_all(c), now_us = clock_now_us();
    if (now_us >= until_us)
        return false;
    if (now_us >= c->timers_us)
        run_timers(c, now_us);
    if (due_us > until_us)
        due_us = until_us;
    if (due_us > c->timers_us)
        due_us = c->timers_us;
    uint64_t wait_us = due_us > now_us ? due_us - now_us : 0;
    struct timespec wait = {.tv_sec = (time_t)(wait_us / SECOND_US),
                            .tv_nsec = (long)(wait_us % SECOND_US) * 1000};
    struct epoll_event events[EVENTS];
    int n = epoll_pwait2(c->epoll_fd, events, EVENTS, &wait, NULL);
    for (int i = 0; i < n; i++) {
        if (events[i].data.u64 == OTHER)
            c->other_ready(c->other);
        else
            client_receive(c, &c->all[events[i].data.u64]);
        /* What is due is sent in between: the load is to be on time however much comes. */
        if (clock_now_us() >= due_us)
            due_us = send_all(c);
    }
    return true;
}

void clients_run(struct clients *c, uint64_t us)
{
    uint64_t end_us = clock_now_us() + us;
    while (clients_step(c, end_us))
        ;
}

void clients_pause(struct clients *c)
{
    if (!c->quiet)
        c->paused_us = clock_now_us();
    c->quiet = true;
}

void clients_resume(struct clients *c)
{
    uint64_t pause_us = c->quiet ? clock_now_us() - c->paused_us : 0;
    c->quiet = false;
    for (size_t i = 0; i < c->count; i++)
        for (size_t k = 0; k < c->all[i].flow_count; k++)
            c->all[i].flows[k].due_us += pause_us;
}

void clients_forget(struct clients *c)
{
    histogram_clear(&c->latency);
    histogram_clear(&c->span);
    histogram_clear(&c->late);
    memset(c->bursts, 0, sizeof(c->bursts));
}

struct clients_sum clients_sum(const struct clients *c)
{
    struct clients_sum sum = {0};
    for (size_t i = 0; i < c->count; i++) {
        const struct client *e = &c->all[i];
        sum.strays += e->strays;
        for (size_t k = 0; k < e->inbound_count; k++) {
            const struct inbound *in = &e->inbound[k];
            sum.received += in->packets;
            sum.opened += in->opened;
            sum.bad += in->bad;
            sum.late += in->late;
            sum.skipped += in->skipped;
        }
    }
    return sum;
}

uint64_t clients_wanted(const struct clients *c, const struct load *l)
{
    uint64_t shown = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct client *e = &c->all[i];
        if (e->flow_count == 0)
            continue;
        shown += e->flows[0].counter;
        if (e->flow_count > 1)
            shown += e->flows[e->flow_count - 1].counter;
    }
    return shown * (l->one_way ? l->pages - l->publishing : l->pages - 1);
}
