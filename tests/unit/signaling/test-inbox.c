/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/inbox.h"

#include <errno.h>
#include <string.h>

#include "common/limits.h"
#include "unit/check.h"

#define NOW_US 5000000ull
#define SECOND 1000000ull

static struct inbox opened(void)
{
    struct inbox in;
    CHECK_EQ(inbox_init(&in, NOW_US), 0);
    return in;
}

/* A frame may come in parts and a message in frames. */
static void test_a_message_in_pieces(void)
{
    struct inbox in = opened();
    size_t len = 0;
    CHECK_EQ(inbox_add(&in, "ab", 2, false, false, NOW_US, &len), 0);
    CHECK_EQ(inbox_add(&in, "cd", 2, true, false, NOW_US, &len), 0);
    CHECK_EQ(inbox_add(&in, "e", 1, false, true, NOW_US, &len), 0);
    CHECK_EQ(inbox_add(&in, NULL, 0, true, true, NOW_US, &len), 1);
    CHECK(len == 5 && memcmp(in.text, "abcde", 5) == 0);
    CHECK_EQ(inbox_add(&in, "f", 1, true, true, NOW_US, &len), 1);
    CHECK(len == 1 && in.text[0] == 'f');
    inbox_finish(&in);
}

static void test_size(void)
{
    static char text[LIMIT_MESSAGE_BYTES + 1];
    struct inbox in = opened();
    size_t len = 0;
    CHECK_EQ(inbox_add(&in, text, sizeof(text), true, true, NOW_US, &len), -EMSGSIZE);
    CHECK_EQ(inbox_add(&in, text, LIMIT_MESSAGE_BYTES, true, true, NOW_US, &len), 1);
    CHECK_EQ(len, LIMIT_MESSAGE_BYTES);
    CHECK_EQ(inbox_add(&in, text, LIMIT_MESSAGE_BYTES, true, false, NOW_US, &len), 0);
    CHECK_EQ(inbox_add(&in, text, 1, true, true, NOW_US, &len), -EMSGSIZE);
    inbox_finish(&in);
}

/* Sends frames of one byte at `now_us` until one is refused; returns how many were taken. */
static unsigned burst(struct inbox *in, bool whole, uint64_t now_us)
{
    size_t len = 0;
    for (unsigned n = 0;; n++) {
        int r = inbox_add(in, "x", 1, true, whole, now_us, &len);
        if (r < 0) {
            CHECK_EQ(r, -EBUSY);
            return n;
        }
        CHECK_EQ(r, whole ? 1 : 0);
        CHECK(n <= LIMIT_MESSAGE_BURST);
    }
}

static void test_rate(void)
{
    struct inbox in = opened();
    CHECK_EQ(burst(&in, true, NOW_US), LIMIT_MESSAGE_BURST);
    CHECK_EQ(burst(&in, true, NOW_US + SECOND), LIMIT_MESSAGE_RATE);
    CHECK_EQ(burst(&in, true, NOW_US + SECOND + SECOND / LIMIT_MESSAGE_RATE + 1), 1);
    CHECK_EQ(burst(&in, true, NOW_US + 3600 * SECOND),
             LIMIT_MESSAGE_BURST); /* saved up to a burst */
    inbox_finish(&in);
    in = opened();
    CHECK_EQ(burst(&in, false, NOW_US), LIMIT_MESSAGE_BURST); /* pieces count as well */
    inbox_finish(&in);
}

int main(void)
{
    test_a_message_in_pieces();
    test_size();
    test_rate();
    return 0;
}
