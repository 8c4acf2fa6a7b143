/* Our own receive queue overflows, while the media core is made to stand still: each datagram is
 * either read or counted as lost there, and one line a second says how many.
 * SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "peer/desk.h"
#include "sfu/udp.h"
#include "unit/check.h"

#define WAIT_US (10 * 1000000ull)

/* Longer than any packet, so that they are counted as junk when read, and the queue is soon full:
 * together three times what it holds at most. */
#define DATAGRAM_LEN 60000
#define DATAGRAMS    (3 * 2 * UDP_BUFFER_BYTES / DATAGRAM_LEN)

static struct desk *desk;

/* Waits for what the media core tells of a second that began after now. */
static void fresh_metrics(void)
{
    uint64_t wanted = desk_metrics_count(desk) + 3, end_us = clock_now_us() + WAIT_US;
    while (desk_metrics_count(desk) < wanted) {
        struct pollfd p = {.fd = desk_fd(desk), .events = POLLIN};
        CHECK(clock_now_us() < end_us);
        (void)poll(&p, 1, 1000);
        CHECK_EQ(desk_read(desk), 0);
    }
}

/* Where the worker of one hearing listens. */
static struct address find_worker(void)
{
    struct control_message m = {.type = CONTROL_HEARING_OPEN, .hearing_open = {.hearing = 1}};
    struct control_message answer;
    struct address at;
    CHECK_EQ(desk_ask(desk, &m, NULL), 0);
    m = (struct control_message){
        .type = CONTROL_PEER_ADD,
        .peer_add = {.hearing = 1, .peer = 1, .role = CONTROL_ROLE_PARTY, .room = 1, .seats = 1}};
    CHECK_EQ(desk_ask(desk, &m, &answer), 0);
    const struct control_candidate *c = &answer.peer_ready.candidates[0];
    CHECK_EQ(address_from_text(c->address, c->port, &at), 0);
    return at;
}

static uint64_t lost(void)
{
    return desk_metric(desk, CONTROL_METRIC_DROPPED_QUEUE);
}

static void flood(int fd, const struct address *to)
{
    static uint8_t datagram[DATAGRAM_LEN];
    int status;
    uint64_t lost_before = lost(), read_before = desk_metric(desk, CONTROL_METRIC_DROPPED_JUNK);
    CHECK_EQ(kill(desk_pid(desk), SIGSTOP), 0);
    CHECK_EQ(waitpid(desk_pid(desk), &status, WUNTRACED), desk_pid(desk));
    for (int i = 0; i < DATAGRAMS; i++)
        CHECK_EQ(sendto(fd, datagram, DATAGRAM_LEN, 0, &to->any, to->len), DATAGRAM_LEN);
    CHECK_EQ(kill(desk_pid(desk), SIGCONT), 0);
    fresh_metrics();
    uint64_t more = lost() - lost_before;
    CHECK(more > 0 && more < DATAGRAMS);
    CHECK_EQ(more + desk_metric(desk, CONTROL_METRIC_DROPPED_JUNK) - read_before, DATAGRAMS);
}

/* The numbers in the lines about it, of which there are `ret_lines`. */
static uint64_t told(FILE *log, unsigned *ret_lines)
{
    char line[4096];
    uint64_t sum = 0;
    *ret_lines = 0;
    rewind(log);
    while (fgets(line, sizeof(line), log)) {
        const char *at = strstr(line, "worker 0: ");
        if (!at || !strstr(at, "datagrams dropped at its sockets in a second"))
            continue;
        sum += strtoull(at + strlen("worker 0: "), NULL, 10);
        ++*ret_lines;
    }
    return sum;
}

int main(int argc, char **argv)
{
    enum { FLOODS = 2 };
    CHECK_EQ(argc, 2);
    int log_fd = memfd_create("log", MFD_CLOEXEC), own = dup(STDERR_FILENO);
    CHECK(log_fd >= 0 && own >= 0);
    CHECK_EQ(dup2(log_fd, STDERR_FILENO), STDERR_FILENO);
    int r = desk_start(argv[1], 1, &desk);
    CHECK_EQ(dup2(own, STDERR_FILENO), STDERR_FILENO);
    CHECK_EQ(r, 0);

    struct address to = find_worker(), any;
    CHECK_EQ(address_from_text("127.0.0.1", 0, &any), 0);
    int fd = udp_open(&any);
    CHECK(fd >= 0);
    uint64_t begun_us = clock_now_us();
    fresh_metrics();
    for (int i = 0; i < FLOODS; i++)
        flood(fd, &to);
    uint64_t seconds = (clock_now_us() - begun_us) / 1000000 + 1, sum = lost();
    CHECK_EQ(desk_end(desk), 0);

    unsigned lines;
    FILE *log = fdopen(log_fd, "r");
    CHECK(log);
    CHECK_EQ(told(log, &lines), sum);
    CHECK(lines >= FLOODS && lines <= seconds);
    fclose(log);
    close(fd);
    close(own);
    return 0;
}
