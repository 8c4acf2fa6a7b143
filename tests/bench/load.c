/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load.h"

#include <string.h>

/* What a page of 720p sends at 2.4 Mbit/s, and Opus every 20 ms. */
#define VIDEO 250
#define AUDIO 50
#define BYTES 1180

_Static_assert(LIMIT_PEERS_PER_HEARING > 1000, "the loads below");

const struct load loads[] = {
    {"1to30", "1 publishes to 30", 1, 31, 1, true, VIDEO, 1, AUDIO, BYTES, true},
    {"1to50", "1 publishes to 50", 1, 51, 1, true, VIDEO, 1, AUDIO, BYTES, true},
    {"1to200", "1 publishes to 200", 1, 201, 1, true, VIDEO, 1, AUDIO, BYTES, true},
    {"1to1000", "1 publishes to 1,000, in one hearing", 1, 1001, 1, true, VIDEO, 1, AUDIO, BYTES,
     true},
    {"all12", "12 publish (audio, 3 layers) and receive each other", 1, 12, 12, false, VIDEO, 3,
     AUDIO, BYTES, true},
    {"12of60", "60 receive the 12 of them who publish (audio, 3 layers)", 1, 60, 12, false, VIDEO,
     3, AUDIO, BYTES, true},
    {"audio", "60 receive the audio of the 12 of them who speak", 1, 60, 12, false, 0, 0, AUDIO, 0,
     true},
    {0},
};

const struct load *load_of(const char *name)
{
    for (const struct load *l = loads; l->name; l++)
        if (strcmp(l->name, name) == 0)
            return l;
    return NULL;
}

unsigned load_receivers(const struct load *l)
{
    return l->hearings * (l->one_way ? l->pages - l->publishing : l->pages);
}

unsigned load_forwards(const struct load *l)
{
    unsigned each = l->one_way ? l->pages - l->publishing : l->pages - 1;
    return l->hearings * l->publishing * each * (l->video_pps + l->audio_pps);
}

unsigned load_streams(const struct load *l)
{
    return l->video_pps ? 2 : 1;
}

struct flow_options load_flow(const struct load *l, unsigned number, enum control_kind kind,
                              unsigned layer)
{
    uint32_t id = number * 4 + (kind == CONTROL_VIDEO ? 1 + layer : 0) + 1;
    if (kind == CONTROL_AUDIO)
        return (struct flow_options){.kind = kind,
                                     .id = id,
                                     .ssrc = 1000000u + id,
                                     .payload_type = 111,
                                     .ext_transport_cc = 4,
                                     .ext_audio_level = 10,
                                     .packets_per_frame = 1,
                                     .frames_per_s = l->audio_pps,
                                     .payload_len = LOAD_AUDIO_LEN,
                                     .uneven = l->uneven,
                                     .level_dbov = 30};
    /* Each layer is half as wide and high as the next: about 30 % of its packets. */
    unsigned per_frame = l->video_pps / LOAD_FRAMES_PER_S;
    for (unsigned i = layer + 1; i < l->layers; i++)
        per_frame = per_frame * 3 / 10;
    return (struct flow_options){.kind = kind,
                                 .id = id,
                                 .ssrc = 1000000u + id,
                                 .payload_type = 96,
                                 .ext_transport_cc = 4,
                                 .packets_per_frame = per_frame ? per_frame : 1,
                                 .frames_per_s = LOAD_FRAMES_PER_S,
                                 .payload_len = l->video_len,
                                 .uneven = l->uneven};
}

uint64_t load_phase_us(unsigned number, enum control_kind kind, unsigned frames_per_s)
{
    /* Multiples of these fill a turn evenly however many there are, and not in step with each
     * other: one over the golden ratio, and one over the plastic number. */
    uint32_t turn = number * (kind == CONTROL_AUDIO ? 0x9E3779B9u : 0xC13FA9A9u);
    return (uint64_t)turn * (1000000u / frames_per_s) >> 32;
}
