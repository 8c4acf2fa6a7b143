/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/join_parts.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/clock.h"
#include "sfu/dtls.h"
#include "sfu/seal.h"
#include "sfu/srtp_in.h"

/* What the media core does, in order. */
enum stage { CREATE, HELLO, CERTIFIED, KEYS, OPENING, SEALING, END, STAGES };

static const char *const names[STAGES] = {
    [CREATE] = "association made (at PEER_ADD)",
    [HELLO] = "ClientHello: own share, signature, flight",
    [CERTIFIED] = "certificate and its proof, secret, Finished",
    [KEYS] = "fingerprint compared, SRTP keys exported",
    [OPENING] = "opening contexts, SRTCP both ways",
    [SEALING] = "sealing context",
    [END] = "all of it freed",
};

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

struct ends {
    struct dtls_context *server_context, *page_context;
    struct sealer *sealer;
    struct dtls *server, *page;
    struct srtp_in *srtp;
    struct seal *seal;
};

/* Returns what `to` spent on taking it. */
static uint64_t carry(struct dtls *from, struct dtls *to)
{
    uint64_t spent_ns = 0;
    size_t len;
    for (const uint8_t *d = dtls_next_datagram(from, &len); d; d = dtls_next_datagram(from, &len)) {
        uint64_t began_ns = cpu_ns();
        (void)dtls_receive(to, d, len, clock_now_us()); /* the state is looked at afterwards */
        spent_ns += cpu_ns() - began_ns;
    }
    return spent_ns;
}

static void free_core(struct ends *e)
{
    srtp_in_destroy(STEAL(e->srtp));
    seal_destroy(STEAL(e->seal));
    dtls_destroy(STEAL(e->server));
}

static int finish(struct ends *e, uint64_t *spent_ns[STAGES], unsigned round)
{
    struct keys local, remote;
    uint64_t began_ns = cpu_ns();
    int r = dtls_keys(e->server, dtls_context_fingerprint(e->page_context), &local, &remote);
    uint64_t keys_ns = cpu_ns();
    if (r == 0)
        r = srtp_in_create(e->sealer, &remote, &local, &e->srtp);
    uint64_t opening_ns = cpu_ns();
    if (r == 0)
        r = seal_create(e->sealer, SEAL_RTP_OUT, &local, &e->seal);
    uint64_t sealing_ns = cpu_ns();
    free_core(e);
    spent_ns[KEYS][round] = keys_ns - began_ns;
    spent_ns[OPENING][round] = opening_ns - keys_ns;
    spent_ns[SEALING][round] = sealing_ns - opening_ns;
    spent_ns[END][round] = cpu_ns() - sealing_ns;
    return r;
}

static int shake_hands(struct ends *e, uint64_t *spent_ns[STAGES], unsigned round)
{
    int r = dtls_create(e->page_context, DTLS_CLIENT, &e->page);
    if (r < 0)
        return r;
    dtls_start(e->page, clock_now_us());
    uint64_t began_ns = cpu_ns();
    r = dtls_create(e->server_context, DTLS_SERVER, &e->server);
    spent_ns[CREATE][round] = cpu_ns() - began_ns;
    if (r == 0) {
        spent_ns[HELLO][round] = carry(e->page, e->server);
        (void)carry(e->server, e->page);
        spent_ns[CERTIFIED][round] = carry(e->page, e->server);
        r = dtls_state(e->server) == DTLS_DONE ? finish(e, spent_ns, round) : -EPROTO;
    }
    free_core(e);
    dtls_destroy(STEAL(e->page));
    return r;
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void print(uint64_t *spent_ns[STAGES], unsigned rounds)
{
    uint64_t sum_ns = 0;
    printf("stages of one handshake in the media core, median of %u, us of processor time:\n",
           rounds);
    for (int s = 0; s < STAGES; s++) {
        qsort(spent_ns[s], rounds, sizeof(uint64_t), compare);
        uint64_t median_ns = spent_ns[s][rounds >> 1];
        sum_ns += median_ns;
        printf("  %-46s %7.1f\n", names[s], (double)median_ns / 1000);
    }
    printf("  %-46s %7.1f\n", "together", (double)sum_ns / 1000);
}

int join_parts(unsigned rounds)
{
    struct ends e = {0};
    uint64_t *spent_ns[STAGES] = {0};
    int r = dtls_context_create(&e.server_context);
    if (r == 0)
        r = dtls_context_create(&e.page_context);
    if (r == 0)
        r = sealer_create(SEALER_AUTO, &e.sealer);
    for (int s = 0; s < STAGES && r == 0; s++) {
        spent_ns[s] = calloc(rounds, sizeof(uint64_t));
        if (!spent_ns[s])
            r = -ENOMEM;
    }
    for (unsigned i = 0; i < rounds && r == 0; i++)
        r = shake_hands(&e, spent_ns, i);
    if (r == 0)
        print(spent_ns, rounds);
    for (int s = 0; s < STAGES; s++)
        free(spent_ns[s]);
    sealer_destroy(e.sealer);
    dtls_context_destroy(e.page_context);
    dtls_context_destroy(e.server_context);
    return r;
}
