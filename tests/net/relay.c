/* A line's delay, jitter, reordering, duplication and bursts of loss, in the network namespace that
 * stands between a page and the server:
 *
 *   net-relay UP DOWN
 *
 * makes two TUN devices of these names. What is routed into one comes out of it again, later; the
 * namespace's rules say which way goes through which. Each line on stdin sets one of them:
 *
 *   UP delay=US jitter=US hold=PERMILLE,US twice=PERMILLE burst=PERIOD_US,LENGTH_US
 *
 * delay and jitter (evenly from 0, in order) hold back everything, hold a share for longer, so that
 * others overtake it, twice sends a share twice, burst drops all that comes in the first LENGTH of
 * every PERIOD. What is not named is 0. Each line is answered by one with the counts so far; the
 * end of stdin ends the program. SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/clock.h"

/* Half a second at 60 Mbit/s of full packets; what comes beyond that is counted as over. */
#define HELD_MAX   4096
#define PACKET_MAX 2048
#define PERMILLE   1000
#define LINE_MAX   256
/* Taken from a device between two looks at what is due. */
#define AT_ONCE 64

struct held {
    uint64_t due_us;
    uint64_t number; /* those due at once keep their order */
    size_t len;
    uint8_t *bytes; /* PACKET_MAX of them, the slot's for good */
};

struct side {
    const char *name;
    int fd;
    struct held heap[HELD_MAX]; /* the first `count` by due_us; the others' bytes are free */
    size_t count;
    uint64_t number, last_due_us;
    uint64_t delay_us, jitter_us, hold_us, period_us, length_us;
    unsigned hold_permille, twice_permille;
    uint64_t passed, dropped, over;
};

static struct side sides[2];
static uint32_t chance = 2463534242u;

/* Evenly below `below` (xorshift32, so that a run can be repeated). */
static uint64_t random_below(uint64_t below)
{
    chance ^= chance << 13;
    chance ^= chance >> 17;
    chance ^= chance << 5;
    return below ? chance % below : 0;
}

static int open_device(const char *name)
{
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    (void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) {
        perror("net-relay: no TUN device");
        exit(1);
    }
    return fd;
}

static bool is_before(const struct held *a, const struct held *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->number < b->number;
}

static void swap(struct held *a, struct held *b)
{
    struct held kept = *a;
    *a = *b;
    *b = kept;
}

static void push(struct side *s, const uint8_t *bytes, size_t len, uint64_t due_us)
{
    if (s->count == HELD_MAX) {
        s->over++;
        return;
    }
    size_t at = s->count++;
    struct held *h = &s->heap[at];
    memcpy(h->bytes, bytes, len);
    h->len = len;
    h->due_us = due_us;
    h->number = s->number++;
    for (; at > 0 && is_before(&s->heap[at], &s->heap[(at - 1) / 2]); at = (at - 1) / 2)
        swap(&s->heap[at], &s->heap[(at - 1) / 2]);
}

static void pop(struct side *s)
{
    swap(&s->heap[0], &s->heap[--s->count]);
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < s->count; child++)
            if (is_before(&s->heap[child], &s->heap[least]))
                least = child;
        if (least == at)
            return;
        swap(&s->heap[at], &s->heap[least]);
        at = least;
    }
}

static void take(struct side *s, const uint8_t *bytes, size_t len, uint64_t now_us)
{
    if (s->period_us && now_us % s->period_us < s->length_us) {
        s->dropped++;
        return;
    }
    uint64_t due_us = now_us + s->delay_us + random_below(s->jitter_us + 1);
    if (s->hold_permille && random_below(PERMILLE) < s->hold_permille) {
        push(s, bytes, len, due_us + s->hold_us);
        return;
    }
    if (due_us < s->last_due_us)
        due_us = s->last_due_us;
    s->last_due_us = due_us;
    push(s, bytes, len, due_us);
    if (s->twice_permille && random_below(PERMILLE) < s->twice_permille)
        push(s, bytes, len, due_us);
}

