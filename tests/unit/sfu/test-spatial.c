/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "sfu/pictures.h"
#include "sfu/room.h"
#include "unit/check.h"
#include "unit/sfu/stage.h"

#define KBPS     1000u
#define SECOND   1000000ull
#define FRAMES   25 /* a second */
#define LAYERS   3
#define PT_VP9   98
#define PACKETS  2 /* of each layer's frame */
#define PARTS    16
#define FIRST_ID 32700 /* wraps on the way */

static struct stage s;

/* Who looks, and who is looked at. */
static struct page *viewer, *two;
static uint16_t seq, picture;
static unsigned sends; /* spatial layers */
static bool flexible;  /* pictures name those they are predicted from, as Chromium's do */
static unsigned plis;

/* One packet as it was sent. */
struct part {
    uint16_t seq, id;
    uint8_t payload[60];
    uint8_t layer;
    bool key, start, end; /* of a key picture the first; of its layer */
};

/* What the viewer got. */
static struct got {
    unsigned frames[LAYERS]; /* by the layer that ended with a marker */
    unsigned packets;
    uint16_t seq, picture;
    uint16_t source;   /* the picture's id as it was sent */
    bool begun, whole; /* the last packet had the marker */
} got;

static struct peer *peer_of(const struct page *p)
{
    size_t cursor = 0;
    struct room *room = table_next(s.rooms, &cursor);
    return room_find_peer(room, p->id);
}

static struct encoding *layer_of(unsigned layer)
{
    struct publication *pub =
        publisher_find(&peer_of(two)->publisher, page_stream_id(two, CONTROL_VIDEO));
    return &pub->encodings[layer];
}

/* The way to the viewer is taken to carry so much. The estimator is test-bwe's. */
static void carries(uint32_t bps)
{
    struct downlink *d = &peer_of(viewer)->subscriber.downlink;
    d->heard = d->estimated = true;
    d->bwe.estimate_bps = bps;
    d->untold_us = 0;
}

static void publish(void)
{
    const uint32_t ssrc = page_ssrc(two, CONTROL_VIDEO);
    const struct control_message add = {
        .type = CONTROL_STREAM_ADD,
        .stream_add = {.hearing = STAGE_HEARING,
                       .peer = two->id,
                       .stream = page_stream_id(two, CONTROL_VIDEO),
                       .kind = CONTROL_VIDEO,
                       .source = CONTROL_SOURCE_CAMERA,
                       .codec_count = 1,
                       .codecs = {{CODEC_VP9, PT_VP9, PT_VP9 + 1, 0}},
                       .encoding_count = 1,
                       .encodings = {{ssrc, ssrc + STAGE_RTX_SSRC, ""}},
                       .spatial_layers = LAYERS,
                       .ext_transport_cc = 0},
    };
    CHECK_EQ(stage_request(&s, &add, -1, NULL), 0);
}

static void begin(void)
{
    CHECK_EQ(stage_open(&s), 0);
    stage_open_court(&s);
    viewer = stage_join(&s, 0, CONTROL_ROLE_JUDGE, CONTROL_ROOM_COURTROOM, 0, 2, true);
    two = stage_join(&s, 2, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0, 2, true);
    publish();
    CHECK_EQ(stage_seat(&s, viewer, 0, CONTROL_VIDEO, page_stream_id(two, CONTROL_VIDEO)), 1);
    seq = 65000;
    picture = FIRST_ID;
    sends = LAYERS;
    plis = 0;
    got = (struct got){0};
}

static void look(uint16_t height)
{
    const struct control_message view = {
        .type = CONTROL_SEAT_VIEW,
        .seat_view = {STAGE_HEARING, viewer->id, 0, CONTROL_RANK_OTHER, height}};
    CHECK_EQ(stage_request(&s, &view, -1, NULL), 0);
}

/* Notes what came of a packet: numbers and pictures go on without a hole, and a picture has one
 * end, which is that of its best layer. */
static void take(const struct part *part)
{
    const struct page_stream *seat = page_seat(viewer, 0, CONTROL_VIDEO);
    if (seat->packets == got.packets)
        return;
    CHECK_EQ(seat->packets, got.packets + 1);
    uint16_t id = (uint16_t)((seat->payload[1] & 0x7f) << 8 | seat->payload[2]);
    bool news = got.whole || !got.begun;
    if (got.begun) {
        CHECK_EQ(seat->last.seq, (uint16_t)(got.seq + 1));
        if (part->key)
            CHECK(id != got.picture);
        else if (flexible)
            CHECK_EQ((id - got.picture) & 0x7fff, (part->id - got.source) & 0x7fff);
        else
            CHECK_EQ(id, (got.picture + news) & 0x7fff);
    } else {
        CHECK(part->key);
    }
    CHECK_EQ(seat->payload[3] >> 1 & 7, part->layer);
    got.packets = seat->packets;
    got.seq = seat->last.seq;
    got.picture = id;
    got.source = part->id;
    got.begun = true;
    got.whole = seat->last.marker;
    if (got.whole) {
        CHECK(part->end);
        got.frames[part->layer]++;
    }
}

