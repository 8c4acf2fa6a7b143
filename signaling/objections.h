/* Objections of a hearing: raised by a party's side, and ruled upon by a judge. Pure: the journal's
 * story and the hearing in memory keep one each and change it alike.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_OBJECTIONS_H
#define SIGNALING_OBJECTIONS_H

#include "common/limits.h"
#include "signaling/terms.h"

struct objection {
    uint32_t number; /* from 1, in the order they were raised */
    uint64_t by;
};

struct objections {
    uint32_t raised; /* the number of the last */
    size_t count;
    struct objection pending[LIMIT_OBJECTIONS]; /* the oldest first */
    uint32_t ruled;                             /* the number of the last ruled upon; 0: none */
    enum terms_ruling ruling;
};

/* NULL: it is not pending. Borrowed until the next change. */
const struct objection *objections_find(const struct objections *objections, uint32_t number);

/* One more than LIMIT_OBJECTIONS is not kept: the caller asks `count` before. */
void objections_raise(struct objections *objections, uint32_t number, uint64_t by);

/* Nothing happens to one that is not pending. */
void objections_rule(struct objections *objections, uint32_t number, enum terms_ruling ruling);

#endif
