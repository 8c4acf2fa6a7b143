/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/access.h"

/* Sets of roles, states and rooms. */
#define ROLE(r)  (1u << CONTROL_ROLE_##r)
#define STATE(s) (1u << TERMS_STATE_##s)
#define ROOM(r)  (1u << TERMS_ROOM_##r)

#define COURT (ROLE(JUDGE) | ROLE(CLERK))
#define SPEAKERS                                                                                   \
    (COURT | ROLE(PARTY) | ROLE(LAWYER) | ROLE(WITNESS) | ROLE(INTERPRETER) | ROLE(EXPERT))
#define EVERYONE (SPEAKERS | ROLE(OBSERVER) | ROLE(TECHNICIAN))

#define SITTING    (STATE(WAITING) | STATE(OPEN) | STATE(RECESS))
#define NOT_CLOSED (STATE(SCHEDULED) | SITTING)
#define ANY_STATE  (NOT_CLOSED | STATE(CLOSED))
#define ANYWHERE   (ROOM(OUTSIDE) | ROOM(WAITING) | ROOM(COURTROOM))

struct rule {
    unsigned roles;
    unsigned states;
    unsigned rooms;
};

/* Who may do what, when, from where. A raised hand is offered before joining too (the page shows
 * its button), records to the court whenever it asks. */
static const struct rule rules[ACCESS_COUNT] = {
    [ACCESS_ADMIT] = {COURT, SITTING, ROOM(COURTROOM)},
    [ACCESS_DISMISS] = {COURT, SITTING, ROOM(COURTROOM)},
    [ACCESS_MUTE] = {COURT, SITTING, ROOM(COURTROOM)},
    [ACCESS_REMOVE] = {COURT, SITTING, ROOM(COURTROOM)},
    [ACCESS_OPEN] = {COURT, STATE(WAITING), ROOM(COURTROOM)},
    [ACCESS_RECESS] = {COURT, STATE(OPEN), ROOM(COURTROOM)},
    [ACCESS_RESUME] = {COURT, STATE(RECESS), ROOM(COURTROOM)},
    [ACCESS_CLOSE] = {ROLE(JUDGE), STATE(OPEN) | STATE(RECESS), ROOM(COURTROOM)},
    [ACCESS_PRODUCE] = {SPEAKERS, SITTING, ROOM(COURTROOM)},
    [ACCESS_HAND] = {SPEAKERS, SITTING, ANYWHERE},
    [ACCESS_RECORDS] = {COURT, ANY_STATE, ANYWHERE},
    [ACCESS_CONNECTIONS] = {COURT | ROLE(TECHNICIAN), SITTING, ROOM(COURTROOM)},
    [ACCESS_LOWER_HAND] = {COURT, SITTING, ROOM(COURTROOM)},
    [ACCESS_JOIN] = {EVERYONE, NOT_CLOSED, ANYWHERE},
};

static const char *const action_names[ACCESS_COUNT] = {
    [ACCESS_ADMIT] = "admit",     [ACCESS_DISMISS] = "dismiss",
    [ACCESS_MUTE] = "mute",       [ACCESS_REMOVE] = "remove",
    [ACCESS_OPEN] = "open",       [ACCESS_RECESS] = "recess",
    [ACCESS_RESUME] = "resume",   [ACCESS_CLOSE] = "close",
    [ACCESS_PRODUCE] = "produce", [ACCESS_HAND] = "hand",
    [ACCESS_RECORDS] = "records", [ACCESS_LOWER_HAND] = "lower-hand",
    [ACCESS_JOIN] = "join",       [ACCESS_CONNECTIONS] = "connections",
};

/* Whose media flows to whom. Courtrooms only: in a waiting room nothing ever flows, and the other
 * kinds of rooms have no row yet. The sound check before the opening is not recorded. */
struct flow {
    unsigned states;
    unsigned kinds; /* bits 1 << enum control_room_kind */
    unsigned senders;
    unsigned receivers;
    bool recorded;
};

static const struct flow flows[] = {
    {STATE(WAITING), 1u << CONTROL_ROOM_COURTROOM, SPEAKERS, EVERYONE, false},
    {STATE(OPEN), 1u << CONTROL_ROOM_COURTROOM, SPEAKERS, EVERYONE, true},
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
    if ((unsigned)action >= ACCESS_COUNT)
        return false;
    const struct rule *rule = &rules[action];
    return has(rule->roles, role) && has(rule->states, state) && has(rule->rooms, room);
}

bool access_role_ever_may(enum control_role role, enum access_action action)
{
    return (unsigned)action < ACCESS_COUNT && has(rules[action].roles, role);
}

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
