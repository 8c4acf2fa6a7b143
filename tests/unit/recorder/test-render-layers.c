/* SPDX-License-Identifier: Apache-2.0 */
/* The real assize-renderer over what Chromium sent of a camera in spatial layers, some of which
 * come and go: in the person's file every picture is there once, as large as its best layer, in the
 * composite too; and after losses there is none that was not sent so. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/codecs.h"
#include "common/ring.h"
#include "common/vp9.h"
#include "unit/recorder/decoded.h"
#include "unit/recorder/handtape.h"
#include "unit/recorder/layers.h"

#define PEER         0xa1u
#define PICTURES     41
#define COUNTER_BITS 16
/* Of the best layer, the second and the least. */
#define WIDTH        960
#define HEIGHT       540
#define SMALL_WIDTH  480
#define SMALL_HEIGHT 270
#define LEAST_HEIGHT 136
#define SMALL_BYTES  ((size_t)SMALL_WIDTH * SMALL_HEIGHT)

static const char *renderer;
static struct layers_packet packets[LAYERS_PACKETS_MAX];
static size_t packet_count;

/* A person's file, its pictures all brought to the smaller size. */
struct film {
    size_t count;
    int heights[PICTURES], counters[PICTURES];
    uint8_t *grey;
};

/* A packet that never came: of which picture, from 1, and the layer that it begins; or, of the
 * layer 255, the last of the picture. */
struct loss {
    unsigned picture;
    uint8_t layer;
};

static bool is_lost(const struct packet *p, unsigned picture, const struct loss *losses,
                    size_t count)
{
    struct vp9_descriptor d;
    if (vp9_read_descriptor(p->payload, p->payload_len, &d) < 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (losses[i].picture == picture &&
            (losses[i].layer == 255 ? p->marker
                                    : d.frame_start && d.spatial_layer == losses[i].layer))
            return true;
    }
    return false;
}

static void make_tape(struct handtape *tape, const struct loss *losses, size_t loss_count)
{
    unsigned picture = 0, lost = 0;
    int64_t at_us = 0;
    handtape_begin(tape);
    handtape_number(tape, RING_PRODUCER, 0, 1);
    handtape_camera(tape, 1, PEER, 10, CODEC_VP9, 0);
    for (size_t i = 0; i < packet_count; i++) {
        const struct layers_packet *p = &packets[i];
        picture += p->packet.payload_len > 0 && (i == 0 || p->ticks != packets[i - 1].ticks);
        at_us = 30000 + (int64_t)(p->ticks - packets[0].ticks) * 100 / 9;
        bool is = is_lost(&p->packet, picture, losses, loss_count);
        lost += is;
        if (!is)
            handtape_packet(tape, 1, p->seq, p->ticks, &p->packet, at_us);
    }
    CHECK_EQ(picture, PICTURES);
    CHECK_EQ(lost, loss_count);
    handtape_finish(tape, at_us + 100000);
}

static void render(const char *dir)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        execl(renderer, renderer, "--width", "960", "--height", "540", dir, (char *)NULL);
        _exit(127);
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

/* What ffmpeg makes of the file, with a decoder of its own and with libvpx's. */
static void *decode(const char *dir, const char *decoder, const char *form, size_t *ret_len)
{
    char command[512];
    snprintf(command, sizeof(command),
             "ffmpeg -nostdin -v error -c:v %s -i %s/%016x.webm -fps_mode passthrough -s %dx%d "
             "-pix_fmt gray -f %s -",
             decoder, dir, PEER, SMALL_WIDTH, SMALL_HEIGHT, form);
    return decoded_run(command, ret_len);
}

static int read_counter(const uint8_t *grey, size_t width, size_t row)
{
    int number = 0;
    for (size_t bit = 0; bit < COUNTER_BITS; bit++) {
        uint8_t cell = grey[row * width + (2 * bit + 1) * width / COUNTER_BITS / 2];
        CHECK(cell < 70 || cell > 180);
        number = number << 1 | (cell > 128);
    }
    return number;
}

/* Pictures decode without complaint, to the same in both decoders; their counters go on. */
static struct film read_film(const char *dir)
{
    struct film film = {0};
    char name[32], command[512];
    size_t len, other_len;
    snprintf(name, sizeof(name), "%016x.webm", PEER);
    (void)decoded_probe(dir, name);
    snprintf(command, sizeof(command),
             "ffprobe -v error -select_streams v -show_entries frame=height -of csv=p=0 %s/%s", dir,
             name);
    char *said = decoded_run(command, &len), *next = said;
    said[len - 1] = '\0';
    while (next) {
        CHECK(film.count < PICTURES);
        film.heights[film.count++] = (int)strtol(next, &next, 10);
        next = strpbrk(next, "0123456789");
    }
    free(said);
    char *own = decode(dir, "vp9", "framemd5", &len),
         *other = decode(dir, "libvpx-vp9", "framemd5", &other_len);
    CHECK(len == other_len && memcmp(own, other, len) == 0);
    free(own);
    free(other);
    film.grey = decode(dir, "vp9", "rawvideo", &len);
    CHECK_EQ(len, film.count * SMALL_BYTES);
    for (size_t i = 0; i < film.count; i++) {
        film.counters[i] = read_counter(film.grey + i * SMALL_BYTES, SMALL_WIDTH, SMALL_HEIGHT / 8);
        CHECK(i == 0 || film.counters[i] > film.counters[i - 1]);
    }
    return film;
}

