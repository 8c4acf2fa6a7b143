/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/tcp.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "peer/tunnel.h"
#include "sfu/ice.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

#define SECOND_US 1000000ull

static struct tcp *tcp;
static struct address server;
static uint64_t now_us = 1000 * SECOND_US;

/* What the last turn took. */
static struct path last_from;
static uint8_t last_bytes[FRAMING_DATAGRAM_MAX];
static size_t last_len, taken, lost_users;

static int open_on(const char *address)
{
    uint16_t port = 0;
    int r = tcp_create(NULL, &tcp);
    if (r < 0)
        return r;
    CHECK_EQ(address_from_text(address, 0, &server), 0);
    r = tcp_listen(tcp, &server, &port);
    address_set_port(&server, port);
    return r;
}

static void shut(void)
{
    while (tcp_take_ended(tcp))
        ;
    tcp_destroy(tcp);
    tcp = NULL;
}

/* Whoever is accepted in one turn is read in the next. */
static void turn(void)
{
    struct framing_datagram d;
    struct path from;
    for (int i = 0; i < 2; i++) {
        tcp_wake(tcp, now_us);
        while (tcp_next(tcp, &from, &d)) {
            last_from = from;
            last_len = d.len;
            memcpy(last_bytes, d.bytes, d.len);
            taken++;
        }
    }
    tcp_flush(tcp, now_us);
    struct list *users;
    while ((users = tcp_take_ended(tcp)))
        while (!list_is_empty(users)) {
            list_remove(users->next);
            lost_users++;
        }
}

static void pass(uint64_t us)
{
    for (uint64_t end = now_us + us; now_us < end;) {
        now_us += 100000;
        turn();
        tcp_tick(tcp, now_us);
    }
    turn();
}

#ifndef TEST_FAULTS

/* As long as a STUN check may be, and begins like one. */
static const uint8_t check[ICE_STUN_MAX] = {0, 1};

static void dial(struct tunnel *t)
{
    CHECK_EQ(tunnel_open(t, &server, NULL), 0);
}

/* Connects, and sends what looks like a check. Returns our end of it. */
static struct tcp_link *dial_and_check(struct tunnel *t)
{
    dial(t);
    size_t before = taken;
    CHECK_EQ(tunnel_send(t, check, sizeof(check)), 0);
    turn();
    CHECK_EQ(taken, before + 1);
    return last_from.link;
}

/* Whether the server has ended it. */
static bool is_ended(struct tunnel *t)
{
    uint8_t bytes[FRAMING_DATAGRAM_MAX];
    while (tunnel_receive(t, bytes))
        ;
    return t->ended;
}

/* Datagrams go both ways, however the stream is cut. */
static void carries_datagrams(void)
{
    struct tunnel t;
    struct list user = {0};
    struct tcp_link *link = dial_and_check(&t);
    CHECK(last_from.link == link && !last_from.via);
    CHECK_EQ(last_len, sizeof(check));
    CHECK(memcmp(last_bytes, check, sizeof(check)) == 0);
    tcp_use(link, &user);
    static const uint8_t three[] = {0, 3, 0x80, 8, 9, 0, 0, 0, 1, 0x16};
    size_t before = taken;
    for (size_t i = 0; i < sizeof(three); i++) {
        CHECK_EQ(tunnel_send_raw(&t, three + i, 1), 0);
        turn();
        CHECK_EQ(taken - before, (size_t)(i >= 4) + (i >= 9));
    }
    CHECK_EQ(last_len, 1);
    uint8_t bytes[FRAMING_DATAGRAM_MAX];
    for (uint8_t n = 1; n <= 3; n++) {
        uint8_t *room = tcp_reserve(link, (enum lanes_kind)(n - 1));
        memset(room, n, n * 100u);
        tcp_commit(link, n * 100u);
    }
    CHECK_EQ(tunnel_receive(&t, bytes), 0); /* not before the flush */
    turn();
    for (uint8_t n = 1; n <= 3; n++) {
        CHECK_EQ(tunnel_receive(&t, bytes), n * 100);
        CHECK_EQ(bytes[n * 100 - 1], n);
    }
    CHECK_EQ(tcp_stats(tcp)->datagrams, 3);
    CHECK_EQ(tcp_stats(tcp)->bytes, 606);
    list_remove(&user);
    tunnel_close(&t);
    turn();
    CHECK_EQ(tcp_stats(tcp)->connections, 0);
    CHECK_EQ(tcp_stats(tcp)->refused, 0);
}

