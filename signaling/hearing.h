/* A hearing in memory: its people, their rooms and media, its state, and who sees whom. Pure: no
 * clock, store, journal or network. A user action is three steps for the caller: hearing_check(),
 * then the journal's line, then the change here, which cannot fail and says whom to tell what.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_HEARING_H
#define SIGNALING_HEARING_H

#include "common/cleanup.h"
#include "signaling/access.h"
#include "signaling/seats.h"
#include "signaling/store.h"
#include "signaling/story.h"

/* What a person publishes. */
struct hearing_producer {
    uint64_t id; /* 0: the slot is free */
    enum control_kind kind;
    enum control_source source;
    bool paused;
    bool flowing;   /* the caller's: the media core said that packets of it come */
    uint8_t layers; /* the caller's: bits of its encodings that somebody receives; 0: not told */
    uint64_t started_us; /* wall */
};

/* The room beside the courtroom that somebody is in. */
struct hearing_aside {
    enum terms_room kind;
    uint32_t number; /* 0: it is where `stored.room` says */
};

/* Read freely; change only through the functions below and those of rooms.h and measures.h (but for
 * what is the caller's). */
struct hearing_person {
    struct store_person stored; /* id, name, role, room, admitted, removed, hand, seats, arrival */
    bool connected;
    bool locked; /* the court keeps its microphone closed */
    enum story_consent consent;
    struct story_oath oath;
    struct hearing_aside aside;
    uint32_t asked; /* number of the room beside that it was asked into; 0: none */
    uint64_t asked_by;
    uint8_t quality;      /* 0 unknown, 1 bad to 4 very good */
    enum terms_path path; /* as its page says; UNKNOWN until then */
    uint64_t spoke_us;    /* monotonic; 0: never */
    struct hearing_producer producers[LIMIT_STREAMS_PER_PEER];
    struct seats seats; /* what its page shows */
    void *session;      /* the caller's; not touched here */
};

/* A room beside the courtroom: there as long as anybody is in it, or has been asked into it. */
struct hearing_room {
    uint32_t number; /* 0: the slot is free */
    enum terms_room kind;
    bool by_leave; /* the court opened it: whom it asked may go there while the hearing is open */
};

struct hearing {
    struct store_hearing stored;
    uint32_t rooms_opened; /* the number of the last */
    struct hearing_room rooms[LIMIT_ROOMS];
    uint64_t floor;     /* who has it; 0: it is open to all */
    uint64_t spotlight; /* whom everybody is shown large; 0: nobody */
    bool in_camera;     /* the doors are closed to the public, from now on whatever the state */
    bool suspended;     /* the recess is a suspension */
    bool locked;        /* to whoever was not here before */
    struct objections objections;
    char reason[LIMIT_REASON_BYTES + 1]; /* of the state or the doors, as last given; "": none */
    size_t screen_count;
    struct story_screen screens[LIMIT_SCREENS];
    size_t count;
    uint64_t arrivals;                                       /* people who ever joined */
    struct hearing_person *people[LIMIT_PEOPLE_PER_HEARING]; /* in the order they were invited */
};

/* What to tell, in the order to do it: the media core first, pages after. `to` and `about` are
 * people; 0 where there is none. */
enum hearing_change_type {
    HEARING_CHANGE_MATRIX,    /* media core: access_matrix() of the new state */
    HEARING_CHANGE_SCREENS,   /* media core: all screens */
    HEARING_CHANGE_MOVE,      /* media core: `about` to its new room; outside: remove the peer */
    HEARING_CHANGE_UNPRODUCE, /* media core: `producer` of `about` ended; journal "stopped" */
    HEARING_CHANGE_PAUSE,     /* media core: `producer` of `about` is paused by `by` */
    HEARING_CHANGE_STATE,     /* page: `hearing` to `to`; 0: to every connected person */
    HEARING_CHANGE_ROOM,      /* page: `room` to `to`, `by` */
    HEARING_CHANGE_MUTED,     /* page: `muted` to `to`, `by` */
    HEARING_CHANGE_PERSON,    /* page: `person` `about` to `to` */
    HEARING_CHANGE_GONE,      /* page: `gone` `about` to `to` */
    HEARING_CHANGE_PEOPLE,    /* page: `people`, all whom `to` sees from now on, to `to` */
    HEARING_CHANGE_MAY,       /* page: `may` to `to` */
    HEARING_CHANGE_ASKED,     /* page: `asked` to `to`: the room it was asked into, or none */
    HEARING_CHANGE_SCREENED,  /* page: `screens` to `to`, those that it is to know of */
};

