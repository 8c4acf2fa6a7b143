/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/trend.h"

/* Section 5.2 of the draft, and as libwebrtc: packets that leave within this time are one group;
 * so are those that come within it of each other after less time than they were sent apart: they
 * were held up together, for up to BURST_MOST_US. */
#define BURST_US      5000
#define BURST_MOST_US 100000

/* As libwebrtc: how the delay is smoothed, and what its slope is multiplied by. */
#define SMOOTHING   0.9
#define GAIN        4.0
#define DELTAS_MOST 60
/* A slope of fewer is not looked at. Ours: libwebrtc waits for all 20, which takes seconds on a
 * thin link; few deltas make little of a slope anyway. */
#define POINTS_LEAST 5

/* Section 5.4: overuse lasts this long before it is believed; the threshold's start, bounds and
 * gains a millisecond; what is further above does not move it. Ours: it falls faster than the
 * draft's and slower than libwebrtc's, so that it stays up from one peak of jitter to the next. */
#define OVER_MS            10.0
#define THRESHOLD_MS       12.5
#define THRESHOLD_LEAST_MS 9.0
#define THRESHOLD_MOST_MS  30.0
#define THRESHOLD_UP       0.0087
#define THRESHOLD_DOWN     0.0003
#define OUTLIER_MS         15.0
#define ELAPSED_MOST_MS    100.0

/* So many packets so much later than the quickest and than what is usual are overuse at once.
 * Ours: on a link that became ten times thinner, a group takes a tenth of a second to arrive. */
#define SUDDEN_MS      120.0
#define SUDDEN_PACKETS 3

/* The least delay is that of this long, or twice. Ours; a clock that is off by 100 ppm moves it by
 * 2 ms. */
#define LOWEST_US (10 * 1000000ull)

void trend_init(struct trend *t)
{
    *t = (struct trend){.threshold_ms = THRESHOLD_MS};
}

void trend_restart(struct trend *t)
{
    *t = (struct trend){.threshold_ms = t->threshold_ms};
}

static double lesser(double a, double b)
{
    return a < b ? a : b;
}

/* By least squares; the last one where there is none. */
static double slope_of(const struct trend *t)
{
    double xs[TREND_POINTS];
    double x = 0;
    double y = 0;
    for (int i = 0; i < t->point_count; i++) {
        xs[i] = (int32_t)(t->points[i].arrived_us - t->points[0].arrived_us) / 1000.0;
        x += xs[i];
        y += t->points[i].delay_ms;
    }
    x /= t->point_count;
    y /= t->point_count;
    double xx = 0;
    double xy = 0;
    for (int i = 0; i < t->point_count; i++) {
        xx += (xs[i] - x) * (xs[i] - x);
        xy += (xs[i] - x) * (t->points[i].delay_ms - y);
    }
    return xx > 0 ? xy / xx : t->slope;
}

static void adapt_threshold(struct trend *t, double excess_ms, double elapsed_ms)
{
    double off_ms = (excess_ms < 0 ? -excess_ms : excess_ms) - t->threshold_ms;
    if (off_ms > OUTLIER_MS)
        return;
    double gain = off_ms < 0 ? THRESHOLD_DOWN : THRESHOLD_UP;
    double to_ms = t->threshold_ms + gain * off_ms * lesser(elapsed_ms, ELAPSED_MOST_MS);
    t->threshold_ms =
        lesser(to_ms > THRESHOLD_LEAST_MS ? to_ms : THRESHOLD_LEAST_MS, THRESHOLD_MOST_MS);
}

static void detect(struct trend *t, double slope, double elapsed_ms)
{
    double excess_ms = t->deltas * slope * GAIN;
    if (excess_ms > t->threshold_ms) {
        t->over_ms += t->over_count == 0 ? elapsed_ms / 2 : elapsed_ms;
        t->over_count++;
        if (t->over_ms > OVER_MS && t->over_count > 1 && slope >= t->slope) {
            t->over_ms = 0;
            t->over_count = 0;
            t->usage = TREND_OVER;
            t->raised = true;
        }
    } else {
        t->over_ms = 0;
        t->over_count = 0;
        t->usage = excess_ms < -t->threshold_ms ? TREND_UNDER : TREND_NORMAL;
    }
    t->slope = slope;
    adapt_threshold(t, excess_ms, elapsed_ms);
}

