/* SPDX-License-Identifier: Apache-2.0 */
/* What the record's marks mean, with a real store and journal and nobody at the other ends. */
#include "signaling/record.h"

#include <string.h>

#include "common/clock.h"
#include "place.h"
#include "signaling/invite.h"
#include "signaling/media.h"
#include "unit/check.h"

static const struct store_hearing sample = {.scheduled_us = 1800000000ull * 1000000,
                                            .case_number = "(2026) 1",
                                            .title = "A v. B",
                                            .court = "Chamber"};
static const struct invite_guest guests[] = {{CONTROL_ROLE_JUDGE, "陈敏"}};

/* A court of one hearing that has just been opened. */
struct scene {
    struct place place;
    struct config config;
    struct watch_set *watches;
    struct court court;
    struct live *live;
};

static void scene_begin(struct scene *s)
{
    *s = (struct scene){.place = place_make()};
    const struct media_handlers none = {0};
    uint64_t id = 0;
    (void)snprintf(s->config.data_dir, sizeof(s->config.data_dir), "%s", s->place.path);
    s->court.config = &s->config;
    list_init(&s->court.lives);
    list_init(&s->court.pages);
    court_wake(&s->court);
    CHECK_EQ(store_open(s->place.path, &s->court.store), 0);
    CHECK_EQ(watch_set_create(&s->watches), 0);
    CHECK_EQ(media_create(s->watches, "sfu", "/nowhere", (uid_t)-1, &none, &s->court.sfu), 0);
    CHECK_EQ(media_create(s->watches, "recorder", "/nowhere", (uid_t)-1, &none, &s->court.recorder),
             0);
    const struct invite_place at = {s->place.path, s->court.store};
    CHECK_EQ(invite_hearing(&at, &sample, guests, 1, s->court.wall_us + 1, s->court.wall_us, &id),
             0);
    CHECK_EQ(court_live(&s->court, id, &s->live), 0);
}

static void scene_end(struct scene *s)
{
    court_unload(&s->court);
    media_destroy(s->court.sfu);
    media_destroy(s->court.recorder);
    watch_set_destroy(s->watches);
    store_close(s->court.store);
    place_remove(&s->place);
}

/* Lines of the journal that hold `text`. */
static unsigned lines_with(const struct scene *s, const char *text)
{
    char name[64], line[LIMIT_NOTE_BYTES + 2];
    unsigned count = 0;
    (void)snprintf(name, sizeof(name), "journals/%016llx.journal",
                   (unsigned long long)s->live->hearing->stored.id);
    FILE *file = fopen(place_file(&s->place, name), "re");
    CHECK(file);
    while (fgets(line, sizeof(line), file))
        count += strstr(line, text) != NULL;
    fclose(file);
    return count;
}

static void mark(struct scene *s, uint64_t dropped)
{
    const struct control_tape_mark m = {.hearing = s->live->hearing->stored.id,
                                        .checked_us = s->court.now_us,
                                        .ring_dropped = dropped};
    record_on_mark(s->live, &m);
}

/* Packets that the ring had no room for are a line naming our fault, each time more are lost. */
static void a_gap_is_our_fault(void)
{
    static const char gap[] = "\"event\":\"fault\",\"process\":\"recorder\"";
    struct scene s;
    scene_begin(&s);
    record_open(s.live);
    mark(&s, 0);
    CHECK_EQ(lines_with(&s, gap), 0);
    mark(&s, 7);
    CHECK_EQ(lines_with(&s, gap), 1);
    mark(&s, 7);
    CHECK_EQ(lines_with(&s, gap), 1);
    mark(&s, 8);
    CHECK_EQ(lines_with(&s, gap), 2);
    CHECK_EQ(s.court.counters.faults, 2);
    scene_end(&s);
}

/* A hearing that was open before our own start: what its ring had lost by then is no news. */
static void an_old_gap_is_not_told_again(void)
{
    struct scene s;
    scene_begin(&s);
    s.live->tape = LIVE_TAPE_WANTED;
    record_open(s.live);
    mark(&s, 7);
    CHECK_EQ(lines_with(&s, "\"event\":\"fault\""), 0);
    mark(&s, 9);
    CHECK_EQ(lines_with(&s, "\"event\":\"fault\""), 1);
    scene_end(&s);
}

int main(void)
{
    a_gap_is_our_fault();
    an_old_gap_is_not_told_again();
    return 0;
}
