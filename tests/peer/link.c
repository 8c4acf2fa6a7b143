/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sfu/ice.h"
#include "sfu/srtp_in.h"
#include "sfu/udp.h"

/* As Chromium does: quick until there is an answer, then every 2.5 s. */
#define CHECK_FIRST_US  50000ull
#define CHECK_STEADY_US 2500000ull

struct out_stream {
    uint32_t ssrc;
    struct seal_stream seal;
};

struct link {
    int fd;
    struct address server;
    struct send_queue *queue;
    struct control_ice local;
    struct ice_client *ice;
    uint64_t next_check_us;
    bool proven;
    bool modest; /* its checks do not nominate */
    struct dtls *dtls;
    bool dtls_started;
    bool expected_known;
    uint8_t expected[DTLS_FINGERPRINT_LEN];
    struct srtp_in *srtp;
    struct sealer *sealer;
    struct seal *seal;
    struct out_stream streams[LINK_STREAMS_MAX];
    size_t stream_count;
    struct link_stats stats;
};

static int open_socket(struct link *l)
{
    struct address any;
    int r = address_from_text(l->server.any.sa_family == AF_INET ? "0.0.0.0" : "::", 0, &any);
    if (r < 0)
        return r;
    l->fd = udp_open(&any);
    return l->fd < 0 ? l->fd : send_queue_create(l->fd, l->sealer, &l->queue);
}

static void close_socket(struct link *l)
{
    send_queue_destroy(l->queue);
    l->queue = NULL;
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}

int link_create(const struct dtls_context *dtls, const struct control_ice *server,
                const struct address *server_address, struct link **ret_link)
{
    CLEANUP(link_destroy) struct link *l = calloc(1, sizeof(*l));
    if (!l)
        return -ENOMEM;
    l->fd = -1;
    l->server = *server_address;
    int r = sealer_create(SEALER_AUTO, &l->sealer);
    if (r == 0)
        r = open_socket(l);
    if (r == 0)
        r = ice_make_credentials(&l->local);
    if (r == 0)
        r = ice_client_create(&l->local, server, &l->ice);
    if (r == 0)
        r = dtls_create(dtls, DTLS_CLIENT, &l->dtls);
    if (r < 0)
        return r;
    *ret_link = STEAL(l);
    return 0;
}

void link_destroy(struct link *l)
{
    if (!l)
        return;
    ice_client_destroy(l->ice);
    dtls_destroy(l->dtls);
    srtp_in_destroy(l->srtp);
    seal_destroy(l->seal);
    close_socket(l);
    sealer_destroy(l->sealer);
    free(l);
}

int link_fd(const struct link *l)
{
    return l->fd;
}

const struct control_ice *link_ice(const struct link *l)
{
    return &l->local;
}

int link_meet(struct link *l, const struct control_ice *server, const struct address *address)
{
    struct ice_client *fresh = NULL;
    int r = ice_client_create(&l->local, server, &fresh);
    if (r < 0)
        return r;
    ice_client_destroy(l->ice);
    l->ice = fresh;
    l->server = *address;
    l->next_check_us = 0;
    return 0;
}

int link_move(struct link *l)
{
    close_socket(l);
    l->next_check_us = 0;
    l->proven = false;
    return open_socket(l);
}

int link_restart(struct link *l, const struct control_ice *server)
{
    struct ice_client *fresh = NULL;
    int r = ice_make_credentials(&l->local);
    if (r == 0)
        r = ice_client_create(&l->local, server, &fresh);
    if (r < 0)
        return r;
    ice_client_destroy(l->ice);
    l->ice = fresh;
    l->next_check_us = 0;
    l->proven = false;
    return 0;
}

int link_send_raw(struct link *l, const uint8_t *datagram, size_t len)
{
    uint8_t *room = len <= SEND_DATAGRAM_MAX ? send_reserve(l->queue) : NULL;
    if (!room)
        return -ENOBUFS;
    memcpy(room, datagram, len);
    send_commit(l->queue, &l->server, len);
    return 0;
}

void link_flush(struct link *l)
{
    (void)send_flush(l->queue); /* what is left waits for the next one */
}

static void send_dtls(struct link *l)
{
    size_t len;
    for (const uint8_t *d = dtls_next_datagram(l->dtls, &len); d;
         d = dtls_next_datagram(l->dtls, &len))
        (void)link_send_raw(l, d, len); /* lost when full: retransmitted */
}

void link_nominates(struct link *l, bool nominates)
{
    l->modest = !nominates;
}

static void send_check(struct link *l, uint64_t now_us)
{
    uint8_t request[ICE_STUN_MAX];
    size_t len = ice_client_request(l->ice, !l->modest, request, sizeof(request));
    if (len && link_send_raw(l, request, len) == 0)
        l->stats.checks_sent++;
    l->next_check_us = now_us + (l->proven ? CHECK_STEADY_US : CHECK_FIRST_US);
}

uint64_t link_tick(struct link *l, uint64_t now_us)
{
    if (now_us >= l->next_check_us)
        send_check(l, now_us);
    uint64_t next = dtls_tick(l->dtls, now_us);
    send_dtls(l);
    link_flush(l);
    return next < l->next_check_us ? next : l->next_check_us;
}