/* Whoever has proven nothing may send checks, and for a while what a browser would: it is dropped.
 * What is no framing at all ends it at once, and too much of the other in the end. */
static void refuses_garbage(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        bool ends;
    } garbage[] = {
        {"GET / HTTP/1.1\r\n\r\n", 18, true},   /* a length of 18,245 */
        {"\x16\x03\x01\x02\x00\x01", 6, true},  /* a TLS hello */
        {"\xff\xff", 2, true},                  /* 65,535 */
        {"\x00\x01\x80\x00\x01\x14", 6, false}, /* RTP, DTLS */
        {"\x00\x00\x00\x00\x00\x00", 6, false}, /* nothing, three times */
        {"\x05\x00\x00\x01", 4, false},         /* the beginning of a check of 1,280 bytes */
    };
    uint64_t refused = tcp_stats(tcp)->refused;
    size_t before = taken;
    for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
        struct tunnel t;
        dial(&t);
        turn();
        CHECK_EQ(tunnel_send_raw(&t, garbage[i].bytes, garbage[i].len), 0);
        turn();
        refused += garbage[i].ends;
        CHECK_EQ(tcp_stats(tcp)->refused, refused);
        CHECK_EQ(is_ended(&t), garbage[i].ends);
        tunnel_close(&t);
        turn();
        refused += !garbage[i].ends; /* it never proved anything */
    }
    static const uint8_t longer[ICE_STUN_MAX + 1] = {0, 1}, media[1024] = {0x80, 100};
    uint64_t dropped = tcp_stats(tcp)->dropped_in;
    struct tunnel t;
    dial(&t);
    CHECK_EQ(tunnel_send(&t, longer, sizeof(longer)), 0); /* no check is */
    for (uint32_t sent = sizeof(longer); sent + sizeof(media) <= LIMIT_TCP_UNPROVEN_BYTES;
         sent += sizeof(media)) {
        CHECK_EQ(tunnel_send(&t, media, sizeof(media)), 0);
        turn();
    }
    CHECK_EQ(tcp_stats(tcp)->dropped_in - dropped, LIMIT_TCP_UNPROVEN_BYTES / sizeof(media) - 1);
    CHECK(!is_ended(&t));
    CHECK_EQ(tunnel_send(&t, media, sizeof(media)), 0);
    turn();
    CHECK(is_ended(&t));
    tunnel_close(&t);
    turn();
    CHECK_EQ(taken, before);
    CHECK_EQ(tcp_stats(tcp)->connections, 0);
}

/* A page that is known may send what is too long: it is passed over, and what follows is taken. */
static void passes_over_what_is_too_long(void)
{
    static uint8_t long_one[65535];
    struct tunnel t;
    struct list user = {0};
    tcp_use(dial_and_check(&t), &user);
    size_t before = taken;
    uint64_t too_long = tcp_stats(tcp)->dropped_in;
    CHECK_EQ(tunnel_send(&t, long_one, sizeof(long_one)), 0);
    CHECK_EQ(tunnel_send(&t, long_one, 0), 0);
    CHECK_EQ(tunnel_send(&t, long_one, FRAMING_DATAGRAM_MAX + 1), 0);
    CHECK_EQ(tunnel_send(&t, long_one, FRAMING_DATAGRAM_MAX), 0);
    turn();
    turn(); /* it is more than is read at once */
    CHECK_EQ(taken, before + 1);
    CHECK_EQ(last_len, FRAMING_DATAGRAM_MAX);
    CHECK_EQ(tcp_stats(tcp)->dropped_in, too_long + 2);
    list_remove(&user);
    tunnel_close(&t);
    turn();
}

/* Silent, slow, half closed, or no longer of use: each is ended in bounded time. */
static void ends_who_proves_nothing(void)
{
    struct tunnel silent, slow, half, used;
    struct list user = {0};
    dial(&silent);
    dial(&slow);
    dial(&half);
    tcp_use(dial_and_check(&used), &user);
    CHECK_EQ(tcp_stats(tcp)->connections, 4);
    CHECK_EQ(shutdown(half.tcp_fd, SHUT_WR), 0);
    turn();
    CHECK_EQ(tcp_stats(tcp)->connections, 3);
    for (int s = 0; s < LIMIT_TCP_UNPROVEN_MS / 1000 - 1; s++) { /* a byte a second */
        CHECK_EQ(tunnel_send_raw(&slow, check, 1), 0);
        pass(SECOND_US);
    }
    CHECK_EQ(tcp_stats(tcp)->connections, 3);
    pass(SECOND_US);
    CHECK_EQ(tcp_stats(tcp)->connections, 1);
    CHECK(is_ended(&silent) && is_ended(&slow) && !is_ended(&used));
    pass(3600 * SECOND_US);
    CHECK_EQ(tcp_stats(tcp)->connections, 1);
    list_remove(&user); /* its consent lapsed, or the page left */
    pass(LIMIT_TCP_UNPROVEN_MS * 1000ull - SECOND_US / 2);
    CHECK_EQ(tcp_stats(tcp)->connections, 1);
    pass(SECOND_US);
    CHECK_EQ(tcp_stats(tcp)->connections, 0);
    CHECK(is_ended(&used));
    tunnel_close(&silent);
    tunnel_close(&slow);
    tunnel_close(&half);
    tunnel_close(&used);
}

