/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/lanes.h"

#include <string.h>

#include "unit/check.h"

#define MS 1000ull

static struct lanes l;

/* What comes out at the other end. */
static struct framing framing;
static uint32_t next_number;

static bool put(enum lanes_kind kind, size_t len, uint32_t number)
{
    uint8_t *room = lanes_reserve(&l, kind);
    if (!room)
        return false;
    memset(room, (int)kind + 1, len);
    memcpy(room + 1, &number, sizeof(number));
    lanes_commit(&l, len);
    return true;
}

/* Takes `len` bytes off, and gives the datagrams that are whole by now to `taken`. */
static size_t take(size_t len, void (*taken)(const struct framing_datagram *))
{
    struct iovec parts[LANES_PARTS_MAX];
    size_t n = lanes_parts(&l, parts), seen = 0, left = len;
    CHECK(n <= LANES_PARTS_MAX);
    for (size_t i = 0; i < n && left > 0; i++) {
        size_t here = parts[i].iov_len < left ? parts[i].iov_len : left;
        struct reader r = reader_over(parts[i].iov_base, here);
        struct framing_datagram d;
        while (framing_next(&framing, &r, &d) == FRAMING_DATAGRAM) {
            seen++;
            if (taken)
                taken(&d);
        }
        left -= here;
    }
    CHECK_EQ(left, 0);
    size_t ended = lanes_sent(&l, len);
    CHECK_EQ(ended, seen);
    return ended;
}

static size_t waiting(void)
{
    struct iovec parts[LANES_PARTS_MAX];
    size_t n = lanes_parts(&l, parts), len = 0;
    for (size_t i = 0; i < n; i++)
        len += parts[i].iov_len;
    CHECK_EQ(len == 0, lanes_are_empty(&l));
    return len;
}

static void begin(void)
{
    lanes_init(&l);
    framing = (struct framing){0};
    next_number = 0;
    CHECK(lanes_are_empty(&l));
}

static void note_order(const struct framing_datagram *d)
{
    static const uint8_t order[] = {LANES_PICTURE + 1, LANES_CONTROL + 1, LANES_SOUND + 1,
                                    LANES_PICTURE + 1};
    CHECK_EQ(d->bytes[0], order[next_number++]);
}

/* Sound and control overtake pictures, but never in the middle of one. */
static void overtakes_between_datagrams(void)
{
    begin();
    CHECK(put(LANES_PICTURE, 1000, 0) && put(LANES_PICTURE, 900, 1));
    CHECK_EQ(take(1, note_order), 0); /* half of its length */
    CHECK(put(LANES_CONTROL, 40, 2) && put(LANES_SOUND, 100, 3));
    CHECK_EQ(take(1000, note_order), 0);
    CHECK_EQ(take(waiting(), note_order), 4);
    CHECK(lanes_are_empty(&l));
    /* A sound begun ends before the next, which goes before the picture. */
    CHECK(put(LANES_SOUND, 100, 0) && put(LANES_SOUND, 100, 1) && put(LANES_PICTURE, 100, 2));
    CHECK_EQ(take(50, NULL), 0);
    CHECK_EQ(take(52 + 102, NULL), 2);
    CHECK_EQ(take(waiting(), NULL), 1);
}

static void note_number(const struct framing_datagram *d)
{
    uint32_t number;
    memcpy(&number, d->bytes + 1, sizeof(number));
    CHECK_EQ(number, next_number++);
    for (size_t i = 1 + sizeof(number); i < d->len; i++)
        CHECK_EQ(d->bytes[i], d->bytes[0]);
}

/* The rings go round many times under all lengths and cuts: nothing is torn, lost or out of order.
 */
static void goes_round(enum lanes_kind kind)
{
    begin();
    uint32_t number = 0, seed = 7;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 1664525 + 1013904223;
        size_t len = 5 + (seed >> 8) % (FRAMING_DATAGRAM_MAX - 4);
        bool fill = i / 500 % 2 == 0; /* by turns it grows full and empty */
        for (unsigned n = seed >> 30; n <= (fill ? 3 : 1); n++)
            number += put(kind, len, number);
        size_t here = waiting();
        size_t some = (seed >> 4) % 4000 / (fill ? 2 : 1);
        (void)take(some < here ? some : here, note_number);
    }
    (void)take(waiting(), note_number);
    CHECK(lanes_are_empty(&l));
    CHECK_EQ(next_number, number);
}

