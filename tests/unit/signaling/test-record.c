/* SPDX-License-Identifier: Apache-2.0 */
/* What the record's marks mean. */
#include "signaling/record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "scene.h"
#include "signaling/effects.h"
#include "signaling/session.h"
#include "unit/check.h"

static const struct invite_guest guests[] = {{CONTROL_ROLE_JUDGE, "陈敏"}};

static struct scene s;

static void mark(uint64_t dropped)
{
    const struct control_tape_mark m = {.hearing = s.live->hearing->stored.id,
                                        .checked_us = s.court.now_us,
                                        .ring_dropped = dropped};
    record_on_mark(s.live, &m);
}

/* Packets that the ring had no room for are a line naming our fault, each time more are lost. */
static void a_gap_is_our_fault(void)
{
    static const char gap[] = "\"event\":\"fault\",\"process\":\"recorder\"";
    scene_begin(&s, guests, 1);
    record_open(s.live);
    mark(0);
    CHECK_EQ(scene_lines(&s, gap), 0);
    mark(7);
    CHECK_EQ(scene_lines(&s, gap), 1);
    mark(7);
    CHECK_EQ(scene_lines(&s, gap), 1);
    mark(8);
    CHECK_EQ(scene_lines(&s, gap), 2);
    CHECK_EQ(s.court.counters.faults, 2);
    scene_end(&s);
}

/* A hearing that was open before our own start: what its ring had lost by then is no news. */
static void an_old_gap_is_not_told_again(void)
{
    scene_begin(&s, guests, 1);
    s.live->tape = LIVE_TAPE_WANTED;
    record_open(s.live);
    mark(7);
    CHECK_EQ(scene_lines(&s, "\"event\":\"fault\""), 0);
    mark(9);
    CHECK_EQ(scene_lines(&s, "\"event\":\"fault\""), 1);
    scene_end(&s);
}

static struct ws_connection *judge;

static void set_state(const char *state)
{
    scene_say(&s, judge, "{\"type\":\"setState\",\"id\":9,\"state\":\"%s\"}", state);
    CHECK(scene_told(judge, "{\"type\":\"ok\",\"id\":9}") > 0);
}

static uint64_t lines(void)
{
    return journal_summary(s.live->journal).lines;
}

/* Sealed with every line before it: none is said after TAPE_CLOSE. */
static void check_sealed_whole(void)
{
    CHECK_EQ(s.live->tape, LIVE_TAPE_SEALED);
    CHECK_EQ(s.recorder.got[s.recorder.count - 1].type, CONTROL_TAPE_CLOSE);
    CHECK_EQ(scene_got(&s.recorder, CONTROL_TAPE_CLOSE), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"record.sealed\""), 1);
    CHECK_EQ(s.recorder.note_seq, lines() - 1);
}

/* The recorder is away when the hearing is closed: the tape is opened once more, for the lines
 * since then, and sealed with them. */
static void closed_without_a_recorder(void)
{
    scene_begin(&s, guests, 1);
    judge = scene_join(&s, 0);
    set_state("open");
    scene_lose_recorder(&s);
    set_state("closed");
    CHECK_EQ(s.live->record.state, REPLY_RECORD_SEALING);
    CHECK(s.recorder.note_seq < lines());
    scene_forget(&s);
    scene_find_recorder(&s);
    CHECK_EQ(s.recorder.got[0].type, CONTROL_HELLO);
    CHECK_EQ(s.recorder.got[1].type, CONTROL_TAPE_OPEN);
    check_sealed_whole();
    CHECK_EQ(scene_got(&s.recorder, CONTROL_TAPE_OPEN), 1);
    CHECK(strstr(s.recorder.notes, "\"event\":\"hearing.closed\""));
    scene_end(&s);
}

/* The recorder went as the hearing was opened, and comes after we were restarted: the tape says who
 * is who. */
