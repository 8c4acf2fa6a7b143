/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/bwe.h"

#include "unit/check.h"
#include "unit/sfu/link.h"

#define MS     1000ull
#define SECOND (1000 * MS)
#define KBPS   1000u

#define STEPS 20u

static struct link l;
static bool verbose;

static void say(const char *what)
{
    if (verbose)
        fprintf(stderr,
                "%-28s %8u bit/s of %8u: mean %8u, %8u to %8u; queue %4u ms, %5u at most; %3u\n",
                what, bwe_estimate_bps(&l.bwe), l.path.rate_bps, link_mean_bps(&l),
                l.estimate_least, l.estimate_most,
                (unsigned)(l.packets > 0 ? l.queue_sum_us / l.packets / MS : 0),
                (unsigned)(l.queue_most_us / MS), bwe_loss_permille(&l.bwe));
}

static void measure(uint64_t for_us)
{
    link_measure(&l);
    link_run(&l, for_us);
}

static uint32_t percent(uint32_t bps)
{
    return (uint32_t)((uint64_t)bps * 100 / l.path.rate_bps);
}

/* The target: in steady state 70 to 105 % of the link, seen over any 10 s. */
static void check_steady(const char *what, unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i += 10) {
        measure(10 * SECOND);
        say(what);
        CHECK(percent(link_mean_bps(&l)) >= 70);
        CHECK(percent(link_mean_bps(&l)) <= 105);
        CHECK(percent(l.estimate_least) >= 50);
        CHECK(percent(l.estimate_most) <= 120);
    }
}

static void fills_every_link(void)
{
    static const uint32_t kbps[] = {64, 150, 300, 600, 1500, 4000};
    for (size_t i = 0; i < sizeof(kbps) / sizeof(kbps[0]); i++) {
        for (int frames = 0; frames < 2; frames++) {
            link_init(&l, kbps[i] * KBPS);
            l.sender.frames = frames;
            measure(3 * SECOND);
            say("the first 3 s");
            CHECK(kbps[i] >= 600 || percent(bwe_estimate_bps(&l.bwe)) >= 60);
            CHECK(percent(bwe_estimate_bps(&l.bwe)) <= 110);
            link_run(&l, 57 * SECOND);
            check_steady(frames ? "steady, frames" : "steady, paced", 120);
            CHECK(l.queue_sum_us / l.packets < 150 * MS);
        }
    }
}

/* From 4 Mbit/s to 300 kbit/s and back, the step `after_us` later than another: how it falls with
 * the sender's frames, trains and feedback is chance. Adds whether it took over half a second down,
 * over five up. */
static void follow_a_step(bool frames, uint64_t after_us, unsigned *slow_down, unsigned *slow_up)
{
    link_init(&l, 4000 * KBPS);
    link_queue(&l, 100 * MS);
    l.sender.frames = frames;
    l.sender.train_every_us = SECOND;
    measure(30 * SECOND + after_us);
    check_steady("step: before", 30);
    l.path.rate_bps = 300 * KBPS;
    for (int i = 0; i < 20; i++) {
        measure(100 * MS);
        say("step: 100 ms");
        bool over = percent(bwe_estimate_bps(&l.bwe)) > 105;
        *slow_down += i == 4 && over;
        CHECK(i < 6 || !over);
    }
    CHECK(bwe_estimate_bps(&l.bwe) >= LINK_SOUND); /* sound passes */
    measure(3 * SECOND);
    say("step: down");
    CHECK(percent(l.estimate_most) <= 105);
    measure(5 * SECOND);
    say("step: drained");
    CHECK(l.queue_most_us < 400 * MS);
    check_steady("step: after", 60);
    l.path.rate_bps = 4000 * KBPS;
    for (int i = 0; i < 6; i++) {
        measure(SECOND);
        say("step: up");
        *slow_up += i == 4 && percent(bwe_estimate_bps(&l.bwe)) < 70;
    }
    CHECK(percent(bwe_estimate_bps(&l.bwe)) >= 70);
    check_steady("step: up again", 60);
}

/* Down: in half a second below the link mostly, in 0.7 s always, soon after without a queue. Up
 * again: in five, by trains. */
