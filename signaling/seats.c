/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/seats.h"

#include <assert.h>

static bool has_media(const struct seats_person *p)
{
    return p->audio != 0 || p->video != 0;
}

/* One update in progress. */
struct seating {
    struct seats *seats;
    const struct seats_person *people;
    size_t count;
    uint64_t now_us;
    const struct seats_person *sitters[LIMIT_SEATS]; /* NULL: free */
    bool sits[LIMIT_PEOPLE_PER_HEARING];             /* of each of `people` */
};

/* Whom everybody sees, whoever else gives way. */
static bool goes_first(const struct seats_person *p)
{
    return p->role == CONTROL_ROLE_JUDGE || p->is_spotlit;
}

/* Whether `a` is seated before `b` on a free seat (rule 2). */
static bool comes_before(const struct seats_person *a, const struct seats_person *b)
{
    bool a_first = goes_first(a), b_first = goes_first(b);
    if (a_first != b_first)
        return a_first;
    if (has_media(a) != has_media(b))
        return has_media(a);
    return a->arrival < b->arrival;
}

/* Whether `a` gives its seat up before `b` (rule 3). */
static bool yields_before(const struct seats_person *a, const struct seats_person *b)
{
    bool a_first = goes_first(a), b_first = goes_first(b);
    if (a_first != b_first)
        return b_first;
    if (has_media(a) != has_media(b))
        return has_media(b);
    if (a->spoke_us != b->spoke_us)
        return a->spoke_us < b->spoke_us;
    return a->arrival > b->arrival;
}

static bool speaks_now(const struct seats_person *p, uint64_t now_us)
{
    return p->spoke_us != 0 && p->spoke_us + SEATS_HOLD_US > now_us;
}

static void sit(struct seating *g, size_t seat, size_t who)
{
    g->seats->sitting[seat] = g->people[who].person;
    g->sitters[seat] = &g->people[who];
    g->sits[who] = true;
}

/* Rule 1: everybody who is still there keeps the seat. */
static void keep_seats(struct seating *g)
{
    for (size_t i = 0; i < g->seats->count; i++) {
        uint64_t was = g->seats->sitting[i];
        g->seats->sitting[i] = 0;
        for (size_t k = 0; was != 0 && k < g->count; k++)
            if (g->people[k].person == was && !g->sits[k]) {
                sit(g, i, k);
                break;
            }
    }
}

/* Rule 2. */
static void fill_free_seats(struct seating *g)
{
    for (size_t i = 0; i < g->seats->count; i++) {
        if (g->sitters[i])
            continue;
        size_t next = g->count;
        for (size_t k = 0; k < g->count; k++)
            if (!g->sits[k] && (next == g->count || comes_before(&g->people[k], &g->people[next])))
                next = k;
        if (next == g->count)
            return;
        sit(g, i, next);
    }
}

/* Whether `a` asks for a taken seat before `b`: judges and the spotlit, then who speaks, then as
 * for free seats. */
static bool claims_before(const struct seats_person *a, const struct seats_person *b,
                          uint64_t now_us)
{
    bool a_first = goes_first(a), b_first = goes_first(b);
    if (a_first == b_first && speaks_now(a, now_us) != speaks_now(b, now_us))
        return speaks_now(a, now_us);
    return comes_before(a, b);
}

/* Index of who stands and has the best right to a seat; `count` when everybody sits. */
static size_t next_claimant(const struct seating *g)
{
    size_t best = g->count;
    for (size_t k = 0; k < g->count; k++)
        if (!g->sits[k] &&
            (best == g->count || claims_before(&g->people[k], &g->people[best], g->now_us)))
            best = k;
    return best;
}

/* The seat that is given up first, or -1 when there are no seats. */
static int first_to_yield(const struct seating *g)
{
    int seat = -1;
    for (size_t i = 0; i < g->seats->count; i++)
        if (g->sitters[i] && (seat < 0 || yields_before(g->sitters[i], g->sitters[seat])))
            seat = (int)i;
    return seat;
}

static bool may_take(const struct seats_person *claimant, const struct seats_person *sitter,
                     uint64_t now_us)
{
    bool claims_first = goes_first(claimant), sits_first = goes_first(sitter);
    if (sits_first && !claims_first)
        return false;
    if (claims_first && !sits_first)
        return true;
    if (has_media(claimant) && !has_media(sitter))
        return true;
    return speaks_now(claimant, now_us) && has_media(claimant) && !speaks_now(sitter, now_us);
}

/* Rule 3, as often as there is somebody with a better right: at most once a seat. */
static void give_seats_to_claimants(struct seating *g)
{
    for (size_t turn = 0; turn < g->seats->count; turn++) {
        size_t claimant = next_claimant(g);
        int seat = first_to_yield(g);
        if (claimant == g->count || seat < 0)
            return;
        const struct seats_person *sitter = g->sitters[seat];
        if (!may_take(&g->people[claimant], sitter, g->now_us))
            return;
        g->sits[sitter - g->people] = false;
        sit(g, (size_t)seat, claimant);
    }
}

static struct seats_seat seat_of(const struct seats_person *p)
{
    struct seats_seat seat = {.source = CONTROL_SOURCE_CAMERA};
    if (!p)
        return seat;
    seat.person = p->person;
    seat.audio = p->sound_flows ? p->audio : 0;
    seat.video = p->picture_flows ? p->video : 0;
    seat.audio_on = seat.audio != 0 && !p->audio_paused;
    seat.video_on = seat.video != 0 && !p->video_paused;
    return seat;
}

static const struct seats_person *newest_screen(const struct seats_person *people, size_t count)
{
    const struct seats_person *newest = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct seats_person *p = &people[i];
        if (p->screen != 0 && p->picture_flows && !p->screen_paused &&
            (!newest || p->screen_since_us > newest->screen_since_us ||
             (p->screen_since_us == newest->screen_since_us && p->screen > newest->screen)))
            newest = p;
    }
    return newest;
}

static bool is_same_shown(const struct seats_seat *a, const struct seats_seat *b)
{
    if (a->person == 0 && b->person == 0)
        return true;
    return a->person == b->person && a->source == b->source && a->audio_on == b->audio_on &&
           a->video_on == b->video_on;
}

void seats_update(struct seats *s, const struct seats_person *people, size_t count, uint64_t now_us,
                  struct seats_changes *ret_changes)
{
    assert(s->count <= LIMIT_SEATS && count <= LIMIT_PEOPLE_PER_HEARING);
    struct seating seating = {.seats = s, .people = people, .count = count, .now_us = now_us};
    keep_seats(&seating);
    fill_free_seats(&seating);
    give_seats_to_claimants(&seating);

    const struct seats_person *sharer = newest_screen(people, count);
    ret_changes->count = 0;
    for (size_t i = 0; i < s->count; i++) {
        struct seats_seat now = seat_of(seating.sitters[i]);
        if (sharer && i == s->count - 1u) {
            now.person = sharer->person;
            now.source = CONTROL_SOURCE_SCREEN;
            now.video = sharer->screen;
            now.video_on = true;
        }
        const struct seats_seat *was = &s->seats[i];
        struct seats_change change = {
            .seat = (uint8_t)i,
            .route_audio = now.audio != was->audio,
            .route_video = now.video != was->video,
            .shown = !is_same_shown(&now, was),
            .now = now,
        };
        if (change.route_audio || change.route_video || change.shown)
            ret_changes->changes[ret_changes->count++] = change;
        s->seats[i] = now;
    }
}
