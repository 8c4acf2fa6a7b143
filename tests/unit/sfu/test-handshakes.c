/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/handshakes.h"

#include <errno.h>
#include <string.h>

#include "common/limits.h"
#include "unit/check.h"

#define PEOPLE 4

static struct handshakes all;
static struct handshake people[PEOPLE];
static const struct path from;

static int put(int who, char what)
{
    const uint8_t byte = (uint8_t)what;
    return handshakes_put(&all, &people[who], &from, &byte, 1);
}

/* "a1": what of whom; "": nothing waits. */
static const char *take(void)
{
    static char text[3];
    struct handshake *whose;
    struct handshake_datagram *d = handshakes_take(&all, &whose);
    if (!d)
        return "";
    text[0] = (char)d->bytes[0];
    text[1] = (char)('0' + (whose - people));
    CHECK_EQ(d->len, 1);
    free(d);
    return text;
}

#define CHECK_TAKE(wanted) CHECK(strcmp(take(), wanted) == 0)

static void begin(void)
{
    handshakes_init(&all);
    for (int i = 0; i < PEOPLE; i++)
        handshake_init(&people[i]);
}

/* First come, first served, and of each one datagram in turn. */
static void who_sends_many_delays_nobody_else(void)
{
    begin();
    CHECK_TAKE("");
    for (char c = 'a'; c < 'd'; c++)
        CHECK_EQ(put(0, c), 0);
    CHECK_EQ(put(1, 'x'), 0);
    CHECK_EQ(put(2, 'y'), 0);
    CHECK(handshakes_wait(&all));
    CHECK_TAKE("a0");
    CHECK_TAKE("b0"); /* it has begun: every second turn is of those */
    CHECK_TAKE("x1");
    CHECK_TAKE("c0");
    CHECK_TAKE("y2");
    CHECK_TAKE("");
    CHECK(!handshakes_wait(&all));
}

/* Neither those that begin nor those that have begun can starve the others. */
static void kinds_alternate(void)
{
    begin();
    CHECK_EQ(put(0, 'a'), 0);
    CHECK_EQ(put(1, 'a'), 0);
    CHECK_TAKE("a0");
    CHECK_TAKE("a1");
    for (int i = 0; i < PEOPLE; i++)
        CHECK_EQ(put(i, 'b'), 0);
    CHECK_EQ(put(0, 'c'), 0);
    CHECK_TAKE("b0");
    CHECK_TAKE("b2");
    CHECK_TAKE("b1");
    CHECK_TAKE("b3");
    CHECK_TAKE("c0");
    CHECK_TAKE("");
}

static void what_waits_is_bounded(void)
{
    static uint8_t big[1500];
    begin();
    for (int i = 0; i < LIMIT_DTLS_WAITING; i++)
        CHECK_EQ(put(0, 'a'), 0);
    CHECK_EQ(put(0, 'a'), -ENOBUFS);
    CHECK_EQ(put(1, 'b'), 0); /* that is its own affair */

    size_t left = LIMIT_DTLS_WAITING_BYTES - all.bytes;
    static struct handshake many[LIMIT_DTLS_WAITING_BYTES / sizeof(big) + 1];
    size_t put_in = 0;
    for (; put_in < left / sizeof(big); put_in++) {
        handshake_init(&many[put_in]);
        CHECK_EQ(handshakes_put(&all, &many[put_in], &from, big, sizeof(big)), 0);
    }
    CHECK_EQ(handshakes_put(&all, &people[2], &from, big, sizeof(big)), -ENOBUFS);
    CHECK(all.bytes <= LIMIT_DTLS_WAITING_BYTES);
    CHECK_TAKE("a0");
    for (size_t i = 0; i < put_in; i++)
        handshakes_forget(&all, &many[i]);
    CHECK_EQ(handshakes_put(&all, &people[2], &from, big, sizeof(big)), 0);
    for (int i = 0; i < PEOPLE; i++)
        handshakes_forget(&all, &people[i]);
    CHECK_EQ(all.bytes, 0);
    CHECK_TAKE("");
}

/* One goes, the others keep their turns. */
static void forgotten_ones_leave_no_gap(void)
{
    begin();
    for (int i = 0; i < PEOPLE; i++)
        CHECK_EQ(put(i, 'a'), 0);
    handshakes_forget(&all, &people[0]);
    handshakes_forget(&all, &people[2]);
    handshakes_forget(&all, &people[2]);
    CHECK_TAKE("a1");
    CHECK_TAKE("a3");
    CHECK_TAKE("");
}

int main(void)
{
    who_sends_many_delays_nobody_else();
    kinds_alternate();
    what_waits_is_bounded();
    forgotten_ones_leave_no_gap();
    return 0;
}
