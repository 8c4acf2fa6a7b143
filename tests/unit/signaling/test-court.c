/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/court.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "signaling/invite.h"
#include "signaling/links.h"
#include "signaling/record.h"
#include "signaling/session.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "place.h"
#include "unit/faults.h"
#else
#include "scene.h"
#endif

enum { JUDGE, PARTY, GUESTS };
static const struct invite_guest guests[GUESTS] = {
    [JUDGE] = {CONTROL_ROLE_JUDGE, "陈敏"},
    [PARTY] = {CONTROL_ROLE_PARTY, "李伟"},
};

#ifndef TEST_FAULTS
static struct scene s;

static void say_state(struct ws_connection *page, const char *state)
{
    scene_say(&s, page, "{\"type\":\"setState\",\"id\":9,\"state\":\"%s\"}", state);
    CHECK_EQ(scene_told(page, "{\"type\":\"ok\",\"id\":9}") > 0, 1);
}

static size_t loaded(void)
{
    size_t count = 0;
    LIST_FOR_EACH(it, &s.court.lives)
    {
        count++;
    }
    return count;
}

static void append(uint64_t hearing, const char *text)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "journals/%016llx.journal", (unsigned long long)hearing);
    int fd = open(place_file(&s.place, name), O_WRONLY | O_APPEND | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
}

/* At a start what goes on is loaded; what has not begun and nobody waits in, or is over with its
 * tape sealed, when somebody comes. */
static void what_is_loaded(void)
{
    scene_begin(&s, guests, GUESTS);
    court_unload(&s.court);
    CHECK_EQ(court_load(&s.court), 0);
    CHECK_EQ(loaded(), 0); /* scheduled */
    CHECK_EQ(court_live(&s.court, s.hearing, &s.live), 0);
    CHECK_EQ(court_live(&s.court, s.hearing + 1, &s.live), -ENOENT);
    s.people[JUDGE] = s.live->hearing->people[JUDGE];
    struct ws_connection *judge = scene_join(&s, JUDGE);
    say_state(judge, "open");
    scene_restart(&s);
    CHECK_EQ(loaded(), 1);
    CHECK_EQ(s.live->tape, LIVE_TAPE_WANTED);
    CHECK(court_presence(s.live, s.people[JUDGE])->ours);
    CHECK(!court_presence(s.live, s.people[PARTY])->ours);
    scene_connect(&s);
    scene_settle(&s);
    judge = scene_arrive(&s, JUDGE, ",\"takeOver\":true");
    scene_say(&s, judge, "{\"type\":\"join\",\"id\":2,\"seats\":2}");
    say_state(judge, "closed");
    CHECK(court_is_sealed(&s.court, s.hearing));
    scene_hang_up(judge);
    court_unload(&s.court);
    CHECK_EQ(court_load(&s.court), 0);
    CHECK_EQ(loaded(), 0);
    scene_end(&s);
}

/* Parties wait before a judge or clerk has begun the waiting: a new signaling leaves them what the
 * media core still has of them, and lets the hearing go with the last of them. */
static void who_waits_in_a_scheduled_hearing_keeps_its_media(void)
{
    scene_begin(&s, guests, GUESTS);
    scene_hang_up(scene_join(&s, PARTY));
    CHECK_EQ(s.live->hearing->stored.state, TERMS_STATE_SCHEDULED);
    court_unload(&s.court);
    CHECK_EQ(court_load(&s.court), 0);
    CHECK_EQ(loaded(), 1);
    scene_restart(&s);
    scene_connect(&s);
    scene_forget(&s);
    const struct control_message there[] = {
        {.type = CONTROL_HEARING_PRESENT, .hearing_open = {.hearing = s.hearing}},
        {.type = CONTROL_PEER_PRESENT,
         .peer_add = {.hearing = s.hearing, .peer = s.people[PARTY]->stored.id, .seats = 2}},
    };
    for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++)
        scene_sfu_says(&s, &there[i]);
    scene_settle(&s);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_HEARING_CLOSE), 0);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_PEER_REMOVE), 0);
    struct ws_connection *party = scene_arrive(&s, PARTY, ",\"takeOver\":true");
    CHECK_EQ(scene_told(party, "\"type\":\"welcome\""), 1);
    CHECK_EQ(s.live->hearing->stored.state, TERMS_STATE_SCHEDULED);
    scene_end(&s);
}

