/* One page at the other end of a WebSocket: who it is, where it stands, and what is said to it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_PAGE_H
#define SIGNALING_PAGE_H

#include "common/list.h"
#include "signaling/bucket.h"
#include "signaling/hearing.h"
#include "signaling/message.h"
#include "signaling/reply.h"
#include "signaling/ws.h"

struct court;
struct live;

enum page_state {
    PAGE_SAYS_HELLO,   /* nobody yet */
    PAGE_OUTSIDE,      /* known, without transports: `join` is next */
    PAGE_AWAITS_MEDIA, /* joining: the media core has been asked */
    PAGE_JOINED,       /* has transports */
    PAGE_STATE_COUNT,
};

struct page {
    struct ws_connection *connection;
    struct court *court;
    struct list link;   /* in court->pages */
    uint64_t serial;    /* names it in tickets; never 0, never again */
    uint64_t opened_us; /* monotonic */
    enum page_state state;
    struct live *live;             /* NULL until hello */
    struct hearing_person *person; /* the same */
    uint64_t invitation;           /* it came by */
    uint8_t seats;                 /* asked for by the join under way */
    bool takes_red;                /* said by it */
    struct bucket views;           /* what it says of its screen: LIMIT_VIEW_RATE */
    struct bucket paths;           /* what it says of its path: LIMIT_PATH_RATE */
    bool watches;                  /* everybody's connection: figures.h */
};

/* Sends what `t` holds and empties it. A page that cannot take it is dropped by ws.c. */
void page_send(struct page *page, struct jsontext *t);

/* `id` as in the request; 0: null. */
void page_error(struct page *page, int32_t id, enum message_error error, const char *detail);
void page_ok(struct page *page, int32_t id);

/* The error of a negative errno of hearing.h's or media.h's. */
enum message_error page_error_of(int error);

#endif