static void read_device(struct side *s)
{
    for (int i = 0; i < AT_ONCE; i++) {
        uint8_t bytes[PACKET_MAX];
        ssize_t len = read(s->fd, bytes, sizeof(bytes));
        if (len <= 0)
            return;
        take(s, bytes, (size_t)len, clock_now_us());
    }
}

static void release(struct side *s, uint64_t now_us)
{
    while (s->count && s->heap[0].due_us <= now_us) {
        /* The device takes it or has no route for it; a real line does not say either. */
        if (write(s->fd, s->heap[0].bytes, s->heap[0].len) > 0)
            s->passed++;
        else
            s->dropped++;
        pop(s);
    }
}

/* "hold=10,30000": the share and what it is held for. */
static void set(struct side *s, char *words)
{
    s->delay_us = s->jitter_us = s->hold_us = s->period_us = s->length_us = 0;
    s->hold_permille = s->twice_permille = 0;
    char *rest = words;
    for (char *word = strtok_r(words, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
        char *value = strchr(word, '='), *second = strchr(word, ',');
        if (!value)
            continue;
        uint64_t a = strtoull(value + 1, NULL, 10);
        uint64_t b = second ? strtoull(second + 1, NULL, 10) : 0;
        if (strncmp(word, "delay=", 6) == 0) {
            s->delay_us = a;
        } else if (strncmp(word, "jitter=", 7) == 0) {
            s->jitter_us = a;
        } else if (strncmp(word, "twice=", 6) == 0) {
            s->twice_permille = (unsigned)a;
        } else if (strncmp(word, "hold=", 5) == 0) {
            s->hold_permille = (unsigned)a;
            s->hold_us = b;
        } else if (strncmp(word, "burst=", 6) == 0) {
            s->period_us = a;
            s->length_us = b;
        }
    }
}

static bool take_order(void)
{
    static char line[LINE_MAX];
    if (!fgets(line, sizeof(line), stdin))
        return false;
    for (size_t i = 0; i < 2; i++) {
        struct side *s = &sides[i];
        size_t len = strlen(s->name);
        if (strncmp(line, s->name, len) == 0 && strchr(" \n", line[len]))
            set(s, line + len);
        printf("%s passed %llu dropped %llu over %llu%c", s->name, (unsigned long long)s->passed,
               (unsigned long long)s->dropped, (unsigned long long)s->over, i == 0 ? ' ' : '\n');
    }
    fflush(stdout);
    return true;
}

/* Until the next packet is due, or -1. */
static int64_t wait_us(uint64_t now_us)
{
    int64_t least = -1;
    for (size_t i = 0; i < 2; i++) {
        if (!sides[i].count)
            continue;
        uint64_t due_us = sides[i].heap[0].due_us;
        int64_t us = due_us > now_us ? (int64_t)(due_us - now_us) : 0;
        if (least < 0 || us < least)
            least = us;
    }
    return least;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: net-relay UP DOWN\n");
        return 2;
    }
    /* Late by less than a millisecond also beside browsers; without the right to it, by chance. */
    const struct sched_param first = {.sched_priority = 1};
    (void)sched_setscheduler(0, SCHED_FIFO, &first);
    for (int i = 0; i < 2; i++) {
        sides[i].name = argv[i + 1];
        sides[i].fd = open_device(sides[i].name);
        for (size_t k = 0; k < HELD_MAX; k++)
            if (!(sides[i].heap[k].bytes = malloc(PACKET_MAX)))
                return 1;
    }
    (void)setvbuf(stdin, NULL, _IONBF, 0); /* or poll() would not see what was read ahead */
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        int64_t us = wait_us(clock_now_us());
        const struct timespec until = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
        struct pollfd fds[3] = {{.fd = sides[0].fd, .events = POLLIN},
                                {.fd = sides[1].fd, .events = POLLIN},
                                {.fd = STDIN_FILENO, .events = POLLIN}};
        if (ppoll(fds, 3, us < 0 ? NULL : &until, NULL) < 0 && errno != EINTR)
            return 1;
        for (size_t i = 0; i < 2; i++) {
            read_device(&sides[i]);
            release(&sides[i], clock_now_us());
        }
        if (fds[2].revents && !take_order())
            return 0;
    }
}
