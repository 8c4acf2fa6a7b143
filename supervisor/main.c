/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/options.h"
#include "supervisor/supervisor.h"

/* How long each may take to end, us. Ours; the recorder drains its rings and seals. */
#define STOP_US          5000000u
#define STOP_RECORDER_US 10000000u

#define PATH_BYTES 4096

/* A program of ours, beside this one: in the same folder when installed, in its own folder next to
 * ours in a build directory. */
static int find_program(const char *folder, const char *name, char path[PATH_BYTES])
{
    char built[PATH_BYTES];
    const char *area = strrchr(name, '-') + 1;
    (void)snprintf(path, PATH_BYTES, "%.2000s/%s", folder, name);
    if (access(path, X_OK) == 0)
        return 0;
    (void)snprintf(built, sizeof(built), "%.2000s/../%s/%s", folder, area, name);
    if (access(built, X_OK) < 0)
        return -errno;
    memcpy(path, built, sizeof(built));
    return 0;
}

static int own_folder(char folder[PATH_BYTES])
{
    ssize_t len = readlink("/proc/self/exe", folder, PATH_BYTES - 1);
    if (len < 0)
        return -errno;
    folder[len] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    return 0;
}

/* Rings, sockets and stored descriptors: as many as the system lets us have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        log_warn("the number of open files stays low: %s", log_errno(errno));
}

static int run_all(const struct config *config, const char *config_path)
{
    static const struct {
        const char *name;
        uint64_t stop_us;
    } parts[] = {
        {"assize-signaling", STOP_US},
        {"assize-sfu", STOP_US},
        {"assize-recorder", STOP_RECORDER_US},
    };
    enum { COUNT = sizeof(parts) / sizeof(parts[0]) };
    static char paths[COUNT][PATH_BYTES];
    char folder[PATH_BYTES];
    char *arguments[COUNT][4];
    struct child_program programs[COUNT];
    int result = own_folder(folder);
    for (size_t i = 0; result == 0 && i < COUNT; i++) {
        result = find_program(folder, parts[i].name, paths[i]);
        if (result < 0)
            log_error("%s is not beside this program: %s", parts[i].name, log_errno(result));
        arguments[i][0] = paths[i];
        arguments[i][1] = config_path ? (char *)(uintptr_t) "--config" : NULL;
        arguments[i][2] = (char *)(uintptr_t)config_path;
        arguments[i][3] = NULL;
        programs[i] = (struct child_program){.name = parts[i].name,
                                             .path = paths[i],
                                             .arguments = arguments[i],
                                             .stop_us = parts[i].stop_us};
    }
    if (result < 0)
        return result;
    if (mkdir(config->run_dir, 0750) < 0 && errno != EEXIST)
        log_warn("%s cannot be made: %s", config->run_dir, log_errno(errno));
    raise_descriptor_limit();
    return supervisor_run(programs, COUNT);
}

int main(int argc, char **argv)
{
    struct config config;
    const char *config_path = NULL;
    switch (
        options_read(argc, argv, "assize",
                     "starts the media core, the recorder and signaling, and keeps them running",
                     &config, &config_path)) {
    case OPTIONS_DONE:
        return EXIT_SUCCESS;
    case OPTIONS_BAD:
        return 2;
    case OPTIONS_RUN:
        break;
    }
    int result = run_all(&config, config_path);
    if (result < 0)
        log_error("cannot begin: %s", log_errno(result));
    return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
