/* The hearings that the renderer's tests are made with.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SCENARIOS_H
#define TESTS_SCENARIOS_H

#include <string.h>

#include "unit/recorder/simulate.h"

static inline bool scenarios_find(const char *name, struct simulate *ret)
{
    struct simulate s = {
        .seconds = 20,
        .speaker_count = 3,
        .speakers =
            {
                {.name = "李明法官", .role = "judge", .tone_hz = 401, .to_s = 20},
                {.name = "Wang Fang 王芳", .role = "party", .tone_hz = 503, .to_s = 20},
                {.name = "Zoë Müller", .role = "lawyer", .tone_hz = 607, .to_s = 20},
            },
        .jitter_s = 0.01,
        .width = 320,
        .height = 240,
    };
    if (strcmp(name, "plain") == 0) {
        for (int i = 0; i < 3; i++)
            s.speakers[i].video_delay_s = 0.06;
    } else if (strcmp(name, "hard") == 0) {
        s.loss = 0.05;
        s.repaired = 1;
        s.jitter_s = 0.03;
        s.speakers[0].ppm = 300;
        s.speakers[0].video_delay_s = 0.15;
        s.speakers[1].vp9 = true;
        s.speakers[1].ppm = -300;
        s.speakers[1].queue_at_s = 9;
        s.speakers[1].queue_s = 1.5;
        s.speakers[2].from_s = 3;
        s.speakers[2].to_s = 17;
        s.speakers[2].stall_at_s = 8;
        s.speakers[2].stall_s = 3.9;
        s.speakers[2].name = NULL; /* no journal line tells it */
    } else if (strcmp(name, "codecs") == 0) {
        s.speakers[0].h264 = true;
        s.speakers[1].restart_at_s = 10;
        s.speakers[2].mute_from_s = 6;
        s.speakers[2].mute_to_s = 12;
        s.speakers[3] =
            (struct simulate_speaker){.name = "A witness with no camera and a long name",
                                      .role = "witness",
                                      .tone_hz = 709,
                                      .to_s = 20,
                                      .no_camera = true};
        s.speakers[4] = (struct simulate_speaker){.name = "陈静",
                                                  .role = "clerk",
                                                  .tone_hz = 811,
                                                  .from_s = 4,
                                                  .to_s = 14,
                                                  .screen = true};
        s.speaker_count = 5;
    } else if (strcmp(name, "bench") == 0) {
        s.speakers[3] = s.speakers[0];
        s.speakers[3].tone_hz = 709;
        s.speaker_count = 4;
        s.width = 1280;
        s.height = 720;
    } else {
        return false;
    }
    *ret = s;
    return true;
}

#endif
