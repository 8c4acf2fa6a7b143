/* SPDX-License-Identifier: Apache-2.0 */
/* Who is sent sound with what was said just before it, and what must never be in there. */
#include <string.h>

#include "common/bytes.h"
#include "common/codecs.h"
#include "peer/link.h"
#include "sfu/pictures.h"
#include "sfu/room.h"
#include "sfu/seal.h"
#include "unit/check.h"
#include "unit/sfu/stage.h"

#define KBPS  1000u
#define HEAVY 100 /* permille lost: two earlier packets are worth it */
/* What the speaker announces. */
#define PT_OPUS 111
#define PT_RED  63
#define STREAM  0x51ull
#define SETTLED 16 /* packets until it was chosen: 300 ms and a turn */

static struct stage s;
static struct page *lossy, *whole, *speaker;
static uint32_t seq; /* of the next packet, not wrapped */

static struct subscriber *subscriber(const struct page *p)
{
    size_t cursor = 0;
    struct room *room = table_next(s.rooms, &cursor);
    return &room_find_peer(room, p->id)->subscriber;
}

/* What the way to it carries and loses is taken to be known; the estimator is test-bwe's. */
static void carries(const struct page *p, uint32_t bps, uint16_t loss_permille)
{
    struct downlink *d = &subscriber(p)->downlink;
    d->heard = d->estimated = true;
    d->bwe.estimate_bps = bps;
    d->bwe.loss.permille = loss_permille;
    d->untold_us = 0;
}

static int seat(const struct page *p, const struct page *of)
{
    return stage_seat(&s, p, 0, CONTROL_AUDIO, of ? STREAM : 0);
}

static void begin(void)
{
    CHECK_EQ(stage_open(&s), 0);
    stage_open_court(&s);
    lossy = stage_join(&s, 0, CONTROL_ROLE_JUDGE, CONTROL_ROOM_COURTROOM, 0, 2, true);
    whole = stage_join(&s, 1, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0, 2, true);
    speaker = stage_join(&s, 2, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0, 2, true);
    subscriber(lossy)->takes_red = true;
    subscriber(whole)->takes_red = true;
    seq = 65530;
    const struct control_message add = {
        .type = CONTROL_STREAM_ADD,
        .stream_add =
            {.hearing = STAGE_HEARING,
             .peer = speaker->id,
             .stream = STREAM,
             .codec_count = 1,
             .codecs = {{.codec = CODEC_OPUS, .payload_type = PT_OPUS, .red_payload_type = PT_RED}},
             .encoding_count = 1,
             .encodings = {{.ssrc = page_ssrc(speaker, CONTROL_AUDIO)}},
             .ext_transport_cc = CODEC_EXT_TRANSPORT_CC},
    };
    CHECK_EQ(stage_request(&s, &add, -1, NULL), 0);
    CHECK_EQ(seat(lossy, speaker), 1);
    CHECK_EQ(seat(whole, speaker), 1);
    carries(lossy, 300 * KBPS, HEAVY);
    carries(whole, 300 * KBPS, 0);
}

static void send_packet(struct rtp_header *header, const uint8_t *payload, size_t len)
{
    uint8_t bytes[RTP_HEADER_BYTES];
    header->transport_seq = speaker->transport_seq++;
    rtp_write_header(header, bytes);
    const struct seal_packet packet = {
        .header = bytes, .header_len = sizeof(bytes), .payload = payload, .payload_len = len};
    CHECK_EQ(link_send_rtp(speaker->up, &packet), 0);
    link_flush(speaker->up);
    stage_settle(&s);
}

/* Packet `number`, which says its own number. */
static void say(uint32_t number)
{
    uint8_t text[12] = {0x78, 'n', (uint8_t)(number >> 8), (uint8_t)number};
    struct rtp_header header = {.ssrc = page_ssrc(speaker, CONTROL_AUDIO),
                                .timestamp = number * 960u,
                                .seq = (uint16_t)number,
                                .payload_type = PT_OPUS};
    send_packet(&header, text, sizeof(text));
    stage_pass(&s, 20000);
}

static void speak(unsigned packets)
{
    while (packets-- > 0)
        say(seq++);
}

/* How many earlier packets came along with the last one, `ret_numbers` of them, oldest first; the
 * last stands behind them. */
static unsigned came(const struct page *p, uint16_t ret_numbers[3])
{
    const struct page_stream *got = page_seat(p, 0, CONTROL_AUDIO);
    unsigned count = 0;
    if (got->last.payload_type == CODEC_PT_RED)
        while (got->payload[4 * count] & 0x80)
            CHECK_EQ(got->payload[4 * count++] & 0x7f, CODEC_PT_OPUS);
    else
        CHECK_EQ(got->last.payload_type, CODEC_PT_OPUS);
    const uint8_t *text = got->payload + (count ? 4 * count + 1 : 0);
    for (unsigned i = 0; i <= count; i++)
        ret_numbers[i] = (uint16_t)(text[12 * i + 2] << 8 | text[12 * i + 3]);
    CHECK_EQ(got->payload_len, (count ? 4 * count + 1 : 0) + 12 * (count + 1));
    return count;
}

