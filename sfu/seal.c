/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/seal.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "sfu/cipher.h"

#define RTP_HEADER_MIN 12
#define RTP_VERSION    2
#define SSRC_AT        8
#define PADDING_BIT    0x20
#define EXTENSION_BIT  0x10
#define SOURCES_MASK   0x0f

#define RTCP_HEADER   8
#define RTCP_INDEX    4
#define ENCRYPTED_BIT 0x80

/* RFC 3711 section 4.3.1: labels of the keys derived for RTP; RTCP's are 3 more. */
enum label { LABEL_CIPHER = 0, LABEL_AUTH = 1, LABEL_SALT = 2, LABEL_RTCP = 3 };

struct sealer {
    struct cipher_mb *mb; /* NULL: OpenSSL seals */
    char name[32];
};

struct seal {
    enum keys_suite suite;
    struct cipher *cipher;
    uint8_t salt[CIPHER_IV_CM]; /* and zeros behind it */
};

int sealer_create(enum sealer_library wanted, struct sealer **ret_sealer)
{
    CLEANUP(sealer_destroy) struct sealer *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    int r = wanted == SEALER_OPENSSL ? -ENOTSUP : cipher_mb_open(&s->mb);
    if (r < 0 && (r != -ENOTSUP || wanted == SEALER_IPSEC_MB))
        return r;
    (void)snprintf(s->name, sizeof(s->name), "%s%s", s->mb ? "ipsec-mb " : "openssl",
                   s->mb ? cipher_mb_name(s->mb) : "");
    *ret_sealer = STEAL(s);
    return 0;
}

void sealer_destroy(struct sealer *s)
{
    if (!s)
        return;
    cipher_mb_close(s->mb);
    free(s);
}

const char *sealer_name(const struct sealer *s)
{
    return s->name;
}

void sealer_settle(struct sealer *s)
{
    if (s && s->mb)
        cipher_mb_settle(s->mb);
}

/* RFC 3711 section 4.3.3: the key stream of AES counter mode under the master key, at the salt with
 * the label put in. A 12-byte salt is followed by zeros (RFC 7714 section 11). */
static int derive(const struct keys *keys, unsigned label, uint8_t *out, size_t len)
{
    uint8_t iv[16] = {0};
    memcpy(iv, keys->salt, keys_salt_len(keys->suite));
    iv[7] ^= (uint8_t)label;
    const EVP_CIPHER *aes = keys_key_len(keys->suite) == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr();
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    if (!c)
        return -ENOMEM;
    int n;
    memset(out, 0, len);
    int ok = EVP_EncryptInit_ex(c, aes, NULL, keys->key, iv) == 1 &&
             EVP_EncryptUpdate(c, out, &n, out, (int)len) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok ? 0 : -EIO;
}

/* By the sealer's library, but for AES-CM, where only what goes out in numbers pays: one packet by
 * itself is faster by OpenSSL. */
static int set_cipher(struct seal *s, const struct sealer *sealer, enum seal_use use,
                      const uint8_t *key, const uint8_t *auth_key)
{
    bool opens = use == SEAL_RTP_IN || use == SEAL_RTCP_IN;
    if (sealer && sealer->mb && s->suite != KEYS_AES_128_CM_HMAC_SHA1_80)
        return cipher_mb_create_gcm(sealer->mb, s->suite, key, &s->cipher);
    if (sealer && sealer->mb && use == SEAL_RTP_OUT)
        return cipher_mb_create_cm(sealer->mb, key, auth_key, &s->cipher);
    return cipher_evp_create(s->suite, opens ? CIPHER_OPENS : CIPHER_SEALS, key, auth_key,
                             &s->cipher);
}

int seal_create_session(const struct sealer *sealer, enum seal_use use, const struct keys *session,
                        struct seal **ret_seal)
{
    if (session->suite == KEYS_AES_128_CM_HMAC_SHA1_80)
        return -EINVAL;
    CLEANUP(seal_destroy) struct seal *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->suite = session->suite;
    memcpy(s->salt, session->salt, keys_salt_len(s->suite));
    int r = set_cipher(s, sealer, use, session->key, NULL);
    if (r < 0)
        return r;
    *ret_seal = STEAL(s);
    return 0;
}

