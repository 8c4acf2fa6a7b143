/* SPDX-License-Identifier: Apache-2.0 */
/* The real assize-recorder: killed, starved of disk, refused and asked twice, it loses nothing and
 * stores nothing twice. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/ring.h"
#include "common/seqpacket.h"
#include "recorder/tapereader.h"
#include "unit/check.h"
#include "unit/recorder/keeper.h"

#define HEARING 0x00000000deadbeefu
#define KILLS   20

static const char *program;

/* Packets whose content follows from their number. */
static void put(struct ring *ring, uint64_t number)
{
    uint8_t body[1200];
    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (uint8_t)(number * 31 + i);
    CHECK_EQ(ring_put(ring, RING_RTP, 1, clock_now_us(), NULL, 0, body, 200 + number % 1000), 0);
}

/* A millisecond of the media core's life: 4 packets, then waiting for nothing. */
static void produce_1ms(struct ring *ring, uint64_t *number)
{
    for (int i = 0; i < 4; i++)
        put(ring, ++*number);
    (void)poll(NULL, 0, 1);
}

static struct ring *open_tape(struct keeper *k)
{
    const struct control_message open = {
        .type = CONTROL_TAPE_OPEN, .request = 7, .hearing.hearing = HEARING};
    keeper_send(k, &open);
    struct control_message ready;
    int fd = keeper_wait(k, CONTROL_TAPE_READY, &ready);
    CHECK_EQ(ready.request, 7);
    CHECK_EQ(ready.tape_ready.status, 0);
    CHECK_EQ(ready.tape_ready.hearing, HEARING);
    CHECK(fd >= 0);
    struct ring *ring = NULL;
    CHECK_EQ(ring_attach(fd, &ring), 0);
    close(fd);
    return ring;
}

static void send_note(struct keeper *k, unsigned seq, uint32_t request)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "{\"seq\":%u,\"event\":\"test\"}", seq);
    const struct control_message note = {
        .type = CONTROL_TAPE_NOTE,
        .request = request,
        .tape_note = {.hearing = HEARING,
                      .wall_us = clock_wall_us(),
                      .text_len = (uint16_t)len,
                      .text = (const uint8_t *)text},
    };
    keeper_send(k, &note);
}

static int request(struct keeper *k, enum control_type type, uint64_t hearing)
{
    const struct control_message message = {.type = type, .request = 9, .hearing.hearing = hearing};
    keeper_send(k, &message);
    struct control_message done;
    do {
        CHECK_EQ(keeper_wait(k, CONTROL_DONE, &done), -1);
    } while (done.request != 9);
    return done.done.status;
}

/* What a tape holds. */
struct content {
    uint64_t packets, notes, resumes, rings, gaps;
    bool sealed;
};

/* Reads the tape through: sound, packets complete and in order. */
static struct content check_tape(const struct keeper *k)
{
    char dir[96];
    snprintf(dir, sizeof(dir), "%s/records/%016x", k->dir, HEARING);
    CLEANUP(tapereader_close) struct tapereader *r = NULL;
    CHECK_EQ(tapereader_open(dir, 0, &r), 0);
    struct content content = {0};
    struct tape_block block;
    int more;
    while ((more = tapereader_next(r, &block)) != 0) {
        CHECK_EQ(more, 1);
        struct reader left = reader_over(block.records, block.records_len);
        struct tape_record record;
        while (tape_record_decode(&left, &record) == 1) {
            content.notes += record.kind == TAPE_NOTE;
            content.resumes += record.kind == TAPE_RESUME;
            content.rings += record.kind == TAPE_RING;
            content.gaps += record.kind == TAPE_GAP;
            if (record.kind != RING_RTP)
                continue;
            uint64_t number = ++content.packets;
            CHECK_EQ(record.ring_index, number);
            CHECK_EQ(record.len, 200 + number % 1000);
            for (size_t i = 0; i < record.len; i++)
                CHECK_EQ(record.data[i], (uint8_t)(number * 31 + i));
        }
    }
    content.sealed = tapereader_position(r)->sealed;
    return content;
}

