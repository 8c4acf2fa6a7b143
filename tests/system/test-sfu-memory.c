/* What the real media core takes of memory for a worker, an idle participant, one that receives,
 * one that publishes, and a hearing of 60: measured from outside, and over its bound a failure.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "common/clock.h"
#include "peer/crowd.h"
#include "peer/taken.h"
#include "unit/check.h"

#define SECOND_US 1000000ull
#define HEARING   0x4ea1ull
#define ROOM      1
#define SEATS     12 /* of a page on a desk */

/* Bytes; the bounds of the issue this was built for. */
#define IDLE_MAX       150000.0
#define PUBLISHING_MAX 3000000.0
#define HEARING_MAX    64000000.0

/* Who is there: enough that one page more or less of the heap does not count. */
enum { WARM = 1, PEOPLE = 60, PUBLISHERS = 12, FLOWS = 4 };

static struct desk *desk;
static struct crowd *crowd;
static struct page *pages[WARM + PEOPLE];

static double taken(const struct desk *d)
{
    size_t bytes = taken_memory(desk_pid(d));
    CHECK(bytes > 0);
    return (double)bytes;
}

/* Prints one measurement and returns whether it is within its bound (0: none). */
static bool tell(const char *what, double bytes, double most)
{
    bool good = most == 0 || bytes <= most;
    printf("%-64s %10.1f kB%s\n", what, bytes / 1000, good ? "" : "  OVER ITS BOUND");
    return good;
}

static void join(int from, int to)
{
    for (int i = from; i < to; i++) {
        const struct control_peer_add add = {
            HEARING, 0x100u + (unsigned)i, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, ROOM, SEATS};
        CHECK_EQ(crowd_admit(crowd, &add, &pages[i]), 0);
    }
}

static uint64_t stream_id(int who, int flow)
{
    return 0x10000u + (unsigned)(who * FLOWS + flow);
}

/* A microphone and a camera's three layers, the best at 2.5 Mbit/s: what a browser sends. */
static void publish(int who)
{
    static const struct {
        unsigned packets_per_frame, frames_per_s;
        size_t payload_len;
    } shapes[FLOWS] = {{1, 50, 120}, {1, 15, 1100}, {2, 25, 1150}, {9, 30, 1150}};
    for (int f = 0; f < FLOWS; f++) {
        const struct flow_options o = {
            .kind = f == 0 ? CONTROL_AUDIO : CONTROL_VIDEO,
            .id = 1u + (uint32_t)(who * FLOWS + f),
            .ssrc = 100000u + (uint32_t)(who * FLOWS + f),
            .payload_type = f == 0 ? 111 : 96,
            .ext_transport_cc = 4,
            .ext_audio_level = f == 0 ? 10 : 0,
            .packets_per_frame = shapes[f].packets_per_frame,
            .frames_per_s = shapes[f].frames_per_s,
            .payload_len = shapes[f].payload_len,
            .level_dbov = 30,
        };
        CHECK_EQ(page_publish(crowd, pages[who], stream_id(who, f), &o), 0);
    }
}

static void watch(int viewer, int seat, enum control_kind kind, uint64_t stream)
{
    uint64_t end_us = clock_now_us() + 10 * SECOND_US;
    int r;
    while ((r = page_watch(crowd, pages[viewer], (uint8_t)seat, kind, stream)) == -EAGAIN)
        CHECK(crowd_step(crowd, end_us)); /* the media core reads, and media goes on */
    CHECK_EQ(r, 0);
}

/* `viewer` sees and hears the publishers from `from` on in all its seats, itself left out. */
static void fill_seats(int viewer, int from)
{
    for (int seat = 0; seat < SEATS; seat++) {
        int who = from + seat;
        if (who == viewer || who >= from + PUBLISHERS)
            continue;
        watch(viewer, seat, CONTROL_AUDIO, stream_id(who, 0));
        watch(viewer, seat, CONTROL_VIDEO, stream_id(who, 1));
    }
}

static void until_all_receive(void)
{
    uint64_t end_us = clock_now_us() + 20 * SECOND_US;
    for (int i = WARM; i < WARM + PEOPLE; i++)
        while (page_received(pages[i]) < 100)
            CHECK(crowd_step(crowd, end_us));
    crowd_run(crowd, 2 * SECOND_US); /* until every history is full */
}

static double of_workers(const char *binary, unsigned workers)
{
    struct desk *d;
    CHECK_EQ(desk_start(binary, workers, &d), 0);
    double bytes = taken(d);
    CHECK_EQ(desk_end(d), 0);
    return bytes;
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    bool good = true;
    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* what was measured is seen whatever fails after */
    double one = of_workers(argv[1], 1), five = of_workers(argv[1], 5);
    good &= tell("the process with one worker", one, 0);
    good &= tell("each further worker", (five - one) / 4, 0);

    const struct crowd_options options = {
        .pages_max = WARM + PEOPLE, .open_every = 64, .reports = true, .nacks = true};
    CHECK_EQ(desk_start(argv[1], 1, &desk), 0);
    CHECK_EQ(crowd_create(desk, &options, &crowd), 0);
    CHECK_EQ(desk_open_hearing(desk, HEARING, -1), 0);
    join(0, WARM); /* what libraries make once is not a participant's */
    double empty = taken(desk);
    join(WARM, WARM + PEOPLE);
    double idle = taken(desk);
    good &= tell("a participant that is there, 12 seats, both transports connected",
                 (idle - empty) / PEOPLE, IDLE_MAX);

    for (int i = WARM; i < WARM + PUBLISHERS; i++)
        publish(i);
    crowd_run(crowd, 3 * SECOND_US);
    double publishing = taken(desk);
    good &= tell("more while it publishes audio and three layers, with history",
                 (publishing - idle) / PUBLISHERS, PUBLISHING_MAX);

    for (int i = WARM; i < WARM + PEOPLE; i++)
        fill_seats(i, WARM);
    until_all_receive();
    double full = taken(desk);
    good &= tell("more while it receives in all its seats", (full - publishing) / PEOPLE, 0);
    good &=
        tell("a hearing of 60, 12 of them publishing, with process and worker", full, HEARING_MAX);
    crowd_destroy(crowd);
    CHECK_EQ(desk_end(desk), 0);
    CHECK(good);
    return 0;
}