int seal_create(const struct sealer *sealer, enum seal_use use, const struct keys *keys,
                struct seal **ret_seal)
{
    CLEANUP(seal_destroy) struct seal *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->suite = keys->suite;
    uint8_t key[KEYS_KEY_MAX], auth_key[CIPHER_AUTH_KEY_LEN];
    uint8_t of_rtcp = use == SEAL_RTCP_OUT || use == SEAL_RTCP_IN ? LABEL_RTCP : 0;
    int r = derive(keys, LABEL_CIPHER + of_rtcp, key, keys_key_len(s->suite));
    if (r == 0)
        r = derive(keys, LABEL_SALT + of_rtcp, s->salt, keys_salt_len(s->suite));
    if (r == 0)
        r = derive(keys, LABEL_AUTH + of_rtcp, auth_key, sizeof(auth_key));
    if (r == 0)
        r = set_cipher(s, sealer, use, key, auth_key);
    OPENSSL_cleanse(key, sizeof(key));
    OPENSSL_cleanse(auth_key, sizeof(auth_key));
    if (r < 0)
        return r;
    *ret_seal = STEAL(s);
    return 0;
}

void seal_destroy(struct seal *s)
{
    if (!s)
        return;
    if (s->cipher)
        s->cipher->destroy(s->cipher);
    OPENSSL_cleanse(s, sizeof(*s));
    free(s);
}

/* RFC 3711 section 3.3.1 and appendix A: the index nearest to the highest one so far. Returns false
 * when that would lie before the first. */
static bool guess_index(const struct seal_stream *st, uint16_t seq, uint64_t *ret_index)
{
    if (!st->started) {
        *ret_index = seq;
        return true;
    }
    uint64_t roc = st->highest >> 16;
    uint16_t top = (uint16_t)st->highest;
    if (top < 0x8000 && seq > top && seq - top > 0x8000) {
        if (roc == 0)
            return false;
        roc--;
    } else if (top >= 0x8000 && top - 0x8000 > seq) {
        roc++;
    }
    *ret_index = roc << 16 | seq;
    return true;
}

static bool is_used(const struct seal_stream *st, uint64_t index)
{
    return st->used[index % SEAL_WINDOW / 64] >> index % 64 & 1;
}

static void set_used(struct seal_stream *st, uint64_t index, bool used)
{
    uint64_t bit = 1ull << index % 64;
    uint64_t *word = &st->used[index % SEAL_WINDOW / 64];
    *word = used ? *word | bit : *word & ~bit;
}

/* Whether that index can still be told to be new, and is. */
static bool is_new(const struct seal_stream *st, uint64_t index)
{
    return !st->started || index > st->highest ||
           (st->highest - index < SEAL_WINDOW && !is_used(st, index));
}

/* Marks a new index as used. */
static void use_index(struct seal_stream *st, uint64_t index)
{
    if (!st->started) {
        st->started = true;
        st->highest = index;
    } else if (index > st->highest) {
        uint64_t from =
            index - st->highest < SEAL_WINDOW ? st->highest + 1 : index - SEAL_WINDOW + 1;
        for (uint64_t i = from; i < index; i++)
            set_used(st, i, false);
        st->highest = index;
    }
    set_used(st, index, true);
}

/* AES-GCM: 16 zero bits, SSRC, roll-over counter, sequence number, under the salt (RFC 7714 section
 * 8.1; RTCP's index stands where the last four bytes are, section 9.1). AES-CM: salt, SSRC and
 * index each in their place, two bytes of block counter (RFC 3711 section 4.1.1). */
static void make_iv(const struct seal *s, const uint8_t *ssrc, uint64_t index,
                    uint8_t iv[CIPHER_IV_CM])
{
    size_t at = s->suite == KEYS_AES_128_CM_HMAC_SHA1_80 ? 4 : 2; /* of the SSRC */
    memcpy(iv, s->salt, CIPHER_IV_CM);
    for (size_t i = 0; i < 4; i++)
        iv[at + i] ^= ssrc[i];
    for (size_t i = 0; i < 6; i++)
        iv[at + 4 + i] ^= (uint8_t)(index >> (40 - 8 * i));
}

static uint16_t seq_of(const uint8_t *header)
{
    return (uint16_t)(header[2] << 8 | header[3]);
}