/* Loaded when the media core has told all it has, a hearing whose people the store left in a room
 * has no transports that anybody knows: their pages are told to join. */
static void loaded_late_nobody_has_media(void)
{
    scene_begin(&s, guests, GUESTS);
    scene_hang_up(scene_join(&s, PARTY));
    for (unsigned settled = 0; settled < 2; settled++) {
        s.court.settled = settled;
        court_unload(&s.court);
        CHECK_EQ(court_live(&s.court, s.hearing, &s.live), 0);
        CHECK_EQ(s.live->hearing->people[PARTY]->stored.room, TERMS_ROOM_WAITING);
        CHECK_EQ(court_has_media(s.live), !settled);
    }
    scene_end(&s);
}

/* A crash between a line and the store: the line is right. */
static void the_journal_is_followed(void)
{
    scene_begin(&s, guests, GUESTS);
    const struct journal_entry opened = {.event = JOURNAL_HEARING_OPENED,
                                         .by = s.people[JUDGE]->stored.id};
    CHECK_EQ(court_journal(s.live, &opened), 0);
    court_unload(&s.court);
    CHECK_EQ(court_live(&s.court, s.hearing, &s.live), 0);
    CHECK_EQ(s.live->hearing->stored.state, TERMS_STATE_OPEN);
    CHECK(s.live->hearing->stored.opened_us != 0);
    scene_end(&s);
}

/* Begins with a judge, and a party in the courtroom of an open hearing. */
static void begin_with_party(void)
{
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *judge = scene_join(&s, JUDGE), *party = scene_join(&s, PARTY);
    say_state(judge, "open");
    scene_say(&s, judge, "{\"type\":\"admit\",\"id\":9,\"person\":\"%s\"}",
              scene_id(s.people[PARTY]->stored.id));
    CHECK(party->page);
    CHECK_EQ(s.people[PARTY]->stored.room, TERMS_ROOM_COURTROOM);
}

/* Killed with this line about the party on disk, and nothing behind it. */
static const struct store_person *die_after(enum journal_event event)
{
    static struct store_person stored;
    const struct journal_entry entry = {
        .event = event,
        .person = s.people[PARTY]->stored.id,
        .cause = JOURNAL_CAUSE_REMOVED,
        .since_us = 1,
    };
    CHECK_EQ(court_journal(s.live, &entry), 0);
    scene_restart(&s);
    CHECK_EQ(store_person_get(s.court.store, s.people[PARTY]->stored.id, &stored), 0);
    CHECK_EQ(stored.room, s.people[PARTY]->stored.room);
    CHECK_EQ(stored.admitted, s.people[PARTY]->stored.admitted);
    CHECK_EQ(stored.removed, s.people[PARTY]->stored.removed);
    return &stored;
}

/* Whom the court put out is out, also if we died before anything followed. */
static void the_journal_is_followed_to_the_door(void)
{
    for (unsigned left_too = 0; left_too < 2; left_too++) {
        begin_with_party();
        const struct journal_entry removed = {.event = JOURNAL_PERSON_REMOVED,
                                              .person = s.people[PARTY]->stored.id};
        if (left_too)
            CHECK_EQ(court_journal(s.live, &removed), 0);
        const struct store_person *party =
            die_after(left_too ? JOURNAL_PERSON_LEFT : JOURNAL_PERSON_REMOVED);
        CHECK(party->removed && !party->admitted);
        CHECK_EQ(party->room, TERMS_ROOM_OUTSIDE);
        CHECK_EQ(scene_lines(&s, "\"cause\":\"removed\""), 1);
        scene_restart(&s);
        CHECK_EQ(scene_lines(&s, "\"cause\":\"removed\""), 1);
        scene_connect(&s);
        scene_settle(&s);
        struct ws_connection *again = scene_arrive(&s, PARTY, "");
        CHECK_EQ(scene_told(again, "\"code\":\"revoked-token\""), 1);
        CHECK_EQ(s.people[JUDGE]->stored.room, TERMS_ROOM_COURTROOM);
        scene_end(&s);
    }
}

