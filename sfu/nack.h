/* Which packets of one incoming stream to ask for again, and when; what is given up, for the
 * record; and when a picture is lost beyond repair, so that a key frame must be asked for.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_NACK_H
#define SFU_NACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Packets missing at once. Ours: more is an outage, and the oldest are given up. */
#define NACK_MISSING_MAX 512
/* Runs of given-up packets waiting to be told. While it is full, what is too old waits; only what
 * must leave the full table stretches the last run, which then says too much. */
#define NACK_GIVEN_UP_MAX 64
/* A hole is asked for when it is this old: packets that only changed places come by then. Ours. */
#define NACK_REORDER_US (8 * 1000ull)
/* A missing packet is asked for up to this age: too late to see, in time for the record. Ours;
 * repairs after 0.5 s still gave the tape every frame. */
#define NACK_AGE_MAX_US (3000 * 1000ull)
/* A picture missing a packet this long is beyond repair for those who watch. Ours. */
#define NACK_FREEZE_US (500 * 1000ull)
/* Least time between two wishes for a key frame. Ours. */
#define NACK_KEY_FRAME_US (1000 * 1000ull)

struct nack_missing {
    uint64_t seq;      /* extended */
    uint64_t since_us; /* when the hole was seen */
    uint64_t ask_us;   /* when to ask next */
    uint32_t asked;    /* how often so far */
};

struct nack_run {
    uint16_t first;
    uint16_t count;
};

/* Embedded by value; only nack.c looks inside. */
struct nack {
    bool video;
    bool started;
    bool want_key_frame;
    uint64_t newest;       /* extended sequence number */
    uint64_t key_seq;      /* the newest key frame's first packet; holes before it hurt nobody */
    uint64_t key_asked_us; /* when a key frame was last wished for */
    uint32_t missing_count;
    uint32_t run_count;
    struct nack_missing missing[NACK_MISSING_MAX]; /* oldest first */
    struct nack_run runs[NACK_GIVEN_UP_MAX];       /* oldest first */
};

/* `video`: losses can make a key frame necessary. */
void nack_init(struct nack *nack, bool video);

/* A packet came, the first time under this extended number. Returns whether it fills a hole that
 * had been asked for. */
bool nack_received(struct nack *nack, uint64_t seq, bool key_frame, uint64_t now_us);

/* Gives up what is missing, oldest first, as far as there is room to tell it (nack_given_up).
 * Returns whether something is left. */
bool nack_give_up(struct nack *nack);

/* The stream began again with other numbers: gives up all holes of the old ones. */
void nack_reset(struct nack *nack);

/* Fills `seqs` with up to `capacity` numbers to ask for now, oldest first, and counts them as
 * asked; gives up what is too old. `rtt_us` of 0: not known, 100 ms is assumed. Returns how many.
 */
size_t nack_ask(struct nack *nack, uint32_t rtt_us, uint64_t now_us, uint16_t *seqs,
                size_t capacity);

/* When nack_ask() or nack_wants_key_frame() next has something to do; UINT64_MAX: nothing. */
uint64_t nack_next_us(const struct nack *nack);

/* Takes the oldest run of packets given up (RING_LOSS). False if there is none. */
bool nack_given_up(struct nack *nack, struct nack_run *ret_run);

/* Whether a key frame should be asked for now; true at most once per NACK_KEY_FRAME_US. */
bool nack_wants_key_frame(struct nack *nack, uint64_t now_us);

#endif