static void follows_a_step(void)
{
    for (int frames = 0; frames < 2; frames++) {
        unsigned slow_down = 0, slow_up = 0;
        for (unsigned i = 0; i < STEPS; i++)
            follow_a_step(frames, i * 37 * MS, &slow_down, &slow_up);
        if (verbose)
            printf("steps: %u and %u of %u slow\n", slow_down, slow_up, STEPS);
        CHECK(slow_down * 2 <= STEPS && slow_up * 10 <= STEPS);
    }
}

/* What is sent fills four fifths of the line only, as the next better layer is too dear: the
 * estimate stays what the line carries, by trains that a shaper lets partly pass at once. */
static void does_not_creep_beyond(void)
{
    static const uint32_t kbps[] = {300, 600, 1500};
    for (size_t i = 0; i < sizeof(kbps) / sizeof(kbps[0]); i++) {
        for (int frames = 0; frames < 2; frames++) {
            link_init(&l, kbps[i] * KBPS);
            l.path.pass_bytes = 1600;
            l.sender.frames = frames;
            l.sender.most_bps = kbps[i] * KBPS * 4 / 5;
            l.sender.train_every_us = 3 * SECOND;
            measure(30 * SECOND);
            check_steady("four fifths", 60);
        }
    }
}

/* Without trains it climbs as well, by 8 % a second; no sooner. */
static void climbs_without_trains(void)
{
    link_init(&l, 300 * KBPS);
    link_run(&l, 60 * SECOND);
    l.path.rate_bps = 4000 * KBPS;
    measure(20 * SECOND);
    say("climbs");
    CHECK(l.estimate_most >= 700 * KBPS);
    CHECK(l.estimate_most <= 1500 * KBPS);
    measure(60 * SECOND);
    check_steady("climbs", 20);
}

/* Lost at random on a wide link: the picture stays. On a narrow one it is filled as without. */
static void random_loss_does_not_starve(void)
{
    static const struct {
        unsigned permille, least_kbps;
    } rows[] = {{15, 4000}, {50, 4000}, {100, 4000}, {200, 2000}, {300, 1000}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int trains = 0; trains < 2; trains++) {
            link_init(&l, 20000 * KBPS);
            l.path.loss_permille = rows[i].permille;
            l.sender.train_every_us = trains ? SECOND : 0;
            measure(60 * SECOND);
            say("random loss, first minute");
            CHECK(l.estimate_least >= 300 * KBPS);
            measure(60 * SECOND);
            say("random loss, second");
            CHECK(link_mean_bps(&l) >= rows[i].least_kbps * KBPS);
        }
        if (rows[i].permille > 100)
            continue;
        link_init(&l, 1500 * KBPS);
        l.path.loss_permille = rows[i].permille;
        link_run(&l, 60 * SECOND);
        check_steady("random loss, narrow", 120);
        CHECK(rows[i].permille < 50 || bwe_loss_permille(&l.bwe) > rows[i].permille / 3);
    }
}

/* A policer has no queue: loss is all there is to see. */
static void finds_a_policer(void)
{
    link_init(&l, 4000 * KBPS);
    l.path.polices = true;
    link_queue(&l, 20000);
    link_run(&l, 60 * SECOND);
    check_steady("policer", 60);
    l.path.rate_bps = 500 * KBPS;
    link_queue(&l, 50000);
    measure(4 * SECOND);
    say("policer: down");
    CHECK(percent(bwe_estimate_bps(&l.bwe)) <= 115);
    link_run(&l, 20 * SECOND);
    for (int i = 0; i < 6; i++) {
        measure(10 * SECOND);
        say("policer: after");
        CHECK(percent(link_mean_bps(&l)) >= 70);
        CHECK(percent(link_mean_bps(&l)) <= 105);
    }
}

/* Short outages, as of a handover, say nothing of the rate. */
static void outages_are_no_congestion(void)
{
    link_init(&l, 1500 * KBPS);
    l.path.outage_us = 200 * MS;
    l.path.outage_every_us = 3 * SECOND;
    link_run(&l, 60 * SECOND);
    check_steady("outages", 60);
    CHECK_EQ(bwe_loss_permille(&l.bwe), 0);

    link_init(&l, 1500 * KBPS);
    link_run(&l, 60 * SECOND);
    l.path.cut = true;
    link_run(&l, SECOND);
    l.path.cut = false;
    measure(5 * SECOND);
    say("cut for 1 s");
    CHECK(percent(l.estimate_least) >= 60);
}