/* Only who loses is sent more, in order, over the wrap of the numbers; one number a packet. */
static void for_who_loses(void)
{
    uint16_t numbers[3];
    begin();
    speak(SETTLED);
    CHECK_EQ(came(whole, numbers), 0);
    CHECK_EQ(came(lossy, numbers), 2);
    uint16_t newest = (uint16_t)(seq - 1);
    CHECK_EQ(numbers[0], (uint16_t)(newest - 2));
    CHECK_EQ(numbers[1], (uint16_t)(newest - 1));
    CHECK_EQ(numbers[2], newest);
    CHECK_EQ(page_seat(lossy, 0, CONTROL_AUDIO)->packets, SETTLED);
    CHECK(s.c.counters[CONTROL_METRIC_RED_SENT] > 0);
    uint64_t sent = s.c.counters[CONTROL_METRIC_RED_SENT];
    speak(1);
    CHECK_EQ(s.c.counters[CONTROL_METRIC_RED_SENT], sent + 1);

    carries(lossy, 300 * KBPS, RED_ONE_PERMILLE);
    stage_pass(&s, 2 * RED_CALM_US);
    seq += 50; /* a pause: what was before it is too long ago */
    speak(1);
    CHECK_EQ(came(lossy, numbers), 0);
    speak(1);
    CHECK_EQ(came(lossy, numbers), 1);
    speak(1);
    CHECK_EQ(came(lossy, numbers), 1);
    subscriber(lossy)->takes_red = false;
    speak(SETTLED);
    CHECK_EQ(came(lossy, numbers), 0);
    stage_close(&s);
}

/* What did not come to us goes along for nobody; a packet that comes late goes alone. */
static void with_what_is_there(void)
{
    uint16_t numbers[3];
    begin();
    speak(SETTLED);
    uint32_t late = seq++;
    speak(1);
    CHECK_EQ(came(lossy, numbers), 1);
    CHECK_EQ(numbers[0], (uint16_t)(seq - 3));
    say(late);
    CHECK_EQ(came(lossy, numbers), 0);
    CHECK_EQ(numbers[0], (uint16_t)late);
    speak(1);
    CHECK_EQ(came(lossy, numbers), 2);
    CHECK_EQ(numbers[0], (uint16_t)late);
    stage_close(&s);
}

/* What is lost where the line has shown its end is its queue's, which more would fill further; but
 * for what a trial found to be lost whatever is sent. */
static void not_into_a_full_queue(void)
{
    uint16_t numbers[3];
    struct bwe *bwe;
    begin();
    bwe = &subscriber(lossy)->downlink.bwe;
    speak(SETTLED);
    CHECK_EQ(came(lossy, numbers), 2);
    bwe->reduced_us = s.c.now_us;
    for (unsigned calm = 0; calm < 2; calm++)
        stage_pass(&s, RED_CALM_US + 200000);
    speak(SETTLED);
    CHECK_EQ(came(lossy, numbers), 0);
    bwe->loss.own_permille = HEAVY;
    speak(SETTLED);
    CHECK_EQ(came(lossy, numbers), 2);
    stage_close(&s);
}

/* A way that does not carry it is not filled further; one that carries one more gets one. */
static void as_far_as_it_fits(void)
{
    uint16_t numbers[3];
    begin();
    /* The sound is 4.8 kbit/s and 25.6 of headers; each earlier packet 4.8 and 1.6. */
    static const struct {
        uint32_t bps;
        unsigned earlier;
    } cases[] = {{32 * KBPS, 0}, {41 * KBPS, 1}, {60 * KBPS, 2}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        carries(lossy, cases[i].bps, HEAVY);
        speak(60);
        carries(lossy, cases[i].bps, HEAVY);
        speak(SETTLED);
        CHECK_EQ(came(lossy, numbers), cases[i].earlier);
    }
    stage_close(&s);
}