/* The same for whom it sent out of the courtroom, or let in; what came after that stays. */
static void the_journal_is_followed_about_rooms(void)
{
    begin_with_party();
    const struct store_person *party = die_after(JOURNAL_PERSON_DISMISSED);
    CHECK(!party->admitted && !party->removed);
    CHECK_EQ(party->room, TERMS_ROOM_WAITING);
    party = die_after(JOURNAL_PERSON_ADMITTED);
    CHECK(party->admitted);
    CHECK_EQ(party->room, TERMS_ROOM_COURTROOM);
    party = die_after(JOURNAL_PERSON_LEFT);
    CHECK(party->admitted);
    CHECK_EQ(party->room, TERMS_ROOM_COURTROOM); /* until its time is over */
    scene_end(&s);
}

/* Killed while a hearing was closed: nobody is in it any more. */
static void nobody_is_in_a_closed_hearing(void)
{
    begin_with_party();
    const struct journal_entry closed = {.event = JOURNAL_HEARING_CLOSED};
    CHECK_EQ(court_journal(s.live, &closed), 0);
    scene_restart(&s);
    CHECK_EQ(s.live->hearing->stored.state, TERMS_STATE_CLOSED);
    for (size_t i = 0; i < s.count; i++) {
        struct store_person stored;
        CHECK_EQ(s.people[i]->stored.room, TERMS_ROOM_OUTSIDE);
        CHECK_EQ(store_person_get(s.court.store, s.people[i]->stored.id, &stored), 0);
        CHECK_EQ(stored.room, TERMS_ROOM_OUTSIDE);
        CHECK_EQ(court_presence(s.live, s.people[i])->lost_us, 0);
    }
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.left\""), 0);
    scene_end(&s);
}

/* The store took nothing at the opening: it has it with the next state, or at the next start, so
 * that the record is in the list and is sealed. */
static void an_opening_is_stored_late(void)
{
    struct store_hearing stored;
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *judge = scene_join(&s, JUDGE);
    const struct journal_entry opened = {.event = JOURNAL_HEARING_OPENED};
    CHECK_EQ(court_journal(s.live, &opened), 0);
    hearing_set_state(s.live->hearing, TERMS_STATE_OPEN, s.court.wall_us, &s.court.changes);
    record_open(s.live);
    uint64_t opened_us = s.live->hearing->stored.opened_us;
    say_state(judge, "closed");
    CHECK_EQ(store_hearing_get(s.court.store, s.hearing, &stored), 0);
    CHECK_EQ(stored.opened_us, opened_us);
    scene_end(&s);

    /* As it is left behind when the store missed the opening and the server died. */
    scene_begin(&s, guests, GUESTS);
    CHECK_EQ(court_journal(s.live, &opened), 0);
    const struct journal_entry closed = {.event = JOURNAL_HEARING_CLOSED};
    CHECK_EQ(court_journal(s.live, &closed), 0);
    CHECK_EQ(store_hearing_set_state(s.court.store, s.hearing, TERMS_STATE_CLOSED, 5, 0), 0);
    court_unload(&s.court);
    CHECK_EQ(court_live(&s.court, s.hearing, &s.live), 0);
    CHECK(s.live->hearing->stored.opened_us != 0);
    CHECK_EQ(s.live->tape, LIVE_TAPE_CLOSING);
    scene_end(&s);
}

/* A hearing whose journal is damaged is left alone; the others are not its victims. */
static void a_damaged_one_keeps_no_other_out(void)
{
    const struct store_hearing second = {.scheduled_us = 1800000000ull * 1000000,
                                         .case_number = "(2026) 2",
                                         .title = "C v. D",
                                         .court = "Chamber"};
    uint64_t id = 0;
    scene_begin(&s, guests, GUESTS);
    const struct invite_place at = {s.place.path, s.court.store};
    CHECK_EQ(
        invite_hearing(&at, &second, guests, GUESTS, s.court.wall_us + 1, s.court.wall_us, &id), 0);
    court_unload(&s.court);
    CHECK_EQ(store_hearing_set_state(s.court.store, s.hearing, TERMS_STATE_WAITING, 5, 0), 0);
    CHECK_EQ(store_hearing_set_state(s.court.store, id, TERMS_STATE_WAITING, 5, 0), 0);
    append(id, "{\"seq\":9}\n{\"seq\":10}\n");
    CHECK_EQ(court_load(&s.court), 0);
    CHECK_EQ(loaded(), 1);
    CHECK(court_find(&s.court, s.hearing));
    struct live *live = NULL;
    CHECK_EQ(court_live(&s.court, id, &live), -EBADMSG);
    scene_end(&s);
}