/* The roll-over counter as AES-CM's tag covers it. */
static void write_roc(uint64_t index, uint8_t roc[4])
{
    for (size_t i = 0; i < 4; i++)
        roc[i] = (uint8_t)(index >> (40 - 8 * i));
}

static uint8_t *append(uint8_t *out, const uint8_t *data, size_t len)
{
    if (len)
        memcpy(out, data, len);
    return out + len;
}

/* What is to be sealed, as one piece: where it stands, or copied to where it goes, which costs less
 * than ciphering it in parts. */
static const uint8_t *gather(const struct seal_packet *p, uint8_t *out)
{
    if (p->head_len == 0 && p->padding == 0)
        return p->payload;
    uint8_t *end = append(append(out, p->head, p->head_len), p->payload, p->payload_len);
    if (p->padding) { /* RFC 3550 section 5.1: zeros, and in the last byte how many */
        memset(end, 0, p->padding);
        end[p->padding - 1] = p->padding;
    }
    return out;
}

int seal_rtp(struct seal *s, struct seal_stream *stream, const struct seal_packet *p, uint8_t *out,
             size_t capacity, size_t *ret_len)
{
    if (p->header_len < RTP_HEADER_MIN)
        return -EINVAL;
    size_t len = p->header_len + p->head_len + p->payload_len + p->padding + keys_tag_len(s->suite);
    if (len > capacity)
        return -EMSGSIZE;
    uint64_t index;
    if (!guess_index(stream, seq_of(p->header), &index) || !is_new(stream, index))
        return -EALREADY;
    /* A nonce used twice reveals AES-GCM's key, so an index is claimed before it is sealed and
     * never given back. */
    use_index(stream, index);

    memcpy(out, p->header, p->header_len);
    if (p->padding)
        out[0] |= PADDING_BIT;
    uint8_t iv[CIPHER_IV_CM];
    make_iv(s, p->header + SSRC_AT, index, iv);
    struct cipher_packet packet = {
        .iv = iv,
        .head = out,
        .head_len = p->header_len,
        .plain = gather(p, out + p->header_len),
        .len = p->head_len + p->payload_len + p->padding,
        .out = out + p->header_len,
        .tag = out + len - keys_tag_len(s->suite),
    };
    write_roc(index, packet.tail);
    if (!s->cipher->seal(s->cipher, &packet))
        return -EIO;
    *ret_len = len;
    return 0;
}

/* Bytes that are authenticated but not sealed: the fixed header, contributing sources, the header
 * extension (RFC 3550 sections 5.1 and 5.3.1). 0 when they are not all there. */
static size_t header_len_of(const uint8_t *packet, size_t len)
{
    if (len < RTP_HEADER_MIN)
        return 0;
    size_t n = RTP_HEADER_MIN + 4u * (packet[0] & SOURCES_MASK);
    if (!(packet[0] & EXTENSION_BIT))
        return n <= len ? n : 0;
    if (n + 4 > len)
        return 0;
    n += 4 + 4u * (size_t)(packet[n + 2] << 8 | packet[n + 3]);
    return n <= len ? n : 0;
}

int seal_open_rtp(struct seal *s, struct seal_stream *stream, const uint8_t *packet, size_t len,
                  uint8_t *out, size_t *ret_len)
{
    size_t header_len = header_len_of(packet, len);
    size_t tag_len = keys_tag_len(s->suite);
    if (header_len == 0 || packet[0] >> 6 != RTP_VERSION)
        return -EBADMSG;
    if (len - header_len < tag_len)
        return -EACCES;
    uint64_t index;
    if (!guess_index(stream, seq_of(packet), &index) || !is_new(stream, index))
        return -EALREADY;
    uint8_t iv[CIPHER_IV_CM];
    make_iv(s, packet + SSRC_AT, index, iv);
    struct cipher_sealed sealed = {
        .iv = iv,
        .head = packet,
        .head_len = header_len,
        .sealed = packet + header_len,
        .sealed_len = len - header_len - tag_len,
        .tag = packet + len - tag_len,
        .out = out + header_len,
    };
    write_roc(index, sealed.tail);
    if (!s->cipher->open(s->cipher, &sealed))
        return -EACCES;
    use_index(stream, index);
    memcpy(out, packet, header_len);
    *ret_len = len - tag_len;
    return 0;
}