/* Nothing of before a seat was set, of another source, or of a muted time. */
static void nothing_of_before(void)
{
    uint16_t numbers[3];
    begin();
    speak(SETTLED);
    CHECK_EQ(seat(lossy, NULL), 0);
    speak(3);
    CHECK_EQ(seat(lossy, speaker), 1);
    unsigned packets = page_seat(lossy, 0, CONTROL_AUDIO)->packets;
    while (page_seat(lossy, 0, CONTROL_AUDIO)->packets == packets)
        speak(1);
    CHECK_EQ(came(lossy, numbers), 0);
    speak(1);
    CHECK_EQ(came(lossy, numbers), 1);
    speak(1);
    CHECK_EQ(came(lossy, numbers), 2);

    struct control_message pause = {.type = CONTROL_STREAM_PAUSE,
                                    .stream_pause = {STAGE_HEARING, speaker->id, STREAM, true}};
    CHECK_EQ(stage_request(&s, &pause, -1, NULL), 0);
    speak(3);
    pause.stream_pause.paused = false;
    CHECK_EQ(stage_request(&s, &pause, -1, NULL), 0);
    uint16_t first = (uint16_t)seq;
    packets = page_seat(lossy, 0, CONTROL_AUDIO)->packets;
    for (int i = 0; i < 5; i++) {
        speak(1);
        if (page_seat(lossy, 0, CONTROL_AUDIO)->packets == packets)
            continue;
        came(lossy, numbers);
        CHECK((uint16_t)(numbers[0] - first) < 5);
    }
    CHECK_EQ(came(lossy, numbers), 2);
    stage_close(&s);
}

/* The speaker's page sends packet `number` and `earlier` of those before it along. */
static void say_red(uint32_t number, unsigned earlier)
{
    uint8_t payload[128];
    struct writer w = writer_over(payload, sizeof(payload));
    for (unsigned age = earlier; age > 0; age--) {
        writer_u8(&w, 0x80 | PT_OPUS);
        writer_u24(&w, age * 960 << 10 | 12);
    }
    writer_u8(&w, PT_OPUS);
    for (uint32_t n = number - earlier; n <= number; n++) {
        const uint8_t text[12] = {0x78, 'n', (uint8_t)(n >> 8), (uint8_t)n};
        writer_bytes(&w, text, sizeof(text));
    }
    struct rtp_header header = {.ssrc = page_ssrc(speaker, CONTROL_AUDIO),
                                .timestamp = number * 960,
                                .seq = (uint16_t)number,
                                .payload_type = PT_RED};
    send_packet(&header, payload, writer_len(&w));
    stage_pass(&s, 20000);
}

/* What a publisher sends as RED goes on plain; what it brings along goes on only where it never
 * came, once, in order, under its own number. */
static void from_who_sends_it(void)
{
    uint16_t numbers[3];
    begin();
    subscriber(lossy)->takes_red = false;
    say_red(seq++, 0);
    say_red(seq++, 1);
    const struct page_stream *got = page_seat(whole, 0, CONTROL_AUDIO);
    CHECK_EQ(got->packets, 2); /* nothing is known of what was before the first */
    CHECK_EQ(came(whole, numbers), 0);
    CHECK_EQ(numbers[0], (uint16_t)(seq - 1));
    uint16_t first = got->last.seq;
    uint32_t timestamp = got->last.timestamp;

    seq += 2; /* lost */
    say_red(seq++, 2);
    CHECK_EQ(got->packets, 5);
    CHECK_EQ(got->last.seq, (uint16_t)(first + 3));
    CHECK_EQ(got->last.timestamp, timestamp + 3 * 960);
    CHECK_EQ(s.c.counters[CONTROL_METRIC_PACKETS_REPAIRED], 2);
    CHECK_EQ(speaker->asked.nacks, 0);
    seq += 2;
    say_red(seq++, 1); /* one of two */
    CHECK_EQ(got->packets, 7);
    CHECK_EQ(s.c.counters[CONTROL_METRIC_PACKETS_REPAIRED], 3);
    say_red(seq++, 2); /* both came */
    CHECK_EQ(got->packets, 8);
    CHECK_EQ(got->last.seq, (uint16_t)(first + 7));

    static const uint8_t junk[] = {0x80 | PT_OPUS, 0, 0, 9, PT_OPUS, 1};
    page_send_bytes(&s, speaker, CONTROL_AUDIO, (uint16_t)seq++, PT_RED, junk, sizeof(junk));
    CHECK_EQ(got->packets, 8);
    say_red(seq++, 0);
    CHECK_EQ(got->packets, 9);
    CHECK_EQ(got->last.seq, (uint16_t)(first + 8)); /* no hole */

    struct control_message pause = {.type = CONTROL_STREAM_PAUSE,
                                    .stream_pause = {STAGE_HEARING, speaker->id, STREAM, true}};
    CHECK_EQ(stage_request(&s, &pause, -1, NULL), 0);
    seq += 2;
    say_red(seq++, 2);
    CHECK_EQ(got->packets, 9);
    stage_close(&s);
}

int main(void)
{
    for_who_loses();
    with_what_is_there();
    not_into_a_full_queue();
    as_far_as_it_fits();
    nothing_of_before();
    from_who_sends_it();
    return 0;
}
