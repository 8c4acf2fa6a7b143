/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/packet.h"

#include <errno.h>

#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

static int take_until_empty(void)
{
    CLEANUP(packet_pool_destroy) struct packet_pool *pool = NULL;
    int r = packet_pool_create(3, &pool);
    if (r < 0)
        return r;
    struct packet *taken[3];
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ(packet_take(pool, &taken[i]), 0);
        CHECK_EQ(packet_pool_free(pool), 2 - i);
        CHECK(taken[i]->data == taken[i]->bytes);
    }
    /* Exhaustion is an answer, is counted, and leaves the output alone. */
    struct packet *none = NULL;
    CHECK_EQ(packet_take(pool, &none), -ENOBUFS);
    CHECK_EQ(packet_take(pool, &none), -ENOBUFS);
    CHECK(!none);
    CHECK_EQ(packet_pool_exhausted(pool), 2);

    /* Only the last reference gives a buffer back; it comes out clean. */
    CHECK(packet_ref(taken[1]) == taken[1]);
    packet_unref(taken[1]);
    CHECK_EQ(packet_pool_free(pool), 0);
    taken[1]->len = 77;
    taken[1]->data += 2;
    taken[1]->rtp.seq = 9;
    taken[1]->payload.key_frame = true;
    packet_unref(taken[1]);
    CHECK_EQ(packet_pool_free(pool), 1);
    struct packet *again = NULL;
    CHECK_EQ(packet_take(pool, &again), 0);
    CHECK(again == taken[1]);
    CHECK_EQ(again->len, 0);
    CHECK(again->data == again->bytes);
    CHECK_EQ(again->rtp.seq, 0);
    CHECK(!again->payload.key_frame);

    packet_unref(NULL);
    packet_unref(again);
    packet_unref(taken[0]);
    packet_unref(taken[2]);
    CHECK_EQ(packet_pool_free(pool), 3);
    return 0;
}

int main(void)
{
#ifdef TEST_FAULTS
    for (int n = 0;; n++) {
        faults_fail_at(n);
        int r = take_until_empty();
        if (!faults_happened()) {
            CHECK_EQ(r, 0);
            return 0;
        }
        CHECK_EQ(r, -ENOMEM);
    }
#else
    struct packet_pool *none = NULL;
    CHECK_EQ(packet_pool_create(0, &none), -EINVAL);
    CHECK_EQ(packet_pool_create(SIZE_MAX / 2, &none), -EINVAL);
    CHECK_EQ(take_until_empty(), 0);
    return 0;
#endif
}
