/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/pictures.h"

#include <errno.h>

#include "sfu/room.h"
#include "unit/check.h"
#include "unit/sfu/stage.h"

#define KBPS   1000u
#define SECOND 1000000ull
#define STREAM 77ull
#define LAYERS 3

static struct stage s;

/* Who looks, and who is looked at. */
static struct page *viewer, *two;
static uint16_t seqs[LAYERS];
static bool sends[LAYERS]; /* which layers the page sends */
static unsigned best;      /* packets of a frame of the best */
static bool answers;       /* it begins its pictures anew when asked */

static struct peer *peer_of(const struct page *p)
{
    size_t cursor = 0;
    struct room *room = table_next(s.rooms, &cursor);
    return room_find_peer(room, p->id);
}

static struct subscriber *subscriber(void)
{
    return &peer_of(viewer)->subscriber;
}

/* The way to the viewer is taken to carry so much; 0: it has told of nothing yet. The estimator is
 * test-bwe's. */
static void carries(uint32_t bps)
{
    struct downlink *d = &subscriber()->downlink;
    d->heard = d->estimated = bps > 0;
    d->bwe.estimate_bps = bps;
    d->untold_us = 0;
}

static uint32_t layer_ssrc(unsigned layer)
{
    return (22 + layer) * 1000 + CONTROL_VIDEO;
}

static void begin(void)
{
    best = 9;
    answers = true;
    CHECK_EQ(stage_open(&s), 0);
    stage_open_court(&s);
    viewer = stage_join(&s, 0, CONTROL_ROLE_JUDGE, CONTROL_ROOM_COURTROOM, 0, 2, true);
    two = stage_join(&s, 2, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0, 2, true);
    struct control_message add = {.type = CONTROL_STREAM_ADD,
                                  .stream_add = {.hearing = STAGE_HEARING,
                                                 .peer = two->id,
                                                 .stream = STREAM,
                                                 .kind = CONTROL_VIDEO,
                                                 .source = CONTROL_SOURCE_CAMERA,
                                                 .codec_count = 1,
                                                 .codecs = {{CODEC_VP8, 96, 97}},
                                                 .encoding_count = LAYERS}};
    for (unsigned i = 0; i < LAYERS; i++) {
        add.stream_add.encodings[i].ssrc = layer_ssrc(i);
        seqs[i] = (uint16_t)(1000 * i);
        sends[i] = true;
    }
    CHECK_EQ(stage_request(&s, &add, -1, NULL), 0);
    CHECK_EQ(stage_seat(&s, viewer, 0, CONTROL_VIDEO, STREAM), 1);
}

/* A page's layers for so long, 25 frames a second: of 1, 3 and 9 packets, each begun anew with a
 * key frame as soon as it is asked for. */
static void run(uint64_t duration_us)
{
    static unsigned plis;
    const uint64_t id = two->id;
    for (uint64_t end_us = s.c.now_us + duration_us; s.c.now_us < end_us;) {
        bool key = answers && two->asked.plis != plis;
        plis = answers ? two->asked.plis : plis;
        for (unsigned layer = 0; layer < LAYERS; layer++) {
            two->id = 0x100 + 20 + layer; /* its SSRC */
            for (unsigned i = layer == 2 ? best : 1 + 2 * layer; sends[layer] && i > 0; i--) {
                uint8_t payload[60] = {0x10, key && i ? 0 : 1, 0, 0, 0x9d, 1, 0x2a, 64, 1};
                uint16_t height = (uint16_t)(180 << layer);
                payload[9] = (uint8_t)height;
                payload[10] = (uint8_t)(height >> 8);
                page_send_bytes(&s, two, CONTROL_VIDEO, seqs[layer]++, STAGE_PT_VP8, payload,
                                sizeof(payload));
            }
        }
        two->id = id;
        struct downlink *d = &subscriber()->downlink;
        d->untold_us = 0; /* it tells of all it gets */
        stage_pass(&s, 40000);
    }
}

static unsigned packets(void)
{
    return page_seat(viewer, 0, CONTROL_VIDEO)->packets;
}

/* Packets of the seat's picture in a second: of the layers 25, 75 and 225. */
static unsigned a_second(void)
{
    unsigned before = packets();
    run(SECOND);
    return packets() - before;
}

