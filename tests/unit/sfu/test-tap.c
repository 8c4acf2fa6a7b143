/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/tap.h"

#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "common/ring.h"
#include "peer/link.h"
#include "sfu/room.h"
#include "unit/check.h"
#include "unit/sfu/ringlook.h"
#include "unit/sfu/stage.h"

#define FRAME_US 20000

static struct stage s;
static struct ring *ring;
static struct page *party;

/* What was read from the ring since the last look. */
static struct ringlook seen;

static void look(void)
{
    ringlook_take(&seen, ring);
}

static int attach(struct ring *to)
{
    const struct control_message m = {.type = CONTROL_HEARING_OPEN,
                                      .hearing_open = {STAGE_HEARING, true}};
    return stage_request(&s, &m, ring_fd(to), NULL);
}

static void frame(enum control_kind kind, uint16_t seq, bool key)
{
    s.c.now_us += FRAME_US;
    page_send(&s, party, kind, seq, seq * (kind == CONTROL_VIDEO ? 1800u : 960u), key);
}

static void report(uint32_t ssrc)
{
    const struct rtcp_sender_info info = {.ntp = 77, .rtp_timestamp = 88};
    uint8_t rtcp[64];
    struct writer w = writer_over(rtcp, sizeof(rtcp));
    rtcp_write_sender_report(&w, ssrc, &info, NULL, 0);
    page_send_rtcp(&s, party->up, rtcp, writer_len(&w));
}

static void pause_sound(bool paused)
{
    const struct control_message m = {
        .type = CONTROL_STREAM_PAUSE,
        .stream_pause = {STAGE_HEARING, party->id, page_stream_id(party, CONTROL_AUDIO), paused}};
    CHECK_EQ(stage_request(&s, &m, -1, NULL), 0);
}

/* A recorded hearing with a party that publishes both. */
static void begin(void)
{
    CHECK_EQ(stage_open(&s), 0);
    CHECK_EQ(ring_create(1 << 20, &ring), 0);
    stage_open_court(&s);
    CHECK_EQ(attach(ring), 0);
    look();
    CHECK_EQ(seen.kinds[RING_PRODUCER], 1);
    party = stage_join(&s, 0, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0, 1, true);
    CHECK_EQ(stage_publish(&s, party, CONTROL_AUDIO, false), 0);
    CHECK_EQ(stage_publish(&s, party, CONTROL_VIDEO, false), 0);
    CHECK(send_flush(s.queue));
    stage_settle(&s);
}

static void end(void)
{
    stage_close(&s);
    ring_destroy(ring);
}

/* Packets go to the tape whole, as they came, each track introduced before its first. */
static void copies_packets(void)
{
    begin();
    CHECK(party->asked.plis >= 1); /* the picture's track begins with a key frame */
    frame(CONTROL_AUDIO, 500, false);
    look();
    CHECK_EQ(seen.kinds[RING_TRACK], 1);
    CHECK_EQ(seen.kinds[RING_RTP], 1);
    const struct ring_record *track = &seen.last[RING_TRACK];
    struct reader r = reader_over(seen.data[RING_TRACK], track->len);
    CHECK_EQ(reader_u64(&r), party->id);
    CHECK_EQ(reader_u64(&r), page_stream_id(party, CONTROL_AUDIO));
    CHECK_EQ(reader_u8(&r), CONTROL_AUDIO);
    CHECK_EQ(reader_u8(&r), CONTROL_SOURCE_MICROPHONE);
    CHECK_EQ(reader_u8(&r), CODEC_OPUS);
    CHECK_EQ(reader_u8(&r), 111);
    CHECK_EQ(reader_u32(&r), 48000);
    CHECK_EQ(reader_u32(&r), page_ssrc(party, CONTROL_AUDIO));
    CHECK(!r.failed && reader_left(&r) == 0);

    const struct ring_record *packet = &seen.last[RING_RTP];
    struct rtp_view rtp;
    CHECK_EQ(rtp_parse(seen.data[RING_RTP], packet->len, &rtp), 0);
    CHECK_EQ(rtp.seq, 500);
    CHECK_EQ(rtp.payload_type, 111);
    CHECK_EQ(rtp.ssrc, page_ssrc(party, CONTROL_AUDIO));
    CHECK(rtp.ext_len > 0); /* header included */
    CHECK_EQ(packet->arrived_us, s.c.now_us);
    CHECK(packet->track == track->track && packet->track != 0);

    frame(CONTROL_VIDEO, 9, true);
    frame(CONTROL_AUDIO, 501, false);
    look();
    CHECK_EQ(seen.kinds[RING_TRACK], 1); /* the picture's; the sound's was told */
    CHECK_EQ(seen.kinds[RING_RTP], 2);
    CHECK_EQ(s.c.counters[CONTROL_METRIC_RING_PACKETS], 3);
    end();
}