struct hearing_change {
    enum hearing_change_type type;
    uint64_t to;
    uint64_t about;
    uint64_t by;
    bool was_aside; /* UNPRODUCE, MOVE: `about` was in a room beside, of which no line tells more */
    struct hearing_producer producer;
};

/* One transition's changes. Changes for people who are not connected are left out. */
#define HEARING_CHANGES_MAX (3 * LIMIT_PEOPLE_PER_HEARING + 16)
struct hearing_changes {
    size_t count;
    struct hearing_change changes[HEARING_CHANGES_MAX];
};

/* Copies `stored`. 0 or -ENOMEM. */
int hearing_create(const struct store_hearing *stored, struct hearing **ret_hearing);
void hearing_destroy(struct hearing *hearing);
DEFINE_CLEANUP(struct hearing, hearing_destroy)

/* Adds somebody as stored (at start, or invited meanwhile). -EEXIST, -ENOMEM, -ENOSPC when
 * LIMIT_PEOPLE_PER_HEARING are there, -EINVAL when of another hearing. */
int hearing_add(struct hearing *hearing, const struct store_person *stored,
                struct hearing_person **ret_person);

/* NULL when there is none; also for 0. Borrowed. */
struct hearing_person *hearing_find(const struct hearing *hearing, uint64_t person);

/* NULL when this person has none. Borrowed. */
struct hearing_producer *hearing_producer(struct hearing_person *person, uint64_t producer);
struct hearing_producer *hearing_producer_of(struct hearing_person *person,
                                             enum control_source source);

/* The hearing's state as people and the tables know it: `stored.state`, with closed doors and
 * suspension. */
enum terms_state hearing_state(const struct hearing *hearing);

bool hearing_is_bench(const struct hearing_person *person);

/* The room that the person is in. Several of a kind beside the courtroom are told apart by
 * `person->aside.number`. */
enum terms_room hearing_room(const struct hearing_person *person);

/* Whether both are in the same room, and in one where people meet: not in a waiting room. */
bool hearing_is_together(const struct hearing_person *a, const struct hearing_person *b);

/* Whether `viewer` is told about `about`: oneself always, judge and clerk everybody, people in the
 * courtroom or in a room beside those in it, parties and lawyers those of their side. (`welcome`
 * leaves oneself out of `people`.) */
bool hearing_sees(const struct hearing_person *viewer, const struct hearing_person *about);

/* Whether it is of the hearing what those in the courtroom know: who has the floor, objections. */
bool hearing_knows_course(const struct hearing_person *person);

/* Whether an objection keeps the microphones of witnesses and experts closed. */
bool hearing_holds(const struct hearing *hearing);

/* Whether it may be spoken to beside the courtroom only through a judge. */
bool hearing_is_under_oath(const struct hearing_person *person);

/* Whether the room is locked to it: it was not here before. */
bool hearing_keeps_out(const struct hearing *hearing, const struct hearing_person *person);

/* Whether the court keeps its microphone closed there: locked, another has the floor, it testifies
 * and an objection waits, or it is a recess. Opening it is refused, and it is published closed. */
bool hearing_is_closed(const struct hearing *hearing, const struct hearing_person *person);

/* Whether the matrix and no screen stands against it that `from`'s sound or picture goes to `to`,
 * where they are together. */
bool hearing_flows(const struct hearing *hearing, const struct hearing_person *from,
                   const struct hearing_person *to, enum control_kind kind);

/* Whether a screen keeps what `from` sends of this kind from `to`. */
bool hearing_is_screened(const struct hearing *hearing, uint64_t from, uint64_t to,
                         enum control_kind kind);

/* The `may` of a person now, as access_may_mask(). */
uint32_t hearing_may(const struct hearing *hearing, const struct hearing_person *person);

/* Whether `actor` may do `action` now, to `target` (0 where there is none). -EPERM `not-allowed`,
 * -ESTALE `wrong-state`, -ENOTCONN `not-joined`, -ENOENT `not-found`. ACCESS_RECORDS and
 * ACCESS_JOIN may be asked by who has not joined. ADMIT wants the target in the waiting room,
 * DISMISS, MUTE and FLOOR in the courtroom,
 * SWEAR there too, of who has not been asked, RELEASE of who has, CALL_BACK beside it; DISMISS,
 * REMOVE, CALL_BACK, LOCK and SCREEN never a judge, the first two nor oneself. */
int hearing_check(const struct hearing *hearing, const struct hearing_person *actor,
                  enum access_action action, uint64_t target);

/* Where `person` goes by joining now: the courtroom for judge, clerk and who was admitted, else the
 * waiting room. */
enum terms_room hearing_room_on_join(const struct hearing_person *person);

