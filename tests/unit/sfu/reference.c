/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/sfu/reference.h"

#include <errno.h>
#include <srtp2/srtp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sfu/seal.h"

struct reference {
    srtp_t out, in;
};

static int create_session(const struct keys *keys, srtp_ssrc_type_t direction, bool clear,
                          srtp_t *ret_session)
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
        .ssrc = {.type = direction}, .key = key_and_salt, .window_size = SEAL_WINDOW};
    if (srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profiles[keys->suite]) ||
        srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profiles[keys->suite]))
        return -EIO;
    if (clear)
        policy.rtcp.sec_serv = sec_serv_auth;
    if (srtp_create(ret_session, &policy))
        return -EIO;
    return 0;
}

static int create(const struct keys *keys, bool clear, struct reference **ret_reference)
{
    static bool started;
    if (!started && srtp_init())
        return -EIO;
    started = true;
    struct reference *r = calloc(1, sizeof(*r));
    if (!r)
        return -EIO;
    if (create_session(keys, ssrc_any_outbound, clear, &r->out) < 0 ||
        create_session(keys, ssrc_any_inbound, clear, &r->in) < 0) {
        reference_destroy(r);
        return -EIO;
    }
    *ret_reference = r;
    return 0;
}

int reference_create(const struct keys *keys, struct reference **ret_reference)
{
    return create(keys, false, ret_reference);
}

int reference_create_clear(const struct keys *keys, struct reference **ret_reference)
{
    return create(keys, true, ret_reference);
}

void reference_destroy(struct reference *r)
{
    if (!r)
        return;
    if (r->out)
        (void)srtp_dealloc(r->out);
    if (r->in)
        (void)srtp_dealloc(r->in);
    free(r);
}

static int to_errno(srtp_err_status_t status)
{
    switch (status) {
    case srtp_err_status_ok:
        return 0;
    case srtp_err_status_replay_fail:
    case srtp_err_status_replay_old:
        return -EALREADY;
    case srtp_err_status_auth_fail:
    case srtp_err_status_cant_check:
        return -EACCES;
    default:
        return -EBADMSG;
    }
}

static int call(srtp_err_status_t (*function)(srtp_t, void *, int *), srtp_t session,
                uint8_t *packet, size_t *len)
{
    int n = (int)*len;
    int e = to_errno(function(session, packet, &n));
    *len = (size_t)n;
    return e;
}

int reference_seal(struct reference *r, uint8_t *packet, size_t *len)
{
    return call(srtp_protect, r->out, packet, len);
}

int reference_open(struct reference *r, uint8_t *packet, size_t *len)
{
    return call(srtp_unprotect, r->in, packet, len);
}

int reference_seal_rtcp(struct reference *r, uint8_t *packet, size_t *len)
{
    return call(srtp_protect_rtcp, r->out, packet, len);
}

int reference_open_rtcp(struct reference *r, uint8_t *packet, size_t *len)
{
    return call(srtp_unprotect_rtcp, r->in, packet, len);
}
