/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/figures.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "signaling/view.h"

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

bool figures_is_cut(struct live *live, const struct hearing_person *person)
{
    const struct live_figures *f = &court_presence(live, person)->figures;
    for (size_t i = 0; i < CONTROL_DIRECTION_COUNT; i++)
        if (f->phases[i] == CONTROL_TRANSPORT_SILENT || f->phases[i] == CONTROL_TRANSPORT_EXPIRED ||
            f->phases[i] == CONTROL_TRANSPORT_FAILED)
            return true;
    return false;
}

void figures_take(struct live *live, const struct hearing_person *person,
                  const struct control_peer_stats *stats, uint8_t quality)
{
    struct live_figures *f = &court_presence(live, person)->figures;
    f->now = *stats;
    f->at_us = live->court->wall_us;
    f->fresh = true;
    /* Layers and pictures stay as they stood last. */
    struct control_peer_stats worst = *stats;
    if (f->count) {
        const struct control_peer_stats *before = &f->worst;
        worst.rtt_us = larger(worst.rtt_us, before->rtt_us);
        worst.up_loss_permille = larger(worst.up_loss_permille, before->up_loss_permille);
        worst.down_loss_permille = larger(worst.down_loss_permille, before->down_loss_permille);
        worst.up_jitter_us = larger(worst.up_jitter_us, before->up_jitter_us);
        worst.down_jitter_us = larger(worst.down_jitter_us, before->down_jitter_us);
        worst.down_held = (uint8_t)larger(worst.down_held, before->down_held);
        if (before->down_estimate_bps &&
            (before->down_estimate_bps < worst.down_estimate_bps || !worst.down_estimate_bps))
            worst.down_estimate_bps = before->down_estimate_bps;
    }
    if (f->count == 0 || f->worst_quality == 0 || (quality && quality < f->worst_quality))
        f->worst_quality = quality;
    f->worst = worst;
    f->up_sum += stats->up_bps;
    f->down_sum += stats->down_bps;
    f->count++;
}

/* Whether it can be heard: "silent" is a microphone that is on and nothing comes of it. */
static const char *microphone_of(const struct hearing_person *person)
{
    if (person->aside.number) /* nobody is told what is done there */
        return "private";
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++) {
        const struct hearing_producer *p = &person->producers[i];
        if (p->id && p->source == CONTROL_SOURCE_MICROPHONE && !p->paused)
            return p->flowing ? "on" : "silent";
    }
    return "off";
}

static void put_way(struct jsontext *t, const char *key, const struct control_peer_stats *s,
                    bool is_up)
{
    jsontext_open(t, key, '{');
    jsontext_unsigned(t, "bps", is_up ? s->up_bps : s->down_bps);
    jsontext_unsigned(t, "loss", is_up ? s->up_loss_permille : s->down_loss_permille);
    jsontext_unsigned(t, "jitterMs", (is_up ? s->up_jitter_us : s->down_jitter_us) / 1000);
    if (is_up) {
        jsontext_open(t, "layers", '[');
        for (unsigned i = 0; i < LIMIT_ENCODINGS; i++)
            if (s->up_layers >> i & 1)
                jsontext_unsigned(t, NULL, i);
        jsontext_close(t, ']');
    } else {
        jsontext_unsigned(t, "pictures", s->down_pictures);
        jsontext_unsigned(t, "held", s->down_held);
    }
    jsontext_unsigned(t, "height", is_up ? s->up_height : s->down_height);
    jsontext_close(t, '}');
}

/* One sample, as PROTOCOL.md and docs/journal.md have it. */
static void put_sample(struct jsontext *t, struct live *live, const struct hearing_person *person,
                       const struct control_peer_stats *s, uint8_t quality)
{
    const struct live_presence *presence = court_presence(live, person);
    jsontext_open(t, NULL, '{');
    jsontext_time(t, "at", presence->figures.at_us);
    jsontext_id(t, "person", person->stored.id);
    jsontext_unsigned(t, "quality", quality);
    jsontext_bool(t, "cut", figures_is_cut(live, person));
    jsontext_unsigned(t, "rttMs", s->rtt_us / 1000);
    jsontext_unsigned(t, "estimateBps", s->down_estimate_bps);
    put_way(t, "up", s, true);
    put_way(t, "down", s, false);
    jsontext_string(t, "microphone", microphone_of(person));
    jsontext_bool(t, "soundOnly", presence->view.sound_only);
    jsontext_bool(t, "overloaded", presence->view.overloaded);
    jsontext_bool(t, "thinLine", presence->view.thin_line);
    jsontext_string(t, "path", terms_path_name(person->path));
    jsontext_close(t, '}');
}

