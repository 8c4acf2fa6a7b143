/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>

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
