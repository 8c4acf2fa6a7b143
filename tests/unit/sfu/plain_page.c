/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/sfu/plain_page.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#include "unit/check.h"

#define MTU 1200

/* A BIO that keeps datagrams apart on the way out. */
static int keep_write(BIO *bio, const char *bytes, int len)
{
    struct plain_page *p = BIO_get_data(bio);
    if (p->count < PLAIN_DATAGRAMS && len <= PLAIN_DATAGRAM_BYTES) {
        memcpy(p->datagrams[p->count], bytes, (size_t)len);
        p->lens[p->count++] = (size_t)len;
    }
    return len;
}

static long keep_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO *make_keeper(struct plain_page *p)
{
    static BIO_METHOD *method;
    if (!method) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "kept");
        BIO_meth_set_write(method, keep_write);
        BIO_meth_set_ctrl(method, keep_ctrl);
    }
    BIO *bio = BIO_new(method);
    BIO_set_init(bio, 1);
    BIO_set_data(bio, p);
    return bio;
}

static EVP_PKEY *make_long_exponent(void)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;
    BIGNUM *exponent = NULL;
    CHECK(BN_hex2bn(&exponent, "1000000000F") > 0);
    CHECK_EQ(EVP_PKEY_keygen_init(c), 1);
    CHECK_EQ(EVP_PKEY_CTX_set_rsa_keygen_bits(c, 2048), 1);
    CHECK_EQ(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(c, exponent), 1);
    CHECK_EQ(EVP_PKEY_generate(c, &key), 1);
    BN_free(exponent);
    EVP_PKEY_CTX_free(c);
    return key;
}

static EVP_PKEY *make_key(enum plain_certificate kind)
{
    switch (kind) {
    case PLAIN_RSA_2048:
        return EVP_RSA_gen(2048);
    case PLAIN_RSA_LONG_EXPONENT:
        return make_long_exponent();
    case PLAIN_ECDSA_P_384:
        return EVP_EC_gen("P-384");
    case PLAIN_NONE:
    case PLAIN_ECDSA:
        break;
    }
    return EVP_EC_gen("P-256");
}

static void use_certificate(struct plain_page *p, enum plain_certificate kind)
{
    EVP_PKEY *key = make_key(kind);
    X509 *x = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    CHECK(X509_sign(x, key, EVP_sha256()) > 0);
    CHECK_EQ(SSL_CTX_use_certificate(p->context, x), 1);
    CHECK_EQ(SSL_CTX_use_PrivateKey(p->context, key), 1);
    CHECK_EQ(X509_digest(x, EVP_sha256(), p->fingerprint, NULL), 1);
    X509_free(x);
    EVP_PKEY_free(key);
}

/* Application protocols nobody knows make the hello as long as we like. */
static void lengthen_hello(struct plain_page *p, size_t bytes)
{
    uint8_t names[2048];
    size_t n = 0;
    while (n < bytes) {
        names[n] = 100;
        memset(&names[n + 1], 'x', 100);
        n += 101;
    }
    CHECK_EQ(SSL_set_alpn_protos(p->ssl, names, (unsigned)n), 0);
}

void plain_page_open(const struct plain_page_options *o, struct plain_page *p)
{
    *p = (struct plain_page){.context = SSL_CTX_new(DTLS_method())};
    SSL_CTX_set_verify(p->context, SSL_VERIFY_NONE, NULL);
    if (o->srtp)
        CHECK_EQ(SSL_CTX_set_tlsext_use_srtp(p->context, o->srtp), 0);
    if (o->certificate != PLAIN_NONE)
        use_certificate(p, o->certificate);
    p->ssl = SSL_new(p->context);
    SSL_set_options(p->ssl, SSL_OP_NO_QUERY_MTU);
    CHECK(SSL_set_mtu(p->ssl, o->mtu ? o->mtu : MTU) > 0);
    if (o->hello_bytes)
        lengthen_hello(p, o->hello_bytes);
    if (o->cipher)
        CHECK_EQ(SSL_set_cipher_list(p->ssl, o->cipher), 1);
    p->in = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(p->in, -1);
    SSL_set_bio(p->ssl, p->in, make_keeper(p));
    SSL_set_connect_state(p->ssl);
}

void plain_page_close(struct plain_page *p)
{
    SSL_free(p->ssl);
    SSL_CTX_free(p->context);
}

size_t plain_page_handshake(struct plain_page *p, struct dtls *server)
{
    size_t first = 0;
    p->count = 0;
    for (int round = 0; round < 10 && dtls_state(server) == DTLS_HANDSHAKING; round++) {
        ERR_clear_error();
        (void)SSL_do_handshake(p->ssl);
        if (round == 0)
            first = p->count;
        for (size_t i = 0; i < p->count; i++)
            (void)dtls_receive(server, p->datagrams[i], p->lens[i], 0);
        p->count = 0; /* what the answers make is for the next round */
        size_t len;
        for (const uint8_t *d = dtls_next_datagram(server, &len); d;
             d = dtls_next_datagram(server, &len)) {
            BIO_write(p->in, d, (int)len);
            ERR_clear_error();
            (void)SSL_do_handshake(p->ssl);
        }
    }
    ERR_clear_error();
    return first;
}
