/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/access.h"

/* Sets of roles, states and rooms. */
#define ROLE(r)  (1u << CONTROL_ROLE_##r)
#define STATE(s) (1u << TERMS_STATE_##s)
#define ROOM(r)  (1u << TERMS_ROOM_##r)

#define COURT      (ROLE(JUDGE) | ROLE(CLERK))
#define CONSULTING (ROLE(PARTY) | ROLE(LAWYER) | ROLE(WITNESS) | ROLE(INTERPRETER) | ROLE(EXPERT))
#define TESTIFYING (ROLE(WITNESS) | ROLE(EXPERT))
#define SWORN      (TESTIFYING | ROLE(INTERPRETER))
#define SPEAKERS   (COURT | CONSULTING)
#define PUBLIC     (SPEAKERS | ROLE(OBSERVER))
#define EVERYONE   (PUBLIC | ROLE(TECHNICIAN))

#define SESSION    (STATE(OPEN) | STATE(IN_CAMERA))
#define PAUSE      (STATE(RECESS) | STATE(SUSPENDED))
#define SITTING    (STATE(WAITING) | SESSION | PAUSE)
#define NOT_CLOSED (STATE(SCHEDULED) | SITTING)
#define ANY_STATE  (NOT_CLOSED | STATE(CLOSED))
#define ASIDE      (ROOM(CONSULTATION) | ROOM(DELIBERATION) | ROOM(CAUCUS))
#define INSIDE     (ROOM(WAITING) | ROOM(COURTROOM) | ASIDE)
#define ANYWHERE   (ROOM(OUTSIDE) | INSIDE)
#define BENCH      (ROOM(COURTROOM) | ROOM(DELIBERATION) | ROOM(CAUCUS)) /* whence one presides */

struct rule {
    enum access_action action;
    unsigned roles;
    unsigned states;
    unsigned rooms;
};

/* Who may do what, when, from where. A raised hand is offered before joining too (the page shows
 * its button), records to the court whenever it asks. While the hearing is open nobody leaves the
 * courtroom for a consultation but by leave: the court opens it then. */
static const struct rule rules[] = {
    {ACCESS_ADMIT, COURT, SITTING, BENCH},
    {ACCESS_DISMISS, COURT, SITTING, BENCH},
    {ACCESS_MUTE, COURT, SITTING, BENCH},
    {ACCESS_REMOVE, COURT, SITTING, BENCH},
    {ACCESS_LOCK, COURT, SITTING, BENCH},
    {ACCESS_SCREEN, COURT, SITTING, BENCH},
    {ACCESS_CALL_BACK, COURT, SITTING, BENCH},
    {ACCESS_LOWER_HAND, COURT, SITTING, BENCH},
    {ACCESS_FLOOR, ROLE(JUDGE), SITTING, ROOM(COURTROOM)},
    {ACCESS_OPEN, COURT, STATE(WAITING), ROOM(COURTROOM)},
    {ACCESS_RECESS, COURT, SESSION, ROOM(COURTROOM)},
    {ACCESS_SUSPEND, COURT, SESSION | STATE(RECESS), BENCH},
    {ACCESS_RESUME, COURT, PAUSE, ROOM(COURTROOM)},
    {ACCESS_CLOSE, ROLE(JUDGE), SESSION | PAUSE, ROOM(COURTROOM)},
    {ACCESS_IN_CAMERA, ROLE(JUDGE), SITTING, ROOM(COURTROOM)},
    {ACCESS_CONSENT, ROLE(PARTY), STATE(SCHEDULED) | STATE(WAITING), INSIDE},
    {ACCESS_SWEAR, COURT, SESSION, ROOM(COURTROOM)},
    {ACCESS_TAKE_OATH, SWORN, SESSION, ROOM(COURTROOM)},
    {ACCESS_RELEASE, ROLE(JUDGE), SITTING, BENCH},
    {ACCESS_OBJECT, ROLE(PARTY) | ROLE(LAWYER), SESSION, ROOM(COURTROOM)},
    {ACCESS_RULE, ROLE(JUDGE), SESSION | PAUSE, ROOM(COURTROOM)},
    {ACCESS_LOCK_ROOM, COURT, SITTING, BENCH},
    {ACCESS_SPOTLIGHT, COURT, SITTING, ROOM(COURTROOM)},
    {ACCESS_MARK, COURT, SESSION | PAUSE, BENCH},
    {ACCESS_PRODUCE, SPEAKERS, SITTING, ROOM(COURTROOM) | ASIDE},
    {ACCESS_HAND, SPEAKERS, SITTING, ANYWHERE},
    {ACCESS_RECORDS, COURT, ANY_STATE, ANYWHERE},
    {ACCESS_CONNECTIONS, COURT, SITTING, BENCH},
    {ACCESS_CONNECTIONS, ROLE(TECHNICIAN), SITTING, ROOM(COURTROOM)},
    {ACCESS_CONSULT, ROLE(PARTY) | ROLE(LAWYER), STATE(WAITING) | PAUSE, INSIDE},
    {ACCESS_CONSULT, ROLE(PARTY) | ROLE(LAWYER), SESSION, ROOM(WAITING) | ASIDE},
    {ACCESS_CONSULT, COURT, SITTING, BENCH},
    {ACCESS_DELIBERATE, ROLE(JUDGE), SITTING, BENCH},
    {ACCESS_CAUCUS, COURT, SITTING, BENCH},
    {ACCESS_ENTER, SPEAKERS, SITTING, INSIDE},
    {ACCESS_COME_BACK, SPEAKERS, SITTING, ASIDE},
    {ACCESS_JOIN, EVERYONE, NOT_CLOSED, ANYWHERE},
};

