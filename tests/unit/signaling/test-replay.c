/* What a journal answers of any moment is what was so then: a hearing with all its measures is led
 * step by step, and each step is asked of the file alone afterwards.
 * SPDX-License-Identifier: Apache-2.0 */
#include "signaling/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "scene.h"
#include "signaling/rooms.h"
#include "unit/check.h"

enum { JUDGE, PARTY, LAWYER, WITNESS, OBSERVER, GUESTS };
static const struct invite_guest guests[GUESTS] = {
    [JUDGE] = {CONTROL_ROLE_JUDGE, "陈 \"C\" 敏", 0}, [PARTY] = {CONTROL_ROLE_PARTY, "李伟", 1},
    [LAWYER] = {CONTROL_ROLE_LAWYER, "Ines", 1},      [WITNESS] = {CONTROL_ROLE_WITNESS, "Sam", 0},
    [OBSERVER] = {CONTROL_ROLE_OBSERVER, "Press", 0},
};

static struct scene s;
static struct ws_connection *pages[GUESTS];

/* One moment, and who was sent whose microphone in it. */
struct moment {
    uint64_t at_us;
    enum terms_state state;
    enum terms_room rooms[GUESTS];
    bool sent[GUESTS][GUESTS];
};

static struct moment moments[40];
static size_t moment_count;

/* Of rooms beside the courtroom the journal has only who was there. */
static bool is_sent_now(size_t from, size_t to)
{
    struct hearing_person *a = s.people[from], *b = s.people[to];
    return from != to && !a->aside.number && hearing_producer_of(a, CONTROL_SOURCE_MICROPHONE) &&
           hearing_is_together(a, b) && !hearing_is_closed(s.live->hearing, a) &&
           hearing_flows(s.live->hearing, a, b, CONTROL_AUDIO);
}

/* Lines have a time in milliseconds: the next step is in another one. */
static void note(void)
{
    CHECK(moment_count < sizeof(moments) / sizeof(moments[0]));
    struct moment *m = &moments[moment_count++];
    m->at_us = clock_wall_us();
    m->state = hearing_state(s.live->hearing);
    for (size_t i = 0; i < GUESTS; i++) {
        m->rooms[i] = hearing_room(s.people[i]);
        for (size_t k = 0; k < GUESTS; k++)
            m->sent[i][k] = is_sent_now(i, k);
    }
    while (clock_wall_us() / 1000 < m->at_us / 1000 + 2)
        ;
}

static void act(size_t by, const char *type, const char *members)
{
    scene_say(&s, pages[by], "{\"type\":\"%s\",\"id\":20%s}", type, members);
    CHECK(!strstr(pages[by]->told, "\"type\":\"error\""));
    scene_forget(&s);
    note();
}

static void act_on(size_t by, const char *type, size_t on, const char *more)
{
    char members[128];
    (void)snprintf(members, sizeof(members), ",\"person\":\"%s\"%s",
                   scene_id(s.people[on]->stored.id), more);
    act(by, type, members);
}