/* Scalability structure: 180, 360 and 720 lines. */
static void write_structure(struct writer *w)
{
    writer_u8(w, (uint8_t)((sends - 1) << 5 | 0x10));
    for (unsigned layer = 0; layer < sends; layer++) {
        writer_u16(w, (uint16_t)(320 << layer));
        writer_u16(w, (uint16_t)(180 << layer));
    }
}

static void write_descriptor(struct writer *w, const struct part *p, bool key, uint8_t tid,
                             uint8_t tl0picidx)
{
    static const uint8_t steps[] = {4, 2, 1};
    uint8_t flags = 0xa0; /* a picture id, and layers */
    flags |= key ? 0 : 0x40;
    flags |= flexible ? 0x10 : 0;
    flags |= p->start ? 8 : 0;
    flags |= p->end ? 4 : 0;
    flags |= p->key ? 2 : 0;
    writer_u8(w, flags);
    writer_u16(w, 0x8000 | p->id);
    writer_u8(w, (uint8_t)(tid << 5 | 0x10 | p->layer << 1 | (key && p->layer > 0)));
    if (!flexible)
        writer_u8(w, tl0picidx);
    else if (!key)
        writer_u8(w, (uint8_t)(steps[tid] << 1));
    if (p->key)
        write_structure(w);
}

/* The packets of one picture, each layer of PACKETS. A layer is predicted from the one below it in
 * key pictures alone. Returns how many. */
static size_t make(bool key, uint8_t tid, uint8_t tl0picidx, struct part parts[PARTS])
{
    size_t count = 0;
    for (uint8_t layer = 0; layer < sends; layer++)
        for (unsigned i = 0; i < PACKETS; i++) {
            struct part *p = &parts[count++];
            *p = (struct part){
                .seq = seq++,
                .id = picture,
                .layer = layer,
                .key = key && layer == 0 && i == 0,
                .start = i == 0,
                .end = i == PACKETS - 1,
            };
            struct writer w = writer_over(p->payload, sizeof(p->payload));
            write_descriptor(&w, p, key, tid, tl0picidx);
        }
    picture = (picture + 1) & 0x7fff;
    return count;
}

static void send_part(const struct part *part)
{
    page_send_bytes(&s, two, CONTROL_VIDEO, part->seq, PT_VP9, part->payload,
                    sizeof(part->payload));
    take(part);
}

/* Of four pictures one, one and two in each temporal layer. A key picture when it is asked for. */
static void run(uint64_t duration_us)
{
    static const uint8_t layer[] = {0, 2, 1, 2};
    static unsigned i;
    static uint8_t tl0picidx;
    for (uint64_t end_us = s.c.now_us + duration_us; s.c.now_us < end_us; i++) {
        bool key = two->asked.plis != plis;
        plis = two->asked.plis;
        i = key ? 0 : i;
        if (i % 4 == 0)
            tl0picidx++;
        struct part parts[PARTS] = {0};
        size_t count = make(key, layer[i % 4], tl0picidx, parts);
        for (size_t k = 0; k < count; k++)
            send_part(&parts[k]);
        peer_of(viewer)->subscriber.downlink.untold_us = 0;
        stage_pass(&s, SECOND / FRAMES);
    }
}

/* Frames of each spatial layer in the next second. */
static void expect(unsigned lowest, unsigned middle, unsigned highest)
{
    memset(got.frames, 0, sizeof(got.frames));
    run(SECOND);
    CHECK_EQ(got.frames[0], lowest);
    CHECK_EQ(got.frames[1], middle);
    CHECK_EQ(got.frames[2], highest);
}

