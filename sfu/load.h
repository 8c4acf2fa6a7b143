/* What one worker carries, and whether it takes more: a hearing that would bring its core to the
 * limit is refused while those on it still run well.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_LOAD_H
#define SFU_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Packets a second that are set aside for one participant. Ours: a main picture (300), six small
 * ones (30 each) and two voices (50 each) come down to a page. */
#define LOAD_PEER_PACKETS 600
/* Participants that a hearing is taken to become, however few are there: a judge and a party. */
#define LOAD_HEARING_PEERS 2

/* Who is on a worker. */
struct load_people {
    uint64_t hearings, peers;
};

/* One worker's, on its own thread. Zeroed is a valid start: nothing is refused. */
struct load {
    uint64_t capacity;    /* packets a second its core may forward; 0: no bound */
    uint64_t forwarded;   /* packets a second, measured: rises at once and falls in some seconds */
    uint64_t packets, us; /* of the last measurement */
};

/* What is set aside for them. */
static inline uint64_t load_reserve(struct load_people people)
{
    uint64_t least = people.hearings * LOAD_HEARING_PEERS;
    return (people.peers > least ? people.peers : least) * LOAD_PEER_PACKETS;
}

static inline uint64_t load_larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* `packets` were forwarded since the worker began. Call about once a second. */
static inline void load_measure(struct load *l, uint64_t packets, uint64_t now_us)
{
    uint64_t elapsed_us = now_us - l->us;
    uint64_t rate = l->us && elapsed_us ? (packets - l->packets) * 1000000 / elapsed_us : 0;
    /* A pause in the talk is no room for another hearing. */
    uint64_t fallen = l->forwarded - l->forwarded / 8;
    l->forwarded = rate > fallen ? rate : fallen;
    l->packets = packets;
    l->us = now_us;
}

/* Packets a second: what is measured, or what is set aside for who is there if that is more. */
static inline uint64_t load_now(const struct load *l, struct load_people people)
{
    return load_larger(l->forwarded, load_reserve(people));
}

/* Whether `more` fit besides: not while that would bring it over its capacity. */
static inline bool load_takes(const struct load *l, struct load_people people,
                              struct load_people more)
{
    const struct load_people all = {people.hearings + more.hearings, people.peers + more.peers};
    uint64_t then = load_larger(load_reserve(all), l->forwarded + load_reserve(more));
    return l->capacity == 0 || then <= l->capacity;
}

/* How many participants do; UINT64_MAX without a bound. */
static inline uint64_t load_places(const struct load *l, struct load_people people)
{
    if (l->capacity == 0)
        return UINT64_MAX;
    uint64_t now = load_now(l, people);
    return now < l->capacity ? (l->capacity - now) / LOAD_PEER_PACKETS : 0;
}

#endif
