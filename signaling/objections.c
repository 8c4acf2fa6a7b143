/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/objections.h"

#include <string.h>

const struct objection *objections_find(const struct objections *o, uint32_t number)
{
    for (size_t i = 0; i < o->count; i++)
        if (o->pending[i].number == number)
            return &o->pending[i];
    return NULL;
}

void objections_raise(struct objections *o, uint32_t number, uint64_t by)
{
    o->raised = number;
    if (o->count < LIMIT_OBJECTIONS)
        o->pending[o->count++] = (struct objection){number, by};
}

void objections_rule(struct objections *o, uint32_t number, enum terms_ruling ruling)
{
    const struct objection *found = objections_find(o, number);
    if (!found)
        return;
    size_t i = (size_t)(found - o->pending);
    memmove(&o->pending[i], &o->pending[i + 1], (--o->count - i) * sizeof(o->pending[0]));
    o->ruled = number;
    o->ruling = ruling;
}
