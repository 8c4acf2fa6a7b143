/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "signaling/record.h"

/* A metric with one value. */
static void put(FILE *out, const char *name, const char *type, const char *help, double value)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", name, help, name, type, name, value);
}

/* The head of a metric with labels; its samples follow. */
static void put_head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_sample(FILE *out, const char *name, const char *label, const char *value,
                       uint64_t count)
{
    fprintf(out, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label, value, count);
}

static void put_hearings(FILE *out, const struct court *court)
{
    uint64_t hearings[TERMS_STATE_COUNT] = {0};
    uint64_t people[CONTROL_ROLE_COUNT] = {0};
    uint64_t lost = 0;
    LIST_FOR_EACH(it, &court->lives)
    {
        const struct live *live = LIST_ENTRY(it, struct live, link);
        hearings[hearing_state(live->hearing)]++;
        lost += live->record.state == REPLY_RECORD_LOST;
        for (size_t i = 0; i < live->hearing->count; i++)
            people[live->hearing->people[i]->stored.role] +=
                live->hearing->people[i]->stored.room != TERMS_ROOM_OUTSIDE;
    }
    put_head(out, "assize_hearings", "gauge", "Hearings in memory, by state.");
    for (unsigned state = 0; state < TERMS_STATE_COUNT; state++)
        put_sample(out, "assize_hearings", "state", terms_state_name((enum terms_state)state),
                   hearings[state]);
    put_head(out, "assize_participants", "gauge", "People who have joined, by role.");
    for (unsigned role = 0; role < CONTROL_ROLE_COUNT; role++)
        put_sample(out, "assize_participants", "role", terms_role_name((enum control_role)role),
                   people[role]);
    put(out, "assize_records_lost", "gauge", "Open hearings whose sound is not safely on disk now.",
        (double)lost);
}

