/* What the server says to a page: typed values to the JSON text of PROTOCOL.md. Each writes one
 * whole message into `t`; the caller sends what jsontext_take() gives.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_REPLY_H
#define SIGNALING_REPLY_H

#include "signaling/hearing.h"
#include "signaling/journal.h"
#include "signaling/jsontext.h"
#include "signaling/message.h"
#include "signaling/turn.h"

enum reply_record_state {
    REPLY_RECORD_OFF,
    REPLY_RECORD_ON,
    REPLY_RECORD_LOST,
    REPLY_RECORD_SEALING,
    REPLY_RECORD_RENDERING,
    REPLY_RECORD_READY,
    REPLY_RECORD_FAILED,
};

/* How the record of a hearing stands. */
struct reply_record {
    enum reply_record_state state;
    uint64_t since_us;          /* wall */
    enum journal_reason reason; /* of LOST */
    uint8_t percent;            /* of RENDERING */
};

const char *reply_record_state_name(enum reply_record_state state);

struct reply_welcome {
    const struct hearing *hearing;
    const struct hearing_person *you;
    const char *resume; /* the new secret */
    uint64_t now_us;    /* wall */
    bool media;         /* the media core still has this person's transports */
    struct reply_record record;
};

void reply_welcome(struct jsontext *t, int32_t id, const struct reply_welcome *welcome);

/* Transport ids follow from the person: the page's names outlive a restart of ours. */
uint64_t reply_transport_id(uint64_t person, enum control_direction direction);

/* `red`: its seats list RED too. `turn` NULL: there is no TURN server. The same for ice_restarted.
 */
void reply_joined(struct jsontext *t, int32_t id, const struct hearing_person *person,
                  const struct control_peer_ready *ready, bool red, bool vp9,
                  const struct turn_offer *turn);
void reply_ok(struct jsontext *t, int32_t id);
void reply_ice_restarted(struct jsontext *t, int32_t id, const struct control_ice *ice,
                         const struct turn_offer *turn);
void reply_produced(struct jsontext *t, int32_t id, uint64_t producer);
void reply_pong(struct jsontext *t, int32_t id, uint64_t now_us);

/* `id` 0: null. */
void reply_error(struct jsontext *t, int32_t id, enum message_error error, const char *detail);

/* The error `missing`: what keeps the hearing from being opened. */
void reply_missing(struct jsontext *t, int32_t id, const struct hearing_missing *missing);

void reply_seat(struct jsontext *t, uint8_t seat, const struct seats_seat *now);
void reply_speaking(struct jsontext *t, const uint64_t *people, size_t count);
/* `is_held`: its picture is, for want of bandwidth. */
void reply_seat_picture(struct jsontext *t, uint8_t seat, bool is_held);
/* Bit i of `received`: somebody receives encodings[i] of the producer. */
void reply_layers(struct jsontext *t, uint64_t producer, uint8_t received);
/* What the way to the page carries. */
void reply_line(struct jsontext *t, uint32_t bps);
void reply_media_lost(struct jsontext *t);
void reply_person(struct jsontext *t, const struct hearing_person *person);
/* All whom `viewer` sees, without itself. */
void reply_people(struct jsontext *t, const struct hearing *hearing,
                  const struct hearing_person *viewer);
void reply_gone(struct jsontext *t, uint64_t person);
/* `knows`: to who is one of hearing_knows_course(). */
void reply_hearing(struct jsontext *t, const struct hearing *hearing, bool knows);
/* `by` 0: null. The same for muted. */
void reply_room(struct jsontext *t, const struct hearing_person *person, uint64_t by);
void reply_met(struct jsontext *t, int32_t id, uint32_t number);
/* The room beside that somebody is asked into; NULL: into none any more. */
void reply_asked(struct jsontext *t, const struct hearing_room *room, uint64_t by);
/* Those that `viewer` is to know of. */
void reply_screens(struct jsontext *t, const struct hearing *hearing,
                   const struct hearing_person *viewer);
void reply_may(struct jsontext *t, uint32_t may);
void reply_record(struct jsontext *t, const struct reply_record *record);
void reply_muted(struct jsontext *t, uint64_t by);

#endif
