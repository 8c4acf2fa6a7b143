/* SPDX-License-Identifier: Apache-2.0 */
/* Packets whose tags are owed while they wait to be sent: what comes out at the other end has its
 * own tag, and nobody's else. */
#include "sfu/send.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sfu/seal.h"
#include "unit/check.h"

#define HEADER  12
#define PAYLOAD 100
#define LEN     (HEADER + PAYLOAD + 10) /* AES-CM's tag */

struct way {
    int fds[2];
    struct sealer *sealer;
    struct send_queue *queue;
    struct seal *seal, *opener;
    struct seal_stream sealed, opened;
    struct send_flow flow;
    uint16_t seq;
};

static void open_way(struct way *w, enum sealer_library library)
{
    const struct keys keys = {.suite = KEYS_AES_128_CM_HMAC_SHA1_80, .key = {1}, .salt = {2}};
    *w = (struct way){0};
    CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, w->fds), 0);
    CHECK_EQ(sealer_create(library, &w->sealer), 0);
    CHECK_EQ(send_queue_create(w->fds[0], w->sealer, &w->queue), 0);
    CHECK_EQ(seal_create(w->sealer, SEAL_RTP_OUT, &keys, &w->seal), 0);
    CHECK_EQ(seal_create(w->sealer, SEAL_RTP_IN, &keys, &w->opener), 0);
}

static void close_way(struct way *w)
{
    seal_destroy(w->seal);
    seal_destroy(w->opener);
    send_queue_destroy(w->queue);
    sealer_destroy(w->sealer);
    close(w->fds[0]);
    close(w->fds[1]);
}

static const struct address connected = {.len = 0};

static void put_sealed(struct way *w)
{
    uint8_t header[HEADER] = {0x80, 96}, payload[PAYLOAD];
    header[2] = (uint8_t)(++w->seq >> 8);
    header[3] = (uint8_t)w->seq;
    memset(payload, w->seq & 0xff, sizeof(payload));
    const struct seal_packet p = {
        .header = header, .header_len = HEADER, .payload = payload, .payload_len = PAYLOAD};
    uint8_t *room = send_reserve(w->queue);
    CHECK(room);
    size_t len;
    CHECK_EQ(seal_rtp(w->seal, &w->sealed, &p, room, SEND_DATAGRAM_MAX, &len), 0);
    CHECK_EQ(len, LEN);
    send_commit_flow(w->queue, &w->flow, &connected, len);
}

/* Reads what there is, each authentic. Returns how many. */
static size_t take_sealed(struct way *w)
{
    uint8_t datagram[SEND_DATAGRAM_MAX], plain[SEND_DATAGRAM_MAX];
    size_t count = 0, plain_len;
    while (recv(w->fds[1], datagram, sizeof(datagram), 0) == LEN) {
        CHECK_EQ(seal_open_rtp(w->opener, &w->opened, datagram, LEN, plain, &plain_len), 0);
        CHECK_EQ(plain_len, HEADER + PAYLOAD);
        count++;
    }
    return count;
}

/* However many wait. A UNIX socket splits nothing and takes about ten at a time. */
static void settled_before_the_kernel(enum sealer_library library)
{
    struct way w;
    open_way(&w, library);
    for (size_t count = 1; count < 200; count = count * 3 / 2 + 1) {
        for (size_t i = 0; i < count; i++)
            put_sealed(&w);
        size_t got = 0;
        bool gone;
        do {
            gone = send_flush(w.queue);
            got += take_sealed(&w);
        } while (!gone);
        CHECK_EQ(got, count);
    }
    close_way(&w);
}

/* A dropped datagram's room is another's next, and no late tag is written into it. */
static void settled_before_a_room_is_used_anew(enum sealer_library library)
{
    struct way w;
    open_way(&w, library);
    put_sealed(&w);
    send_flow_end(w.queue, &w.flow);
    uint8_t *room = send_reserve(w.queue);
    CHECK(room);
    memset(room, 0x5a, LEN);
    send_commit_flow(w.queue, &w.flow, &connected, LEN);
    CHECK(send_flush(w.queue));
    uint8_t got[SEND_DATAGRAM_MAX], expected[LEN];
    memset(expected, 0x5a, LEN);
    CHECK_EQ(recv(w.fds[1], got, sizeof(got), 0), LEN);
    CHECK(memcmp(got, expected, LEN) == 0);
    close_way(&w);
}

/* Nor into the memory of a queue that is gone. */
static void settled_before_the_queue_goes(enum sealer_library library)
{
    struct way w;
    open_way(&w, library);
    put_sealed(&w);
    send_queue_destroy(w.queue);
    w.queue = NULL;
    close_way(&w);
}

int main(void)
{
    static const enum sealer_library libraries[] = {SEALER_OPENSSL, SEALER_AUTO};
    for (size_t i = 0; i < 2; i++) {
        settled_before_the_kernel(libraries[i]);
        settled_before_a_room_is_used_anew(libraries[i]);
        settled_before_the_queue_goes(libraries[i]);
    }
    return 0;
}