static void note_lowest(struct trend *t, uint64_t sent_us)
{
    if (t->deltas == 0) {
        t->lowest_us = sent_us;
    } else if (sent_us - t->lowest_us >= LOWEST_US) {
        t->lowest_us = sent_us;
        t->lowest_before_ms = t->lowest_ms;
        t->lowest_ms = t->delay_ms;
    }
    t->lowest_ms = lesser(t->lowest_ms, t->delay_ms);
}

/* More than the first packet's. */
static double delay_ms(const struct trend *t, uint64_t sent_us, uint64_t arrived_us)
{
    return (double)(int64_t)(arrived_us - sent_us - t->origin_us) / 1000;
}

static double lowest_ms(const struct trend *t)
{
    return lesser(t->lowest_ms, t->lowest_before_ms);
}

/* What the delay changed by between two groups that are whole. */
static void compare(struct trend *t, const struct trend_group *before,
                    const struct trend_group *now)
{
    double sent_ms = (double)(now->sent_us - before->sent_us) / 1000;
    double arrived_ms = (double)(int64_t)(now->arrived_us - before->arrived_us) / 1000;
    t->delay_ms = delay_ms(t, now->sent_us, now->arrived_us);
    t->smoothed_ms = SMOOTHING * t->smoothed_ms + (1 - SMOOTHING) * t->delay_ms;
    note_lowest(t, now->sent_us);
    if (t->deltas < DELTAS_MOST)
        t->deltas++;
    t->points[t->point_next].arrived_us = (uint32_t)now->arrived_us;
    t->points[t->point_next].delay_ms = (float)t->smoothed_ms;
    t->point_next = (uint8_t)((t->point_next + 1) % TREND_POINTS);
    if (t->point_count < TREND_POINTS)
        t->point_count++;
    detect(t, t->point_count < POINTS_LEAST ? 0 : slope_of(t),
           sent_ms > arrived_ms ? sent_ms : arrived_ms);
}

static bool belongs(const struct trend_group *g, uint64_t sent_us, uint64_t arrived_us)
{
    if (sent_us - g->first_sent_us <= BURST_US)
        return true;
    int64_t came_us = (int64_t)(arrived_us - g->arrived_us);
    return came_us <= BURST_US && came_us < (int64_t)(sent_us - g->sent_us) &&
           (int64_t)(arrived_us - g->first_arrived_us) < BURST_MOST_US;
}

/* Overuse that cannot be mistaken is not waited for until groups are whole and a line is fitted. */
static void detect_sudden(struct trend *t, double ms)
{
    bool late = ms - lowest_ms(t) > SUDDEN_MS && ms - t->smoothed_ms > SUDDEN_MS;
    t->sudden = late ? t->sudden + 1 : 0;
    if (t->sudden >= SUDDEN_PACKETS) {
        t->usage = TREND_OVER;
        t->raised = true;
    }
}

void trend_packet(struct trend *t, uint64_t sent_us, uint64_t arrived_us)
{
    struct trend_group *g = &t->group;
    if (!g->any)
        t->origin_us = arrived_us - sent_us;
    detect_sudden(t, delay_ms(t, sent_us, arrived_us));
    if (g->any && belongs(g, sent_us, arrived_us)) {
        g->sent_us = sent_us;
        if ((int64_t)(arrived_us - g->arrived_us) > 0)
            g->arrived_us = arrived_us;
        return;
    }
    if (g->any && t->before.any)
        compare(t, &t->before, g);
    t->before = *g;
    *g = (struct trend_group){
        .sent_us = sent_us,
        .first_sent_us = sent_us,
        .arrived_us = arrived_us,
        .first_arrived_us = arrived_us,
        .any = true,
    };
}

enum trend_usage trend_usage(const struct trend *t)
{
    return t->usage;
}

bool trend_take_overuse(struct trend *t)
{
    bool raised = t->raised;
    t->raised = false;
    return raised;
}

double trend_queue_ms(const struct trend *t)
{
    return lesser(t->delay_ms, t->smoothed_ms) - lowest_ms(t);
}