/* A hearing nobody is in leaves memory after its time, and not while somebody is. */
static void idle_hearings_are_let_go(void)
{
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *page = scene_arrive(&s, PARTY, "");
    for (unsigned turn = 0; turn < 3; turn++) {
        court_let_go(&s.court);
        s.court.now_us += COURT_IDLE_US;
    }
    CHECK_EQ(loaded(), 1);
    scene_hang_up(page);
    court_let_go(&s.court);
    CHECK_EQ(loaded(), 1);
    s.court.now_us += COURT_IDLE_US + 1;
    court_let_go(&s.court);
    CHECK_EQ(loaded(), 0);
    scene_end(&s);
}

static const char join[] = "{\"type\":\"join\",\"id\":24,\"seats\":2}";

static void let_time_pass(void)
{
    court_let_go(&s.court);
    s.court.now_us += COURT_IDLE_US + 1;
    court_let_go(&s.court);
    court_let_go(&s.court);
    scene_serve(&s);
}

/* Nor does it keep its place in the media core: one that is not begun leaves memory with it, one
 * that waits is opened there again by the next join. */
static void idle_hearings_give_up_their_place(void)
{
    static const size_t rows[] = {PARTY, JUDGE}; /* the judge begins the waiting */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool waits = rows[i] == JUDGE;
        scene_begin(&s, guests, GUESTS);
        struct ws_connection *page = scene_join(&s, rows[i]);
        let_time_pass();
        CHECK_EQ(scene_got(&s.sfu, CONTROL_HEARING_CLOSE), 0);
        scene_say(&s, page, "{\"type\":\"leave\",\"id\":21}");
        s.sfu.status = -EUSERS; /* one that is refused leaves the hearing where it is */
        scene_say(&s, page, "{\"type\":\"join\",\"id\":22,\"seats\":2}");
        s.sfu.status = 0;
        scene_hang_up(page);
        let_time_pass();
        CHECK_EQ(scene_got(&s.sfu, CONTROL_HEARING_CLOSE), 1);
        CHECK_EQ(loaded(), waits ? 1 : 0);
        scene_forget(&s);
        CHECK_EQ(court_live(&s.court, s.hearing, &s.live), 0);
        for (size_t p = 0; p < s.count; p++)
            s.people[p] = s.live->hearing->people[p];
        (void)scene_join(&s, rows[i]);
        CHECK_EQ(scene_got(&s.sfu, CONTROL_HEARING_OPEN), 1);
        scene_end(&s);
    }
}

/* One that is in session, or in recess, lives on without its place, whoever looks at it from before
 * the door, and has it again, as accepted, with the first who comes back; not while somebody does.
 */
static void who_comes_back_to_a_running_hearing_has_its_place(void)
{
    static const char *const rows[] = {"open", "recess"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scene_begin(&s, guests, GUESTS);
        struct ws_connection *judge = scene_join(&s, JUDGE);
        say_state(judge, "open");
        if (i == 1)
            say_state(judge, rows[i]);
        scene_forget(&s);
        let_time_pass();
        CHECK_EQ(scene_got(&s.sfu, CONTROL_HEARING_CLOSE), 0);
        scene_say(&s, judge, "{\"type\":\"leave\",\"id\":21}");
        court_let_go(&s.court);
        s.court.now_us += COURT_IDLE_US - 1;
        court_let_go(&s.court);
        scene_serve(&s);
        CHECK_EQ(scene_got(&s.sfu, CONTROL_HEARING_CLOSE), 0); /* a reload, a call outside */
        let_time_pass();
        CHECK_EQ(scene_got(&s.sfu, CONTROL_HEARING_CLOSE), 1);
        CHECK_EQ(loaded(), 1);
        CHECK_EQ(scene_lines(&s, "\"event\":\"record.lost\""), 0);
        scene_forget(&s);
        session_receive(judge->page, join, sizeof(join) - 1); /* and nobody answers yet */
        s.live->idle_us = s.court.now_us;                     /* the clock was read anew */
        let_time_pass();
        CHECK_EQ(scene_got(&s.sfu, CONTROL_HEARING_CLOSE), 0);
        CHECK_EQ(scene_told(judge, "\"type\":\"joined\",\"id\":24"), 1);
        for (size_t m = 0; m < s.sfu.count; m++)
            if (s.sfu.got[m].type == CONTROL_HEARING_OPEN) {
                CHECK(s.sfu.got[m].hearing_open.accepted);
                CHECK(s.sfu.got[m].hearing_open.recorded);
            }
        CHECK_EQ(scene_got(&s.sfu, CONTROL_HEARING_OPEN), 1);
        CHECK_EQ(scene_got(&s.sfu, CONTROL_MATRIX), 1);
        scene_end(&s);
    }
}