/* What is full drops its own kind, whole: pictures leave sound alone, and sound leaves control its
 * part. All of it is bounded. */
static void drops_pictures_first(void)
{
    begin();
    uint32_t pictures = 0, sounds = 0, controls = 0;
    while (put(LANES_PICTURE, 1200, pictures))
        pictures++;
    CHECK(pictures > 250 && pictures * 1202 <= LIMIT_TCP_PICTURE_BYTES);
    while (put(LANES_SOUND, 120, sounds))
        sounds++;
    CHECK(sounds > 440 && sounds * 122 <= LIMIT_TCP_SOUND_BYTES - LIMIT_TCP_CONTROL_BYTES + 122);
    while (put(LANES_CONTROL, 100, controls))
        controls++;
    CHECK(controls > 50);
    CHECK(waiting() <= LIMIT_TCP_SOUND_BYTES + LIMIT_TCP_PICTURE_BYTES);
    CHECK_EQ(take(waiting(), NULL), pictures + sounds + controls);
    CHECK(put(LANES_PICTURE, 1200, 0) && put(LANES_SOUND, 120, 0));
}

/* What waits too long keeps out more of its kind until it is gone; control is let in. */
static void refuses_what_would_be_late(void)
{
    begin();
    CHECK(put(LANES_PICTURE, 1000, 0) && put(LANES_SOUND, 100, 0));
    lanes_look(&l, 1000 * MS);
    lanes_look(&l, 1000 * MS + LIMIT_TCP_PICTURE_LATE_MS * MS);
    CHECK(put(LANES_PICTURE, 1000, 1) && put(LANES_SOUND, 100, 1));
    lanes_look(&l, 1001 * MS + LIMIT_TCP_PICTURE_LATE_MS * MS);
    CHECK(!put(LANES_PICTURE, 1000, 2));
    CHECK(put(LANES_SOUND, 100, 2));
    lanes_look(&l, 1001 * MS + LIMIT_TCP_SOUND_LATE_MS * MS);
    CHECK(!put(LANES_SOUND, 100, 3));
    CHECK(put(LANES_CONTROL, 100, 4));
    /* The sound that was late is gone; what came behind it has waited less, as far as is known. */
    CHECK_EQ(take(102, NULL), 1);
    lanes_look(&l, 1002 * MS + LIMIT_TCP_SOUND_LATE_MS * MS);
    CHECK(put(LANES_SOUND, 100, 5));
    CHECK(!put(LANES_PICTURE, 1000, 6));
    CHECK_EQ(take(4 * 102 + 1002, NULL), 5);
    lanes_look(&l, 1003 * MS + LIMIT_TCP_SOUND_LATE_MS * MS);
    CHECK(put(LANES_PICTURE, 1000, 7));
    /* Empty, it is fresh however long ago that was. */
    (void)take(waiting(), NULL);
    lanes_look(&l, 100000 * MS);
    CHECK(put(LANES_PICTURE, 1000, 8) && put(LANES_SOUND, 100, 8));
    lanes_look(&l, 100001 * MS);
    lanes_look(&l, 100002 * MS);
    CHECK(put(LANES_PICTURE, 1000, 9));
}

/* A room that is left is given again. */
static void leaves_room(void)
{
    begin();
    uint8_t *room = lanes_reserve(&l, LANES_SOUND);
    CHECK(room && lanes_reserve(&l, LANES_SOUND) == room);
    CHECK(lanes_are_empty(&l));
    CHECK(put(LANES_PICTURE, 10, 0));
    CHECK_EQ(waiting(), 12);
}

int main(void)
{
    overtakes_between_datagrams();
    goes_round(LANES_PICTURE);
    goes_round(LANES_SOUND);
    goes_round(LANES_CONTROL);
    drops_pictures_first();
    refuses_what_would_be_late();
    leaves_room();
    return 0;
}
