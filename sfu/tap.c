/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/tap.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/bytes.h"
#include "sfu/seqnum.h"

#define FIRST_ALLOWANCES 16

/* Clock rates of RFC 7587, RFC 7741 and RFC 6184. */
static uint32_t clock_rate(enum codec codec)
{
    return codec == CODEC_OPUS ? 48000 : 90000;
}

/* Puts a record made by us, whole. Returns whether the ring took it. */
static bool put(struct tap *tap, struct context *c, enum ring_kind kind, uint32_t track,
                const struct writer *w)
{
    int r = ring_put(tap->ring, kind, track, c->now_us, w->start, writer_len(w), NULL, 0);
    if (r < 0)
        context_count(c, CONTROL_METRIC_RING_DROPPED);
    return r == 0;
}

int tap_attach(struct tap *tap, struct context *c, int fd)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return -errno;
    if (tap->ring && tap->ring_memory == status.st_ino)
        return 0;

    struct ring *ring;
    int r = ring_attach(fd, &ring);
    if (r < 0)
        return r;
    ring_destroy(tap->ring);
    tap->ring = ring;
    tap->ring_memory = status.st_ino;
    tap->generation++;

    uint8_t body[8];
    struct writer w = writer_over(body, sizeof(body));
    writer_u64(&w, c->boot_id);
    (void)put(tap, c, RING_PRODUCER, 0, &w); /* a full ring is counted, packets will come anyway */
    return 0;
}

void tap_finish(struct tap *tap)
{
    ring_destroy(tap->ring);
    free(tap->allowances);
    *tap = (struct tap){0};
}

static bool is_told(const struct tap *tap, const struct tap_track *track)
{
    return tap->ring && track->number != 0 && track->generation == tap->generation;
}

/* What track `number` means from here on, or meant all along. */
static bool put_track(struct tap *tap, struct context *c, uint32_t number,
                      const struct tap_source *source, enum codec codec, uint8_t payload_type,
                      uint32_t ssrc)
{
    uint8_t body[64];
    struct writer w = writer_over(body, sizeof(body));
    writer_u64(&w, source->peer);
    writer_u64(&w, source->stream);
    writer_u8(&w, source->kind);
    writer_u8(&w, source->source);
    writer_u8(&w, (uint8_t)codec);
    writer_u8(&w, payload_type);
    writer_u32(&w, clock_rate(codec));
    writer_u32(&w, ssrc);
    return put(tap, c, RING_TRACK, number, &w);
}

/* One allowance that nobody has, or NULL. */
static struct tap_allowance *add_allowances(struct tap *tap)
{
    size_t count = tap->allowance_count ? 2 * tap->allowance_count : FIRST_ALLOWANCES;
    if (count > LIMIT_PEERS_PER_HEARING)
        count = LIMIT_PEERS_PER_HEARING;
    if (count == tap->allowance_count)
        return NULL;
    struct tap_allowance *grown = realloc(tap->allowances, count * sizeof(*grown));
    if (!grown)
        return NULL;
    for (size_t i = tap->allowance_count; i < count; i++)
        grown[i] = (struct tap_allowance){0};
    tap->allowances = grown;
    tap->allowance_count = count;
    return &grown[count - 1];
}

/* Where `peer` may take one track more, or NULL when it has begun too many, or so many others have.
 */
static struct tap_allowance *find_allowance(struct tap *tap, const struct context *c, uint64_t peer)
{
    const uint64_t most_us = 1000ull * LIMIT_TRACK_INTERVAL_MS * (LIMIT_TRACKS_AT_ONCE - 1);
    struct tap_allowance *found = NULL;
    for (size_t i = 0; i < tap->allowance_count; i++) {
        struct tap_allowance *a = &tap->allowances[i];
        if (a->until_us <= c->now_us)
            found = a;
        else if (a->peer == peer)
            return a->until_us <= c->now_us + most_us ? a : NULL;
    }
    return found ? found : add_allowances(tap);
}

static void take_allowance(struct tap_allowance *a, const struct context *c, uint64_t peer)
{
    uint64_t from_us = a->until_us > c->now_us ? a->until_us : c->now_us;
    *a = (struct tap_allowance){peer, from_us + LIMIT_TRACK_INTERVAL_MS * 1000ull};
}

static bool tell_track(struct tap *tap, struct context *c, struct tap_track *track,
                       const struct tap_source *source, const struct packet *packet)
{
    bool changed = is_told(tap, track);
    bool begins = changed || !track->number;
    bool too_soon = changed && c->now_us - track->told_us < LIMIT_TRACK_CODEC_MS * 1000ull;
    struct tap_allowance *allowance =
        begins && !too_soon ? find_allowance(tap, c, source->peer) : NULL;
    if (begins && !allowance) {
        context_count(c, CONTROL_METRIC_DROPPED_FLOOD);
        return false;
    }
    uint32_t number = track->number ? track->number : tap->last_track + 1;
    if (!put_track(tap, c, number, source, packet->payload.codec, packet->rtp.payload_type,
                   packet->rtp.ssrc))
        return false;
    if (begins)
        take_allowance(allowance, c, source->peer);
    if (!changed)
        track->muted = false; /* this tape knows of none */
    if (!track->number)
        tap->last_track = number;
    track->number = number;
    track->generation = tap->generation;
    track->told_us = c->now_us;
    track->codec = (uint8_t)packet->payload.codec;
    track->payload_type = packet->rtp.payload_type;
    return true;
}