/* Repaired packets are marked, losses and sender reports are written down. */
static void tells_repair_loss_and_reports(void)
{
    begin();
    frame(CONTROL_VIDEO, 10, true);
    frame(CONTROL_VIDEO, 13, false);
    stage_pass(&s, 60000);
    page_send_rtx(&s, party, 1, 11, 11 * 1800u, false);
    look();
    CHECK_EQ(seen.kinds[RING_RTP_REPAIRED], 1);
    struct rtp_view rtp;
    CHECK_EQ(rtp_parse(seen.data[RING_RTP_REPAIRED], seen.last[RING_RTP_REPAIRED].len, &rtp), 0);
    CHECK_EQ(rtp.seq, 11);
    CHECK_EQ(rtp.payload_type, 96);
    CHECK_EQ(rtp.ssrc, page_ssrc(party, CONTROL_VIDEO));

    stage_pass(&s, 4000000);
    look();
    CHECK_EQ(seen.kinds[RING_LOSS], 1);
    struct reader r = reader_over(seen.data[RING_LOSS], seen.last[RING_LOSS].len);
    CHECK_EQ(reader_u16(&r), 12);
    CHECK_EQ(reader_u16(&r), 1);
    CHECK_EQ(s.c.counters[CONTROL_METRIC_PACKETS_REPAIRED], 1);
    CHECK_EQ(s.c.counters[CONTROL_METRIC_PACKETS_LOST], 1);

    report(page_ssrc(party, CONTROL_VIDEO));
    look();
    CHECK_EQ(seen.kinds[RING_SENDER_REPORT], 1);
    r = reader_over(seen.data[RING_SENDER_REPORT], seen.last[RING_SENDER_REPORT].len);
    CHECK_EQ(reader_u32(&r), page_ssrc(party, CONTROL_VIDEO));
    CHECK_EQ(reader_u64(&r), 77);
    CHECK_EQ(reader_u32(&r), 88);
    end();
}

/* Which track is which is said again beside every report, in the same words, so that a tape damaged
 * where it was said first loses no more than the time up to the next. */
static void says_again_which_track_is_which(void)
{
    begin();
    frame(CONTROL_VIDEO, 10, true);
    look();
    struct ring_record first = seen.last[RING_TRACK];
    uint8_t data[sizeof(seen.data[0])];
    memcpy(data, seen.data[RING_TRACK], sizeof(data));
    report(page_ssrc(party, CONTROL_VIDEO));
    look();
    CHECK_EQ(seen.kinds[RING_TRACK], 1);
    CHECK_EQ(seen.kinds[RING_SENDER_REPORT], 1);
    CHECK_EQ(seen.last[RING_TRACK].track, first.track);
    CHECK_EQ(seen.last[RING_TRACK].len, first.len);
    CHECK(memcmp(data, seen.data[RING_TRACK], first.len) == 0);
    CHECK(seen.last[RING_TRACK].index < seen.last[RING_SENDER_REPORT].index);
    report(page_ssrc(party, CONTROL_AUDIO)); /* of nothing that was recorded yet */
    look();
    CHECK_EQ(seen.kinds[RING_TRACK] + seen.kinds[RING_SENDER_REPORT], 0);
    end();
}

