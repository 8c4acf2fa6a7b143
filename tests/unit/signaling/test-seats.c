/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/seats.h"

#include <string.h>

#include "unit/check.h"

#define S 1000000ull

/* People by letter. Streams are made of the letter: audio L*10+1, video L*10+2, screen L*10+3. */
struct actor {
    char letter;
    char role;         /* j, c, p; s: a party in the spotlight */
    const char *media; /* of "avs"; capital: paused */
    uint64_t spoke_us;
};

static struct seats_person person_of(const struct actor *a, uint64_t arrival)
{
    uint64_t base = (uint64_t)a->letter * 10;
    struct seats_person p = {
        .person = (uint64_t)a->letter,
        .role = a->role == 'j'   ? CONTROL_ROLE_JUDGE
                : a->role == 'c' ? CONTROL_ROLE_CLERK
                                 : CONTROL_ROLE_PARTY,
        .is_spotlit = a->role == 's',
        .arrival = arrival,
        .spoke_us = a->spoke_us,
        .sound_flows = true,
        .picture_flows = true,
    };
    for (const char *m = a->media; *m; m++) {
        if (*m == 'a' || *m == 'A') {
            p.audio = base + 1;
            p.audio_paused = *m == 'A';
        } else if (*m == 'v' || *m == 'V') {
            p.video = base + 2;
            p.video_paused = *m == 'V';
        } else {
            p.screen = base + 3;
            p.screen_paused = *m == 'S';
            p.screen_since_us = arrival;
        }
    }
    return p;
}

enum { ACTORS_MAX = 8 };

/* Seats them and gives who sits where, a letter a seat, '-' for an empty one. */
static const char *seat_all(struct seats *seats, uint64_t now_us, const struct actor *actors,
                            size_t count, struct seats_changes *changes)
{
    static char order[LIMIT_SEATS + 1];
    struct seats_person people[ACTORS_MAX];
    for (size_t i = 0; i < count; i++)
        people[i] = person_of(&actors[i], i + 1);
    seats_update(seats, people, count, now_us, changes);
    for (size_t i = 0; i < seats->count; i++)
        order[i] = (char)(seats->sitting[i] ? seats->sitting[i] : '-');
    order[seats->count] = '\0';
    return order;
}

#define ACTORS(...)                                                                                \
    (const struct actor[]){__VA_ARGS__},                                                           \
        sizeof((struct actor[]){__VA_ARGS__}) / sizeof(struct actor)