/* Whether this joining begins the waiting: a judge's or clerk's, of a scheduled hearing. */
bool hearing_begins_on_join(const struct hearing *hearing, const struct hearing_person *person);

/* The changes. Each begins `changes` anew; after each the caller saves `stored`. */

/* Its page is here, or is not any more (the person stays in its room, to come back). */
void hearing_set_connected(struct hearing *hearing, struct hearing_person *person, bool connected,
                           struct hearing_changes *changes);
/* Enters hearing_room_on_join(), or stays beside the courtroom. Joining again ends its producers
 * and all that its seats show, the transports being new; who sits in them stays. With
 * hearing_begins_on_join() the state changes too. `seats` 1 to LIMIT_SEATS. */
void hearing_join(struct hearing *hearing, struct hearing_person *person, uint8_t seats,
                  uint64_t wall_us, struct hearing_changes *changes);
void hearing_admit(struct hearing *hearing, struct hearing_person *person, uint64_t by,
                   struct hearing_changes *changes);
void hearing_dismiss(struct hearing *hearing, struct hearing_person *person, uint64_t by,
                     struct hearing_changes *changes);
/* Goes outside; stays admitted, so may come back by itself. */
void hearing_leave(struct hearing *hearing, struct hearing_person *person,
                   struct hearing_changes *changes);
/* Goes outside for good. The caller also revokes the invitation. */
void hearing_remove(struct hearing *hearing, struct hearing_person *person, uint64_t by,
                    struct hearing_changes *changes);
/* `state` also SUSPENDED; OPEN is IN_CAMERA while the doors are closed. */
void hearing_set_state(struct hearing *hearing, enum terms_state state, uint64_t wall_us,
                       struct hearing_changes *changes);
/* Closes the doors to the public, or opens them. */
void hearing_set_in_camera(struct hearing *hearing, bool in_camera, uint64_t wall_us,
                           struct hearing_changes *changes);
void hearing_set_consent(struct hearing *hearing, struct hearing_person *person, bool given,
                         struct hearing_changes *changes);

/* What keeps the hearing from being opened. */
struct hearing_missing {
    bool judge;  /* none is in the courtroom */
    bool record; /* the caller's: the recorder is away */
    size_t consent_count;
    uint64_t consents[LIMIT_PEOPLE_PER_HEARING]; /* parties who have not given theirs */
};
/* Whether anything does. */
bool hearing_lacks(const struct hearing *hearing, struct hearing_missing *ret_missing);
void hearing_set_hand(struct hearing *hearing, struct hearing_person *person, bool up,
                      struct hearing_changes *changes);
void hearing_set_quality(struct hearing *hearing, struct hearing_person *person, uint8_t quality,
                         struct hearing_changes *changes);
void hearing_set_path(struct hearing *hearing, struct hearing_person *person, enum terms_path path,
                      struct hearing_changes *changes);

/* 0 when `producer` may be added, -EEXIST when one of its source is there (it ends first), -ENOSPC
 * (`full`) when the person has LIMIT_STREAMS_PER_PEER, -EINVAL (`unsupported-media`) when kind and
 * source do not fit. ACCESS_PRODUCE is asked before. */
int hearing_can_produce(const struct hearing_person *person, enum control_kind kind,
                        enum control_source source);
void hearing_produce(struct hearing *hearing, struct hearing_person *person,
                     const struct hearing_producer *producer, struct hearing_changes *changes);
void hearing_pause(struct hearing *hearing, struct hearing_person *person, uint64_t producer,
                   bool paused, struct hearing_changes *changes);
void hearing_unproduce(struct hearing *hearing, struct hearing_person *person, uint64_t producer,
                       struct hearing_changes *changes);
/* Pauses the microphone; the person may open it again. */
void hearing_mute(struct hearing *hearing, struct hearing_person *person, uint64_t by,
                  struct hearing_changes *changes);

/* These people speak now (monotonic us). The caller reseats afterwards. */
void hearing_spoke(struct hearing *hearing, const uint64_t *people, size_t count, uint64_t now_us);

/* After a restart of ours: the media core shows `stream` in a seat of this receiver. Seats whose
 * occupant we know are left alone. Once all streams are known, hearing_resume_seats() seats whose
 * they are; the caller reseats afterwards. */
void hearing_find_seat(struct hearing_person *receiver, uint8_t seat, enum control_kind kind,
                       uint64_t stream);
void hearing_resume_seats(struct hearing *hearing);

/* Seats everyone anew on one receiver's page. Call for each connected receiver after any change of
 * rooms, producers, pauses or state, and after hearing_spoke(). */
void hearing_reseat(struct hearing *hearing, struct hearing_person *receiver, uint64_t now_us,
                    struct seats_changes *ret_changes);

#endif
