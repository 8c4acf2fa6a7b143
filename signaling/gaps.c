/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/gaps.h"

static bool has_gaps(enum control_source source)
{
    return (size_t)source < LIVE_GAP_SOURCES;
}

static struct live_gap *gap_of(struct live *live, const struct hearing_person *person,
                               enum control_source source)
{
    return &court_presence(live, person)->gaps[source];
}

/* One that lasts already keeps its beginning and its nature. */
static void begin(struct live *live, const struct hearing_person *person,
                  const struct hearing_producer *producer, uint64_t since_us, bool ours)
{
    struct live_gap *gap = gap_of(live, person, producer->source);
    if (hearing_room(person) != TERMS_ROOM_COURTROOM)
        return; /* beside it there are no gaps, as there are no lines */
    if (gap->stream) {
        gap->until_us = 0;
        return;
    }
    *gap = (struct live_gap){
        .stream = producer->id,
        .since_us = since_us > producer->started_us ? since_us : producer->started_us,
        .ours = ours,
    };
}

/* While the media core is away, or has not told what it has, nobody knows whether it went on
 * carrying what we think it did not. What is closed is not waited with. */
static bool is_doubtful(const struct live *live, const struct live_gap *gap)
{
    const struct court *court = live->court;
    return gap->ours && (court->sfu_lost_us || court->sfu_tells) &&
           live->hearing->stored.state != TERMS_STATE_CLOSED;
}

static void end(struct live *live, const struct hearing_person *person, enum control_source source,
                uint64_t until_us)
{
    struct live_gap *gap = gap_of(live, person, source);
    if (!gap->stream)
        return;
    if (!gap->until_us)
        gap->until_us = until_us;
    if (is_doubtful(live, gap))
        return; /* gaps_on_core_told() writes it */
    const struct journal_entry entry = {
        .event = JOURNAL_MEDIA_GAP,
        .person = person->stored.id,
        .stream = gap->stream,
        .source = source,
        .since_us = gap->since_us,
        .until_us = gap->until_us,
    };
    if (gap->ours || gap->until_us >= gap->since_us + GAPS_MIN_US)
        (void)court_journal(live, &entry); /* it is over, whether or not the line stands */
    *gap = (struct live_gap){0};
}

void gaps_end(struct live *live, const struct hearing_person *person, enum control_source source)
{
    if (has_gaps(source))
        end(live, person, source, live->court->wall_us);
}

void gaps_expect(struct live *live, uint64_t person, uint64_t stream)
{
    struct hearing_person *p = hearing_find(live->hearing, person);
    const struct hearing_producer *producer = p ? hearing_producer(p, stream) : NULL;
    bool is_away = live->court->sfu_lost_us; /* then it does not hear of it */
    if (!producer || producer->paused || !has_gaps(producer->source))
        return;
    if (is_away || !producer->flowing)
        begin(live, p, producer, live->court->wall_us, is_away);
}

void gaps_on_flow(struct live *live, const struct control_stream_state *state)
{
    struct hearing_person *person = hearing_find(live->hearing, state->peer);
    struct hearing_producer *producer = person ? hearing_producer(person, state->stream) : NULL;
    if (!producer || !has_gaps(producer->source))
        return;
    producer->flowing = state->flowing;
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

void gaps_on_stream_told(struct live *live, const struct control_stream_present *stream)
{
    const struct hearing_person *person = hearing_find(live->hearing, stream->peer);
    enum control_source source = (enum control_source)stream->source;
    if (!person || stream->paused || !has_gaps(source))
        return;
    struct live_gap *gap = gap_of(live, person, source);
    if (gap->ours && gap->stream == stream->stream)
        *gap = (struct live_gap){0};
}

void gaps_on_core_told(struct live *live)
{
    for (size_t i = 0; i < live->hearing->count; i++)
        for (unsigned source = 0; source < LIVE_GAP_SOURCES; source++)
            if (live->presence[i].gaps[source].until_us)
                gaps_end(live, live->hearing->people[i], (enum control_source)source);
}

void gaps_settle(struct live *live)
{
    for (size_t i = 0; i < live->hearing->count; i++) {
        struct hearing_person *person = live->hearing->people[i];
        for (unsigned source = 0; source < LIVE_GAP_SOURCES; source++) {
            const struct hearing_producer *producer =
                hearing_producer_of(person, (enum control_source)source);
            if (hearing_room(person) != TERMS_ROOM_COURTROOM || (producer && producer->paused))
                gaps_end(live, person, (enum control_source)source);
        }
    }
}

void gaps_tick(struct live *live)
{
    const struct court *court = live->court;
    bool is_away = court->sfu_lost_us || court->sfu_tells;
    for (size_t i = 0; i < live->hearing->count; i++) {
        struct hearing_person *person = live->hearing->people[i];
        bool is_there = live->presence[i].media && !is_away;
        for (unsigned source = 0; source < LIVE_GAP_SOURCES; source++) {
            struct live_gap *gap = &live->presence[i].gaps[source];
            if (!is_there || hearing_producer_of(person, (enum control_source)source))
                gap->without_us = 0;
            else if (!gap->without_us)
                gap->without_us = court->wall_us;
            else if (court->wall_us >= gap->without_us + GAPS_WITHOUT_US)
                end(live, person, (enum control_source)source, gap->without_us);
        }
    }
}