/* What media core and recorder count, under the names of this table. */
static const struct {
    const char *name;
    const char *type;
    const char *help;
    const char *label; /* NULL: none */
    const char *value;
    enum control_metric metric;
    bool of_recorder;
} counted[] = {
    {"assize_rtp_packets_total", "counter", "RTP packets of media.", "direction", "in",
     CONTROL_METRIC_PACKETS_IN, false},
    {"assize_rtp_packets_total", "counter", "", "direction", "out", CONTROL_METRIC_PACKETS_OUT,
     false},
    {"assize_rtp_bytes_total", "counter", "Bytes of those packets.", "direction", "in",
     CONTROL_METRIC_BYTES_IN, false},
    {"assize_rtp_bytes_total", "counter", "", "direction", "out", CONTROL_METRIC_BYTES_OUT, false},
    {"assize_rtp_packets_lost_total", "counter", "Packets of publishers that never came.", NULL,
     NULL, CONTROL_METRIC_PACKETS_LOST, false},
    {"assize_rtp_packets_repaired_total", "counter", "Lost packets that came when asked for again.",
     NULL, NULL, CONTROL_METRIC_PACKETS_REPAIRED, false},
    {"assize_rtp_retransmitted_total", "counter", "Packets sent again to receivers (RTX).", NULL,
     NULL, CONTROL_METRIC_RTX_SENT, false},
    {"assize_rtp_redundant_total", "counter",
     "Packets of sound sent together with earlier ones, to who loses some.", NULL, NULL,
     CONTROL_METRIC_RED_SENT, false},
    {"assize_rtp_joined_total", "counter",
     "Packets of sound made of two or three, for who has a thin line.", NULL, NULL,
     CONTROL_METRIC_JOINED_SENT, false},
    {"assize_rtp_padding_total", "counter",
     "Packets without media, sent to find out what a way to a page carries.", NULL, NULL,
     CONTROL_METRIC_PADDING_SENT, false},
    {"assize_rtp_paced_total", "counter",
     "Packets of pictures that waited a moment, so that a slow line is not filled at once.", NULL,
     NULL, CONTROL_METRIC_PACED, false},
    {"assize_rtp_paced_dropped_total", "counter",
     "Times that a picture was left out up to its next key frame, as more would have waited than "
     "may.",
     NULL, NULL, CONTROL_METRIC_PACED_DROPPED, false},
    {"assize_rtcp_nack_total", "counter", "Packets asked for again.", "direction", "sent",
     CONTROL_METRIC_NACK_SENT, false},
    {"assize_rtcp_nack_total", "counter", "", "direction", "received", CONTROL_METRIC_NACK_RECEIVED,
     false},
    {"assize_rtcp_pli_total", "counter", "Key frames asked for.", "direction", "sent",
     CONTROL_METRIC_PLI_SENT, false},
    {"assize_rtcp_pli_total", "counter", "", "direction", "received", CONTROL_METRIC_PLI_RECEIVED,
     false},
    {"assize_key_frames_total", "counter", "Key frames of publishers.", NULL, NULL,
     CONTROL_METRIC_KEY_FRAMES, false},
    {"assize_datagrams_dropped_total", "counter",
     "Datagrams dropped: junk is nobody's, forged fails authentication, unrouted is of no stream; "
     "queue, pool, send and tcp had no room in, here, out and over TCP; flood is over "
     "what one page may send or, sent on all the same, over its tracks on the tape.",
     "reason", "junk", CONTROL_METRIC_DROPPED_JUNK, false},
    {"assize_datagrams_dropped_total", "counter", "", "reason", "forged",
     CONTROL_METRIC_DROPPED_FORGED, false},
    {"assize_datagrams_dropped_total", "counter", "", "reason", "unrouted",
     CONTROL_METRIC_DROPPED_UNROUTED, false},
    {"assize_datagrams_dropped_total", "counter", "", "reason", "pool", CONTROL_METRIC_DROPPED_POOL,
     false},
    {"assize_datagrams_dropped_total", "counter", "", "reason", "send", CONTROL_METRIC_DROPPED_SEND,
     false},
    {"assize_datagrams_dropped_total", "counter", "", "reason", "queue",
     CONTROL_METRIC_DROPPED_QUEUE, false},
    {"assize_datagrams_dropped_total", "counter", "", "reason", "tcp", CONTROL_METRIC_DROPPED_TCP,
     false},
    {"assize_datagrams_dropped_total", "counter", "", "reason", "flood",
     CONTROL_METRIC_DROPPED_FLOOD, false},
    {"assize_stun_refused_total", "counter", "STUN requests refused.", NULL, NULL,
     CONTROL_METRIC_STUN_REFUSED, false},
    {"assize_dtls_failed_total", "counter", "DTLS handshakes that failed.", NULL, NULL,
     CONTROL_METRIC_DTLS_FAILED, false},
    {"assize_datagrams_sent_total", "counter",
     "Datagrams that the kernel took from the media core.", NULL, NULL, CONTROL_METRIC_SENT, false},
    {"assize_send_messages_total", "counter",
     "Messages they were given as; the kernel splits one into what goes to one receiver.", NULL,
     NULL, CONTROL_METRIC_SEND_MESSAGES, false},
    {"assize_send_calls_total", "counter", "System calls that took.", NULL, NULL,
     CONTROL_METRIC_SEND_CALLS, false},
    {"assize_tcp_datagrams_sent_total", "counter", "Datagrams besides, over TCP.", NULL, NULL,
     CONTROL_METRIC_TCP_SENT, false},
    {"assize_sfu_tcp_connections", "gauge", "Connections of pages that take media over TCP.", NULL,
     NULL, CONTROL_METRIC_TCP_CONNECTIONS, false},
    {"assize_sfu_tcp_refused_total", "counter",
     "Connections to the media core over a bound, or ended without ever having been a page's.",
     NULL, NULL, CONTROL_METRIC_TCP_REFUSED, false},
    {"assize_clock_steps_total", "counter", "Times the wall clock was set under the media core.",
     NULL, NULL, CONTROL_METRIC_WALL_STEPS, false},
    {"assize_sfu_hearings", "gauge", "Hearings in the media core.", NULL, NULL,
     CONTROL_METRIC_HEARINGS, false},
    {"assize_sfu_peers", "gauge", "Peers in the media core.", NULL, NULL, CONTROL_METRIC_PEERS,
     false},
    {"assize_sfu_streams", "gauge", "Streams published to the media core.", NULL, NULL,
     CONTROL_METRIC_STREAMS, false},
    {"assize_sfu_load", "gauge",
     "Packets a second the media core forwards, or sets aside for those who are there.", NULL, NULL,
     CONTROL_METRIC_LOAD, false},
    {"assize_sfu_capacity", "gauge",
     "Packets a second at which it is full; 0 when it has no bound.", NULL, NULL,
     CONTROL_METRIC_CAPACITY, false},
    {"assize_sfu_places_left", "gauge", "Participants it takes besides; 0 without a bound too.",
     NULL, NULL, CONTROL_METRIC_PLACES_LEFT, false},
    {"assize_sfu_largest_hearing_left", "gauge",
     "Participants that one more hearing may have: a hearing lives on one core.", NULL, NULL,
     CONTROL_METRIC_ROOM_LEFT, false},
    {"assize_sfu_refused_total", "counter",
     "Hearings and people of the public refused because the media core was full; each asking "
     "counts, and a page that waits asks every 5 seconds.",
     NULL, NULL, CONTROL_METRIC_REFUSED, false},
    {"assize_ring_packets_total", "counter", "Packets handed to the recorder.", NULL, NULL,
     CONTROL_METRIC_RING_PACKETS, false},
    {"assize_ring_dropped_total", "counter",
     "Packets the recorder's ring had no room for: gaps in a record.", NULL, NULL,
     CONTROL_METRIC_RING_DROPPED, false},
    {"assize_recorder_tape_bytes_total", "counter", "Bytes of tape safely on disk.", NULL, NULL,
     CONTROL_METRIC_TAPE_BYTES, true},
    {"assize_recorder_tape_records_total", "counter", "Tape records safely on disk.", NULL, NULL,
     CONTROL_METRIC_TAPE_RECORDS, true},
    {"assize_recorder_tape_errors_total", "counter", "Writes of tape that failed.", NULL, NULL,
     CONTROL_METRIC_TAPE_ERRORS, true},
};

