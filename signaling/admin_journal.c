/* What assize-admin tells of a journal: of its file alone, as anybody who has it may.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/admin_commands.h"
#include "signaling/journal.h"
#include "signaling/jsontext.h"
#include "signaling/replay.h"

int admin_journal_verify(const struct admin_options *options, uint64_t now_us)
{
    (void)now_us; /* a journal is whole or not, whatever the time */
    struct journal_report report;
    int r = journal_verify(options->argument, &report);
    if (r < 0) {
        fprintf(stderr, "assize-admin: %s cannot be read: %s\n", options->argument, strerror(-r));
        return 1;
    }
    if (report.damage != JOURNAL_WHOLE) {
        printf("%s: line %" PRIu64 " (at byte %" PRIu64 "): %s. The %" PRIu64
               " lines before it are whole.\n",
               options->argument, report.line, report.offset, journal_damage_text(report.damage),
               report.summary.lines);
        return 1;
    }
    char last[TERMS_TIME_TEXT], hash[DIGEST_TEXT];
    printf("%s: whole: %" PRIu64 " lines, the last at %s, with hash %s. That no line was taken off "
           "its end shows only by comparing this hash with a copy kept elsewhere.\n",
           options->argument, report.summary.lines, terms_time_text(report.summary.last_us, last),
           digest_text(report.summary.hash, hash));
    return 0;
}

static const enum control_source sources[] = {CONTROL_SOURCE_MICROPHONE, CONTROL_SOURCE_CAMERA,
                                              CONTROL_SOURCE_SCREEN};
enum { SOURCES = sizeof(sources) / sizeof(sources[0]) };

static void put_sent(struct jsontext *t, const struct replay *replay,
                     const struct hearing_person *from, const struct hearing_person *to)
{
    bool is_any = false;
    for (size_t i = 0; i < SOURCES; i++)
        is_any = is_any || replay_is_sent(replay, from, to, sources[i]);
    if (!is_any)
        return;
    jsontext_open(t, NULL, '{');
    jsontext_id(t, "from", from->stored.id);
    jsontext_id(t, "to", to->stored.id);
    jsontext_open(t, "what", '[');
    for (size_t i = 0; i < SOURCES; i++)
        if (replay_is_sent(replay, from, to, sources[i]))
            jsontext_string(t, NULL, terms_source_name(sources[i]));
    jsontext_close(t, ']');
    jsontext_close(t, '}');
}

static int print_json(const struct replay *replay)
{
    const struct hearing *h = replay_hearing(replay);
    struct jsontext t = {0};
    jsontext_open(&t, NULL, '{');
    jsontext_time(&t, "line", replay_last_us(replay));
    jsontext_string(&t, "state", terms_state_name(hearing_state(h)));
    jsontext_open(&t, "people", '[');
    for (size_t i = 0; i < h->count; i++) {
        const struct hearing_person *p = h->people[i];
        jsontext_open(&t, NULL, '{');
        jsontext_id(&t, "person", p->stored.id);
        jsontext_string(&t, "name", p->stored.name);
        jsontext_string(&t, "role", terms_role_name(p->stored.role));
        jsontext_string(&t, "room", terms_room_name(hearing_room(p)));
        jsontext_unsigned(&t, "number", p->aside.number);
        jsontext_close(&t, '}');
    }
    jsontext_close(&t, ']');
    jsontext_open(&t, "sent", '[');
    for (size_t i = 0; i < h->count; i++)
        for (size_t k = 0; k < h->count; k++)
            put_sent(&t, replay, h->people[i], h->people[k]);
    jsontext_close(&t, ']');
    jsontext_close(&t, '}');
    size_t len = 0;
    char *text = jsontext_take(&t, &len);
    if (!text)
        return -ENOMEM;
    puts(text);
    free(text);
    return 0;
}

/* The names of those who were sent this of `from`, on one line; nothing when there was nobody. */
static void print_receivers(const struct replay *replay, const struct hearing_person *from,
                            enum control_source source)
{
    const struct hearing *h = replay_hearing(replay);
    const char *before = "";
    for (size_t i = 0; i < h->count; i++) {
        if (!replay_is_sent(replay, from, h->people[i], source))
            continue;
        if (!before[0])
            printf("    %s to ", terms_source_name(source));
        printf("%s%s", before, h->people[i]->stored.name);
        before = ", ";
    }
    if (before[0])
        printf("\n");
}

static void print_text(const struct replay *replay)
{
    const struct hearing *h = replay_hearing(replay);
    char last[TERMS_TIME_TEXT], number[16] = "";
    printf("%s, by the line of %s:\n", terms_state_name(hearing_state(h)),
           terms_time_text(replay_last_us(replay), last));
    for (size_t i = 0; i < h->count; i++) {
        const struct hearing_person *p = h->people[i];
        (void)snprintf(number, sizeof(number), " %" PRIu32, p->aside.number);
        printf("  %s (%s): %s%s\n", p->stored.name, terms_role_name(p->stored.role),
               terms_room_name(hearing_room(p)), p->aside.number ? number : "");
        for (size_t k = 0; k < SOURCES; k++)
            print_receivers(replay, p, sources[k]);
    }
}

int admin_journal_sent(const struct admin_options *options, uint64_t now_us)
{
    (void)now_us; /* without a time all lines count, also those of a clock that was ahead */
    CLEANUP(replay_close) struct replay *replay = NULL;
    int r = replay_open(options->argument,
                        options->scheduled_us ? options->scheduled_us : UINT64_MAX, &replay);
    if (r == -ENODATA) {
        fprintf(stderr, "assize-admin: %s has no line of that time or before\n", options->argument);
        return 1;
    }
    if (r == -EBADMSG) {
        fprintf(stderr, "assize-admin: %s is damaged; 'journal verify' says where\n",
                options->argument);
        return 1;
    }
    if (r == 0 && options->json)
        r = print_json(replay);
    else if (r == 0)
        print_text(replay);
    if (r < 0)
        fprintf(stderr, "assize-admin: %s cannot be read: %s\n", options->argument, strerror(-r));
    return r < 0;
}