static void agree_keys(struct link *l)
{
    struct keys local, remote;
    if (!l->expected_known || l->srtp || dtls_keys(l->dtls, l->expected, &local, &remote) < 0)
        return;
    if (srtp_in_create(l->sealer, &remote, &local, &l->srtp) < 0 ||
        seal_create(l->sealer, SEAL_RTP_OUT, &local, &l->seal) < 0) {
        srtp_in_destroy(l->srtp);
        l->srtp = NULL;
    }
}

void link_expect(struct link *l, const uint8_t fingerprint[DTLS_FINGERPRINT_LEN])
{
    memcpy(l->expected, fingerprint, DTLS_FINGERPRINT_LEN);
    l->expected_known = true;
    agree_keys(l);
}

static struct link_received dropped(struct link *l)
{
    l->stats.dropped++;
    return (struct link_received){.outcome = LINK_DROPPED};
}

static struct link_received receive_stun(struct link *l, const uint8_t *datagram, size_t len,
                                         uint64_t now_us)
{
    struct address mapped;
    if (datagram[0] == 0) { /* a request: most servers only answer ours */
        uint8_t answer[ICE_STUN_MAX];
        size_t n = ice_client_answer(&l->local, datagram, len, &l->server, answer);
        if (n == 0 || link_send_raw(l, answer, n) < 0)
            return dropped(l);
        return (struct link_received){.outcome = LINK_HANDLED};
    }
    if (ice_client_response(l->ice, datagram, len, &mapped) < 0)
        return dropped(l);
    l->stats.checks_answered++;
    if (!l->proven) {
        l->proven = true;
        l->next_check_us = now_us + CHECK_STEADY_US;
    }
    if (!l->dtls_started) {
        l->dtls_started = true;
        dtls_start(l->dtls, now_us);
        send_dtls(l);
    }
    return (struct link_received){.outcome = LINK_HANDLED};
}

static struct link_received receive_srtp(struct link *l, const uint8_t *datagram, size_t len,
                                         uint8_t *plain, uint64_t now_us)
{
    if (!l->srtp)
        return dropped(l);
    bool rtcp = len >= 2 && datagram[1] >= 192 && datagram[1] <= 223;
    int r = rtcp ? srtp_in_open_rtcp(l->srtp, datagram, len, now_us, plain, &len)
                 : srtp_in_open_rtp(l->srtp, datagram, len, now_us, plain, &len);
    if (r < 0)
        return dropped(l);
    return (struct link_received){.outcome = rtcp ? LINK_RTCP : LINK_RTP, .len = len};
}

struct link_received link_receive(struct link *l, const uint8_t *datagram, size_t len,
                                  uint8_t *plain, uint64_t now_us)
{
    if (len == 0)
        return dropped(l);
    if (datagram[0] <= 3)
        return receive_stun(l, datagram, len, now_us);
    if (datagram[0] >= 128)
        return receive_srtp(l, datagram, len, plain, now_us);
    if (dtls_receive(l->dtls, datagram, len, now_us) < 0)
        return dropped(l);
    send_dtls(l);
    agree_keys(l);
    return (struct link_received){.outcome = LINK_HANDLED};
}

bool link_is_connected(const struct link *l)
{
    return l->srtp && dtls_state(l->dtls) == DTLS_DONE;
}

bool link_is_closed(const struct link *l)
{
    return dtls_state(l->dtls) == DTLS_CLOSED;
}

static struct seal_stream *find_stream(struct link *l, uint32_t ssrc)
{
    for (size_t i = 0; i < l->stream_count; i++)
        if (l->streams[i].ssrc == ssrc)
            return &l->streams[i].seal;
    if (l->stream_count == LINK_STREAMS_MAX)
        return NULL;
    l->streams[l->stream_count].ssrc = ssrc;
    return &l->streams[l->stream_count++].seal;
}

int link_send_rtp(struct link *l, const struct seal_packet *p)
{
    if (!l->seal)
        return -ENOTCONN;
    const uint8_t *h = p->header;
    struct seal_stream *s =
        find_stream(l, (uint32_t)h[8] << 24 | (uint32_t)h[9] << 16 | (uint32_t)h[10] << 8 | h[11]);
    uint8_t *room = s ? send_reserve(l->queue) : NULL;
    if (!room)
        return -ENOBUFS;
    size_t len;
    int r = seal_rtp(l->seal, s, p, room, SEND_DATAGRAM_MAX, &len);
    if (r == 0)
        send_commit(l->queue, &l->server, len);
    return r;
}

int link_send_rtcp(struct link *l, const uint8_t *rtcp, size_t len)
{
    if (!l->srtp)
        return -ENOTCONN;
    if (len > SEND_DATAGRAM_MAX - SEAL_RTCP_TRAILER_MAX)
        return -EMSGSIZE;
    uint8_t *room = send_reserve(l->queue);
    if (!room)
        return -ENOBUFS;
    memcpy(room, rtcp, len);
    int r = srtp_in_protect_rtcp(l->srtp, room, &len);
    if (r == 0)
        send_commit(l->queue, &l->server, len);
    return r;
}

void link_close(struct link *l)
{
    dtls_close(l->dtls);
    send_dtls(l);
    link_flush(l);
}

const struct link_stats *link_stats(const struct link *l)
{
    return &l->stats;
}
