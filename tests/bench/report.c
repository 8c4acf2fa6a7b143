/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

/* From the JSON's name on: how the table heads it, with decimals. */
static const struct {
    const char *name, *title;
    int decimals;
} figures[FIGURE_COUNT] = {
    [FIGURE_COST] = {"cpu_s_per_million", "CPU s per million packets", 2},
    [FIGURE_BUSY] = {"core_busy_percent", "server's core busy, %", 1},
    [FIGURE_RATE] = {"packets_per_s", "packets received a second", 0},
    [FIGURE_LOSS] = {"loss_percent", "loss, %", 3},
    [FIGURE_REFUSED] = {"server_dropped", "dropped by the server, full", 0},
    [FIGURE_OVERFLOW] = {"load_overflows", "lost at the load, full", 0},
    [FIGURE_WRONG] = {"wrong_packets", "wrong packets", 0},
    [FIGURE_P50] = {"latency_p50_ms", "added latency p50, ms", 2},
    [FIGURE_P99] = {"latency_p99_ms", "added latency p99, ms", 2},
    [FIGURE_REFLECTOR] = {"reflector_p50_ms", "bare reflector p50, ms", 2},
    [FIGURE_SPAN_P50] = {"span_p50_ms", "first to last receiver p50, ms", 2},
    [FIGURE_SPAN_P99] = {"span_p99_ms", "first to last receiver p99, ms", 2},
    [FIGURE_SEGMENTS] = {"segments_per_message", "packets per message", 2},
    [FIGURE_PER_CALL] = {"packets_per_send_call", "packets per send call", 1},
    [FIGURE_QUEUE_DROPS] = {"receive_queue_drops", "rcvq drops", 0},
    [FIGURE_READ_GAP] = {"read_gap_ms", "longest between reads, of 1 s, ms", 2},
    [FIGURE_SYSCALLS] = {"syscalls_per_packet", "system calls per packet", 4},
    [FIGURE_MEMORY] = {"memory_mb", "memory, MB", 1},
    [FIGURE_PER_RECEIVER] = {"memory_kb_per_receiver", "memory per receiver, kB", 1},
    [FIGURE_LATE] = {"load_late_p99_ms", "load late p99, ms", 2},
};

