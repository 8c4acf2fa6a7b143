/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/turn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct turn {
    struct config_urls urls;
    unsigned life_s;
    size_t secret_len;
    char secret[LIMIT_TURN_SECRET_BYTES];
};

/* What stands in a file of coturn's as it does here, and in no other way. */
static bool is_secret_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("+/=_-", c));
}

/* Takes the secret out of the file's text. Returns 0 or -EBADMSG. */
static int take_secret(struct turn *turn, const char *text, size_t len)
{
    if (len > 0 && text[len - 1] == '\n')
        len--;
    if (len < TURN_SECRET_MIN || len > sizeof(turn->secret))
        return -EBADMSG;
    for (size_t i = 0; i < len; i++)
        if (!is_secret_letter(text[i]))
            return -EBADMSG;
    memcpy(turn->secret, text, len);
    turn->secret_len = len;
    return 0;
}

static int read_secret(struct turn *turn, int fd)
{
    struct stat st;
    char text[LIMIT_TURN_SECRET_BYTES + 2]; /* the end of the line, and one too many */
    if (fstat(fd, &st) < 0)
        return -errno;
    /* Whoever reads it can use the server's network. */
    if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0 ||
        (st.st_uid != geteuid() && st.st_uid != 0))
        return -EPERM;
    ssize_t len = read(fd, text, sizeof(text));
    int r = len < 0 ? -errno : take_secret(turn, text, (size_t)len);
    digest_wipe(text, sizeof(text));
    return r;
}

int turn_open(const struct config *config, struct turn **ret_turn)
{
    if (config->turn.urls.count == 0) {
        *ret_turn = NULL;
        return 0;
    }
    CLEANUP(turn_close) struct turn *turn = calloc(1, sizeof(*turn));
    if (!turn)
        return -ENOMEM;
    turn->urls = config->turn.urls;
    turn->life_s = config->turn.life_s;
    int fd = open(config->turn.secret_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -errno;
    int r = read_secret(turn, fd);
    (void)close(fd); /* only read from */
    if (r < 0)
        return r;
    *ret_turn = STEAL(turn);
    return 0;
}

void turn_close(struct turn *turn)
{
    if (!turn)
        return;
    digest_wipe(turn->secret, sizeof(turn->secret));
    free(turn);
}

int turn_offer(const struct turn *turn, uint64_t person, uint64_t now_us,
               struct turn_offer *ret_offer)
{
    struct turn_offer offer = {.urls = &turn->urls};
    int len = snprintf(offer.user, sizeof(offer.user), "%" PRIu64 ":%016" PRIx64,
                       now_us / 1000000 + turn->life_s, person);
    int r = digest_hmac_sha1_base64(turn->secret, turn->secret_len, offer.user, (size_t)len,
                                    offer.password);
    if (r == 0)
        *ret_offer = offer;
    return r;
}
