/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/dtls.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "common/limits.h"
#include "sfu/dtls_record.h"

/* Bytes of one of our datagrams. Ours: passes every path that carries IPv6 (RFC 8200 section 5). */
#define DTLS_MTU 1200
/* Datagrams of one flight of ours waiting to be fetched; the server's is 2 or 3. */
#define OUT_MAX 8
/* RFC 6347 section 4.2.4.1 allows less than its 1 s on such paths; libwebrtc begins likewise. */
#define FIRST_TIMEOUT_US 50000u
#define LAST_TIMEOUT_US  3000000u
/* Bytes of the other side's certificate chain; one of ECDSA is 300, of RSA 4096 1,300. */
#define CERTIFICATE_BYTES_MAX 8192
#define CERTIFICATE_DAYS      365
/* Of a page's RSA key. Ours: checking its proof is under 0.1 ms then. */
#define RSA_BITS_MAX          4096
#define RSA_EXPONENT_BITS_MAX 32
/* Our CCS and Finished are 75 bytes, an alert 39. */
#define LAST_FLIGHT_MAX 256
#define GOODBYE_MAX     64
/* RFC 5246 section 7.2. */
#define ALERT_LEN          2
#define ALERT_FATAL        2
#define ALERT_CLOSE_NOTIFY 0

/* OpenSSL's numbering: 3.0.22. */
#define LIBRARY_WANTED 0x30000160ul

bool dtls_library_is_old(void)
{
    return OpenSSL_version_num() < LIBRARY_WANTED;
}

struct dtls_context {
    SSL_CTX *ssl;
    BIO_METHOD *bio;
    uint8_t fingerprint[DTLS_FINGERPRINT_LEN];
};

struct out_datagram {
    size_t len;
    uint8_t bytes[DTLS_MTU];
};

/* What stays of a handshake that is done. */
struct agreement {
    bool has_certificate, has_suite;
    uint8_t fingerprint[DTLS_FINGERPRINT_LEN]; /* of the other side's certificate */
    enum keys_suite suite;
    uint8_t material[2 * (KEYS_KEY_MAX + KEYS_SALT_MAX)]; /* RFC 5764 section 4.2 */
    struct dtls_opener opener;
    size_t flight_len;
    uint8_t flight[LAST_FLIGHT_MAX]; /* our last, should it be lost; the client has none */
    size_t goodbye_len;
    uint8_t goodbye[GOODBYE_MAX]; /* close_notify, sealed already */
};

struct dtls {
    SSL *ssl;                /* 50 kB: NULL once the handshake is over */
    struct agreement agreed; /* when done */
    enum dtls_role role;
    enum dtls_state state;
    const uint8_t *in; /* the datagram being taken, until OpenSSL has read it */
    size_t in_len;
    size_t handshake_bytes;   /* taken so far */
    uint64_t due_us;          /* next retransmission; UINT64_MAX: none */
    struct out_datagram *out; /* OUT_MAX of them; NULL: not needed now */
    size_t out_first, out_count;
};

/* A datagram over a bound is lost, as on a network; retransmission makes up for it. */
static void queue(struct dtls *d, const void *bytes, size_t len)
{
    if (!d->out)
        d->out = calloc(OUT_MAX, sizeof(*d->out));
    if (!d->out || len == 0 || len > DTLS_MTU || d->out_count == OUT_MAX)
        return;
    struct out_datagram *o = &d->out[(d->out_first + d->out_count++) % OUT_MAX];
    memcpy(o->bytes, bytes, len);
    o->len = len;
}

/* One read is one datagram, as OpenSSL expects of a datagram BIO. */
static int bio_read(BIO *bio, char *buffer, int capacity)
{
    struct dtls *d = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!d->in) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t len = d->in_len < (size_t)capacity ? d->in_len : (size_t)capacity;
    memcpy(buffer, d->in, len);
    d->in = NULL;
    return (int)len;
}

static int bio_write(BIO *bio, const char *bytes, int len)
{
    struct dtls *d = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (len > 0)
        queue(d, bytes, (size_t)len);
    return len;
}

