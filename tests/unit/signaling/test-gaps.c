/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/gaps.h"

#include <string.h>

#include "scene.h"
#include "sfu/stream.h"
#include "signaling/effects.h"
#include "unit/check.h"

_Static_assert(GAPS_TOLD_LATE_US == STREAM_STOPPED_US, "as late as the media core tells it");

enum { JUDGE, PARTY, GUESTS };
static const struct invite_guest guests[GUESTS] = {
    [JUDGE] = {CONTROL_ROLE_JUDGE, "陈敏"},
    [PARTY] = {CONTROL_ROLE_PARTY, "李伟"},
};

static struct scene s;
static struct ws_connection *judge, *party;
static uint64_t microphone;

/* The party publishes a microphone in the courtroom. */
static void begin(void)
{
    scene_begin(&s, guests, GUESTS);
    judge = scene_join(&s, JUDGE);
    party = scene_join(&s, PARTY);
    scene_say(&s, judge, "{\"type\":\"admit\",\"id\":10,\"person\":\"%s\"}",
              scene_id(s.people[PARTY]->stored.id));
    microphone = scene_produce(&s, party);
    CHECK(microphone);
    s.court.wall_us += 10 * 1000000; /* some time later */
}

/* The media core says whether packets come, `later_us` after what was before. */
static void flow(uint64_t stream, bool flowing, uint64_t later_us)
{
    s.court.wall_us += later_us;
    const struct control_stream_state state = {s.hearing, s.people[PARTY]->stored.id, stream,
                                               flowing};
    gaps_on_flow(s.live, &state);
}

static unsigned gaps(void)
{
    return scene_lines(&s, "\"event\":\"media.gap\"");
}

/* The line says whose, which and exactly how long. */
static void a_silence_is_a_line_when_it_is_over(void)
{
    begin();
    flow(microphone, true, 0);
    flow(microphone, false, 5000000);
    uint64_t since_us = s.court.wall_us - GAPS_TOLD_LATE_US;
    flow(microphone, false, 1000000); /* told again: it began when it began */
    CHECK_EQ(gaps(), 0);
    flow(microphone, true, 4000000);
    char since[TERMS_TIME_TEXT], until[TERMS_TIME_TEXT], line[256];
    (void)snprintf(line, sizeof(line),
                   "\"event\":\"media.gap\",\"person\":\"%s\",\"stream\":\"%s\",\"source\":"
                   "\"microphone\",\"since\":\"%s\",\"until\":\"%s\"",
                   scene_id(s.people[PARTY]->stored.id), scene_id(microphone),
                   terms_time_text(since_us, since), terms_time_text(s.court.wall_us, until));
    CHECK_EQ(scene_lines(&s, line), 1);
    flow(microphone, true, 1000000);
    CHECK_EQ(gaps(), 1);
    scene_end(&s);
}

/* Only what a listener would notice. */
static void a_short_silence_is_none(void)
{
    begin();
    flow(microphone, false, 0);
    flow(microphone, true, GAPS_MIN_US - GAPS_TOLD_LATE_US - 1);
    CHECK_EQ(gaps(), 0);
    flow(microphone, false, 0);
    flow(microphone, true, GAPS_MIN_US - GAPS_TOLD_LATE_US);
    CHECK_EQ(gaps(), 1);
    scene_end(&s);
}

/* Who closed the microphone is not missing; nor is a still screen, nor a stream nobody knows. */
static void silence_on_purpose_is_none(void)
{
    begin();
    scene_say(&s, party, "{\"type\":\"pause\",\"id\":11,\"producer\":\"%s\",\"paused\":true}",
              scene_id(microphone));
    flow(microphone, false, 0);
    flow(microphone, true, 60000000);
    const struct hearing_producer screen = {
        .id = 77, .kind = CONTROL_VIDEO, .source = CONTROL_SOURCE_SCREEN, .started_us = 1};
    hearing_produce(s.live->hearing, s.people[PARTY], &screen, &s.court.changes);
    flow(77, false, 0);
    flow(77, true, 60000000);
    flow(78, false, 0);
    flow(78, true, 60000000);
    CHECK_EQ(gaps(), 0);
    scene_end(&s);
}