/* Killed 20 times at random instants in mid-stream and started again by a supervisor that keeps the
 * ring, with nobody connecting: 0 lost, 0 doubled. */
static void test_kills(void)
{
    struct keeper k;
    keeper_init(&k);
    keeper_start(&k, program, false);
    keeper_connect(&k);
    CLEANUP(ring_destroy) struct ring *ring = open_tape(&k);
    uint64_t number = 0;
    unsigned dice = 12345;
    for (int i = 0; i < KILLS; i++) {
        dice = dice * 1103515245 + 12345;
        for (unsigned ms = 5 + dice / 65536 % 300; ms > 0; ms--)
            produce_1ms(ring, &number);
        keeper_kill(&k, SIGKILL);
        for (int ms = 0; ms < 5; ms++)
            produce_1ms(ring, &number);
        keeper_start(&k, program, false);
    }
    keeper_connect(&k);
    send_note(&k, 1, 0);
    CHECK_EQ(request(&k, CONTROL_TAPE_CLOSE, HEARING), 0);
    struct content content = check_tape(&k);
    CHECK_EQ(ring_dropped(ring), 0);
    CHECK_EQ(content.packets, number);
    CHECK_EQ(content.notes, 1);
    CHECK_EQ(content.rings, 1);
    CHECK_EQ(content.gaps, 0);
    CHECK(content.resumes >= 1);
    CHECK(content.sealed);
    printf("%d kills, %ju packets, 0 lost, 0 doubled\n", KILLS, (uintmax_t)number);
    keeper_finish(&k);
}

/* Every request may be repeated: the same ring comes back, a note is stored once, also after a
 * restart, and a sealed tape stays as it is. */
static void test_repeats(void)
{
    struct keeper k;
    keeper_init(&k);
    keeper_start(&k, program, false);
    keeper_connect(&k);
    CHECK_EQ(request(&k, CONTROL_TAPE_CLOSE, HEARING), -ENOENT);
    CHECK_EQ(request(&k, CONTROL_TAPE_RENDER, HEARING), -ENOENT);
    CLEANUP(ring_destroy) struct ring *ring = open_tape(&k);
    CLEANUP(ring_destroy) struct ring *again = open_tape(&k);
    put(ring, 1);
    put(again, 2); /* one memory: it takes up behind the first */
    struct control_message done;
    send_note(&k, 2, 99); /* the one before it is missing */
    CHECK_EQ(keeper_wait(&k, CONTROL_DONE, &done), -1);
    CHECK_EQ(done.done.status, -ERANGE);
    for (unsigned seq = 1; seq <= 3; seq++)
        send_note(&k, seq, 100 + seq);
    for (unsigned seq = 1; seq <= 3; seq++) {
        CHECK_EQ(keeper_wait(&k, CONTROL_DONE, &done), -1);
        CHECK_EQ(done.request, 100 + seq);
        CHECK_EQ(done.done.status, 0);
    }
    keeper_kill(&k, SIGKILL);
    keeper_start(&k, program, false);
    keeper_connect(&k);
    CLEANUP(ring_destroy) struct ring *third = open_tape(&k);
    put(third, 3);
    for (unsigned seq = 1; seq <= 4; seq++)
        send_note(&k, seq, 0);
    CHECK_EQ(request(&k, CONTROL_TAPE_RENDER, HEARING), -EBUSY);
    CHECK_EQ(request(&k, CONTROL_TAPE_CLOSE, HEARING), 0);
    CHECK_EQ(request(&k, CONTROL_TAPE_CLOSE, HEARING), 0);
    const struct control_message open = {
        .type = CONTROL_TAPE_OPEN, .request = 8, .hearing.hearing = HEARING};
    keeper_send(&k, &open);
    CHECK_EQ(keeper_wait(&k, CONTROL_TAPE_READY, &done), -1);
    CHECK_EQ(done.tape_ready.status, -EALREADY);
    struct content content = check_tape(&k);
    CHECK_EQ(content.packets, 3);
    CHECK_EQ(content.notes, 4);
    CHECK(content.sealed);
    keeper_finish(&k);
}

