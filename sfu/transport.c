/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/transport.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/codecs.h"
#include "common/limits.h"
#include "sfu/directory.h"
#include "sfu/dtls.h"
#include "sfu/ice.h"
#include "sfu/paths.h"
#include "sfu/rtp.h"
#include "sfu/srtp_in.h"
#include "sfu/tcp.h"

enum { CURRENT = 0, PREVIOUS = 1, GENERATIONS = 2 };

struct out_stream {
    uint32_t ssrc;
    struct seal_stream seal;
};

struct transport {
    /* What every packet needs is together, and with the first path within three cache lines. */
    enum control_transport_phase phase, told;
    struct srtp_in *srtp; /* NULL until keys are agreed and the certificate is checked */
    struct seal *seal;
    struct paths paths;

    struct transport_config config;
    struct control_ice ice[GENERATIONS]; /* PREVIOUS: only while `restarting` */
    struct directory_entry ufrags[GENERATIONS];
    bool restarting;

    struct dtls *dtls;
    struct handshake handshake; /* what of it waits for its turn */
    bool expected_known;
    uint8_t expected[CONTROL_FINGERPRINT_LEN];

    size_t stream_count;
    struct out_stream streams[]; /* config.out_streams of them */
};

static void list_ufrag(struct transport *t, int generation)
{
    t->ufrags[generation] = (struct directory_entry){.owner = t, .ufrag = t->ice[generation].ufrag};
    directory_add(t->config.directory, &t->ufrags[generation]);
}

int transport_create(const struct transport_config *config, uint64_t now_us,
                     struct transport **ret_transport)
{
    (void)now_us;
    if (config->out_streams > LIMIT_OUT_STREAMS)
        return -EINVAL;
    struct transport *t = calloc(1, sizeof(*t) + config->out_streams * sizeof(t->streams[0]));
    if (!t)
        return -ENOMEM;
    t->config = *config;
    handshake_init(&t->handshake);
    paths_init(&t->paths, config->directory, t);
    int r = ice_make_credentials(&t->ice[CURRENT]);
    if (r == 0)
        r = dtls_create(config->dtls, DTLS_SERVER, &t->dtls);
    if (r < 0) {
        free(t);
        return r;
    }
    list_ufrag(t, CURRENT);
    *ret_transport = t;
    return 0;
}

/* Room for one datagram on the way to the page. NULL: it is to be dropped. */
static uint8_t *reserve(const struct path *to, enum lanes_kind kind)
{
    return to->link ? tcp_reserve(to->link, kind) : send_reserve(to->via);
}

/* Queues what was written there, on its own. */
static void commit(const struct path *to, size_t len)
{
    if (to->link)
        tcp_commit(to->link, len);
    else
        send_commit(to->via, &to->remote, len);
}

/* The same behind what goes to the path already. */
static void commit_media(struct proven *to, size_t len)
{
    const struct path *path = &to->entry.path;
    if (path->link)
        tcp_commit(path->link, len);
    else
        send_commit_flow(path->via, &to->flow, &path->remote, len);
}

/* Queues what the handshake wants to send. */
static void send_dtls(struct transport *t, const struct path *to)
{
    size_t len;
    for (const uint8_t *d = dtls_next_datagram(t->dtls, &len); d;
         d = dtls_next_datagram(t->dtls, &len)) {
        uint8_t *room = reserve(to, LANES_CONTROL);
        if (!room)
            continue; /* lost, as on a network: retransmission makes up for it */
        memcpy(room, d, len);
        commit(to, len);
    }
}

void transport_destroy(struct transport *t)
{
    if (!t)
        return;
    if (transport_can_send(t)) {
        dtls_close(t->dtls);
        send_dtls(t, &t->paths.selected->entry.path);
    }
    paths_finish(&t->paths);
    directory_remove(t->config.directory, &t->ufrags[CURRENT]);
    if (t->restarting)
        directory_remove(t->config.directory, &t->ufrags[PREVIOUS]);
    handshakes_forget(t->config.handshakes, &t->handshake);
    srtp_in_destroy(t->srtp);
    seal_destroy(t->seal);
    dtls_destroy(t->dtls);
    explicit_bzero(t->ice, sizeof(t->ice));
    free(t);
}