/* A silence ends where nobody could expect anything more: paused, closed, put out of the room. */
static void it_ends_with_its_stream(void)
{
    static const char *const ends[] = {
        "{\"type\":\"pause\",\"id\":11,\"producer\":\"%s\",\"paused\":true}",
        "{\"type\":\"closeProducer\",\"id\":11,\"producer\":\"%s\"}",
        "{\"type\":\"leave\",\"id\":11}",
    };
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char request[128];
        begin();
        flow(microphone, false, 0);
        /* The request is stamped by the real clock, so the silence is put before it. */
        court_presence(s.live, s.people[PARTY])->gaps[CONTROL_SOURCE_MICROPHONE].since_us -=
            20 * 1000000;
        const char *before = ends[i], *at = strstr(before, "%s");
        (void)snprintf(request, sizeof(request), "%.*s%s%s", (int)(at ? at - before : 99), before,
                       at ? scene_id(microphone) : "", at ? at + 2 : "");
        scene_say(&s, party, "%s", request);
        CHECK_EQ(scene_told(party, "{\"type\":\"ok\",\"id\":11}"), 1);
        CHECK_EQ(gaps(), 1);
        flow(microphone, true, 60000000);
        CHECK_EQ(gaps(), 1);
        scene_end(&s);
    }
}

/* The media core dies: our fault, and for each voice how long nobody heard it, however short. */
static void a_dead_media_core_leaves_gaps(void)
{
    begin();
    flow(microphone, true, 0);
    scene_lose_sfu(&s);
    uint64_t lost_us = s.court.wall_us;
    scene_find_sfu(&s);
    CHECK_EQ(scene_told(party, "\"type\":\"mediaLost\""), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"fault\",\"process\":\"sfu\""), 1);
    CHECK_EQ(gaps(), 0);
    scene_say(&s, party, "{\"type\":\"join\",\"id\":12,\"seats\":2}");
    uint64_t again = scene_produce(&s, party);
    CHECK(again && again != microphone);
    CHECK_EQ(gaps(), 0); /* it is published, but nothing has come yet */
    flow(again, true, 0);
    char since[TERMS_TIME_TEXT], line[256];
    (void)snprintf(line, sizeof(line),
                   "\"stream\":\"%s\",\"source\":\"microphone\",\"since\":\"%s\"",
                   scene_id(microphone), terms_time_text(lost_us, since));
    CHECK_EQ(scene_lines(&s, line), 1);
    CHECK_EQ(gaps(), 1);
    scene_end(&s);
}

/* A media core that was but out of reach has gone on carrying voices. */
static void a_lost_connection_alone_is_no_gap(void)
{
    begin();
    const struct control_message has[] = {
        {.type = CONTROL_PEER_PRESENT,
         .peer_add = {.hearing = s.hearing,
                      .peer = s.people[PARTY]->stored.id,
                      .role = CONTROL_ROLE_PARTY,
                      .room_kind = CONTROL_ROOM_COURTROOM,
                      .seats = 2}},
        {.type = CONTROL_STREAM_STATE,
         .stream_state = {s.hearing, s.people[PARTY]->stored.id, microphone, true}},
    };
    scene_lose_sfu(&s);
    s.sfu.boot--;
    scene_greet_sfu(&s);
    for (size_t i = 0; i < sizeof(has) / sizeof(has[0]); i++)
        scene_sfu_says(&s, &has[i]);
    scene_settle(&s);
    CHECK_EQ(scene_told(party, "\"type\":\"mediaLost\""), 0);
    CHECK(hearing_producer(s.people[PARTY], microphone));
    CHECK_EQ(gaps(), 0);
    scene_end(&s);
}

int main(void)
{
    a_silence_is_a_line_when_it_is_over();
    a_short_silence_is_none();
    silence_on_purpose_is_none();
    it_ends_with_its_stream();
    a_dead_media_core_leaves_gaps();
    a_lost_connection_alone_is_no_gap();
    return 0;
}
