/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/load.h"

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* What is set aside for a hearing. */
static uint64_t reserve(uint64_t peers)
{
    return larger(peers, LOAD_HEARING_PEERS) * LOAD_PEER_PACKETS;
}

void load_add_hearing(struct load_people *people, uint64_t peers)
{
    people->hearings++;
    people->peers += peers;
    people->reserve += reserve(peers);
}

void load_measure(struct load *l, uint64_t packets, uint64_t now_us)
{
    uint64_t elapsed_us = now_us - l->us;
    uint64_t rate = l->us && elapsed_us ? (packets - l->packets) * 1000000 / elapsed_us : 0;
    /* A pause in the talk is no room for another hearing. */
    uint64_t fallen = l->forwarded - l->forwarded / 8;
    l->forwarded = larger(rate, fallen);
    l->packets = packets;
    l->us = now_us;
}

uint64_t load_now(const struct load *l, struct load_people people)
{
    return larger(l->forwarded, people.reserve);
}

bool load_takes(const struct load *l, struct load_people people, uint64_t peers)
{
    uint64_t set_aside = people.reserve - reserve(peers) + reserve(peers + 1);
    uint64_t then = larger(set_aside, l->forwarded + LOAD_PEER_PACKETS);
    return l->capacity == 0 || then <= l->capacity;
}

uint64_t load_places(const struct load *l, struct load_people people)
{
    if (l->capacity == 0)
        return UINT64_MAX;
    uint64_t now = load_now(l, people);
    return now < l->capacity ? (l->capacity - now) / LOAD_PEER_PACKETS : 0;
}