/* What is authenticated in clear: the header, and with AES-GCM the index behind it (RFC 7714
 * section 9.2), which AES-CM authenticates as its tail. */
static size_t rtcp_head(const struct seal *s, const uint8_t *packet, const uint8_t *index,
                        uint8_t head[RTCP_HEADER + RTCP_INDEX])
{
    memcpy(head, packet, RTCP_HEADER);
    memcpy(head + RTCP_HEADER, index, RTCP_INDEX);
    return s->suite == KEYS_AES_128_CM_HMAC_SHA1_80 ? RTCP_HEADER : RTCP_HEADER + RTCP_INDEX;
}

/* AES-CM: sealed, index, tag (RFC 3711 section 3.4); AES-GCM: sealed, tag, index (RFC 7714 section
 * 9.2). Offsets from the end of what is sealed. */
static void rtcp_trailer(const struct seal *s, size_t *ret_tag, size_t *ret_index)
{
    bool cm = s->suite == KEYS_AES_128_CM_HMAC_SHA1_80;
    *ret_tag = cm ? RTCP_INDEX : 0;
    *ret_index = cm ? 0 : CIPHER_TAG_GCM;
}

int seal_rtcp(struct seal *s, uint32_t *index, uint8_t *packet, size_t *len)
{
    if (*len < RTCP_HEADER)
        return -EBADMSG;
    if (*index >= SEAL_RTCP_INDEX_MAX)
        return -EALREADY;
    uint32_t n = ++*index; /* claimed, whatever comes of it */
    uint8_t iv[CIPHER_IV_CM], head[RTCP_HEADER + RTCP_INDEX];
    make_iv(s, packet + 4, n, iv);
    struct cipher_packet p = {
        .iv = iv,
        .head = head,
        .plain = packet + RTCP_HEADER,
        .len = *len - RTCP_HEADER,
        .out = packet + RTCP_HEADER,
        .tail = {(uint8_t)(n >> 24 | ENCRYPTED_BIT), (uint8_t)(n >> 16), (uint8_t)(n >> 8),
                 (uint8_t)n},
    };
    p.head_len = rtcp_head(s, packet, p.tail, head);
    size_t tag_at, index_at;
    rtcp_trailer(s, &tag_at, &index_at);
    p.tag = packet + *len + tag_at;
    if (!s->cipher->seal(s->cipher, &p))
        return -EIO;
    memcpy(packet + *len + index_at, p.tail, RTCP_INDEX);
    *len += keys_tag_len(s->suite) + RTCP_INDEX;
    return 0;
}

int seal_open_rtcp(struct seal *s, struct seal_stream *stream, const uint8_t *packet, size_t len,
                   uint8_t *out, size_t *ret_len)
{
    size_t trailer = keys_tag_len(s->suite) + RTCP_INDEX;
    if (len < RTCP_HEADER)
        return -EBADMSG;
    if (len < RTCP_HEADER + trailer)
        return -EACCES;
    size_t tag_at, index_at, plain_len = len - trailer;
    rtcp_trailer(s, &tag_at, &index_at);
    const uint8_t *word = packet + plain_len + index_at;
    if (!(word[0] & ENCRYPTED_BIT))
        return -EACCES;
    uint64_t index = (uint64_t)(word[0] & ~ENCRYPTED_BIT) << 24 | (uint64_t)word[1] << 16 |
                     (uint64_t)word[2] << 8 | word[3];
    if (!is_new(stream, index))
        return -EALREADY;
    uint8_t iv[CIPHER_IV_CM], head[RTCP_HEADER + RTCP_INDEX];
    make_iv(s, packet + 4, index, iv);
    struct cipher_sealed sealed = {
        .iv = iv,
        .head = head,
        .head_len = rtcp_head(s, packet, word, head),
        .sealed = packet + RTCP_HEADER,
        .sealed_len = plain_len - RTCP_HEADER,
        .tag = packet + plain_len + tag_at,
        .out = out + RTCP_HEADER,
    };
    memcpy(sealed.tail, word, RTCP_INDEX);
    if (!s->cipher->open(s->cipher, &sealed))
        return -EACCES;
    use_index(stream, index);
    memcpy(out, packet, RTCP_HEADER);
    *ret_len = plain_len;
    return 0;
}
