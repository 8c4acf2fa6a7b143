/* SPDX-License-Identifier: Apache-2.0 */
/* Packets whose tags are owed while they wait for a TCP connection: what comes out at the other end
 * is authentic, and nothing is written into the memory of a connection that is gone. */
#include "sfu/tcp.h"

#include <errno.h>
#include <string.h>

#include "peer/tunnel.h"
#include "sfu/seal.h"
#include "unit/check.h"

#define HEADER  12
#define PAYLOAD 100
#define LEN     (HEADER + PAYLOAD + 10) /* AES-CM's tag */
#define COUNT   100

static struct sealer *sealer;
static struct tcp *tcp;
static struct seal *seal, *opener;
static struct seal_stream sealed, opened;
static struct address server;
static uint16_t seq;

/* A connection with a user. */
static struct tcp_link *dial(struct tunnel *t, struct list *user)
{
    static const uint8_t check[20] = {0, 1};
    struct framing_datagram d;
    struct path from = {0};
    CHECK_EQ(tunnel_open(t, &server, NULL), 0);
    CHECK_EQ(tunnel_send(t, check, sizeof(check)), 0);
    for (int i = 0; i < 2; i++) {
        tcp_wake(tcp, 1000);
        while (tcp_next(tcp, &from, &d))
            ;
    }
    CHECK(from.link);
    tcp_use(from.link, user);
    return from.link;
}

static void put_sealed(struct tcp_link *link)
{
    uint8_t header[HEADER] = {0x80, 96}, payload[PAYLOAD] = {1, 2, 3};
    header[2] = (uint8_t)(++seq >> 8);
    header[3] = (uint8_t)seq;
    const struct seal_packet p = {
        .header = header, .header_len = HEADER, .payload = payload, .payload_len = PAYLOAD};
    size_t len;
    uint8_t *room = tcp_reserve(link, LANES_SOUND);
    CHECK(room);
    CHECK_EQ(seal_rtp(seal, &sealed, &p, room, SEND_DATAGRAM_MAX, &len), 0);
    CHECK_EQ(len, LEN);
    tcp_commit(link, len);
}

static size_t take_sealed(struct tunnel *t)
{
    uint8_t datagram[FRAMING_DATAGRAM_MAX], plain[FRAMING_DATAGRAM_MAX];
    size_t count = 0, len, plain_len;
    while ((len = tunnel_receive(t, datagram))) {
        CHECK_EQ(len, LEN);
        CHECK_EQ(seal_open_rtp(opener, &opened, datagram, len, plain, &plain_len), 0);
        count++;
    }
    return count;
}

/* The ended ones are freed. */
static void let_go(void)
{
    struct framing_datagram d;
    struct path from;
    struct list *users;
    tcp_wake(tcp, 1000);
    while (tcp_next(tcp, &from, &d))
        ;
    while ((users = tcp_take_ended(tcp)))
        while (!list_is_empty(users))
            list_remove(users->next);
    CHECK_EQ(tcp_stats(tcp)->connections, 0);
}

static void run_all(enum sealer_library library)
{
    const struct keys keys = {.suite = KEYS_AES_128_CM_HMAC_SHA1_80, .key = {1}, .salt = {2}};
    struct tunnel t;
    struct list user = {0};
    uint16_t port = 0;
    sealed = opened = (struct seal_stream){0};
    CHECK_EQ(sealer_create(library, &sealer), 0);
    CHECK_EQ(seal_create(sealer, SEAL_RTP_OUT, &keys, &seal), 0);
    CHECK_EQ(seal_create(sealer, SEAL_RTP_IN, &keys, &opener), 0);
    CHECK_EQ(tcp_create(sealer, &tcp), 0);
    CHECK_EQ(address_from_text("127.0.0.1", 0, &server), 0);
    CHECK_EQ(tcp_listen(tcp, &server, &port), 0);
    address_set_port(&server, port);

    struct tcp_link *link = dial(&t, &user);
    for (int i = 0; i < COUNT; i++)
        put_sealed(link);
    tcp_flush(tcp, 1000);
    CHECK_EQ(take_sealed(&t), COUNT);
    /* It goes while tags are owed into it; the next is another's. */
    for (int i = 0; i < 3; i++)
        put_sealed(link);
    tunnel_reset(&t);
    let_go();
    CHECK(!user.next);
    link = dial(&t, &user);
    for (int i = 0; i < 5; i++)
        put_sealed(link);
    tcp_flush(tcp, 1000);
    CHECK_EQ(take_sealed(&t), 5);
    /* What waits at the end is sent, and owed to nobody afterwards. */
    for (int i = 0; i < 7; i++)
        put_sealed(link);
    list_remove(&user);
    tcp_destroy(tcp);
    CHECK_EQ(take_sealed(&t), 7);
    sealer_settle(sealer);
    tunnel_close(&t);
    seal_destroy(seal);
    seal_destroy(opener);
    sealer_destroy(sealer);
}

int main(void)
{
    struct sealer *mb = NULL;
    run_all(SEALER_OPENSSL);
    if (sealer_create(SEALER_IPSEC_MB, &mb) == 0)
        run_all(SEALER_IPSEC_MB);
    sealer_destroy(mb);
    return 0;
}