#define SEATED(seats, now_us, changes, expected, ...)                                              \
    do {                                                                                           \
        const char *order_ = seat_all((seats), (now_us), ACTORS(__VA_ARGS__), (changes));          \
        if (strcmp(order_, (expected)) != 0) {                                                     \
            fprintf(stderr, "%s:%d: %s, expected %s\n", __FILE__, __LINE__, order_, (expected));   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* Judges first, then who has media, then by arrival; nobody jumps when others come or go. */
static void seats_are_stable(void)
{
    struct seats seats = {.count = 4};
    struct seats_changes c;
    SEATED(&seats, 9 * S, &c, "JAB-", {'A', 'p', "av", 0}, {'B', 'p', "av", 0},
           {'J', 'j', "av", 0});
    CHECK_EQ(c.count, 3);
    SEATED(&seats, 9 * S, &c, "JABC", {'A', 'p', "av", 0}, {'B', 'p', "av", 0}, {'J', 'j', "av", 0},
           {'C', 'c', "", 0});
    CHECK_EQ(c.count, 1);
    CHECK(c.changes[0].seat == 3 && c.changes[0].shown);
    CHECK(!c.changes[0].route_audio && !c.changes[0].route_video);
    SEATED(&seats, 9 * S, &c, "J-BC", {'B', 'p', "av", 0}, {'J', 'j', "av", 0}, {'C', 'c', "", 0});
    CHECK(c.count == 1 && c.changes[0].now.person == 0 && c.changes[0].route_audio);
    SEATED(&seats, 9 * S, &c, "JDBC", {'B', 'p', "av", 0}, {'J', 'j', "av", 0}, {'C', 'c', "", 0},
           {'D', 'p', "av", 0});
    SEATED(&seats, 9 * S, &c, "JDBC", {'B', 'p', "av", 0}, {'J', 'j', "av", 0}, {'C', 'c', "", 0},
           {'D', 'p', "av", 0});
    CHECK_EQ(c.count, 0); /* the same again changes nothing */
}

/* It takes a seat at once, silent as it is, and keeps it while others speak; never a judge's. */
static void the_spotlit_is_seen(void)
{
    struct seats seats = {.count = 2};
    struct seats_changes c;
    SEATED(&seats, 9 * S, &c, "JA", {'J', 'j', "av", 0}, {'A', 'p', "av", 9 * S},
           {'B', 'p', "av", 0});
    SEATED(&seats, 9 * S, &c, "JB", {'J', 'j', "av", 0}, {'A', 'p', "av", 9 * S},
           {'B', 's', "av", 0});
    SEATED(&seats, 10 * S, &c, "JB", {'J', 'j', "av", 0}, {'A', 'p', "av", 10 * S},
           {'B', 's', "av", 0});
    SEATED(&seats, 20 * S, &c, "JA", {'J', 'j', "av", 0}, {'A', 'p', "av", 20 * S},
           {'B', 'p', "av", 0});
}

/* Too few seats: who speaks takes the seat of who was silent longest; a judge keeps his. */
static void speakers_get_a_seat(void)
{
    struct seats seats = {.count = 3};
    struct seats_changes c;
    SEATED(&seats, 9 * S, &c, "JAB", {'J', 'j', "av", 0}, {'A', 'p', "av", 3 * S},
           {'B', 'p', "av", 5 * S}, {'C', 'p', "av", 0});
    SEATED(&seats, 9 * S, &c, "JCB", {'J', 'j', "av", 0}, {'A', 'p', "av", 3 * S},
           {'B', 'p', "av", 5 * S}, {'C', 'p', "av", 9 * S});
    CHECK(c.count == 1 && c.changes[0].seat == 1);
    /* Nobody gives way while speaking himself ... */
    SEATED(&seats, 10 * S, &c, "JCB", {'J', 'j', "av", 0}, {'A', 'p', "av", 10 * S},
           {'B', 'p', "av", 9 * S + 1}, {'C', 'p', "av", 10 * S});
    /* ... until silent for SEATS_HOLD_US. */
    SEATED(&seats, 10 * S + 1, &c, "JCA", {'J', 'j', "av", 0}, {'A', 'p', "av", 10 * S},
           {'B', 'p', "av", 9 * S + 1}, {'C', 'p', "av", 10 * S});
    /* Who spoke never is after who spoke long ago; the latest arrival gives way first. */
    seats = (struct seats){.count = 2};
    SEATED(&seats, 9 * S, &c, "AB", {'A', 'p', "av", 0}, {'B', 'p', "av", 0}, {'C', 'p', "av", 0});
    SEATED(&seats, 9 * S, &c, "AC", {'A', 'p', "av", 0}, {'B', 'p', "av", 0},
           {'C', 'p', "av", 9 * S});
}

/* People without media do not keep others out, nor a full room a judge. */
static void media_and_judges_come_first(void)
{
    struct seats seats = {.count = 2};
    struct seats_changes c;
    SEATED(&seats, 9 * S, &c, "BA", {'A', 'p', "", 0}, {'B', 'p', "av", 9 * S});
    SEATED(&seats, 9 * S, &c, "BC", {'A', 'p', "", 0}, {'B', 'p', "av", 9 * S}, {'C', 'p', "a", 0});
    SEATED(&seats, 9 * S, &c, "BJ", {'A', 'p', "", 0}, {'B', 'p', "av", 9 * S}, {'C', 'p', "a", 0},
           {'J', 'j', "", 0});
    SEATED(&seats, 9 * S, &c, "KJ", {'B', 'p', "av", 9 * S}, {'J', 'j', "", 0}, {'K', 'j', "", 0});
    SEATED(&seats, 9 * S, &c, "KJ", {'B', 'p', "av", 9 * S}, {'J', 'j', "a", 0},
           {'K', 'j', "a", 0});
    /* Only a judge takes a judge's seat. */
    SEATED(&seats, 9 * S, &c, "LJ", {'B', 'p', "av", 9 * S}, {'J', 'j', "a", 2 * S},
           {'K', 'j', "a", 0}, {'L', 'j', "a", 9 * S});
}

static void a_screen_takes_the_last_picture(void)
{
    struct seats seats = {.count = 3};
    struct seats_changes c;
    SEATED(&seats, 9 * S, &c, "JA-", {'J', 'j', "av", 0}, {'A', 'p', "avs", 0});
    struct seats_seat last = seats.seats[2];
    CHECK(last.person == 'A' && last.source == CONTROL_SOURCE_SCREEN && last.video == 'A' * 10 + 3);
    CHECK(last.audio == 0 && !last.audio_on && last.video_on);
    CHECK_EQ(seats.seats[1].video, 'A' * 10 + 2); /* the face stays in its own seat */
    /* A newer screen takes over; whoever sits in the last seat is still heard. */
    SEATED(&seats, 9 * S, &c, "JAB", {'J', 'j', "av", 0}, {'A', 'p', "avs", 0},
           {'B', 'p', "avs", 0});
    last = seats.seats[2];
    CHECK(last.person == 'B' && last.video == 'B' * 10 + 3 && last.audio == 'B' * 10 + 1);
    SEATED(&seats, 9 * S, &c, "JAB", {'J', 'j', "av", 0}, {'A', 'p', "avs", 0},
           {'B', 'p', "av", 0});
    last = seats.seats[2];
    CHECK(last.person == 'A' && last.video == 'A' * 10 + 3 && last.audio == 'B' * 10 + 1);
    CHECK(last.audio_on);
    CHECK(c.count == 1 && !c.changes[0].route_audio && c.changes[0].route_video);
    /* Over, or paused: the one who sits there is seen again. */
    SEATED(&seats, 9 * S, &c, "JAB", {'J', 'j', "av", 0}, {'A', 'p', "avS", 0},
           {'B', 'p', "av", 0});
    CHECK(seats.seats[2].person == 'B' && seats.seats[2].source == CONTROL_SOURCE_CAMERA);
    CHECK_EQ(seats.seats[2].video, 'B' * 10 + 2);
}

static void pauses_are_shown_not_routed(void)
{
    struct seats seats = {.count = 1};
    struct seats_changes c;
    SEATED(&seats, 9 * S, &c, "A", {'A', 'p', "av", 0});
    CHECK(c.changes[0].now.audio_on && c.changes[0].now.video_on);
    SEATED(&seats, 9 * S, &c, "A", {'A', 'p', "Av", 0});
    CHECK(c.count == 1 && c.changes[0].shown && !c.changes[0].route_audio);
    CHECK(!c.changes[0].now.audio_on && c.changes[0].now.audio == 'A' * 10 + 1);
}

/* A recess: everybody stays seated, no route remains. */
static void what_may_not_flow_is_not_routed(void)
{
    struct seats seats = {.count = 2};
    struct seats_changes c;
    struct seats_person p = person_of(&(struct actor){'A', 'p', "avs", 0}, 1);
    seats_update(&seats, &p, 1, 9 * S, &c);
    CHECK_EQ(c.count, 2);
    p.sound_flows = p.picture_flows = false;
    seats_update(&seats, &p, 1, 9 * S, &c);
    CHECK_EQ(c.count, 2);
    CHECK(seats.seats[0].person == 'A' && seats.seats[0].audio == 0 && seats.seats[0].video == 0);
    CHECK(!seats.seats[0].audio_on && seats.seats[1].person == 0 && seats.seats[1].video == 0);
    p.sound_flows = p.picture_flows = true;
    seats_update(&seats, &p, 1, 9 * S, &c);
    CHECK(c.count == 2 && c.changes[0].route_audio && c.changes[0].route_video);
}

/* Whatever happens: nobody sits twice, nobody stands beside a free seat, a judge never stands while
 * another sits, and the changes are exactly what differs. Numbers from a fixed generator. */
static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void check_rules(const struct seats *seats, const struct seats_person *people, size_t count)
{
    size_t sitting = 0, judges = 0, sitting_judges = 0;
    for (size_t k = 0; k < count; k++) {
        size_t times = 0;
        for (size_t i = 0; i < seats->count; i++)
            times += seats->sitting[i] == people[k].person;
        CHECK(times <= 1);
        sitting += times;
        judges += people[k].role == CONTROL_ROLE_JUDGE;
        sitting_judges += people[k].role == CONTROL_ROLE_JUDGE ? times : 0;
    }
    CHECK_EQ(sitting, count < seats->count ? count : seats->count);
    CHECK_EQ(sitting_judges, judges < seats->count ? judges : seats->count);
}

static bool is_same(const struct seats_seat *a, const struct seats_seat *b)
{
    return a->person == b->person && a->audio == b->audio && a->video == b->video &&
           a->audio_on == b->audio_on && a->video_on == b->video_on &&
           (a->person == 0 || a->source == b->source);
}

static void rules_hold_at_random(void)
{
    uint32_t state = 7;
    for (int run = 0; run < 200; run++) {
        struct seats seats = {.count = (uint8_t)(next_random(&state) % (LIMIT_SEATS + 1))};
        for (uint64_t now_us = 10 * S; now_us < 20 * S; now_us += S / 4) {
            struct seats_person people[40];
            size_t count = 0;
            for (char letter = '0'; letter < '0' + 40; letter++) {
                static const char *const media[] = {"", "a", "av", "avs", "AV"};
                struct actor a = {letter, letter < '3' ? 'j' : 'p', media[next_random(&state) % 5],
                                  next_random(&state) % 4 ? 0
                                                          : now_us - next_random(&state) % (2 * S)};
                if (next_random(&state) % 3)
                    people[count++] = person_of(&a, (uint64_t)letter);
            }
            struct seats before = seats;
            struct seats_changes c;
            seats_update(&seats, people, count, now_us, &c);
            check_rules(&seats, people, count);
            for (size_t i = 0; i < c.count; i++)
                before.seats[c.changes[i].seat] = c.changes[i].now;
            for (size_t i = 0; i < seats.count; i++)
                CHECK(is_same(&before.seats[i], &seats.seats[i]));
        }
    }
}

int main(void)
{
    seats_are_stable();
    the_spotlit_is_seen();
    speakers_get_a_seat();
    media_and_judges_come_first();
    a_screen_takes_the_last_picture();
    pauses_are_shown_not_routed();
    what_may_not_flow_is_not_routed();
    rules_hold_at_random();
    return 0;
}
