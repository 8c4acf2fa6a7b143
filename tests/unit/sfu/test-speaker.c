/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/speaker.h"

#include <errno.h>

#include "common/limits.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

#define MS 1000ull

/* `id` sends packets of that level every 20 ms; the list is updated as often. Returns how often it
 * changed, and when last. */
static unsigned talk(struct speakers *s, uint64_t id, uint8_t level, uint64_t from_ms,
                     uint64_t until_ms, uint64_t *ret_changed_ms)
{
    unsigned changes = 0;
    for (uint64_t ms = from_ms; ms < until_ms; ms += 20) {
        CHECK_EQ(speakers_heard(s, id, level, ms * MS), 0);
        if (speakers_update(s, ms * MS)) {
            changes++;
            *ret_changed_ms = ms;
        }
    }
    return changes;
}

static int who_speaks(void)
{
    CLEANUP(speakers_destroy) struct speakers *s = NULL;
    int r = speakers_create(3, &s);
    if (r < 0)
        return r;
    r = speakers_heard(s, 1, 62, 980 * MS);
    if (r < 0)
        return r;
    struct speaker list[3];
    uint64_t changed = 0;

    /* Background noise is nobody; a voice is heard after 100 to 250 ms, once. */
    CHECK_EQ(talk(s, 1, 62, 1000, 3000, &changed), 0);
    CHECK_EQ(speakers_list(s, list, 3), 0);
    CHECK(talk(s, 1, 30, 3000, 4000, &changed) >= 1);
    CHECK_EQ(speakers_list(s, list, 3), 1);
    CHECK_EQ(list[0].id, 1);
    CHECK(list[0].level_dbov >= 30 && list[0].level_dbov <= 34);
    changed = 0;
    CHECK_EQ(talk(s, 1, 30, 4000, 5000, &changed), 0);

    /* A breath of 400 ms is no end; 2 s of quiet are, after 0.7 to 1.2 s. */
    (void)talk(s, 1, 70, 5000, 5400, &changed);
    CHECK_EQ(speakers_list(s, list, 3), 1);
    (void)talk(s, 1, 30, 5400, 6000, &changed);
    (void)talk(s, 1, 90, 6000, 8000, &changed);
    CHECK_EQ(speakers_list(s, list, 3), 0);
    CHECK(changed >= 6700 && changed <= 7300);

    /* A knock of 60 ms is not speech. */
    (void)talk(s, 2, 20, 8000, 8060, &changed);
    (void)talk(s, 2, 80, 8060, 9000, &changed);
    CHECK_EQ(speakers_list(s, list, 3), 0);

    /* In between the thresholds nothing begins and nothing ends. */
    changed = 0;
    (void)talk(s, 2, 52, 9000, 12000, &changed);
    CHECK_EQ(speakers_list(s, list, 3), 0);
    (void)talk(s, 2, 40, 12000, 13000, &changed);
    (void)talk(s, 2, 53, 13000, 16000, &changed);
    CHECK_EQ(speakers_list(s, list, 3), 1);

    /* Loudest first, and only as many as asked for. */
    for (uint64_t ms = 16000; ms < 17000; ms += 20) {
        CHECK_EQ(speakers_heard(s, 1, 40, ms * MS), 0);
        CHECK_EQ(speakers_heard(s, 2, 20, ms * MS), 0);
        CHECK_EQ(speakers_heard(s, 3, 30, ms * MS), 0);
        CHECK_EQ(speakers_heard(s, 4, 10, ms * MS), -ENOBUFS);
        (void)speakers_update(s, ms * MS);
    }
    CHECK_EQ(speakers_list(s, list, 3), 3);
    CHECK(list[0].id == 2 && list[1].id == 3 && list[2].id == 1);
    CHECK_EQ(speakers_list(s, list, 2), 2);
    CHECK(list[0].id == 2 && list[1].id == 3);

    /* Who leaves is off the list, and their place is free; who falls silent without packets too. */
    speakers_remove(s, 2);
    speakers_remove(s, 99);
    CHECK(speakers_update(s, 17000 * MS));
    CHECK_EQ(speakers_list(s, list, 3), 2);
    CHECK_EQ(speakers_heard(s, 4, 90, 17000 * MS), 0);
    CHECK(speakers_update(s, 18000 * MS));
    CHECK_EQ(speakers_list(s, list, 3), 0);
    CHECK(!speakers_update(s, 19000 * MS));
    return 0;
}

#ifndef TEST_FAULTS
/* As many as a hearing may have, and not one more. */
static void everybody_is_heard(void)
{
    struct speakers *s;
    struct speaker list[LIMIT_PEERS_PER_HEARING];
    CHECK_EQ(speakers_create(LIMIT_PEERS_PER_HEARING, &s), 0);
    for (uint64_t ms = 20; ms <= 400; ms += 20)
        for (uint64_t id = 1; id <= LIMIT_PEERS_PER_HEARING; id++)
            CHECK_EQ(speakers_heard(s, id, 30, ms * MS), 0);
    CHECK_EQ(speakers_heard(s, LIMIT_PEERS_PER_HEARING + 1, 30, 400 * MS), -ENOBUFS);
    CHECK(speakers_update(s, 400 * MS));
    CHECK_EQ(speakers_list(s, list, LIMIT_PEERS_PER_HEARING), LIMIT_PEERS_PER_HEARING);
    speakers_destroy(s);
}
#endif

int main(void)
{
#ifdef TEST_FAULTS
    for (int n = 0;; n++) {
        faults_fail_at(n);
        int r = who_speaks();
        if (!faults_happened()) {
            CHECK_EQ(r, 0);
            return 0;
        }
        CHECK_EQ(r, -ENOMEM);
    }
#else
    struct speakers *none = NULL;
    CHECK_EQ(speakers_create(0, &none), -EINVAL);
    CHECK_EQ(speakers_create(LIMIT_PEERS_PER_HEARING + 1, &none), -EINVAL);
    CHECK_EQ(who_speaks(), 0);
    everybody_is_heard();
    return 0;
#endif
}