/* What is looked at is sent, and no packet of another layer but in key pictures. */
static void layer_by_size(void)
{
    begin();
    carries(5000 * KBPS);
    look(720);
    run(2 * SECOND);
    expect(0, 0, FRAMES);
    CHECK_EQ(layer_of(0)->height, 180);
    CHECK_EQ(layer_of(1)->height, 360);
    CHECK_EQ(layer_of(2)->height, 720);
    unsigned before = got.packets;
    run(SECOND);
    CHECK_EQ(got.packets - before, PACKETS * FRAMES);
    look(360);
    run(SECOND);
    expect(0, FRAMES, 0);
    look(180);
    run(SECOND);
    expect(FRAMES, 0, 0);
    look(720);
    run(SECOND);
    expect(0, 0, FRAMES);
    stage_close(&s);
}

/* Each costs what it takes, and a line that bears no more is sent fewer frames, then a smaller
 * layer, down to none. */
static void layer_by_line(void)
{
    begin();
    carries(5000 * KBPS);
    look(720);
    run(3 * SECOND);
    uint32_t bps = rate_bps(&layer_of(2)->rate, s.c.now_us);
    CHECK(bps >= PACKETS * FRAMES * 60 * 8 * 9 / 10 && bps <= PACKETS * FRAMES * 60 * 8 * 11 / 10);
    carries(20 * KBPS);
    run(2 * SECOND);
    memset(got.frames, 0, sizeof(got.frames));
    run(4 * SECOND);
    CHECK_EQ(got.frames[0] + got.frames[1] + got.frames[2], 2 * FRAMES); /* half of them */
    carries(5000 * KBPS);
    run(2 * SECOND);
    expect(0, 0, FRAMES);
    stage_close(&s);
}

/* The sender sends fewer layers: the next best is shown, and the best again once it is there. */
static void layers_come_and_go(void)
{
    begin();
    carries(5000 * KBPS);
    look(720);
    run(2 * SECOND);
    sends = 1;
    run(2 * SECOND);
    expect(FRAMES, 0, 0);
    CHECK(!layer_of(2)->flowing && !layer_of(1)->flowing && layer_of(0)->flowing);
    sends = LAYERS;
    two->asked.plis++; /* it begins with a key picture by itself */
    run(2 * SECOND);
    expect(0, 0, FRAMES);
    /* In a key picture of fewer layers nothing is of those that are missing. */
    sends = 2;
    two->asked.plis++;
    run(2 * SECOND);
    expect(0, FRAMES, 0);
    stage_close(&s);
}

static void send_picture(bool key)
{
    struct part parts[PARTS] = {0};
    size_t count = make(key, 0, 0, parts);
    for (size_t i = 0; i < count; i++)
        page_send_bytes(&s, two, CONTROL_VIDEO, parts[i].seq, PT_VP9, parts[i].payload,
                        sizeof(parts[i].payload));
}

/* A seat that some pictures could not be sent to goes on with a key picture that has its layer. */
static void goes_on_with_its_layer(void)
{
    begin();
    carries(5000 * KBPS);
    look(720);
    run(2 * SECOND);
    struct subscription *seat = &peer_of(viewer)->subscriber.subscriptions[1];
    unsigned packets = page_packets(viewer);
    subscription_break(seat);
    sends = 2;
    send_picture(true);
    sends = LAYERS;
    send_picture(false);
    CHECK_EQ(page_packets(viewer), packets);
    CHECK(seat->broken);
    send_picture(true);
    CHECK(page_packets(viewer) > packets && !seat->broken);
    stage_close(&s);
}

/* A NACK is answered with what the seat shows. Where another layer's packet left a hole, as it came
 * too late to be passed over, with nothing: it would be asked for again and again. */
static void retransmits_its_own(void)
{
    begin();
    carries(5000 * KBPS);
    look(360);
    run(2 * SECOND);
    const struct page_stream *seat = page_seat(viewer, 0, CONTROL_VIDEO);
    uint16_t lost = seat->last.seq;
    struct part parts[PARTS] = {0};
    size_t count = make(false, 0, 0, parts);
    for (size_t i = 0; i < count; i++)
        if (parts[i].layer != 0 || i != 0) /* the first of the lowest layer comes late */
            page_send_bytes(&s, two, CONTROL_VIDEO, parts[i].seq, PT_VP9, parts[i].payload,
                            sizeof(parts[i].payload));
    uint16_t hole = (uint16_t)(lost + 1);
    CHECK_EQ(seat->last.seq, (uint16_t)(lost + 1 + PACKETS));
    unsigned packets = page_packets(viewer);
    page_send_bytes(&s, two, CONTROL_VIDEO, parts[0].seq, PT_VP9, parts[0].payload,
                    sizeof(parts[0].payload));
    CHECK_EQ(page_packets(viewer), packets); /* it is not for this seat */
    uint8_t nack[64];
    struct writer w = writer_over(nack, sizeof(nack));
    rtcp_write_nack(&w, 1, seat->ssrc, &hole, 1);
    page_send_rtcp(&s, viewer->down, nack, writer_len(&w));
    CHECK_EQ(page_packets(viewer), packets + 1);
    const struct page_stream *rtx =
        page_got(viewer, peer_of(viewer)->subscriber.subscriptions[1].rtx_ssrc);
    CHECK(rtx && rtx->payload_len == 2 && !rtx->last.marker); /* its number alone */
    CHECK_EQ(rtx->payload[0] << 8 | rtx->payload[1], hole);
    uint16_t own = seat->last.seq;
    w = writer_over(nack, sizeof(nack));
    rtcp_write_nack(&w, 1, seat->ssrc, &own, 1);
    page_send_rtcp(&s, viewer->down, nack, writer_len(&w));
    CHECK_EQ(page_packets(viewer), packets + 2);
    CHECK(rtx->last.payload_type == CODEC_PT_VP9_RTX && rtx->last.marker);
    CHECK_EQ(rtx->payload[2 + 3] >> 1 & 7, 1);
    stage_close(&s);
}

