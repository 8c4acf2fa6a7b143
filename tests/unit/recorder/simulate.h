/* Makes tapes as a real hearing would: people with tones of their own, pictures with a counter that
 * a machine can read, senders' clocks that drift, networks that lose, delay and reorder. For tests.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIMULATE_H
#define TESTS_SIMULATE_H

#include <stdbool.h>
#include <stdint.h>

#define SIMULATE_SPEAKERS_MAX 8
#define SIMULATE_FPS          25
/* Flash and beep come every 2 s of the hearing, this long after the even second, for 120 ms. */
#define SIMULATE_FLASH_AT_S 0.5
#define SIMULATE_FLASH_S    0.12
/* The counter: so many cells in a row at the top, each an eighth... of the picture, white for 1. */
#define SIMULATE_COUNTER_BITS 16

struct simulate_speaker {
    const char *name; /* NULL: neither name nor role is on the tape */
    const char *role;
    double tone_hz;
    double from_s, to_s;           /* in the hearing */
    double ppm;                    /* how much faster the sender's clocks run */
    double video_delay_s;          /* how much later than sound the picture arrives */
    double stall_at_s, stall_s;    /* the capture stops, and its clock with it; 0: never */
    double queue_at_s, queue_s;    /* the network holds everything back for so long; 0: never */
    double restart_at_s;           /* comes back as new tracks; 0: never */
    double mute_from_s, mute_to_s; /* the camera is off; 0: never */
    bool h264, vp9;                /* VP8 otherwise */
    bool no_camera;
    bool screen;
};

struct simulate {
    double seconds;
    int speaker_count;
    struct simulate_speaker speakers[SIMULATE_SPEAKERS_MAX];
    double loss;       /* share of packets that do not come at once */
    double repaired;   /* share of these that come late, up to 3 s */
    double jitter_s;   /* each packet's own delay, at most; reorders */
    int width, height; /* of every camera */
    unsigned seed;
};

/* The id of speaker `i`, as in the notes. */
uint64_t simulate_peer(int i);

/* Writes a sealed tape of the hearing into `dir`, using `work_dir` for temporary files and ffmpeg
 * as the video encoder. */
void simulate_tape(const struct simulate *s, uint64_t hearing, const char *dir,
                   const char *work_dir);

#endif