static void opened_without_a_recorder(void)
{
    scene_begin(&s, guests, 1);
    judge = scene_join(&s, 0);
    s.recorder.status = -EIO;
    set_state("open");
    scene_lose_recorder(&s);
    s.recorder.status = 0;
    scene_restart(&s);
    scene_connect(&s);
    scene_settle(&s);
    CHECK_EQ(s.live->tape, LIVE_TAPE_OPEN);
    CHECK_EQ(s.recorder.note_seq, lines());
    CHECK(strstr(s.recorder.notes, "\"event\":\"hearing.created\""));
    CHECK(strstr(s.recorder.notes, guests[0].name));
    /* Closed and killed before it is sealed: the next life seals it. */
    scene_lose_recorder(&s);
    judge = scene_arrive(&s, 0, "");
    scene_say(&s, judge, "{\"type\":\"join\",\"id\":2,\"seats\":2}");
    set_state("closed");
    scene_restart(&s);
    scene_forget(&s);
    scene_connect(&s);
    check_sealed_whole();
    scene_end(&s);
}

static void refuse_a_line(void)
{
    const struct journal_entry on = {.event = JOURNAL_RECORD_ON};
    s.recorder.status = -ENOBUFS;
    CHECK_EQ(court_journal(s.live, &on), 0);
    scene_serve(&s);
    s.recorder.status = 0;
}

static void try_again(void)
{
    court_wake(&s.court);
    s.court.now_us += 2000000;
    record_tick(s.live);
    scene_serve(&s);
}

/* A line that the recorder does not take is no hole: it comes again before the next one, and before
 * the tape is sealed. */
static void a_refused_line_comes_again(void)
{
    const struct journal_entry on = {.event = JOURNAL_RECORD_ON};
    scene_begin(&s, guests, 1);
    judge = scene_join(&s, 0);
    set_state("open");
    refuse_a_line();
    CHECK_EQ(court_journal(s.live, &on), 0);
    scene_serve(&s);
    CHECK_EQ(s.recorder.note_seq, lines() - 2);
    try_again();
    CHECK_EQ(s.recorder.note_seq, lines());
    refuse_a_line();
    set_state("closed");
    CHECK_EQ(scene_got(&s.recorder, CONTROL_TAPE_CLOSE), 0);
    CHECK_EQ(s.live->record.state, REPLY_RECORD_SEALING);
    try_again();
    check_sealed_whole();
    scene_end(&s);
}

/* Lines said at once are bounded, and all come. */
static void a_long_journal_goes_by_pieces(void)
{
    const struct journal_entry on = {.event = JOURNAL_RECORD_ON};
    scene_begin(&s, guests, 1);
    judge = scene_join(&s, 0);
    for (unsigned i = 0; i < 2 * NOTES_WINDOW; i++)
        CHECK_EQ(court_journal(s.live, &on), 0);
    set_state("open");
    CHECK_EQ(s.live->notes.said, lines());
    CHECK_EQ(s.recorder.note_seq, lines());
    s.live->notes = (struct notes){0};
    court_tell_lines(s.live);
    CHECK_EQ(s.live->notes.said, NOTES_WINDOW);
    scene_end(&s);
}

/* What is told of the recording once the tape is sealed. */
static void the_recording_is_told_as_it_is(void)
{
    const struct control_render_state none = {.phase = CONTROL_RENDER_NONE};
    const struct control_render_state running = {.phase = CONTROL_RENDER_RUNNING, .percent = 7};
    scene_begin(&s, guests, 1);
    judge = scene_join(&s, 0);
    set_state("open");
    set_state("closed");
    check_sealed_whole();
    CHECK_EQ(s.live->record.state, REPLY_RECORD_RENDERING);
    record_on_render(s.live, &running);
    CHECK_EQ(s.live->record.state, REPLY_RECORD_RENDERING);
    /* It failed before we were restarted, or is not done here: it may be asked for. */
    record_on_render(s.live, &none);
    CHECK_EQ(s.live->record.state, REPLY_RECORD_FAILED);
    CHECK_EQ(record_render(&s.court, s.hearing), 0);
    scene_serve(&s);
    CHECK_EQ(s.live->record.state, REPLY_RECORD_RENDERING);
    record_on_render(s.live, &none);
    scene_hang_up(judge);
    court_let_go(&s.court);
    s.court.now_us += COURT_IDLE_US + 1;
    court_let_go(&s.court);
    CHECK(!court_find(&s.court, s.hearing));
    /* Sealed in an earlier life and taken away since: none is made in its place. */
    CHECK_EQ(court_live(&s.court, s.hearing, &s.live), 0);
    scene_forget(&s);
    s.recorder.status = -ENOENT;
    record_tick(s.live);
    scene_serve(&s);
    CHECK_EQ(scene_got(&s.recorder, CONTROL_TAPE_OPEN), 0);
    CHECK_EQ(scene_got(&s.recorder, CONTROL_TAPE_CLOSE), 1);
    CHECK_EQ(s.live->record.state, REPLY_RECORD_OFF);
    scene_end(&s);
}

