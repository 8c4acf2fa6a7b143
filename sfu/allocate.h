/* Who gets how much of the way to a page: of each picture it is shown, which encoding at which
 * frame rate, or none. Sound goes before all pictures and is only reckoned with here. Frames are
 * given up before size is: of one encoding fewer of them come before the next smaller encoding.
 * Pure. SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_ALLOCATE_H
#define SFU_ALLOCATE_H

#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"
#include "sfu/tiers.h"

/* What a picture is to the court; earlier ones go first. */
enum allocate_rank {
    ALLOCATE_EXHIBIT = 0, /* a screen, or what is shown as evidence */
    ALLOCATE_SPEAKER,
    ALLOCATE_JUDGE,
    ALLOCATE_INTERPRETER, /* of signs: what is not seen is not said */
    ALLOCATE_OTHER,       /* among themselves the larger on the screen first */
};

/* So much more than it costs must be free before a picture becomes better, permille of what it
 * costs more: what comes and goes should not take it away again at once. Ours. */
#define ALLOCATE_HEADROOM_PERMILLE 100
/* What is sent goes on as long as all but this of it is there, permille: estimates waver. Ours. */
#define ALLOCATE_LEEWAY_PERMILLE 200

#define ALLOCATE_NONE (-1)

/* A way the picture is to be had: an encoding, with all its frames or fewer (tiers.h). */
struct allocate_step {
    uint32_t bps;    /* on the path, headers included */
    uint16_t height; /* pixels; 0: not known */
    uint8_t encoding, tier;
};

#define ALLOCATE_STEPS (LIMIT_ENCODINGS * TIERS)

struct allocate_picture {
    enum allocate_rank rank;
    uint16_t height; /* it is shown with, pixels; UINT16_MAX: as high as it comes */
    uint8_t step_count;
    struct allocate_step steps[ALLOCATE_STEPS]; /* by encoding, smallest first, then by tier */
    int now;                                    /* that is sent; or ALLOCATE_NONE */
    int chosen;                                 /* allocate()'s answer */
};

/* Fills in `chosen` of each of at most LIMIT_SEATS. `bps`: what the pictures may cost together.
 * Returns what they would cost if all were as good as they are looked at, bit/s. */
uint64_t allocate(struct allocate_picture *pictures, size_t count, uint32_t bps);

#endif