/* Takes the line over. What could not be kept is logged once, until some can again. */
static void keep_line(struct live *live, struct jsontext *t)
{
    size_t len = 0;
    char *text = jsontext_take(t, &len);
    int r = text ? 0 : -ENOMEM;
    if (r == 0 && !live->evidence) {
        r = evidence_open(live->court->config->data_dir, live->hearing->stored.id, &live->evidence);
        live->evidence_kept_us = live->court->now_us;
    }
    if (r == 0)
        r = evidence_append(live->evidence, text, len);
    free(text);
    if (r < 0 && !live->evidence_failed)
        log_error("hearing %016" PRIx64 ": figures of connections are not kept: %s",
                  live->hearing->stored.id, log_errno(r));
    live->evidence_failed = r < 0;
}

static void keep_name(struct live *live, const struct hearing_person *person)
{
    struct jsontext t = {0};
    jsontext_open(&t, NULL, '{');
    jsontext_time(&t, "at", live->court->wall_us);
    jsontext_id(&t, "person", person->stored.id);
    jsontext_string(&t, "name", person->stored.name);
    jsontext_string(&t, "role", terms_role_name(person->stored.role));
    jsontext_close(&t, '}');
    keep_line(live, &t);
}

static void keep_person(struct live *live, const struct hearing_person *person)
{
    struct live_figures *f = &court_presence(live, person)->figures;
    struct jsontext t = {0};
    if (f->count == 0)
        return;
    if (!f->named)
        keep_name(live, person);
    f->named = !live->evidence_failed;
    f->worst.up_bps = (uint32_t)(f->up_sum / f->count);
    f->worst.down_bps = (uint32_t)(f->down_sum / f->count);
    put_sample(&t, live, person, &f->worst, f->worst_quality);
    keep_line(live, &t);
    f->count = 0;
    f->up_sum = f->down_sum = 0;
    f->kept_us = live->court->now_us;
}

static void keep_due(struct live *live)
{
    const struct hearing *hearing = live->hearing;
    size_t told = 0;
    for (size_t i = 0; i < hearing->count; i++)
        told += live->presence[i].figures.count > 0;
    uint64_t pause_us =
        FIGURES_KEEP_US * (told / FIGURES_KEPT_OFTEN + (told % FIGURES_KEPT_OFTEN != 0));
    for (size_t i = 0; i < hearing->count; i++) {
        struct live_figures *f = &live->presence[i].figures;
        /* Of who is gone, what it was like at last. */
        if (!live->presence[i].media || live->court->now_us >= f->kept_us + pause_us)
            keep_person(live, hearing->people[i]);
        if (!live->presence[i].media)
            *f = (struct live_figures){.named = f->named};
    }
}

void figures_settle(struct live *live)
{
    uint8_t sha256[DIGEST_LEN];
    for (size_t i = 0; i < live->hearing->count; i++)
        keep_person(live, live->hearing->people[i]);
    live->evidence_kept_us = live->court->now_us;
    uint64_t bytes = live->evidence ? evidence_bytes(live->evidence) : 0;
    if (bytes == live->evidence_kept)
        return;
    int r = evidence_keep(live->evidence, sha256);
    const struct journal_entry entry = {
        .event = JOURNAL_CONNECTIONS_KEPT, .bytes = bytes, .sha256 = sha256};
    if (r == 0)
        r = court_journal(live, &entry);
    live->evidence_kept = bytes; /* what failed is tried again with more of it */
    if (r < 0)
        log_error("hearing %016" PRIx64 ": figures of connections are not vouched for: %s",
                  live->hearing->stored.id, log_errno(r));
}

