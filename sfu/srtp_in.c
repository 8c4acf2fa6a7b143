/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/srtp_in.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <srtp2/srtp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/limits.h"

/* An SSRC silent for so long makes way for a new one when the bound is reached. */
#define SSRC_IDLE_US 10000000ull

/* An SSRC that was ever authentic, and in RTP what is known of its numbers; libsrtp2 keeps its own
 * of RTCP. */
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

struct srtp_in {
    struct seal *rtp;
    srtp_t inbound; /* RTCP */
    srtp_t outbound;
    struct sources rtp_sources, rtcp_sources;
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static srtp_err_status_t library_status;

static void start_library(void)
{
    library_status = srtp_init();
}

static int status_to_errno(srtp_err_status_t status)
{
    switch (status) {
    case srtp_err_status_ok:
        return 0;
    case srtp_err_status_replay_fail:
    case srtp_err_status_replay_old:
        return -EALREADY;
    case srtp_err_status_auth_fail:
    case srtp_err_status_cant_check:
    case srtp_err_status_no_ctx:
        return -EACCES;
    case srtp_err_status_alloc_fail:
        return -ENOMEM;
    default:
        return -EBADMSG;
    }
}

static int create_session(const struct keys *keys, srtp_ssrc_type_t direction, srtp_t *ret_session)
{
    static const srtp_profile_t profiles[KEYS_SUITE_COUNT] = {
        [KEYS_AEAD_AES_128_GCM] = srtp_profile_aead_aes_128_gcm,
        [KEYS_AEAD_AES_256_GCM] = srtp_profile_aead_aes_256_gcm,
        [KEYS_AES_128_CM_HMAC_SHA1_80] = srtp_profile_aes128_cm_sha1_80,
    };
    uint8_t key_and_salt[KEYS_KEY_MAX + KEYS_SALT_MAX];
    size_t key_len = keys_key_len(keys->suite);
    memcpy(key_and_salt, keys->key, key_len);
    memcpy(key_and_salt + key_len, keys->salt, keys_salt_len(keys->suite));

    srtp_policy_t policy = {
        .ssrc = {.type = direction},
        .key = key_and_salt,
        .window_size = SEAL_WINDOW,
    };
    if (srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profiles[keys->suite]) ||
        srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profiles[keys->suite]))
        return -EIO;
    srtp_err_status_t status = srtp_create(ret_session, &policy);
    explicit_bzero(key_and_salt, sizeof(key_and_salt));
    if (status)
        return status == srtp_err_status_alloc_fail ? -ENOMEM : -EIO;
    return 0;
}

int srtp_in_create(const struct sealer *sealer, const struct keys *remote, const struct keys *local,
                   struct srtp_in **ret_srtp)
{
    pthread_once(&library_once, start_library);
    if (library_status)
        return -EIO;
    CLEANUP(srtp_in_destroy) struct srtp_in *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    int r = seal_create(sealer, SEAL_INCOMING, remote, &s->rtp);
    if (r == 0)
        r = create_session(remote, ssrc_any_inbound, &s->inbound);
    if (r == 0)
        r = create_session(local, ssrc_any_outbound, &s->outbound);
    if (r < 0)
        return r;
    *ret_srtp = STEAL(s);
    return 0;
}

void srtp_in_destroy(struct srtp_in *s)
{
    if (!s)
        return;
    if (s->inbound)
        (void)srtp_dealloc(s->inbound); /* fails only for one that is none */
    if (s->outbound)
        (void)srtp_dealloc(s->outbound);
    seal_destroy(s->rtp);
    free(s->rtp_sources.list);
    free(s->rtcp_sources.list);
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

/* A place for one more source, as large as is needed: most pages have a handful. `ret_gone` is who
 * had it (0: nobody). */
static int make_room(struct sources *s, uint64_t now_us, struct source **ret_source,
                     const uint32_t **ret_gone)
{
    *ret_gone = NULL;
    if (s->count == LIMIT_SSRCS_PER_TRANSPORT) {
        *ret_source = idle_source(s, now_us);
        if (*ret_source)
            *ret_gone = &(*ret_source)->ssrc;
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

int srtp_in_open_rtp(struct srtp_in *s, const uint8_t *packet, size_t len, uint64_t now_us,
                     uint8_t *plain, size_t *ret_len)
{
    struct reader r = reader_over(packet, len);
    reader_u64(&r); /* flags, sequence number, timestamp */
    uint32_t ssrc = reader_u32(&r);
    if (r.failed)
        return -EBADMSG;
    struct source *source = find_source(&s->rtp_sources, ssrc);
    struct seal_stream fresh = {0};
    int e = seal_open_rtp(s->rtp, source ? &source->stream : &fresh, packet, len, plain, ret_len);
    if (e < 0)
        return e;
    if (!source) {
        /* Only now, so that nothing forged drives out what is real. */
        const uint32_t *gone;
        e = make_room(&s->rtp_sources, now_us, &source, &gone);
        if (e < 0)
            return e;
        *source = (struct source){.ssrc = ssrc, .stream = fresh};
    }
    source->used_us = now_us;
    return 0;
}

int srtp_in_open_rtcp(struct srtp_in *s, const uint8_t *packet, size_t len, uint64_t now_us,
                      uint8_t *plain, size_t *ret_len)
{
    struct reader r = reader_over(packet, len);
    reader_u32(&r); /* flags, type, length */
    uint32_t ssrc = reader_u32(&r);
    if (r.failed)
        return -EBADMSG;
    memcpy(plain, packet, len);
    struct source *source = find_source(&s->rtcp_sources, ssrc);
    int plain_len = (int)len;
    srtp_err_status_t status = srtp_unprotect_rtcp(s->inbound, plain, &plain_len);
    if (status)
        return status_to_errno(status);
    if (!source) {
        const uint32_t *gone;
        int e = make_room(&s->rtcp_sources, now_us, &source, &gone);
        if (e < 0)
            (void)srtp_remove_stream(s->inbound, htonl(ssrc)); /* it was made just now */
        else if (gone)
            (void)srtp_remove_stream(s->inbound, htonl(*gone)); /* it is there */
        if (e < 0)
            return e;
        *source = (struct source){.ssrc = ssrc};
    }
    source->used_us = now_us;
    *ret_len = (size_t)plain_len;
    return 0;
}

int srtp_in_protect_rtcp(struct srtp_in *s, uint8_t *packet, size_t *len)
{
    int sealed_len = (int)*len;
    if (srtp_protect_rtcp(s->outbound, packet, &sealed_len))
        return -EIO;
    *len = (size_t)sealed_len;
    return 0;
}