/* Marks come without traffic and are fresh. */
static void test_marks(void)
{
    struct keeper k;
    keeper_init(&k);
    keeper_start(&k, program, false);
    keeper_connect(&k);
    ring_destroy(open_tape(&k)); /* the writer keeps it */
    struct control_message m;
    for (int i = 0; i < 6; i++) {
        uint64_t before_us = clock_now_us();
        CHECK_EQ(keeper_wait(&k, CONTROL_TAPE_MARK, &m), -1);
        CHECK_EQ(m.tape_mark.error, 0);
        CHECK(m.tape_mark.checked_us + 600000 > before_us);
    }
    CHECK_EQ(keeper_wait(&k, CONTROL_METRICS, &m), -1);
    CHECK_EQ(m.metrics.values[CONTROL_METRIC_HEARINGS], 1);
    CHECK(m.metrics.values[CONTROL_METRIC_TAPE_BYTES] > 0);
    keeper_finish(&k);
}

/* The disk takes no more: the mark says so and nothing durable is lost; when there is room again
 * writing goes on by itself and what waited in the ring is there. */
static void test_full_disk(void)
{
    struct keeper k;
    keeper_init(&k);
    keeper_start(&k, program, false);
    keeper_connect(&k);
    CLEANUP(ring_destroy) struct ring *ring = open_tape(&k);
    uint64_t number = 0;
    struct control_message m;
    while (k.mark.bytes < 200000) {
        for (int ms = 0; ms < 20; ms++)
            produce_1ms(ring, &number);
        CHECK_EQ(keeper_wait(&k, CONTROL_TAPE_MARK, &m), -1);
        CHECK_EQ(m.tape_mark.error, 0);
    }
    struct rlimit was, full = {k.mark.bytes + 20000, k.mark.bytes + 20000};
    CHECK_EQ(prlimit(k.pid, RLIMIT_FSIZE, NULL, &was), 0);
    full.rlim_max = was.rlim_max;
    CHECK_EQ(prlimit(k.pid, RLIMIT_FSIZE, &full, NULL), 0);
    while (k.mark.error == 0) {
        for (int ms = 0; ms < 20; ms++)
            produce_1ms(ring, &number);
        CHECK_EQ(keeper_wait(&k, CONTROL_TAPE_MARK, &m), -1);
    }
    CHECK_EQ(k.mark.error, -EFBIG);
    uint64_t durable = k.mark.durable_index, checked_us = k.mark.checked_us;
    for (int i = 0; i < 4; i++) {
        for (int ms = 0; ms < 20; ms++)
            produce_1ms(ring, &number);
        CHECK_EQ(keeper_wait(&k, CONTROL_TAPE_MARK, &m), -1);
        CHECK_EQ(k.mark.durable_index, durable);
        CHECK_EQ(k.mark.checked_us, checked_us);
    }
    CHECK_EQ(prlimit(k.pid, RLIMIT_FSIZE, &was, NULL), 0);
    while (k.mark.error != 0)
        CHECK_EQ(keeper_wait(&k, CONTROL_TAPE_MARK, &m), -1);
    CHECK_EQ(request(&k, CONTROL_TAPE_CLOSE, HEARING), 0);
    struct content content = check_tape(&k);
    CHECK_EQ(content.packets, number);
    CHECK(content.sealed);
    keeper_finish(&k);
}

/* While the disk takes nothing, journal lines wait for it: as many as the bound says; one more is
 * refused at once. When the disk is there again all that waited are told so, and are on the tape.
 */