static const char *const action_names[ACCESS_COUNT] = {
    [ACCESS_ADMIT] = "admit",         [ACCESS_DISMISS] = "dismiss",
    [ACCESS_MUTE] = "mute",           [ACCESS_REMOVE] = "remove",
    [ACCESS_OPEN] = "open",           [ACCESS_RECESS] = "recess",
    [ACCESS_RESUME] = "resume",       [ACCESS_CLOSE] = "close",
    [ACCESS_PRODUCE] = "produce",     [ACCESS_HAND] = "hand",
    [ACCESS_RECORDS] = "records",     [ACCESS_LOWER_HAND] = "lower-hand",
    [ACCESS_JOIN] = "join",           [ACCESS_CONNECTIONS] = "connections",
    [ACCESS_CONSULT] = "consult",     [ACCESS_DELIBERATE] = "deliberate",
    [ACCESS_CAUCUS] = "caucus",       [ACCESS_CALL_BACK] = "call-back",
    [ACCESS_LOCK] = "lock",           [ACCESS_FLOOR] = "floor",
    [ACCESS_SCREEN] = "screen",       [ACCESS_ENTER] = "enter",
    [ACCESS_COME_BACK] = "come-back", [ACCESS_SUSPEND] = "suspend",
    [ACCESS_IN_CAMERA] = "in-camera", [ACCESS_CONSENT] = "consent",
    [ACCESS_SWEAR] = "swear",         [ACCESS_RELEASE] = "release",
    [ACCESS_OBJECT] = "object",       [ACCESS_RULE] = "rule",
    [ACCESS_LOCK_ROOM] = "lock-room", [ACCESS_MARK] = "mark",
    [ACCESS_TAKE_OATH] = "take-oath", [ACCESS_SPOTLIGHT] = "spotlight",
};

/* Whose media flows to whom. In a waiting room nothing ever flows; what flows in the rooms beside
 * the courtroom is never recorded, and neither is the sound check before the opening. A technician
 * hears nothing of the case. */
struct flow {
    unsigned states;
    unsigned kinds; /* bits 1 << enum control_room_kind */
    unsigned senders;
    unsigned receivers;
    bool recorded;
};

static const struct flow flows[] = {
    {STATE(WAITING), 1u << CONTROL_ROOM_COURTROOM, SPEAKERS, PUBLIC, false},
    {STATE(OPEN), 1u << CONTROL_ROOM_COURTROOM, SPEAKERS, PUBLIC, true},
    {STATE(IN_CAMERA), 1u << CONTROL_ROOM_COURTROOM, SPEAKERS, SPEAKERS, true},
    {SITTING, 1u << CONTROL_ROOM_CONSULTATION, CONSULTING, CONSULTING, false},
    {SITTING, 1u << CONTROL_ROOM_DELIBERATION, ROLE(JUDGE), ROLE(JUDGE), false},
    {SITTING, 1u << CONTROL_ROOM_CAUCUS, SPEAKERS, SPEAKERS, false},
};

