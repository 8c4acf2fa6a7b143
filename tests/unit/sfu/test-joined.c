/* Who is sent several packets of sound as one, that nothing is missing in them, and that none of
 * what waits for that is heard by who may not.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/codecs.h"
#include "peer/link.h"
#include "sfu/pictures.h"
#include "sfu/room.h"
#include "sfu/seal.h"
#include "unit/check.h"
#include "unit/sfu/stage.h"

#define KBPS    1000u
#define PT_OPUS 111
#define STREAM  0x51ull
#define LEN     80u /* 32 kbit/s */
#define SAMPLES 960u
#define SETTLED 110 /* packets until it was chosen */
#define CALM    270

static struct stage s;
static struct page *thin, *whole, *speaker;
static uint32_t seq; /* of the next packet, not wrapped */

static struct subscriber *subscriber(const struct page *p)
{
    size_t cursor = 0;
    return &room_find_peer(table_next(s.rooms, &cursor), p->id)->subscriber;
}

/* `met`: the line showed that it ends there. The estimator is test-bwe's. */
static void carries(const struct page *p, uint32_t bps, bool met)
{
    struct downlink *d = &subscriber(p)->downlink;
    d->heard = d->estimated = true;
    d->bwe.estimate_bps = bps;
    d->bwe.reduced_us = met ? s.c.now_us : 0;
    d->untold_us = 0;
}

static int seat(const struct page *p, bool shows)
{
    return stage_seat(&s, p, 0, CONTROL_AUDIO, shows ? STREAM : 0);
}

static void begin(void)
{
    CHECK_EQ(stage_open(&s), 0);
    stage_open_court(&s);
    thin = stage_join(&s, 0, CONTROL_ROLE_JUDGE, CONTROL_ROOM_COURTROOM, 0, 2, true);
    whole = stage_join(&s, 1, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0, 2, true);
    speaker = stage_join(&s, 2, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0, 2, true);
    subscriber(thin)->takes_red = true;
    seq = 65500;
    const struct control_message add = {
        .type = CONTROL_STREAM_ADD,
        .stream_add = {.hearing = STAGE_HEARING,
                       .peer = speaker->id,
                       .stream = STREAM,
                       .codec_count = 1,
                       .codecs = {{.codec = CODEC_OPUS, .payload_type = PT_OPUS}},
                       .encoding_count = 1,
                       .encodings = {{.ssrc = page_ssrc(speaker, CONTROL_AUDIO)}},
                       .ext_transport_cc = CODEC_EXT_TRANSPORT_CC},
    };
    CHECK_EQ(stage_request(&s, &add, -1, NULL), 0);
    CHECK_EQ(seat(thin, true), 1);
    CHECK_EQ(seat(whole, true), 1);
}

/* One packet, which says its own number, and its time. */
static void say(void)
{
    uint8_t text[LEN] = {0x78, (uint8_t)(seq >> 8), (uint8_t)seq}, bytes[RTP_HEADER_BYTES];
    struct rtp_header header = {.ssrc = page_ssrc(speaker, CONTROL_AUDIO),
                                .timestamp = seq * SAMPLES,
                                .seq = (uint16_t)seq,
                                .payload_type = PT_OPUS,
                                .transport_seq = speaker->transport_seq++};
    rtp_write_header(&header, bytes);
    const struct seal_packet packet = {
        .header = bytes, .header_len = sizeof(bytes), .payload = text, .payload_len = sizeof(text)};
    CHECK_EQ(link_send_rtp(speaker->up, &packet), 0);
    link_flush(speaker->up);
    stage_settle(&s);
    stage_pass(&s, 20000);
    subscriber(thin)->downlink.untold_us = 0;
    subscriber(whole)->downlink.untold_us = 0;
    seq++;
}

static void speak(unsigned packets)
{
    while (packets-- > 0)
        say();
}

static const struct page_stream *got(const struct page *p)
{
    return page_seat(p, 0, CONTROL_AUDIO);
}

/* Frames of the last packet, and the number the first of them says. */
static unsigned frames(const struct page *p, uint16_t *ret_first)
{
    const uint8_t *payload = got(p)->payload;
    unsigned count = (payload[0] & 3) == 3 ? payload[1] & 0x3f : 1;
    const uint8_t *frame = count > 1 ? payload + 2 + (count - 1) : payload + 1;
    *ret_first = (uint16_t)(frame[0] << 8 | frame[1]);
    CHECK_EQ(payload[0] & 0xf8, 0x78);
    CHECK(got(p)->len >= count * (LEN - 1));
    return count;
}

/* Speaks until the thin line is sent something; returns of how many frames. */
static unsigned next(uint16_t *ret_first)
{
    for (unsigned before = got(thin)->packets; got(thin)->packets == before;)
        say();
    return frames(thin, ret_first);
}

static void begin_thin(void)
{
    uint16_t first;
    begin();
    carries(thin, 60 * KBPS, true);
    carries(whole, 60 * KBPS, false); /* it is sent little, and that is all that is known */
    speak(SETTLED);
    CHECK_EQ(next(&first), REPACKETIZE_MOST);
}