/* Everything unknown is answered 0: a yes to the questions about kernel TLS crashes OpenSSL 3.0. */
static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return DTLS_MTU;
    default:
        return 0;
    }
}

static BIO_METHOD *make_bio_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");
    if (m && BIO_meth_set_read(m, bio_read) && BIO_meth_set_write(m, bio_write) &&
        BIO_meth_set_ctrl(m, bio_ctrl))
        return m;
    BIO_meth_free(m);
    return NULL;
}

/* Whether a proof by this key is checked in under 0.1 ms or so. Browsers make ECDSA P-256 and RSA
 * of 2,048 bits with the exponent 65,537; other curves are refused by the groups. */
static bool is_cheap(const EVP_PKEY *key)
{
    if (EVP_PKEY_is_a(key, "EC"))
        return true;
    BIGNUM *exponent = NULL;
    bool cheap = EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) <= RSA_BITS_MAX &&
                 EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 &&
                 BN_num_bits(exponent) <= RSA_EXPONENT_BITS_MAX;
    BN_free(exponent);
    return cheap;
}

/* Instead of building a chain: certificates are self-signed, and what counts is their fingerprint,
 * checked in dtls_keys(). Only what the page's proof will cost is looked at. */
static int accept_certificate(X509_STORE_CTX *store, void *unused)
{
    (void)unused;
    const X509 *x = X509_STORE_CTX_get0_cert(store);
    const EVP_PKEY *key = x ? X509_get0_pubkey(x) : NULL;
    if (key && is_cheap(key))
        return 1;
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

static bool fill_certificate(X509 *x, EVP_PKEY *key)
{
    uint64_t serial;
    X509_NAME *name = X509_get_subject_name(x);
    return RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1 &&
           X509_set_version(x, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(x), -24L * 3600) &&
           X509_gmtime_adj(X509_getm_notAfter(x), CERTIFICATE_DAYS * (24 * 3600L)) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"assize", -1,
                                      -1, 0) == 1 &&
           X509_set_issuer_name(x, name) == 1 && X509_set_pubkey(x, key) == 1 &&
           X509_sign(x, key, EVP_sha256()) > 0;
}

static bool set_certificate(struct dtls_context *c)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    bool ok = key && x && fill_certificate(x, key) &&
              X509_digest(x, EVP_sha256(), c->fingerprint, NULL) == 1 &&
              SSL_CTX_use_certificate(c->ssl, x) == 1 && SSL_CTX_use_PrivateKey(c->ssl, key) == 1;
    X509_free(x);
    EVP_PKEY_free(key);
    return ok;
}