void *transport_owner(const struct transport *t)
{
    return t->config.owner;
}

enum control_direction transport_direction(const struct transport *t)
{
    return t->config.direction;
}

void transport_ice(const struct transport *t, struct control_ice *ret_ice)
{
    *ret_ice = t->ice[CURRENT];
}

static bool has_ended(const struct transport *t)
{
    return t->phase == CONTROL_TRANSPORT_CLOSED || t->phase == CONTROL_TRANSPORT_FAILED;
}

bool transport_can_send(const struct transport *t)
{
    return t->paths.selected &&
           (t->phase == CONTROL_TRANSPORT_CONNECTED || t->phase == CONTROL_TRANSPORT_SILENT);
}

bool transport_is_stream(const struct transport *t)
{
    return t->paths.selected && t->paths.selected->entry.path.link;
}

enum control_transport_phase transport_phase(const struct transport *t)
{
    return t->phase;
}

bool transport_take_phase(struct transport *t, enum control_transport_phase *ret_phase)
{
    if (t->told == t->phase)
        return false;
    t->told = t->phase;
    *ret_phase = t->phase;
    return true;
}

static void fail(struct transport *t)
{
    t->phase = CONTROL_TRANSPORT_FAILED;
    t->config.stats->dtls_failed++;
}

/* The handshake is over and we know whom to expect: checks the certificate and makes the keys. */
static void agree_keys(struct transport *t)
{
    struct keys local, remote;
    int r = dtls_keys(t->dtls, t->expected, &local, &remote);
    if (r == 0)
        r = srtp_in_create(t->config.sealer, &remote, &local, &t->srtp);
    if (r == 0)
        r = seal_create(t->config.sealer, SEAL_RTP_OUT, &local, &t->seal);
    if (r == 0) {
        t->config.stats->dtls_connected++;
        t->phase = CONTROL_TRANSPORT_CONNECTED;
    } else {
        fail(t);
    }
    explicit_bzero(&local, sizeof(local));
    explicit_bzero(&remote, sizeof(remote));
}

/* What the state of DTLS means for the transport. */
static void note_dtls(struct transport *t)
{
    switch (dtls_state(t->dtls)) {
    case DTLS_HANDSHAKING:
        break;
    case DTLS_DONE:
        if (t->expected_known && !t->srtp)
            agree_keys(t);
        break;
    case DTLS_CLOSED:
        t->phase = CONTROL_TRANSPORT_CLOSED;
        break;
    case DTLS_FAILED:
        fail(t);
        break;
    }
}

int transport_connect(struct transport *t, const uint8_t fingerprint[CONTROL_FINGERPRINT_LEN],
                      uint64_t now_us)
{
    (void)now_us;
    if (t->expected_known)
        return memcmp(t->expected, fingerprint, CONTROL_FINGERPRINT_LEN) == 0 ? 0 : -EALREADY;
    memcpy(t->expected, fingerprint, CONTROL_FINGERPRINT_LEN);
    t->expected_known = true;
    if (!has_ended(t) && t->phase != CONTROL_TRANSPORT_EXPIRED)
        note_dtls(t);
    return 0;
}

int transport_restart(struct transport *t, struct control_ice *ret_ice)
{
    struct control_ice fresh;
    int r = ice_make_credentials(&fresh);
    if (r < 0)
        return r;
    /* A second restart before the first was used: the ones in use stay the previous ones. */
    directory_remove(t->config.directory, &t->ufrags[CURRENT]);
    if (!t->restarting) {
        t->ice[PREVIOUS] = t->ice[CURRENT];
        list_ufrag(t, PREVIOUS);
        paths_outdate(&t->paths);
        t->restarting = true;
    }
    t->ice[CURRENT] = fresh;
    list_ufrag(t, CURRENT);
    *ret_ice = fresh;
    return 0;
}