static void is_mute_record(bool muted)
{
    struct reader r = reader_over(seen.data[RING_TRACK_MUTE], seen.last[RING_TRACK_MUTE].len);
    CHECK_EQ(seen.kinds[RING_TRACK_MUTE], 1);
    CHECK_EQ(reader_u64(&r), page_stream_id(party, CONTROL_AUDIO));
    CHECK_EQ(reader_u8(&r), muted);
}

/* What the court mutes is not on the tape, not even what comes late; the tape says so. */
static void records_nothing_muted(void)
{
    begin();
    frame(CONTROL_AUDIO, 500, false);
    frame(CONTROL_AUDIO, 501, false);
    look();
    pause_sound(true);
    for (uint16_t seq = 503; seq < 519; seq++)
        frame(CONTROL_AUDIO, seq, false);
    look();
    is_mute_record(true);
    CHECK_EQ(seen.kinds[RING_RTP], 0);
    pause_sound(false);
    look();
    is_mute_record(false);            /* though nothing came yet */
    frame(CONTROL_AUDIO, 502, false); /* of the time before: lost its way */
    frame(CONTROL_AUDIO, 520, false);
    frame(CONTROL_AUDIO, 519, false); /* of the muted time */
    look();
    CHECK_EQ(seen.kinds[RING_TRACK_MUTE], 0);
    CHECK_EQ(seen.kinds[RING_RTP] + seen.kinds[RING_RTP_REPAIRED], 1);
    struct rtp_view rtp;
    CHECK_EQ(rtp_parse(seen.data[RING_RTP], seen.last[RING_RTP].len, &rtp), 0);
    CHECK_EQ(rtp.seq, 520);
    end();
}

/* A network that fails during a pause: the pause ends on the tape when the court ends it, and one
 * begun before anything comes again is told as well. What was never on the tape is not told. */
static void tells_pauses_without_packets(void)
{
    begin();
    pause_sound(true);
    pause_sound(false);
    look();
    CHECK_EQ(seen.kinds[RING_TRACK_MUTE], 0);
    frame(CONTROL_AUDIO, 500, false);
    for (int i = 0; i < 3; i++) {
        look();
        pause_sound(true);
        look();
        is_mute_record(true);
        pause_sound(false);
        look();
        is_mute_record(false);
    }
    frame(CONTROL_AUDIO, 501, false);
    look();
    CHECK_EQ(seen.kinds[RING_TRACK_MUTE], 0);
    CHECK_EQ(seen.kinds[RING_RTP], 1);
    end();
}

/* A ring that is full when a pause ends is told of it with the first packet it can take. */
static void tells_the_end_of_a_pause_late(void)
{
    begin();
    struct ring *small;
    CHECK_EQ(ring_create(1 << 16, &small), 0);
    CHECK_EQ(attach(small), 0);
    ring_destroy(ring);
    ring = small;
    frame(CONTROL_AUDIO, 500, false);
    pause_sound(true);
    look();
    is_mute_record(true);
    for (uint16_t seq = 0; seq < 2000; seq++)
        frame(CONTROL_VIDEO, seq, seq == 0);
    pause_sound(false);
    frame(CONTROL_AUDIO, 501, false);
    look();
    CHECK_EQ(seen.kinds[RING_TRACK_MUTE], 0);
    frame(CONTROL_AUDIO, 502, false);
    look();
    is_mute_record(false);
    CHECK_EQ(seen.kinds[RING_RTP], 1);
    end();
}