/* What was left by all while we were away has no place in the media core either. */
static void a_place_nobody_needs_is_not_taken_over(void)
{
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *judge = scene_join(&s, JUDGE);
    const struct control_message there = {.type = CONTROL_HEARING_PRESENT,
                                          .hearing_open = {.hearing = s.hearing}};
    for (unsigned turn = 0; turn < 3; turn++) { /* in it, left by all, in session */
        scene_lose_sfu(&s);
        scene_forget(&s);
        scene_greet_sfu(&s);
        scene_sfu_says(&s, &there);
        scene_settle(&s);
        CHECK_EQ(scene_got(&s.sfu, CONTROL_HEARING_CLOSE), turn == 1);
        scene_say(&s, judge, "{\"type\":\"join\",\"id\":2,\"seats\":2}");
        if (turn == 1)
            say_state(judge, "open");
        scene_say(&s, judge, "{\"type\":\"leave\",\"id\":21}");
    }
    scene_end(&s);
}

/* Whether the tape was told the whole journal, each line once and in order. */
static void check_tape_is_told_all(void)
{
    char name[64];
    static char all[sizeof(s.recorder.notes)];
    (void)snprintf(name, sizeof(name), "journals/%016llx.journal", (unsigned long long)s.hearing);
    FILE *file = fopen(place_file(&s.place, name), "re");
    CHECK(file);
    all[fread(all, 1, sizeof(all) - 1, file)] = '\0';
    (void)fclose(file); /* was only read */
    CHECK(strcmp(all, s.recorder.notes) == 0);
}

/* Every line is told to the tape once: those before it was there, those while the recorder was
 * away however many, and those that another process wrote. */
static void the_tape_is_told_every_line(void)
{
    const struct journal_entry returned = {
        .event = JOURNAL_PERSON_RETURNED, .person = 5, .since_us = 1};
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *judge = scene_join(&s, JUDGE);
    CHECK_EQ(s.recorder.notes_len, 0);
    say_state(judge, "open");
    CHECK(s.recorder.notes_len > 0);
    check_tape_is_told_all();

    scene_lose_recorder(&s);
    for (unsigned i = 0; i < 300; i++)
        CHECK_EQ(court_journal(s.live, &returned), 0);
    scene_find_recorder(&s);
    check_tape_is_told_all();

    struct journal *other = NULL;
    CHECK_EQ(journal_open(s.place.path, s.hearing, s.court.wall_us, &other), 0);
    CHECK_EQ(journal_append(other, &returned, s.court.wall_us, NULL, NULL), 0);
    journal_close(other);
    CHECK_EQ(court_journal(s.live, &returned), 0);
    CHECK_EQ(court_journal(s.live, &returned), 0);
    scene_serve(&s);
    check_tape_is_told_all();
    scene_end(&s);
}

/* A person of another hearing is nobody here. */
static void people_of_other_hearings(void)
{
    struct hearing_person *person = NULL;
    scene_begin(&s, guests, GUESTS);
    CHECK_EQ(court_person(s.live, s.people[PARTY]->stored.id, &person), 0);
    CHECK(person == s.people[PARTY]);
    CHECK_EQ(court_person(s.live, 0x99, &person), -ENOENT);
    struct store_hearing hearing;
    CHECK_EQ(store_hearing_get(s.court.store, s.hearing, &hearing), 0);
    hearing.id = 0x77;
    CHECK_EQ(store_hearing_add(s.court.store, &hearing), 0);
    const struct store_person stranger = {
        .id = 0x99, .hearing = 0x77, .role = CONTROL_ROLE_PARTY, .name = "S"};
    CHECK_EQ(store_person_add(s.court.store, &stranger), 0);
    CHECK_EQ(court_person(s.live, 0x99, &person), -ENOENT);
    scene_end(&s);
}

