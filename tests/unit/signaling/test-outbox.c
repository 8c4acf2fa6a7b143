/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "unit/check.h"

static void test_order_and_headroom(void)
{
    struct outbox o;
    size_t len = 0;
    outbox_init(&o);
    CHECK(!outbox_first(&o, &len));
    CHECK_EQ(outbox_add(&o, "first", 5), 0);
    CHECK_EQ(outbox_add(&o, "", 0), 0);
    CHECK_EQ(outbox_add(&o, "third", 5), 0);
    static const char *const expected[] = {"first", "", "third"};
    for (size_t i = 0; i < 3; i++) {
        unsigned char *text = outbox_first(&o, &len);
        CHECK(text && len == strlen(expected[i]) && memcmp(text, expected[i], len) == 0);
        memset(text - OUTBOX_HEADROOM, 0xff, OUTBOX_HEADROOM); /* ours to write */
        outbox_drop(&o);
    }
    CHECK(!outbox_first(&o, &len));
    CHECK_EQ(o.bytes, 0);
    outbox_finish(&o);
}

/* A page that does not read keeps LIMIT_SEND_QUEUE_BYTES and no more; room comes back. */
static void test_bound(void)
{
    static char text[LIMIT_SEND_QUEUE_BYTES + 1];
    struct outbox o;
    outbox_init(&o);
    CHECK_EQ(outbox_add(&o, text, sizeof(text)), -ENOBUFS);
    CHECK_EQ(outbox_add(&o, text, 1000), 0);
    CHECK_EQ(outbox_add(&o, text, LIMIT_SEND_QUEUE_BYTES - 1000), 0);
    CHECK_EQ(outbox_add(&o, text, 1), -ENOBUFS);
    CHECK_EQ(o.bytes, LIMIT_SEND_QUEUE_BYTES);
    outbox_drop(&o);
    CHECK_EQ(outbox_add(&o, text, 1001), -ENOBUFS);
    CHECK_EQ(outbox_add(&o, text, 1000), 0);
    outbox_finish(&o); /* with two left */
}

int main(void)
{
    test_order_and_headroom();
    test_bound();
    return 0;
}
