/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/gaps.h"

static bool has_gaps(enum control_source source)
{
    return (size_t)source < LIVE_GAP_SOURCES;
}

static void begin(struct live *live, const struct hearing_person *person,
                  const struct hearing_producer *producer, uint64_t since_us, bool ours)
{
    struct live_gap *gap = &court_presence(live, person)->gaps[producer->source];
    gap->ours = gap->ours || ours;
    if (gap->stream)
        return; /* it lasts already */
    gap->stream = producer->id;
    gap->since_us = since_us > producer->started_us ? since_us : producer->started_us;
}

void gaps_end(struct live *live, const struct hearing_person *person, enum control_source source)
{
    if (!has_gaps(source))
        return;
    struct live_gap *gap = &court_presence(live, person)->gaps[source];
    const struct journal_entry entry = {
        .event = JOURNAL_MEDIA_GAP,
        .person = person->stored.id,
        .stream = gap->stream,
        .source = source,
        .since_us = gap->since_us,
        .until_us = live->court->wall_us,
    };
    bool is_told = gap->ours || live->court->wall_us >= gap->since_us + GAPS_MIN_US;
    if (gap->stream && is_told)
        (void)court_journal(live, &entry); /* it is over, whether or not the line stands */
    *gap = (struct live_gap){0};
}

void gaps_on_flow(struct live *live, const struct control_stream_state *state)
{
    struct hearing_person *person = hearing_find(live->hearing, state->peer);
    const struct hearing_producer *producer =
        person ? hearing_producer(person, state->stream) : NULL;
    if (!producer || !has_gaps(producer->source))
        return;
    if (state->flowing)
        gaps_end(live, person, producer->source);
    else if (!producer->paused)
        begin(live, person, producer, live->court->wall_us - GAPS_TOLD_LATE_US, false);
}

void gaps_on_core_lost(struct live *live)
{
    for (size_t i = 0; i < live->hearing->count; i++) {
        const struct hearing_person *person = live->hearing->people[i];
        for (size_t k = 0; k < LIMIT_STREAMS_PER_PEER; k++) {
            const struct hearing_producer *producer = &person->producers[k];
            if (producer->id && !producer->paused && has_gaps(producer->source))
                begin(live, person, producer, live->court->wall_us, true);
        }
    }
}

void gaps_on_core_unhurt(struct live *live)
{
    for (size_t i = 0; i < live->hearing->count; i++)
        for (size_t source = 0; source < LIVE_GAP_SOURCES; source++)
            if (live->presence[i].gaps[source].ours)
                live->presence[i].gaps[source] = (struct live_gap){0};
}

void gaps_settle(struct live *live)
{
    for (size_t i = 0; i < live->hearing->count; i++) {
        struct hearing_person *person = live->hearing->people[i];
        for (unsigned source = 0; source < LIVE_GAP_SOURCES; source++) {
            const struct hearing_producer *producer =
                hearing_producer_of(person, (enum control_source)source);
            bool is_over =
                person->stored.room != TERMS_ROOM_COURTROOM || (producer && producer->paused);
            if (live->presence[i].gaps[source].stream && is_over)
                gaps_end(live, person, (enum control_source)source);
        }
    }
}
