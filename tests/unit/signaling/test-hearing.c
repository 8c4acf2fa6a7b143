/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/hearing.h"

#include <errno.h>
#include <string.h>

#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

#define WALL_US (1800000000ull * 1000000)

/* People are named by a letter, which is their id too: Judge, Clerk, A and B parties, Witness,
 * Observer. */
static const struct {
    char letter;
    enum control_role role;
} cast[] = {
    {'J', CONTROL_ROLE_JUDGE}, {'C', CONTROL_ROLE_CLERK},   {'A', CONTROL_ROLE_PARTY},
    {'B', CONTROL_ROLE_PARTY}, {'W', CONTROL_ROLE_WITNESS}, {'O', CONTROL_ROLE_OBSERVER},
};

static int make(struct hearing **ret_hearing)
{
    CLEANUP(hearing_destroy) struct hearing *h = NULL;
    int r = hearing_create(&(struct store_hearing){.id = 1}, &h);
    for (size_t i = 0; r == 0 && i < sizeof(cast) / sizeof(cast[0]); i++) {
        struct store_person stored = {
            .id = (uint64_t)cast[i].letter, .hearing = 1, .role = cast[i].role, .name = "n"};
        struct hearing_person *p;
        r = hearing_add(h, &stored, &p);
        if (r == 0)
            p->connected = true;
    }
    if (r == 0)
        *ret_hearing = STEAL(h);
    return r;
}

#ifndef TEST_FAULTS
static struct hearing_changes changes;

static struct hearing_person *who(const struct hearing *h, char letter)
{
    struct hearing_person *p = hearing_find(h, (uint64_t)letter);
    CHECK(p);
    return p;
}

static char letter_of(uint64_t person)
{
    return (char)(person ? person : '-');
}

/* The changes as text: a letter for the type, then to, about, by: "pJA-" is `person` A to J. */
static const char *told(void)
{
    static char text[HEARING_CHANGES_MAX * 6];
    /* matrix, screens, move, unproduce, pause, state, room, muted ... asked, screened */
    static const char types[] = "mzvuashMpgPykr";
    char *out = text;
    for (size_t i = 0; i < changes.count; i++) {
        const struct hearing_change *c = &changes.changes[i];
        *out++ = types[c->type];
        *out++ = letter_of(c->to);
        *out++ = letter_of(c->about);
        *out++ = letter_of(c->by);
        *out++ = ' ';
    }
    if (out > text)
        out--;
    *out = '\0';
    return text;
}