/* The lines of the past that `viewer` may see; each begins with its time and its person. */
static void put_past(struct jsontext *t, struct live *live, const struct hearing_person *viewer)
{
    static const char start[] = "{\"at\":\"2026-11-22T09:31:00.000Z\",\"person\":\"";
    size_t len = 0;
    char *lines = live->evidence ? malloc(FIGURES_PAST_BYTES) : NULL;
    bool is_read = lines && evidence_tail(live->evidence, lines, FIGURES_PAST_BYTES, &len) == 0;
    jsontext_open(t, "past", '[');
    for (char *line = lines, *end = NULL; is_read && (size_t)(line - lines) < len; line = end + 1) {
        uint64_t id = 0;
        end = memchr(line, '\n', (size_t)(lines + len - line)); /* whole lines: it is there */
        size_t line_len = (size_t)(end - line);
        if (line_len <= sizeof(start) - 1 + TERMS_ID_TEXT ||
            terms_id_parse(line + sizeof(start) - 1, TERMS_ID_TEXT - 1, &id) < 0)
            continue;
        const struct hearing_person *about = hearing_find(live->hearing, id);
        if (about && hearing_sees(viewer, about))
            jsontext_raw(t, NULL, line, line_len);
    }
    jsontext_close(t, ']');
    free(lines);
}

static bool may_watch(const struct page *page)
{
    return page->state == PAGE_JOINED &&
           hearing_check(page->live->hearing, page->person, ACCESS_CONNECTIONS, 0) == 0;
}

/* Tells the page of those whose figures are new, or at first of all, and of what was before. */
static void tell(struct page *page, bool is_first)
{
    struct live *live = page->live;
    struct jsontext t = {0};
    jsontext_open(&t, NULL, '{');
    jsontext_string(&t, "type", "connections");
    if (is_first)
        put_past(&t, live, page->person);
    jsontext_open(&t, "people", '[');
    size_t told = 0;
    for (size_t i = 0; i < live->hearing->count && told < FIGURES_TOLD_AT_ONCE; i++) {
        const struct hearing_person *person = live->hearing->people[i];
        const struct live_presence *presence = &live->presence[i];
        bool is_due = presence->figures.at_us && (is_first || presence->figures.fresh);
        if (!is_due || !hearing_sees(page->person, person))
            continue;
        put_sample(&t, live, person, &presence->figures.now, person->quality);
        told++;
    }
    jsontext_close(&t, ']');
    jsontext_close(&t, '}');
    if (told || is_first)
        page_send(page, &t);
    jsontext_finish(&t);
}

void figures_watch(struct page *page, const struct message *message)
{
    bool was_on = page->watches;
    if (!view_is_within_rate(page, message->id))
        return;
    int r =
        message->on ? hearing_check(page->live->hearing, page->person, ACCESS_CONNECTIONS, 0) : 0;
    if (r < 0) {
        page_error(page, message->id, page_error_of(r), "the court alone sees connections");
        return;
    }
    page->watches = message->on;
    if (message->on && !was_on)
        tell(page, true);
    page_ok(page, message->id);
}

static void tell_watchers(struct live *live)
{
    for (size_t i = 0; i < live->hearing->count; i++) {
        struct page *page = live->hearing->people[i]->session;
        if (page && page->watches && may_watch(page))
            tell(page, false);
    }
    size_t told = 0;
    for (size_t i = 0; i < live->hearing->count && told < FIGURES_TOLD_AT_ONCE; i++) {
        told += live->presence[i].figures.fresh;
        live->presence[i].figures.fresh = false;
    }
}

void figures_tick(struct live *live)
{
    if (live->court->now_us < live->figures_us)
        return;
    live->figures_us = live->court->now_us + FIGURES_TELL_US;
    tell_watchers(live);
    keep_due(live);
    bool is_more = live->evidence && evidence_bytes(live->evidence) != live->evidence_kept;
    if (is_more && (!court_has_media(live) ||
                    live->court->now_us >= live->evidence_kept_us + FIGURES_VOUCH_US))
        figures_settle(live);
}