static void test_notes_waiting(void)
{
    struct keeper k;
    keeper_init(&k);
    keeper_start(&k, program, false);
    keeper_connect(&k);
    ring_destroy(open_tape(&k)); /* the writer keeps it */
    struct control_message m;
    do {
        CHECK_EQ(keeper_wait(&k, CONTROL_TAPE_MARK, &m), -1);
    } while (k.mark.bytes == 0);
    struct rlimit was, full = {1, 1};
    CHECK_EQ(prlimit(k.pid, RLIMIT_FSIZE, NULL, &was), 0);
    full.rlim_max = was.rlim_max;
    CHECK_EQ(prlimit(k.pid, RLIMIT_FSIZE, &full, NULL), 0);
    while (k.mark.error == 0)
        CHECK_EQ(keeper_wait(&k, CONTROL_TAPE_MARK, &m), -1);
    for (unsigned seq = 1; seq <= LIMIT_NOTES_WAITING + 1; seq++)
        send_note(&k, seq, 1000 + seq);
    CHECK_EQ(keeper_wait(&k, CONTROL_DONE, &m), -1);
    CHECK_EQ(m.request, 1000 + LIMIT_NOTES_WAITING + 1);
    CHECK_EQ(m.done.status, -ENOBUFS);
    CHECK_EQ(prlimit(k.pid, RLIMIT_FSIZE, &was, NULL), 0);
    bool told[LIMIT_NOTES_WAITING] = {false};
    for (unsigned i = 0; i < LIMIT_NOTES_WAITING; i++) {
        CHECK_EQ(keeper_wait(&k, CONTROL_DONE, &m), -1);
        CHECK(m.request > 1000 && m.request <= 1000 + LIMIT_NOTES_WAITING);
        CHECK(!told[m.request - 1001]);
        told[m.request - 1001] = true;
        CHECK_EQ(m.done.status, 0);
    }
    send_note(&k, LIMIT_NOTES_WAITING + 1, 9);
    CHECK_EQ(keeper_wait(&k, CONTROL_DONE, &m), -1);
    CHECK_EQ(m.done.status, 0);
    CHECK_EQ(request(&k, CONTROL_TAPE_CLOSE, HEARING), 0);
    CHECK_EQ(check_tape(&k).notes, LIMIT_NOTES_WAITING + 1);
    keeper_finish(&k);
}

/* An orderly end writes what waits; the next start goes on without a ring being lost. */
static void test_orderly_end(void)
{
    struct keeper k;
    keeper_init(&k);
    keeper_start(&k, program, false);
    keeper_connect(&k);
    CLEANUP(ring_destroy) struct ring *ring = open_tape(&k);
    for (uint64_t i = 1; i <= 50; i++)
        put(ring, i);
    keeper_kill(&k, SIGTERM);
    CHECK_EQ(check_tape(&k).packets, 50);
    for (uint64_t i = 51; i <= 80; i++)
        put(ring, i);
    keeper_start(&k, program, false);
    keeper_connect(&k);
    CHECK_EQ(request(&k, CONTROL_TAPE_CLOSE, HEARING), 0);
    CHECK_EQ(check_tape(&k).packets, 80);
    keeper_finish(&k);
}

/* Reads a connection until it ends. */
static void wait_end(int fd)
{
    uint8_t bytes[LIMIT_CONTROL_BYTES];
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    ssize_t got;
    do {
        CHECK_EQ(poll(&wait, 1, 20000), 1);
        int passed;
        got = seqpacket_receive(fd, bytes, sizeof(bytes), &passed);
    } while (got > 0);
    CHECK(got == 0 || got == -ECONNRESET);
}

/* Junk, a request before HELLO and a wrong version end the connection, and nothing else. */
static void test_strangers(void)
{
    struct keeper k;
    keeper_init(&k);
    keeper_start(&k, program, false);
    for (int kind = 0; kind < 3; kind++) {
        keeper_connect(&k);
        char path[96];
        snprintf(path, sizeof(path), "%s/run/%s", k.dir, CONTROL_SOCKET_RECORDER);
        int fd = seqpacket_connect(path, (uid_t)-1);
        CHECK(fd >= 0);
        struct control_message m = {.type = CONTROL_TAPE_OPEN, .hearing.hearing = HEARING};
        uint8_t bytes[LIMIT_CONTROL_BYTES] = {0xff, 0xff, 3};
        size_t len = 3;
        if (kind == 1)
            CHECK_EQ(control_encode(&m, bytes, sizeof(bytes), &len), 0);
        m = (struct control_message){.type = CONTROL_HELLO,
                                     .hello = {.version = CONTROL_VERSION + 1, .boot_id = 1}};
        if (kind == 2)
            CHECK_EQ(control_encode(&m, bytes, sizeof(bytes), &len), 0);
        CHECK_EQ(seqpacket_send(fd, bytes, len, -1), 0);
        wait_end(fd);
        close(fd);
        CHECK_EQ(request(&k, CONTROL_TAPE_CLOSE, HEARING), -ENOENT);
        close(k.control_fd);
        k.control_fd = -1;
    }
    keeper_finish(&k);
}