/* The matrix says what is recorded: role and kind of room. */
static void follows_the_matrix(void)
{
    begin();
    struct control_matrix m = stage_full_matrix();
    m.recorded[CONTROL_ROOM_COURTROOM] = 1u << CONTROL_ROLE_JUDGE;
    stage_set_matrix(&s, &m);
    frame(CONTROL_AUDIO, 500, false);
    look();
    CHECK_EQ(seen.kinds[RING_RTP], 0);
    m.recorded[CONTROL_ROOM_COURTROOM] = 1u << CONTROL_ROLE_PARTY;
    stage_set_matrix(&s, &m);
    frame(CONTROL_AUDIO, 501, false);
    look();
    CHECK_EQ(seen.kinds[RING_RTP], 1);
    const struct control_message move = {
        .type = CONTROL_PEER_MOVE,
        .peer_move = {STAGE_HEARING, party->id, CONTROL_ROOM_CONSULTATION, 3}};
    CHECK_EQ(stage_request(&s, &move, -1, NULL), 0);
    frame(CONTROL_AUDIO, 502, false);
    frame(CONTROL_VIDEO, 1, true);
    look();
    CHECK_EQ(seen.kinds[RING_RTP], 0); /* a private talk is not recorded */
    CHECK_EQ(seen.kinds[RING_TRACK_MUTE], 1);
    end();
}

/* The same ring again changes nothing; another one is told everything anew. */
static void begins_anew_on_another_tape(void)
{
    begin();
    frame(CONTROL_AUDIO, 500, false);
    CHECK_EQ(attach(ring), 0);
    frame(CONTROL_AUDIO, 501, false);
    look();
    CHECK_EQ(seen.kinds[RING_PRODUCER], 0);
    CHECK_EQ(seen.kinds[RING_TRACK], 1);
    CHECK_EQ(seen.kinds[RING_RTP], 2);
    uint32_t number = seen.last[RING_RTP].track;

    struct ring *other;
    CHECK_EQ(ring_create(1 << 16, &other), 0);
    CHECK_EQ(attach(other), 0);
    ring_destroy(ring);
    ring = other;
    frame(CONTROL_AUDIO, 502, false);
    look();
    CHECK_EQ(seen.kinds[RING_PRODUCER], 1);
    CHECK_EQ(seen.kinds[RING_TRACK], 1);
    CHECK_EQ(seen.kinds[RING_RTP], 1);
    CHECK_EQ(seen.last[RING_RTP].track, number);
    end();
}

/* A full ring never holds anything up: what it cannot take is counted, and it goes on after. */
static void never_waits(void)
{
    begin();
    struct ring *small;
    CHECK_EQ(ring_create(1 << 16, &small), 0);
    CHECK_EQ(attach(small), 0);
    ring_destroy(ring);
    ring = small;
    for (uint16_t seq = 0; seq < 2000; seq++)
        frame(CONTROL_AUDIO, seq, false);
    CHECK(s.c.counters[CONTROL_METRIC_RING_DROPPED] > 0);
    CHECK_EQ(s.c.counters[CONTROL_METRIC_RING_DROPPED], ring_dropped(ring));
    look();
    frame(CONTROL_AUDIO, 2000, false);
    look();
    CHECK_EQ(seen.kinds[RING_RTP], 1);
    CHECK_EQ(seen.kinds[RING_OVERRUN], 1);
    end();
}

/* A track ends with its stream and with its peer. */
static void ends_tracks(void)
{
    begin();
    frame(CONTROL_AUDIO, 500, false);
    frame(CONTROL_VIDEO, 1, true);
    look();
    const struct control_message remove = {
        .type = CONTROL_STREAM_REMOVE,
        .stream = {STAGE_HEARING, party->id, page_stream_id(party, CONTROL_AUDIO)}};
    CHECK_EQ(stage_request(&s, &remove, -1, NULL), 0);
    look();
    CHECK_EQ(seen.kinds[RING_TRACK_END], 1);
    struct reader r = reader_over(seen.data[RING_TRACK_END], 8);
    CHECK_EQ(reader_u64(&r), page_stream_id(party, CONTROL_AUDIO));
    const struct control_message leave = {.type = CONTROL_PEER_REMOVE,
                                          .peer = {STAGE_HEARING, party->id}};
    CHECK_EQ(stage_request(&s, &leave, -1, NULL), 0);
    look();
    CHECK_EQ(seen.kinds[RING_TRACK_END], 1);
    end();
}