/* A page that resets its connection: its users are told, and nothing more is taken for it. */
static void is_reset(void)
{
    struct tunnel t;
    struct list users[2] = {0};
    struct tcp_link *link = dial_and_check(&t);
    tcp_use(link, &users[0]);
    tcp_use(link, &users[1]);
    uint8_t *room = tcp_reserve(link, LANES_SOUND);
    memset(room, 1, 100);
    tcp_commit(link, 100);
    tunnel_reset(&t);
    size_t before = lost_users;
    tcp_wake(tcp, now_us);
    struct framing_datagram d;
    struct path from;
    CHECK(!tcp_next(tcp, &from, &d));
    CHECK(!tcp_reserve(link, LANES_CONTROL)); /* before those who use it know */
    turn();
    CHECK_EQ(lost_users, before + 2);
    CHECK(!users[0].next && !users[1].next);
    CHECK_EQ(tcp_stats(tcp)->connections, 0);
}

static size_t send_some(struct tcp_link *link, enum lanes_kind kind, size_t len, size_t count)
{
    size_t sent = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t *room = tcp_reserve(link, kind);
        if (!room)
            continue;
        memset(room, (int)kind + 1, len);
        tcp_commit(link, len);
        sent++;
        tcp_flush(tcp, now_us);
    }
    return sent;
}

/* A page that reads nothing: it loses pictures, then sound, never a part of one; what is kept for
 * it is bounded, in the kernel too; the page beside it gets all. When it reads again it gets
 * all that was taken for it, whole and sound first, and then what is sent anew. */
static void drops_for_a_page_that_does_not_read(void)
{
    struct tunnel slow, other;
    struct list users[2] = {0};
    struct tcp_link *link = dial_and_check(&slow), *beside = dial_and_check(&other);
    tcp_use(link, &users[0]);
    tcp_use(beside, &users[1]);
    const uint64_t *dropped = tcp_stats(tcp)->dropped;
    uint64_t before[] = {dropped[0], dropped[1], dropped[2]};
    uint8_t bytes[FRAMING_DATAGRAM_MAX];
    size_t pictures = 0, sounds = 0, got[3] = {0};
    for (int i = 0; i < 200; i++) {
        pictures += send_some(link, LANES_PICTURE, 1200, 30);
        sounds += send_some(link, LANES_SOUND, 120, 1);
        CHECK_EQ(send_some(beside, LANES_PICTURE, 1200, 3), 3);
        CHECK_EQ(tunnel_receive(&other, bytes), 1200);
        CHECK_EQ(tunnel_receive(&other, bytes), 1200);
        CHECK_EQ(tunnel_receive(&other, bytes), 1200);
    }
    CHECK_EQ(sounds, 200);
    CHECK_EQ(dropped[LANES_SOUND], before[LANES_SOUND]);
    CHECK_EQ(dropped[LANES_PICTURE] - before[LANES_PICTURE], 6000 - pictures);
    /* Ours, what the kernel holds, and what it gave to the page's side. */
    CHECK(pictures * 1202 > LIMIT_TCP_PICTURE_BYTES - 2 * 1202);
    CHECK(pictures * 1202 < LIMIT_TCP_PICTURE_BYTES + 2 * TCP_BUFFER_BYTES);
    sounds += send_some(link, LANES_SOUND, 120, 1000);
    CHECK(dropped[LANES_SOUND] > before[LANES_SOUND]);
    CHECK_EQ(send_some(link, LANES_CONTROL, 100, 20), 20);
    CHECK_EQ(dropped[LANES_CONTROL], before[LANES_CONTROL]);
    size_t len, late_pictures = 0;
    for (int idle = 0; idle < 3; idle++) {
        while ((len = tunnel_receive(&slow, bytes))) {
            CHECK(len == (bytes[0] == LANES_CONTROL + 1 ? 100 : bytes[0] == 2 ? 120 : 1200));
            CHECK_EQ(bytes[len - 1], bytes[0]);
            got[bytes[0] - 1]++;
            late_pictures += bytes[0] == LANES_PICTURE + 1 && got[LANES_CONTROL] == 20;
            idle = 0;
        }
        now_us += 1000;
        turn();
    }
    CHECK_EQ(got[LANES_PICTURE], pictures);
    CHECK_EQ(got[LANES_SOUND], sounds);
    CHECK_EQ(got[LANES_CONTROL], 20);
    CHECK(late_pictures > 200); /* the control queued last overtook them */
    CHECK_EQ(send_some(link, LANES_PICTURE, 1200, 30), 30);
    list_remove(&users[0]);
    list_remove(&users[1]);
    tunnel_close(&slow);
    tunnel_close(&other);
    turn();
    turn();
    CHECK_EQ(tcp_stats(tcp)->connections, 0);
}

