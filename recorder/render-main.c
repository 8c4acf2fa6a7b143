/* SPDX-License-Identifier: Apache-2.0 */
/* assize-renderer DIR: makes the playable files of a record from its tape. Killed, it is run again;
 * it changes nothing of the tape. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "recorder/composite.h"
#include "recorder/manifest.h"
#include "recorder/pipeline.h"
#include "recorder/sandbox.h"

#define STATE_FILE "render.json"
#define LOCK_FILE  ".render.lock"
/* How long another renderer of the record is waited for. */
#define LOCK_TRIES   100
#define LOCK_WAIT_MS 30
/* How often a sign of life is given, while there is progress. */
#define ALIVE_EVERY_US 1000000u
/* How often the state file is written anew. */
#define STATE_EVERY_US 1000000u
/* Share of the whole work that the tracks are, in per mille. Ours: they take a 60th of the time. */
#define TRACKS_SHARE 30

struct work {
    const char *dir;
    int progress_fd; /* -1: nobody listens */
    int width, height;
    bool tracks_only;
    unsigned from, share; /* of the step being done, per mille of the whole */
    unsigned told;        /* percent */
    uint64_t state_us;
    uint64_t alive_us; /* when the last sign of life was given */
    struct roster roster;
};

static void write_state(const struct work *w, const char *phase, const char *error)
{
    char text[256];
    snprintf(text, sizeof(text), "{\"phase\":\"%s\",\"percent\":%u,\"error\":\"%s\"}\n", phase,
             w->told, error);
    int result = manifest_replace(w->dir, STATE_FILE, text);
    if (result)
        log_warn("%s: cannot write the state: %s", w->dir, log_errno(result));
}

/* An empty line to whoever started us: we are not stuck. */
static void on_alive(struct work *w)
{
    uint64_t now_us = clock_now_us();
    if (w->progress_fd < 0 || now_us < w->alive_us + ALIVE_EVERY_US)
        return;
    w->alive_us = now_us;
    (void)!write(w->progress_fd, "\n", 1); /* whoever started us may be gone */
}

static void on_progress(void *context, unsigned permille)
{
    struct work *w = context;
    on_alive(w);
    unsigned percent = (w->from + permille * w->share / 1000) / 10;
    if (percent <= w->told)
        return;
    w->told = percent < 99 ? percent : 99;
    char line[16];
    int len = snprintf(line, sizeof(line), "%u\n", w->told);
    if (w->progress_fd >= 0)
        (void)!write(w->progress_fd, line, (size_t)len); /* whoever started us may be gone */
    uint64_t now_us = clock_now_us();
    if (now_us >= w->state_us + STATE_EVERY_US) {
        w->state_us = now_us;
        write_state(w, "running", "");
    }
}

static void on_note(void *context, int64_t at_us, const char *text, size_t len)
{
    struct work *w = context;
    on_alive(w);
    if (text)
        roster_note(&w->roster, at_us, text, len);
}

static void on_file(void *context, unsigned permille)
{
    (void)permille; /* all of it is the last percent */
    on_alive(context);
}

static int make_files(struct work *w, struct timeline *t, const struct roster *roster)
{
    int64_t opened_us;
    timeline_set_zero(t, roster_first(roster, ROSTER_OPENED, &opened_us)
                             ? opened_us
                             : timeline_since_zero(t, 0) * -1);
    struct tracks tracks = {0};
    w->share = w->tracks_only ? 1000 : TRACKS_SHARE;
    int error = tracks_write(w->dir, t, roster, on_progress, w, &tracks);
    if (error) {
        log_error("%s: cannot write the tracks: %s", w->dir, log_errno(error));
        return error;
    }
    const struct composite_how how = {w->width, w->height, tracks.end_us};
    int64_t composite_us = 0;
    if (!w->tracks_only) {
        w->from = TRACKS_SHARE;
        w->share = 1000 - TRACKS_SHARE;
        composite_us = composite_frames(&how) * 1000000 / COMPOSITE_FPS;
        error = composite_write(w->dir, t, roster, &how, on_progress, w);
        if (error)
            log_error("%s: cannot make the picture: %s", w->dir, log_errno(error));
    }
    if (!error) {
        error = manifest_write(w->dir, t, roster, &tracks, composite_us, on_file, w);
        if (error)
            log_error("%s: cannot write the manifest: %s", w->dir, log_errno(error));
    }
    tracks_finish(&tracks);
    return error;
}

/* What parses hostile media needs no network, gains no rights and starts no programs: nothing of
 * the tape is read before. GStreamer looks for its plugins with a program of its own, so it comes
 * first. Where the system refuses, the service's own sandbox has to do. */
static int confine(const struct work *w)
{
    sandbox_leave_network();
    int error = w->tracks_only ? 0 : pipeline_start();
    int refused = sandbox_enter();
    if (refused)
        log_warn("cannot limit the renderer's system calls: %s", log_errno(refused));
    return error;
}