#define TOLD(expected)                                                                             \
    do {                                                                                           \
        if (strcmp(told(), (expected)) != 0) {                                                     \
            fprintf(stderr, "%s:%d: told %s\n expected %s\n", __FILE__, __LINE__, told(),          \
                    (expected));                                                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static struct hearing *made(void)
{
    struct hearing *h = NULL;
    CHECK_EQ(make(&h), 0);
    return h;
}

static void join(struct hearing *h, char letter)
{
    hearing_join(h, who(h, letter), 4, WALL_US, &changes);
}

static void produce(struct hearing *h, char letter, enum control_source source, uint64_t id)
{
    struct hearing_producer p = {.id = id,
                                 .kind = source == CONTROL_SOURCE_MICROPHONE ? CONTROL_AUDIO
                                                                             : CONTROL_VIDEO,
                                 .source = source,
                                 .started_us = WALL_US + id};
    CHECK_EQ(hearing_can_produce(who(h, letter), p.kind, source), 0);
    hearing_produce(h, who(h, letter), &p, &changes);
}

/* Judge and clerk in the courtroom, A admitted, B and the witness waiting. */
static struct hearing *sitting(void)
{
    struct hearing *h = made();
    join(h, 'J');
    join(h, 'C');
    join(h, 'A');
    hearing_admit(h, who(h, 'A'), 'J', &changes);
    join(h, 'B');
    join(h, 'W');
    return h;
}

static void joining(void)
{
    struct hearing *h = made();
    CHECK(!hearing_begins_on_join(h, who(h, 'A')));
    join(h, 'A');
    CHECK_EQ(who(h, 'A')->stored.room, TERMS_ROOM_WAITING);
    CHECK_EQ(h->stored.state, TERMS_STATE_SCHEDULED);
    TOLD("v-A- hA-- pJA- pCA- pAA- yA--"); /* it may consent now */
    /* The judge's joining begins the waiting. */
    CHECK(hearing_begins_on_join(h, who(h, 'J')));
    join(h, 'J');
    CHECK_EQ(h->stored.state, TERMS_STATE_WAITING);
    CHECK_EQ(who(h, 'J')->stored.room, TERMS_ROOM_COURTROOM);
    TOLD("m--- s--- yJ-- yC-- yA-- yB-- yW-- v-J- hJ-- pJJ- pCJ- yJ--");
    hearing_destroy(h);
}

static void admission_and_dismissal(void)
{
    struct hearing *h = sitting();
    hearing_admit(h, who(h, 'B'), 'C', &changes);
    /* Who was there before is told as a whole, so that nobody seems to come in. */
    TOLD("v-BC hB-C sB-- pJB- pCB- pAB- pBB- PB-- yB--");
    produce(h, 'B', CONTROL_SOURCE_MICROPHONE, 21);
    TOLD("pJB- pCB- pAB- pBB-");
    hearing_dismiss(h, who(h, 'B'), 'J', &changes);
    TOLD("v-BJ u-B- hB-J sB-- pJB- pCB- gAB- pBB- PB-- yB--");
    CHECK_EQ(changes.changes[1].producer.id, 21);
    CHECK(!who(h, 'B')->stored.admitted);
    CHECK(!hearing_producer(who(h, 'B'), 21));
    hearing_remove(h, who(h, 'B'), 'J', &changes);
    CHECK(who(h, 'B')->stored.removed && who(h, 'B')->stored.room == TERMS_ROOM_OUTSIDE);
    CHECK_EQ(hearing_check(h, who(h, 'B'), ACCESS_JOIN, 0), -EPERM);
    hearing_destroy(h);
}

static void leaving_and_coming_back(void)
{
    struct hearing *h = sitting();
    hearing_set_hand(h, who(h, 'A'), true, &changes);
    TOLD("pJA- pCA- pAA-");
    hearing_leave(h, who(h, 'A'), &changes);
    CHECK(who(h, 'A')->stored.room == TERMS_ROOM_OUTSIDE && !who(h, 'A')->stored.hand);
    join(h, 'A'); /* was admitted, so goes straight in */
    CHECK_EQ(who(h, 'A')->stored.room, TERMS_ROOM_COURTROOM);
    uint64_t arrival = who(h, 'A')->stored.arrival;
    produce(h, 'A', CONTROL_SOURCE_CAMERA, 31);
    join(h, 'A'); /* after a reload: what was published is over */
    TOLD("u-A- pJA- pCA- pAA-");
    CHECK_EQ(who(h, 'A')->stored.arrival, arrival);
    hearing_set_connected(h, who(h, 'A'), false, &changes);
    TOLD("pJA- pCA-");
    CHECK_EQ(who(h, 'A')->stored.room, TERMS_ROOM_COURTROOM);
    hearing_set_connected(h, who(h, 'A'), false, &changes);
    TOLD("");
    /* Whose page is not there is told nothing. */
    hearing_dismiss(h, who(h, 'A'), 'J', &changes);
    TOLD("v-AJ pJA- pCA-");
    hearing_destroy(h);
}

/* PROTOCOL.md, "Who sees whom", for every pair. */
static void who_sees_whom(void)
{
    struct hearing *h = sitting(); /* J C A in the courtroom, B W waiting, O outside */
    static const struct {
        char viewer;
        const char *sees;
    } rows[] = {{'J', "JCABWO"}, {'C', "JCABWO"}, {'A', "JCA"}, {'B', "B"}, {'W', "W"}, {'O', "O"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (const char *about = "JCABWO"; *about; about++)
            CHECK_EQ(hearing_sees(who(h, rows[i].viewer), who(h, *about)),
                     strchr(rows[i].sees, *about) != NULL);
    hearing_destroy(h);
}

static void checks(void)
{
    struct hearing *h = sitting(); /* waiting */
    static const struct {
        char actor;
        char target;
        enum access_action action;
        int result;
    } cases[] = {
        {'J', 'B', ACCESS_ADMIT, 0},        {'C', 'W', ACCESS_ADMIT, 0},
        {'J', 'A', ACCESS_ADMIT, -ESTALE},  {'J', 'O', ACCESS_ADMIT, -ESTALE},
        {'J', 'x', ACCESS_ADMIT, -ENOENT},  {'J', 0, ACCESS_ADMIT, -ENOENT},
        {'A', 'B', ACCESS_ADMIT, -EPERM},   {'W', 'W', ACCESS_ADMIT, -EPERM},
        {'J', 'A', ACCESS_DISMISS, 0},      {'J', 'B', ACCESS_DISMISS, -ESTALE},
        {'C', 'J', ACCESS_DISMISS, -EPERM}, {'C', 'C', ACCESS_DISMISS, -EPERM},
        {'J', 'C', ACCESS_DISMISS, 0},      {'J', 'A', ACCESS_MUTE, 0},
        {'C', 'J', ACCESS_MUTE, 0},         {'J', 'B', ACCESS_MUTE, -ESTALE},
        {'J', 'O', ACCESS_REMOVE, 0},       {'C', 'J', ACCESS_REMOVE, -EPERM},
        {'C', 'B', ACCESS_REMOVE, 0},       {'J', 'J', ACCESS_REMOVE, -EPERM},
        {'J', 'B', ACCESS_LOWER_HAND, 0},   {'A', 'A', ACCESS_LOWER_HAND, -EPERM},
        {'C', 0, ACCESS_OPEN, 0},           {'A', 0, ACCESS_OPEN, -EPERM},
        {'J', 0, ACCESS_RECESS, -ESTALE},   {'J', 0, ACCESS_CLOSE, -ESTALE},
        {'C', 0, ACCESS_CLOSE, -EPERM},     {'A', 0, ACCESS_PRODUCE, 0},
        {'B', 0, ACCESS_PRODUCE, -ESTALE},  {'O', 0, ACCESS_PRODUCE, -EPERM},
        {'B', 0, ACCESS_HAND, 0},           {'O', 0, ACCESS_JOIN, 0},
        {'J', 0, ACCESS_RECORDS, 0},        {'A', 0, ACCESS_RECORDS, -EPERM},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        CHECK_EQ(
            hearing_check(h, who(h, cases[i].actor), cases[i].action, (uint64_t)cases[i].target),
            cases[i].result);
    hearing_leave(h, who(h, 'J'), &changes);
    CHECK_EQ(hearing_check(h, who(h, 'J'), ACCESS_ADMIT, 'B'), -ENOTCONN);
    hearing_set_state(h, TERMS_STATE_CLOSED, WALL_US, &changes);
    CHECK_EQ(hearing_check(h, who(h, 'J'), ACCESS_JOIN, 0), -ESTALE);
    CHECK_EQ(hearing_check(h, who(h, 'J'), ACCESS_RECORDS, 0), 0);
    hearing_destroy(h);
}

static void the_course(void)
{
    struct hearing *h = sitting();
    hearing_set_state(h, TERMS_STATE_OPEN, WALL_US + 1, &changes);
    TOLD("m--- s--- yJ-- yC-- yA-- yB--"); /* who may consult no more, or consent */
    CHECK(h->stored.opened_us == WALL_US + 1 && h->stored.since_us == WALL_US + 1);
    hearing_set_state(h, TERMS_STATE_OPEN, WALL_US + 2, &changes);
    TOLD("");
    hearing_set_state(h, TERMS_STATE_RECESS, WALL_US + 3, &changes);
    hearing_set_state(h, TERMS_STATE_OPEN, WALL_US + 4, &changes);
    CHECK_EQ(h->stored.opened_us, WALL_US + 1);
    hearing_set_state(h, TERMS_STATE_CLOSED, WALL_US + 5, &changes);
    CHECK_EQ(h->stored.closed_us, WALL_US + 5);
    CHECK_EQ(hearing_may(h, who(h, 'J')), 1u << ACCESS_RECORDS);
    CHECK_EQ(hearing_may(h, who(h, 'A')), 0);
    hearing_destroy(h);
}

static void producing(void)
{
    struct hearing *h = sitting();
    struct hearing_person *a = who(h, 'A');
    produce(h, 'A', CONTROL_SOURCE_MICROPHONE, 31);
    CHECK_EQ(hearing_can_produce(a, CONTROL_AUDIO, CONTROL_SOURCE_MICROPHONE), -EEXIST);
    CHECK_EQ(hearing_can_produce(a, CONTROL_VIDEO, CONTROL_SOURCE_MICROPHONE), -EINVAL);
    CHECK_EQ(hearing_can_produce(a, CONTROL_AUDIO, CONTROL_SOURCE_CAMERA), -EINVAL);
    produce(h, 'A', CONTROL_SOURCE_CAMERA, 32);
    hearing_pause(h, a, 32, true, &changes);
    TOLD("a-A- pJA- pCA- pAA-");
    hearing_pause(h, a, 32, true, &changes);
    TOLD("");
    hearing_pause(h, a, 99, true, &changes);
    TOLD("");
    hearing_mute(h, a, 'J', &changes);
    TOLD("a-AJ MA-J pJA- pCA- pAA-");
    CHECK(changes.changes[0].producer.id == 31 && changes.changes[0].producer.paused);
    hearing_mute(h, a, 'J', &changes);
    TOLD("");
    hearing_pause(h, a, 31, false, &changes); /* may open it again */
    CHECK(!hearing_producer_of(a, CONTROL_SOURCE_MICROPHONE)->paused);
    hearing_unproduce(h, a, 32, &changes);
    TOLD("u-A- pJA- pCA- pAA-");
    CHECK(!hearing_producer_of(a, CONTROL_SOURCE_CAMERA));
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++)
        a->producers[i] = (struct hearing_producer){.id = 40 + i, .source = CONTROL_SOURCE_CAMERA};
    CHECK_EQ(hearing_can_produce(a, CONTROL_VIDEO, CONTROL_SOURCE_SCREEN), -ENOSPC);
    hearing_destroy(h);
}

static const struct seats_change *change_of(const struct seats_changes *c, uint8_t seat)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->changes[i].seat == seat)
            return &c->changes[i];
    fprintf(stderr, "no change of seat %d\n", seat);
    abort();
}

static void seating(void)
{
    struct hearing *h = sitting();
    struct seats_changes c;
    produce(h, 'J', CONTROL_SOURCE_MICROPHONE, 11);
    produce(h, 'A', CONTROL_SOURCE_MICROPHONE, 31);
    hearing_reseat(h, who(h, 'A'), 9, &c);
    CHECK_EQ(c.count, 2); /* judge and clerk, not oneself, nobody who waits */
    CHECK(change_of(&c, 0)->now.person == 'J' && change_of(&c, 0)->now.audio == 11);
    CHECK_EQ(change_of(&c, 1)->now.person, 'C');
    /* The witness outside the room gets nothing at all. */
    hearing_reseat(h, who(h, 'W'), 9, &c);
    CHECK_EQ(c.count, 0);
    /* An observer sees, and is not seen. */
    join(h, 'O');
    hearing_admit(h, who(h, 'O'), 'J', &changes);
    hearing_reseat(h, who(h, 'O'), 9, &c);
    CHECK_EQ(c.count, 3);
    hearing_reseat(h, who(h, 'A'), 9, &c);
    CHECK_EQ(c.count, 0);
    /* In recess nothing is routed; afterwards all is as before. */
    hearing_set_state(h, TERMS_STATE_RECESS, WALL_US, &changes);
    hearing_reseat(h, who(h, 'A'), 9, &c);
    CHECK(c.count == 1 && c.changes[0].route_audio && c.changes[0].now.audio == 0);
    CHECK_EQ(c.changes[0].now.person, 'J');
    hearing_set_state(h, TERMS_STATE_OPEN, WALL_US, &changes);
    hearing_reseat(h, who(h, 'A'), 9, &c);
    CHECK(c.count == 1 && c.changes[0].now.audio == 11);
    /* Dismissed: every seat is emptied. */
    hearing_dismiss(h, who(h, 'A'), 'J', &changes);
    hearing_reseat(h, who(h, 'A'), 9, &c);
    CHECK(c.count == 2 && c.changes[0].now.person == 0 && c.changes[0].route_audio);
    uint64_t speakers[] = {'J', 'x'};
    hearing_spoke(h, speakers, 2, 77);
    CHECK_EQ(who(h, 'J')->spoke_us, 77);
    hearing_destroy(h);
}

/* The largest hearing: every change fits its list. */
static void the_largest_hearing(void)
{
    struct hearing *h;
    struct hearing_person *p;
    CHECK_EQ(hearing_create(&(struct store_hearing){.id = 1}, &h), 0);
    for (uint64_t i = 1; i <= LIMIT_PEOPLE_PER_HEARING; i++) {
        struct store_person stored = {
            .id = i, .hearing = 1, .role = i == 1 ? CONTROL_ROLE_JUDGE : CONTROL_ROLE_PARTY};
        CHECK_EQ(hearing_add(h, &stored, &p), 0);
        CHECK_EQ(hearing_add(h, &stored, &p), -EEXIST);
        p->connected = true;
    }
    struct store_person one_more = {.id = 1000, .hearing = 1};
    CHECK_EQ(hearing_add(h, &one_more, &p), -ENOSPC);
    one_more.hearing = 2;
    CHECK_EQ(hearing_add(h, &one_more, &p), -EINVAL);
    for (size_t i = h->count; i-- > 0;) {
        p = h->people[i];
        hearing_join(h, p, LIMIT_SEATS, WALL_US, &changes);
        /* The most that one change has to tell: the judge comes, and the waiting begins. */
        CHECK(i > 0 || changes.count > 2 * LIMIT_PEOPLE_PER_HEARING);
        hearing_admit(h, p, 1, &changes);
        for (unsigned s = 0; s < LIMIT_STREAMS_PER_PEER; s++)
            p->producers[s] =
                (struct hearing_producer){.id = i * 8 + s + 1, .source = (enum control_source)s};
    }
    hearing_set_state(h, TERMS_STATE_OPEN, WALL_US, &changes);
    hearing_remove(h, h->people[5], 1, &changes);
    CHECK(changes.count > LIMIT_PEOPLE_PER_HEARING);
    struct seats_changes c;
    hearing_reseat(h, h->people[0], 9, &c);
    CHECK_EQ(c.count, LIMIT_SEATS);
    hearing_destroy(h);
}
#endif

int main(void)
{
#ifdef TEST_FAULTS
    for (int n = 0;; n++) {
        struct hearing *h = NULL;
        faults_fail_at(n);
        int r = make(&h);
        bool happened = faults_happened();
        faults_fail_at(-1);
        hearing_destroy(h);
        if (!happened) {
            CHECK_EQ(r, 0);
            printf("failed each of %d calls in turn\n", n);
            return 0;
        }
        CHECK_EQ(r, -ENOMEM);
    }
#else
    joining();
    admission_and_dismissal();
    leaving_and_coming_back();
    who_sees_whom();
    checks();
    the_course();
    producing();
    seating();
    the_largest_hearing();
    return 0;
#endif
}