static void is_loss(uint16_t first, uint16_t count)
{
    CHECK_EQ(seen.kinds[RING_LOSS], 1);
    struct reader r = reader_over(seen.data[RING_LOSS], seen.last[RING_LOSS].len);
    CHECK_EQ(reader_u16(&r), first);
    CHECK_EQ(reader_u16(&r), count);
}

/* What is missing when the source takes other numbers is told with the old ones, before the new. */
static void tells_losses_before_other_numbers(void)
{
    begin();
    frame(CONTROL_VIDEO, 10, true);
    frame(CONTROL_VIDEO, 13, false);
    look();
    frame(CONTROL_VIDEO, 20000, true);
    look();
    is_loss(11, 2);
    CHECK(seen.last[RING_LOSS].index < seen.last[RING_RTP].index);
    stage_pass(&s, 4000000);
    look();
    CHECK_EQ(seen.kinds[RING_LOSS], 0);
    CHECK_EQ(s.c.counters[CONTROL_METRIC_PACKETS_LOST], 2);
    end();
}

/* What is missing when a stream ends is told before its end. */
static void tells_losses_at_the_end(void)
{
    begin();
    frame(CONTROL_VIDEO, 10, true);
    frame(CONTROL_VIDEO, 15, false);
    look();
    const struct control_message leave = {.type = CONTROL_PEER_REMOVE,
                                          .peer = {STAGE_HEARING, party->id}};
    CHECK_EQ(stage_request(&s, &leave, -1, NULL), 0);
    look();
    is_loss(11, 4);
    CHECK(seen.last[RING_LOSS].index < seen.last[RING_TRACK_END].index);
    end();
}

/* What is missing is told in time though nothing can be sent to the page any more. */
static void tells_losses_of_a_page_that_is_away(void)
{
    begin();
    struct link *up = party->up;
    party->up = NULL;
    stage_pass(&s, 29 * 1000000ull); /* consent lapses in a second */
    party->up = up;
    frame(CONTROL_VIDEO, 10, true);
    frame(CONTROL_VIDEO, 15, false);
    party->up = NULL;
    look();
    stage_pass(&s, 4000000);
    look();
    is_loss(11, 4);
    party->up = up;
    end();
}

/* What comes late from before another tape was begun does not begin it. */
static void begins_another_tape_with_nothing_late(void)
{
    begin();
    frame(CONTROL_AUDIO, 500, false);
    frame(CONTROL_AUDIO, 502, false);
    struct ring *other;
    CHECK_EQ(ring_create(1 << 16, &other), 0);
    CHECK_EQ(attach(other), 0);
    ring_destroy(ring);
    ring = other;
    frame(CONTROL_AUDIO, 501, false);
    look();
    CHECK_EQ(seen.kinds[RING_RTP], 0);
    frame(CONTROL_AUDIO, 503, false);
    look();
    CHECK_EQ(seen.kinds[RING_TRACK], 1);
    CHECK_EQ(seen.kinds[RING_RTP], 1);
    end();
}

int main(void)
{
    copies_packets();
    tells_repair_loss_and_reports();
    says_again_which_track_is_which();
    records_nothing_muted();
    tells_pauses_without_packets();
    tells_the_end_of_a_pause_late();
    follows_the_matrix();
    begins_anew_on_another_tape();
    never_waits();
    ends_tracks();
    begins_another_tape_with_nothing_late();
    tells_losses_before_other_numbers();
    tells_losses_at_the_end();
    tells_losses_of_a_page_that_is_away();
    return 0;
}
