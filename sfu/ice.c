/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/ice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stun/stunagent.h>
#include <stun/usages/ice.h>
#include <sys/random.h>

#include "common/bytes.h"

#define STUN_BINDING_REQUEST 0x0001
#define STUN_COOKIE          0x2112A442u
#define STUN_HEADER          20
/* Attributes of one message; a browser's check has 9. */
#define ATTRIBUTES_MAX 32
/* RFC 8445 section 5.3: characters of a user name fragment. */
#define UFRAG_MIN 4
#define UFRAG_MAX 256

#define UFRAG_LEN    12
#define PASSWORD_LEN 32

/* Splits USERNAME at its ':'; both halves must be of the lengths RFC 8445 asks for. */
static int view_username(const char *text, size_t len, struct ice_view *v)
{
    const char *colon = memchr(text, ':', len);
    if (!colon)
        return -EBADMSG;
    size_t local = (size_t)(colon - text), remote = len - local - 1;
    if (local < UFRAG_MIN || local > UFRAG_MAX || remote < UFRAG_MIN || remote > UFRAG_MAX)
        return -EBADMSG;
    v->local_ufrag = text;
    v->local_ufrag_len = local;
    return 0;
}

int ice_view(const uint8_t *datagram, size_t len, struct ice_view *ret_view)
{
    if (len > ICE_STUN_MAX)
        return -EBADMSG;
    struct reader r = reader_over(datagram, len);
    uint16_t type = reader_u16(&r);
    uint16_t body_len = reader_u16(&r);
    uint32_t cookie = reader_u32(&r);
    reader_skip(&r, 12); /* transaction id */
    if (r.failed || type != STUN_BINDING_REQUEST || cookie != STUN_COOKIE ||
        body_len != len - STUN_HEADER || body_len % 4)
        return -EBADMSG;

    struct ice_view v = {0};
    bool integrity = false, fingerprint = false;
    for (int n = 0; reader_left(&r); n++) {
        uint16_t attribute = reader_u16(&r);
        uint16_t value_len = reader_u16(&r);
        const uint8_t *value = reader_skip(&r, value_len);
        reader_skip(&r, (4 - value_len % 4) % 4); /* padding */
        if (r.failed || n == ATTRIBUTES_MAX || fingerprint)
            return -EBADMSG;
        /* What follows the integrity is not covered by it (RFC 8489 section 14.5). */
        if (attribute == STUN_ATTRIBUTE_USERNAME && !integrity && !v.local_ufrag) {
            int e = view_username((const char *)value, value_len, &v);
            if (e < 0)
                return e;
        } else if (attribute == STUN_ATTRIBUTE_MESSAGE_INTEGRITY) {
            integrity = true;
        } else if (attribute == STUN_ATTRIBUTE_FINGERPRINT) {
            fingerprint = true;
        }
    }
    if (!v.local_ufrag || !integrity || !fingerprint)
        return -EBADMSG;
    *ret_view = v;
    return 0;
}