/* Each packet of three follows the one before without a hole, under one number. */
static void three_in_one(void)
{
    uint16_t first, before;
    begin_thin();
    CHECK_EQ(frames(whole, &first), 1);
    CHECK_EQ(got(whole)->packets, seq - 65500);
    (void)frames(thin, &before);
    for (unsigned i = 0; i < 20; i++) {
        uint16_t number = got(thin)->last.seq;
        uint32_t timestamp = got(thin)->last.timestamp;
        uint64_t payload = s.c.counters[CONTROL_METRIC_JOINED_SENT];
        CHECK_EQ(next(&first), REPACKETIZE_MOST);
        CHECK_EQ(first, (uint16_t)(before + REPACKETIZE_MOST));
        CHECK_EQ(got(thin)->last.seq, (uint16_t)(number + 1));
        CHECK_EQ(got(thin)->last.timestamp, timestamp + REPACKETIZE_MOST * SAMPLES);
        CHECK_EQ(s.c.counters[CONTROL_METRIC_JOINED_SENT], payload + 1);
        before = first;
    }
    stage_close(&s);
}

/* As many as the line needs: two where that is enough, one where there is room, or where more is to
 * be sent for what is lost. */
static void as_many_as_needed(void)
{
    static const struct {
        uint32_t bps;
        bool met;
        uint16_t loss_permille;
        unsigned frames;
    } rows[] = {
        {60 * KBPS, true, 0, 3},  {130 * KBPS, true, 0, 2}, {170 * KBPS, true, 0, 1},
        {60 * KBPS, false, 0, 1}, {0, false, 0, 1},         {100 * KBPS, true, 50, 1},
        {60 * KBPS, true, 50, 3}, /* that does not fit */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint16_t first;
        begin();
        carries(thin, rows[i].bps, rows[i].met);
        subscriber(thin)->downlink.bwe.loss.permille = rows[i].loss_permille;
        subscriber(thin)->downlink.bwe.loss.own_permille = rows[i].loss_permille;
        speak(SETTLED);
        if (rows[i].frames == 1)
            CHECK_EQ(s.c.counters[CONTROL_METRIC_JOINED_SENT], 0);
        else
            CHECK_EQ(next(&first), rows[i].frames);
        stage_close(&s);
    }
}

/* Fewer only after a while, and one where the end was long not met and there is room. */
static void calms_down(void)
{
    uint16_t first;
    begin_thin();
    carries(thin, 300 * KBPS, true);
    speak(SETTLED);
    CHECK_EQ(next(&first), REPACKETIZE_MOST);
    speak(CALM);
    CHECK_EQ(next(&first), 1);
    carries(thin, 60 * KBPS, true);
    speak(SETTLED);
    CHECK_EQ(next(&first), REPACKETIZE_MOST);
    carries(thin, 60 * KBPS, false); /* it was not met for long, as less is sent */
    speak(CALM);
    CHECK_EQ(next(&first), REPACKETIZE_MOST);
    carries(thin, 90 * KBPS, false);
    speak(CALM);
    CHECK_EQ(next(&first), 1);
    stage_close(&s);
}

/* What waits goes before what does not follow it, and by itself if nothing comes. */
static void nothing_is_kept(void)
{
    uint16_t first;
    begin_thin();
    (void)next(&first);
    unsigned packets = got(thin)->packets;
    uint16_t number = got(thin)->last.seq;
    speak(2);
    CHECK_EQ(got(thin)->packets, packets);
    seq++; /* lost */
    speak(1);
    CHECK_EQ(got(thin)->packets, packets + 1);
    CHECK_EQ(frames(thin, &first), 2);
    CHECK_EQ(first, (uint16_t)(seq - 4));
    CHECK_EQ(got(thin)->last.seq, (uint16_t)(number + 1));
    stage_pass(&s, 140000);
    CHECK_EQ(got(thin)->packets, packets + 2);
    CHECK_EQ(frames(thin, &first), 1);
    CHECK_EQ(first, (uint16_t)(seq - 1));
    CHECK_EQ(got(thin)->last.seq, (uint16_t)(number + 3)); /* the lost one has its number */
    CHECK(!subscriber(thin)->joins);
    stage_close(&s);
}

/* Paused, the seat emptied, the speaker gone, the viewer gone, not to be heard any more: not a
 * sound that waited. */
static void stops_at_once(void)
{
    for (unsigned how = 0; how < 5; how++) {
        uint16_t first;
        begin_thin();
        (void)next(&first);
        speak(2); /* wait */
        unsigned before = got(thin)->packets;
        struct control_message m = {.type = CONTROL_STREAM_PAUSE,
                                    .stream_pause = {STAGE_HEARING, speaker->id, STREAM, true}};
        if (how == 1 || how == 2)
            m = (struct control_message){
                .type = CONTROL_PEER_REMOVE,
                .peer = {STAGE_HEARING, how == 1 ? speaker->id : thin->id}};
        if (how == 3) {
            CHECK_EQ(seat(thin, false), 0);
        } else if (how == 4) {
            struct control_matrix matrix = {.hearing = STAGE_HEARING};
            stage_set_matrix(&s, &matrix);
        } else {
            CHECK_EQ(stage_request(&s, &m, -1, NULL), 0);
        }
        stage_pass(&s, 300000);
        CHECK_EQ(got(thin)->packets, before);
        if (how == 0) {
            m.stream_pause.paused = false;
            CHECK_EQ(stage_request(&s, &m, -1, NULL), 0);
            uint16_t from = (uint16_t)seq;
            (void)next(&first);
            CHECK((uint16_t)(first - from) < 6); /* nothing of before */
        }
        stage_close(&s);
    }
}

int main(void)
{
    three_in_one();
    as_many_as_needed();
    calms_down();
    nothing_is_kept();
    stops_at_once();
    return 0;
}
