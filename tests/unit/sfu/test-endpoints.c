/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/endpoints.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "sfu/udp.h"
#include "unit/check.h"
#include "unit/sfu/stage.h"

#define WAKE 7

static int refused; /* the option of a socket that the kernel does not know; 0: it knows all */

int __real_setsockopt(int fd, int level, int option, const void *value, socklen_t len);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len);

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
    if (refused && level == SOL_SOCKET && option == refused) {
        errno = ENOPROTOOPT;
        return -1;
    }
    return __real_setsockopt(fd, level, option, value, len);
}

static struct stage s;
static struct endpoints e;
static int epoll_fd, page_fd;
static size_t count; /* of addresses */

static void begin(int option)
{
    static const char *const at[] = {"127.0.0.1", "::1"};
    CHECK_EQ(stage_open(&s), 0);
    refused = option;
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    CHECK_EQ(endpoints_create(epoll_fd, WAKE, 0, &e), 0);
    for (count = 0; count < 2; count++) {
        struct address address;
        CHECK_EQ(address_from_text(at[count], 0, &address), 0);
        CHECK_EQ(endpoints_add(&e, &address, s.c.sealer), 0);
    }
    CHECK(e.port != 0 && e.count == count);
    refused = 0;
}

static void end(void)
{
    endpoints_destroy(&e);
    close(epoll_fd);
    stage_close(&s);
}

/* A stranger's datagram, as RTCP begins or as RTP does, so many times. */
static void send_to(size_t i, bool rtcp, unsigned times)
{
    const uint8_t bytes[12] = {0x80, rtcp ? 205 : 111};
    struct address any, to;
    CHECK_EQ(address_from_text(i ? "::1" : "127.0.0.1", 0, &any), 0);
    CHECK_EQ(address_from_text(i ? "::1" : "127.0.0.1", e.port, &to), 0);
    page_fd = udp_open(&any);
    for (; times > 0; times--)
        CHECK_EQ(sendto(page_fd, bytes, sizeof(bytes), 0, &to.any, to.len), (ssize_t)sizeof(bytes));
    close(page_fd);
}

/* The user data of what wakes, or -1. */
static int woken(void)
{
    struct epoll_event event;
    return epoll_wait(epoll_fd, &event, 1, 0) == 1 ? (int)event.data.u64 : -1;
}

static uint64_t strangers(void)
{
    return s.c.counters[CONTROL_METRIC_DROPPED_JUNK];
}

/* RTCP wakes nobody, but is there for who looks; all else wakes. Both are forwarded. */
static void rtcp_wakes_nobody(void)
{
    begin(0);
    for (size_t i = 0; i < count; i++) {
        uint64_t before = strangers();
        send_to(i, true, 3);
        CHECK_EQ(woken(), -1);
        CHECK_EQ(endpoints_read(&e, i, false, &s.c), 0);
        CHECK_EQ(endpoints_read(&e, i, true, &s.c), 3);
        CHECK_EQ(endpoints_read(&e, i, true, &s.c), 0);
        CHECK_EQ(strangers(), before + 3);
        send_to(i, false, 2);
        CHECK_EQ(woken(), (int)(WAKE + i));
        CHECK_EQ(endpoints_read(&e, i, true, &s.c), 0);
        CHECK_EQ(endpoints_read(&e, i, false, &s.c), 2);
        CHECK_EQ(woken(), -1);
        CHECK_EQ(strangers(), before + 5);
    }
    end();
}

/* Where the kernel has no place apart for it, it comes with all else, and none is lost. */
static void wakes_where_the_kernel_cannot(int option)
{
    begin(option);
    for (size_t i = 0; i < count; i++) {
        send_to(i, true, 3);
        CHECK_EQ(woken(), (int)(WAKE + i));
        CHECK_EQ(endpoints_read(&e, i, true, &s.c), 0);
        CHECK_EQ(endpoints_read(&e, i, false, &s.c), 3);
    }
    CHECK_EQ(endpoints_take_drops(&e), 0);
    end();
}

/* Due in a moment, waited for a little longer, at once where there is more. */
static void is_due(void)
{
    begin(0);
    CHECK_EQ(endpoints_rtcp_us(&e), 0);
    s.c.now_us = clock_now_us();
    endpoints_note_rtcp(&e, &s.c, false);
    CHECK_EQ(endpoints_rtcp_us(&e), s.c.now_us + ENDPOINTS_RTCP_APART_US);
    CHECK_EQ(endpoints_wake_us(&e), s.c.now_us + ENDPOINTS_RTCP_US);
    endpoints_note_rtcp(&e, &s.c, true);
    CHECK(endpoints_rtcp_us(&e) <= s.c.now_us && endpoints_wake_us(&e) <= s.c.now_us);
    end();
}

/* What a full queue of either lost is counted, once. */
static void counts_what_was_lost(void)
{
    begin(0);
    for (int rtcp = 0; rtcp < 2; rtcp++) {
        int fd = rtcp ? e.all[0].rtcp_fd : e.all[0].fd;
        CHECK_EQ(__real_setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){4096}, sizeof(int)), 0);
        send_to(0, rtcp, 300);
        unsigned came = 0;
        for (int n; (n = endpoints_read(&e, 0, rtcp, &s.c)) > 0;)
            came += (unsigned)n;
        CHECK(came > 0 && came < 300);
        CHECK_EQ(endpoints_take_drops(&e), 300 - came);
        CHECK_EQ(endpoints_take_drops(&e), 0);
    }
    end();
}

int main(void)
{
    rtcp_wakes_nobody();
    wakes_where_the_kernel_cannot(SO_REUSEPORT);
    wakes_where_the_kernel_cannot(SO_ATTACH_REUSEPORT_CBPF);
    is_due();
    counts_what_was_lost();
    return 0;
}