/* Wider than any of ours, and too thin for any. */
static void stays_within_bounds(void)
{
    link_init(&l, 100000 * KBPS);
    l.sender.train_every_us = SECOND;
    link_run(&l, 40 * SECOND);
    measure(10 * SECOND);
    say("wider than the most");
    CHECK_EQ(l.estimate_least, BWE_MOST_BPS);
    link_init(&l, 16 * KBPS);
    link_run(&l, 10 * SECOND);
    measure(10 * SECOND);
    say("thinner than the least");
    CHECK_EQ(l.estimate_least, BWE_LEAST_BPS);
    CHECK(l.estimate_most < 40 * KBPS);
}

static void lives_with_delay_and_jitter(void)
{
    static const struct {
        const char *what;
        uint32_t delay_us, jitter_us, late_permille;
    } rows[] = {
        {"delay 50 ms", 50 * MS, 0, 0},        {"delay 200 ms", 200 * MS, 0, 0},
        {"delay 400 ms", 400 * MS, 0, 0},      {"jitter 10 ms", 25 * MS, 10 * MS, 0},
        {"jitter 50 ms", 25 * MS, 50 * MS, 0}, {"delay 200, jitter 50 ms", 200 * MS, 50 * MS, 0},
        {"reordering", 25 * MS, 0, 50},
    };
    static const uint32_t kbps[] = {300, 1500};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int j = 0; j < 4; j++) {
            link_init(&l, kbps[j / 2] * KBPS);
            l.sender.frames = j % 2;
            l.path.delay_us = rows[i].delay_us;
            l.path.jitter_us = rows[i].jitter_us;
            l.path.late_permille = rows[i].late_permille;
            link_run(&l, 60 * SECOND);
            check_steady(rows[i].what, 120);
            CHECK(bwe_loss_permille(&l.bwe) <= 10); /* what is late is not lost */
        }
    }
}

/* The path is gone for 20 s, and drops what is sent or holds it back; then it is there again. */
static void comes_back_from_a_cut(void)
{
    for (int holds = 0; holds < 2; holds++) {
        link_init(&l, 4000 * KBPS);
        l.sender.train_every_us = SECOND;
        link_run(&l, 30 * SECOND);
        uint32_t before_bps = bwe_estimate_bps(&l.bwe);
        l.sender.train_every_us = 0;
        l.path.cut = !holds;
        l.path.held_until_us = holds ? l.now_us + 20 * SECOND : 0;
        measure(20 * SECOND - 100 * MS);
        say("cut");
        CHECK(bwe_estimate_bps(&l.bwe) > before_bps * 8 / 10); /* nothing was told */
        measure(100 * MS);
        l.path.cut = false;
        link_run(&l, 300 * MS);
        say("cut: back");
        CHECK(bwe_estimate_bps(&l.bwe) <= BWE_FIRST_BPS);
        l.sender.train_every_us = SECOND;
        measure(5 * SECOND);
        say("cut: 5 s later");
        CHECK(l.estimate_least >= 200 * KBPS);
        CHECK(percent(bwe_estimate_bps(&l.bwe)) >= 70);
        check_steady("cut: after", 30);
    }
}

/* Who sends little proves little: neither up nor down. */
static void idle_keeps_the_estimate(void)
{
    link_init(&l, 20000 * KBPS);
    l.sender.most_bps = LINK_SOUND;
    measure(3600 * SECOND);
    say("idle from the beginning");
    CHECK_EQ(l.estimate_least, BWE_FIRST_BPS);
    CHECK_EQ(l.estimate_most, BWE_FIRST_BPS);

    l.sender.most_bps = 0;
    link_run(&l, 30 * SECOND);
    uint32_t bps = bwe_estimate_bps(&l.bwe);
    CHECK(bps > 3000 * KBPS);
    l.sender.most_bps = LINK_SOUND;
    link_run(&l, SECOND);
    measure(600 * SECOND);
    say("idle after a film");
    CHECK(l.estimate_least >= bps);
    CHECK(l.estimate_most <= bps * 11ull / 10);

    /* No further ahead of what arrives than half as much again. */
    link_init(&l, 20000 * KBPS);
    l.sender.most_bps = 500 * KBPS;
    measure(60 * SECOND);
    say("500 kbit/s and no more");
    CHECK(l.estimate_most <= 800 * KBPS);
    CHECK(bwe_estimate_bps(&l.bwe) >= 700 * KBPS);

    /* Jitter that looks like overuse now and then does not take it all. */
    link_init(&l, 20000 * KBPS);
    l.sender.most_bps = LINK_SOUND;
    l.path.jitter_us = 50 * MS;
    measure(600 * SECOND);
    say("idle, jitter 50 ms");
    CHECK(l.estimate_least >= 300 * KBPS);

    /* Nothing at all for a while, then again: we were silent, not the path. */
    link_init(&l, 20000 * KBPS);
    link_run(&l, 20 * SECOND);
    bps = bwe_estimate_bps(&l.bwe);
    l.sender.silent = true;
    link_run(&l, 10 * SECOND);
    l.sender.silent = false;
    measure(5 * SECOND);
    say("silent for 10 s");
    CHECK(l.estimate_least >= bps);
}

