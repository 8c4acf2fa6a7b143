/* The one table that says which role may do what, in which state and from which room, and the one
 * that says whose media flows to whom. Default deny: what no row allows is forbidden.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_ACCESS_H
#define SIGNALING_ACCESS_H

#include "signaling/terms.h"

/* Actions; the first ACCESS_MAY_COUNT are the words of `may` in PROTOCOL.md, in its order. */
enum access_action {
    ACCESS_ADMIT = 0,
    ACCESS_DISMISS,
    ACCESS_MUTE,
    ACCESS_REMOVE,
    ACCESS_OPEN,
    ACCESS_RECESS,
    ACCESS_RESUME,
    ACCESS_CLOSE,
    ACCESS_PRODUCE,
    ACCESS_HAND, /* one's own; lowering is always allowed */
    ACCESS_RECORDS,
    ACCESS_CONNECTIONS, /* what everybody's connection is like */
    ACCESS_CONSULT,     /* open a consultation, or ask one more into one's own */
    ACCESS_DELIBERATE,
    ACCESS_CAUCUS,
    ACCESS_CALL_BACK, /* another, out of a room beside */
    ACCESS_LOCK,      /* close a microphone until it is unlocked */
    ACCESS_FLOOR,     /* give one person the floor, or open it to all */
    ACCESS_SCREEN,
    ACCESS_SUSPEND,
    ACCESS_IN_CAMERA, /* close the doors to the public, or open them */
    ACCESS_CONSENT,   /* one's own, to an online hearing */
    ACCESS_SWEAR,     /* ask another for an oath or affirmation */
    ACCESS_RELEASE,   /* another, from the oath */
    ACCESS_OBJECT,
    ACCESS_RULE,      /* upon an objection */
    ACCESS_LOCK_ROOM, /* to whoever was not here before */
    ACCESS_MARK,      /* this second, in the journal */
    ACCESS_SPOTLIGHT, /* show one person large to everybody, or end that */
    ACCESS_MAY_COUNT,
    ACCESS_LOWER_HAND = ACCESS_MAY_COUNT, /* another's */
    ACCESS_JOIN,
    ACCESS_TAKE_OATH, /* that one was asked for */
    ACCESS_ENTER,     /* a room beside, that one was asked into */
    ACCESS_COME_BACK, /* out of it */
    ACCESS_COUNT,
};

/* "admit" and so on; "?" out of range. */
const char *access_action_name(enum access_action action);

/* Whether it is allowed. */
bool access_may(enum control_role role, enum access_action action, enum terms_state state,
                enum terms_room room);

/* Whether this role may do it in some state and room: tells `not-allowed` from `wrong-state`. */
bool access_role_ever_may(enum control_role role, enum access_action action);

/* The actions of `may` as bits 1 << enum access_action. */
uint32_t access_may_mask(enum control_role role, enum terms_state state, enum terms_room room);

/* Whether media of `sender` flows to `receiver` when both are in the same room of this kind. */
bool access_flows(enum terms_state state, enum control_room_kind kind, enum control_role sender,
                  enum control_role receiver);

/* Whether media of `sender` in such a room goes to the record. */
bool access_is_recorded(enum terms_state state, enum control_room_kind kind,
                        enum control_role sender);

/* Whether this role has a place in such a room: media of somebody there could reach it. */
bool access_has_place(enum control_room_kind kind, enum control_role role);

/* The room as the media core counts it; what is outside it has no peer: waiting. */
enum control_room_kind access_room_kind(enum terms_room room);

/* Whether what it says is evidence: bound to nobody but the judge while it is under oath. */
bool access_testifies(enum control_role role);

/* Whether this role's microphone stays open while another has the floor: who runs the hearing, and
 * who says what is said in another language. */
bool access_keeps_floor(enum control_role role);

/* Both flows and record for every cell, as the media core is told. */
void access_matrix(uint64_t hearing, enum terms_state state, struct control_matrix *ret_matrix);

#endif
