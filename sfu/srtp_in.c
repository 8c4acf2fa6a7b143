/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/srtp_in.h"

#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/limits.h"

/* An SSRC silent for so long makes way for a new one when the bound is reached. */
#define SSRC_IDLE_US 10000000ull

/* An SSRC that was ever authentic. */
struct source {
    uint32_t ssrc;
    uint64_t used_us;
    struct seal_stream stream;
};

struct sources {
    struct source *list; /* owned; `room` of them */
    size_t count, room;
    size_t last; /* the one found last, mostly the next one too */
};

/* One kind of packets that come in. */
struct incoming {
    struct seal *seal;
    int (*open)(struct seal *, struct seal_stream *, const uint8_t *, size_t, uint8_t *, size_t *);
    size_t ssrc_at; /* in its header */
    struct sources sources;
};

struct srtp_in {
    struct incoming rtp, rtcp;
    struct seal *outgoing;   /* RTCP */
    uint32_t outgoing_index; /* of the last one */
};

int srtp_in_create(const struct sealer *sealer, const struct keys *remote, const struct keys *local,
                   struct srtp_in **ret_srtp)
{
    CLEANUP(srtp_in_destroy) struct srtp_in *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->rtp = (struct incoming){.open = seal_open_rtp, .ssrc_at = 8};
    s->rtcp = (struct incoming){.open = seal_open_rtcp, .ssrc_at = 4};
    int r = seal_create(sealer, SEAL_RTP_IN, remote, &s->rtp.seal);
    if (r == 0)
        r = seal_create(sealer, SEAL_RTCP_IN, remote, &s->rtcp.seal);
    if (r == 0)
        r = seal_create(sealer, SEAL_RTCP_OUT, local, &s->outgoing);
    if (r < 0)
        return r;
    *ret_srtp = STEAL(s);
    return 0;
}

void srtp_in_destroy(struct srtp_in *s)
{
    if (!s)
        return;
    seal_destroy(s->rtp.seal);
    seal_destroy(s->rtcp.seal);
    seal_destroy(s->outgoing);
    free(s->rtp.sources.list);
    free(s->rtcp.sources.list);
    free(s);
}

static struct source *find_source(struct sources *s, uint32_t ssrc)
{
    if (s->last < s->count && s->list[s->last].ssrc == ssrc)
        return &s->list[s->last];
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].ssrc == ssrc) {
            s->last = i;
            return &s->list[i];
        }
    return NULL;
}

/* The place of the one silent longest, if it has been so for SSRC_IDLE_US. */
static struct source *idle_source(const struct sources *s, uint64_t now_us)
{
    struct source *oldest = s->list;
    for (size_t i = 1; i < s->count; i++)
        if (s->list[i].used_us < oldest->used_us)
            oldest = &s->list[i];
    return now_us - oldest->used_us < SSRC_IDLE_US ? NULL : oldest;
}

/* A place for one more source, as large as is needed: most pages have a handful. */
static int make_room(struct sources *s, uint64_t now_us, struct source **ret_source)
{
    if (s->count == LIMIT_SSRCS_PER_TRANSPORT) {
        *ret_source = idle_source(s, now_us);
        return *ret_source ? 0 : -ENOSPC;
    }
    if (s->count == s->room) {
        size_t room = s->room ? 2 * s->room : 4;
        struct source *list = realloc(s->list, room * sizeof(*list));
        if (!list)
            return -ENOMEM;
        s->list = list;
        s->room = room;
    }
    *ret_source = &s->list[s->count++];
    return 0;
}

static int open_packet(struct incoming *in, const uint8_t *packet, size_t len, uint64_t now_us,
                       uint8_t *plain, size_t *ret_len)
{
    struct reader r = reader_over(packet, len);
    reader_skip(&r, in->ssrc_at);
    uint32_t ssrc = reader_u32(&r);
    if (r.failed)
        return -EBADMSG;
    struct source *source = find_source(&in->sources, ssrc);
    struct seal_stream fresh = {0};
    int e = in->open(in->seal, source ? &source->stream : &fresh, packet, len, plain, ret_len);
    if (e < 0)
        return e;
    if (!source) {
        /* Only now, so that nothing forged drives out what is real. */
        e = make_room(&in->sources, now_us, &source);
        if (e < 0)
            return e;
        *source = (struct source){.ssrc = ssrc, .stream = fresh};
    }
    source->used_us = now_us;
    return 0;
}

int srtp_in_open_rtp(struct srtp_in *s, const uint8_t *packet, size_t len, uint64_t now_us,
                     uint8_t *plain, size_t *ret_len)
{
    return open_packet(&s->rtp, packet, len, now_us, plain, ret_len);
}

int srtp_in_open_rtcp(struct srtp_in *s, const uint8_t *packet, size_t len, uint64_t now_us,
                      uint8_t *plain, size_t *ret_len)
{
    return open_packet(&s->rtcp, packet, len, now_us, plain, ret_len);
}

int srtp_in_protect_rtcp(struct srtp_in *s, uint8_t *packet, size_t *len)
{
    return seal_rtcp(s->outgoing, &s->outgoing_index, packet, len);
}