/* As many connections as the bound says; one more is hung up on, and has its turn when another
 * ends. */
static void test_connections(void)
{
    struct keeper k;
    keeper_init(&k);
    keeper_start(&k, program, false);
    int fds[LIMIT_RECORDER_CONNECTIONS];
    for (size_t i = 0; i < LIMIT_RECORDER_CONNECTIONS; i++) {
        keeper_connect(&k); /* waits until it is greeted */
        fds[i] = k.control_fd;
    }
    char path[96];
    snprintf(path, sizeof(path), "%s/run/%s", k.dir, CONTROL_SOCKET_RECORDER);
    int over = seqpacket_connect(path, (uid_t)-1);
    CHECK(over >= 0);
    uint8_t bytes[LIMIT_CONTROL_BYTES];
    struct pollfd wait = {.fd = over, .events = POLLIN};
    CHECK_EQ(poll(&wait, 1, 20000), 1);
    int passed;
    CHECK(seqpacket_receive(over, bytes, sizeof(bytes), &passed) <= 0); /* not even greeted */
    close(over);
    CHECK_EQ(request(&k, CONTROL_TAPE_CLOSE, HEARING), -ENOENT);
    for (size_t i = 0; i + 1 < LIMIT_RECORDER_CONNECTIONS; i++)
        close(fds[i]);
    keeper_connect(&k);
    CHECK_EQ(request(&k, CONTROL_TAPE_CLOSE, HEARING), -ENOENT);
    close(fds[LIMIT_RECORDER_CONNECTIONS - 1]);
    keeper_finish(&k);
}

static bool has_file(const struct keeper *k, const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/records/%016x/%s", k->dir, HEARING, name);
    return access(path, F_OK) == 0;
}

/* A sealed tape is rendered by itself and told so; also when the recorder died in between; and
 * again when asked. */
static void test_render(void)
{
    struct keeper k;
    keeper_init(&k);
    keeper_start(&k, program, true);
    keeper_connect(&k);
    ring_destroy(open_tape(&k));
    send_note(&k, 1, 0);
    CHECK_EQ(request(&k, CONTROL_TAPE_CLOSE, HEARING), 0);
    struct control_message m;
    CHECK_EQ(keeper_wait(&k, CONTROL_RENDER_STATE, &m), -1);
    CHECK_EQ(m.render_state.hearing, HEARING);
    CHECK_EQ(m.render_state.phase, CONTROL_RENDER_RUNNING);
    keeper_kill(&k, SIGKILL); /* takes its renderer along */
    keeper_start(&k, program, true);
    keeper_connect(&k);
    while (k.render.phase != CONTROL_RENDER_DONE) {
        CHECK_EQ(keeper_wait(&k, CONTROL_RENDER_STATE, &m), -1);
        CHECK(m.render_state.phase != CONTROL_RENDER_FAILED);
    }
    CHECK(has_file(&k, "manifest.json"));
    CHECK(has_file(&k, "hearing.mp4"));
    k.render.phase = CONTROL_RENDER_NONE;
    CHECK_EQ(request(&k, CONTROL_TAPE_RENDER, HEARING), 0);
    while (k.render.phase != CONTROL_RENDER_DONE)
        CHECK_EQ(keeper_wait(&k, CONTROL_RENDER_STATE, &m), -1);
    keeper_finish(&k);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    program = argv[1];
    test_repeats();
    test_marks();
    test_kills();
    test_full_disk();
    test_notes_waiting();
    test_orderly_end();
    test_strangers();
    test_connections();
    test_render();
    return 0;
}
