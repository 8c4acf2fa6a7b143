/* Which person sits in which seat of one receiver's page. Pure: the caller says who is there, gets
 * what changed and tells the media core (SEAT_SET) and the page (`seat`).
 *
 * Rules, in this order:
 * 1. Who sits keeps the seat while in the room: people do not jump.
 * 2. Free seats go to judges and whoever is in the spotlight first, then to people with media, then
 * by arrival.
 * 3. Who stands, when no seat is free, takes the seat of who gives way first: people without media,
 *    then who has been silent longest, then the latest arrival; a judge, or who is in the
 * spotlight, only to such a one. These take it from anybody else at once, people with media from
 * people without at once, and who speaks from who has been silent for SEATS_HOLD_US.
 * 4. A shared screen (the newest, never one's own) takes the video of the last seat. The sound of
 *    that seat stays with who sits there: sharing silences nobody.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_SEATS_H
#define SIGNALING_SEATS_H

#include "signaling/terms.h"

/* A seat is taken from nobody who spoke this recently. Ours: longer than a breath. */
#define SEATS_HOLD_US 1000000ull

/* Somebody who may be shown. Stream ids of 0: not published. */
struct seats_person {
    uint64_t person;
    uint64_t arrival;  /* lower came first */
    uint64_t spoke_us; /* when last heard speaking; 0: never */
    uint64_t audio;
    uint64_t video;
    uint64_t screen;
    uint64_t screen_since_us;
    enum control_role role;
    bool audio_paused;
    bool video_paused;
    bool screen_paused;
    bool sound_flows; /* matrix and screens let this person's sound reach the receiver now */
    bool picture_flows;
    bool is_spotlit; /* everybody is shown it large */
};

/* One seat as the page and the media core know it. */
struct seats_seat {
    uint64_t person;            /* 0: empty */
    enum control_source source; /* CAMERA or SCREEN: what `video` is and `person` is shown as */
    uint64_t audio;             /* stream routed, 0: none */
    uint64_t video;
    bool audio_on; /* routed and not paused: the `audio` and `video` of the page's event */
    bool video_on;
};

/* All seats of one receiver. Zero it with {.count = N}. */
struct seats {
    uint8_t count;                 /* 0 to LIMIT_SEATS */
    uint64_t sitting[LIMIT_SEATS]; /* who sits there (rule 4 may show another) */
    struct seats_seat seats[LIMIT_SEATS];
};

struct seats_change {
    uint8_t seat;
    bool route_audio; /* send SEAT_SET for audio with `now.audio` */
    bool route_video;
    bool shown; /* send the `seat` event */
    struct seats_seat now;
};

struct seats_changes {
    size_t count;
    struct seats_change changes[LIMIT_SEATS];
};

/* Seats `people` (without the receiver; none when it is in no courtroom; at most
 * LIMIT_PEOPLE_PER_HEARING, each once) and says what changed. */
void seats_update(struct seats *seats, const struct seats_person *people, size_t count,
                  uint64_t now_us, struct seats_changes *ret_changes);

#endif
