/* Our end of the socket to the media core or the recorder: connects again by itself, matches
 * answers to requests, and says when the other side is there, lost or another than before.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_MEDIA_H
#define SIGNALING_MEDIA_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/control.h"
#include "signaling/watch.h"

struct media;

/* What an answer is for: values only, so that whoever asked may be gone by then. */
struct media_ticket {
    int purpose; /* the caller's enum */
    uint64_t hearing;
    uint64_t person;
    uint64_t stream;
    uint64_t page;     /* serial number of the page's connection; 0: none */
    int32_t request;   /* the page's request to answer; 0: none */
    uint8_t direction; /* control_direction */
};

struct media_handlers {
    void *context;
    /* HELLO is exchanged; nothing was sent on this connection yet. */
    void (*connected)(void *context, uint64_t boot_id);
    /* Told before `answered` of each request that is lost with it. */
    void (*lost)(void *context);
    /* `answer` NULL: there will be none (`status` -ENOTCONN or -ETIMEDOUT). Else `status` is the
     * answer's. `fd` is a descriptor that came with it (borrowed), or -1. */
    void (*answered)(void *context, const struct media_ticket *ticket, int status,
                     const struct control_message *answer, int fd);
    void (*told)(void *context, const struct control_message *event);
};

/* `name` is for the log ("sfu"), `path` of its socket, both borrowed for good. `uid` is who may
 * listen there besides root and us; (uid_t)-1: nobody. Connects in media_tick(). */
int media_create(struct watch_set *set, const char *name, const char *path, uid_t uid,
                 const struct media_handlers *handlers, struct media **ret_media);
/* Without a call of any handler. Accepts NULL. */
void media_destroy(struct media *media);
DEFINE_CLEANUP(struct media, media_destroy)

/* To be called every 100 ms or so: connects, times out. */
void media_tick(struct media *media, uint64_t now_us);

bool media_is_connected(const struct media *media);

/* Asks; `message->request` is chosen here. `fd` of -1: none (the caller keeps its own). Exactly one
 * `answered` follows, from the loop and never from within this call, if 0 is returned; -ENOTCONN
 * when the other side is away, -ENOBUFS when LIMIT_MEDIA_REQUESTS wait, -ENOMEM. */
int media_ask(struct media *media, struct control_message *message, int fd,
              const struct media_ticket *ticket);

/* Says without wanting an answer; `fd` as above. -ENOTCONN, -ENOBUFS, -ENOMEM. */
int media_tell(struct media *media, struct control_message *message, int fd);

#endif
