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

/* Packets back that a replay is told from a late packet. Ours: 1 s of 8 Mbit/s. */
#define REPLAY_WINDOW 1024
/* An SSRC silent for so long makes way for a new one when the bound is reached. */
#define SSRC_IDLE_US 10000000ull

/* libsrtp2 keeps a stream for each SSRC that ever authenticated; these are the ones it keeps. */
struct source {
    uint32_t ssrc;
    uint64_t used_us;
};

struct srtp_in {
    srtp_t inbound;
    srtp_t outbound;
    struct source sources[LIMIT_SSRCS_PER_TRANSPORT];
    size_t source_count;
    size_t last; /* of sources: the one found last, mostly the next one too */
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
        .window_size = REPLAY_WINDOW,
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

int srtp_in_create(const struct keys *remote, const struct keys *local, struct srtp_in **ret_srtp)
{
    pthread_once(&library_once, start_library);
    if (library_status)
        return -EIO;
    CLEANUP(srtp_in_destroy) struct srtp_in *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    int r = create_session(remote, ssrc_any_inbound, &s->inbound);
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
    free(s);
}

static bool find_source(struct srtp_in *s, uint32_t ssrc)
{
    if (s->last < s->source_count && s->sources[s->last].ssrc == ssrc)
        return true;
    for (size_t i = 0; i < s->source_count; i++)
        if (s->sources[i].ssrc == ssrc) {
            s->last = i;
            return true;
        }
    return false;
}

/* Makes sure there is room for one more source. */
static int make_room(struct srtp_in *s, uint64_t now_us)
{
    if (s->source_count < LIMIT_SSRCS_PER_TRANSPORT)
        return 0;
    size_t oldest = 0;
    for (size_t i = 1; i < s->source_count; i++)
        if (s->sources[i].used_us < s->sources[oldest].used_us)
            oldest = i;
    if (now_us - s->sources[oldest].used_us < SSRC_IDLE_US)
        return -ENOSPC;
    (void)srtp_remove_stream(s->inbound, htonl(s->sources[oldest].ssrc)); /* it is there */
    s->sources[oldest] = s->sources[--s->source_count];
    return 0;
}

typedef srtp_err_status_t (*unprotect_function)(srtp_t, void *, int *);

static int open_packet(struct srtp_in *s, uint8_t *packet, size_t *len, uint32_t ssrc,
                       unprotect_function unprotect, uint64_t now_us)
{
    bool known = find_source(s, ssrc);
    int plain_len = (int)*len;
    srtp_err_status_t status = unprotect(s->inbound, packet, &plain_len);
    if (status)
        return status_to_errno(status);
    if (!known) {
        /* Only now, so that nothing forged drives out what is real. */
        int r = make_room(s, now_us);
        if (r < 0) {
            (void)srtp_remove_stream(s->inbound, htonl(ssrc)); /* it was made just now */
            return r;
        }
        s->last = s->source_count++;
        s->sources[s->last].ssrc = ssrc;
    }
    s->sources[s->last].used_us = now_us;
    *len = (size_t)plain_len;
    return 0;
}

int srtp_in_open_rtp(struct srtp_in *s, uint8_t *packet, size_t *len, uint64_t now_us)
{
    struct reader r = reader_over(packet, *len);
    reader_u64(&r); /* flags, sequence number, timestamp */
    uint32_t ssrc = reader_u32(&r);
    if (r.failed)
        return -EBADMSG;
    return open_packet(s, packet, len, ssrc, srtp_unprotect, now_us);
}

int srtp_in_open_rtcp(struct srtp_in *s, uint8_t *packet, size_t *len, uint64_t now_us)
{
    struct reader r = reader_over(packet, *len);
    reader_u32(&r); /* flags, type, length */
    uint32_t ssrc = reader_u32(&r);
    if (r.failed)
        return -EBADMSG;
    return open_packet(s, packet, len, ssrc, srtp_unprotect_rtcp, now_us);
}

int srtp_in_protect_rtcp(struct srtp_in *s, uint8_t *packet, size_t *len)
{
    int sealed_len = (int)*len;
    if (srtp_protect_rtcp(s->outbound, packet, &sealed_len))
        return -EIO;
    *len = (size_t)sealed_len;
    return 0;
}

int srtp_in_protect_rtp(struct srtp_in *s, uint8_t *packet, size_t *len)
{
    int sealed_len = (int)*len;
    if (srtp_protect(s->outbound, packet, &sealed_len))
        return -EIO;
    *len = (size_t)sealed_len;
    return 0;
}
