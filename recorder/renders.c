/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/renders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/limits.h"
#include "common/log.h"
#include "recorder/tapereader.h"

#define PROGRESS_FD   3
#define NICENESS      10
#define TELL_EVERY_US 1000000u

struct renders {
    struct renders_how how;
    uint64_t waiting[LIMIT_RENDER_QUEUE];
    size_t waiting_count;
    DIR *unseen; /* the records' directory, not looked through to its end yet; or NULL */

    pid_t pid; /* 0: none runs */
    uint64_t hearing;
    int progress_fd; /* -1: at its end */
    uint8_t percent;
    uint8_t percent_told;
    uint64_t told_us;
    bool heard; /* something came from it since the last step */
    bool hung;  /* nothing came for too long, and it was killed */
    uint64_t heard_us;
    int tries;
    bool ended; /* `outcome` is still to be told */
    struct control_render_state outcome;
};

int renders_create(const struct renders_how *how, struct renders **ret_renders)
{
    struct renders *r = calloc(1, sizeof(*r));
    if (!r)
        return -ENOMEM;
    r->how = *how;
    r->progress_fd = -1;
    *ret_renders = r;
    return 0;
}

void renders_destroy(struct renders *r)
{
    if (!r)
        return;
    if (r->pid > 0) {
        (void)kill(r->pid, SIGKILL); /* it may have ended by itself */
        while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (r->progress_fd >= 0)
        close(r->progress_fd);
    if (r->unseen)
        closedir(r->unseen);
    free(r);
}

int renders_add(struct renders *r, uint64_t hearing)
{
    if (!r->how.program)
        return -ENOTSUP;
    if (r->pid > 0 && r->hearing == hearing)
        return 0;
    for (size_t i = 0; i < r->waiting_count; i++) {
        if (r->waiting[i] == hearing)
            return 0;
    }
    if (r->waiting_count == LIMIT_RENDER_QUEUE)
        return -ENOBUFS;
    r->waiting[r->waiting_count++] = hearing;
    return 0;
}

int renders_fd(const struct renders *r)
{
    return r->progress_fd;
}

static int directory_of(const struct renders *r, uint64_t hearing, char path[PATH_MAX])
{
    int len = snprintf(path, PATH_MAX, "%s/%016" PRIx64, r->how.records_dir, hearing);
    return len < 0 || len >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int renders_look(struct renders *r)
{
    r->unseen = opendir(r->how.records_dir);
    return r->unseen ? 0 : -errno;
}

/* Whether a name in the records' directory is a hearing's. */
static bool is_hearing(const char *name, uint64_t *ret_hearing)
{
    int end = 0;
    return sscanf(name, "%16" SCNx64 "%n", ret_hearing, &end) == 1 && end == 16 &&
           name[end] == '\0';
}

/* Goes on looking while there is room for what is found. */
static void look_on(struct renders *r)
{
    for (int i = 0; i < RENDERS_LOOKS && r->unseen && r->waiting_count < LIMIT_RENDER_QUEUE; i++) {
        const struct dirent *entry = readdir(r->unseen);
        if (!entry) {
            closedir(r->unseen);
            r->unseen = NULL;
            return;
        }
        char dir[PATH_MAX];
        uint64_t hearing = 0;
        bool sealed = false;
        if (is_hearing(entry->d_name, &hearing) && directory_of(r, hearing, dir) == 0 &&
            renders_state(r, hearing).phase == CONTROL_RENDER_NONE &&
            tapereader_is_sealed(dir, &sealed) == 0 && sealed)
            (void)renders_add(r, hearing); /* there is room */
    }
}

/* In the child: nothing of ours is left open but stderr and the pipe. */
_Noreturn static void become_renderer(const struct renders *r, const char *dir, int pipe_fd,
                                      pid_t recorder)
{
    char width[16], height[16];
    snprintf(width, sizeof(width), "%u", r->how.width);
    snprintf(height, sizeof(height), "%u", r->how.height);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);       /* without it a renderer would only outlive us */
    (void)setpriority(PRIO_PROCESS, 0, NICENESS); /* lowering is always allowed */
    if (getppid() != recorder)
        _exit(1);
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (pipe_fd != PROGRESS_FD && dup2(pipe_fd, PROGRESS_FD) < 0)
        _exit(1);
    if (pipe_fd == PROGRESS_FD && fcntl(pipe_fd, F_SETFD, 0) < 0)
        _exit(1);
    (void)close_range(PROGRESS_FD + 1, UINT_MAX, 0); /* all of ours are close-on-exec anyway */
    execl(r->how.program, "assize-renderer", "--progress", "3", "--width", width, "--height",
          height, dir, (char *)NULL);
    _exit(127);
}

static int start(struct renders *r)
{
    char dir[PATH_MAX];
    int error = directory_of(r, r->hearing, dir);
    if (error)
        return error;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    pid_t recorder = getpid();
    pid_t pid = fork();
    if (pid == 0)
        become_renderer(r, dir, ends[1], recorder);
    error = pid < 0 ? -errno : 0;
    close(ends[1]);
    if (error || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) {
        close(ends[0]);
        return error ? error : -EIO;
    }
    r->pid = pid;
    r->progress_fd = ends[0];
    r->percent = 0;
    r->percent_told = UINT8_MAX;
    r->heard = true;
    r->hung = false;
    return 0;
}

/* The pipe carries lines, each a percentage; an empty one is a sign of life. */
static void read_progress(struct renders *r)
{
    char text[256];
    ssize_t len;
    while (r->progress_fd >= 0 && (len = read(r->progress_fd, text, sizeof(text))) != 0) {
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return; /* nothing more now */
        r->heard = true;
        unsigned value = 0;
        for (ssize_t i = 0; i < len; i++) {
            if (text[i] >= '0' && text[i] <= '9' && value <= 100) {
                value = value * 10 + (unsigned)(text[i] - '0');
            } else {
                if (value > 0 && value <= 100)
                    r->percent = (uint8_t)value;
                value = 0;
            }
        }
    }
    if (r->progress_fd >= 0)
        close(r->progress_fd);
    r->progress_fd = -1;
}

/* Ends a renderer that gives no sign of life, and does not wait for whoever else has its pipe. */
static void end_hung(struct renders *r, uint64_t now_us)
{
    if (r->heard)
        r->heard_us = now_us;
    r->heard = false;
    if (r->hung || now_us < r->heard_us + LIMIT_RENDER_STILL_S * 1000000ull)
        return;
    log_error("hearing %016" PRIx64 ": no sign of life from the renderer for %d s, ending it",
              r->hearing, LIMIT_RENDER_STILL_S);
    r->hung = true;
    (void)kill(r->pid, SIGKILL); /* it may just have ended */
    if (r->progress_fd >= 0)
        close(r->progress_fd);
    r->progress_fd = -1;
}

static void finish(struct renders *r, enum control_render_phase phase)
{
    r->pid = 0;
    r->ended = true;
    r->outcome = (struct control_render_state){
        .hearing = r->hearing,
        .phase = (uint8_t)phase,
        .percent = phase == CONTROL_RENDER_DONE ? 100 : r->percent,
    };
}

static void reap(struct renders *r)
{
    int status = 0;
    if (r->progress_fd >= 0 || waitpid(r->pid, &status, WNOHANG) != r->pid)
        return;
    r->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        log_info("hearing %016" PRIx64 ": rendered", r->hearing);
        finish(r, CONTROL_RENDER_DONE);
        return;
    }
    log_warn("hearing %016" PRIx64 ": the renderer ended with %s %d", r->hearing,
             WIFSIGNALED(status) ? "signal" : "status",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    if (WIFSIGNALED(status) && !r->hung && ++r->tries < RENDERS_TRIES && start(r) == 0)
        return;
    log_error("hearing %016" PRIx64 ": not rendered; its tape is whole, try again by hand",
              r->hearing);
    finish(r, CONTROL_RENDER_FAILED);
}

static void start_next(struct renders *r)
{
    if (r->pid > 0 || r->ended || r->waiting_count == 0)
        return;
    r->hearing = r->waiting[0];
    r->waiting_count--;
    memmove(r->waiting, r->waiting + 1, r->waiting_count * sizeof(r->waiting[0]));
    r->tries = 0;
    int error = start(r);
    if (error) {
        log_error("hearing %016" PRIx64 ": cannot start the renderer: %s", r->hearing,
                  log_errno(error));
        finish(r, CONTROL_RENDER_FAILED);
    }
}

bool renders_step(struct renders *r, uint64_t now_us, struct control_render_state *ret_state)
{
    look_on(r);
    start_next(r);
    if (r->pid > 0) {
        read_progress(r);
        end_hung(r, now_us);
        reap(r);
    }
    if (r->ended) {
        r->ended = false;
        *ret_state = r->outcome;
        return true;
    }
    if (r->pid > 0 && (r->percent != r->percent_told || now_us >= r->told_us + TELL_EVERY_US)) {
        r->percent_told = r->percent;
        r->told_us = now_us;
        *ret_state = renders_state(r, r->hearing);
        return true;
    }
    return false;
}

struct control_render_state renders_state(const struct renders *r, uint64_t hearing)
{
    struct control_render_state state = {.hearing = hearing, .phase = CONTROL_RENDER_NONE};
    if (r->pid > 0 && r->hearing == hearing) {
        state.phase = CONTROL_RENDER_RUNNING;
        state.percent = r->percent;
        return state;
    }
    for (size_t i = 0; i < r->waiting_count; i++) {
        if (r->waiting[i] == hearing) {
            state.phase = CONTROL_RENDER_RUNNING;
            return state;
        }
    }
    char dir[PATH_MAX], path[PATH_MAX];
    int len = directory_of(r, hearing, dir) == 0
                  ? snprintf(path, sizeof(path), "%s/manifest.json", dir)
                  : -1;
    if (len > 0 && (size_t)len < sizeof(path) && access(path, F_OK) == 0) {
        state.phase = CONTROL_RENDER_DONE;
        state.percent = 100;
    }
    return state;
}