/* A line that stands still: pictures that wait too long keep out more of them, sound goes on. */
static void drops_what_would_be_late(void)
{
    struct tunnel t;
    struct list user = {0};
    struct tcp_link *link = dial_and_check(&t);
    tcp_use(link, &user);
    CHECK_EQ(send_some(link, LANES_PICTURE, 1200, 150), 150); /* more than the kernel takes */
    now_us += LIMIT_TCP_PICTURE_LATE_MS * 1000ull;
    turn();
    CHECK(tcp_reserve(link, LANES_PICTURE));
    now_us += 1000;
    turn();
    CHECK(!tcp_reserve(link, LANES_PICTURE));
    CHECK(tcp_reserve(link, LANES_SOUND));
    list_remove(&user);
    tunnel_close(&t);
    turn();
    turn();
    CHECK_EQ(tcp_stats(tcp)->connections, 0);
}

/* Turn `n` of many addresses of this machine. */
static struct address home(unsigned n)
{
    char text[ADDRESS_TEXT_MAX];
    struct address a;
    (void)snprintf(text, sizeof(text), "127.1.%u.%u", n / 100, 1 + n % 100);
    CHECK_EQ(address_from_text(text, 0, &a), 0);
    return a;
}

#define MANY (LIMIT_TCP_LINKS + 100)
static struct tunnel many[MANY];

static void dial_from(struct tunnel *t, unsigned n)
{
    struct address from = home(n);
    CHECK_EQ(tunnel_open(t, &server, &from), 0);
    close(t->udp_fd);
    t->udp_fd = -1;
}

static void hang_up_many(void)
{
    for (size_t i = 0; i < MANY; i++)
        tunnel_reset(&many[i]);
    for (int i = 0; i < 2 * MANY / 64; i++)
        turn();
    CHECK_EQ(tcp_stats(tcp)->connections, 0);
}

/* Thousands: those without proof make way for new ones, the oldest first; those in use never. */
static void bounds_connections(void)
{
    static struct list users[LIMIT_TCP_LINKS];
    struct tunnel used;
    tcp_use(dial_and_check(&used), &users[0]);
    for (unsigned i = 0; i < MANY; i++) {
        dial_from(&many[i], i / 10);
        turn();
        now_us++;
        CHECK(tcp_stats(tcp)->connections <= LIMIT_TCP_LINKS);
    }
    CHECK_EQ(tcp_stats(tcp)->connections, LIMIT_TCP_LINKS);
    for (unsigned i = 0; i < MANY; i++)
        CHECK_EQ(is_ended(&many[i]), i < MANY - (LIMIT_TCP_LINKS - 1));
    CHECK(!is_ended(&used));
    /* Now all are in use: the next is refused. */
    size_t in_use = 1;
    for (unsigned i = MANY - (LIMIT_TCP_LINKS - 1); i < MANY; i++) {
        CHECK_EQ(tunnel_send(&many[i], check, sizeof(check)), 0);
        turn();
        tcp_use(last_from.link, &users[in_use++]);
    }
    CHECK_EQ(in_use, LIMIT_TCP_LINKS);
    uint64_t refused = tcp_stats(tcp)->refused;
    struct tunnel late;
    dial_from(&late, 5000);
    turn();
    CHECK(is_ended(&late));
    CHECK_EQ(tcp_stats(tcp)->refused, refused + 1);
    CHECK_EQ(tcp_stats(tcp)->connections, LIMIT_TCP_LINKS);
    tunnel_close(&late);
    for (size_t i = 0; i < in_use; i++)
        list_remove(&users[i]);
    tunnel_close(&used);
    hang_up_many();
}