static void view(uint8_t rank, uint16_t height)
{
    const struct control_message m = {.type = CONTROL_SEAT_VIEW,
                                      .seat_view = {STAGE_HEARING, viewer->id, 0, rank, height}};
    CHECK_EQ(stage_request(&s, &m, -1, NULL), 0);
}

static uint8_t told_layers(void)
{
    const struct control_message *m = stage_last(&s, CONTROL_LAYERS);
    if (!m)
        return 0;
    CHECK_EQ(m->layers.peer, two->id);
    CHECK_EQ(m->layers.stream, STREAM);
    return m->layers.received;
}

static int told_picture(void)
{
    const struct control_message *m = stage_last(&s, CONTROL_SEAT_PICTURE);
    return m ? m->seat_picture.picture : -1;
}

/* As good as the way carries, and nothing where it carries none, which is told. */
static void follows_the_estimate(void)
{
    begin();
    carries(20000 * KBPS);
    run(3 * SECOND);
    CHECK_EQ(a_second(), 225);
    CHECK_EQ(told_picture(), -1);
    carries(60 * KBPS);
    run(SECOND);
    CHECK_EQ(a_second(), 75);
    carries(20 * KBPS);
    run(SECOND);
    CHECK_EQ(a_second(), 25);
    CHECK_EQ(told_picture(), -1);
    carries(5 * KBPS);
    run(2 * SECOND);
    CHECK_EQ(a_second(), 0);
    CHECK_EQ(told_picture(), CONTROL_PICTURE_HELD);
    carries(20000 * KBPS);
    run(2 * SECOND);
    CHECK_EQ(told_picture(), CONTROL_PICTURE_SHOWN);
    CHECK_EQ(a_second(), 225);
    stage_close(&s);
}

/* Before anything is known no more than is assumed of any path; who gives no feedback gets all. */
static void begins_carefully(void)
{
    begin();
    best = 70; /* 890 kbit/s */
    run(SECOND);
    run(400000);
    unsigned first = packets();
    run(100000);
    CHECK(packets() - first <= 9); /* the second layer */
    run(3 * SECOND);
    CHECK_EQ(a_second(), 1750);
    stage_close(&s);
}

/* A sudden fall: what is too much stops at once, not when the smaller picture is there. */
static void stops_what_is_too_much(void)
{
    begin();
    carries(20000 * KBPS);
    run(3 * SECOND);
    CHECK_EQ(a_second(), 225);
    unsigned before = packets();
    sends[0] = sends[1] = sends[2] = false;
    stage_pass(&s, 20000);
    carries(20 * KBPS);
    sends[0] = sends[1] = sends[2] = true;
    unsigned plis = two->asked.plis;
    answers = false;
    run(400000);
    CHECK(packets() - before <= 90); /* until it was chosen anew */
    before = packets();
    run(SECOND);
    CHECK_EQ(packets(), before); /* nothing of the one that is too much meanwhile */
    CHECK(two->asked.plis > plis);
    answers = true;
    run(SECOND);
    CHECK_EQ(a_second(), 25);
    stage_close(&s);
}

/* No better than it is looked at; what nobody receives may be switched off, but for the smallest
 * and for the record. */
static void only_what_is_looked_at(void)
{
    struct control_matrix matrix = stage_full_matrix();
    matrix.recorded[CONTROL_ROOM_COURTROOM] = 0;
    begin();
    stage_set_matrix(&s, &matrix);
    carries(20000 * KBPS);
    run(3 * SECOND);
    CHECK_EQ(told_layers(), 4 | 1);
    view(CONTROL_RANK_OTHER, 180);
    run(SECOND);
    CHECK_EQ(a_second(), 25);
    run(SECOND);
    CHECK_EQ(told_layers(), 1);
    sends[1] = sends[2] = false; /* the page does so */
    run(2 * SECOND);
    view(CONTROL_RANK_OTHER, 720); /* looked at large again: told at once */
    stage_pass(&s, 200000);
    CHECK_EQ(told_layers(), 4 | 1);
    sends[2] = true;
    run(SECOND);
    CHECK_EQ(a_second(), 225);
    view(CONTROL_RANK_OTHER, 0); /* the page is hidden */
    run(200000);
    CHECK_EQ(a_second(), 0);
    run(SECOND);
    CHECK_EQ(told_layers(), 1);
    CHECK_EQ(told_picture(), -1); /* nothing is held from it */
    stage_close(&s);
}