int main(void)
{
    what_is_loaded();
    who_waits_in_a_scheduled_hearing_keeps_its_media();
    loaded_late_nobody_has_media();
    the_journal_is_followed();
    the_journal_is_followed_to_the_door();
    the_journal_is_followed_about_rooms();
    nobody_is_in_a_closed_hearing();
    an_opening_is_stored_late();
    a_damaged_one_keeps_no_other_out();
    idle_hearings_are_let_go();
    idle_hearings_give_up_their_place();
    who_comes_back_to_a_running_hearing_has_its_place();
    a_place_nobody_needs_is_not_taken_over();
    the_tape_is_told_every_line();
    people_of_other_hearings();
    return 0;
}
#else

/* A court with a hearing in `place`, loaded and let go; stops at the first error. */
static int load(const struct place *place, uint64_t hearing)
{
    static struct config config;
    struct court court = {.config = &config};
    struct live *live = NULL;
    struct hearing_person *person = NULL;
    (void)snprintf(config.data_dir, sizeof(config.data_dir), "%s", place->path);
    list_init(&court.lives);
    list_init(&court.pages);
    court_wake(&court);
    int r = store_open(place->path, &court.store);
    if (r == 0)
        r = court_load(&court);
    if (r == 0)
        r = court_live(&court, hearing, &live);
    if (r == 0)
        r = court_person(live, live->hearing->people[PARTY]->stored.id, &person);
    CHECK(r < 0 || (live && person && live->hearing->count == GUESTS));
    court_unload(&court);
    store_close(court.store);
    return r;
}

/* The line that puts the party out, without its effect: each load follows it as far as it comes. */
static uint64_t remove_party(const struct place *place, struct store *store, uint64_t hearing)
{
    CLEANUP(journal_close) struct journal *journal = NULL;
    struct store_person *people = NULL;
    size_t count = 0;
    CHECK_EQ(store_person_list(store, hearing, &people, &count), 0);
    people[PARTY].room = TERMS_ROOM_COURTROOM;
    people[PARTY].admitted = true;
    CHECK_EQ(store_person_set(store, &people[PARTY]), 0);
    const struct journal_entry removed = {.event = JOURNAL_PERSON_REMOVED,
                                          .person = people[PARTY].id};
    CHECK_EQ(journal_open(place->path, hearing, 1000000, &journal), 0);
    CHECK_EQ(journal_append(journal, &removed, 1000000, NULL, NULL), 0);
    uint64_t id = people[PARTY].id;
    free(people);
    return id;
}

/* Each allocation and system call fails once: the court is there as a whole or not at all, nothing
 * leaks, and at last all is as it was. */
int main(void)
{
    static const struct store_hearing sample = {.scheduled_us = 1800000000ull * 1000000,
                                                .case_number = "(2026) 1",
                                                .title = "A v. B",
                                                .court = "Chamber"};
    struct place place = place_make();
    struct store *store = NULL;
    uint64_t id = 0;
    CHECK_EQ(store_open(place.path, &store), 0);
    const struct invite_place at = {place.path, store};
    CHECK_EQ(invite_hearing(&at, &sample, guests, GUESTS, 2000000, 1000000, &id), 0);
    CHECK_EQ(store_hearing_set_state(store, id, TERMS_STATE_WAITING, 1000000, 0), 0);
    uint64_t party = remove_party(&place, store, id);
    store_close(store);
    bool happened = true;
    for (int n = 0; happened; n++) {
        faults_fail_at(n);
        int r = load(&place, id);
        happened = faults_happened();
        faults_fail_at(-1);
        CHECK(happened || r == 0);
    }
    CHECK_EQ(load(&place, id), 0);
    struct store_person stored;
    CHECK_EQ(store_open(place.path, &store), 0);
    CHECK_EQ(store_person_get(store, party, &stored), 0);
    CHECK(stored.removed && !stored.admitted && stored.room == TERMS_ROOM_OUTSIDE);
    store_close(store);
    place_remove(&place);
    return 0;
}
#endif
