/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/load.h"

#include "unit/check.h"

#define SECOND_US UINT64_C(1000000)

/* What is forwarded is seen within a second, and a pause of a few is no room for others. */
static void measures(void)
{
    struct load l = {0};
    const struct load_people nobody = {0};
    uint64_t now_us = 77;
    load_measure(&l, 5000, now_us);
    CHECK_EQ(load_now(&l, nobody), 0); /* since when is not known */
    load_measure(&l, 15000, now_us += SECOND_US);
    CHECK_EQ(load_now(&l, nobody), 10000);
    load_measure(&l, 35000, now_us += SECOND_US / 2);
    CHECK_EQ(load_now(&l, nobody), 40000);
    for (int i = 0; i < 4; i++)
        load_measure(&l, 35000, now_us += SECOND_US);
    CHECK(load_now(&l, nobody) > 20000 && load_now(&l, nobody) < 30000);
    for (int i = 0; i < 60; i++)
        load_measure(&l, 35000, now_us += SECOND_US);
    CHECK(load_now(&l, nobody) < 100);
}

static void sets_aside(void)
{
    static const struct {
        struct load_people people;
        uint64_t peers;
    } rows[] = {
        {{0, 0}, 0}, {{1, 0}, LOAD_HEARING_PEERS},       {{1, 1}, LOAD_HEARING_PEERS},
        {{1, 9}, 9}, {{10, 9}, 10 * LOAD_HEARING_PEERS},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct load l = {.forwarded = 100};
        uint64_t reserved = rows[i].peers * LOAD_PEER_PACKETS;
        CHECK_EQ(load_now(&l, rows[i].people), reserved > 100 ? reserved : 100);
        l.forwarded = 1000000; /* they send more than was thought */
        CHECK_EQ(load_now(&l, rows[i].people), 1000000);
    }
}

/* Up to its capacity and not one more, by what is set aside and by what is measured. */
static void takes(void)
{
    const struct load_people one = {.peers = 1}, hearing = {.hearings = 1};
    struct load_people there = {.hearings = 1};
    struct load l = {0};
    CHECK(load_takes(&l, there, one));
    CHECK_EQ(load_places(&l, there), UINT64_MAX);
    l.capacity = 10 * LOAD_PEER_PACKETS;
    for (; there.peers < 10; there.peers++) {
        CHECK(load_takes(&l, there, one));
        CHECK_EQ(load_places(&l, there), 10 - (there.peers < 2 ? 2 : there.peers));
    }
    CHECK(!load_takes(&l, there, one));
    CHECK_EQ(load_places(&l, there), 0);
    there.peers = 3;
    l.forwarded = l.capacity - LOAD_PEER_PACKETS;
    CHECK(load_takes(&l, there, one));
    CHECK(!load_takes(&l, there, hearing));
    CHECK_EQ(load_places(&l, there), 1);
    l.forwarded++;
    CHECK(!load_takes(&l, there, one));
    l.forwarded = 2 * l.capacity;
    CHECK_EQ(load_places(&l, there), 0);
}

int main(void)
{
    measures();
    sets_aside();
    takes();
    return 0;
}
