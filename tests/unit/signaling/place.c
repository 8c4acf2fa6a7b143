/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/check.h"

struct place place_make(void)
{
    struct place p = {"/tmp/assize-test-XXXXXX"};
    CHECK(mkdtemp(p.path));
    return p;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

void place_remove(const struct place *place)
{
    CHECK_EQ(nftw(place->path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

const char *place_file(const struct place *place, const char *name)
{
    static _Thread_local char path[256];
    int n = snprintf(path, sizeof(path), "%s/%s", place->path, name);
    CHECK(n > 0 && (size_t)n < sizeof(path));
    return path;
}

uint64_t place_kill_writer(const struct place *place,
                           void (*write_forever)(const struct place *place, int tell_fd),
                           unsigned reports)
{
    int fds[2];
    uint64_t safe = 0, more;
    CHECK_EQ(pipe(fds), 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        write_forever(place, fds[1]);
    (void)close(fds[1]); /* the child's end */
    for (unsigned i = 0; i < reports; i++)
        CHECK_EQ(read(fds[0], &safe, sizeof(safe)), (intmax_t)sizeof(safe));
    CHECK_EQ(kill(child, SIGKILL), 0);
    while (read(fds[0], &more, sizeof(more)) == (ssize_t)sizeof(more))
        safe = more;
    CHECK(waitpid(child, NULL, 0) == child);
    (void)close(fds[0]); /* was only read */
    return safe;
}