static bool tell_mute(struct tap *tap, struct context *c, struct tap_track *track, uint64_t stream,
                      bool muted)
{
    uint8_t body[9];
    struct writer w = writer_over(body, sizeof(body));
    writer_u64(&w, stream);
    writer_u8(&w, muted);
    if (!put(tap, c, RING_TRACK_MUTE, track->number, &w))
        return false;
    track->muted = muted;
    return true;
}

/* Makes the tape ready for packets of this track. Returns false to leave the packet out. */
static bool begin(struct tap *tap, struct context *c, struct tap_track *track,
                  const struct tap_source *source, const struct packet *packet)
{
    bool told = is_told(tap, track) && track->codec == packet->payload.codec &&
                track->payload_type == packet->rtp.payload_type;
    if (!told && !tell_track(tap, c, track, source, packet))
        return false;
    /* The ring was full when the pause ended. */
    if (track->muted && !tell_mute(tap, c, track, source->stream, false))
        return false;
    if (!track->recording)
        track->first_seq = packet->rtp.seq;
    track->recording = true;
    return true;
}

void tap_packet(struct tap *tap, struct context *c, struct tap_track *track,
                const struct tap_source *source, const struct packet *packet, bool repaired)
{
    if (!tap->ring)
        return;
    bool ready =
        track->recording && is_told(tap, track) && track->payload_type == packet->rtp.payload_type;
    if (!ready && !begin(tap, c, track, source, packet))
        return;
    if (seqnum_is_newer(track->first_seq, packet->rtp.seq))
        return;
    /* The mark must not fall half the number space behind. */
    if ((uint16_t)(packet->rtp.seq - track->first_seq) > 0x4000)
        track->first_seq = (uint16_t)(packet->rtp.seq - 0x2000);

    int r = ring_put(tap->ring, repaired ? RING_RTP_REPAIRED : RING_RTP, track->number,
                     packet->arrived_us, packet->data, packet->len, NULL, 0);
    context_count(c, r < 0 ? CONTROL_METRIC_RING_DROPPED : CONTROL_METRIC_RING_PACKETS);
}

void tap_sender_report(struct tap *tap, struct context *c, struct tap_track *track,
                       const struct tap_source *source, const struct tap_report *report)
{
    if (!is_told(tap, track) || !track->recording || c->now_us < track->report_us)
        return;
    track->report_us = c->now_us + LIMIT_REPORT_MS * 1000ull;
    (void)put_track(tap, c, track->number, source, (enum codec)track->codec, track->payload_type,
                    report->ssrc); /* as below */
    uint8_t body[16];
    struct writer w = writer_over(body, sizeof(body));
    writer_u32(&w, report->ssrc);
    writer_u64(&w, report->ntp);
    writer_u32(&w, report->rtp_timestamp);
    (void)put(tap, c, RING_SENDER_REPORT, track->number, &w); /* the next one comes in a second */
}

void tap_loss(struct tap *tap, struct context *c, const struct tap_track *track, uint16_t first,
              uint16_t count)
{
    if (!is_told(tap, track) || !track->recording || seqnum_is_newer(track->first_seq, first))
        return;
    uint8_t body[4];
    struct writer w = writer_over(body, sizeof(body));
    writer_u16(&w, first);
    writer_u16(&w, count);
    (void)put(tap, c, RING_LOSS, track->number, &w); /* the hole shows in the numbers as well */
}

void tap_mute(struct tap *tap, struct context *c, struct tap_track *track, uint64_t stream)
{
    track->recording = false;
    if (is_told(tap, track) && !track->muted)
        (void)tell_mute(tap, c, track, stream, true); /* counted; nothing is recorded either way */
}

void tap_unmute(struct tap *tap, struct context *c, struct tap_track *track, uint64_t stream)
{
    if (is_told(tap, track) && track->muted)
        (void)tell_mute(tap, c, track, stream, false); /* counted; said with the first packet */
}

void tap_end(struct tap *tap, struct context *c, struct tap_track *track, uint64_t stream)
{
    track->recording = false;
    if (!is_told(tap, track))
        return;
    uint8_t body[8];
    struct writer w = writer_over(body, sizeof(body));
    writer_u64(&w, stream);
    (void)put(tap, c, RING_TRACK_END, track->number, &w); /* counted; the tape ends it by silence */
    track->number = 0;
}