static bool set_options(SSL_CTX *ssl)
{
    SSL_CTX_set_options(ssl, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_max_cert_list(ssl, CERTIFICATE_BYTES_MAX);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(ssl, accept_certificate, NULL);
    return SSL_CTX_set_min_proto_version(ssl, DTLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ssl, DTLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ssl, "ECDHE-ECDSA-AES128-GCM-SHA256:"
                                        "ECDHE-ECDSA-CHACHA20-POLY1305:"
                                        "ECDHE-ECDSA-AES256-GCM-SHA384") == 1 &&
           /* X25519 is 80 us cheaper for us than P-256 (bench-join --parts); what OpenSSL has no
            * fast code for is left out, and with it certificates on such curves. */
           SSL_CTX_set1_groups_list(ssl, "X25519:P-256") == 1 &&
           /* Unlike the others this one answers 0 for success. */
           SSL_CTX_set_tlsext_use_srtp(ssl, "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:"
                                            "SRTP_AES128_CM_SHA1_80") == 0;
}

int dtls_context_create(struct dtls_context **ret_context)
{
    CLEANUP(dtls_context_destroy) struct dtls_context *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->ssl = SSL_CTX_new(DTLS_method());
    c->bio = make_bio_method();
    if (!c->ssl || !c->bio || !set_options(c->ssl) || !set_certificate(c)) {
        ERR_clear_error();
        return -EIO;
    }
    *ret_context = STEAL(c);
    return 0;
}

void dtls_context_destroy(struct dtls_context *c)
{
    if (!c)
        return;
    SSL_CTX_free(c->ssl);
    BIO_meth_free(c->bio);
    free(c);
}

const uint8_t *dtls_context_fingerprint(const struct dtls_context *c)
{
    return c->fingerprint;
}

static unsigned next_timeout_us(SSL *ssl, unsigned previous_us)
{
    (void)ssl;
    if (previous_us == 0)
        return FIRST_TIMEOUT_US;
    return previous_us < LAST_TIMEOUT_US / 2 ? previous_us * 2 : LAST_TIMEOUT_US;
}

int dtls_create(const struct dtls_context *context, enum dtls_role role, struct dtls **ret_dtls)
{
    CLEANUP(dtls_destroy) struct dtls *d = calloc(1, sizeof(*d));
    if (!d)
        return -ENOMEM;
    d->role = role;
    d->due_us = UINT64_MAX;
    d->ssl = SSL_new(context->ssl);
    BIO *bio = d->ssl ? BIO_new(context->bio) : NULL;
    if (!bio) {
        ERR_clear_error();
        return -EIO;
    }
    BIO_set_data(bio, d);
    BIO_set_init(bio, 1);
    SSL_set_bio(d->ssl, bio, bio); /* takes the one reference over */
    if (SSL_set_mtu(d->ssl, DTLS_MTU) <= 0)
        return -EIO;
    DTLS_set_timer_cb(d->ssl, next_timeout_us);
    if (role == DTLS_CLIENT)
        SSL_set_connect_state(d->ssl);
    else
        SSL_set_accept_state(d->ssl);
    *ret_dtls = STEAL(d);
    return 0;
}

void dtls_destroy(struct dtls *d)
{
    if (!d)
        return;
    SSL_free(d->ssl);
    free(d->out);
    OPENSSL_cleanse(&d->agreed, sizeof(d->agreed));
    free(d);
}

/* OpenSSL reads the wall clock itself; what it says is left is carried over to the caller's time.
 */
static void note_timer(struct dtls *d, uint64_t now_us)
{
    struct timeval left;
    d->due_us = UINT64_MAX;
    if (d->state == DTLS_HANDSHAKING && DTLSv1_get_timeout(d->ssl, &left) == 1)
        d->due_us = now_us + (uint64_t)left.tv_sec * 1000000 + (uint64_t)left.tv_usec;
}

static void note_error(struct dtls *d, int result)
{
    int error = SSL_get_error(d->ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return;
    d->state = error == SSL_ERROR_ZERO_RETURN ? DTLS_CLOSED : DTLS_FAILED;
}

static const struct out_datagram *queued(const struct dtls *d, size_t index)
{
    return &d->out[(d->out_first + index) % OUT_MAX];
}

static bool agreed_suite(const SSL *ssl, enum keys_suite *ret_suite)
{
    const SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile((SSL *)ssl);
    if (!profile)
        return false;
    switch (profile->id) {
    case SRTP_AEAD_AES_128_GCM:
        *ret_suite = KEYS_AEAD_AES_128_GCM;
        return true;
    case SRTP_AEAD_AES_256_GCM:
        *ret_suite = KEYS_AEAD_AES_256_GCM;
        return true;
    case SRTP_AES128_CM_SHA1_80:
        *ret_suite = KEYS_AES_128_CM_HMAC_SHA1_80;
        return true;
    default:
        return false;
    }
}

/* For dtls_keys(), which may be asked later. */
static bool take_keys(SSL *ssl, struct agreement *a)
{
    static const char label[] = "EXTRACTOR-dtls_srtp";
    const X509 *x = SSL_get0_peer_certificate(ssl);
    a->has_certificate = x && X509_digest(x, EVP_sha256(), a->fingerprint, NULL) == 1;
    a->has_suite = agreed_suite(ssl, &a->suite);
    size_t len = a->has_suite ? 2 * (keys_key_len(a->suite) + keys_salt_len(a->suite)) : 0;
    return len == 0 || SSL_export_keying_material(ssl, a->material, len, label, sizeof(label) - 1,
                                                  NULL, 0, 0) == 1;
}

/* For what the other side still says. */
static bool take_opener(SSL *ssl, bool of_client, struct agreement *a)
{
    struct dtls_secrets s = {.cipher = SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl))};
    bool ok = SSL_SESSION_get_master_key(SSL_get_session(ssl), s.master, sizeof(s.master)) ==
                  sizeof(s.master) &&
              SSL_get_client_random(ssl, s.client_random, sizeof(s.client_random)) ==
                  sizeof(s.client_random) &&
              SSL_get_server_random(ssl, s.server_random, sizeof(s.server_random)) ==
                  sizeof(s.server_random) &&
              dtls_opener_init(&a->opener, &s, of_client) == 0;
    OPENSSL_cleanse(&s, sizeof(s));
    return ok;
}

