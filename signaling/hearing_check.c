/* Who may do what to whom: access.h's table, and what each action asks of its target.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "signaling/hearing.h"

/* What an action asks of the person it is done to. */
static int check_target(const struct hearing_person *actor, enum access_action action,
                        const struct hearing_person *target)
{
    bool is_own = target == actor, is_judge = target->stored.role == CONTROL_ROLE_JUDGE;
    switch (action) {
    case ACCESS_ADMIT:
        return target->stored.room == TERMS_ROOM_WAITING ? 0 : -ESTALE;
    case ACCESS_DISMISS:
        if (is_own || is_judge)
            return -EPERM;
        return target->stored.room == TERMS_ROOM_COURTROOM ? 0 : -ESTALE;
    case ACCESS_MUTE:
    case ACCESS_FLOOR:
        return hearing_room(target) == TERMS_ROOM_COURTROOM ? 0 : -ESTALE;
    case ACCESS_SWEAR:
        if (!access_role_ever_may(target->stored.role, ACCESS_TAKE_OATH))
            return -EPERM;
        return hearing_room(target) == TERMS_ROOM_COURTROOM && !target->oath.form ? 0 : -ESTALE;
    case ACCESS_RELEASE:
        return target->oath.form ? 0 : -ESTALE;
    case ACCESS_REMOVE:
        if (is_own || is_judge)
            return -EPERM;
        return target->stored.removed ? -ESTALE : 0;
    case ACCESS_CALL_BACK:
        if (is_judge)
            return -EPERM;
        return target->aside.number ? 0 : -ESTALE;
    case ACCESS_LOCK:
    case ACCESS_SCREEN:
        return is_judge ? -EPERM : 0;
    case ACCESS_LOWER_HAND:
    case ACCESS_OPEN:
    case ACCESS_RECESS:
    case ACCESS_RESUME:
    case ACCESS_CLOSE:
    case ACCESS_PRODUCE:
    case ACCESS_HAND:
    case ACCESS_RECORDS:
    case ACCESS_CONNECTIONS:
    case ACCESS_CONSULT:
    case ACCESS_DELIBERATE:
    case ACCESS_CAUCUS:
    case ACCESS_SUSPEND:
    case ACCESS_IN_CAMERA:
    case ACCESS_CONSENT:
    case ACCESS_TAKE_OATH:
    case ACCESS_OBJECT:
    case ACCESS_RULE:
    case ACCESS_LOCK_ROOM:
    case ACCESS_MARK:
    case ACCESS_ENTER:
    case ACCESS_COME_BACK:
    case ACCESS_JOIN:
    case ACCESS_COUNT:
        return 0;
    }
    return -EINVAL;
}

static bool has_target(enum access_action action)
{
    return action == ACCESS_ADMIT || action == ACCESS_DISMISS || action == ACCESS_MUTE ||
           action == ACCESS_REMOVE || action == ACCESS_LOWER_HAND || action == ACCESS_CALL_BACK ||
           action == ACCESS_LOCK || action == ACCESS_FLOOR || action == ACCESS_SCREEN ||
           action == ACCESS_SWEAR || action == ACCESS_RELEASE;
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