/* The page has nominated with the new credentials: the old ones and what they proved end. */
static void finish_restart(struct transport *t)
{
    t->restarting = false;
    directory_remove(t->config.directory, &t->ufrags[PREVIOUS]);
    explicit_bzero(&t->ice[PREVIOUS], sizeof(t->ice[PREVIOUS]));
    paths_forget_outdated(&t->paths);
}

/* A 5-tuple that another transport uses is not taken from it: whoever can both sign checks and
 * forge a source address must not cut off the others. */
static bool is_held_by_another(struct transport *t, const struct path *path, uint64_t now_us)
{
    struct transport *other = directory_find_path(t->config.directory, path);
    return other && other != t && paths_holds(&other->paths, path, now_us);
}

/* An authentic check came by `from`. */
static void note_check(struct transport *t, const struct path *from, int generation, bool nominated,
                       uint64_t now_us)
{
    struct proven *p = paths_checked(&t->paths, from, generation == PREVIOUS, now_us);
    bool renewed = t->restarting && generation == CURRENT &&
                   (nominated || t->phase == CONTROL_TRANSPORT_EXPIRED);
    if (nominated || renewed || !t->paths.selected)
        t->paths.selected = p;
    if (renewed)
        finish_restart(t);
    if (t->phase == CONTROL_TRANSPORT_NEW || t->phase == CONTROL_TRANSPORT_SILENT ||
        t->phase == CONTROL_TRANSPORT_EXPIRED)
        t->phase = t->srtp ? CONTROL_TRANSPORT_CONNECTED : CONTROL_TRANSPORT_ICE;
}

static struct transport_received dropped(struct transport *t, enum transport_drop reason)
{
    t->config.stats->dropped[reason]++;
    return (struct transport_received){.outcome = TRANSPORT_DROPPED, .reason = reason};
}

/* Which credentials a request names: CURRENT, PREVIOUS, or -1. */
static int find_generation(const struct transport *t, const struct ice_view *view)
{
    for (int g = CURRENT; g < (t->restarting ? GENERATIONS : PREVIOUS); g++)
        if (strlen(t->ice[g].ufrag) == view->local_ufrag_len &&
            memcmp(t->ice[g].ufrag, view->local_ufrag, view->local_ufrag_len) == 0)
            return g;
    return -1;
}

static struct transport_received receive_stun(struct transport *t, const struct path *from,
                                              const uint8_t *datagram, size_t len, uint64_t now_us)
{
    struct ice_view view;
    if (ice_view(datagram, len, &view) < 0)
        return dropped(t, TRANSPORT_DROP_STUN);
    int generation = find_generation(t, &view);
    if (generation < 0)
        return dropped(t, TRANSPORT_DROP_STUN);
    /* RFC 7675 section 5.1: after consent has lapsed only an ICE restart brings it back. */
    if (t->phase == CONTROL_TRANSPORT_EXPIRED && !(t->restarting && generation == CURRENT))
        return dropped(t, TRANSPORT_DROP_ENDED);

    uint8_t answer[ICE_STUN_MAX];
    struct ice_answer result = {0};
    int r = ice_answer(&t->ice[generation], datagram, len, &from->remote, answer, sizeof(answer),
                       &result);
    if (r == -EACCES || is_held_by_another(t, from, now_us))
        return dropped(t, TRANSPORT_DROP_STUN);
    uint8_t *room = result.len ? reserve(from, LANES_CONTROL) : NULL;
    if (room) {
        memcpy(room, answer, result.len);
        commit(from, result.len);
    }
    if (r < 0)
        return dropped(t, TRANSPORT_DROP_STUN);
    note_check(t, from, generation, result.nominated, now_us);
    return (struct transport_received){.outcome = TRANSPORT_HANDLED};
}

/* What a handshake costs is bounded by giving each its turn; what comes after it is one record to
 * be opened a datagram, 1 us. */