void report_add(struct report *r, const char *name, const char *title, const struct figures *f)
{
    struct report_server *s = r->servers;
    while (s < r->servers + r->count && strcmp(s->name, name) != 0)
        s++;
    if (s == r->servers + REPORT_SERVERS)
        return;
    if (s == r->servers + r->count) {
        r->count++;
        s->name = name;
        s->title = title;
    }
    if (s->count < REPORT_ROUNDS_MAX)
        s->rounds[s->count++] = *f;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The values that were taken, in order; returns how many. */
static size_t sorted(const struct report_server *s, enum figure figure,
                     double values[static REPORT_ROUNDS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->rounds[i].values[figure] != FIGURE_NONE)
            values[n++] = s->rounds[i].values[figure];
    qsort(values, n, sizeof(*values), by_size);
    return n;
}

double report_median(const struct report_server *s, enum figure figure)
{
    double values[REPORT_ROUNDS_MAX];
    size_t n = sorted(s, figure, values);
    if (n == 0)
        return FIGURE_NONE;
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

void report_print_round(const char *name, const struct figures *f)
{
    const double *v = f->values;
    printf("  %-15s %6.2f s/million  busy %5.1f %%  loss %6.3f %%", name, v[FIGURE_COST],
           v[FIGURE_BUSY], v[FIGURE_LOSS]);
    if (v[FIGURE_P50] != FIGURE_NONE)
        printf("  added p50 %5.2f p99 %6.2f ms  span p50 %5.2f p99 %6.2f ms  wrong %.0f",
               v[FIGURE_P50], v[FIGURE_P99], v[FIGURE_SPAN_P50], v[FIGURE_SPAN_P99],
               v[FIGURE_WRONG]);
    if (v[FIGURE_REFUSED] > 0 || v[FIGURE_OVERFLOW] > 0)
        printf("  dropped by the server %.0f, at the load %.0f", v[FIGURE_REFUSED],
               v[FIGURE_OVERFLOW]);
    printf("\n");
    fflush(stdout);
}

static void print_figure(const struct report *r, enum figure figure)
{
    double values[REPORT_ROUNDS_MAX];
    int d = figures[figure].decimals;
    printf("  %-31s", figures[figure].title);
    for (size_t i = 0; i < r->count; i++) {
        char cell[64];
        size_t n = sorted(&r->servers[i], figure, values);
        if (n == 0)
            (void)snprintf(cell, sizeof(cell), "-");
        else
            (void)snprintf(cell, sizeof(cell), "%.*f [%.*f, %.*f]", d,
                           report_median(&r->servers[i], figure), d, values[0], d, values[n - 1]);
        printf(" %24s", cell);
    }
    printf("\n");
}

void report_print(const struct report *r)
{
    printf("\n%s (%s): median [least, most] of %zu rounds\n  %-31s", r->load->name, r->load->title,
           r->servers[0].count, "");
    for (size_t i = 0; i < r->count; i++)
        printf(" %24s", r->servers[i].name);
    printf("\n");
    for (int f = 0; f < FIGURE_COUNT; f++)
        print_figure(r, (enum figure)f);
    double own = report_median(&r->servers[0], FIGURE_COST);
    for (size_t i = 1; i < r->count; i++) {
        double other = report_median(&r->servers[i], FIGURE_COST);
        if (other > 0)
            printf("  ratio of cost: %s is %.2f times %s\n", r->servers[0].name, own / other,
                   r->servers[i].name);
    }
    printf("\n");
    fflush(stdout);
}

static void write_machine(FILE *out, const struct place *place, unsigned seconds)
{
    struct utsname kernel = {0};
    char model[128] = "unknown", line[256], date[32] = "";
    FILE *cpu = fopen("/proc/cpuinfo", "re");
    while (cpu && fgets(line, sizeof(line), cpu))
        if (sscanf(line, "model name : %127[^\n\"\\]", model) == 1)
            break;
    if (cpu)
        fclose(cpu);
    (void)uname(&kernel); /* stays empty */
    time_t now = time(NULL);
    struct tm utc;
    (void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    fprintf(out,
            "{\"date\": \"%s\", \"kernel\": \"%s\", \"machine\": \"%s\", \"network\": \"%s\", "
            "\"pinned\": %s, \"seconds\": %u,\n \"loads\": [",
            date, kernel.release, model, place->apart ? "veth" : "loopback",
            place->server_core >= 0 ? "true" : "false", seconds);
}

static void write_server(FILE *out, const struct report_server *s)
{
    fprintf(out, "{\"name\": \"%s\"", s->name);
    for (int f = 0; f < FIGURE_COUNT; f++) {
        double values[REPORT_ROUNDS_MAX];
        if (sorted(s, (enum figure)f, values) == 0)
            continue;
        fprintf(out, ",\n    \"%s\": {\"median\": %.6g, \"rounds\": [", figures[f].name,
                report_median(s, (enum figure)f));
        const char *comma = "";
        for (size_t i = 0; i < s->count; i++)
            if (s->rounds[i].values[f] != FIGURE_NONE) {
                fprintf(out, "%s%.6g", comma, s->rounds[i].values[f]);
                comma = ", ";
            }
        fprintf(out, "]}");
    }
    fprintf(out, "}");
}

int report_write(const char *path, const struct report *reports, size_t count,
                 const struct place *place, unsigned seconds)
{
    FILE *out = fopen(path, "we");
    if (!out)
        return -errno;
    write_machine(out, place, seconds);
    for (size_t i = 0; i < count; i++) {
        const struct report *r = &reports[i];
        fprintf(out,
                "%s\n  {\"name\": \"%s\", \"title\": \"%s\", \"receivers\": %u, \"publishers\": "
                "%u, \"frames\": \"%s\", \"forwards_per_s\": %u, \"servers\": [\n   ",
                i ? "," : "", r->load->name, r->load->title, load_receivers(r->load),
                r->load->hearings * r->load->publishing, r->load->uneven ? "uneven" : "equal",
                load_forwards(r->load));
        for (size_t k = 0; k < r->count; k++) {
            fprintf(out, "%s", k ? ",\n   " : "");
            write_server(out, &r->servers[k]);
        }
        fprintf(out, "]}");
    }
    fprintf(out, "\n]}\n");
    return fclose(out) == 0 ? 0 : -errno;
}
