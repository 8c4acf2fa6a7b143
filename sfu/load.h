/* What one worker carries, and whether it takes more: a hearing, or one of the public, that would
 * bring its core to the limit is refused while the hearings on it still run well; never a person
 * with a part in an accepted hearing.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_LOAD_H
#define SFU_LOAD_H

#include <stdbool.h>
#include <stdint.h>

/* Packets a second that are set aside for one participant. Ours: a main picture (300), six small
 * ones (30 each) and two voices (50 each) come down to a page. */
#define LOAD_PEER_PACKETS 600
/* Participants that a hearing is taken to become, however few are there: a judge and a party. */
#define LOAD_HEARING_PEERS 2

/* Who is on a worker. */
struct load_people {
    uint64_t hearings, peers;
    uint64_t reserve; /* packets a second set aside for them */
};

/* One worker's, on its own thread. Zeroed is a valid start: nothing is refused. */
struct load {
    uint64_t capacity;    /* packets a second its core may forward; 0: no bound */
    uint64_t forwarded;   /* packets a second, measured: rises at once and falls in some seconds */
    uint64_t packets, us; /* of the last measurement */
};

/* Counts a hearing in which `peers` are. */
void load_add_hearing(struct load_people *people, uint64_t peers);

/* `packets` were forwarded since the worker began. Call about once a second. */
void load_measure(struct load *l, uint64_t packets, uint64_t now_us);

/* Packets a second: what is measured, or what is set aside for who is there if that is more. */
uint64_t load_now(const struct load *l, struct load_people people);

/* Whether one of the public more may come into one of these hearings, in which `peers` are: not
 * while that would bring the worker over its capacity. */
bool load_takes(const struct load *l, struct load_people people, uint64_t peers);

/* How many participants fit besides; UINT64_MAX without a bound. */
uint64_t load_places(const struct load *l, struct load_people people);

#endif