static struct transport_received queue_dtls(struct transport *t, const struct path *from,
                                            const uint8_t *datagram, size_t len)
{
    if (handshakes_put(t->config.handshakes, &t->handshake, from, datagram, len) < 0)
        return dropped(t, TRANSPORT_DROP_DTLS);
    return (struct transport_received){.outcome = TRANSPORT_HANDLED};
}

static struct transport_received take_dtls(struct transport *t, const struct path *from,
                                           const uint8_t *datagram, size_t len, uint64_t now_us)
{
    if (dtls_receive(t->dtls, datagram, len, now_us) < 0)
        return dropped(t, TRANSPORT_DROP_DTLS);
    send_dtls(t, from);
    note_dtls(t);
    return (struct transport_received){.outcome = TRANSPORT_HANDLED};
}

static struct transport_received receive_dtls(struct transport *t, const struct path *from,
                                              const uint8_t *datagram, size_t len, uint64_t now_us)
{
    if (dtls_state(t->dtls) == DTLS_HANDSHAKING || t->handshake.count)
        return queue_dtls(t, from, datagram, len);
    return take_dtls(t, from, datagram, len, now_us);
}

struct transport *transport_shake_hands(struct handshakes *handshakes, uint64_t now_us)
{
    struct handshake *whose;
    struct handshake_datagram *d = handshakes_take(handshakes, &whose);
    if (!d)
        return NULL;
    struct transport *t = LIST_ENTRY(whose, struct transport, handshake);
    /* Much may have happened while it waited. */
    if (has_ended(t))
        (void)dropped(t, TRANSPORT_DROP_ENDED);
    else if (!paths_find(&t->paths, &d->from))
        (void)dropped(t, TRANSPORT_DROP_FOREIGN);
    else
        (void)take_dtls(t, &d->from, d->bytes, d->len, now_us); /* the phase tells */
    free(d);
    return t;
}

static enum transport_drop drop_of_srtp(int error)
{
    switch (error) {
    case -EACCES:
        return TRANSPORT_DROP_FORGED;
    case -EALREADY:
        return TRANSPORT_DROP_REPLAYED;
    case -ENOSPC:
        return TRANSPORT_DROP_SSRCS;
    default:
        return TRANSPORT_DROP_JUNK;
    }
}

static struct transport_received receive_srtp(struct transport *t, struct proven *path,
                                              const uint8_t *datagram, size_t len, uint8_t *plain,
                                              uint64_t now_us)
{
    if (!t->srtp)
        return dropped(t, TRANSPORT_DROP_EARLY);
    bool rtcp = rtp_is_rtcp(datagram, len);
    int r = rtcp ? srtp_in_open_rtcp(t->srtp, datagram, len, now_us, plain, &len)
                 : srtp_in_open_rtp(t->srtp, datagram, len, now_us, plain, &len);
    if (r < 0)
        return dropped(t, drop_of_srtp(r));
    paths_heard(&t->paths, path, now_us);
    if (t->phase == CONTROL_TRANSPORT_SILENT)
        t->phase = CONTROL_TRANSPORT_CONNECTED;
    return (struct transport_received){.outcome = rtcp ? TRANSPORT_RTCP : TRANSPORT_RTP,
                                       .len = len};
}

struct transport_received transport_receive(struct transport *t, const struct path *from,
                                            const uint8_t *datagram, size_t len, uint8_t *plain,
                                            uint64_t now_us)
{
    if (has_ended(t))
        return dropped(t, TRANSPORT_DROP_ENDED);
    if (len == 0)
        return dropped(t, TRANSPORT_DROP_JUNK);

    /* RFC 7983 section 7. */
    uint8_t first = datagram[0];
    if (first <= 3)
        return receive_stun(t, from, datagram, len, now_us);
    struct proven *path = paths_find(&t->paths, from);
    if (!path)
        return dropped(t, TRANSPORT_DROP_FOREIGN);
    if (first >= 20 && first <= 63)
        return receive_dtls(t, from, datagram, len, now_us);
    if (first >= 128 && first <= 191)
        return receive_srtp(t, path, datagram, len, plain, now_us);
    return dropped(t, TRANSPORT_DROP_JUNK);
}