static void lead(void)
{
    char members[160];
    scene_begin(&s, guests, GUESTS);
    s.live->hearing->stored.objection_holds = true;
    note();
    for (size_t i = 0; i < GUESTS; i++) {
        pages[i] = scene_join(&s, i);
        note();
    }
    for (size_t i = PARTY; i < GUESTS; i++)
        act_on(JUDGE, "admit", i, "");
    for (size_t i = 0; i < OBSERVER; i++)
        scene_produce(&s, pages[i]);
    act(JUDGE, "setState", ",\"state\":\"open\"");
    act_on(JUDGE, "lock", PARTY, ",\"on\":true");
    act_on(JUDGE, "lock", PARTY, ",\"on\":false");
    act_on(JUDGE, "giveFloor", LAWYER, "");
    act(JUDGE, "openFloor", "");
    (void)snprintf(members, sizeof(members), ",\"from\":\"%s\",\"what\":\"both\"",
                   scene_id(s.people[WITNESS]->stored.id));
    act_on(JUDGE, "screen", PARTY, members);
    act(JUDGE, "inCamera", ",\"on\":true,\"reason\":\"A minor.\"");
    act(JUDGE, "inCamera", ",\"on\":false");
    act(JUDGE, "setState", ",\"state\":\"recess\"");
    (void)snprintf(members, sizeof(members), ",\"room\":\"consultation\",\"people\":[\"%s\"]",
                   scene_id(s.people[PARTY]->stored.id));
    act(LAWYER, "meet", members);
    act(PARTY, "enter", ",\"number\":1");
    act(JUDGE, "setState", ",\"state\":\"open\"");
    act(PARTY, "comeBack", "");
    act(LAWYER, "comeBack", "");
    act_on(JUDGE, "dismiss", WITNESS, "");
    act_on(JUDGE, "admit", WITNESS, "");
    scene_produce(&s, pages[WITNESS]);
    note();
    act(LAWYER, "leave", "");
    act(JUDGE, "setState", ",\"state\":\"closed\"");
}

static void check_moment(const char *path, const struct moment *m)
{
    CLEANUP(replay_close) struct replay *replay = NULL;
    CHECK_EQ(replay_open(path, m->at_us, &replay), 0);
    const struct hearing *h = replay_hearing(replay);
    CHECK(replay_last_us(replay) <= m->at_us);
    CHECK_EQ(hearing_state(h), m->state);
    for (size_t i = 0; i < GUESTS; i++) {
        const struct hearing_person *from = hearing_find(h, s.people[i]->stored.id);
        CHECK_EQ(from ? hearing_room(from) : TERMS_ROOM_OUTSIDE, m->rooms[i]);
        CHECK(!from || strcmp(from->stored.name, guests[i].name) == 0);
        for (size_t k = 0; k < GUESTS; k++) {
            const struct hearing_person *to = hearing_find(h, s.people[k]->stored.id);
            bool is = from && to && replay_is_sent(replay, from, to, CONTROL_SOURCE_MICROPHONE);
            CHECK_EQ(is, m->sent[i][k]);
        }
    }
}

/* The moments are not all alike: else nothing was shown. */
static void check_moments_differ(void)
{
    size_t sent = 0, least = GUESTS * GUESTS, most = 0;
    for (size_t n = 0; n < moment_count; n++) {
        sent = 0;
        for (size_t i = 0; i < GUESTS; i++)
            for (size_t k = 0; k < GUESTS; k++)
                sent += moments[n].sent[i][k];
        least = sent < least ? sent : least;
        most = sent > most ? sent : most;
    }
    CHECK_EQ(least, 0);
    CHECK_EQ(most, 16); /* four who speak to the four others each */
}

static void damaged_files(const char *path)
{
    struct replay *replay = NULL;
    CHECK_EQ(replay_open(path, moments[0].at_us - 3600000000ull, &replay), -ENODATA);
    CHECK_EQ(replay_open("/nowhere", UINT64_MAX, &replay), -ENOENT);
    FILE *file = fopen(path, "r+e");
    CHECK(file);
    CHECK_EQ(fseek(file, 200, SEEK_SET), 0);
    CHECK_EQ(fputc('#', file), '#');
    CHECK_EQ(fclose(file), 0);
    CHECK_EQ(replay_open(path, UINT64_MAX, &replay), -EBADMSG);
    CHECK(!replay);
}

int main(void)
{
    char name[64], path[256];
    lead();
    (void)snprintf(name, sizeof(name), "journals/%s.journal", scene_id(s.hearing));
    (void)snprintf(path, sizeof(path), "%s", place_file(&s.place, name));
    for (size_t i = 1; i < moment_count; i++)
        check_moment(path, &moments[i]);
    check_moments_differ();
    damaged_files(path);
    scene_end(&s);
    return 0;
}
