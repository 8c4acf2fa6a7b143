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

/* For each hearing by itself: a full one is no room for those in which nobody is yet. */
static void sets_aside(void)
{
    enum { MOST = 3 };
    static const struct {
        uint64_t hearings, peers[MOST]; /* of each */
        uint64_t reserved;              /* participants */
    } rows[] = {
        {0, {0}, 0},     {1, {0}, 2},    {1, {1}, 2},       {1, {9}, 9},
        {2, {9, 0}, 11}, {2, {1, 1}, 4}, {3, {4, 0, 0}, 8}, {3, {3, 2, 1}, 7},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct load l = {.forwarded = 100};
        struct load_people people = {0};
        uint64_t peers = 0;
        for (size_t h = 0; h < rows[i].hearings; h++) {
            load_add_hearing(&people, rows[i].peers[h]);
            peers += rows[i].peers[h];
        }
        CHECK_EQ(people.hearings, rows[i].hearings);
        CHECK_EQ(people.peers, peers);
        uint64_t reserved = rows[i].reserved * LOAD_PEER_PACKETS;
        CHECK_EQ(load_now(&l, people), reserved > 100 ? reserved : 100);
        l.forwarded = 1000000; /* they send more than was thought */
        CHECK_EQ(load_now(&l, people), 1000000);
    }
}

static struct load_people in_one(uint64_t peers)
{
    struct load_people people = {0};
    load_add_hearing(&people, peers);
    return people;
}

/* Up to its capacity and not one more, by what is set aside and by what is measured. */
static void takes(void)
{
    struct load l = {0};
    CHECK(load_takes(&l, in_one(1000000), 1000000));
    CHECK_EQ(load_places(&l, in_one(0)), UINT64_MAX);
    l.capacity = 10 * LOAD_PEER_PACKETS;
    for (uint64_t peers = 0; peers < 10; peers++) {
        CHECK(load_takes(&l, in_one(peers), peers));
        CHECK_EQ(load_places(&l, in_one(peers)), 10 - (peers < 2 ? 2 : peers));
    }
    CHECK(!load_takes(&l, in_one(10), 10));
    CHECK_EQ(load_places(&l, in_one(10)), 0);
    CHECK_EQ(load_places(&l, in_one(11)), 0);

    struct load_people two = in_one(8);
    load_add_hearing(&two, 0);
    CHECK(!load_takes(&l, two, 8));
    CHECK(load_takes(&l, two, 0)); /* its place is set aside already */

    l.forwarded = l.capacity - LOAD_PEER_PACKETS;
    CHECK(load_takes(&l, in_one(3), 3));
    CHECK_EQ(load_places(&l, in_one(3)), 1);
    l.forwarded++;
    CHECK(!load_takes(&l, in_one(3), 3));
    l.forwarded = 2 * l.capacity;
    CHECK_EQ(load_places(&l, in_one(3)), 0);
}

int main(void)
{
    measures();
    sets_aside();
    takes();
    return 0;
}