/* Our last flight may be lost and asked for again (RFC 6347 section 4.2.4). It begins with the only
 * ChangeCipherSpec that we say; queued before it may be our flight of before, whose time was over
 * when the page's came. */
static bool keep_flight(struct dtls *d)
{
    struct agreement *a = &d->agreed;
    for (size_t i = 0; i < d->out_count; i++) {
        const struct out_datagram *o = queued(d, i);
        if (!a->flight_len && o->bytes[0] != DTLS_RECORD_CHANGE_CIPHER_SPEC)
            continue;
        if (o->len > sizeof(a->flight) - a->flight_len)
            return false;
        memcpy(a->flight + a->flight_len, o->bytes, o->len);
        a->flight_len += o->len;
    }
    return a->flight_len > 0;
}

/* close_notify is sealed now, and kept until it is time. */
static void keep_goodbye(struct dtls *d)
{
    struct agreement *a = &d->agreed;
    size_t before = d->out_count;
    (void)SSL_shutdown(d->ssl);
    if (d->out_count == before)
        return; /* no memory, or no room: a goodbye that is lost */
    const struct out_datagram *o = queued(d, --d->out_count);
    if (o->len > sizeof(a->goodbye))
        return;
    memcpy(a->goodbye, o->bytes, o->len);
    a->goodbye_len = o->len;
}

/* The rest of the association lives in `agreed`. */
static bool leave_handshake(struct dtls *d)
{
    if (!take_keys(d->ssl, &d->agreed) || !take_opener(d->ssl, d->role == DTLS_SERVER, &d->agreed))
        return false;
    if (d->role == DTLS_SERVER && !keep_flight(d))
        return false; /* no memory: a page that did not get it would never hear anything */
    keep_goodbye(d);
    return true;
}

/* Lets OpenSSL do what the bytes and the time allow. */
static void shake_hands(struct dtls *d, uint64_t now_us)
{
    ERR_clear_error();
    int r = SSL_do_handshake(d->ssl);
    if (r == 1)
        d->state = leave_handshake(d) ? DTLS_DONE : DTLS_FAILED;
    else
        note_error(d, r);
    ERR_clear_error();
    note_timer(d, now_us);
    if (d->state == DTLS_HANDSHAKING)
        return;
    SSL_free(d->ssl);
    d->ssl = NULL;
}

static void take_alert(struct dtls *d, const struct dtls_record *record)
{
    if (record->len != ALERT_LEN)
        return;
    if (record->plain[1] == ALERT_CLOSE_NOTIFY)
        d->state = DTLS_CLOSED;
    else if (record->plain[0] == ALERT_FATAL)
        d->state = DTLS_FAILED;
}

/* After the handshake: an alert, or a Finished that says that ours was lost. Application data,
 * which nobody agreed on, is dropped. Only the first sealed record of a datagram is opened: they
 * come last in theirs, and whoever fills one with them shall not cost us more. */