/* The receiver's clock is quicker or slower, for hours; with a little of everything else. */
static void an_hour_with_another_clock(void)
{
    for (int ppm = -100; ppm <= 100; ppm += 100) {
        link_init(&l, 1500 * KBPS);
        l.path.drift_ppm = ppm;
        l.path.jitter_us = 5 * MS;
        l.path.loss_permille = 10;
        l.path.late_permille = 2;
        l.path.feedback_loss_permille = 20;
        l.sender.frames = true;
        l.sender.train_every_us = 10 * SECOND;
        link_run(&l, 60 * SECOND);
        for (int minute = 0; minute < 60; minute++) {
            measure(60 * SECOND);
            CHECK(percent(link_mean_bps(&l)) >= 70);
            CHECK(percent(link_mean_bps(&l)) <= 105);
        }
        say("an hour");
    }
}

struct train_row {
    const char *what;
    unsigned packets, lost; /* the last ones are */
    uint32_t sent_apart_us, arrived_apart_us;
    uint32_t kbps; /* the estimate then; 0: as it was */
};

static struct bwe_packet fed[64];

static uint32_t after_train(const struct train_row *row)
{
    struct bwe bwe;
    bwe_init(&bwe, SECOND);
    uint64_t sent_us = 2 * SECOND;
    for (unsigned i = 0; i <= row->packets; i++) {
        bool last = i == row->packets;
        fed[i] = (struct bwe_packet){
            .sent_us = sent_us + i * row->sent_apart_us,
            .arrived_us = 77 * SECOND + i * row->arrived_apart_us,
            .bytes = 1000,
            .train = last ? 0 : 1,
            .lost = i < row->packets && i + row->lost >= row->packets,
        };
    }
    bwe_feedback(&bwe, fed, row->packets + 1, 50000, 5 * SECOND);
    return bwe_estimate_bps(&bwe);
}

