/* Who may do what to whom: access.h's table, and what each action asks of its target.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "signaling/hearing.h"

/* Whether the action is never done to a judge. */
static bool spares_judges(enum access_action action)
{
    return action == ACCESS_DISMISS || action == ACCESS_REMOVE || action == ACCESS_CALL_BACK ||
           action == ACCESS_LOCK || action == ACCESS_SCREEN;
}

/* Whether the person is where, and as, the action wants its target. */
static bool fits(enum access_action action, const struct hearing_person *target)
{
    bool is_in_courtroom = hearing_room(target) == TERMS_ROOM_COURTROOM;
    switch (action) {
    case ACCESS_ADMIT:
        return target->stored.room == TERMS_ROOM_WAITING;
    case ACCESS_DISMISS:
        return target->stored.room == TERMS_ROOM_COURTROOM;
    case ACCESS_MUTE:
    case ACCESS_FLOOR:
    case ACCESS_SPOTLIGHT:
        return is_in_courtroom;
    case ACCESS_SWEAR:
        return is_in_courtroom && !target->oath.form;
    case ACCESS_RELEASE:
        return target->oath.form;
    case ACCESS_REMOVE:
        return !target->stored.removed;
    case ACCESS_CALL_BACK:
        return target->aside.number;
    default: /* wherever it is */
        return true;
    }
}

static int check_target(const struct hearing_person *actor, enum access_action action,
                        const struct hearing_person *target)
{
    bool spares_own = action == ACCESS_DISMISS || action == ACCESS_REMOVE;
    bool is_judge = target->stored.role == CONTROL_ROLE_JUDGE;
    if ((spares_judges(action) && is_judge) || (spares_own && target == actor))
        return -EPERM;
    if (action == ACCESS_SWEAR && !access_role_ever_may(target->stored.role, ACCESS_TAKE_OATH))
        return -EPERM;
    return fits(action, target) ? 0 : -ESTALE;
}

static bool has_target(enum access_action action)
{
    return action == ACCESS_ADMIT || action == ACCESS_DISMISS || action == ACCESS_MUTE ||
           action == ACCESS_REMOVE || action == ACCESS_LOWER_HAND || action == ACCESS_CALL_BACK ||
           action == ACCESS_LOCK || action == ACCESS_FLOOR || action == ACCESS_SCREEN ||
           action == ACCESS_SWEAR || action == ACCESS_RELEASE || action == ACCESS_SPOTLIGHT;
}

int hearing_check(const struct hearing *h, const struct hearing_person *actor,
                  enum access_action action, uint64_t target)
{
    if (!access_role_ever_may(actor->stored.role, action) || actor->stored.removed)
        return -EPERM;
    if (actor->stored.room == TERMS_ROOM_OUTSIDE && action != ACCESS_RECORDS &&
        action != ACCESS_JOIN)
        return -ENOTCONN;
    if (!access_may(actor->stored.role, action, hearing_state(h), hearing_room(actor)))
        return -ESTALE;
    if (!has_target(action))
        return 0;
    /* Somebody the actor does not see is not there for it. */
    const struct hearing_person *person = hearing_find(h, target);
    if (!person || !hearing_sees(actor, person))
        return -ENOENT;
    return check_target(actor, action, person);
}