/* One address has its share, so that others find room. */
static void bounds_an_address(void)
{
    uint64_t refused = tcp_stats(tcp)->refused;
    for (unsigned i = 0; i < MANY; i++) {
        dial_from(&many[i], 7);
        turn();
    }
    CHECK_EQ(tcp_stats(tcp)->connections, LIMIT_TCP_LINKS_PER_ADDRESS);
    CHECK_EQ(tcp_stats(tcp)->refused, refused + MANY - LIMIT_TCP_LINKS_PER_ADDRESS);
    CHECK(!is_ended(&many[0]) && is_ended(&many[LIMIT_TCP_LINKS_PER_ADDRESS]));
    struct tunnel other;
    dial_from(&other, 8);
    turn();
    CHECK_EQ(tcp_stats(tcp)->connections, LIMIT_TCP_LINKS_PER_ADDRESS + 1);
    tunnel_close(&other);
    hang_up_many();
}

/* Without descriptors somebody without proof makes way; when there is nobody, the listener rests
 * until the next tick and does not wake us for ever. */
static void survives_without_descriptors(void)
{
    struct rlimit old, none;
    struct tunnel first, second;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    dial(&second); /* our own descriptors are taken before */
    turn();
    dial(&first);
    none.rlim_cur = (rlim_t)first.tcp_fd + 1;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    turn(); /* the second makes way */
    turn();
    CHECK(is_ended(&second) && !is_ended(&first));
    CHECK_EQ(tcp_stats(tcp)->connections, 1);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
    tunnel_close(&second);
    tunnel_close(&first);
    turn();
    dial(&first);
    none.rlim_cur = (rlim_t)tcp_fd(tcp);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    turn();
    CHECK_EQ(tcp_stats(tcp)->connections, 0);
    struct pollfd wake = {.fd = tcp_fd(tcp), .events = POLLIN};
    none.rlim_cur = (rlim_t)tcp_fd(tcp) + 1;
    CHECK_EQ(poll(&wake, 1, 0), 0);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
    tcp_tick(tcp, now_us);
    CHECK_EQ(poll(&wake, 1, 0), 1);
    turn();
    CHECK_EQ(tcp_stats(tcp)->connections, 1);
    tunnel_close(&first);
    turn();
}

static void run_all(const char *address)
{
    CHECK_EQ(open_on(address), 0);
    carries_datagrams();
    refuses_garbage();
    passes_over_what_is_too_long();
    ends_who_proves_nothing();
    is_reset();
    drops_for_a_page_that_does_not_read();
    drops_what_would_be_late();
    survives_without_descriptors();
    if (server.any.sa_family == AF_INET) {
        bounds_connections();
        bounds_an_address();
    }
    shut();
}
#else
/* Someone connects, is answered and leaves; nothing that fails on the way harms more than him. */
static int serve_once(void)
{
    struct tunnel t = {.tcp_fd = -1, .udp_fd = -1};
    static const uint8_t check[20] = {0, 1};
    struct list user = {0};
    taken = 0;
    int r = open_on("127.0.0.1");
    if (r == 0)
        r = tunnel_open(&t, &server, NULL);
    if (r == 0)
        r = tunnel_send(&t, check, sizeof(check));
    if (r == 0) {
        turn();
        pass(SECOND_US);
    }
    if (r == 0 && taken) {
        tcp_use(last_from.link, &user);
        uint8_t *room = tcp_reserve(last_from.link, LANES_SOUND);
        memset(room, 1, 10);
        tcp_commit(last_from.link, 10);
        turn();
    }
    uint8_t bytes[FRAMING_DATAGRAM_MAX];
    if (r == 0 && tunnel_receive(&t, bytes) != 10)
        r = -EPROTO;
    list_remove(&user);
    tunnel_close(&t);
    if (tcp) {
        turn();
        shut();
    }
    return r;
}
#endif

int main(void)
{
#ifdef TEST_FAULTS
    CHECK_EQ(serve_once(), 0);
    for (int n = 0;; n++) {
        faults_fail_at(n);
        int r = serve_once();
        if (!faults_happened()) {
            CHECK_EQ(r, 0);
            printf("failed each of %d calls in turn\n", n);
            return 0;
        }
        faults_fail_at(-1);
    }
#else
    struct rlimit files;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
    run_all("127.0.0.1");
    run_all("::1");
    return 0;
#endif
}