/* A page may never have sent one, as nobody looked at it when it began. */
static void a_layer_that_never_came_is_asked_for(void)
{
    struct control_matrix matrix = stage_full_matrix();
    matrix.recorded[CONTROL_ROOM_COURTROOM] = 0;
    begin();
    stage_set_matrix(&s, &matrix);
    carries(20000 * KBPS);
    sends[1] = false;
    run(3 * SECOND);
    CHECK_EQ(told_layers(), 4 | 1);
    view(CONTROL_RANK_OTHER, 300); /* more than the smallest, less than the middle one */
    run(SECOND / 2);
    CHECK(told_layers() & 2);
    sends[1] = true;
    run(SECOND);
    CHECK_EQ(a_second(), 75);
    run(SECOND);
    CHECK_EQ(told_layers(), 2 | 1);
    stage_close(&s);
}

/* The tape has the best there is, whoever looks. */
static void the_record_keeps_its_layer(void)
{
    begin();
    carries(20000 * KBPS);
    struct peer *peer = peer_of(two);
    struct publication *pub = publisher_find(&peer->publisher, STREAM);
    pub->recorded = true;
    view(CONTROL_RANK_OTHER, 100);
    run(4 * SECOND);
    CHECK_EQ(told_layers(), 4 | 1);
    pub->recorded = false;
    stage_close(&s);
}

static void sound_alone(void)
{
    begin();
    carries(20000 * KBPS);
    run(2 * SECOND);
    struct control_message m = {.type = CONTROL_PEER_VIDEO,
                                .peer_video = {STAGE_HEARING, viewer->id, false}};
    CHECK_EQ(stage_request(&s, &m, -1, NULL), 0);
    run(200000);
    CHECK_EQ(a_second(), 0);
    m.peer_video.on = true;
    CHECK_EQ(stage_request(&s, &m, -1, NULL), 0);
    run(SECOND);
    CHECK_EQ(a_second(), 225);
    m.peer_video.peer = 1;
    CHECK_EQ(stage_request(&s, &m, -1, NULL), -ENOENT);
    stage_close(&s);
}

/* Nothing comes back: pictures stop within a second, and signs of life are asked for. */
static void silence_stops_pictures(void)
{
    begin();
    carries(20000 * KBPS);
    run(3 * SECOND);
    unsigned before = packets();
    subscriber()->downlink.untold_us = s.c.now_us;
    uint64_t padding = s.c.counters[CONTROL_METRIC_PADDING_SENT];
    stage_pass(&s, 700000);
    CHECK(subscriber()->subscriptions[1].held);
    stage_pass(&s, SECOND);
    CHECK(s.c.counters[CONTROL_METRIC_PADDING_SENT] > padding + 2);
    CHECK(s.c.counters[CONTROL_METRIC_PADDING_SENT] < padding + 8);
    CHECK_EQ(packets(), before);
    run(SECOND); /* feedback is back */
    CHECK_EQ(a_second(), 225);
    stage_close(&s);
}

/* Where more is looked at than is carried, trains are sent, padding on the seat's RTX. */
static void probes_for_more(void)
{
    begin();
    carries(20 * KBPS);
    run(2 * SECOND);
    uint64_t padding = s.c.counters[CONTROL_METRIC_PADDING_SENT];
    run(2 * SECOND);
    CHECK(s.c.counters[CONTROL_METRIC_PADDING_SENT] > padding);
    const struct page_stream *rtx = page_got(viewer, viewer->ready.seats[0].video_rtx_ssrc);
    CHECK(rtx && rtx->packets > 0);
    CHECK(!rtx || rtx->payload_len == 0);
    carries(20000 * KBPS);
    run(2 * SECOND);
    padding = s.c.counters[CONTROL_METRIC_PADDING_SENT];
    run(2 * SECOND);
    CHECK_EQ(s.c.counters[CONTROL_METRIC_PADDING_SENT], padding);
    stage_close(&s);
}