static bool has(unsigned set, unsigned member)
{
    return member < 32 && (set >> member & 1u) != 0;
}

const char *access_action_name(enum access_action action)
{
    return (unsigned)action < ACCESS_COUNT ? action_names[action] : "?";
}

bool access_may(enum control_role role, enum access_action action, enum terms_state state,
                enum terms_room room)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        const struct rule *rule = &rules[i];
        if (rule->action == action && has(rule->roles, role) && has(rule->states, state) &&
            has(rule->rooms, room))
            return true;
    }
    return false;
}

bool access_role_ever_may(enum control_role role, enum access_action action)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (rules[i].action == action && has(rules[i].roles, role))
            return true;
    return false;
}

_Static_assert(ACCESS_MAY_COUNT <= 32, "the mask has a bit for each");

uint32_t access_may_mask(enum control_role role, enum terms_state state, enum terms_room room)
{
    uint32_t mask = 0;
    for (unsigned action = 0; action < ACCESS_MAY_COUNT; action++)
        if (access_may(role, (enum access_action)action, state, room))
            mask |= 1u << action;
    return mask;
}

static const struct flow *find_flow(enum terms_state state, enum control_room_kind kind,
                                    enum control_role sender)
{
    for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++)
        if (has(flows[i].states, state) && has(flows[i].kinds, kind) &&
            has(flows[i].senders, sender))
            return &flows[i];
    return NULL;
}

bool access_flows(enum terms_state state, enum control_room_kind kind, enum control_role sender,
                  enum control_role receiver)
{
    const struct flow *flow = find_flow(state, kind, sender);
    return flow && has(flow->receivers, receiver);
}

bool access_is_recorded(enum terms_state state, enum control_room_kind kind,
                        enum control_role sender)
{
    const struct flow *flow = find_flow(state, kind, sender);
    return flow && flow->recorded;
}

bool access_has_place(enum control_room_kind kind, enum control_role role)
{
    for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++)
        if (has(flows[i].kinds, kind) && has(flows[i].receivers, role))
            return true;
    return false;
}

enum control_room_kind access_room_kind(enum terms_room room)
{
    static const enum control_room_kind kinds[TERMS_ROOM_COUNT] = {
        [TERMS_ROOM_OUTSIDE] = CONTROL_ROOM_WAITING,
        [TERMS_ROOM_WAITING] = CONTROL_ROOM_WAITING,
        [TERMS_ROOM_COURTROOM] = CONTROL_ROOM_COURTROOM,
        [TERMS_ROOM_CONSULTATION] = CONTROL_ROOM_CONSULTATION,
        [TERMS_ROOM_DELIBERATION] = CONTROL_ROOM_DELIBERATION,
        [TERMS_ROOM_CAUCUS] = CONTROL_ROOM_CAUCUS,
    };
    return (unsigned)room < TERMS_ROOM_COUNT ? kinds[room] : CONTROL_ROOM_WAITING;
}

bool access_testifies(enum control_role role)
{
    return has(TESTIFYING, role);
}

bool access_keeps_floor(enum control_role role)
{
    return has(COURT | ROLE(INTERPRETER), role);
}

void access_matrix(uint64_t hearing, enum terms_state state, struct control_matrix *ret_matrix)
{
    struct control_matrix matrix = {.hearing = hearing};
    for (unsigned kind = 0; kind < CONTROL_ROOM_KIND_COUNT; kind++)
        for (unsigned role = 0; role < CONTROL_ROLE_COUNT; role++) {
            const struct flow *flow =
                find_flow(state, (enum control_room_kind)kind, (enum control_role)role);
            if (!flow)
                continue;
            matrix.receivers[kind][role] = (uint16_t)flow->receivers;
            if (flow->recorded)
                matrix.recorded[kind] |= (uint16_t)(1u << role);
        }
    *ret_matrix = matrix;
}