static void put_counted(FILE *out, const struct court *court)
{
    for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
        const struct control_metrics *metrics =
            counted[i].of_recorder ? &court->recorder_metrics : &court->sfu_metrics;
        uint64_t value = metrics->values[counted[i].metric];
        if (counted[i].help[0])
            put_head(out, counted[i].name, counted[i].type, counted[i].help);
        if (counted[i].label)
            put_sample(out, counted[i].name, counted[i].label, counted[i].value, value);
        else
            fprintf(out, "%s %" PRIu64 "\n", counted[i].name, value);
    }
    put(out, "assize_recorder_tape_sync_seconds", "gauge", "Duration of the last fdatasync.",
        (double)court->recorder_metrics.values[CONTROL_METRIC_TAPE_SYNC_US] / 1e6);
}

static void put_own(FILE *out, const struct court *court)
{
    const struct ws_counters *ws = ws_counters(court->ws);
    put(out, "assize_sfu_up", "gauge", "1 while the media core is connected.",
        media_is_connected(court->sfu));
    const char *sealing = control_sealing_name(court->sfu_metrics.values[CONTROL_METRIC_SEALING]);
    put_head(out, "assize_sfu_sealing", "gauge",
             "1: what seals media; unknown until the media core has told.");
    put_sample(out, "assize_sfu_sealing", "library", sealing ? sealing : "unknown", 1);
    put(out, "assize_sfu_read_gap_seconds", "gauge",
        "Longest that the media core worked between two reads of a socket, in the last second.",
        (double)court->sfu_metrics.values[CONTROL_METRIC_READ_GAP_US] / 1e6);
    put(out, "assize_recorder_up", "gauge", "1 while the recorder is connected.",
        media_is_connected(court->recorder));
    put(out, "assize_recorder_watermark_age_seconds", "gauge",
        "Age of the oldest durable mark among open hearings; 0 when none is open.",
        (double)record_mark_age(court) / 1e6);
    put(out, "assize_faults_total", "counter", "Gaps in media or record that were our fault.",
        (double)court->counters.faults);
    put(out, "assize_joins_total", "counter", "Joins that got transports.",
        (double)court->counters.joins);
    put(out, "assize_connections", "gauge", "TCP connections open.", (double)ws->open);
    put(out, "assize_connections_total", "counter", "TCP connections accepted.",
        (double)ws->accepted);
    put(out, "assize_connections_refused_total", "counter", "TCP connections over a limit.",
        (double)ws->refused);
    put(out, "assize_websockets", "gauge", "Pages connected.", (double)ws->pages);
    put_head(out, "assize_messages_total", "counter", "WebSocket messages.");
    put_sample(out, "assize_messages_total", "direction", "received", ws->received);
    put_sample(out, "assize_messages_total", "direction", "sent", ws->sent);
    put(out, "assize_messages_refused_total", "counter",
        "Messages answered by bad-message, unknown-type, hello-first or a wrong state.",
        (double)court->counters.errors);
    put(out, "assize_pages_over_limit_total", "counter", "Pages closed for breaking a limit.",
        (double)ws->breaches);
    put(out, "assize_pages_slow_total", "counter", "Pages dropped because they read too slowly.",
        (double)ws->slow);
    put(out, "assize_http_requests_total", "counter", "HTTP requests answered.",
        (double)ws->requests);
}

char *metrics_text(const struct court *court, size_t *ret_len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_len);
    if (!out)
        return NULL;
    put_hearings(out, court);
    put_counted(out, court);
    put_own(out, court);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
