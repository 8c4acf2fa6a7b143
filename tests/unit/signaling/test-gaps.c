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

static void flow(uint64_t stream, bool flowing, uint64_t later_us);

/* The party publishes a microphone in the courtroom; nothing has come from it. */
static void begin_silent(void)
{
    scene_begin(&s, guests, GUESTS);
    judge = scene_join(&s, JUDGE);
    party = scene_join(&s, PARTY);
    scene_say(&s, judge, "{\"type\":\"admit\",\"id\":10,\"person\":\"%s\"}",
              scene_id(s.people[PARTY]->stored.id));
    microphone = scene_produce(&s, party);
    CHECK(microphone);
}

/* It is heard. */
static void begin(void)
{
    begin_silent();
    flow(microphone, true, 0);
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

/* The party's gap that is not over. */
static struct live_gap *lasting(void)
{
    return &court_presence(s.live, s.people[PARTY])->gaps[CONTROL_SOURCE_MICROPHONE];
}

/* Lines of a gap of the microphone from then, until then unless that is 0. */
static unsigned gaps_from(uint64_t since_us, uint64_t until_us)
{
    char since[TERMS_TIME_TEXT], until[TERMS_TIME_TEXT], line[256];
    (void)snprintf(
        line, sizeof(line), "\"stream\":\"%s\",\"source\":\"microphone\",\"since\":\"%s\"%s%s",
        scene_id(microphone), terms_time_text(since_us, since), until_us ? ",\"until\":\"" : "",
        until_us ? terms_time_text(until_us, until) : "");
    return scene_lines(&s, line);
}

static void set_paused(bool is_paused)
{
    scene_say(&s, party, "{\"type\":\"pause\",\"id\":11,\"producer\":\"%s\",\"paused\":%s}",
              scene_id(microphone), is_paused ? "true" : "false");
}

/* The media core is back and was the same all the time: it tells what it has of the party. */
static void greet_same(bool is_paused, bool is_flowing)
{
    const struct control_message has[] = {
        {.type = CONTROL_PEER_PRESENT,
         .peer_add = {.hearing = s.hearing,
                      .peer = s.people[PARTY]->stored.id,
                      .role = CONTROL_ROLE_PARTY,
                      .room_kind = CONTROL_ROOM_COURTROOM,
                      .seats = 2}},
        {.type = CONTROL_STREAM_PRESENT,
         .stream_present = {s.hearing, s.people[PARTY]->stored.id, microphone, CONTROL_AUDIO,
                            CONTROL_SOURCE_MICROPHONE, is_paused}},
        {.type = CONTROL_STREAM_STATE,
         .stream_state = {s.hearing, s.people[PARTY]->stored.id, microphone, is_flowing}},
    };
    s.sfu.boot--;
    scene_greet_sfu(&s);
    for (size_t i = 0; i < sizeof(has) / sizeof(has[0]); i++)
        scene_sfu_says(&s, &has[i]);
    scene_settle(&s);
    CHECK_EQ(scene_told(party, "\"type\":\"mediaLost\""), 0);
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
    scene_lose_sfu(&s);
    greet_same(false, true);
    CHECK(hearing_producer(s.people[PARTY], microphone));
    CHECK_EQ(gaps(), 0);
    CHECK_EQ(lasting()->stream, 0);
    scene_end(&s);
}

/* Published, and not one packet comes: the media core has nothing to tell, the gap lasts from the
 * publishing. Paused at first, nothing is due. */
static void what_never_came_is_a_gap(void)
{
    begin_silent();
    CHECK_EQ(lasting()->stream, microphone);
    flow(microphone, true, GAPS_MIN_US - 1000000); /* it only took the time of connecting */
    CHECK_EQ(gaps(), 0);
    scene_end(&s);

    begin_silent();
    uint64_t since_us = s.court.wall_us;
    flow(microphone, true, 60000000);
    CHECK_EQ(gaps_from(since_us, s.court.wall_us), 1);
    scene_end(&s);

    begin_silent();
    lasting()->since_us -= 20000000; /* before the request, which is stamped by the real clock */
    since_us = lasting()->since_us;
    scene_say(&s, party, "{\"type\":\"closeProducer\",\"id\":11,\"producer\":\"%s\"}",
              scene_id(microphone));
    CHECK_EQ(gaps_from(since_us, s.court.wall_us), 1);
    scene_end(&s);
}

/* What the media core refuses was never due. */
static void what_was_refused_is_no_gap(void)
{
    begin();
    s.sfu.status = -22;
    scene_say(&s, party, "{\"type\":\"closeProducer\",\"id\":11,\"producer\":\"%s\"}",
              scene_id(microphone));
    CHECK_EQ(scene_produce(&s, party), 0);
    CHECK_EQ(lasting()->stream, 0);
    scene_end(&s);
}

/* Opened again, and the way is dead meanwhile: nothing tells it but that nothing comes. */
static void unmuted_into_a_dead_path_is_a_gap(void)
{
    begin();
    set_paused(true);
    flow(microphone, false, 0);
    set_paused(false);
    CHECK_EQ(lasting()->stream, microphone);
    uint64_t since_us = s.court.wall_us;
    flow(microphone, true, 5000000);
    CHECK_EQ(gaps_from(since_us, s.court.wall_us), 1);
    set_paused(true);
    set_paused(false); /* its packets came all the time */
    CHECK_EQ(lasting()->stream, 0);
    CHECK_EQ(gaps(), 1);
    scene_end(&s);
}

/* The network's gap, as long as it lasts: losing the media core in it neither takes it over nor
 * ends it, whether the core lived or died. */
static void a_gap_outlasts_a_lost_core(void)
{
    for (unsigned is_dead = 0; is_dead < 2; is_dead++) {
        begin();
        flow(microphone, false, 0);
        lasting()->since_us -= 600000000;
        uint64_t since_us = lasting()->since_us;
        scene_lose_sfu(&s);
        if (is_dead)
            scene_find_sfu(&s);
        else
            greet_same(false, false);
        CHECK_EQ(gaps(), 0);
        CHECK_EQ(lasting()->stream, microphone);
        CHECK_EQ(lasting()->since_us, since_us);
        CHECK(!lasting()->ours);
        uint64_t now = microphone;
        if (is_dead) {
            scene_say(&s, party, "{\"type\":\"join\",\"id\":12,\"seats\":2}");
            now = scene_produce(&s, party);
        }
        flow(now, true, 0);
        CHECK_EQ(gaps_from(since_us, s.court.wall_us), 1);
        CHECK_EQ(gaps(), 1);
        scene_end(&s);
    }
}

/* Opened while the media core was out of reach, which has it paused still: nobody heard it until
 * the core knew, our fault. If the core never heard of the pause either, nothing was missing. */
static void opened_while_the_core_was_away(void)
{
    begin();
    set_paused(true);
    scene_lose_sfu(&s);
    set_paused(false);
    uint64_t since_us = s.court.wall_us;
    CHECK_EQ(lasting()->stream, microphone);
    greet_same(true, true);
    CHECK_EQ(gaps_from(since_us, 0), 1);
    CHECK_EQ(gaps(), 1);
    CHECK_EQ(lasting()->stream, 0);
    scene_lose_sfu(&s);
    set_paused(true);
    set_paused(false);
    greet_same(false, true);
    CHECK_EQ(gaps(), 1);
    CHECK_EQ(lasting()->stream, 0);
    scene_lose_sfu(&s);
    set_paused(true);
    set_paused(false);
    scene_find_sfu(&s); /* another: it lasts until the voice is published and heard again */
    CHECK_EQ(gaps(), 1);
    CHECK_EQ(lasting()->stream, microphone);
    scene_end(&s);
}

/* Muted or closed while the media core is away: only when that is back does anybody know whether
 * there was a gap. Then it ended when it ended. */
static void ended_while_the_core_was_away(void)
{
    for (unsigned i = 0; i < 4; i++) {
        bool is_dead = i & 1u;
        begin();
        scene_lose_sfu(&s);
        uint64_t since_us = s.court.wall_us;
        if (i & 2u)
            scene_say(&s, party, "{\"type\":\"closeProducer\",\"id\":11,\"producer\":\"%s\"}",
                      scene_id(microphone));
        else
            set_paused(true);
        uint64_t until_us = s.court.wall_us;
        CHECK_EQ(gaps(), 0);
        if (is_dead)
            scene_find_sfu(&s);
        else
            greet_same(false, true);
        CHECK_EQ(gaps_from(since_us, until_us), is_dead);
        CHECK_EQ(gaps(), is_dead);
        CHECK_EQ(lasting()->stream, 0);
        scene_end(&s);
    }
}

/* A hearing that is closed without its media core waits for no news of it. */
static void closing_ends_a_gap(void)
{
    begin();
    scene_say(&s, judge, "{\"type\":\"setState\",\"id\":11,\"state\":\"open\"}");
    scene_lose_sfu(&s);
    uint64_t since_us = s.court.wall_us;
    scene_say(&s, judge, "{\"type\":\"setState\",\"id\":12,\"state\":\"closed\"}");
    CHECK_EQ(gaps_from(since_us, 0), 1);
    scene_end(&s);
}

/* The media core died, and its person came back without the source: the gap is over when it is
 * there, once it is clear that nothing more comes. */
static void a_source_not_published_again_ends_its_gap(void)
{
    begin();
    scene_lose_sfu(&s);
    uint64_t since_us = s.court.wall_us;
    s.court.wall_us += 2 * GAPS_WITHOUT_US;
    gaps_tick(s.live); /* nobody has joined again, nobody could */
    scene_find_sfu(&s);
    s.court.wall_us += 2 * GAPS_WITHOUT_US;
    gaps_tick(s.live); /* it could, but has not */
    s.court.wall_us += 2 * GAPS_WITHOUT_US;
    gaps_tick(s.live);
    CHECK_EQ(gaps(), 0);
    scene_say(&s, party, "{\"type\":\"join\",\"id\":12,\"seats\":2}");
    gaps_tick(s.live);
    uint64_t back_us = s.court.wall_us;
    s.court.wall_us += GAPS_WITHOUT_US - 1;
    gaps_tick(s.live);
    CHECK_EQ(gaps(), 0);
    s.court.wall_us += 1;
    gaps_tick(s.live);
    CHECK_EQ(gaps_from(since_us, back_us), 1);
    s.court.wall_us += 2 * GAPS_WITHOUT_US;
    gaps_tick(s.live);
    CHECK_EQ(gaps(), 1);
    scene_end(&s);
}

/* Refused because the media core is away, it is published when that is back. */
static void while_the_core_is_away_nothing_can_be_published(void)
{
    begin();
    scene_lose_sfu(&s);
    hearing_unproduce(s.live->hearing, s.people[PARTY], microphone, &s.court.changes);
    effects_apply(s.live);
    for (unsigned i = 0; i < 2; i++) {
        gaps_tick(s.live);
        s.court.wall_us += 2 * GAPS_WITHOUT_US;
    }
    CHECK_EQ(lasting()->without_us, 0);
    CHECK_EQ(lasting()->until_us, 0);
    scene_end(&s);
}

/* Published again in time, it lasts until packets come. */
static void a_source_published_again_goes_on(void)
{
    begin();
    scene_lose_sfu(&s);
    uint64_t since_us = s.court.wall_us;
    scene_find_sfu(&s);
    scene_say(&s, party, "{\"type\":\"join\",\"id\":12,\"seats\":2}");
    effects_tick(s.live);
    CHECK(lasting()->without_us);
    uint64_t again = scene_produce(&s, party);
    s.court.wall_us += 2 * GAPS_WITHOUT_US;
    gaps_tick(s.live);
    CHECK_EQ(lasting()->without_us, 0);
    CHECK_EQ(gaps(), 0);
    flow(again, true, 0);
    CHECK_EQ(gaps_from(since_us, s.court.wall_us), 1);
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
    what_never_came_is_a_gap();
    what_was_refused_is_no_gap();
    unmuted_into_a_dead_path_is_a_gap();
    a_gap_outlasts_a_lost_core();
    opened_while_the_core_was_away();
    ended_while_the_core_was_away();
    closing_ends_a_gap();
    a_source_not_published_again_ends_its_gap();
    while_the_core_is_away_nothing_can_be_published();
    a_source_published_again_goes_on();
    return 0;
}
