/* Who speaks in a hearing, from the audio levels that senders put in their packets (RFC 6464).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_SPEAKER_H
#define SFU_SPEAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

struct speakers;

struct speaker {
    uint64_t id;        /* the caller's, never 0 */
    uint8_t level_dbov; /* smoothed; 0 loudest to 127 silent */
};

/* Room for `capacity` people, at most LIMIT_PEERS_PER_HEARING; memory is taken for those who are
 * heard. Returns 0, -EINVAL or -ENOMEM. */
int speakers_create(size_t capacity, struct speakers **ret_speakers);
void speakers_destroy(struct speakers *speakers);
DEFINE_CLEANUP(struct speakers, speakers_destroy)

/* A packet of `id` came with that level. Returns 0, or for one person more than before -ENOBUFS
 * (too many) or -ENOMEM. */
int speakers_heard(struct speakers *speakers, uint64_t id, uint8_t level_dbov, uint64_t now_us);

/* `id` left or was muted. */
void speakers_remove(struct speakers *speakers, uint64_t id);

/* Brings the list up to date: someone begins to speak after about 100 ms above the threshold and
 * ends after about 700 ms below it or without packets. Returns whether who speaks has changed, or
 * a level by 6 dB and more, since the last call. */
bool speakers_update(struct speakers *speakers, uint64_t now_us);

/* Who spoke at the last update, loudest first, at most `capacity`. Returns how many. */
size_t speakers_list(const struct speakers *speakers, struct speaker *list, size_t capacity);

#endif