int ice_make_credentials(struct control_ice *ret_credentials)
{
    /* 32 of RFC 8445's ice-chars, so that 5 random bits make one. */
    static const char chars[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t random[UFRAG_LEN + PASSWORD_LEN];
    if (getrandom(random, sizeof(random), 0) != sizeof(random))
        return -EIO;
    struct control_ice c = {0};
    for (size_t i = 0; i < UFRAG_LEN; i++)
        c.ufrag[i] = chars[random[i] % 32];
    for (size_t i = 0; i < PASSWORD_LEN; i++)
        c.password[i] = chars[random[UFRAG_LEN + i] % 32];
    *ret_credentials = c;
    return 0;
}

/* Comprehension-required ones of a check; libnice wants the list to end with 0. */
static const uint16_t known_attributes[] = {
    STUN_ATTRIBUTE_MAPPED_ADDRESS,
    STUN_ATTRIBUTE_USERNAME,
    STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
    STUN_ATTRIBUTE_ERROR_CODE,
    STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES,
    STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
    STUN_ATTRIBUTE_PRIORITY,
    STUN_ATTRIBUTE_USE_CANDIDATE,
    0,
};

static void init_agent(StunAgent *agent)
{
    stun_agent_init(agent, known_attributes, STUN_COMPATIBILITY_RFC5389,
                    STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
}

/* An agent that only answers keeps nothing between calls, so one a thread is enough. */
static StunAgent *answering_agent(void)
{
    static _Thread_local StunAgent agent;
    static _Thread_local bool ready;
    if (!ready) {
        init_agent(&agent);
        ready = true;
    }
    return &agent;
}

/* libnice asks for the password of a user name. */
static bool give_password(StunAgent *agent, StunMessage *message, uint8_t *username,
                          uint16_t username_len, uint8_t **password, size_t *password_len,
                          void *user_data)
{
    (void)agent;
    (void)message;
    struct control_ice *c = user_data;
    size_t len = strlen(c->ufrag);
    if (!username || username_len <= len || memcmp(username, c->ufrag, len) != 0 ||
        username[len] != ':')
        return false;
    *password = (uint8_t *)c->password;
    *password_len = strlen(c->password);
    return true;
}

static struct sockaddr_storage to_storage(const struct address *a)
{
    struct sockaddr_storage s = {0};
    memcpy(&s, &a->any, a->len);
    return s;
}

/* Where an answer goes, and as what we give it. */
struct answering {
    uint8_t *bytes;
    size_t capacity;
    bool controlling;
};

static int answer_as(struct answering *as, const struct control_ice *credentials,
                     const uint8_t *datagram, size_t len, const struct address *from,
                     struct ice_answer *ret_answer)
{
    StunAgent *agent = answering_agent();
    struct control_ice c = *credentials; /* libnice takes it without const */
    StunMessage request, reply;
    StunValidationStatus status =
        stun_agent_validate(agent, &request, datagram, len, give_password, &c);
    if (status == STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE) {
        size_t n = stun_agent_build_unknown_attributes_error(agent, &reply, as->bytes, as->capacity,
                                                             &request);
        *ret_answer = (struct ice_answer){.len = n};
        return -EPROTO;
    }
    if (status != STUN_VALIDATION_SUCCESS)
        return -EACCES;

    struct sockaddr_storage source = to_storage(from);
    size_t n = as->capacity;
    StunUsageIceReturn r = stun_usage_ice_conncheck_create_reply(
        agent, &request, &reply, as->bytes, &n, &source, from->len, &as->controlling, 0,
        STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
    *ret_answer = (struct ice_answer){.len = n};
    if (r != STUN_USAGE_ICE_RETURN_SUCCESS)
        return -EPROTO;
    ret_answer->nominated = stun_usage_ice_conncheck_use_candidate(&request);
    return 0;
}

int ice_answer(const struct control_ice *credentials, const uint8_t *datagram, size_t len,
               const struct address *from, uint8_t *answer, size_t capacity,
               struct ice_answer *ret_answer)
{
    /* A lite agent never controls (RFC 8445 section 6.1.1). */
    struct answering as = {.bytes = answer, .capacity = capacity, .controlling = false};
    return answer_as(&as, credentials, datagram, len, from, ret_answer);
}

size_t ice_client_answer(const struct control_ice *own, const uint8_t *datagram, size_t len,
                         const struct address *from, uint8_t answer[static ICE_STUN_MAX])
{
    struct answering as = {.bytes = answer, .capacity = ICE_STUN_MAX, .controlling = true};
    struct ice_answer result = {0};
    (void)answer_as(&as, own, datagram, len, from, &result); /* what is refused has an answer too */
    return result.len;
}

struct ice_client {
    StunAgent agent;
    struct control_ice remote;
    uint64_t tie_breaker;
    char username[2 * CONTROL_UFRAG_MAX];
};

int ice_client_create(const struct control_ice *local, const struct control_ice *remote,
                      struct ice_client **ret_client)
{
    CLEANUP(ice_client_destroy) struct ice_client *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    init_agent(&c->agent);
    c->remote = *remote;
    if (getrandom(&c->tie_breaker, sizeof(c->tie_breaker), 0) != sizeof(c->tie_breaker))
        return -EIO;
    /* RFC 8445 section 7.2.2: the one asked comes first. Both fit by their types. */
    (void)snprintf(c->username, sizeof(c->username), "%s:%s", remote->ufrag, local->ufrag);
    *ret_client = STEAL(c);
    return 0;
}

void ice_client_destroy(struct ice_client *c)
{
    free(c);
}

size_t ice_client_request(struct ice_client *c, bool nominate, uint8_t *buffer, size_t capacity)
{
    StunMessage m;
    return stun_usage_ice_conncheck_create(
        &c->agent, &m, buffer, capacity, (const uint8_t *)c->username, strlen(c->username),
        (const uint8_t *)c->remote.password, strlen(c->remote.password), nominate, true,
        /* RFC 8445 section 5.1.2.1 for a host candidate, component 1 */
        126u << 24 | 65535u << 8 | 255u, c->tie_breaker, NULL,
        STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
}

int ice_client_response(struct ice_client *c, const uint8_t *datagram, size_t len,
                        struct address *ret_mapped)
{
    StunMessage m;
    if (stun_agent_validate(&c->agent, &m, datagram, len, NULL, NULL) != STUN_VALIDATION_SUCCESS)
        return -EACCES;
    struct sockaddr_storage mapped;
    socklen_t mapped_len = sizeof(mapped);
    if (stun_usage_ice_conncheck_process(&m, &mapped, &mapped_len,
                                         STUN_USAGE_ICE_COMPATIBILITY_RFC5245) !=
        STUN_USAGE_ICE_RETURN_SUCCESS)
        return -EPROTO;
    return address_from_sockaddr(&mapped, mapped_len, ret_mapped);
}
