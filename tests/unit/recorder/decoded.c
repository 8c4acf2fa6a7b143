/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/recorder/decoded.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit/check.h"
#include "unit/recorder/simulate.h"

#define RATE 48000
#define PI   3.14159265358979323846

void *decoded_run(const char *command, size_t *ret_len)
{
    FILE *p = popen(command, "re");
    CHECK(p);
    size_t capacity = 1 << 20, len = 0, got;
    uint8_t *bytes = malloc(capacity);
    CHECK(bytes);
    while ((got = fread(bytes + len, 1, capacity - len, p)) > 0) {
        len += got;
        if (len == capacity) {
            capacity *= 2;
            bytes = realloc(bytes, capacity);
            CHECK(bytes);
        }
    }
    CHECK_EQ(pclose(p), 0);
    *ret_len = len;
    return bytes;
}

struct decoded_sound decoded_sound(const char *dir, const char *file)
{
    char command[512];
    snprintf(command, sizeof(command),
             "ffmpeg -nostdin -v error -copyts -i %s/%s -af "
             "\"aresample=async=1:first_pts=0,pan=mono|c0=c0\" -ar %d -f "
             "f32le -",
             dir, file, RATE);
    size_t len;
    float *items = decoded_run(command, &len);
    return (struct decoded_sound){items, len / sizeof(float)};
}

struct decoded_pictures decoded_pictures(const char *dir, const char *file, int width, int height)
{
    char command[512];
    snprintf(
        command, sizeof(command),
        "ffmpeg -nostdin -v error -copyts -i %s/%s -vf fps=25:start_time=0:round=near -s %dx%d "
        "-pix_fmt gray -f rawvideo -",
        dir, file, width, height);
    size_t len;
    uint8_t *bytes = decoded_run(command, &len);
    return (struct decoded_pictures){bytes, len / ((size_t)width * (size_t)height), width, height};
}

double decoded_probe(const char *dir, const char *file)
{
    char command[512];
    size_t len;
    snprintf(command, sizeof(command), "ffprobe -v warning %s/%s 2>&1", dir, file);
    char *said = decoded_run(command, &len);
    if (len > 0)
        fprintf(stderr, "ffprobe %s: %.*s\n", file, (int)len, said);
    CHECK_EQ(len, 0);
    free(said);
    snprintf(command, sizeof(command), "ffmpeg -nostdin -v warning -i %s/%s -f null - 2>&1", dir,
             file);
    said = decoded_run(command, &len);
    if (len > 0)
        fprintf(stderr, "ffmpeg %s: %.*s\n", file, (int)len, said);
    CHECK_EQ(len, 0);
    free(said);
    snprintf(command, sizeof(command),
             "ffprobe -v error -show_entries format=duration -of csv=p=0 %s/%s", dir, file);
    said = decoded_run(command, &len);
    CHECK(len > 0 && len < 64);
    said[len - 1] = '\0';
    double duration = strtod(said, NULL);
    free(said);
    return duration;
}

/* Goertzel's algorithm. */
double decoded_tone_db(const struct decoded_sound *s, double hz, double from_s, double to_s)
{
    size_t from = (size_t)(from_s * RATE), to = (size_t)(to_s * RATE);
    to = to < s->count ? to : s->count;
    CHECK(to > from);
    double step = 2 * cos(2 * PI * hz / RATE), before = 0, last = 0;
    for (size_t i = from; i < to; i++) {
        double window = 0.5 - 0.5 * cos(2 * PI * (double)(i - from) / (double)(to - from));
        double now = s->items[i] * window + step * last - before;
        before = last;
        last = now;
    }
    double power = last * last + before * before - step * last * before;
    return 10 * log10(power / pow((double)(to - from) / 4, 2) + 1e-12);
}

