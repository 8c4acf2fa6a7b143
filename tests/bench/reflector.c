/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/reflector.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/stamped.h"
#include "common/clock.h"
#include "sfu/address.h"
#include "sfu/udp.h"

#define DATAGRAMS 300
#define EVERY_NS  4000000
#define BYTES     1200
#define WAIT_MS   500

struct reflector {
    const struct place *place;
    int server, load;
    struct address at;
};

/* Sends back what comes, until something short does. */
static void *reflect(void *arg)
{
    struct reflector *r = arg;
    uint8_t bytes[BYTES];
    place_pin(0, r->place->server_core);
    for (;;) {
        struct sockaddr_storage from;
        socklen_t len = sizeof(from);
        struct pollfd wake = {.fd = r->server, .events = POLLIN};
        (void)poll(&wake, 1, -1);
        ssize_t n = recvfrom(r->server, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &len);
        if (n >= 0 && n < BYTES)
            return NULL;
        if (n == BYTES)
            (void)sendto(r->server, bytes, BYTES, 0, (struct sockaddr *)&from, len);
    }
}

static int open_at(const char *text, struct address *ret_at)
{
    int e = address_from_text(text, 0, ret_at);
    int fd = e < 0 ? e : udp_open(ret_at);
    if (fd >= 0)
        (void)udp_local(fd, ret_at); /* of a socket just bound */
    return fd;
}

static int measure(struct reflector *r, struct stamped_reader *reader, struct histogram *histogram)
{
    uint8_t bytes[BYTES] = {0};
    for (int i = 0; i < DATAGRAMS; i++) {
        const struct timespec wait = {.tv_nsec = EVERY_NS};
        nanosleep(&wait, NULL); /* the pace of the load, not a wait for something */
        uint64_t sent_us = clock_now_us();
        memcpy(bytes, &sent_us, sizeof(sent_us));
        if (sendto(r->load, bytes, BYTES, 0, &r->at.any, r->at.len) != BYTES)
            return -errno;
        struct pollfd wake = {.fd = r->load, .events = POLLIN};
        const struct stamped *d;
        if (poll(&wake, 1, WAIT_MS) != 1)
            continue; /* a disturbed moment */
        int n = stamped_read(reader, r->load, &d);
        for (int k = 0; k < n; k++) {
            memcpy(&sent_us, d[k].bytes, sizeof(sent_us));
            histogram_add(histogram, (int64_t)(d[k].arrived_us - sent_us));
        }
    }
    return histogram->count ? 0 : -ETIMEDOUT;
}

int reflector_run(const struct place *place, struct histogram *histogram)
{
    CLEANUP(stamped_reader_destroy) struct stamped_reader *reader = NULL;
    struct reflector r = {.place = place};
    struct address own;
    pthread_t thread;
    place_enter_server(place);
    r.server = open_at(place->server, &r.at);
    place_enter_load(place);
    if (r.server < 0)
        return r.server;
    r.load = open_at(place->load, &own);
    int e = r.load < 0 ? r.load : stamped_enable(r.load);
    if (e == 0)
        e = stamped_reader_create(&reader);
    if (e == 0)
        e = -pthread_create(&thread, NULL, reflect, &r);
    if (e == 0) {
        e = measure(&r, reader, histogram);
        (void)sendto(r.load, "", 1, 0, &r.at.any, r.at.len); /* on a path that just carried 300 */
        pthread_join(thread, NULL);
    }
    if (r.load >= 0)
        close(r.load);
    close(r.server);
    return e;
}
