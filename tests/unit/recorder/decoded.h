/* A recording as ffmpeg decodes it, and what a test looks for in it: tones, flashes and beeps,
 * counters, words. Times are in seconds from the hearing's zero.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DECODED_H
#define TESTS_DECODED_H

#include <stddef.h>
#include <stdint.h>

#include "recorder/canvas.h"

/* Delay of the network that simulate_tape() makes up, at least. */
#define DECODED_NETWORK_S 0.03

/* A whole file's sound, one channel; the items are the caller's to free. */
struct decoded_sound {
    float *items;
    size_t count;
};

/* A whole file's pictures, 25 a second; the bytes are the caller's to free. */
struct decoded_pictures {
    uint8_t *bytes; /* grey */
    size_t count;
    int width, height;
};

/* What the command prints; the caller's to free. It must succeed. */
void *decoded_run(const char *command, size_t *ret_len);

/* Holes are filled with silence. */
struct decoded_sound decoded_sound(const char *dir, const char *file);

/* One that is missing repeats the one before. */
struct decoded_pictures decoded_pictures(const char *dir, const char *file, int width, int height);

/* The duration; ffprobe and ffmpeg must have nothing to say. */
double decoded_probe(const char *dir, const char *file);

/* Strength of a tone between two times, dB relative to full scale. */
double decoded_tone_db(const struct decoded_sound *s, double hz, double from_s, double to_s);

/* The counter in the rectangle goes on all the time from `from_s` to `to_s`: never still for a
 * second, never back, and at its right time. */
void decoded_check_counter(const struct decoded_pictures *p, struct canvas_rect r, double from_s,
                           double to_s, double most_off_s);

/* Flash and beep of one person come together, and when they were made. */
void decoded_check_sync(const struct decoded_pictures *p, struct canvas_rect r,
                        const struct decoded_sound *s, double at_s);

/* How alike the picture around x, y and a drawn text are: 1 the same, 0 nothing in common. The best
 * of the places up to two pixels beside. */
double decoded_likeness(const struct decoded_pictures *p, size_t frame, int x, int y,
                        const struct canvas_mask *text);

#endif