/* On a slow line its packets wait for their turn, and leave without a hole for those of other
 * layers between them, at a change of layers too. */
static void waits_in_turn(void)
{
    begin();
    carries(5000 * KBPS);
    look(720);
    run(2 * SECOND);
    const struct page_stream *seat = page_seat(viewer, 0, CONTROL_VIDEO);
    carries(400 * KBPS);
    peer_of(viewer)->subscriber.downlink.bwe.reduced_us = s.c.now_us; /* its end was met */
    stage_pass(&s, SECOND / FRAMES);
    for (unsigned turn = 0; turn < 2; turn++) {
        unsigned packets = seat->packets;
        uint64_t paced = s.c.counters[CONTROL_METRIC_PACED];
        uint16_t last = seat->last.seq;
        for (unsigned i = 0; i < 3; i++) {
            struct part parts[PARTS] = {0};
            size_t count = make(i == 1, 0, 0, parts);
            for (size_t k = 0; k < count; k++) {
                uint8_t large[1000] = {0};
                memcpy(large, parts[k].payload, sizeof(parts[k].payload));
                page_send_bytes(&s, two, CONTROL_VIDEO, parts[k].seq, PT_VP9, large, sizeof(large));
            }
        }
        CHECK(s.c.counters[CONTROL_METRIC_PACED] > paced);
        peer_of(viewer)->subscriber.downlink.untold_us = 0;
        stage_pass(&s, SECOND / 2);
        CHECK_EQ((uint16_t)(seat->last.seq - last), seat->packets - packets);
        /* Two inter pictures, and a key picture with the layers below. */
        CHECK_EQ(seat->packets - packets, turn == 0 ? 5 * PACKETS : 4 * PACKETS);
        CHECK_EQ(seat->payload[3] >> 1 & 7, turn == 0 ? 2 : 1);
        look(360); /* from the next key picture on */
        peer_of(viewer)->subscriber.downlink.untold_us = 0;
        stage_pass(&s, SECOND / 5);
    }
    stage_close(&s);
}

/* What no sense can be made of is refused. */
static void refusals(void)
{
    begin();
    const uint32_t ssrc = 77;
    struct control_message add = {
        .type = CONTROL_STREAM_ADD,
        .stream_add = {.hearing = STAGE_HEARING,
                       .peer = viewer->id,
                       .stream = 991,
                       .kind = CONTROL_VIDEO,
                       .source = CONTROL_SOURCE_CAMERA,
                       .codec_count = 1,
                       .codecs = {{CODEC_VP8, 96, 97, 0}},
                       .encoding_count = 1,
                       .encodings = {{ssrc, 0, ""}, {ssrc + 1, 0, ""}},
                       .spatial_layers = 2},
    };
    CHECK_EQ(stage_request(&s, &add, -1, NULL), -EINVAL);
    add.stream_add.codecs[0].codec = CODEC_VP9;
    add.stream_add.encoding_count = 2;
    CHECK_EQ(stage_request(&s, &add, -1, NULL), -EINVAL);
    add.stream_add.encoding_count = 1;
    CHECK_EQ(stage_request(&s, &add, -1, NULL), 0);
    stage_close(&s);
}

int main(void)
{
    for (int i = 0; i < 2; i++) {
        flexible = i;
        layer_by_size();
        layer_by_line();
        layers_come_and_go();
    }
    goes_on_with_its_layer();
    retransmits_its_own();
    waits_in_turn();
    refusals();
    return 0;
}