/* Into a queue that stands already no train is sent. */
static void no_train_into_a_queue(void)
{
    begin();
    carries(20 * KBPS);
    struct trend *trend = &subscriber()->downlink.bwe.trend;
    trend->delay_ms = trend->smoothed_ms = 150;
    run(2 * SECOND);
    CHECK_EQ(s.c.counters[CONTROL_METRIC_PADDING_SENT], 0);
    trend->delay_ms = trend->smoothed_ms = 50;
    run(SECOND);
    CHECK(s.c.counters[CONTROL_METRIC_PADDING_SENT] > 0);
    stage_close(&s);
}

/* A picture that was held begins with its least, where the line has shown where it ends, and gets
 * better only after a while; elsewhere it is there again at once. */
static void begins_small(void)
{
    for (unsigned met = 0; met < 2; met++) {
        begin();
        carries(20000 * KBPS);
        run(3 * SECOND);
        CHECK_EQ(a_second(), 225);
        carries(5 * KBPS);
        run(SECOND);
        CHECK_EQ(a_second(), 0);
        carries(20000 * KBPS);
        subscriber()->downlink.bwe.reduced_us = met ? s.c.now_us : 0;
        run(SECOND / 2);
        CHECK_EQ(a_second(), met ? 25 : 225);
        run(SECOND);
        CHECK_EQ(a_second(), 225);
        stage_close(&s);
    }
}

/* Where not all sound fits, who speaks is heard: in a seat that nobody was heard in yet, too. */
static void who_speaks_is_heard(void)
{
    begin();
    struct page *three = stage_join(&s, 3, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0, 2, true);
    CHECK_EQ(stage_publish(&s, two, CONTROL_AUDIO, false), 0);
    CHECK_EQ(stage_publish(&s, three, CONTROL_AUDIO, false), 0);
    CHECK_EQ(stage_seat(&s, viewer, 0, CONTROL_AUDIO, page_stream_id(two, CONTROL_AUDIO)), 1);
    carries(20 * KBPS); /* less than one voice */
    for (unsigned turn = 0; turn < 3; turn++) {
        if (turn == 1)
            (void)stage_seat(&s, viewer, 1, CONTROL_AUDIO, page_stream_id(three, CONTROL_AUDIO));
        for (uint16_t i = 0; i < 50; i++) {
            uint16_t seq = (uint16_t)(turn * 50 + i);
            peer_of(two)->publisher.spoke_us = s.c.now_us;
            if (turn == 2)
                peer_of(three)->publisher.spoke_us = s.c.now_us;
            page_send(&s, two, CONTROL_AUDIO, seq, seq * 960u, false);
            page_send(&s, three, CONTROL_AUDIO, seq, seq * 960u, false);
            stage_pass(&s, 20000);
        }
        unsigned got = page_seat(viewer, 1, CONTROL_AUDIO)->packets;
        CHECK(turn < 2 ? got < 25 : got >= 25);
    }
    CHECK(page_seat(viewer, 0, CONTROL_AUDIO)->packets >= 145);
    stage_close(&s);
}

/* A signaling that comes back is told what is held and which layers are received. */
static void tells_who_comes_later(void)
{
    begin();
    carries(5 * KBPS);
    run(3 * SECOND);
    CHECK_EQ(told_picture(), CONTROL_PICTURE_HELD);
    stage_forget(&s);
    const struct control_message m = {.type = CONTROL_PRESENT_END, .request = 5};
    (void)stage_request(&s, &m, -1, NULL);
    CHECK_EQ(told_picture(), CONTROL_PICTURE_HELD);
    CHECK_EQ(stage_count(&s, CONTROL_LAYERS), 1);
    stage_close(&s);
}

int main(void)
{
    follows_the_estimate();
    begins_carefully();
    stops_what_is_too_much();
    only_what_is_looked_at();
    a_layer_that_never_came_is_asked_for();
    the_record_keeps_its_layer();
    sound_alone();
    silence_stops_pictures();
    probes_for_more();
    no_train_into_a_queue();
    begins_small();
    who_speaks_is_heard();
    tells_who_comes_later();
    return 0;
}
