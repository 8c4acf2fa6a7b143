/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/even.h"

#include "unit/check.h"

/* One packet of a picture, as it came: with more or less in its header than what we send. */
struct step {
    uint32_t timestamp;
    uint16_t payload_len;
    bool marker;
    uint8_t padding; /* expected */
};

static void run(const struct step *steps, size_t count, size_t overhead)
{
    struct evener e = {0};
    for (size_t i = 0; i < count; i++) {
        const struct step *s = &steps[i];
        static struct packet p;
        p.len = (uint16_t)(RTP_HEADER_BYTES + overhead + s->payload_len);
        p.rtp = (struct rtp_view){
            .timestamp = s->timestamp, .marker = s->marker, .payload_len = s->payload_len};
        uint8_t padding = evener_padding(&e, &p);
        if (padding != s->padding)
            fprintf(stderr, "step %zu\n", i);
        CHECK_EQ(padding, s->padding);
    }
}

#define RUN(overhead, ...)                                                                         \
    do {                                                                                           \
        static const struct step steps[] = {__VA_ARGS__};                                          \
        run(steps, sizeof(steps) / sizeof(steps[0]), overhead);                                    \
    } while (0)

int main(void)
{
    /* Frames as Chromium splits them: all become of one length, whichever is longer. */
    RUN(8, {1, 927, false, 1}, {1, 928, false, 0}, {1, 928, false, 0}, {1, 928, true, 0},
        {2, 789, false, 1}, {2, 790, true, 0}, {3, 981, false, 1}, {3, 981, false, 1},
        {3, 980, true, 2});
    /* A frame of one packet needs nothing, nor does what comes late of one that went by. */
    RUN(8, {1, 500, true, 0}, {2, 501, true, 0}, {2, 500, false, 1}, {3, 499, true, 0});
    /* A short last one ends the message as it is; a longer one, and what follows it, make another.
     */
    RUN(8, {1, 1000, false, 1}, {1, 1000, false, 1}, {1, 37, true, 0}, {2, 100, false, 1},
        {2, 900, false, 1}, {2, 901, false, 0}, {2, 900, true, 1});
    /* What every path carries may become longer than it came, else nothing. */
    RUN(0, {1, 1000, false, 1}, {1, 999, false, 2}, {1, 1001, true, 0});
    RUN(1, {1, 1300, false, 1}, {1, 1299, false, 0}, {1, 1301, true, 0});
    RUN(0, {1, 1300, false, 0}, {1, 1299, false, 0});
    RUN(0, {1, EVEN_PACKET_MAX - RTP_HEADER_BYTES - 1, false, 1},
        {2, EVEN_PACKET_MAX - RTP_HEADER_BYTES, false, 0});
    /* The highest lengths, and none. */
    RUN(8, {1, UINT16_MAX - RTP_HEADER_BYTES - 8, false, 1}, {1, 0, true, 0}, {0, 0, false, 1},
        {0, 0, false, 1});
    return 0;
}