/* The same ring offered again over the same connection is in use all the while: the record was not
 * lost. Another one counts when it is taken. */
static void a_ring_offered_again_is_no_loss(void)
{
    static const char lost[] = "\"event\":\"record.lost\"";
    scene_begin(&s, guests, 1);
    judge = scene_join(&s, 0);
    set_state("open");
    s.court.now_us += 1;
    mark(0);
    CHECK_EQ(s.live->record.state, REPLY_RECORD_ON);
    effects_open_media(s.live);
    CHECK(s.live->ring_asked);
    record_evaluate(s.live); /* before the answer */
    CHECK_EQ(s.live->record.state, REPLY_RECORD_ON);
    scene_serve(&s);
    CHECK_EQ(s.live->record.state, REPLY_RECORD_ON);
    CHECK_EQ(scene_lines(&s, lost), 0);
    s.sfu.status = -EBADF;
    effects_open_media(s.live);
    scene_serve(&s);
    CHECK_EQ(s.live->record.state, REPLY_RECORD_LOST);
    s.sfu.status = 0;
    try_again();
    CHECK(s.live->ring_taken);
    int another = open("/dev/null", O_RDWR | O_CLOEXEC);
    CHECK(another >= 0);
    s.live->tape = LIVE_TAPE_WANTED; /* as when the recorder was away */
    record_on_tape_ready(s.live, 0, another);
    (void)close(another);
    CHECK(!s.live->ring_taken);
    scene_serve(&s);
    CHECK(s.live->ring_taken);
    scene_end(&s);
}

/* Opened and closed at once, so that the tape is there only after: the media core, which has let
 * the hearing go, is not given it again. */
static void a_late_tape_opens_nothing(void)
{
    static const char open_now[] = "{\"type\":\"setState\",\"id\":9,\"state\":\"open\"}",
                      close_now[] = "{\"type\":\"setState\",\"id\":10,\"state\":\"closed\"}";
    scene_begin(&s, guests, 1);
    judge = scene_join(&s, 0);
    scene_forget(&s);
    session_receive(judge->page, open_now, sizeof(open_now) - 1);
    session_receive(judge->page, close_now, sizeof(close_now) - 1);
    int ring = open("/dev/null", O_RDWR | O_CLOEXEC);
    CHECK(ring >= 0);
    CHECK_EQ(s.live->tape, LIVE_TAPE_WANTED);
    record_on_tape_ready(s.live, 0, ring); /* before the media core's answer */
    (void)close(ring);
    scene_serve(&s);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_HEARING_CLOSE), 1);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_HEARING_OPEN), 0);
    CHECK(!s.live->media_open);
    CHECK_EQ(s.live->tape, LIVE_TAPE_SEALED);
    scene_end(&s);
}

int main(void)
{
    a_late_tape_opens_nothing();
    closed_without_a_recorder();
    opened_without_a_recorder();
    a_refused_line_comes_again();
    a_long_journal_goes_by_pieces();
    the_recording_is_told_as_it_is();
    a_ring_offered_again_is_no_loss();
    a_gap_is_our_fault();
    an_old_gap_is_not_told_again();
    return 0;
}