static int render(struct work *w)
{
    CLEANUP(timeline_free) struct timeline *t = NULL;
    write_state(w, "running", "");
    int error = confine(w); /* has said what is missing */
    int unread = error ? 0 : timeline_read(w->dir, on_note, w, &t);
    if (unread)
        log_error("%s: cannot read the tape: %s", w->dir, log_errno(unread));
    error = error ? error : unread;
    if (!error && !timeline_faults(t).sealed)
        log_warn("%s: the tape is not sealed: the record may still grow", w->dir);
    if (!error)
        error = make_files(w, t, &w->roster);
    roster_finish(&w->roster);
    if (!error)
        w->told = 100;
    write_state(w, error ? "failed" : "done", error ? log_errno(error) : "");
    return error;
}

/* One renderer a record. Returns the lock's descriptor. */
static int lock_record(const char *dir)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/%s", dir, LOCK_FILE);
    if (len < 0 || (size_t)len >= sizeof(path))
        return -ENAMETOOLONG;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return -errno;
    /* A renderer killed with its recorder may still be ending: nothing tells us when. */
    int locked;
    for (int tries = 0;
         (locked = flock(fd, LOCK_EX | LOCK_NB)) < 0 && errno == EWOULDBLOCK && tries < LOCK_TRIES;
         tries++)
        (void)poll(NULL, 0, LOCK_WAIT_MS);
    if (locked == 0)
        return fd;
    int error = errno == EWOULDBLOCK ? -EBUSY : -errno;
    close(fd);
    return error;
}

/* GStreamer keeps a list of its plugins; where our user has no home it goes beside the records, or
 * it would be made anew each time. */
static void place_registry(const char *dir)
{
    const char *home = getenv("HOME");
    char path[PATH_MAX];
    if (getenv("GST_REGISTRY") || (home && access(home, W_OK) == 0))
        return;
    int len = snprintf(path, sizeof(path), "%s/../.gstreamer-registry", dir);
    if (len > 0 && (size_t)len < sizeof(path))
        (void)setenv("GST_REGISTRY", path, 1); /* or it takes a second longer */
}

static void print_help(void)
{
    printf("assize-renderer: makes the playable files of a record from its sealed tape\n\n"
           "assize-renderer [OPTION...] DIR\n"
           "  --width N, --height N  size of the picture in pixels (1280, 720)\n"
           "  --tracks-only          no picture of all, only one file a speaker\n"
           "  --progress FD          write percentages to this descriptor\n"
           "  --help                 this text\n"
           "  --version              the version\n");
}

/* Returns whether the text is a number from `least` to `most`. */
static bool read_number(const char *text, long least, long most, int *ret_number)
{
    char *end = NULL;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < least || number > most)
        return false;
    *ret_number = (int)number;
    return true;
}

/* Returns 0 to go on, 1 when all was said, 2 for a wrong command line. */
static int read_options(int argc, char **argv, struct work *w)
{
    static const struct option known[] = {
        {"width", required_argument, NULL, 'w'},
        {"height", required_argument, NULL, 'e'},
        {"tracks-only", no_argument, NULL, 't'},
        {"progress", required_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    int option;
    bool good = true;
    while (good && (option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (option == 'w')
            good = read_number(optarg, 320, 3840, &w->width) && w->width % 2 == 0;
        else if (option == 'e')
            good = read_number(optarg, 180, 2160, &w->height) && w->height % 2 == 0;
        else if (option == 'p')
            good = read_number(optarg, 0, 1023, &w->progress_fd);
        else if (option == 't')
            w->tracks_only = true;
        else if (option == 'h')
            print_help();
        else if (option == 'v')
            printf("assize-renderer %s\n", ASSIZE_VERSION);
        else
            good = false;
        if (option == 'h' || option == 'v')
            return 1;
    }
    if (!good || optind + 1 != argc) {
        fprintf(stderr, "assize-renderer --help lists the options\n");
        return 2;
    }
    w->dir = argv[optind];
    return 0;
}

#ifdef __has_feature
#if __has_feature(address_sanitizer)
/* Leaks of this program are not looked for: fontconfig and GLib keep tables at exit on purpose, and
 * clang 14's tracer of leaks crashes (signal 11) on the threads that GStreamer is ending then. What
 * we allocate ourselves is looked at in the tests of its modules. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}
#endif
#endif

int main(int argc, char **argv)
{
    struct work w = {.progress_fd = -1, .width = 1280, .height = 720};
    int said = read_options(argc, argv, &w);
    if (said)
        return said == 1 ? 0 : 2;
    log_start("assize-renderer", LOG_INFO);
    umask(0027);
    int lock_fd = lock_record(w.dir);
    if (lock_fd < 0) {
        log_error("%s: %s", w.dir,
                  lock_fd == -EBUSY ? "is being rendered already" : log_errno(lock_fd));
        return 1;
    }
    place_registry(w.dir);
    int error = render(&w);
    close(lock_fd);
    return error ? 1 : 0;
}
