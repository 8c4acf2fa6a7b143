/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/token.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORDS    "records" /* stands where a hearing's id stands otherwise */
#define KEY_ID_LEN 8         /* hex digits */

/* "v1.<16>.<16>.<up to 12 digits>.<8>" */
#define PAYLOAD_MAX 64

struct token_key {
    uint8_t key[TOKEN_KEY_LEN];
    char id[KEY_ID_LEN + 1];
};

static int read_whole(int fd, uint8_t *buffer, size_t capacity, size_t *ret_len)
{
    size_t len = 0;
    while (len < capacity) {
        ssize_t n = read(fd, buffer + len, capacity - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    *ret_len = len;
    return 0;
}

static int load_key(int dir_fd, uint8_t key[static TOKEN_KEY_LEN])
{
    int fd = openat(dir_fd, "token.key", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    struct stat st;
    uint8_t bytes[TOKEN_KEY_LEN + 1];
    size_t len = 0;
    int r = fstat(fd, &st) < 0 ? -errno : 0;
    /* Whoever reads the key can make invitations. */
    if (r == 0 && (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0 || st.st_uid != geteuid()))
        r = -EPERM;
    if (r == 0)
        r = read_whole(fd, bytes, sizeof(bytes), &len);
    close(fd);
    if (r == 0 && len != TOKEN_KEY_LEN)
        r = -EBADMSG;
    if (r == 0)
        memcpy(key, bytes, TOKEN_KEY_LEN);
    digest_wipe(bytes, sizeof(bytes));
    return r;
}

static int write_key(int fd, const uint8_t key[static TOKEN_KEY_LEN])
{
    ssize_t n = write(fd, key, TOKEN_KEY_LEN);
    if (n < 0)
        return -errno;
    if (n != TOKEN_KEY_LEN)
        return -ENOSPC;
    return fsync(fd) < 0 ? -errno : 0;
}

/* The key gets its name only when it is whole on disk, and only if there is none: of two processes
 * that start together one makes it. */
static int make_key(int dir_fd)
{
    uint8_t key[TOKEN_KEY_LEN];
    if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
        return -EIO;
    char name[40];
    snprintf(name, sizeof(name), ".token.key.%ld", (long)getpid());
    (void)unlinkat(dir_fd, name, 0); /* left by a crash of the same number */
    int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int r = write_key(fd, key);
    digest_wipe(key, sizeof(key));
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && linkat(dir_fd, name, dir_fd, "token.key", 0) < 0)
        r = errno == EEXIST ? 0 : -errno;
    (void)unlinkat(dir_fd, name, 0);
    if (r == 0 && fsync(dir_fd) < 0)
        r = -errno;
    return r;
}

static int load_or_make_key(const char *data_dir, uint8_t key[static TOKEN_KEY_LEN])
{
    int dir_fd = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return -errno;
    int r = load_key(dir_fd, key);
    if (r == -ENOENT) {
        r = make_key(dir_fd);
        if (r == 0)
            r = load_key(dir_fd, key);
    }
    close(dir_fd);
    return r;
}

int token_key_open(const char *data_dir, struct token_key **ret_key)
{
    CLEANUP(token_key_close) struct token_key *k = calloc(1, sizeof(*k));
    if (!k)
        return -ENOMEM;
    int r = load_or_make_key(data_dir, k->key);
    if (r < 0)
        return r;
    uint8_t hash[DIGEST_LEN];
    r = digest_sha256(k->key, sizeof(k->key), NULL, 0, hash);
    if (r < 0)
        return r;
    char text[DIGEST_TEXT];
    memcpy(k->id, digest_text(hash, text), KEY_ID_LEN);
    *ret_key = STEAL(k);
    return 0;
}

void token_key_close(struct token_key *key)
{
    if (!key)
        return;
    digest_wipe(key, sizeof(*key));
    free(key);
}

int token_make(const struct token_key *key, const struct token *token,
               char text[static TOKEN_TEXT_MAX])
{
    uint64_t expires_s = token->expires_us / 1000000;
    if (token->invitation == 0 || expires_s == 0)
        return -EINVAL;
    char invitation[TERMS_ID_TEXT], hearing[TERMS_ID_TEXT], payload[PAYLOAD_MAX];
    int len = snprintf(payload, sizeof(payload), "v1.%s.%s.%" PRIu64 ".%s",
                       terms_id_text(token->invitation, invitation),
                       token->hearing ? terms_id_text(token->hearing, hearing) : RECORDS, expires_s,
                       key->id);
    if (len < 0 || (size_t)len >= sizeof(payload))
        return -EINVAL;
    size_t signed_len = DIGEST_BASE64URL_LEN((size_t)len);
    digest_base64url(payload, (size_t)len, text);

    uint8_t mac[DIGEST_LEN];
    int r = digest_hmac(key->key, sizeof(key->key), text, signed_len, mac);
    if (r < 0)
        return r;
    text[signed_len] = '.';
    digest_base64url(mac, sizeof(mac), text + signed_len + 1);
    return 0;
}

/* The piece up to the next '.' or the end; steps behind it. */
static const char *next_piece(const char **pos, const char *end, size_t *ret_len)
{
    const char *start = *pos;
    const char *dot = memchr(start, '.', (size_t)(end - start));
    *ret_len = (size_t)((dot ? dot : end) - start);
    *pos = dot ? dot + 1 : end;
    return start;
}

static bool is_piece(const char *piece, size_t len, const char *expected)
{
    return len == strlen(expected) && memcmp(piece, expected, len) == 0;
}

/* Decimal without leading zeros, up to 12 digits (beyond the year 30000). */
static int parse_expiry(const char *piece, size_t len, uint64_t *ret_us)
{
    if (len == 0 || len > 12 || piece[0] == '0')
        return -EBADMSG;
    uint64_t seconds = 0;
    for (size_t i = 0; i < len; i++) {
        if (piece[i] < '0' || piece[i] > '9')
            return -EBADMSG;
        seconds = seconds * 10 + (uint64_t)(piece[i] - '0');
    }
    *ret_us = seconds * 1000000;
    return 0;
}

static int parse_payload(const char *payload, size_t payload_len, struct token *token,
                         char key_id[static KEY_ID_LEN + 1])
{
    const char *pos = payload, *end = payload + payload_len;
    size_t len;
    const char *piece = next_piece(&pos, end, &len);
    if (!is_piece(piece, len, "v1"))
        return -EBADMSG;
    piece = next_piece(&pos, end, &len);
    if (terms_id_parse(piece, len, &token->invitation) < 0)
        return -EBADMSG;
    piece = next_piece(&pos, end, &len);
    if (is_piece(piece, len, RECORDS))
        token->hearing = 0;
    else if (terms_id_parse(piece, len, &token->hearing) < 0)
        return -EBADMSG;
    piece = next_piece(&pos, end, &len);
    int r = parse_expiry(piece, len, &token->expires_us);
    if (r < 0)
        return r;
    piece = next_piece(&pos, end, &len);
    if (len != KEY_ID_LEN || pos != end || end[-1] == '.')
        return -EBADMSG;
    memcpy(key_id, piece, KEY_ID_LEN);
    key_id[KEY_ID_LEN] = '\0';
    return 0;
}

int token_check(const struct token_key *key, const char *text, size_t len, uint64_t now_us,
                struct token *ret_token)
{
    if (len >= TOKEN_TEXT_MAX)
        return -EBADMSG;
    const char *pos = text;
    size_t signed_len;
    const char *piece = next_piece(&pos, text + len, &signed_len);
    char payload[PAYLOAD_MAX];
    ssize_t payload_len = digest_from_base64url(piece, signed_len, payload, sizeof(payload));
    if (payload_len <= 0)
        return -EBADMSG;
    uint8_t given[DIGEST_LEN], mac[DIGEST_LEN];
    ssize_t given_len =
        digest_from_base64url(pos, (size_t)(text + len - pos), given, sizeof(given));
    if (given_len != DIGEST_LEN)
        return -EBADMSG;

    struct token token = {0};
    char key_id[KEY_ID_LEN + 1];
    int r = parse_payload(payload, (size_t)payload_len, &token, key_id);
    if (r < 0)
        return r;
    r = digest_hmac(key->key, sizeof(key->key), text, signed_len, mac);
    if (r < 0)
        return r;
    if (!digest_is_equal(given, mac))
        return strcmp(key_id, key->id) == 0 ? -EBADMSG : -EXDEV;
    if (now_us >= token.expires_us)
        return -EKEYEXPIRED;
    *ret_token = token;
    return 0;
}

int token_admit(const struct token_key *key, struct store *store, const char *text, size_t len,
                uint64_t now_us, struct store_invitation *ret_invitation)
{
    struct token token;
    int r = token_check(key, text, len, now_us, &token);
    if (r < 0)
        return r;
    struct store_invitation invitation;
    r = store_invitation_get(store, token.invitation, &invitation);
    if (r < 0)
        return r == -ENOENT ? -EXDEV : r;
    if (invitation.hearing != token.hearing)
        return -EXDEV;
    if (invitation.revoked_us != 0)
        return -EKEYREVOKED;
    /* The store's expiry counts too: it may have been shortened since. */
    if (now_us >= invitation.expires_us)
        return -EKEYEXPIRED;
    *ret_invitation = invitation;
    return 0;
}

enum { SECRET_LEN = 16 };

int token_secret_make(char text[static TOKEN_SECRET_TEXT], uint8_t ret_hash[static STORE_HASH_LEN])
{
    uint8_t secret[SECRET_LEN];
    if (getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret))
        return -EIO;
    digest_base64url(secret, sizeof(secret), text);
    digest_wipe(secret, sizeof(secret));
    return token_secret_hash(text, TOKEN_SECRET_TEXT - 1, ret_hash);
}

int token_secret_hash(const char *text, size_t len, uint8_t ret_hash[static STORE_HASH_LEN])
{
    uint8_t secret[SECRET_LEN];
    if (len != TOKEN_SECRET_TEXT - 1 ||
        digest_from_base64url(text, len, secret, sizeof(secret)) != SECRET_LEN)
        return -EBADMSG;
    int r = digest_sha256(secret, sizeof(secret), NULL, 0, ret_hash);
    digest_wipe(secret, sizeof(secret));
    return r;
}