static void take_records(struct dtls *d, const uint8_t *datagram, size_t len)
{
    struct reader r = reader_over(datagram, len);
    struct dtls_record record = {0};
    while (!record.sealed && dtls_record_next(&d->agreed.opener, &r, &record))
        continue;
    if (record.opened && record.type == DTLS_RECORD_ALERT)
        take_alert(d, &record);
    else if (record.opened && record.type == DTLS_RECORD_HANDSHAKE)
        queue(d, d->agreed.flight, d->agreed.flight_len);
}

void dtls_start(struct dtls *d, uint64_t now_us)
{
    shake_hands(d, now_us);
}

int dtls_receive(struct dtls *d, const uint8_t *datagram, size_t len, uint64_t now_us)
{
    if (d->state == DTLS_CLOSED || d->state == DTLS_FAILED)
        return -EPIPE;
    if (len < DTLS_RECORD_HEADER)
        return -EBADMSG; /* to OpenSSL, nothing read would be the end of the association */
    if (d->state == DTLS_DONE) {
        take_records(d, datagram, len);
        return 0;
    }
    if (len > LIMIT_DTLS_HANDSHAKE_BYTES - d->handshake_bytes)
        return -EMSGSIZE;
    d->handshake_bytes += len;
    d->in = datagram;
    d->in_len = len;
    shake_hands(d, now_us);
    d->in = NULL;
    return 0;
}

uint64_t dtls_tick(struct dtls *d, uint64_t now_us)
{
    if (now_us < d->due_us)
        return d->due_us;
    ERR_clear_error();
    if (DTLSv1_handle_timeout(d->ssl) < 0)
        d->state = DTLS_FAILED; /* the last of its attempts */
    ERR_clear_error();
    note_timer(d, now_us);
    return d->due_us;
}

void dtls_close(struct dtls *d)
{
    if (d->state != DTLS_DONE)
        return;
    queue(d, d->agreed.goodbye, d->agreed.goodbye_len); /* the answer is not waited for */
    d->state = DTLS_CLOSED;
}

const uint8_t *dtls_next_datagram(struct dtls *d, size_t *ret_len)
{
    if (!d->out_count) {
        free(d->out); /* mostly there is nothing to say */
        d->out = NULL;
        return NULL;
    }
    const struct out_datagram *o = &d->out[d->out_first];
    d->out_first = (d->out_first + 1) % OUT_MAX;
    d->out_count--;
    *ret_len = o->len;
    return o->bytes;
}

enum dtls_state dtls_state(const struct dtls *d)
{
    return d->state;
}

static bool is_announced(const struct agreement *a, const uint8_t announced[DTLS_FINGERPRINT_LEN])
{
    return a->has_certificate &&
           CRYPTO_memcmp(a->fingerprint, announced, DTLS_FINGERPRINT_LEN) == 0;
}

int dtls_keys(const struct dtls *d, const uint8_t announced[DTLS_FINGERPRINT_LEN],
              struct keys *ret_local, struct keys *ret_remote)
{
    const struct agreement *a = &d->agreed;
    if (d->state != DTLS_DONE)
        return -EAGAIN;
    if (!is_announced(a, announced))
        return -EACCES;
    if (!a->has_suite)
        return -EPROTO;

    /* RFC 5764 section 4.2: client's key, server's key, client's salt, server's salt. */
    size_t key_len = keys_key_len(a->suite), salt_len = keys_salt_len(a->suite);
    struct keys client = {.suite = a->suite}, server = {.suite = a->suite};
    memcpy(client.key, a->material, key_len);
    memcpy(server.key, a->material + key_len, key_len);
    memcpy(client.salt, a->material + 2 * key_len, salt_len);
    memcpy(server.salt, a->material + 2 * key_len + salt_len, salt_len);
    *ret_local = d->role == DTLS_CLIENT ? client : server;
    *ret_remote = d->role == DTLS_CLIENT ? server : client;
    OPENSSL_cleanse(&client, sizeof(client));
    OPENSSL_cleanse(&server, sizeof(server));
    return 0;
}