/* The size that players are told before they decode: the best layer's, although a smaller one came
 * first. RFC 9559: PixelWidth and PixelHeight. */
static void check_header(const char *dir)
{
    static const uint8_t size[] = {
        0xb0, 1, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, WIDTH >> 8,  WIDTH & 0xff,
        0xba, 1, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, HEIGHT >> 8, HEIGHT & 0xff};
    char command[256];
    size_t len;
    snprintf(command, sizeof(command), "head -c 8192 %s/%016x.webm", dir, PEER);
    uint8_t *head = decoded_run(command, &len);
    CHECK(memmem(head, len, size, sizeof(size)));
    CHECK(memmem(head, len, "V_VP9", 5));
    CHECK(memmem(head, len, "webm", 4));
    free(head);
}

/* Each picture of the film is in the composite, for as long as it stood: none is left out, and
 * nothing else is shown. */
static void check_composite(const char *dir, const struct film *film)
{
    (void)decoded_probe(dir, "hearing.mp4");
    struct decoded_pictures p = decoded_pictures(dir, "hearing.mp4", WIDTH, HEIGHT);
    size_t shown = 0;
    for (size_t i = 2; i < p.count; i++) { /* from the first picture's time on */
        int counter = read_counter(p.bytes + i * WIDTH * HEIGHT, WIDTH, HEIGHT / 8);
        if (shown > 0 && counter == film->counters[shown - 1])
            continue;
        CHECK(shown < film->count);
        CHECK_EQ(counter, film->counters[shown]);
        shown++;
    }
    CHECK_EQ(shown, film->count);
    free(p.bytes);
}

static void clean(struct handtape *tape)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", tape->dir);
    CHECK_EQ(system(command), 0); /* NOLINT(cert-env33-c): nothing of it is from outside */
}

/* All came: two layers, three, two, and three again, whose frames take their sizes from others. */
static struct film test_whole(void)
{
    struct handtape tape;
    make_tape(&tape, NULL, 0);
    render(tape.dir);
    struct film film = read_film(tape.dir);
    CHECK_EQ(film.count, PICTURES);
    for (size_t i = 0; i < film.count; i++) {
        bool small = i < 4 || (i >= 22 && i < 32);
        CHECK_EQ(film.heights[i], small ? SMALL_HEIGHT : HEIGHT);
    }
    check_header(tape.dir);
    check_composite(tape.dir, &film);
    clean(&tape);
    return film;
}

/* What is shown with losses was shown without, byte by byte, or is the same picture's smaller
 * layer. */
static void test_losses(const struct film *whole)
{
    static const struct loss losses[] = {
        {5, 2},    /* of the best layer, lost until the next key picture: the second is shown */
        {7, 255},  /* the end of a picture that the next refers to: only this one is not shown */
        {26, 0},   /* the least layer of a picture that nothing refers to: costs nothing */
        {36, 1},   /* from here on the second layer is lost, which the best does not need */
        {39, 255}, /* the end again, which is the best layer: the least is what is left */
    };
    struct handtape tape;
    make_tape(&tape, losses, sizeof(losses) / sizeof(losses[0]));
    render(tape.dir);
    struct film film = read_film(tape.dir);
    size_t at = 0;
    unsigned missing = 0;
    for (size_t i = 0; i < whole->count; i++) {
        if (at == film.count || film.counters[at] != whole->counters[i]) {
            fprintf(stderr, "picture %zu is not shown\n", i + 1);
            CHECK(i + 1 == 7 || i + 1 == 39);
            missing++;
            continue;
        }
        bool best = whole->heights[i] == HEIGHT && i + 1 > 32;
        CHECK_EQ(film.heights[at], i + 1 > 39 ? LEAST_HEIGHT : best ? HEIGHT : SMALL_HEIGHT);
        CHECK(film.heights[at] != whole->heights[i] ||
              memcmp(film.grey + at * SMALL_BYTES, whole->grey + i * SMALL_BYTES, SMALL_BYTES) ==
                  0);
        at++;
    }
    CHECK_EQ(at, film.count);
    CHECK_EQ(missing, 2);
    check_composite(tape.dir, &film);
    free(film.grey);
    clean(&tape);
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 3);
    renderer = argv[1];
    packet_count = layers_read(argv[2], packets);
    struct film whole = test_whole();
    test_losses(&whole);
    free(whole.grey);
    return 0;
}