/* 8,000 bits a packet: 4 ms apart are 2 Mbit/s. */
static void a_train_tells(void)
{
    static const struct train_row rows[] = {
        {"as quick as sent", 10, 0, 4000, 4000, 2000},
        {"a little slower is jitter", 10, 0, 4000, 4200, 1904},
        {"slower", 10, 0, 4000, 8000, 950},
        {"a little quicker", 10, 0, 4000, 3000, 2000},
        {"much quicker: was held up", 20, 0, 4000, 1000, 0},
        {"two of ten lost", 10, 2, 4000, 4000, 2000},
        {"more lost", 10, 3, 4000, 4000, 0},
        {"all lost", 10, 10, 4000, 4000, 0},
        {"five", 5, 0, 4000, 4000, 2000},
        {"one of five lost", 5, 1, 5000, 5000, 1600},
        {"four", 4, 0, 4000, 4000, 0},
        {"at once: no more than in 15 ms", 5, 0, 0, 100, 2133},
        {"at once, on a slow path", 5, 0, 0, 10000, 760},
        {"below the estimate", 10, 0, 20000, 20000, 0},
        {"takes too long", 40, 0, 30000, 100, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t bps = after_train(&rows[i]);
        uint32_t wanted = rows[i].kbps > 0 ? rows[i].kbps * KBPS : BWE_FIRST_BPS;
        if (verbose || bps < wanted - wanted / 50 || bps > wanted + wanted / 50)
            printf("train, %s: %u, expected %u\n", rows[i].what, bps, wanted);
        CHECK(bps >= wanted - wanted / 50 && bps <= wanted + wanted / 50);
    }
}

/* What is told as lost and then as arrived was only late; trains count it too. */
static void late_is_not_lost(void)
{
    struct bwe bwe;
    bwe_init(&bwe, SECOND);
    uint64_t now_us = 10 * SECOND;
    for (unsigned round = 0; round < 60; round++, now_us += 100 * MS) {
        /* Ten packets; the third was overtaken and is told again the next time. */
        for (unsigned i = 0; i < 11; i++) {
            uint64_t sent_us = now_us - 100 * MS + (i - 1ull) * 10 * MS;
            if (i == 0)
                sent_us = now_us - 170 * MS;
            fed[i] = (struct bwe_packet){
                .sent_us = sent_us,
                .arrived_us = 5 * SECOND + sent_us,
                .bytes = 500,
                .lost = i == 4,
            };
        }
        bwe_feedback(&bwe, fed + (round == 0), 11 - (round == 0), 50000, now_us);
    }
    CHECK(bwe_loss_permille(&bwe) <= 10);
    CHECK(bwe_arrived_bps(&bwe) >= 380 * KBPS && bwe_arrived_bps(&bwe) <= 420 * KBPS);

    bwe_init(&bwe, SECOND);
    CHECK_EQ(bwe_arrived_bps(&bwe), 0);
    CHECK_EQ(bwe_estimate_bps(&bwe), BWE_FIRST_BPS);
    struct bwe_packet train[8];
    for (unsigned i = 0; i < 8; i++)
        train[i] = (struct bwe_packet){
            .sent_us = SECOND + i * 4 * MS,
            .arrived_us = i * 4 * MS,
            .bytes = 1000,
            .train = 65535,
            .lost = i > 2 && i < 6,
        };
    bwe_feedback(&bwe, train, 8, 50000, 2 * SECOND);
    CHECK_EQ(bwe_estimate_bps(&bwe), BWE_FIRST_BPS);
    train[3].lost = train[4].lost = train[5].lost = false;
    bwe_feedback(&bwe, train + 3, 3, 50000, 2 * SECOND);
    CHECK(bwe_estimate_bps(&bwe) > 1800 * KBPS);
}

/* Whatever is told: within the bounds, and well again when sense comes back. */
static void nonsense_stays_within(void)
{
    link_init(&l, 1500 * KBPS);
    for (unsigned round = 0; round < 30000; round++) {
        unsigned count = link_random(&l, 64);
        l.now_us += link_random(&l, round % 7 == 0 ? 5000000 : 100000);
        for (unsigned i = 0; i < count; i++) {
            uint64_t high = (uint64_t)link_random(&l, UINT32_MAX) << link_random(&l, 33);
            bool wild = round % 3 > 0;
            fed[i] = (struct bwe_packet){
                .sent_us = l.now_us - (wild ? high >> link_random(&l, 40) : i * MS),
                .arrived_us =
                    wild ? high + link_random(&l, UINT32_MAX) : l.now_us + link_random(&l, 4000000),
                .bytes = (uint16_t)link_random(&l, 65536),
                .train = (uint16_t)link_random(&l, link_random(&l, 2) ? 3 : 65536),
                .lost = link_random(&l, 4) == 0,
            };
        }
        bwe_feedback(&l.bwe, fed, count, link_random(&l, UINT32_MAX), l.now_us);
        CHECK(bwe_estimate_bps(&l.bwe) >= BWE_LEAST_BPS);
        CHECK(bwe_estimate_bps(&l.bwe) <= BWE_MOST_BPS);
        CHECK(bwe_loss_permille(&l.bwe) <= 1000);
        (void)bwe_arrived_bps(&l.bwe);
    }
    l.begun_us = l.now_us;
    l.next_sound_us = l.next_video_us = l.next_train_us = l.next_feedback_us = l.now_us;
    l.sender.train_every_us = SECOND;
    measure(60 * SECOND);
    say("after nonsense");
    check_steady("after nonsense", 30);
}

int main(void)
{
    verbose = getenv("ASSIZE_TEST_VERBOSE") != NULL;

    a_train_tells();
    late_is_not_lost();
    nonsense_stays_within();
    fills_every_link();
    follows_a_step();
    does_not_creep_beyond();
    climbs_without_trains();
    random_loss_does_not_starve();
    finds_a_policer();
    outages_are_no_congestion();
    stays_within_bounds();
    lives_with_delay_and_jitter();
    comes_back_from_a_cut();
    idle_keeps_the_estimate();
    an_hour_with_another_clock();
    return 0;
}
