/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/table.h"

#include <errno.h>
#include <stdbool.h>

#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

enum { LIMIT = 300 };

static int fill_to_the_limit(void)
{
    static int values[LIMIT + 1];
    CLEANUP(table_destroy) struct table *t = NULL;
    int r = table_create(LIMIT, 42, &t);
    if (r < 0)
        return r;
    for (uint64_t i = 0; i < LIMIT; i++) {
        r = table_put(t, i * 64 + 1, &values[i]);
        if (r < 0)
            return r;
    }
    CHECK_EQ(table_put(t, 7, &values[LIMIT]), -ENOSPC);
    CHECK_EQ(table_put(t, 1, &values[LIMIT]), -EEXIST);
    CHECK_EQ(table_count(t), LIMIT);
    for (uint64_t i = 0; i < LIMIT; i++) {
        CHECK(table_get(t, i * 64 + 1) == &values[i]);
    }
    size_t cursor = 0, seen = 0;
    while (table_next(t, &cursor))
        seen++;
    CHECK_EQ(seen, LIMIT);
    return 0;
}

#ifndef TEST_FAULTS
/* Random puts and removals leave the table agreeing with a plain array. */
static void agrees_with_an_array(void)
{
    enum { KEYS = 200, STEPS = 50000 };
    static int values[KEYS];
    bool present[KEYS] = {false};
    CLEANUP(table_destroy) struct table *t = NULL;
    CHECK_EQ(table_create(KEYS, 1, &t), 0);
    uint32_t random = 12345;
    for (int step = 0; step < STEPS; step++) {
        random = random * 1664525u + 1013904223u;
        uint32_t i = (random >> 8) % KEYS;
        CHECK(table_get(t, i) == (present[i] ? &values[i] : NULL));
        if (random >> 31) {
            CHECK_EQ(table_put(t, i, &values[i]), present[i] ? -EEXIST : 0);
            present[i] = true;
        } else {
            CHECK(table_remove(t, i) == (present[i] ? &values[i] : NULL));
            present[i] = false;
        }
    }
}
#endif

int main(void)
{
#ifdef TEST_FAULTS
    for (int n = 0;; n++) {
        faults_fail_at(n);
        int r = fill_to_the_limit();
        if (!faults_happened()) {
            CHECK_EQ(r, 0);
            CHECK(n > 2);
            return 0;
        }
        CHECK_EQ(r, -ENOMEM);
    }
#else
    CHECK_EQ(fill_to_the_limit(), 0);
    agrees_with_an_array();
    return 0;
#endif
}
