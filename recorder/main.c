/* SPDX-License-Identifier: Apache-2.0 */
/* assize-recorder: the tape writer. Options, signals, and the loop; the rest is in service.c. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/control.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/options.h"
#include "recorder/service.h"

#define PURPOSE "writes each hearing's tape, and has it rendered once it is sealed"

/* The renderer lies beside us. */
static int find_renderer(char path[PATH_MAX])
{
    ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (len < 0)
        return -errno;
    path[len] = '\0';
    char *slash = strrchr(path, '/');
    static const char name[] = "/assize-renderer";
    if (!slash || (size_t)(slash - path) + sizeof(name) > PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(slash, name, sizeof(name));
    return 0;
}

/* SIGTERM and SIGINT end the loop; a pipe that nobody reads and a file that may not grow are errors
 * to be handled, not ends. */
static int open_signals(void)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    if (sigprocmask(SIG_BLOCK, &ends, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
        signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
        return -errno;
    int fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

/* Makes the directory and those above it that are missing. */
static int make_directory(const char *path)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof(part))
        return -ENAMETOOLONG;
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0750) < 0 && errno != EEXIST)
            return -errno;
    }
    return 0;
}

static int run(const struct service_how *how, int stop_fd)
{
    static struct notify_fd fds[LIMIT_HEARINGS];
    size_t fd_count = notify_take_fds(fds, LIMIT_HEARINGS);
    CLEANUP(service_destroy) struct service *service = NULL;
    int error = service_create(how, fds, fd_count, &service);
    if (error) {
        log_error("cannot start: %s", log_errno(error));
        return error;
    }
    (void)notify_send("READY=1", -1); /* without a supervisor nobody waits for it */
    log_info("recording into %s, listening at %s", how->renders.records_dir, how->socket_path);
    int more;
    while ((more = service_step(service, stop_fd)) == 1)
        ;
    const struct tape_time now = {clock_now_us(), clock_wall_us()};
    service_flush(service, &now);
    if (more < 0)
        log_error("ending: %s", log_errno(more));
    return more;
}

int main(int argc, char **argv)
{
    static struct config config;
    switch (options_read(argc, argv, "assize-recorder", PURPOSE, &config, NULL)) {
    case OPTIONS_DONE:
        return 0;
    case OPTIONS_BAD:
        return 2;
    case OPTIONS_RUN:
        break;
    }
    umask(0027);
    char socket_path[CONFIG_RUN_DIR_MAX + sizeof(CONTROL_SOCKET_RECORDER) + 1];
    snprintf(socket_path, sizeof(socket_path), "%s/%s", config.run_dir, CONTROL_SOCKET_RECORDER);
    static char renderer[PATH_MAX];
    int error = find_renderer(renderer);
    const char *records_dir = config.recorder.records_dir;
    if (!error)
        error = make_directory(config.run_dir);
    if (!error)
        error = make_directory(records_dir);
    if (error) {
        log_error("cannot use %s and %s: %s", config.run_dir, records_dir, log_errno(error));
        return 1;
    }
    uid_t signaling_uid;
    if (config_uid(config.signaling.user, &signaling_uid) < 0) {
        log_error("there is no user '%s' (signaling: user)", config.signaling.user);
        return 2;
    }
    int stop_fd = open_signals();
    if (stop_fd < 0) {
        log_error("cannot watch signals: %s", log_errno(stop_fd));
        return 1;
    }
    const struct service_how how = {
        .socket_path = socket_path,
        .peer_uid = signaling_uid,
        .renders =
            {
                .program = config.recorder.render ? renderer : NULL,
                .records_dir = records_dir,
                .width = config.recorder.video_width,
                .height = config.recorder.video_height,
            },
    };
    error = run(&how, stop_fd);
    close(stop_fd);
    return error ? 1 : 0;
}
