/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/testimony.h"

#include <errno.h>

#include "signaling/hearing_change.h"

static void note_state(const struct hearing *h, struct hearing_changes *changes)
{
    change_note(h, changes, (struct hearing_change){.type = HEARING_CHANGE_STATE});
}

void testimony_ask(struct hearing *h, struct hearing_person *p, enum terms_oath form,
                   struct hearing_changes *changes)
{
    changes->count = 0;
    p->oath = (struct story_oath){.form = form};
    change_note_person(h, p, changes);
}

int testimony_check_take(const struct hearing_person *p)
{
    return p->oath.form && !p->oath.taken ? 0 : -ESTALE;
}

void testimony_take(struct hearing *h, struct hearing_person *p, struct hearing_changes *changes)
{
    changes->count = 0;
    p->oath.taken = true;
    change_note_person(h, p, changes);
    if (!p->asked)
        return;
    p->asked = 0;
    change_end_empty_rooms(h);
    change_note(h, changes,
                (struct hearing_change){.type = HEARING_CHANGE_ASKED, .to = p->stored.id});
}

int testimony_check_object(const struct hearing *h, const struct hearing_person *p)
{
    for (size_t i = 0; i < h->objections.count; i++)
        if (h->objections.pending[i].by == p->stored.id)
            return -ESTALE;
    return h->objections.count < LIMIT_OBJECTIONS ? 0 : -ENOSPC;
}

void testimony_object(struct hearing *h, uint32_t number, uint64_t by,
                      struct hearing_changes *changes)
{
    changes->count = 0;
    objections_raise(&h->objections, number, by);
    note_state(h, changes);
}

int testimony_check_rule(const struct hearing *h, uint32_t number)
{
    return objections_find(&h->objections, number) ? 0 : -ENOENT;
}

void testimony_rule(struct hearing *h, uint32_t number, enum terms_ruling ruling,
                    struct hearing_changes *changes)
{
    changes->count = 0;
    objections_rule(&h->objections, number, ruling);
    note_state(h, changes);
}

void testimony_lock_room(struct hearing *h, bool locked, struct hearing_changes *changes)
{
    changes->count = 0;
    if (h->locked == locked)
        return;
    h->locked = locked;
    note_state(h, changes);
}
