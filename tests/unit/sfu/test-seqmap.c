/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/seqmap.h"

#include <errno.h>

#include "unit/check.h"

/* One step: what arrives, whether it is withheld, and what must go out (or the error). */
struct step {
    uint16_t seq;
    bool withhold;
    int expected;
};

static void run(const struct step *steps, size_t count)
{
    struct seqmap map = {0};
    for (size_t i = 0; i < count; i++) {
        uint16_t sent = 0;
        int r = steps[i].withhold ? seqmap_withhold(&map, steps[i].seq)
                                  : seqmap_forward(&map, steps[i].seq, &sent);
        CHECK_EQ(r < 0 ? r : sent, steps[i].expected);
    }
}
#define RUN(...)                                                                                   \
    do {                                                                                           \
        const struct step steps_[] = {__VA_ARGS__};                                                \
        run(steps_, sizeof(steps_) / sizeof(steps_[0]));                                           \
    } while (0)

int main(void)
{
    /* Nothing withheld: numbers pass unchanged, across the wrap too. */
    RUN({65534, false, 65534}, {65535, false, 65535}, {0, false, 0});

    /* A withheld packet leaves no gap. */
    RUN({10, false, 10}, {11, true, 0}, {12, false, 11}, {13, false, 12});

    /* A late packet gets the number it would have had in order. */
    RUN({10, false, 10}, {12, true, 0}, {13, false, 12}, {11, false, 11});

    /* A retransmission of a withheld packet is not sent; one too old is refused. */
    RUN({10, false, 10}, {11, true, 0}, {11, false, -EALREADY});
    RUN({10, false, 10}, {10 + SEQMAP_HISTORY, false, 10 + SEQMAP_HISTORY}, {10, false, -ERANGE});

    /* A jump of half the numbers costs no more than the history, and maps as before. */
    RUN({10, false, 10}, {11, true, 0}, {30011, false, 30010}, {30010, false, 30009},
        {30011 - SEQMAP_HISTORY, false, -ERANGE});
    return 0;
}