struct transport *transport_find(const struct directory *directory, const struct path *from,
                                 const uint8_t *datagram, size_t len)
{
    struct transport *t = directory_find_path(directory, from);
    struct ice_view view;
    if (len == 0 || datagram[0] > 3)
        return t;
    /* A check names its transport itself: a page that came again may use the address anew. */
    if (ice_view(datagram, len, &view) < 0)
        return t;
    return directory_find_ufrag(directory, view.local_ufrag, view.local_ufrag_len);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t transport_tick(struct transport *t, uint64_t now_us)
{
    if (has_ended(t) || t->phase == CONTROL_TRANSPORT_NEW || t->phase == CONTROL_TRANSPORT_EXPIRED)
        return UINT64_MAX;
    paths_expire(&t->paths, now_us);
    if (!t->paths.selected && !paths_have_consent(&t->paths, now_us)) {
        t->phase = CONTROL_TRANSPORT_EXPIRED;
        return UINT64_MAX;
    }
    uint64_t next = UINT64_MAX;
    if (t->paths.selected) {
        /* While the page's answer waits for its turn, ours need not be sent again. */
        next = t->handshake.count ? UINT64_MAX : dtls_tick(t->dtls, now_us);
        send_dtls(t, &t->paths.selected->entry.path);
        note_dtls(t);
        if (has_ended(t))
            return UINT64_MAX;
    }
    next = earlier(next, t->paths.checked_us + PATHS_CONSENT_US);
    if (t->phase == CONTROL_TRANSPORT_CONNECTED) {
        if (paths_are_silent(&t->paths, now_us))
            t->phase = CONTROL_TRANSPORT_SILENT;
        else
            next = earlier(next, t->paths.heard_us + PATHS_SILENT_US);
    }
    return next;
}

int transport_add_stream(struct transport *t, uint32_t ssrc, unsigned *ret_stream)
{
    for (size_t i = 0; i < t->stream_count; i++)
        if (t->streams[i].ssrc == ssrc) {
            *ret_stream = (unsigned)i;
            return 0;
        }
    if (t->stream_count == t->config.out_streams)
        return -ENOSPC;
    t->streams[t->stream_count].ssrc = ssrc;
    *ret_stream = (unsigned)t->stream_count++;
    return 0;
}

/* Of the payload types that pages are given (common/codecs.h) one is sound. */
static enum lanes_kind kind_of(const struct seal_packet *packet)
{
    return (packet->header[1] & 0x7f) == CODEC_PT_OPUS ? LANES_SOUND : LANES_PICTURE;
}

int transport_send_rtp(struct transport *t, unsigned stream, const struct seal_packet *packet,
                       size_t *sent_bytes)
{
    assert(stream < t->stream_count);
    if (!transport_can_send(t))
        return -ENOTCONN;
    uint8_t *room = reserve(&t->paths.selected->entry.path, kind_of(packet));
    if (!room)
        return -ENOBUFS;
    size_t len;
    int r = seal_rtp(t->seal, &t->streams[stream].seal, packet, room, SEND_DATAGRAM_MAX, &len);
    if (r < 0)
        return r;
    commit_media(t->paths.selected, len);
    if (sent_bytes)
        *sent_bytes += len;
    return 0;
}

int transport_send_rtcp(struct transport *t, const uint8_t *rtcp, size_t len)
{
    if (!transport_can_send(t))
        return -ENOTCONN;
    if (len > SEND_DATAGRAM_MAX - SEAL_RTCP_TRAILER_MAX)
        return -EMSGSIZE;
    uint8_t *room = reserve(&t->paths.selected->entry.path, LANES_CONTROL);
    if (!room)
        return -ENOBUFS;
    memcpy(room, rtcp, len);
    int r = srtp_in_protect_rtcp(t->srtp, room, &len);
    if (r < 0)
        return r;
    commit_media(t->paths.selected, len);
    return 0;
}
