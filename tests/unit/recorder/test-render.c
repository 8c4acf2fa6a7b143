/* SPDX-License-Identifier: Apache-2.0 */
/* The real assize-renderer over made-up hearings; what it writes is decoded by ffmpeg and looked
 * at: tones, flashes and beeps, picture counters, names, durations. */
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "recorder/caption.h"
#include "recorder/composite.h"
#include "recorder/layout.h"
#include "unit/check.h"
#include "unit/recorder/decoded.h"
#include "unit/recorder/scenarios.h"

#define WIDTH  640
#define HEIGHT 360

static const char *renderer, *verifier, *page_path;
static char dir[64];

/* Whether the process limits its own system calls before it ends. */
static bool is_confined(pid_t pid)
{
    char path[64], text[4096];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    for (;;) {
        FILE *status = fopen(path, "re");
        CHECK(status);
        text[fread(text, 1, sizeof(text) - 1, status)] = '\0';
        (void)fclose(status);
        if (strstr(text, "\nSeccomp:\t2\n"))
            return true;
        if (strstr(text, "\nState:\tZ"))
            return false;
        (void)poll(NULL, 0, 5); /* nothing tells us when it has done so */
    }
}

static bool has_file(const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

/* Its progress comes at `progress_fd`. A hearing's length has no place outside its record: there is
 * no directory for temporary files. */
static pid_t start_renderer(int progress_fd)
{
    char number[16];
    snprintf(number, sizeof(number), "%d", progress_fd);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        setenv("TMPDIR", "/nonexistent", 1);
        execl(renderer, renderer, "--width", "640", "--height", "360", "--progress", number, dir,
              (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* Killed when the picture's file is half made, it leaves nothing under a name of its own. */
static void kill_renderer_midway(void)
{
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    pid_t pid = start_renderer(ends[1]);
    CHECK_EQ(close(ends[1]), 0);
    FILE *progress = fdopen(ends[0], "r");
    CHECK(progress);
    char line[32];
    long percent = 0;
    while (percent < 60 && fgets(line, sizeof(line), progress))
        percent = line[0] == '\n' ? percent : strtol(line, NULL, 10);
    CHECK(percent >= 60 && percent < 99);
    CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    (void)fclose(progress); /* was only read */
    CHECK(has_file(COMPOSITE_FILE));
    CHECK(!has_file(COMPOSITE_WAITING_FILE));
}

static void run_renderer(bool kill_first)
{
    pid_t pid = start_renderer(1000); /* nobody there */
    if (kill_first)
        CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK(kill_first || is_confined(pid));
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(kill_first || status == 0);
    CHECK(!has_file(COMPOSITE_WAITING_FILE));
}

static void verify(void)
{
    char command[256];
    size_t len;
    snprintf(command, sizeof(command), "%s %s", verifier, dir);
    char *said = decoded_run(command, &len);
    printf("  %.*s", (int)len, said);
    CHECK(len > 2 && memcmp(said, "OK", 2) == 0);
    free(said);
}

static json_t *load_manifest(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/manifest.json", dir);
    json_t *manifest = json_load_file(path, 0, NULL);
    CHECK(manifest);
    return manifest;
}

/* Every member's name stands in the page of the record. */
static void check_names_in(json_t *value, const char *page, size_t len)
{
    const char *key;
    json_t *member;
    size_t i;
    json_object_foreach(value, key, member)
    {
        char quoted[64];
        snprintf(quoted, sizeof(quoted), "`%s`", key);
        if (!memmem(page, len, quoted, strlen(quoted)))
            fprintf(stderr, "%s is not in %s\n", quoted, page_path);
        CHECK(memmem(page, len, quoted, strlen(quoted)));
        check_names_in(member, page, len);
    }
    json_array_foreach(value, i, member) check_names_in(member, page, len);
}

static void check_documented(json_t *manifest)
{
    char command[256];
    size_t len;
    snprintf(command, sizeof(command), "cat %s", page_path);
    char *page = decoded_run(command, &len);
    check_names_in(manifest, page, len);
    free(page);
}

static void make(const char *scenario, struct simulate *ret)
{
    snprintf(dir, sizeof(dir), "%s", "/tmp/assize-render-XXXXXX");
    CHECK(mkdtemp(dir));
    CHECK(scenarios_find(scenario, ret));
    printf("%s\n", scenario);
    simulate_tape(ret, 0x7a9e, dir, dir);
}

static void clean(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    CHECK_EQ(system(command), 0);
}

static void name_of(const struct simulate *s, int i, char file[64])
{
    snprintf(file, 64, "%016" PRIx64 ".%s", simulate_peer(i), s->speakers[i].h264 ? "mkv" : "webm");
}

/* Every speaker's file holds that speaker's tone alone; the composite all; lengths agree. */
static void check_tones(const struct simulate *s, double from_s, double to_s)
{
    struct decoded_sound mixed = decoded_sound(dir, "hearing.mp4");
    double whole_s = decoded_probe(dir, "hearing.mp4");
    CHECK(fabs(whole_s - s->seconds) <= 0.2);
    for (int i = 0; i < s->speaker_count; i++) {
        char file[64];
        name_of(s, i, file);
        double duration_s = decoded_probe(dir, file);
        CHECK(fabs(duration_s - whole_s) <= 0.2);
        struct decoded_sound own = decoded_sound(dir, file);
        double tone = decoded_tone_db(&own, s->speakers[i].tone_hz, from_s, to_s);
        double foreign = -200;
        for (int k = 0; k < s->speaker_count; k++) {
            if (k != i)
                foreign =
                    fmax(foreign, decoded_tone_db(&own, s->speakers[k].tone_hz, from_s, to_s));
        }
        double in_mix = decoded_tone_db(&mixed, s->speakers[i].tone_hz, from_s, to_s);
        double silence = decoded_tone_db(&mixed, 1103, from_s, to_s);
        printf("  %s: own tone %.0f dB, the loudest other %.0f; in the mix %.0f, beside it %.0f\n",
               file, tone, foreign, in_mix, silence);
        CHECK(tone - foreign > 30);
        CHECK(in_mix - silence > 30);
        CHECK(fabs(in_mix - tone) < 3);
        free(own.items);
    }
    free(mixed.items);
}

static struct canvas_rect tile_of(size_t people, size_t place)
{
    struct canvas_rect tiles[LAYOUT_TILES_MAX], screens[LAYOUT_TILES_MAX];
    layout_tiles(WIDTH, HEIGHT, people, 0, tiles, screens);
    return tiles[place];
}

static struct canvas_rect picture_of(const struct simulate *s, size_t people, size_t place)
{
    return layout_fit(tile_of(people, place), s->width, s->height);
}

static void check_own_files_in_step(const struct simulate *s, double first_s, double last_s)
{
    for (int i = 0; i < s->speaker_count; i++) {
        if (s->speakers[i].no_camera || s->speakers[i].screen || s->speakers[i].from_s > first_s ||
            s->speakers[i].to_s < last_s)
            continue;
        char file[64];
        name_of(s, i, file);
        struct decoded_sound sound = decoded_sound(dir, file);
        struct decoded_pictures p = decoded_pictures(dir, file, s->width, s->height);
        const struct canvas_rect all = {0, 0, s->width, s->height};
        decoded_check_sync(&p, all, &sound, first_s);
        decoded_check_sync(&p, all, &sound, last_s);
        free(sound.items);
        free(p.bytes);
    }
}

/* In the tile stands this speaker's name, at its foot or, without a picture, in its middle; and not
 * the name of anybody else. */
static void check_name(const struct simulate *s, const struct decoded_pictures *p, size_t frame,
                       struct canvas_rect tile, int speaker)
{
    double own = 0, others = 0;
    for (int i = 0; i < s->speaker_count; i++) {
        struct canvas_mask text;
        CHECK_EQ(caption_unknown(s->speakers[i].name), 0);
        CHECK_EQ(caption_make(s->speakers[i].name, 12, tile.width - 24, &text), 0);
        int pad = text.height / 4, foot = tile.y + tile.height - text.height - 2 * pad;
        bool in_middle = s->speakers[speaker].no_camera;
        double like = decoded_likeness(
            p, frame, in_middle ? tile.x + (tile.width - text.width) / 2 : tile.x + 2 * pad,
            in_middle ? tile.y + (tile.height - text.height) / 2 : foot, &text);
        if (i == speaker)
            own = like;
        else
            others = fmax(others, like);
        canvas_mask_finish(&text);
    }
    printf("name %d: %.2f like it, %.2f like another's\n", speaker, own, others);
    CHECK(own > 0.9);
    CHECK(others < 0.7);
}

/* A character that no font has is known to be one. */
static void check_fonts(void)
{
    CHECK_EQ(caption_unknown("Judge Okafor, 李伟, Zoë"), 0);
    CHECK_EQ(caption_unknown("\xf4\x8f\xbf\xbd"), 1); /* U+10FFFD, private use */
}

/* An easy network: everything there, in step at start and end. */
static void test_plain(void)
{
    struct simulate s;
    make("plain", &s);
    run_renderer(true); /* killed, it is run again */
    kill_renderer_midway();
    run_renderer(false);
    verify();
    check_tones(&s, 1, 19);
    struct decoded_sound sound = decoded_sound(dir, "hearing.mp4");
    struct decoded_pictures p = decoded_pictures(dir, "hearing.mp4", WIDTH, HEIGHT);
    for (size_t i = 0; i < 3; i++) {
        struct canvas_rect r = picture_of(&s, 3, i);
        decoded_check_counter(&p, r, 0.2, 19.8, 0.06);
        decoded_check_sync(&p, r, &sound, SIMULATE_FLASH_AT_S);
        decoded_check_sync(&p, r, &sound, 18 + SIMULATE_FLASH_AT_S);
        check_name(&s, &p, 10 * 25, tile_of(3, i), (int)i);
    }
    check_fonts();
    check_own_files_in_step(&s, 0.5, 18.5);
    free(sound.items);
    free(p.bytes);
    clean();
}

/* The index stands before the media: it plays from its first second. */
static void check_faststart(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/hearing.mp4", dir);
    static uint8_t head[1 << 20];
    FILE *f = fopen(path, "re");
    CHECK(f);
    size_t len = fread(head, 1, sizeof(head), f);
    fclose(f);
    const uint8_t *moov = memmem(head, len, "moov", 4), *mdat = memmem(head, len, "mdat", 4);
    CHECK(moov);
    CHECK(!mdat || moov < mdat);
}

static const json_t *file_of(const json_t *manifest, int i, bool screen)
{
    char id[17];
    snprintf(id, sizeof(id), "%016" PRIx64, simulate_peer(i));
    size_t k;
    const json_t *file;
    json_array_foreach(json_object_get(manifest, "files"), k, file)
    {
        const char *who = json_string_value(json_object_get(file, "participant"));
        const char *kind = json_string_value(json_object_get(file, "kind"));
        if (who && strcmp(who, id) == 0 && (strcmp(kind, "screen") == 0) == screen)
            return file;
    }
    return NULL;
}

/* The first gap of a source that is told: its times and reason. */
static bool find_gap(const json_t *file, const char *source, double *ret_from, double *ret_to,
                     const char **ret_why)
{
    size_t i;
    const json_t *gap;
    json_array_foreach(json_object_get(file, "gaps"), i, gap)
    {
        if (strcmp(json_string_value(json_object_get(gap, "source")), source) != 0)
            continue;
        *ret_from = json_number_value(json_object_get(gap, "from"));
        *ret_to = json_number_value(json_object_get(gap, "to"));
        *ret_why = json_string_value(json_object_get(gap, "why"));
        return true;
    }
    return false;
}

/* Loss repaired seconds later, drifting clocks, a queue, a stalled capture, somebody who comes late
 * and leaves early: everything that arrived is there, at its time. */
static void test_hard(void)
{
    struct simulate s;
    make("hard", &s);
    run_renderer(false);
    verify();
    check_tones(&s, 3.5, 7.5);
    check_own_files_in_step(&s, 0.5, 18.5);
    check_faststart();
    struct decoded_pictures p = decoded_pictures(dir, "hearing.mp4", WIDTH, HEIGHT);
    struct decoded_sound sound = decoded_sound(dir, "hearing.mp4");
    /* Alone with the second before the third came; three from 3 to 17 s. */
    decoded_check_counter(&p, picture_of(&s, 2, 0), 0.3, 2.9, 0.07);
    decoded_check_counter(&p, picture_of(&s, 3, 0), 3.2, 16.8, 0.07);
    decoded_check_counter(&p, picture_of(&s, 3, 1), 3.2, 16.8, 0.07);
    decoded_check_counter(&p, picture_of(&s, 3, 2), 12.2, 16.8,
                          0.07); /* after the stall: at its time */
    decoded_check_counter(&p, picture_of(&s, 2, 0), 17.2, 19.7, 0.07);
    decoded_check_sync(&p, picture_of(&s, 2, 0), &sound, 0.5);
    decoded_check_sync(&p, picture_of(&s, 3, 2), &sound, 14.5);
    decoded_check_sync(&p, picture_of(&s, 2, 1), &sound, 18.5);
    json_t *manifest = load_manifest();
    CHECK(json_object_get(file_of(manifest, 1, false), "name"));
    CHECK(json_object_get(file_of(manifest, 1, false), "role"));
    CHECK(!json_object_get(file_of(manifest, 2, false), "name"));
    CHECK(!json_object_get(file_of(manifest, 2, false), "role"));
    double from, to;
    const char *why;
    CHECK(!find_gap(file_of(manifest, 0, false), "camera", &from, &to, &why));
    CHECK(!find_gap(file_of(manifest, 1, false), "camera", &from, &to, &why));
    CHECK(find_gap(file_of(manifest, 2, false), "microphone", &from, &to, &why));
    CHECK(fabs(from - 8.2) < 0.3 && fabs(to - 12) < 0.3);
    CHECK(strcmp(why, "unsent") == 0); /* it stood still: no number is missing */
    json_decref(manifest);
    free(p.bytes);
    free(sound.items);
    clean();
}

/* H.264, a camera that is switched off and on, new tracks after a restart, no camera at all, a
 * shared screen. */
static void test_codecs(void)
{
    struct simulate s;
    make("codecs", &s);
    run_renderer(false);
    verify();
    check_tones(&s, 5, 9);
    json_t *manifest = load_manifest();
    check_documented(manifest);
    double from, to;
    const char *why;
    CHECK(find_gap(file_of(manifest, 2, false), "camera", &from, &to, &why));
    CHECK(fabs(from - 6) < 0.1 && fabs(to - 12) < 0.1);
    CHECK(strcmp(why, "muted") == 0);
    CHECK(!find_gap(file_of(manifest, 1, false), "camera", &from, &to, &why));
    CHECK(file_of(manifest, 4, true));
    CHECK(json_is_false(json_object_get(file_of(manifest, 3, false), "video")));
    CHECK(strcmp(json_string_value(json_object_get(file_of(manifest, 4, false), "name")), "陈静") ==
          0);
    struct decoded_pictures p = decoded_pictures(dir, "hearing.mp4", WIDTH, HEIGHT);
    /* Without the screen: judge, (clerk, gone from 14 s), party, lawyer, witness. */
    decoded_check_counter(&p, picture_of(&s, 4, 0), 15.2, 19.7, 0.06);
    decoded_check_counter(&p, picture_of(&s, 4, 1), 15.2, 19.7, 0.06);
    for (size_t i = 0; i < 4; i++)
        check_name(&s, &p, 17 * 25, tile_of(4, i), (int)i);
    struct canvas_rect tiles[LAYOUT_TILES_MAX], screens[LAYOUT_TILES_MAX];
    layout_tiles(WIDTH, HEIGHT, 5, 1, tiles, screens);
    decoded_check_counter(&p, layout_fit(screens[0], s.width, s.height), 4.3, 13.8, 0.06);
    json_decref(manifest);
    free(p.bytes);
    clean();
}

#ifdef __has_feature
#if __has_feature(address_sanitizer)
/* Fontconfig and Pango keep their tables at exit on purpose. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig.so\nleak:libpango";
}
#endif
#endif

int main(int argc, char **argv)
{
    CHECK(argc == 5);
    renderer = argv[1];
    verifier = argv[2];
    page_path = argv[4];
    setbuf(stdout, NULL);
    if (strcmp(argv[3], "plain") == 0)
        test_plain();
    else if (strcmp(argv[3], "hard") == 0)
        test_hard();
    else
        test_codecs();
    return 0;
}