/* The beep that begins next after `from_s`: when the loudness of 5 ms first is over `over`. */
static double find_beep(const struct decoded_sound *s, double from_s, double over)
{
    size_t span = RATE / 200;
    for (size_t i = (size_t)(from_s * RATE); i + span < s->count; i += span) {
        double sum = 0;
        for (size_t k = i; k < i + span; k++)
            sum += s->items[k] * s->items[k];
        if (sqrt(sum / (double)span) > over)
            return (double)i / RATE;
    }
    return -1;
}

static uint8_t grey_at(const struct decoded_pictures *p, size_t frame, int x, int y)
{
    return p->bytes[frame * (size_t)p->width * (size_t)p->height + (size_t)y * (size_t)p->width +
                    (size_t)x];
}

/* The flash that begins next after `from_s` in the picture's rectangle. */
static double find_flash(const struct decoded_pictures *p, struct canvas_rect r, double from_s)
{
    for (size_t i = (size_t)(from_s * 25); i < p->count; i++) {
        if (grey_at(p, i, r.x + r.width / 2, r.y + r.height / 2) > 180)
            return (double)i / 25;
    }
    return -1;
}

/* The number shown at the top, or -1 when it cannot be read. */
static int read_counter(const struct decoded_pictures *p, struct canvas_rect r, size_t frame)
{
    int number = 0;
    for (int bit = 0; bit < SIMULATE_COUNTER_BITS; bit++) {
        int x = r.x + (2 * bit + 1) * r.width / SIMULATE_COUNTER_BITS / 2;
        uint8_t grey = grey_at(p, frame, x, r.y + r.height / 8);
        if (grey > 80 && grey < 170)
            return -1;
        number = number << 1 | (grey > 128);
    }
    return number;
}

void decoded_check_counter(const struct decoded_pictures *p, struct canvas_rect r, double from_s,
                           double to_s, double most_off_s)
{
    int last = -1;
    size_t since = 0;
    unsigned shown = 0;
    for (size_t i = (size_t)(from_s * 25); i < (size_t)(to_s * 25) && i < p->count; i++) {
        int number = read_counter(p, r, i);
        if (number < 0 || number == last) {
            CHECK(since == 0 || i - since < 25);
            continue;
        }
        CHECK(number > last);
        double off_s = (double)i / 25 - (double)number / 25 - DECODED_NETWORK_S;
        if (fabs(off_s) > most_off_s)
            fprintf(stderr, "frame %zu shows %d: %.3f s off\n", i, number, off_s);
        CHECK(fabs(off_s) <= most_off_s);
        last = number;
        since = i;
        shown++;
    }
    CHECK(shown > (unsigned)((to_s - from_s) * 25 * 0.9));
}

void decoded_check_sync(const struct decoded_pictures *p, struct canvas_rect r,
                        const struct decoded_sound *s, double at_s)
{
    double flash = find_flash(p, r, at_s - 0.25), beep = find_beep(s, at_s - 0.25, 0.1);
    printf("  flash at %.3f, beep at %.3f, made at %.3f\n", flash, beep, at_s);
    CHECK(fabs(flash - beep) <= 0.08);
    CHECK(fabs(flash - at_s - DECODED_NETWORK_S) <= 0.1);
}

double decoded_likeness(const struct decoded_pictures *p, size_t frame, int x, int y,
                        const struct canvas_mask *text)
{
    double best = -1;
    for (int off = 0; off < 25; off++) {
        int left = x + off % 5 - 2, top = y + off / 5 - 2;
        double n = 0, a = 0, b = 0, aa = 0, bb = 0, ab = 0;
        for (int row = 0; row < text->height && top + row < p->height; row++) {
            for (int column = 0; column < text->width && left + column < p->width; column++) {
                double grey = grey_at(p, frame, left + column, top + row);
                double drawn = text->coverage[row * text->stride + column];
                n++, a += grey, b += drawn, aa += grey * grey, bb += drawn * drawn;
                ab += grey * drawn;
            }
        }
        double spread = sqrt((n * aa - a * a) * (n * bb - b * b));
        best = fmax(best, spread > 0 ? (n * ab - a * b) / spread : 0);
    }
    return best;
}
