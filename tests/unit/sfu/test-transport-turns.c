/* Many handshakes at once on one worker: media of others goes between, each has its turn, each
 * ends, also when others are taken away meanwhile. SPDX-License-Identifier: Apache-2.0 */
#include "sfu/transport.h"

#include <string.h>

#include "common/limits.h"
#include "unit/check.h"
#include "wire.h"

#define MANY 200

static struct wire wire;
static struct transport *transports[MANY];
static struct link *links[MANY];

static uint64_t sent(void)
{
    CHECK(send_flush(wire.queue));
    return send_queue_stats(wire.queue)->datagrams;
}

static void serve_all(void)
{
    while (wire_serve(&wire))
        ;
}

/* Every page has proven its address, and its ClientHello waits in our socket. */
static void all_say_hello(void)
{
    for (size_t i = 0; i < MANY; i++) {
        CHECK_EQ(wire_add(&wire, &transports[i]), 0);
        CHECK_EQ(
            transport_connect(transports[i], dtls_context_fingerprint(wire.page_dtls), wire_now_us),
            0);
        CHECK_EQ(wire_open_link(&wire, transports[i], &links[i]), 0);
        (void)link_tick(links[i], wire_now_us);
        serve_all();
    }
    for (size_t i = 0; i < MANY; i++)
        (void)wire_step_page(&wire, links[i]);
}

static void end_all(void)
{
    for (size_t i = 0; i < MANY; i++) {
        transport_destroy(STEAL(transports[i]));
        link_destroy(STEAL(links[i]));
    }
    CHECK_EQ(wire.handshakes.bytes, 0);
}

/* Gives every handshake its turns until nothing moves. */
static void settle_all(void)
{
    bool moved;
    do {
        moved = false;
        for (size_t i = 0; i < MANY; i++)
            moved = (links[i] && wire_step_page(&wire, links[i])) || moved;
        serve_all();
        while (transport_shake_hands(&wire.handshakes, wire_now_us))
            moved = true;
        CHECK(send_flush(wire.queue));
    } while (moved);
}

static size_t connected(void)
{
    size_t n = 0;
    for (size_t i = 0; i < MANY; i++)
        n += transports[i] && transport_can_send(transports[i]) && link_is_connected(links[i]);
    return n;
}

/* A batch of 200 hellos costs the packet behind them nothing; then each is answered in its turn. */
static void media_goes_between(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    wire.patient = false;
    wire_connected(&wire, &t, &l);
    wire.patient = true;
    all_say_hello();
    CHECK_EQ(wire_page_sends(l, 1, 5), 0);
    link_flush(l);
    wire.opened = 0;
    uint64_t before = sent();
    serve_all();
    CHECK_EQ(wire.opened, 1);
    CHECK_EQ(sent(), before);

    for (size_t i = 0; i < MANY; i++) {
        uint64_t answered = sent();
        CHECK(transport_shake_hands(&wire.handshakes, wire_now_us) == transports[i]);
        CHECK(sent() > answered);
        CHECK(sent() <= answered + 3); /* its flight */
    }
    CHECK(!transport_shake_hands(&wire.handshakes, wire_now_us));
    settle_all();
    CHECK_EQ(connected(), MANY);
    end_all();
}

/* The transports of every second page go while their datagrams wait. */
static void others_may_go_meanwhile(void)
{
    wire.patient = true;
    all_say_hello();
    serve_all();
    for (size_t i = 0; i < MANY; i += 2)
        transport_destroy(STEAL(transports[i]));
    for (size_t i = 0; i < MANY / 4; i++)
        CHECK(transport_shake_hands(&wire.handshakes, wire_now_us));
    for (size_t i = 1; i < MANY; i += 4)
        transport_destroy(STEAL(transports[i]));
    settle_all();
    CHECK_EQ(connected(), MANY / 4);
    end_all();
}

/* One that floods its own association neither fills the queue nor keeps others waiting. */
static void a_flood_is_its_own(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    wire.patient = true;
    CHECK_EQ(wire_add(&wire, &t), 0);
    CHECK_EQ(wire_open_link(&wire, t, &l), 0);
    (void)link_tick(l, wire_now_us);
    serve_all();
    uint8_t hello[200] = {22, 254, 253, [12] = 187, [13] = 1};
    uint64_t dropped = wire.stats.dropped[TRANSPORT_DROP_DTLS];
    for (int i = 0; i < 1000; i++) {
        CHECK_EQ(link_send_raw(l, hello, sizeof(hello)), 0);
        if (i % 50 == 49) {
            link_flush(l);
            serve_all();
        }
    }
    CHECK_EQ(wire.stats.dropped[TRANSPORT_DROP_DTLS], dropped + 1000 - LIMIT_DTLS_WAITING);
    CHECK(wire.handshakes.bytes <= LIMIT_DTLS_WAITING * sizeof(hello));
    all_say_hello();
    serve_all();
    for (size_t turn = 0; turn < 2 * MANY; turn++)
        (void)transport_shake_hands(&wire.handshakes, wire_now_us);
    CHECK(send_flush(wire.queue));
    settle_all();
    CHECK_EQ(connected(), MANY);
    end_all();
}

/* While a page's answer waits, our flight is not sent again. */
static void what_waits_is_no_loss(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    wire.patient = true;
    CHECK_EQ(wire_add(&wire, &t), 0);
    CHECK_EQ(transport_connect(t, dtls_context_fingerprint(wire.page_dtls), wire_now_us), 0);
    CHECK_EQ(wire_open_link(&wire, t, &l), 0);
    (void)link_tick(l, wire_now_us);
    serve_all();
    (void)wire_step_page(&wire, l);
    serve_all();
    CHECK(transport_shake_hands(&wire.handshakes, wire_now_us) == t);
    CHECK(send_flush(wire.queue));
    wire_now_us += 10000;
    (void)wire_step_page(&wire, l);
    serve_all();
    CHECK(handshakes_wait(&wire.handshakes));
    uint64_t before = sent();
    wire_now_us += SECOND_US;
    (void)transport_tick(t, wire_now_us);
    CHECK_EQ(sent(), before);
    while (transport_shake_hands(&wire.handshakes, wire_now_us))
        ;
    CHECK(transport_can_send(t));
}

int main(void)
{
    CHECK_EQ(wire_open(&wire, "127.0.0.1"), 0);
    media_goes_between();
    others_may_go_meanwhile();
    a_flood_is_its_own();
    what_waits_is_no_loss();
    wire_close(&wire);
    return 0;
}
